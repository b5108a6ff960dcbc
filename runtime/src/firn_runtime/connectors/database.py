"""DuckDB and SQLite files: attached to the run's engine, so that rows never pass through Python."""

import time
from abc import abstractmethod
from pathlib import Path
from typing import Any, Generic, TypeVar

from firn_runtime.connector import ConnectorBase, Rows, Written
from firn_runtime.connectors.projection import projected, table_name
from firn_runtime.connectors.sqlite_types import sqlite_rows
from firn_runtime.engine import Places, Relation, Session, identifier, select
from firn_runtime.errors import ConnectorError
from firn_runtime.publication import Publication
from firn_schemas.connectors import NoOptions
from firn_schemas.connectors.databases import DuckDbConfig, Sqlite3Config, Sqlite3Options
from firn_schemas.steps.data import ReadInputs, WriteInputs

_PAUSE = 0.05

C = TypeVar("C", DuckDbConfig, Sqlite3Config)
P = TypeVar("P", NoOptions, Sqlite3Options)


class AttachedFile(ConnectorBase[C, P], Generic[C, P]):
    """A database in one file. It is opened for writing only where a step of the flow writes to it."""

    engine_type: str

    def places(self) -> Places:
        """Return the file."""
        return Places() if self.config.path == ":memory:" else Places(files=(Path(self.config.path),))

    def connect(self) -> None:
        """Refuse a file that is not there, unless a write may make it."""
        path = Path(self.config.path)
        if self.config.path != ":memory:" and not self.written and not path.exists():
            raise ConnectorError("connection", f"there is no database file `{path.name}`", f"expected at {path}")

    def close(self) -> None:
        """Nothing is held: the engine detaches every file when the run ends."""

    def attached(self, session: Session) -> str:
        """Return the name by which SQL reaches the file."""
        return session.engine.attach(Path(self.config.path), self.engine_type, read_only=not self.written)

    def read(self, inputs: ReadInputs, session: Session, scratch: Path) -> Rows:
        """Read a table, or a SELECT over the file's tables."""
        del scratch
        name = self.attached(session)
        if inputs.sql is not None:
            source = select(inputs.sql)
        elif inputs.table is not None:
            schema, table = table_name(inputs.table)
            source = f"{name}.{identifier(schema)}.{identifier(table)}"
        else:
            raise ConnectorError("data", "a database is read by `table` or `sql`")
        return Rows(Relation(projected(source, inputs.columns, inputs.schema), inputs.params, name))

    def relation(self, sql: str, params: Any, session: Session) -> Relation:
        """Return a SELECT over the file's tables."""
        return Relation(select(sql), params, self.attached(session))

    def write(self, inputs: WriteInputs, session: Session, publication: Publication) -> Written:
        """Replace a table in one transaction: readers see the old rows or the new."""
        del publication
        if self.config.read_only:
            raise ConnectorError("auth", "the resource is `read_only`", "the platform decides: ask for a writable one")
        if inputs.table is None:
            raise ConnectorError("data", "a database is written by `table`")
        name = self.attached(session)
        schema, table = table_name(inputs.table)
        target = f"{name}.{identifier(schema)}.{identifier(table)}"
        return Written(self.replace(session, inputs.from_, f"{name}.{identifier(schema)}", target))

    @abstractmethod
    def replace(self, session: Session, dataset: str, schema: str, target: str) -> int:
        """Replace `target` in one transaction and return the number of rows."""


class DuckDbFile(AttachedFile[DuckDbConfig, NoOptions]):
    """A DuckDB database file."""

    engine_type = "duckdb"

    def replace(self, session: Session, dataset: str, schema: str, target: str) -> int:
        """Create the schema where it is missing, and the table anew."""
        with session.transaction():
            session.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            made = session.execute(f"CREATE OR REPLACE TABLE {target} AS SELECT * FROM {identifier(dataset)}")
        return int(made[0][0])


class Sqlite3File(AttachedFile[Sqlite3Config, Sqlite3Options]):
    """A SQLite database file, through DuckDB's sqlite extension.

    Never through Python's sqlite3: two libraries on one file in one process release each other's locks.
    """

    engine_type = "sqlite"
    extension = "sqlite_scanner"

    def attached(self, session: Session) -> str:
        """Return the name by which SQL reaches the file."""
        path, timeout = Path(self.config.path), self.options.busy_timeout
        return session.engine.attach(path, "sqlite", read_only=not self.written, busy_timeout=timeout)

    def replace(self, session: Session, dataset: str, schema: str, target: str) -> int:
        """Drop the table and create it anew; waits for other processes up to `busy_timeout`.

        SQLite itself does not wait here: the transaction has read the catalog before it writes.
        """
        del schema
        rows = sqlite_rows(session, dataset)
        deadline = time.monotonic() + self.options.busy_timeout
        while True:
            try:
                with session.transaction():
                    session.execute(f"DROP TABLE IF EXISTS {target}")
                    return int(session.execute(f"CREATE TABLE {target} AS {rows}")[0][0])
            except ConnectorError as error:
                if error.error_class != "conflict" or time.monotonic() > deadline:
                    raise
            time.sleep(_PAUSE)
