"""What a preflight sees of a database file; it is opened for reading alone, and left as it is."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from firn_runtime.connectors.values.projection import table_name
from firn_runtime.engine import Engine, Limits, Places
from firn_runtime.errors import ConnectorError
from firn_runtime.folders import refusal
from firn_runtime.identifiers import literal
from firn_runtime.probing import Seen, Use, failed, missing
from firn_runtime.sqlite_files import tables

Tables = frozenset[tuple[str, str]]
"""Schema and name of all that can be read, in lower case."""

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_LISTED = """
    select schema_name, table_name from duckdb_tables() where database_name = {0}
    union all select schema_name, view_name from duckdb_views() where database_name = {0}"""


def probed(path: Path, look: Callable[[Path], Tables], uses: Sequence[Use], *, read_only: bool) -> Iterator[Seen]:
    """Yield what is seen of a file that its connector has found to be there, or to be made."""
    try:
        found = _looked_at(path, look)
    except ConnectorError as error:
        if error.error_class != "conflict":
            raise
        found = None
        yield Seen("connection", "warning", f"another process is at work on `{path}`: it could not be looked into")
    else:
        there = "opens" if os.path.exists(path) else "is not there yet; the first write makes it"
        yield Seen("connection", "ok", f"`{path}` {there}")
    for use in uses:
        if use.access == "write":
            yield _writable(path, use, read_only=read_only)
        elif use.table is not None and found is not None:
            yield _readable(use, uses, found)


def _looked_at(path: Path, look: Callable[[Path], Tables]) -> Tables:
    if not os.path.exists(path):
        return frozenset()
    if not os.access(path, os.R_OK):
        raise ConnectorError("connection", f"`{path}` cannot be read", "look at its modes and owner")
    return look(path)


def _readable(use: Use, uses: Sequence[Use], found: Tables) -> Seen:
    assert use.table is not None  # asked before
    try:
        schema, table = table_name(use.table)
    except ConnectorError as error:
        return failed("read", error)
    if (schema.lower(), table.lower()) in found:
        return Seen("read", "ok", f"the table `{use.table}` is there")
    return missing(use, uses, f"there is no table `{use.table}`", "it is the step's `table`")


def _writable(path: Path, use: Use, *, read_only: bool) -> Seen:
    shown = f"the table `{use.table}`" if use.table is not None else f"`{path}`"
    if read_only:
        help = "the platform decides: ask for a writable one"
        return Seen("write", "failed", f"{shown} cannot be written: the resource is `read_only`", help)
    closed = f"`{path}` is not writable" if os.path.exists(path) and not os.access(path, os.W_OK) else ""
    reason = closed or refusal(path.parent)
    if reason:
        help = "the file and its folder must be writable by this user"
        return Seen("write", "failed", f"{shown} cannot be written: {reason}", help)
    return Seen("write", "ok", f"{shown} can be written")


def duckdb_tables(path: Path) -> Tables:
    """Return what is in a DuckDB file; raise ConnectorError."""
    engine = Engine(Limits(threads=1), Path(":memory:"), [Places(files=(path,))])
    try:
        name = engine.attach(path, "duckdb", read_only=True)
        rows = engine.session("preflight").execute(_LISTED.format(literal(name)))
    finally:
        engine.close()
    return frozenset((str(schema).lower(), str(table).lower()) for schema, table in rows)


def sqlite_tables(path: Path) -> Tables:
    """Return what is in a SQLite file; raise ConnectorError. The engine never opens it in this process."""
    try:
        return frozenset(("main", name.lower()) for name in tables(path))
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY:
            raise ConnectorError("conflict", "another process keeps the database locked") from None
        raise ConnectorError("data", f"`{path}` cannot be read as a SQLite database") from None
