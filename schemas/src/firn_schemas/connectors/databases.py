"""Databases: `db`."""

from typing import Literal

from firn_schemas.base import doc, record
from firn_schemas.connectors import Connector, NoOptions
from firn_schemas.form import HOST, SOCKET_OR_HOST
from firn_schemas.secret import Secret

SslMode = Literal["disable", "require", "verify-ca", "verify-full"]


@record
class DuckDbConfig:
    """A DuckDB database file."""

    path: str = doc(
        "The file, or `:memory:`.",
        default=":memory:",
        aliases=["database"],
        examples=["warehouse.duckdb"],
        local_path=True,
        endpoint=True,
    )
    read_only: bool = doc("Refuse every write.", default=False)


@record
class Sqlite3Config:
    """A SQLite database file."""

    path: str = doc("The file.", aliases=["database"], examples=["crm.sqlite"], local_path=True, endpoint=True)
    read_only: bool = doc("Refuse every write.", default=False)


@record
class Sqlite3Options:
    """How the file is shared with other processes."""

    busy_timeout: float = doc("Seconds to wait for another process's lock.", default=5, minimum=0)


@record
class PostgresConfig:
    """A PostgreSQL database."""

    host: str = doc("Host name or address.", examples=["db.example.com"], endpoint=True, form=SOCKET_OR_HOST)
    port: int = doc("TCP port.", default=5432, minimum=1, maximum=65535, endpoint=True)
    database: str = doc("The database.", aliases=["dbname"])
    user: str = doc("As whom to connect.", aliases=["username"], endpoint=True)
    password: Secret | None = doc("The user's password.", default=None)
    schema: str | None = doc("Schema of names that have none; absent: the server's search path.", default=None)


@record
class PostgresOptions:
    """How to connect, and how long to wait."""

    sslmode: SslMode | None = doc(
        "TLS, in libpq's words; absent: `verify-full`, and `disable` on loopback.", default=None, endpoint=True
    )
    sslrootcert: str | None = doc(
        "File of the authorities to trust; absent: the system's.", default=None, local_path=True, endpoint=True
    )
    connect_timeout: float = doc("Seconds to connect.", default=10, minimum=0)
    statement_timeout: float | None = doc("Seconds for one statement; absent: no limit.", default=None, minimum=0)
    application_name: str = doc("How the server's views name the connection.", default="firn")


@record
class MySqlConfig:
    """A MySQL or MariaDB database."""

    host: str = doc("Host name or address.", examples=["db.example.com"], endpoint=True, form=HOST)
    port: int = doc("TCP port.", default=3306, minimum=1, maximum=65535, endpoint=True)
    database: str = doc("The database.", aliases=["dbname"])
    user: str = doc("As whom to connect.", aliases=["username"], endpoint=True)
    password: Secret | None = doc("The user's password.", default=None)


@record
class MySqlOptions:
    """How to connect, and how long to wait."""

    ssl_mode: Literal["disabled", "required", "verify_ca", "verify_identity"] | None = doc(
        "TLS, in the client's words; absent: `verify_identity`, and `disabled` on loopback.",
        default=None,
        endpoint=True,
    )
    ssl_ca: str | None = doc(
        "File of the authorities to trust; absent: the system's.", default=None, local_path=True, endpoint=True
    )
    connect_timeout: float = doc("Seconds to connect.", default=10, minimum=0)
    statement_timeout: float | None = doc("Seconds for one statement; absent: no limit.", default=None, minimum=0)


ROWS = {
    ("db", driver): Connector(
        config=config,
        options=options,
        readable=True,
        writable=True,
        queryable=True,
        places=("table", "sql"),
        dialect=dialect,
    )
    for driver, config, options, dialect in (
        ("duckdb", DuckDbConfig, NoOptions, ""),
        ("mysql", MySqlConfig, MySqlOptions, "mysql"),
        ("postgres", PostgresConfig, PostgresOptions, "postgres"),
        ("sqlite3", Sqlite3Config, Sqlite3Options, ""),
    )
}
