"""The engine: one in-memory DuckDB for each run, closed off from the machine, and each job's own view of it.

The only module that imports duckdb, and only when an Engine is made. What the engine may reach is settled before the
first query and locked: the run's workspace and the places of the run's connectors; no network, no extension but the
needed ones, no variable of the Python process.
"""

import json
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firn_runtime import extensions as extension_files
from firn_runtime.engine_errors import translated
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import dotted, literal, quoted
from firn_runtime.json_values import json_value
from firn_runtime.user_sql import refuse_what_opens_files
from firn_schemas.base import Json, record

if TYPE_CHECKING:
    import duckdb

Params = Sequence[Any] | dict[str, Any] | None
"""Values bound to a query's placeholders, by position or by name."""

Row = tuple[Any, ...]


@record
class Relation:
    """Rows to come: one SELECT that the engine can run, with the values bound to it."""

    sql: str
    params: Params = None
    database: str | None = None
    """The attached database in which its unqualified names resolve; absent: the job's datasets."""
    spool: Path | None = None
    """A scratch file that holds its rows; removed once they were taken."""
    bytes: int | None = None
    """Size of what is read, where it is known."""


@record
class Places:
    """What of the file system the engine must be allowed to reach for a connector."""

    directories: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()


class Engine:
    """One run's database in memory; spills into `workspace`. Sessions of several threads may work at the same time."""

    def __init__(
        self,
        *,
        workspace: Path,
        places: Sequence[Places] = (),
        extensions: Iterable[str] = (),
        threads: int | None = None,
        memory_limit: str | None = None,
    ) -> None:
        import duckdb

        self._error: type[Exception] = duckdb.Error
        self._attached: dict[str, tuple[str, bool]] = {}
        self._lock = threading.Lock()
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        limits = {"threads": threads, "memory_limit": memory_limit}
        with self._translating():
            self._connection = duckdb.connect(
                config={**_CLOSED, "temp_directory": str(workspace / "spill")}
                | {name: str(value) for name, value in limits.items() if value is not None}
            )
            for name in sorted(set(extensions)):
                path = extension_files.path_of(name, duckdb.__version__)
                self._connection.execute(f"load {literal(str(path))}")
            self._close_off([Places(directories=(workspace,)), *places])

    def session(self, job: str, visible: Sequence[str], scratch: Path) -> "Session":
        """Return the view of `job`: its own datasets first, then those of the `visible` jobs, in this order.

        `scratch` is a folder inside the workspace for files that live as long as the session. Close the session.
        """
        with self._translating():
            cursor = self._connection.cursor()
            with self._lock:
                self._cursors.append(cursor)
            for name in (job, *visible):
                cursor.execute(f"create schema if not exists {dotted('memory', name)}")
        return Session(self, cursor, job, tuple(visible), scratch)

    def attach(self, path: str, kind: str, read_only: bool, options: str = "") -> str:
        """Attach a database file of `kind` `duckdb` or `sqlite`, once, and return its alias.

        `:memory:` is a new database for each call. SQLite files opened for reading and for writing are two databases:
        a query that reads can then never write.
        """
        mode = "read_only" if read_only else "read_write"
        key = f"{kind}:{path}" + (f":{mode}" if kind == "sqlite" else "")
        with self._lock:
            alias, alias_read_only = self._attached.get(key, ("", False))
            if alias and alias_read_only and not read_only:
                raise ConnectorError("conflict", "the database is already open for reading only, by another resource")
            if not alias or path == ":memory:":
                alias = f"db{len(self._attached) + 1}"
                target = path if path == ":memory:" else os.path.realpath(path)
                with self._translating():
                    self._connection.execute(f"attach {literal(target)} as {alias} (type {kind}, {mode}{options})")
                self._attached[alias if path == ":memory:" else key] = (alias, read_only)
        return alias

    def close(self) -> None:
        """Let go of every session and attached database; written DuckDB files are checkpointed."""
        with self._lock:
            for cursor in self._cursors:
                cursor.close()
            self._connection.close()

    def _close_off(self, places: Sequence[Places]) -> None:
        directories = [path for place in places for path in place.directories]
        files = [path for place in places for path in place.files]
        for setting, value in (
            ("allowed_directories", _spellings(directories)),
            ("allowed_paths", [path + suffix for path in _spellings(files) for suffix in _COMPANIONS]),
        ):
            self._connection.execute(f"set global {setting} = $value", {"value": value})
        for setting, word in _LOCKED.items():
            self._connection.execute(f"set global {setting} = {word}")

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            raise translated(error) from None
        except (ValueError, OverflowError, TypeError):
            raise ConnectorError("data", "a bound value is of a type that the engine cannot take") from None


