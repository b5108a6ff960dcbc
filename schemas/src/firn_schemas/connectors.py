"""Connectors as closed schemas: what may be configured, and which fields are sensitive.

`config` says where and as whom, `options` says how. One record each, one row in CONNECTORS for each (kind, driver).
"""

from typing import Literal

from firn_schemas.base import doc, record
from firn_schemas.secret import Secret

Compression = Literal["auto", "none", "gzip", "zstd"]


@record
class NoOptions:
    """A connector without options."""


@record
class LocalFilesConfig:
    """A folder of files."""

    root: str = doc("The folder; nothing outside it is read or written.", examples=["data"], local_path=True)


@record
class LocalFilesOptions:
    """How the files are read and written."""

    compression: Compression = doc("How text files are compressed; `auto` goes by the file's ending.", default="auto")


@record
class DuckDbConfig:
    """A DuckDB database file."""

    path: str = doc("The file, or `:memory:`.", examples=["warehouse.duckdb"], local_path=True)
    read_only: bool = doc("Refuse every write.", default=False)


@record
class Sqlite3Config:
    """A SQLite database file."""

    path: str = doc("The file.", examples=["crm.sqlite"], local_path=True)
    read_only: bool = doc("Refuse every write.", default=False)


@record
class Sqlite3Options:
    """How the file is shared with other processes."""

    busy_timeout: float = doc("Seconds to wait for another process's lock.", default=5, minimum=0)


@record
class RestConfig:
    """An HTTP API that answers JSON."""

    base_url: str = doc("Scheme, host and path prefix of every request.", examples=["https://api.example.com/v1"])
    headers: dict[str, str] = doc("Headers of every request; none of them a credential.", default_factory=dict)
    bearer_token: Secret | None = doc("Sent as `Authorization: Bearer`.", default=None, aliases=["token"])
    basic_user: str | None = doc("User of HTTP basic authentication.", default=None)
    basic_password: Secret | None = doc("Password of HTTP basic authentication.", default=None)
    api_key: Secret | None = doc("Sent as a header or a query parameter.", default=None)
    api_key_name: str = doc("Name of that header or parameter.", default="X-API-Key")
    api_key_in: Literal["header", "query"] = doc("Where the key goes.", default="header")


@record
class RestOptions:
    """How requests are made."""

    timeout: float = doc("Seconds for one request.", default=30, aliases=["timeout_seconds"], minimum=0)
    rate_limit: float | None = doc("Requests per second, at most.", default=None, minimum=0)
    max_response_bytes: int = doc("Largest decoded answer.", default=64 * 1024 * 1024, minimum=1)
    allow_private_hosts: bool = doc(
        "Let a name resolve to a private address. A `base_url` that spells such an address out needs no leave.",
        default=False,
    )
    verify: bool = doc("Verify the server's certificate.", default=True)


@record
class Connector:
    """A row of the table: the schemas of one (kind, driver), and what it can do."""

    config: type
    options: type
    readable: bool = False
    writable: bool = False
    queryable: bool = False


CONNECTORS: dict[tuple[str, str], Connector] = {
    ("db", "duckdb"): Connector(config=DuckDbConfig, options=NoOptions, readable=True, writable=True, queryable=True),
    ("db", "sqlite3"): Connector(
        config=Sqlite3Config, options=Sqlite3Options, readable=True, writable=True, queryable=True
    ),
    ("files", "local"): Connector(config=LocalFilesConfig, options=LocalFilesOptions, readable=True, writable=True),
    ("rest", "httpx"): Connector(config=RestConfig, options=RestOptions, readable=True),
}
"""Every connector, by (kind, driver)."""


@record
class DuckDbProperties:
    """The engine that runs `sql` steps, inside the runtime's own process."""

    threads: int | None = doc("Threads of the engine; absent: one for each core.", default=None, minimum=1)
    memory_limit: str | None = doc("Memory before it spills to disk.", default=None, examples=["2GB"])
    temp_directory: str | None = doc("Where it spills; absent: the workspace.", default=None)


COMPUTE: dict[str, type] = {"duckdb": DuckDbProperties}
"""Every compute type, by name, with its properties."""

STORAGE: dict[str, tuple[str, str]] = {"local": ("files", "local")}
"""Every storage type, with the connector that serves it."""
