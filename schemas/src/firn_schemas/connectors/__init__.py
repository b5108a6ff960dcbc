"""Connectors as closed schemas: what may be configured, and which fields are sensitive.

`config` says where and as whom, `options` says how: one record each, and one row for each (kind, driver). The rows of a
kind are in a module of their own, which is read when the kind is first asked for: a run pays for what it uses.
"""

from importlib import import_module

from firn_schemas.base import doc, record


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
    files: bool = doc("File steps can list, fetch and delete in it.", default=False)
    dialect: str = doc("The SQL it is asked in; empty: the compute's.", default="")
    plugin: str = doc("The plug-in that brings it; empty: none.", default="")


MODULES = {
    "archive": "archive",
    "catalog": "catalog",
    "db": "databases",
    "files": "files",
    "mail": "mail",
    "process": "process",
    "rest": "rest",
    "s3": "files",
    "sftp": "files",
    "smb": "files",
}
"""Every kind, with the module of its rows."""


def connector(kind: str, driver: str) -> Connector | None:
    """Return the row of (kind, driver), or None."""
    if kind not in MODULES:
        return None
    rows: dict[tuple[str, str], Connector] = import_module(f"{__name__}.{MODULES[kind]}").ROWS
    return rows.get((kind, driver))
