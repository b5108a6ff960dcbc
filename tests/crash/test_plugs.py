"""The plug of one server after the other is pulled while a flow uses it: at a byte drawn at random, heard or unheard.

Once for each server, ten times where FIRN_CRASH is set; a case is named by its seed.
"""

import json
import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from crash.small import FIRN
from servers import mysql, postgres, s3, sshd
from servers.answers import Answer, answering
from servers.cable import Cable, cable
from servers.mail import Mailbox, mail_server

CANARY = "canary-4c1e-of-plugs"
ROWS = 5000
BYTES = {"shop": 90_000, "api": 60_000, "lake": 400, "ledger": 400, "partner": 5_000, "mail": 300}
"""Of the servers: about how many each sends. A plug that is pulled later is not missed, and the run succeeds."""
CASES = [(name, seed) for name in BYTES for seed in range(10 if "FIRN_CRASH" in os.environ else 1)]
FLOW = """\
name: plugs
version: "1.0.0"
resources: {shop: {profile: shop}, api: {profile: api}, lake: {profile: lake}, ledger: {profile: ledger},
            partner: {profile: partner}, mail: {profile: mail}}
steps:
  - {id: orders, type: read, inputs: {resource: shop, sql: "select n from orders"}}
  - {id: prices, type: read, inputs: {resource: api, path: /prices, schema: {n: bigint, price: bigint}}}
  - {id: rows, type: sql, inputs: {sql: "select n, price from orders join prices using (n) order by n"}}
  - {id: object, type: write, inputs: {from: rows, resource: lake, path: rows.csv, mode: replace}}
  - {id: table, type: write, inputs: {from: rows, resource: ledger, table: prices, mode: replace}}
  - {id: file, type: write, inputs: {from: rows, resource: partner, path: rows.csv, mode: replace}}
  - {id: told, type: send_mail, inputs: {resource: mail, to: a@example.com, subject: done, text: done}}
"""
PLATFORM = """\
version: "1.0.0"
security: {{mode: internal_fast, secret_mounts: []}}
storage: {{default: {{type: local, root: out}}}}
state: {{backend: sqlite, path: state.db}}
connectors:
  shop:
    type: postgres
    config: {{host: 127.0.0.1, port: {shop}, database: {shop_db}, user: {pg.user}, password: {{secret_ref: shop}}}}
    options: {{statement_timeout: 2, connect_timeout: 2}}
  ledger:
    type: mysql
    config:
      {{host: 127.0.0.1, port: {ledger}, database: {ledger_db}, user: {my.user}, password: {{secret_ref: ledger}}}}
    options: {{statement_timeout: 2, connect_timeout: 2}}
  api:
    type: httpx
    config: {{base_url: "http://127.0.0.1:{api}", bearer_token: {{secret_ref: canary}}}}
    options: {{timeout: 2}}
  lake:
    type: s3
    config:
      bucket: {bucket}
      endpoint: "http://127.0.0.1:{lake}"
      path_style_access: true
      credentials: {{mode: static, access_key_id: {{secret_ref: lake-id}}, secret_access_key: {{secret_ref: canary}}}}
    options: {{timeout: 1}}
  partner:
    type: sftp
    config:
      host: 127.0.0.1
      port: {partner}
      user: {ssh.user}
      password: {{secret_ref: partner}}
      root: {root}
      host_key_fingerprint: "{ssh.fingerprint}"
    options: {{timeout: 2}}
  mail:
    type: smtp
    config: {{host: 127.0.0.1, port: {mail}, from_addr: b@example.com, tls: none}}
    options: {{timeout: 2}}
"""


