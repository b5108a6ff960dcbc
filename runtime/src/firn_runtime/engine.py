"""The engine: one DuckDB for each run, closed off from the machine, and each job's own view of it.

Datasets lie in one database file of the run's workspace, each made in one transaction: what is there is whole, also
after the process was killed. What the engine may reach is settled before the first query and locked: the workspace and
the places of the run's connectors; no network, no extension but the needed ones, no variable of the Python process.
The only module that imports duckdb.
"""

import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from firn_runtime.cancel import current
from firn_runtime.durable import make_names_durable
from firn_runtime.engine_errors import is_cut_wrong, translated
from firn_runtime.errors import ConnectorError
from firn_runtime.extensions import path_of
from firn_runtime.identifiers import dotted, identifier, literal
from firn_runtime.json_values import json_value
from firn_runtime.user_sql import refuse_what_opens_files
from firn_schemas.base import Json
from firn_schemas.visible import os_reason

__all__ = ["Engine", "Limits", "Params", "Places", "Relation", "Session", "identifier", "literal", "select"]

Params = Sequence[Any] | Mapping[str, Any] | None
"""Values bound to a query's placeholders, by position or by name."""

Row = tuple[Any, ...]

_Config = dict[str, str | bool | int | float | list[str]]

_CLOSED: _Config = {
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "allow_unsigned_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}
_FRESH: _Config = {"enable_external_file_cache": "false"}
"""The engine takes a file of the same size, written in the same second, for the one that it has read before."""
_FINAL = {"TimeZone": "'UTC'", "enable_external_access": "false", "lock_configuration": "true"}
"""Set in this order: the last one ends all setting."""

_LIMIT = "select parse_formatted_bytes(current_setting('memory_limit')), current_setting('threads')"
_OF_A_THREAD = 60 * 10**6
"""Bytes that a thread needs: row groups that it reads and writes, and buffers of CSV, cannot be spilled."""
_SHARE = 16
_FREED_AT_MOST = 1 << 29

_LINES = 512
"""Rows that are fetched at a time; of a file's lines each may be long."""

_CATALOG = "datasets"

_COMPANIONS = ("", ".wal", ".wal.checkpoint", ".wal.recovery", "-journal", "-wal", "-shm")
"""Endings of the files that a database keeps beside its own."""


class Relation(NamedTuple):
    """Rows to come: one SELECT that the engine can run, with the values bound to it."""

    sql: str
    params: Params = None
    database: str | None = None
    """The attached database in which its unqualified names resolve; absent: the job's datasets."""
    careful: str | None = None
    """A SELECT of the same rows that is slower, and gets over what `sql` fails at: texts that are cut into rows."""


class Places(NamedTuple):
    """What of the file system the engine must be allowed to reach for a connector."""

    directories: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()


class Limits(NamedTuple):
    """What the engine may use; absent: one thread for each core, four fifths of the memory, the workspace."""

    threads: int | None = None
    memory_limit: str | None = None
    temp_directory: Path | None = None


def select(sql: str) -> str:
    """Return a person's query as a subquery; raise ConnectorError for anything but one SELECT over tables."""
    with _translating(), _parser().cursor() as parser:
        statements = parser.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise ConnectorError("data", "the query must be exactly one SELECT statement")
        text = _without_semicolon(sql)
        rows = parser.execute("select json_serialize_sql($sql::varchar)", {"sql": text}).fetchall()
    tree = json.loads(rows[0][0])
    if tree.get("error") or len(tree["statements"]) != 1:
        raise ConnectorError("data", "the query must be exactly one SELECT statement")
    refuse_what_opens_files(tree)
    return f"({text}\n)"


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """Return an empty database that can reach nothing: it reads queries, and runs none."""
    return duckdb.connect(config=_CLOSED | {"enable_external_access": "false", "threads": "1"})


def _without_semicolon(sql: str) -> str:
    """Return one statement without what ends it; a semicolon within texts, names and comments is none of these."""
    encoded = sql.encode()
    ends = [at for at, _ in duckdb.tokenize(sql) if encoded[at : at + 1] == b";"]
    return encoded[: ends[0] if ends else None].decode()


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
        config: _Config = {name: str(value) for name, value in limited.items() if value is not None} | _FRESH
        with _translating():
            self._connection = duckdb.connect(config=_CLOSED | config)
            self._fit()
            for name in sorted(set(extensions)):
                self._connection.execute(f"load {literal(str(path_of(name, duckdb.__version__)))}")
            self._connection.execute(f"attach {literal(str(datasets))} as {_CATALOG} (storage_version 'v1.5.0')")
            self._close_off([Places(directories=(workspace, self.spill)), *places])

    def session(self, job: str, upstream: Sequence[str] = ()) -> "Session":
        """Return the view of `job`: its own datasets first, then those of the `upstream` jobs, in this order."""
        with _translating():
            cursor = self._connection.cursor()
            for name in (job, *upstream):
                cursor.execute(f"create schema if not exists {dotted(_CATALOG, name)}")
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
                with _translating():
                    if kind == "duckdb" and not read_only and place != ":memory:":
                        _make(place)
                    self._connection.execute(f"attach {literal(place)} as {alias} ({', '.join(options)})")
                self._attached[kind, place] = alias, read_only
        return alias

    def datasets(self) -> frozenset[tuple[str, str]]:
        """Return (job, dataset) of every dataset that is there."""
        sql = f"select schema_name, table_name from duckdb_tables() where database_name = {literal(_CATALOG)}"
        with _translating():
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

    def _close_off(self, places: Sequence[Places]) -> None:
        files = _spellings(path for place in places for path in place.files)
        reachable = {
            "allowed_directories": _spellings(path for place in places for path in place.directories),
            "allowed_paths": [path + ending for path in files for ending in _COMPANIONS],
        }
        for setting, paths in reachable.items():
            self._connection.execute(f"set global {setting} = $paths", {"paths": paths})
        for setting, word in _FINAL.items():
            self._connection.execute(f"set global {setting} = {word}")


class Session:
    """A job's view of the engine. One thread uses it at a time."""

    def __init__(
        self, engine: Engine, cursor: duckdb.DuckDBPyConnection, job: str, upstream: Sequence[str] = ()
    ) -> None:
        self.engine = engine
        self._cursor = cursor
        self._job = job
        self._path = ",".join(dotted(_CATALOG, name) for name in (job, *upstream))
        self.streams: dict[str, dict[str, str]] = {}
        """The columns of datasets that are streamed: asking the engine reads the head of the source again."""
        self.unordered: set[str] = set()
        """Datasets whose rows nobody has put in order: those that were read."""
        self._careful: dict[str, str] = {}
        """Streams that can be read more carefully, and how."""
        self._look_in(None)

    def qualified(self, dataset: str) -> str:
        """Return the full name of the dataset that this job makes."""
        return dotted(_CATALOG, self._job, dataset)

    def execute(self, sql: str, params: Params = None) -> list[Row]:
        """Run one of our own statements and return its rows; the text of people goes through `select`.

        Raises Ended where the step shall end; a statement at work is interrupted.
        """
        with _translating(), current().interrupting(self._cursor.interrupt):
            result = self._cursor.execute(sql, params) if params else self._cursor.execute(sql)
            return result.fetchall() if result.description else []

    def lines(self, sql: str) -> Iterator[str]:
        """Yield the texts of one column, each a line, some hundred at a time; nothing else is asked in between."""
        with _translating(), current().interrupting(self._cursor.interrupt):
            result = self._cursor.execute(sql)
            while rows := result.fetchmany(_LINES):
                yield "".join(f"{text}\n" for (text,) in rows)

    def materialise(self, dataset: str, relation: Relation) -> int:
        """Make the dataset `dataset` of this job, whole or not at all; return the number of its rows."""
        with self._looking_in(relation.database):
            sql = f"create or replace table {self.qualified(dataset)} as select * from ({relation.sql}\n)"
            try:
                return int(self.execute(sql, relation.params)[0][0])
            except ConnectorError as error:
                if relation.careful is None or not is_cut_wrong(error):
                    raise
        return self.materialise(dataset, relation._replace(sql=relation.careful, careful=None))

    def stream(self, dataset: str, relation: Relation) -> None:
        """Let the dataset be read by its name, as often as it is asked for: no row is read now, and none is kept.

        A relation with bound values, or whose names are those of another database, has to be materialised.
        """
        assert not relation.params
        assert relation.database is None
        try:
            self._view(dataset, relation.sql)
        except ConnectorError as error:
            if relation.careful is None or not is_cut_wrong(error):
                raise
            self._view(dataset, relation.careful)
            relation = relation._replace(careful=None)
        self._careful |= {dataset: relation.careful} if relation.careful else {}
        self.streams[dataset] = self.described(Relation(f"from {identifier(dataset)}"))

    def read_carefully(self, error: ConnectorError) -> bool:
        """Say whether what failed is worth doing again: streams that may be why are read carefully from now on."""
        if not self._careful or not is_cut_wrong(error):
            return False
        for dataset, sql in self._careful.items():
            self._view(dataset, sql)
        self._careful.clear()
        return True

    def _view(self, dataset: str, sql: str) -> None:
        self.execute(f"create or replace temp view {identifier(dataset)} as select * from ({sql}\n)")

    def records(self, relation: Relation, max_rows: int) -> list[dict[str, Json]]:
        """Return the rows as JSON values (see firn_runtime.json_values); more than `max_rows` are an error."""
        described = self.described(relation)
        chosen = ", ".join(_fetchable(name, kind) for name, kind in described.items())
        with self._looking_in(relation.database):
            rows = self.execute(f"select {chosen} from ({relation.sql}\n) limit {max_rows + 1}", relation.params)
        if len(rows) > max_rows:
            raise ConnectorError("data", f"the query gives more than {max_rows} rows", "raise `max_rows`, or ask less")
        return [
            {
                name: json_value(json.loads(value) if _is_nested(kind) and value is not None else value)
                for (name, kind), value in zip(described.items(), row, strict=True)
            }
            for row in rows
        ]

    def columns(self, dataset: str) -> dict[str, str]:
        """Return the columns of a dataset that this job sees, with their types, in order."""
        return self.streams.get(dataset) or self.described(Relation(f"from {identifier(dataset)}"))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block did, or undo all of it."""
        self.execute("begin")
        try:
            yield
            self.execute("commit")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        """Undo it also where the step shall end: the next attempt begins a transaction of its own."""
        with suppress(duckdb.Error):  # a commit that failed has ended the transaction already
            self._cursor.execute("rollback")

    def described(self, relation: Relation) -> dict[str, str]:
        """Return the columns of rows to come, with their types, in order."""
        with self._looking_in(relation.database):
            rows = self.execute(f"describe select * from ({relation.sql}\n)", relation.params)
        return {str(row[0]): str(row[1]) for row in rows}

    @contextmanager
    def _looking_in(self, database: str | None) -> Iterator[None]:
        if database is None:
            yield
            return
        self._look_in(database)
        try:
            yield
        finally:
            self._look_in(None)

    def _look_in(self, database: str | None) -> None:
        path = self._path if database is None else dotted(database, "main")
        with _translating():  # also where the step shall end
            self._cursor.execute(f"set search_path = {literal(path)}")


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
    """Make a database file where there is none, whole or not at all: one that was cut off can never be opened."""
    if os.path.exists(place):
        return
    fresh = f"{place}.new"
    with suppress(FileNotFoundError):
        os.unlink(fresh)
    duckdb.connect(fresh, config=_CLOSED | {"threads": "1"}).close()
    with suppress(FileNotFoundError):  # another process has made it just now
        os.rename(fresh, place)
    make_names_durable(Path(place).parent)


def _fetchable(name: str, kind: str) -> str:
    """Return a column as the driver can hand it over without a time zone library, infinity as NULL, and nested values
    as JSON."""
    column = identifier(name)
    if _is_nested(kind):
        return f"to_json({column})::varchar as {column}"
    if kind in _ENDLESS:
        return f"if(isfinite({column}), {_ENDLESS[kind].format(column)}, null) as {column}"
    return f"{column}::varchar as {column}" if kind == "TIME_NS" else column


_ENDLESS = {
    "DATE": "{0}",
    "TIMESTAMP": "{0}",
    "TIMESTAMP_MS": "{0}",
    "TIMESTAMP_NS": "strftime({0}, '%Y-%m-%dT%H:%M:%S.%n')",
    "TIMESTAMP_S": "{0}",
    "TIMESTAMP WITH TIME ZONE": "strftime({0}, '%Y-%m-%dT%H:%M:%S.%f+00:00')",
}
"""By the type: how the driver gets a day that has an end. It has neither infinity nor nanoseconds."""


def _is_nested(kind: str) -> bool:
    return kind.startswith(("STRUCT", "MAP", "UNION", "JSON")) or kind.endswith("]")


def _spellings(paths: Iterable[Path]) -> list[str]:
    """Return the paths as given and as the file system resolves them."""
    return list(dict.fromkeys(spelling for path in paths for spelling in (str(path), os.path.realpath(path))))


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise translated(error) from None
    except UnicodeDecodeError as error:  # what the engine says quotes data that is no text
        raise translated(duckdb.Error(error.object.decode(errors="replace"))) from None
    except (OverflowError, TypeError, ValueError):
        raise ConnectorError("data", "a bound value is of a type that the engine cannot take") from None
