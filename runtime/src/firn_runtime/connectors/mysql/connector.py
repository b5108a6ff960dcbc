"""MySQL and MariaDB: rows are spelled by the server as CSV, and by the engine as INSERT; Python carries the bytes.

The engine's own extension refuses to attach a server once the engine is closed off from the network, so the engine
never meets the server or its password. Each read and each write has a connection of its own.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firn_runtime.connector import Bound, ReadContext, Rows, WriteContext, Written
from firn_runtime.connectors.databases.cursor_order import refuse_unordered
from firn_runtime.connectors.databases.loads import TABLE, Loads
from firn_runtime.connectors.databases.schema_policy import TableColumn, fitted
from firn_runtime.connectors.databases.server import DatabaseServer
from firn_runtime.connectors.databases.spool import MOST, scan
from firn_runtime.connectors.databases.watch import Peer
from firn_runtime.connectors.databases.write_modes import Dialect, publish
from firn_runtime.connectors.mysql.bound import bounded
from firn_runtime.connectors.mysql.placeholders import Value, marked
from firn_runtime.connectors.mysql.table import MySqlTable, dialect, innodb
from firn_runtime.connectors.mysql.types import (
    QUOTE,
    WIDER,
    Column,
    from_spool,
    in_csv,
    is_as_text,
    quoted,
    read_type,
    spooled_type,
)
from firn_runtime.connectors.values.projection import retyped, table_name
from firn_runtime.engine import Relation, Session
from firn_runtime.errors import ConnectorError, lacking
from firn_runtime.identifiers import identifier
from firn_schemas.connectors.databases import MySqlConfig, MySqlOptions
from firn_schemas.steps.data import ReadInputs, WriteInputs

if TYPE_CHECKING:
    from firn_runtime.connectors.mysql.server import Server
    from firn_runtime.probing import Seen, Use

    _Connect = Callable[[], AbstractContextManager[Server]]


class MySql(DatabaseServer[MySqlConfig, MySqlOptions]):
    """A MySQL or MariaDB database."""

    def connect(self) -> None:
        """Look for the driver; the server is asked when there is something to ask."""
        super().connect()
        try:
            import pymysql  # noqa: F401  # only whether it is there
        except ImportError:
            raise lacking("the driver of MySQL is not installed", "mysql") from None

    def probe(self, uses: "Sequence[Use]") -> "Iterator[Seen]":
        """Log in, and look at the rights that the flow needs."""
        from firn_runtime.connectors.mysql.probe import probed

        self.connect()
        with closing(self), self._server() as server:
            yield from probed(server.rows, self.config.database, uses)

    def _idle(
        self, peer: Peer, seconds: float, sessions: Collection[Any], *, end: bool = False
    ) -> Collection[Any] | None:
        from firn_runtime.connectors.mysql.server import idle

        return idle(self.config, self.options, peer, seconds, sessions, end=end)

    def _server(self, *, writing: bool = False) -> AbstractContextManager["Server"]:
        from firn_runtime.connectors.mysql.server import Server

        return self._watched(Server(self.config, self.options, writing=writing))

    def read(self, inputs: ReadInputs, context: ReadContext) -> Rows:
        """Read a table, or a SELECT in MySQL's own SQL, within a transaction that may not write."""
        spool = context.scratch / "rows.csv"
        chosen = ", ".join(map(quoted, inputs.columns)) if inputs.columns is not None else "*"
        if inputs.sql is not None:
            source, values = marked(inputs.sql, inputs.params)
            query = f"select {chosen} from ({source}\n) as firn_rows"
        elif inputs.table is not None:
            schema, table = table_name(inputs.table, self.config.database)
            query, values = f"select {chosen} from {quoted(schema)}.{quoted(table)}", []
        else:
            raise ConnectorError("data", "a database is read by `table` or `sql`")
        columns = self._spooled(query, values, spool, context.bound, retyped=inputs.schema or ())
        refuse_unordered(inputs, [column.name for column in columns if is_as_text(column)])
        found = _scan(spool, columns, inputs.schema or {})
        return Rows(retyped(context.session, Relation(found), inputs.columns, inputs.schema))

    def relation(self, sql: str, params: Any, session: Session) -> Relation:
        """Return the rows of a SELECT, as many as a `query` step could ask for."""
        source, values = marked(sql, params)
        spool = self._spool(session)
        columns = self._spooled(f"select * from ({source}\n) as firn_rows", values, spool, limit=MOST)
        return Relation(f"from {_scan(spool, columns, {})}")

    def _spooled(
        self,
        query: str,
        values: Sequence[Value],
        spool: Path,
        bound: Bound | None = None,
        retyped: Iterable[str] = (),
        limit: int | None = None,
    ) -> list[Column]:
        """Keep the rows of a query in a file; the server spells them, a text for each."""
        with self._server() as server, server.transaction(read_only=True):
            columns = server.described(query, values)
            if bound is not None:
                query, values = bounded(query, values, columns, bound, retyped)
            row = ", ',', ".join(map(in_csv, columns))
            limited = f" limit {limit}" if limit is not None else ""
            text = f"select cast(concat({row}, '\\n') as binary) from ({query}\n) as firn_spelled{limited}"
            server.download(text, values, spool)
        return columns

    def write(self, inputs: WriteInputs, context: WriteContext) -> Written:
        """Write a table in one transaction: readers see its rows as they were or as they will be, and never wait.

        What makes tables or columns ends a transaction of MySQL, so it comes before.
        """
        if inputs.table is None:
            raise ConnectorError("data", "a database is written by `table`")
        connect = partial(self._server, writing=True)
        with connect() as server:
            return _Write(server, connect, inputs, context, self.config.database).done()


