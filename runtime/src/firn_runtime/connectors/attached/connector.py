"""DuckDB and SQLite files: attached to the run's engine, so that rows never pass through Python."""

import os
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from firn_runtime.cancel import current
from firn_runtime.connector import ConnectorBase, ReadContext, Rows, WriteContext, Written
from firn_runtime.connectors.attached.table import AttachedTable, SqliteTable
from firn_runtime.connectors.databases.loads import Loads
from firn_runtime.connectors.databases.write_modes import publish
from firn_runtime.connectors.values.projection import retyped, table_name
from firn_runtime.durable import make_names_durable
from firn_runtime.engine import Places, Relation, Session, select
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import dotted
from firn_runtime.publication import TakenOver
from firn_schemas.connectors import NoOptions
from firn_schemas.connectors.databases import DuckDbConfig, Sqlite3Config, Sqlite3Options
from firn_schemas.steps.data import ReadInputs, WriteInputs
from firn_schemas.visible import os_reason

if TYPE_CHECKING:
    from firn_runtime.probing import Seen, Use

_PAUSE = 0.05

C = TypeVar("C", DuckDbConfig, Sqlite3Config)
P = TypeVar("P", NoOptions, Sqlite3Options)
R = TypeVar("R")


class AttachedFile(ConnectorBase[C, P], Generic[C, P]):
    """A database in one file. It is opened for writing only where a step of the flow writes to it."""

    engine_type: str

    def places(self) -> Places:
        """Return the file."""
        return Places() if self.config.path == ":memory:" else Places(files=(Path(self.config.path),))

    def connect(self) -> None:
        """Refuse a file that is not there, unless a write may make it."""
        path = Path(self.config.path)
        if self.config.path != ":memory:" and not self.written and not os.path.exists(path):
            raise ConnectorError("connection", f"there is no database file `{path.name}`", f"expected at {path}")

    def close(self) -> None:
        """Nothing is held: the engine detaches every file when the run ends."""

    def probe(self, uses: "Sequence[Use]") -> "Iterator[Seen]":
        """Open the file for reading and look for the tables; a file that is missing may be made by a write."""
        from firn_runtime.connectors.attached import probe
        from firn_runtime.probing import Seen

        self.connect()
        if self.config.path == ":memory:":
            yield Seen("connection", "ok", "it is in memory")
            return
        look = {"duckdb": probe.duckdb_tables, "sqlite": probe.sqlite_tables}[self.engine_type]
        yield from probe.probed(Path(self.config.path), look, uses, read_only=self.config.read_only)

    def attached(self, session: Session) -> str:
        """Return the name by which SQL reaches the file."""
        return session.engine.attach(Path(self.config.path), self.engine_type, read_only=not self.written)

    def read(self, inputs: ReadInputs, context: ReadContext) -> Rows:
        """Read a table, or a SELECT over the file's tables."""
        if inputs.sql is not None:
            source = self.relation(inputs.sql, inputs.params, context.session)
        elif inputs.table is not None:
            source = self.source(inputs.table, inputs, context.session)
        else:
            raise ConnectorError("data", "a database is read by `table` or `sql`")
        return Rows(retyped(context.session, source, inputs.columns, inputs.schema))

    def source(self, table: str, inputs: ReadInputs, session: Session) -> Relation:
        """Return the rows of a table, with the columns that are wanted at least."""
        del inputs
        return Relation(f"{self.attached(session)}.{dotted(*table_name(table))}")

    def relation(self, sql: str, params: Any, session: Session) -> Relation:
        """Return a SELECT over the file's tables."""
        return Relation(select(sql), params, self.attached(session))

    def write(self, inputs: WriteInputs, context: WriteContext) -> Written:
        """Write a table in one transaction: readers see it as it was or as it will be."""
        if self.config.read_only:
            raise ConnectorError("auth", "the resource is `read_only`", "the platform decides: ask for a writable one")
        if inputs.table is None:
            raise ConnectorError("data", "a database is written by `table`")
        schema, name = table_name(inputs.table)
        place = (self.attached(context.session), schema, name)
        home = dotted(*place[:2])
        loads = Loads(context.session.execute, home)
        with self.turn(context):
            self._patiently(lambda: self.prepare(context.session, home, loads), context)
            table = self.table(context.session, place, inputs.from_)
            written = self._publish(inputs, table, loads, context)
        self._settle()
        return written

    @contextmanager
    def turn(self, context: WriteContext) -> Iterator[None]:
        """Wait until a write of this run may begin."""
        del context
        yield

    def _settle(self) -> None:
        """Make the folder durable: SQLite commits by removing its journal, DuckDB may have made its log, and neither
        sees to the folder. The database itself is durable by now."""
        if self.config.path != ":memory:":
            try:
                make_names_durable(Path(os.path.realpath(self.config.path)).parent)
            except OSError as error:
                reason = os_reason(error)
                raise ConnectorError("process", f"cannot make the database's folder durable: {reason}") from None

    def _publish(self, inputs: WriteInputs, table: AttachedTable, loads: Loads, context: WriteContext) -> Written:
        with ExitStack() as transaction:
            written = self._patiently(lambda: _claimed(transaction, loads, context), context)
            if written is None:
                columns = context.session.columns(inputs.from_)
                written = publish(table, inputs, columns, table.dialect)
                loads.record(context.publication, written)
                context.still_ours()
        return written

    def _patiently(self, act: Callable[[], R], context: WriteContext) -> R:
        """Do it again while others are at work on the file, up to `patience`: a transaction that failed left nothing.

        SQLite itself does not wait here: the transaction has read the catalog before it writes. Who lost the lease
        does not wait either. Nothing of the dataset has been read by now; a conflict that comes later ends the attempt.
        """
        deadline = time.monotonic() + self.patience
        while True:
            try:
                return act()
            except TakenOver:
                raise
            except ConnectorError as error:
                if error.error_class != "conflict" or time.monotonic() > deadline:
                    raise
            context.still_ours()
            current().wait(_PAUSE)

    @property
    @abstractmethod
    def patience(self) -> float:
        """Seconds to wait for others who work on the file."""

    def prepare(self, session: Session, schema: str, loads: Loads) -> None:
        """Make what a write needs beside its table. Not in the write's transaction: two jobs would be in conflict."""
        del session, schema
        loads.create()

    def table(self, session: Session, place: tuple[str, str, str], dataset: str) -> AttachedTable:
        """Return a table as a write meets it."""
        return AttachedTable(session, place, dataset)