class Session:
    """A job's view of the engine. One thread uses it at a time."""

    def __init__(
        self,
        engine: Engine,
        cursor: "duckdb.DuckDBPyConnection",
        job: str,
        visible: tuple[str, ...],
        scratch: Path,
    ) -> None:
        self.scratch = scratch
        self._engine = engine
        self._cursor = cursor
        self._job = job
        self._path = ",".join(f"memory.{quoted(name)}" for name in (job, *visible))
        self._look_in(None)

    def attach(self, path: str, kind: str, read_only: bool, options: str = "") -> str:
        """Attach a database file for all sessions; see Engine.attach."""
        return self._engine.attach(path, kind, read_only, options)

    def qualified(self, name: str) -> str:
        """Return the full name of the dataset that this job makes as `name`."""
        return dotted("memory", self._job, name)

    def execute(self, sql: str, params: Params = None) -> list[Row]:
        """Run one of our own statements and return its rows; the text of people goes through `query`."""
        with self._engine._translating():
            result = self._cursor.execute(sql, params) if params else self._cursor.execute(sql)
            return result.fetchall() if result.description else []

    def query(self, sql: str, params: Params = None, database: str | None = None) -> Relation:
        """Return the relation of a person's query; anything but one SELECT over tables is refused."""
        with self._engine._translating():
            statements = self._cursor.extract_statements(sql)
        if len(statements) != 1 or statements[0].type.name != "SELECT":
            raise ConnectorError("data", "the query must be exactly one SELECT statement")
        text = statements[0].query.strip().rstrip(";")
        tree = json.loads(self.execute("select json_serialize_sql($sql::varchar)", {"sql": text})[0][0])
        if tree.get("error"):
            raise ConnectorError("data", "the query must be exactly one SELECT statement")
        refuse_what_opens_files(tree, self._known())
        return Relation(sql=text, params=params, database=database)

    def materialise(self, name: str, relation: Relation) -> int:
        """Make the dataset `name` of this job, whole or not at all; return the number of its rows."""
        target = self.qualified(name)
        rows = self._within(relation, f"create or replace table {target} as select * from ({relation.sql}\n)")
        return int(rows[0][0])

    def records(self, relation: Relation, max_rows: int) -> list[dict[str, Json]]:
        """Return the rows as JSON values (see firn_runtime.json_values); more than `max_rows` are an error."""
        described = self._describe(relation)
        chosen = ", ".join(_fetchable(name, kind) for name, kind in described.items())
        inner = f"select {chosen} from ({relation.sql}\n) limit {max_rows + 1}"
        rows = self._within(relation, inner)
        if len(rows) > max_rows:
            raise ConnectorError("data", f"the query gives more than {max_rows} rows", "raise `max_rows`, or ask less")
        nested = [kind.endswith(_NESTED) for kind in described.values()]
        return [
            {
                name: json_value(json.loads(value) if is_nested and value is not None else value)
                for name, value, is_nested in zip(described, row, nested, strict=True)
            }
            for row in rows
        ]

    def columns(self, dataset: str) -> dict[str, str]:
        """Return the columns of a dataset that this job sees, with their types, in order."""
        return self._describe(Relation(sql=f"from {quoted(dataset)}"))

    def interrupt(self) -> None:
        """End the statement that runs in another thread, as an error of class `timeout`."""
        self._cursor.interrupt()

    def close(self) -> None:
        """Let go of the session; the datasets stay."""
        self._cursor.close()

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
        try:
            self.execute("rollback")
        except ConnectorError:
            return  # a commit that failed has ended the transaction already

    def _within(self, relation: Relation, sql: str) -> list[Row]:
        self._look_in(relation.database)
        try:
            return self.execute(sql, relation.params)
        finally:
            self._look_in(None)
            if relation.spool is not None:
                relation.spool.unlink(missing_ok=True)

    def _describe(self, relation: Relation) -> dict[str, str]:
        self._look_in(relation.database)
        try:
            rows = self.execute(f"describe select * from ({relation.sql}\n)", relation.params)
        finally:
            self._look_in(None)
        return {str(row[0]): str(row[1]) for row in rows}

    def _look_in(self, database: str | None) -> None:
        path = self._path if database is None else f"{database}.main"
        self.execute(f"set search_path = {literal(path)}")

    def _known(self) -> frozenset[str]:
        sql = "select table_catalog, table_schema, table_name from information_schema.tables"
        names = [tuple(str(part).lower() for part in row) for row in self.execute(sql)]
        return frozenset(".".join(parts[start:]) for parts in names for start in range(3))


def _fetchable(name: str, kind: str) -> str:
    """Return a column as the driver can hand it over without a time zone library, and nested values as JSON."""
    column = quoted(name)
    if kind.endswith(_NESTED):
        return f"to_json({column})::varchar as {column}"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%f+00:00') as {column}"
    return column


def _spellings(paths: Iterable[Path]) -> list[str]:
    """Return the paths as given and as the file system resolves them."""
    return list(dict.fromkeys(spelling for path in paths for spelling in (str(path), os.path.realpath(path))))


_NESTED = (")[]", "]", "JSON")
_CLOSED = {
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "allow_unsigned_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}
_LOCKED = {"TimeZone": "'UTC'", "enable_external_access": "false", "lock_configuration": "true"}
"""Set in this order: the last one ends all setting."""
_COMPANIONS = ("", ".wal", ".wal.checkpoint", ".wal.recovery", ".tmp", "-journal", "-wal", "-shm")
