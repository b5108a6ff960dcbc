"""PostgreSQL: rows are copied to and from the server as CSV, through a file in the step's scratch folder.

The engine cannot attach a server once it is closed off from the network, so it never meets the server or its password.
Each read and each write has a connection of its own.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from firn_runtime.cancel import current
from firn_runtime.connector import Bound, ConnectorBase, ReadContext, Rows, WriteContext, Written
from firn_runtime.connectors.loads import Loads
from firn_runtime.connectors.placeholders import numbered, replaced
from firn_runtime.connectors.postgres_bound import bounded
from firn_runtime.connectors.postgres_types import (
    NULL,
    Column,
    from_spool,
    read_type,
    spooled_type,
    to_spool,
    written_type,
)
from firn_runtime.connectors.projection import projected, table_name
from firn_runtime.engine import Relation, Session, identifier, literal
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import dotted
from firn_schemas.connectors.databases import PostgresConfig, PostgresOptions
from firn_schemas.steps.data import ReadInputs, WriteInputs

if TYPE_CHECKING:
    from firn_runtime.connectors.postgres_server import Server
    from firn_runtime.probing import Seen, Use

_SMALL = 100_001
"""One row more than a `query` step may ask for."""
_ROW = 1 << 25
"""Bytes of one row in CSV, at most: the engine's own 2 MB are less than what people keep in a jsonb."""
_MAKERS = 0x6669726E
"""Names the lock under which runs make a loads table one after the other."""


class Postgres(ConnectorBase[PostgresConfig, PostgresOptions]):
    """A PostgreSQL database."""

    def connect(self) -> None:
        """Look for the driver; the server is asked when there is something to ask."""
        self._spools: list[Path] = []
        try:
            import psycopg  # noqa: F401  # only whether it is there
        except ImportError:
            help = 'pip install "firn-runtime[postgres]"'
            raise ConnectorError("process", "the driver of PostgreSQL is not installed", help) from None

    def probe(self, uses: "Sequence[Use]") -> "Iterator[Seen]":
        """Log in, and look at the rights that the flow needs."""
        from firn_runtime.connectors.postgres_probe import probed

        self.connect()
        with self._server() as server, server.transaction(read_only=True):
            yield from probed(server.rows, self.config.schema, uses)

    def close(self) -> None:
        """Remove what queries have left in the workspace."""
        for spool in self._spools:
            spool.unlink(missing_ok=True)

    @contextmanager
    def _server(self) -> Iterator["Server"]:
        from firn_runtime.connectors.postgres_server import Server

        server = Server(self.config, self.options)
        try:
            with current().interrupting(server.stop):
                yield server
        finally:
            server.close()

    def read(self, inputs: ReadInputs, context: ReadContext) -> Rows:
        """Read a table, or a SELECT in PostgreSQL's own SQL, within a transaction that may not write."""
        spool = context.scratch / "rows.csv"
        chosen = ", ".join(map(identifier, inputs.columns)) if inputs.columns is not None else "*"
        if inputs.sql is not None:
            source, values = numbered(inputs.sql, inputs.params)
            query = f"select {chosen} from ({source}\n) as rows"
        elif inputs.table is not None:
            schema, table = table_name(inputs.table, "")
            query, values = f"select {chosen} from {_qualified(schema, table)}", []
        else:
            raise ConnectorError("data", "a database is read by `table` or `sql`")
        columns = self._spooled(query, values, spool, context.bound, retyped=inputs.schema or ())
        scan = _scan(spool, columns, inputs.schema or {})
        return Rows(Relation(projected(scan, inputs.columns, inputs.schema)))

    def relation(self, sql: str, params: Any, session: Session) -> Relation:
        """Return the rows of a SELECT, as many as a `query` step could ask for."""
        source, values = numbered(sql, params)
        session.engine.spill.mkdir(parents=True, exist_ok=True)
        spool = session.engine.spill / f"{uuid4().hex}.csv"
        self._spools.append(spool)
        columns = self._spooled(f"select * from ({source}\n) as rows limit {_SMALL}", values, spool)
        return Relation(f"from {_scan(spool, columns, {})}")

    def _spooled(
        self,
        query: str,
        values: list[str | None],
        spool: Path,
        bound: Bound | None = None,
        retyped: Iterable[str] = (),
    ) -> list[Column]:
        """Keep the rows of a query in a file.

        COPY takes no bound values, so they are bound to variables of the transaction and read from these, each as the
        type that the server sees in its place.
        """
        with self._server() as server, server.transaction(read_only=True):
            described = server.described(query)
            if bound is not None:
                query, values = bounded(query, values, described.columns, bound, retyped)
                described = server.described(query)
            _refuse_unclear(described.columns, values, described.places)
            for number, value in enumerate(values, 1):
                server.set(f"firn.p{number}", value or "")
            server.download(replaced(query, lambda name: _variable(name, values, described.places)), spool)
        return described.columns

    def write(self, inputs: WriteInputs, context: WriteContext) -> Written:
        """Replace a table's rows in one transaction: readers see the old rows or the new, and never wait."""
        if inputs.table is None:
            raise ConnectorError("data", "a database is written by `table`")
        types = context.session.columns(inputs.from_)
        with self._server() as server:
            schema, table = table_name(inputs.table, self.config.schema or "")
            with server.transaction():
                home = identifier(schema or _current_schema(server))
                loads = _made(server, home)
                written = loads.published(context.publication)
            if written is None:
                spool = _spool(inputs.from_, types, context)
                with server.transaction():
                    written = _published(server, f"{home}.{identifier(table)}", types, spool, loads, context)
                spool.unlink()
        return written