def _claimed(transaction: ExitStack, loads: Loads, context: WriteContext) -> Written | None:
    """Begin a transaction that holds what it needs to write; return what was published before."""
    with ExitStack() as attempt:
        attempt.enter_context(context.session.transaction())
        written = loads.claimed(context.publication)
        transaction.push(attempt.pop_all())
    return written


class DuckDbFile(AttachedFile[DuckDbConfig, NoOptions]):
    """A DuckDB database file."""

    engine_type = "duckdb"
    patience = 5.0

    def prepare(self, session: Session, schema: str, loads: Loads) -> None:
        """Make the schema too, where it is missing."""
        session.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        loads.create()


class Sqlite3File(AttachedFile[Sqlite3Config, Sqlite3Options]):
    """A SQLite database file, through DuckDB's sqlite extension.

    Never through Python's sqlite3: two libraries on one file in one process release each other's locks.
    """

    engine_type = "sqlite"
    extension = "sqlite_scanner"

    def __init__(self, *, config: Sqlite3Config, options: Sqlite3Options) -> None:
        super().__init__(config=config, options=options)
        self._turn = threading.Lock()

    @contextmanager
    def turn(self, context: WriteContext) -> Iterator[None]:
        """One at a time: SQLite has one writer, and whoever only asks again and again may never be it."""
        while not self._turn.acquire(timeout=_PAUSE):
            context.still_ours()
        try:
            yield
        finally:
            self._turn.release()

    @property
    def patience(self) -> float:
        """Return `busy_timeout`."""
        return self.options.busy_timeout

    def attached(self, session: Session) -> str:
        """Return the name by which SQL reaches the file."""
        path, timeout = Path(self.config.path), self.options.busy_timeout
        return session.engine.attach(path, "sqlite", read_only=not self.written, busy_timeout=timeout)

    def source(self, table: str, inputs: ReadInputs, session: Session) -> Relation:
        """Return the rows of a table as SQLite has them."""
        from firn_runtime.connectors.attached import sqlite_reading

        schema, name = table_name(table)
        if schema.lower() != "main":
            raise ConnectorError("data", f"there is no table `{table}`: SQLite has the one schema `main`")
        return sqlite_reading.source(session, self.attached(session), name, inputs.columns, inputs.schema)

    def table(self, session: Session, place: tuple[str, str, str], dataset: str) -> AttachedTable:
        """Return a table as a write meets it."""
        return SqliteTable(session, place, dataset)
