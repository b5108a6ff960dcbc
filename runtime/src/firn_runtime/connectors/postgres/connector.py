"""PostgreSQL: the engine reads tables by itself where it gets their values as they are; all else goes by COPY.

What a query gives is copied as CSV into a file of the step's scratch folder; what is written goes through a pipe. Each
read and each write has a connection of its own. See docs/adr/0015.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firn_runtime.connector import ReadContext, Rows, WriteContext, Written
from firn_runtime.connectors.databases.cursor_order import refuse_unordered
from firn_runtime.connectors.databases.loads import Loads
from firn_runtime.connectors.databases.server import DatabaseServer
from firn_runtime.connectors.databases.spool import MOST, scan
from firn_runtime.connectors.databases.watch import Peer
from firn_runtime.connectors.databases.write_modes import publish
from firn_runtime.connectors.postgres.bound import bounded
from firn_runtime.connectors.postgres.placeholders import numbered, replaced
from firn_runtime.connectors.postgres.table import POSTGRES, PostgresTable, quoted
from firn_runtime.connectors.postgres.types import (
    Column,
    from_spool,
    is_as_text,
    of_array,
    read_type,
    spooled_type,
    to_spool,
)
from firn_runtime.connectors.values.projection import retyped, table_name
from firn_runtime.engine import Relation, Session
from firn_runtime.errors import ConnectorError, lacking
from firn_runtime.identifiers import identifier
from firn_schemas.connectors.databases import PostgresConfig, PostgresOptions
from firn_schemas.steps.data import ReadInputs, WriteInputs

if TYPE_CHECKING:
    from firn_runtime.connectors.postgres.scan import Login
    from firn_runtime.connectors.postgres.server import Server
    from firn_runtime.probing import Seen, Use

_HOME = """
    select nspname from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where pg_class.oid = to_regclass($1)"""
"""The schema in which the search path finds a table."""
_HOLDER = """
    select format('session %s of `%s` (`%s`)', pid, usename, application_name)
    from pg_locks join pg_stat_activity using (pid)
    where relation = to_regclass($1) and granted and datname = current_database() and pid <> pg_backend_pid()
    order by mode in ('AccessShareLock', 'RowShareLock'), xact_start limit 1"""
"""Who has the table locked; those who only read come last, since a write waits for them where it changes columns."""
_SCHEMA = "select 1 from pg_namespace where oid = to_regnamespace($1)"
"""Opens a table of the catalog: by that a session that has waited hears of what others have made meanwhile."""
_MAKERS = 0x6669726E
"""Names the lock under which runs make a loads table one after the other."""


class Postgres(DatabaseServer[PostgresConfig, PostgresOptions]):
    """A PostgreSQL database."""

    extension = "postgres_scanner"

    def connect(self) -> None:
        """Look for the driver; the server is asked when there is something to ask."""
        self._login: Login | None = None
        super().connect()
        try:
            import psycopg  # noqa: F401  # only whether it is there
        except ImportError:
            raise lacking("the driver of PostgreSQL is not installed", "postgres") from None

    def probe(self, uses: "Sequence[Use]") -> "Iterator[Seen]":
        """Log in, and look at the rights that the flow needs."""
        from firn_runtime.connectors.postgres.probe import probed

        self.connect()
        with closing(self), self._server() as server, server.transaction(read_only=True):
            yield from probed(server.rows, self.config.schema, uses)

    def close(self) -> None:
        """Remove what queries have left in the workspace, and the login's file."""
        super().close()
        if self._login is not None:
            self._login.close()

    def _idle(
        self, peer: Peer, seconds: float, sessions: Collection[Any], *, end: bool = False
    ) -> Collection[Any] | None:
        from firn_runtime.connectors.postgres.server import idle

        return idle(self.config, self.options, peer, seconds, sessions, end=end)

    def _server(self) -> AbstractContextManager["Server"]:
        from firn_runtime.connectors.postgres.server import Server

        return self._watched(Server(self.config, self.options))

    def read(self, inputs: ReadInputs, context: ReadContext) -> Rows:
        """Read a table, or a SELECT in PostgreSQL's own SQL, within a transaction that may not write."""
        chosen = ", ".join(map(identifier, inputs.columns)) if inputs.columns is not None else "*"
        rows: str | None = None
        if inputs.sql is not None:
            source, values = numbered(inputs.sql, inputs.params)
            query = f"select {chosen} from ({source}\n) as rows"
        elif inputs.table is not None:
            schema, table = table_name(inputs.table, "")
            query, values = f"select {chosen} from {_qualified(schema, table)}", []
            rows = self._scanned(query, schema, table, context) if context.bound is None else None
        else:
            raise ConnectorError("data", "a database is read by `table` or `sql`")
        if rows is None:
            spool = context.scratch / "rows.csv"
            columns = self._spooled(query, values, spool, context, retyped=inputs.schema or ())
            refuse_unordered(inputs, [column.name for column in columns if is_as_text(column)])
            rows = _scan(spool, columns, inputs.schema or {})
        return Rows(retyped(context.session, Relation(rows), inputs.columns, inputs.schema))

    def _scanned(self, query: str, schema: str, table: str, context: ReadContext) -> str | None:
        """Return a table as rows that the engine reads from the server by itself, where it gets every value as it is.

        None also where the engine does not reach the table, for whatever reason: the usual way then says why.
        """
        from firn_runtime.connectors.postgres.scan import Login, exact, selected

        name = _qualified(schema, table)
        with self._server() as server, server.transaction(read_only=True):
            columns = server.described(query).columns
            _refuse_unclear(columns, [], [])
            home = schema or str(server.rows(_HOME, (name,))[0][0])
            if not exact(server, name, columns):
                return None
            peer = server.peer
        self._login = self._login or Login(self.config, self.options, peer)
        rows = f"(select {selected(columns)} from {self._login.scan(home, table)})"
        try:
            found = context.session.described(Relation(f"from {rows}"))
        except ConnectorError:
            return None
        # of columns whose names differ in case alone, the engine gives another one than the one that is meant, and
        # what is a domain it gives as text
        meant = [(column.name, read_type(column)) for column in columns]
        return rows if list(found.items()) == meant else None

    def relation(self, sql: str, params: Any, session: Session) -> Relation:
        """Return the rows of a SELECT, as many as a `query` step could ask for."""
        source, values = numbered(sql, params)
        spool = self._spool(session)
        columns = self._spooled(f"select * from ({source}\n) as rows limit {MOST}", values, spool)
        return Relation(f"from {_scan(spool, columns, {})}")

    def _spooled(
        self,
        query: str,
        values: list[str | None],
        spool: Path,
        context: ReadContext | None = None,
        retyped: Iterable[str] = (),
    ) -> list[Column]:
        """Keep the rows of a query in a file.

        COPY takes no bound values, so they are bound to variables of the transaction and read from these, each as the
        type that the server sees in its place.
        """
        with self._server() as server, server.transaction(read_only=True):
            described = server.described(query)
            if context is not None and context.bound is not None:
                query, values = bounded(query, values, described.columns, context.bound, retyped, context.session)
                described = server.described(query)
            _refuse_unclear(described.columns, values, described.places)
            if any(map(of_array, described.columns)):
                query = f"select {', '.join(map(to_spool, described.columns))} from ({query}\n) as rows"
            for number, value in enumerate(values, 1):
                server.set(f"firn.p{number}", value or "")
            server.download(replaced(query, lambda name: _variable(name, values, described.places)), spool)
        return described.columns

    def write(self, inputs: WriteInputs, context: WriteContext) -> Written:
        """Write a table in one transaction: readers see it as it was or as it will be, and never wait for rows."""
        from firn_runtime.connectors.postgres.load import loaded

        if inputs.table is None:
            raise ConnectorError("data", "a database is written by `table`")
        types = context.session.columns(inputs.from_)
        with self._server() as server:
            schema, name = table_name(inputs.table, self.config.schema or "")
            with server.transaction():
                home = quoted(schema or _current_schema(server))
                target = f"{home}.{quoted(name)}"
                loads = _made(server, home)
                written = loads.published(context.publication)
            if written is None:
                with _naming_holder(server, target), server.transaction():

                    def load(into: str, columns: str) -> int:
                        return loaded(server, into, columns, inputs.from_, types, context)

                    table = PostgresTable(server, target, load)
                    written = _published(table, inputs, types, loads, context)
        return written


