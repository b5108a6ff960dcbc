"""HTTP APIs: `rest`."""

from typing import Literal

from firn_schemas.base import doc, record
from firn_schemas.connectors import Connector
from firn_schemas.credentials import Credentials
from firn_schemas.secret import Secret

OWN_HEADERS = frozenset(
    ["connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"]
)
"""Headers that say whom a request is for, where it ends, or what becomes of its connection: by them the credentials
would go to another host behind the same address. In lower case."""


@record
class RestConfig:
    """An HTTP API that answers JSON."""

    base_url: str = doc(
        "Scheme, host and path prefix of every request.", examples=["https://api.example.com/v1"], endpoint=True
    )
    headers: dict[str, str] = doc("Headers of every request; none of them a credential.", default_factory=dict)
    bearer_token: Secret | None = doc("Sent as `Authorization: Bearer`.", default=None, aliases=["token"])
    basic_user: str | None = doc("User of HTTP basic authentication.", default=None, endpoint=True)
    basic_password: Secret | None = doc("Password of HTTP basic authentication.", default=None)
    api_key: Secret | None = doc("Sent as a header or a query parameter.", default=None)
    api_key_name: str = doc("Name of that header or parameter.", default="X-API-Key", endpoint=True)
    api_key_in: Literal["header", "query"] = doc("Where the key goes.", default="header", endpoint=True)
    credentials: Credentials | None = doc(
        "As whom: mode `static` with `token`, or `user` and `password`; `oauth2`; or `service_account`.", default=None
    )


@record
class RestOptions:
    """How requests are made."""

    timeout: float = doc("Seconds for one request.", default=30, aliases=["timeout_seconds"], minimum=0)
    rate_limit: float | None = doc("Requests per second, at most.", default=None, minimum=0)
    max_concurrency: int = doc(
        "Requests at the same time, at most; more than 1 asks for numbered pages and slices ahead.",
        default=1,
        minimum=1,
        maximum=64,
    )
    max_response_bytes: int = doc("Largest decoded answer.", default=64 * 1024 * 1024, minimum=1)
    allow_private_hosts: bool = doc(
        "Let a name resolve to a private address. A `base_url` that spells such an address out needs no leave.",
        default=False,
        endpoint=True,
    )
    verify: bool = doc("Verify the server's certificate.", default=True, endpoint=True)
    ca_file: str | None = doc(
        "PEM file of the authorities to trust instead of the usual ones.", default=None, local_path=True, endpoint=True
    )


ROWS = {("rest", "httpx"): Connector(config=RestConfig, options=RestOptions, readable=True, places=("path", "request"))}