class Plugs:
    """A project whose servers are each behind a cable."""

    def __init__(self, folder: Path, ends: ExitStack) -> None:
        self.folder, self.box = folder, Mailbox()
        pg, my, lake, ssh = postgres.server(), mysql.server(), s3.moto(), sshd.server()
        self.shop_db, self.ledger_db = postgres.fresh_database(pg), mysql.fresh_database(my)
        self.bucket, self.root, self.lake = lake.bucket(), ssh.root(), lake
        with postgres.connected(pg, self.shop_db) as connection:
            connection.execute(f"create table orders as select n from generate_series(1, {ROWS}) as n")
        prices = json.dumps([{"n": n, "price": 7 * n} for n in range(1, ROWS + 1)]).encode()
        api = ends.enter_context(answering(Answer(200, prices, {"content-type": "application/json"})))
        ports = {
            "shop": pg.port,
            "ledger": my.port,
            "api": api.server_port,
            "lake": int(lake.endpoint.rpartition(":")[2]),
            "partner": ssh.port,
            "mail": ends.enter_context(mail_server(self.box, None, "")),
        }
        self.cables: dict[str, Cable] = {
            name: ends.enter_context(cable("127.0.0.1", port)) for name, port in ports.items()
        }
        named: dict[str, Any] = {name: one.port for name, one in self.cables.items()}
        named |= {"pg": pg, "my": my, "ssh": ssh, "root": self.root, "bucket": self.bucket}
        (folder / "platform.yaml").write_text(PLATFORM.format(**named, shop_db=self.shop_db, ledger_db=self.ledger_db))
        (folder / "flow.yaml").write_text(FLOW)
        self.secrets = {"SHOP": pg.password, "LEDGER": my.password, "PARTNER": ssh.password, "CANARY": CANARY}
        self.firn("compile", "flow.yaml", "-p", "platform.yaml")

    def firn(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end; it tells no secret."""
        environ = os.environ | self.secrets | {"LAKE_ID": self.lake.access_key_id}
        command = [FIRN, *words]
        done = subprocess.run(command, cwd=self.folder, env=environ, capture_output=True, text=True, timeout=120)
        kept = [file.read_bytes() for file in self.folder.rglob("*") if file.is_file()]
        told = [done.stdout.encode(), done.stderr.encode(), *kept]
        assert not any(secret.encode() in one for secret in self.secrets.values() for one in told)
        assert "Traceback" not in done.stdout + done.stderr
        return done

    def published(self) -> dict[str, list[tuple[int, int]]]:
        """Return the rows of whatever readers find, by its name."""
        client = self.lake.client()
        found = client.list_objects_v2(Bucket=self.bucket).get("Contents", ())
        files = {f"object {one['Key']}": client.get_object(Bucket=self.bucket, Key=one["Key"])["Body"] for one in found}
        texts = {name: body.read().decode() for name, body in files.items()}
        visible = [one for one in self.root.rglob("*") if one.is_file() and not one.name.startswith(".")]
        texts |= {f"file {one.relative_to(self.root)}": one.read_text() for one in visible}
        rows = {name: [_row(line) for line in text.splitlines()[1:]] for name, text in texts.items()}
        with mysql.connected(mysql.server(), self.ledger_db) as connection, connection.cursor() as cursor:
            if cursor.execute("show tables like 'prices'"):
                cursor.execute("select n, price from prices order by n")
                rows["table prices"] = [*cursor.fetchall()]
        return rows


def _row(line: str) -> tuple[int, int]:
    n, price = line.split(",")
    return int(n), int(price)


WHOLE = [(n, 7 * n) for n in range(1, ROWS + 1)]


@pytest.fixture
def plugs(tmp_path: Path) -> Iterator[Plugs]:
    with ExitStack() as ends:
        yield Plugs(tmp_path, ends)


@pytest.mark.parametrize(("name", "seed"), CASES, ids=[f"{name}-{seed}" for name, seed in CASES])
def test_a_plug_that_is_pulled_fails_a_step_leaves_nothing_half_done_and_the_run_goes_on(
    plugs: Plugs, name: str, seed: int
) -> None:
    drawn = random.Random(f"{name} {seed}")
    pulled = plugs.cables[name]
    pulled.got, pulled.is_silent = drawn.randrange(BYTES[name]), drawn.random() < 0.5
    first = plugs.firn("run", "--log-format", "json")
    events = [json.loads(line) for line in first.stdout.splitlines()]
    errors = [one["error"]["class"] for one in events if one["event"] == "step.finished" and "error" in one]
    assert (first.returncode, errors) in [(1, ["connection"]), (1, ["timeout"]), (0, [])], first.stdout
    assert all(rows == WHOLE for rows in plugs.published().values())
    pulled.got = None
    last = plugs.firn("run", "--resume", "last", "--repeat-unsafe")
    assert last.returncode == 0, last.stdout + last.stderr
    assert plugs.published() == {"object rows.csv": WHOLE, "file rows.csv": WHOLE, "table prices": WHOLE}
    assert plugs.box.received