_DECIMAL = re.compile(r"DECIMAL\([\d,]+\)")


def _qualified(schema: str, table: str) -> str:
    return f"{quoted(schema)}.{quoted(table)}" if schema else quoted(table)


def _scan(file: Path, columns: list[Column], schema: Mapping[str, str]) -> str:
    """Return the rows of a file; an array has the dimensions that `schema` says, one without it.

    What `schema` makes of a decimal is made of its text: it may be NaN, which other types have.
    """
    said = {name.lower(): kind.count("[") for name, kind in schema.items()}
    kinds = {column.name: read_type(column) for column in columns}
    kinds |= {name: "VARCHAR" for name, kind in kinds.items() if _DECIMAL.fullmatch(kind) and name.lower() in said}
    for column in filter(of_array, columns):
        kinds[column.name] += "[]" * (said.get(column.name.lower(), 1) - 1)
    types = {name: spooled_type(kind) for name, kind in kinds.items()}
    return scan(file, types, {name: from_spool(name, kind) for name, kind in kinds.items()})


def _refuse_unclear(columns: list[Column], values: list[str | None], places: list[str]) -> None:
    names = [column.name.lower() for column in columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        named = " and ".join(f"`{column.name}`" for column in columns if column.name.lower() == twice)
        said = f"several columns have one name, or names that differ in case alone: {named}"
        raise ConnectorError("data", said, "name one of them with `as` in `sql`; or `columns` names those to be read")
    if not names:
        said = "there are no columns to read: a query is exactly one SELECT statement, and a table has columns"
        raise ConnectorError("data", said)
    if len(values) != len(places):
        raise ConnectorError("data", f"the query has {len(places)} placeholders, and `params` {len(values)} values")


def _variable(name: str, values: list[str | None], places: list[str]) -> str:
    if not name.isdecimal():
        return name if name == "?" else f"${name}"
    number = int(name)
    value = "null" if values[number - 1] is None else f"current_setting('firn.p{number}')"
    return f"cast({value} as {places[number - 1]})"


def _current_schema(server: "Server") -> str:
    ((name,),) = server.rows("select current_schema()")
    if name is None:
        help = "name a schema in the resource's `schema` or before the table"
        raise ConnectorError("data", "the server's search path leads to no schema", help)
    return str(name)


def _made(server: "Server", schema: str) -> Loads:
    """Make the schema and its loads table where they are missing; what is there needs no right to create."""
    loads = Loads(server.rows, schema)
    if server.rows("select to_regclass($1)", (loads.name,)) == [(None,)]:
        server.rows("select pg_advisory_xact_lock($1::bigint)", (_MAKERS,))
        if not server.rows(_SCHEMA, (schema,)):
            server.rows(f"create schema {schema}")
        loads.create()
    return loads


@contextmanager
def _naming_holder(server: "Server", table: str) -> Iterator[None]:
    """Say of a write that waited in vain who has the table locked."""
    try:
        yield
    except ConnectorError as error:
        holders: list[Any] = []
        if error.error_class in ("conflict", "timeout"):
            with suppress(ConnectorError):  # what failed before is what counts
                holders = server.rows(_HOLDER, (table,))
        if not holders:
            raise
        help = "; ".join(filter(None, [f"{holders[0][0]} has the table locked", error.help]))
        raise ConnectorError(error.error_class, error.message, help) from None


def _published(
    table: PostgresTable, inputs: WriteInputs, types: dict[str, str], loads: Loads, context: WriteContext
) -> Written:
    """Load and record, within the transaction. Who writes the same table waits for it."""
    table.lock()
    written = loads.published(context.publication)
    if written is None:
        written = publish(table, inputs, types, POSTGRES)
        loads.record(context.publication, written)
        context.still_ours()
    return written