class _Write:
    """One write: made ready without a transaction, then published in one."""

    def __init__(
        self, server: "Server", connect: "_Connect", inputs: WriteInputs, context: WriteContext, database: str
    ) -> None:
        self.server, self.connect, self.inputs, self.context = server, connect, inputs, context
        self.kinds = context.session.columns(inputs.from_)
        self.columns: Sequence[TableColumn] = ()
        """The table's, as this write has found them."""
        schema, name = table_name(inputs.table or "", database)
        self.table = MySqlTable(server, schema, name, self.load)
        self.loads = Loads(self._execute, identifier(schema))

    def done(self) -> Written:
        """Write, unless it was done before."""
        publication = self.context.publication
        if not self.table.is_there(TABLE):
            self.loads.create()
        written = self.loads.published(publication)
        if written is not None:
            return written
        self.table.make_lock()
        written = self._in_turn()
        if written is None:
            self._prepare()
            written = self._in_turn()
        if written is None:
            help = "`retry` with `on: [conflict]` tries again"
            raise ConnectorError("conflict", f"the table `{self.inputs.table}` was changed meanwhile", help)
        return written

    def _execute(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self.server.rows(re.sub(r"\$\d+", "?", innodb(sql)), values)

    def _in_turn(self) -> Written | None:
        """Publish while no other run is at work on the table; None where table or columns have to be made before."""
        with self.server.transaction():
            self.table.lock(self.server)
            written = self.loads.published(self.context.publication)
            if written is None and not self._lacking():
                written = self._published()
        return written

    def _prepare(self) -> None:
        """Make the table, or the columns that it lacks; nobody's transaction can undo that.

        Each of these statements would free what its own connection has locked, so another one keeps other runs out:
        they would make the same, and while a table is changed the server does not tell what it is.
        """
        with self.connect() as other, other.transaction():
            self.table.lock(other)
            for statement in self._lacking():
                self.server.rows(innodb(statement))

    def _lacking(self) -> Sequence[str]:
        """Return what has to be done before the dataset fits."""
        self.columns = self.table.columns()
        fit = fitted(self.inputs, self.kinds, self.columns, self.table.name, self.dialect().types)
        if fit.anew:
            said = (
                f"the table `{self.inputs.table}` cannot be made anew, which MySQL cannot undo; it differs: {fit.anew}"
            )
            help = "write `on_schema_change: add_columns` where it only lacks columns, or change or drop the table"
            raise ConnectorError("data", said, help)
        return fit.statements

    def dialect(self) -> Dialect:
        """Return MySQL's dialect with what this write's stage needs."""
        keys = {"upsert": self.inputs.keys, "insert_overwrite": self.inputs.partition_by}.get(self.inputs.mode)
        return dialect(self.table.indexed(keys or ()))

    def _published(self) -> Written:
        """Load and record, within the transaction."""
        written = publish(self.table, self.inputs, self.kinds, self.dialect())
        self.table.lock_loads()
        self.loads.record(self.context.publication, written)
        self.context.still_ours()
        return written

    def load(self, into: str, columns: str) -> int:
        """Add the dataset to the table or its stage, as the columns of the table keep it."""
        from firn_runtime.connectors.mysql.load import loaded

        known = {column.name.lower(): column for column in self.columns}
        filled = [known[name.lower()] for name in self.kinds]
        return loaded(self.server, f"{into} ({columns})", self.kinds, filled, self.context, self.inputs.from_)


def _scan(file: Path, columns: list[Column], schema: Mapping[str, str]) -> str:
    """Return the rows of a file; a text that `schema` calls a list is JSON, as which lists are written.

    A number whose type holds less than the server does has the type of `schema`.
    """
    kinds = {column.name: read_type(column) for column in columns}
    said = {name.lower() for name in schema}
    kinds |= {name: "VARCHAR" for name, kind in kinds.items() if kind in WIDER and name.lower() in said}
    lists = {name.lower() for name, kind in schema.items() if kind.rstrip().endswith("]")}
    kinds |= {name: "JSON" for name, kind in kinds.items() if kind == "VARCHAR" and name.lower() in lists}
    types = {name: spooled_type(kind) for name, kind in kinds.items()}
    return scan(file, types, {name: from_spool(name, kind) for name, kind in kinds.items()}, QUOTE)
