"""Connectors as closed schemas: what may be configured, and which fields are sensitive.

`config` says where and as whom, `options` says how: one record each, and one row for each (kind, driver). The rows of a
kind are in a module of their own, which is read when the kind is first asked for: a run pays for what it uses.
"""

from firn_schemas.base import doc, record
from firn_schemas.origin import Origin
from firn_schemas.table import Table


@record
class NoOptions:
    """A connector without options."""


@record
class Connector:
    """A row of the table: the schemas of one (kind, driver), and what it can do."""

    config: type = doc("Record of the settings that say where and as whom.")
    options: type = doc("Record of the settings that say how.", default=NoOptions)
    readable: bool = doc("`read` steps can read from it.", default=False)
    writable: bool = doc("`write` steps can write to it.", default=False)
    queryable: bool = doc("`query` steps can ask it.", default=False)
    modes: tuple[str, ...] = doc(
        "Modes of the `write` steps that it does.", default=("replace", "append", "upsert", "insert_overwrite")
    )
    files: bool = doc("File steps can list, fetch and delete in it.", default=False)
    places: tuple[str, ...] = doc("Inputs that say what in it is read or written; empty: any.", default=())
    dialect: str = doc("The SQL it is asked in; empty: the compute's.", default="")
    exactly_one: tuple[str, ...] = doc("Settings of `config` of which exactly one is given.", default=())
    plugin: Origin | None = doc("The plug-in that brings it.", default=None)


CONNECTORS: Table[tuple[str, str], Connector] = Table(
    __name__,
    {
        ("archive", "pyzipper"): "archive",
        ("archive", "tarfile"): "archive",
        ("archive", "zipfile"): "archive",
        ("catalog", "iceberg_rest"): "catalog",
        ("db", "duckdb"): "databases",
        ("db", "mysql"): "databases",
        ("db", "postgres"): "databases",
        ("db", "sqlite3"): "databases",
        ("files", "local"): "files",
        ("files", "workspace"): "files",
        ("mail", "smtp"): "mail",
        ("process", "local"): "process",
        ("rest", "httpx"): "rest",
        ("s3", "s3"): "files",
        ("sftp", "asyncssh"): "files",
        ("smb", "smbprotocol"): "files",
    },
)
"""Every connector, by (kind, driver)."""

WORKSPACE = ("files", "workspace")
"""The run's own folder of files: every flow has it by the name of this driver, and nobody declares it."""

STORAGE: dict[str, tuple[str, str]] = {"local": ("files", "local"), "s3": ("s3", "s3")}
"""Every storage type, with the connector that serves it."""

CATALOGS: dict[str, tuple[str, str]] = {
    "iceberg_rest": ("catalog", "iceberg_rest"),
    "polaris": ("catalog", "iceberg_rest"),
}
"""Every catalog type, with the connector that serves it."""
