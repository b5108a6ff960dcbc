"""State in a SQLite file: one connection of Python's sqlite3, shared by the threads of a run.

The file is in WAL mode. What must survive a crash of the machine is committed with an fsync, everything else without;
both survive a kill of the process.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from firn_runtime.durable import make_names_durable
from firn_runtime.errors import StateError, StateMissing
from firn_runtime.sqlite_files import untouched
from firn_runtime.state import schema
from firn_runtime.state.database import Now, Transaction, Value
from firn_runtime.state.machine import Clocks
from firn_schemas.visible import os_reason

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds to wait for another process that writes."""

_FAILURES = (sqlite3.Error, UnicodeDecodeError)
"""What the driver raises; the second where SQLite's message quotes a file that is damaged."""

_SMALLEST = 512
"""Bytes of SQLite's smallest page."""
_WITHOUT_WAL = (
    "the file system of the state's file has no shared memory for SQLite's write-ahead log:"
    " every commit waits for the disk, and readers for writers"
)
_WRITABLE = "the file and its folder must be writable: mount a volume there, or set the platform's `state.path`"
_ELSEWHERE = "end that process, or give this run another `state.path`"
_ROOM = "make room, or mount a larger volume at `state.path`"
_LOCAL = "put `state.path` on a local disk"
_REASONS = {
    sqlite3.SQLITE_BUSY: ("another process keeps it locked", _ELSEWHERE),
    sqlite3.SQLITE_LOCKED: ("another process keeps it locked", _ELSEWHERE),
    sqlite3.SQLITE_FULL: ("the disk is full", _ROOM),
    sqlite3.SQLITE_IOERR_SHMSIZE: ("the disk is full", _ROOM),
    sqlite3.SQLITE_IOERR: ("the disk failed to read or write", "look at the volume of `state.path`"),
    sqlite3.SQLITE_READONLY: ("it is read-only", _WRITABLE),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", _WRITABLE),
    sqlite3.SQLITE_PERM: ("it may not be opened", _WRITABLE),
    sqlite3.SQLITE_PROTOCOL: ("its file system does not lock files as SQLite needs", _LOCAL),
    sqlite3.SQLITE_NOLFS: ("its file system cannot hold it", _LOCAL),
    sqlite3.SQLITE_NOMEM: ("there is not enough memory", "give the process more memory"),
}
"""Why the state cannot be kept, by SQLite's result code or its primary one. Every other: the file is damaged."""


