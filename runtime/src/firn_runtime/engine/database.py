"""One DuckDB for each run: its limits, the files it attaches, and a session for each job.

Datasets lie in one database file of the run's workspace, each made in one transaction: what is there is whole, also
after the process was killed.
"""

import os
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import duckdb

from firn_runtime.durable import make_names_durable
from firn_runtime.engine.closed import CLOSED, Config, Places, close_off
from firn_runtime.engine.errors import translated, translating
from firn_runtime.engine.session import CATALOG, Session
from firn_runtime.errors import ConnectorError
from firn_runtime.extensions import path_of
from firn_runtime.identifiers import dotted, literal
from firn_schemas.visible import os_reason

_FRESH: Config = {"enable_external_file_cache": "false"}
"""The engine takes a file of the same size, written in the same second, for the one that it has read before."""

_LIMIT = "select parse_formatted_bytes(current_setting('memory_limit')), current_setting('threads')"
_OF_A_THREAD = 60 * 10**6
"""Bytes that a thread needs: row groups that it reads and writes, and buffers of CSV, cannot be spilled."""
_SHARE = 16
_FREED_AT_MOST = 1 << 29
_TURN, _PAUSE = 5.0, 0.01
"""Seconds to wait for another process that makes the same file, and between two looks."""


class Limits(NamedTuple):
    """What the engine may use; absent: one thread for each core, four fifths of the memory, the workspace."""

    threads: int | None = None
    memory_limit: str | None = None
    temp_directory: Path | None = None


class Engine:
    """One run's database. Sessions in several threads may work at the same time.

    `datasets` is the file of the run's datasets; it may be there already. Its folder is the workspace.
    """

    def __init__(
        self, limits: Limits, datasets: Path, places: Sequence[Places] = (), extensions: Iterable[str] = ()
    ) -> None:
        self._attached: dict[tuple[str, str], tuple[str, bool]] = {}
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        self._lock = threading.Lock()
        workspace = datasets.parent
        self.spill = limits.temp_directory or workspace / "spill"
        """A folder within the engine's reach for what shall not be in memory; the engine makes it when it needs it."""
        limited = {"threads": limits.threads, "memory_limit": limits.memory_limit, "temp_directory": self.spill}
        config: Config = {name: str(value) for name, value in limited.items() if value is not None} | _FRESH
        with translating():
            self._connection = duckdb.connect(config=CLOSED | config)
            self._fit()
            for name in sorted(set(extensions)):
                self._connection.execute(f"load {literal(str(path_of(name, duckdb.__version__)))}")
            self._connection.execute(f"attach {literal(str(datasets))} as {CATALOG} (storage_version 'v1.5.0')")
            close_off(self._connection, [Places(directories=(workspace, self.spill)), *places])

    def session(self, job: str, upstream: Sequence[str] = ()) -> Session:
        """Return the view of `job`: its own datasets first, then those of the `upstream` jobs, in this order."""
        with translating():
            cursor = self._connection.cursor()
            for name in (job, *upstream):
                cursor.execute(f"create schema if not exists {dotted(CATALOG, name)}")
        with self._lock:
            self._cursors.append(cursor)
        return Session(self, cursor, job, upstream)

    def attach(self, path: Path, kind: str, *, read_only: bool, busy_timeout: float | None = None) -> str:
        """Attach a database file of `kind` `duckdb` or `sqlite`, once, and return its alias.

        `:memory:` is one database for the whole run. A file that is open for reading cannot be opened for writing.
        """
        place = ":memory:" if str(path) == ":memory:" else os.path.realpath(path)
        with self._lock:
            alias, is_read_only = self._attached.get((kind, place), ("", False))
            if alias and is_read_only and not read_only:
                raise ConnectorError("conflict", "the database is already open for reading only, by another resource")
            if not alias:
                alias = f"db{len(self._attached) + 1}"
                options = [f"type {kind}", "read_only" if read_only and place != ":memory:" else "read_write"]
                options += [f"busy_timeout {int(busy_timeout * 1000)}"] if busy_timeout is not None else []
                if not read_only and place != ":memory:":
                    _make_folder(Path(place).parent)
                with translating():
                    if kind == "duckdb" and not read_only and place != ":memory:":
                        _make(place)
                    self._connection.execute(f"attach {literal(place)} as {alias} ({', '.join(options)})")
                self._attached[kind, place] = alias, read_only
        return alias

    def datasets(self) -> frozenset[tuple[str, str]]:
        """Return (job, dataset) of every dataset that is there."""
        sql = f"select schema_name, table_name from duckdb_tables() where database_name = {literal(CATALOG)}"
        with translating():
            return frozenset((str(job), str(name)) for job, name in self._connection.execute(sql).fetchall())

    def close(self) -> None:
        """Let go of every session and attached database; what was written to DuckDB files is checkpointed."""
        with self._lock:
            for cursor in self._cursors:
                cursor.close()
            self._connection.close()

    def _fit(self) -> None:
        """Take no more threads than the memory is enough for, and let what is freed go back to the system early.

        By itself the engine gives back half a gigabyte at once, which is more than small limits are.
        """
        ((limit, threads),) = self._connection.execute(_LIMIT).fetchall()
        freed = min(int(limit) // _SHARE, _FREED_AT_MOST)
        self._connection.execute(f"set global allocator_bulk_deallocation_flush_threshold = '{freed} bytes'")
        if (enough := max(1, int(limit) // _OF_A_THREAD)) < int(threads):
            self._connection.execute(f"set global threads = {enough}")


def _make_folder(folder: Path) -> None:
    """Make the folder of a database file, and those above it, where they are missing; they outlive a loss of power."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        reason = os_reason(error)
        raise ConnectorError("connection", f"cannot make the folder `{folder}`: {reason}") from None
    make_names_durable(folder.parent)


def _make(place: str) -> None:
    """Make a database file where there is none, whole or not at all: one that was cut off can never be opened.

    Whoever makes it has the engine's own lock on it until it has its name: the file of a second process would take the
    place of the first one's, which has rows by then.
    """
    fresh, deadline, left = f"{place}.new", time.monotonic() + _TURN, True
    while not os.path.exists(place):
        try:
            # without its name it is the other's that was waited for, which has its own by now
            with duckdb.connect(fresh, config=CLOSED | {"threads": "1"}), suppress(FileNotFoundError):
                if os.path.exists(place):
                    os.unlink(fresh)
                else:
                    os.rename(fresh, place)
                    make_names_durable(Path(place).parent)
        except duckdb.IOException as error:
            if translated(error).error_class == "conflict":
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)
            elif left:  # by one that was killed
                left = False
                with suppress(FileNotFoundError):
                    os.unlink(fresh)
            else:
                raise