def _qualified(schema: str, table: str) -> str:
    return dotted(schema, table) if schema else identifier(table)


def _scan(file: Path, columns: list[Column], schema: dict[str, str]) -> str:
    kinds = {column.name: read_type(column) for column in columns}
    spooled = {name: spooled_type(kind, cast_later=name in schema) for name, kind in kinds.items()}
    types = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in spooled.items())
    chosen = ", ".join(from_spool(name, kind) for name, kind in kinds.items())
    options = f"""auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', nullstr = '{NULL}'"""
    return (
        f"(select {chosen} from read_csv({literal(str(file))}, {options}, "
        f"allow_quoted_nulls = false, max_line_size = {_ROW}, buffer_size = {_ROW}, columns = {{{types}}}))"
    )


def _refuse_unclear(columns: list[Column], values: list[str | None], places: list[str]) -> None:
    names = [column.name for column in columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConnectorError("data", f"the query gives two columns named `{twice}`", "name one of them with `as`")
    if not names:
        raise ConnectorError("data", "the query must be exactly one SELECT statement")
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
        if server.rows("select to_regnamespace($1)", (schema,)) == [(None,)]:
            server.rows(f"create schema {schema}")
        loads.create()
    return loads


def _spool(dataset: str, types: dict[str, str], context: WriteContext) -> Path:
    spool = context.scratch / "rows.csv"
    chosen = ", ".join(to_spool(name, kind) for name, kind in types.items())
    options = f"FORMAT csv, HEADER false, NULLSTR '{NULL}', FORCE_QUOTE *"
    context.session.execute(f"COPY (SELECT {chosen} FROM {identifier(dataset)}) TO {literal(str(spool))} ({options})")
    return spool


def _published(
    server: "Server", target: str, types: dict[str, str], spool: Path, loads: Loads, context: WriteContext
) -> Written:
    """Load and record, within the transaction. Who writes the same table waits for it; who reads it does not."""
    if server.rows("select to_regclass($1)", (target,)) == [(None,)]:
        columns = ", ".join(f"{identifier(name)} {written_type(kind)}" for name, kind in types.items())
        server.rows(f"create table {target} ({columns})")
    server.rows(f"lock table {target} in share row exclusive mode")
    written = loads.published(context.publication)
    if written is None:
        server.rows(f"delete from {target}")
        written = Written(server.upload(f"{target} ({', '.join(map(identifier, types))})", spool))
        loads.record(context.publication, written)
        context.still_ours()
    return written