class SqliteDatabase:
    """A state file that is open; made where it is missing, unless it is only read."""

    def __init__(
        self,
        path: Path,
        clocks: Clocks,
        boot: str,
        *,
        read_only: bool = False,
        patience: float = PATIENCE,
        file_system: str = "",
    ) -> None:
        """`boot` names this start of the machine; `file_system` is SQLite's name of a way to reach files (its VFS)."""
        self.path = path
        self.warnings: Sequence[str] = ()
        self._clocks, self._boot, self._patience = clocks, boot, patience
        self._mutex = threading.Lock()
        self._logged, self._synchronous = False, ""
        if not read_only:
            _make(path)
        elif _size(path) == 0:
            raise self._missing()
        if 0 < _size(path) < _SMALLEST:  # SQLite would take it for an empty one, and write over it
            raise self.damaged("it is cut off")
        try:
            self._connection = self._opened(file_system, read_only=read_only)
        except _FAILURES as error:
            raise self._translated(error) from None
        try:
            self._prepare(read_only=read_only)
        except BaseException as error:
            self._connection.close()
            if isinstance(error, _FAILURES):
                raise self._translated(error) from None
            raise

    def write(self, work: Callable[[Transaction], T], *, durable: bool, once: bool = False) -> T:
        """Do `work` in one transaction that nobody else writes beside."""
        del once  # there is no connection to lose
        with self._mutex:
            try:
                self._synchronise("FULL" if durable or not self._logged else "NORMAL")
                self._connection.execute("BEGIN IMMEDIATE")
                result = work(self)
                self._connection.execute("COMMIT")
                return result
            except _FAILURES as error:
                raise self._translated(error) from None
            finally:
                if self._connection.in_transaction:
                    with suppress(*_FAILURES):  # what failed before is what counts
                        self._connection.execute("ROLLBACK")

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Do `work`, which only reads."""
        with self._mutex:
            try:
                return work(self)
            except _FAILURES as error:
                raise self._translated(error) from None

    def execute(self, statement: str, values: Sequence[Value] = ()) -> list[Any]:
        """Run one statement and return its rows."""
        return self._connection.execute(_spelled(statement), values).fetchall()

    def now(self) -> Now:
        """Return the time of this machine."""
        return Now(self._clocks.wall(), self._boot, self._clocks.boot())

    def damaged(self, reason: str) -> StateError:
        """Return the error that says that the file is not what was written."""
        name = self.path.name
        help = (
            f"nothing was deleted: move `{name}`, `{name}-wal` and `{name}-shm` away together to begin with a new file;"
            " runs that stand in them cannot be resumed without them"
        )
        return StateError("R403", f"the state in `{self.path}` is damaged: {reason}", help)

    def close(self) -> None:
        """Close the file; the last one to close it folds the log into it."""
        with self._mutex, suppress(*_FAILURES):
            self._connection.close()

    def _opened(self, file_system: str, *, read_only: bool) -> sqlite3.Connection:
        address = untouched(self.path) if read_only else f"{self.path.absolute().as_uri()}?mode=rw"
        return sqlite3.connect(
            address + (f"&vfs={file_system}" if file_system else ""),
            uri=True,
            timeout=self._patience,
            isolation_level=None,
            check_same_thread=False,
        )

    def _prepare(self, *, read_only: bool) -> None:
        """Choose how commits are logged, and bring the tables to what this runtime knows."""
        if read_only:
            self._connection.execute("PRAGMA query_only = ON")
        found = self._version()
        if read_only and found == 0:
            raise self._missing()  # whoever began to make it was killed
        if read_only:
            schema.refuse_older(found)
            return
        self._logged = self._in_wal_mode()
        if found < schema.KNOWN:
            self.write(lambda transaction: schema.migrate(transaction, self._version()), durable=True)
            make_names_durable(self.path.parent)

    def _in_wal_mode(self) -> bool:
        """Return whether commits go to the write-ahead log; otherwise they go through a journal that is truncated."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                mode = self._connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
                break
            except sqlite3.OperationalError as error:  # SQLite does not wait for others that open the file now
                if _code(error) & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(0.01)
        if mode == "wal":
            return True
        self._connection.execute("PRAGMA journal_mode = TRUNCATE")
        self.warnings = (_WITHOUT_WAL,)
        return False

    def _version(self) -> int:
        """Return the schema's version, 0 for an empty file; refuse a later one, and what is not Firn's."""
        tables = [name for (name,) in self.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        if not tables:
            return 0
        if "firn_migrations" not in tables:
            raise self.damaged("it is a database of something else")
        return schema.version(self, self.damaged, "state.path")

    def _missing(self) -> StateMissing:
        help = "a run makes it: look at the folder and `state.path`"
        return StateMissing("R401", f"there is no state at `{self.path}`", help)

    def _synchronise(self, mode: str) -> None:
        if mode != self._synchronous:
            self._connection.execute(f"PRAGMA synchronous = {mode}")
            self._synchronous = mode

    def _translated(self, error: Exception) -> StateError:
        """Return the error that stands for one of SQLite's, whose text may quote what is kept."""
        found = _REASONS.get(_code(error)) or _REASONS.get(_code(error) & 0xFF)
        return _unusable(self.path, *found) if found else self.damaged("SQLite cannot read it")


@cache
def _spelled(statement: str) -> str:
    """Return a statement without what locks rows: a writer has the whole file to itself."""
    return statement.removesuffix(" FOR UPDATE").removesuffix(" FOR SHARE")


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # Python's own, of text that is not Unicode


def _make(path: Path) -> None:
    """Make the file, for its owner alone, and the folders above it that are missing."""
    try:
        missing = [folder for folder in path.absolute().parents if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
            make_names_durable(folder.parent)
        if not path.exists():  # closing a file that SQLite has open would take its locks away
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise _unusable(path, os_reason(error), _WRITABLE) from None
    if not os.access(path, os.W_OK):
        raise _unusable(path, *_REASONS[sqlite3.SQLITE_READONLY])


def _size(path: Path) -> int:
    """Return the file's size, 0 where it is missing."""
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        help = "the file must be readable: run as the user who runs the flow, or name another folder with `--base-dir`"
        raise StateError("R401", f"cannot read the state in `{path}`: {os_reason(error)}", help) from None


def _unusable(path: Path, reason: str, help: str) -> StateError:
    return StateError("R401", f"cannot keep the state in `{path}`: {reason}", help)
