"""How a SQLite file is looked at so that it, its log and its folder stay as they are."""

import os
import sqlite3
from pathlib import Path

_WAL = b"\2\2"
"""Bytes 18 and 19 of a file whose commits go to a write-ahead log; see SQLite's file format, 1.3."""


def untouched(path: Path) -> str:
    """Return the address by which SQLite only looks at a file.

    A reader makes log and index where a file in WAL mode has none, and leaves them; such a file has been closed by
    all, so it may be taken as one that nobody changes. Where there is a log, a reader uses it, and never folds it in.
    """
    closed = _in_wal_mode(path) and not os.path.exists(f"{path}-wal")
    return path.absolute().as_uri() + ("?immutable=1" if closed else "?mode=ro")


def tables(path: Path) -> frozenset[str]:
    """Return the names of a database's tables and views; raise sqlite3.Error."""
    connection = sqlite3.connect(untouched(path), uri=True, timeout=0)
    try:
        found = connection.execute("select name from sqlite_master where type in ('table', 'view')").fetchall()
    finally:
        connection.close()
    return frozenset(name for (name,) in found)


def _in_wal_mode(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(20)[18:] == _WAL
    except OSError:
        return False
