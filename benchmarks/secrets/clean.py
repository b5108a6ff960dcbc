"""A megabyte of YAML without a secret, to time a scan: digests, URLs, prose, SQL and references in a large flow."""

from collections.abc import Iterator
from random import Random

from values import fill

SIZE = 1_000_000
HEAD = """\
name: clean
version: "1.0.0"
owner: data-eng
resources:
  crm: {profile: crm}
  rates: {kind: rest, driver: httpx, config: {base_url: "https://rates.example.com", bearer_token: {secret_ref: rates}}}
steps:
"""
STEPS = (
    """\
  - id: read_@
    type: read
    inputs: {resource: crm, table: orders_@, columns: [id, customer_id, amount, token_count, password_hash]}
    retry: {max_attempts: 3, backoff: 2, on: [connection, timeout]}
""",
    """\
  # one row per customer; the key is the customer's, not a credential
  - id: sql_@
    type: sql
    inputs:
      sql: |
        select customer_id, sum(amount) as revenue, md5(email) as email_md5
        from orders_@ join customers using (customer_id)
        where order_hash <> '{hex:64}' and created_at >= timestamp '2024-01-01 00:00:00'
        group by all order by revenue desc
""",
    """\
  - id: api_@
    type: read
    inputs:
      resource: rates
      request:
        path: /v2/{word}/orders
        headers: {Accept: application/json, X-Request-Id: "{{ run.id }}"}
        params: {since: "2024-01-01T00:00:00Z", page: 1, sort: -created_at, primary_key: order_id}
        records: data.items
      schema: {order_id: bigint, key: text, sha256: text}
""",
    """\
  - id: run_@
    type: run_process
    inputs:
      resource: tools
      command: [docker, run, --rm, "registry.acme.example/{word}@sha256:{hex:64}", --ref, "{hex:40}"]
      env: {TOKEN_FILE: /var/run/secrets/crm/token, SCHEMA: "https://example.com/schemas/{hex:40}/orders.json"}
""",
    """\
  - id: write_@
    description: >-
      Passwords are references; the {word} token is counted, and the {word} key is the position of the {word} in
      the {word}. Questions about the {word} go to {user}@acme.example.
    type: write
    inputs: {from: sql_@, resource: storage, path: "marts/{word}/{uuid}.parquet", mode: replace}
""",
)


def _steps() -> Iterator[str]:
    random = Random("firn-clean-1")
    for number in range(SIZE):
        yield (
            fill(STEPS[number % len(STEPS)], random)
            .replace("@", str(number), 1)
            .replace("orders_@", f"orders_{number}")
        )


def clean(size: int = SIZE) -> str:
    """Return a flow of whole steps of at least `size` characters."""
    parts, length = [HEAD], len(HEAD)
    for step in _steps():
        parts.append(step)
        length += len(step)
        if length >= size:
            break
    return "".join(parts)
