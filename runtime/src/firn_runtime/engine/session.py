"""A job's view of the engine: the datasets it sees by their names, made, streamed and asked."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from firn_runtime.cancel import current
from firn_runtime.engine.errors import is_cut_wrong, translating
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import dotted, identifier, literal
from firn_runtime.json_values import json_value
from firn_schemas.base import Json

if TYPE_CHECKING:
    from firn_runtime.engine.database import Engine

Params = Sequence[Any] | Mapping[str, Any] | None
"""Values bound to a query's placeholders, by position or by name."""

Row = tuple[Any, ...]

CATALOG = "datasets"
"""The database of the run's datasets: each job's are in a schema of its name."""

_LINES = 512
"""Rows that are fetched at a time; of a file's lines each may be long."""


class Relation(NamedTuple):
    """Rows to come: one SELECT that the engine can run, with the values bound to it."""

    sql: str
    params: Params = None
    database: str | None = None
    """The attached database in which its unqualified names resolve; absent: the job's datasets."""
    careful: str | None = None
    """A SELECT of the same rows that is slower, and gets over what `sql` fails at: texts that are cut into rows."""
    unchanged: Callable[[], None] | None = None
    """Raises ConnectorError where what is read is no longer what it was: asked when the rows were read, or were not."""


class Session:
    """A job's view of the engine. One thread uses it at a time."""

    def __init__(
        self, engine: "Engine", cursor: duckdb.DuckDBPyConnection, job: str, upstream: Sequence[str] = ()
    ) -> None:
        self.engine = engine
        self._cursor = cursor
        self._job = job
        self._path = ",".join(dotted(CATALOG, name) for name in (job, *upstream))
        self.streams: dict[str, dict[str, str]] = {}
        """The columns of datasets that are streamed: asking the engine reads the head of the source again."""
        self.unordered: set[str] = set()
        """Datasets whose rows nobody has put in order: those that were read."""
        self._careful: dict[str, str] = {}
        """Streams that can be read more carefully, and how."""
        self._unchanged: list[Callable[[], None]] = []
        """What is asked of the sources of streams that nobody has read yet."""
        self._look_in(None)

    def qualified(self, dataset: str) -> str:
        """Return the full name of the dataset that this job makes."""
        return dotted(CATALOG, self._job, dataset)

    def execute(self, sql: str, params: Params = None) -> list[Row]:
        """Run one of our own statements and return its rows; the text of people goes through `select`.

        Raises Ended where the step shall end; a statement at work is interrupted.
        """
        with translating(), current().interrupting(self._cursor.interrupt):
            result = self._cursor.execute(sql, params) if params else self._cursor.execute(sql)
            return result.fetchall() if result.description else []

    def lines(self, sql: str) -> Iterator[str]:
        """Yield the texts of one column, each a line, some hundred at a time; nothing else is asked in between."""
        with translating(), current().interrupting(self._cursor.interrupt):
            result = self._cursor.execute(sql)
            while rows := result.fetchmany(_LINES):
                yield "".join(f"{text}\n" for (text,) in rows)

    def materialise(self, dataset: str, relation: Relation) -> int:
        """Make the dataset `dataset` of this job, whole or not at all; return the number of its rows."""
        with self._looking_in(relation.database), self.of_sources(relation.unchanged):
            sql = f"create or replace table {self.qualified(dataset)} as select * from ({relation.sql}\n)"
            try:
                return int(self.execute(sql, relation.params)[0][0])
            except ConnectorError as error:
                if relation.careful is None or not is_cut_wrong(error):
                    raise
        return self.materialise(dataset, relation._replace(sql=relation.careful, careful=None))

    @contextmanager
    def of_sources(self, unchanged: Callable[[], None] | None = None) -> Iterator[None]:
        """Read rows to their end, without `unchanged` those of streams; raise ConnectorError where a source changed.

        That is why they cannot be read, whatever is said of it.
        """
        asked = self._unchanged if unchanged is None else [unchanged]
        try:
            yield
        except (ConnectorError, OSError):
            _ask(asked)
            raise
        _ask(asked)
        if unchanged is None:
            asked.clear()

    def refuse_changed(self) -> None:
        """Raise ConnectorError where the source of a stream that nobody has read to its end has changed."""
        _ask(self._unchanged)

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
        self._unchanged += [relation.unchanged] if relation.unchanged is not None else []
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
        with translating():  # also where the step shall end
            self._cursor.execute(f"set search_path = {literal(path)}")


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


def _ask(sources: Sequence[Callable[[], None]]) -> None:
    for unchanged in sources:
        unchanged()
