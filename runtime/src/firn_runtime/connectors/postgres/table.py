"""A table of PostgreSQL as a write meets it: within one transaction of one connection."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from firn_runtime.connectors.databases.schema_policy import TableColumn, Types
from firn_runtime.connectors.databases.write_modes import Dialect, refuse_as_target
from firn_runtime.connectors.postgres.types import Column, of_array, read_type, written_type
from firn_runtime.connectors.values.assignment import ANY_DECIMAL
from firn_runtime.connectors.values.lists import elements
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier

if TYPE_CHECKING:
    from firn_runtime.connectors.postgres.server import Server

_COLUMNS = """
    select format_type(a.atttypid, a.atttypmod), not (a.attnotnull or t.typnotnull),
        a.atthasdef or a.attidentity <> '' or t.typdefault is not null, a.attidentity = 'a' or a.attgenerated <> ''
    from pg_attribute as a join pg_type as t on t.oid = a.atttypid
    where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped
    order by a.attnum"""

_RELATION = "select relname, relkind::text from pg_class where oid = to_regclass($1)"
_TABLES = ("r", "p")
_OTHERS = {"f": "a foreign table", "m": "a materialized view", "S": "a sequence", "v": "a view"}
"""By the letter in pg_class, of which indexes and types have others."""
_KEEPING = """
    with recursive parts(oid) as (
        select to_regclass($1)::oid union select inhrelid from pg_inherits join parts on inhparent = parts.oid
    )
    select 1 from pg_class join parts using (oid) where relhasrules or relrowsecurity
        or exists (select 1 from pg_trigger where tgrelid = parts.oid and not tgisinternal and tgtype & 8 <> 0)"""
"""Partitions and tables that inherit have triggers of their own. Those of foreign keys, which are internal, keep no
row; 8 is the bit of DELETE (catalog/pg_trigger.h)."""

_SHORT = (
    ("character varying", "varchar"),
    (" without time zone", ""),
    ("timestamp with time zone", "timestamptz"),
    (",0)", ")"),
)
_STORED = {
    "bigint": "BIGINT",
    "boolean": "BOOLEAN",
    "bytea": "BLOB",
    "date": "DATE",
    "double precision": "DOUBLE",
    "integer": "INTEGER",
    "jsonb": "JSON",
    "real": "FLOAT",
    "smallint": "SMALLINT",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "uuid": "UUID",
}
"""By the type of a new column; a numeric is a DECIMAL of its digits, every other one is text."""
_TIMESTAMP = 1114
_DIGITS = {-1: "TIMESTAMP", 0: "TIMESTAMP_S", 3: "TIMESTAMP_MS", 6: "TIMESTAMP"}
"""A timestamp by the digits of its second."""
_ROUNDED = frozenset([1083, 1184, 1186, 1266])
"""The numbers of other types that may be declared with fewer digits of a second."""
_CUT = frozenset([18, 19, 26, 790, 791])
"""The numbers of `"char"`, `name`, `oid`, `money` and `money[]`, which change what does not fit without a word."""
_NUMERIC = 1700
_LONGEST = 63
_CHANGED = "changed"
"""Is no type: nothing may be written there."""


def declared(kind: str) -> str:
    """Return the type of a new column for one of the engine's types."""
    return _short(written_type(kind))


def stored(kind: str) -> str:
    """Return the engine's type for such a column."""
    name = declared(kind)
    if name.endswith("[]"):
        return f"{stored(elements(kind)[0])}[]"
    if name.startswith("numeric("):
        return f"DECIMAL({name[8:-1]})" if "," in name else f"DECIMAL({name[8:-1]},0)"
    return _STORED.get(name, "VARCHAR")


def column_kind(name: str, oid: int, modifier: int) -> str:
    """Return the engine's type for what a column can hold; what no type has where it may change values."""
    value = of_array(Column(name, oid, modifier))
    if value is not None:
        kind = column_kind(*value)
        return kind if kind == _CHANGED else f"{kind}[]"
    if oid == _NUMERIC:
        precision, scale = divmod(modifier - 4, 1 << 16)
        return ANY_DECIMAL if modifier < 0 else f"DECIMAL({precision},{scale})" if scale <= precision else _CHANGED
    if oid == _TIMESTAMP:
        return _DIGITS.get(modifier, _CHANGED)
    if oid in _CUT or (oid in _ROUNDED and modifier not in (-1, 6)):
        return _CHANGED
    return read_type(Column(name, oid, modifier))


def quoted(name: str) -> str:
    """Return a name as SQL quotes it; raise ConnectorError for one that the server would cut off, to be another's."""
    if len(name.encode()) > _LONGEST:
        said = f"PostgreSQL's names have {_LONGEST} bytes at most, and `{name}` has more"
        raise ConnectorError("data", said, "name the table otherwise, or rename the column in a `sql` step before")
    return identifier(name)


def _short(name: str) -> str:
    for long, short in _SHORT:
        name = name.replace(long, short)
    return name


POSTGRES = Dialect(
    Types(declared=declared, stored=stored, folded=str, quoted=quoted, lists_in=("JSON",)),
    stage='pg_temp."_firn_stage"',
    staged="create temporary table {stage} on commit drop as select {columns} from {target} with no data",
    ready="analyze {stage}",
)


class PostgresTable:
    """The table `name`, quoted and qualified; `load` adds the dataset to a table, into these columns of it."""

    def __init__(self, server: "Server", name: str, load: Callable[[str, str], int]) -> None:
        self._server, self.name, self.load = server, name, load

    def columns(self) -> list[TableColumn]:
        """Return the table's columns. A domain stands for the type below it, as in what the server says of a query."""
        found = self.rows(_COLUMNS, (self.name,))
        described = self._server.described(f"select * from {self.name}").columns if found else []
        return [
            TableColumn(
                column.name,
                column_kind(*column),
                _short(type),
                is_nullable=is_nullable,
                has_default=has_default,
                is_generated=is_generated,
            )
            for column, (type, is_nullable, has_default, is_generated) in zip(described, found, strict=True)
        ]

    def rows(self, sql: str, params: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT."""
        return self._server.rows(sql, params)

    def change(self, sql: str) -> int:
        """Run a statement and return the number of rows that it changed."""
        return self._server.changed(sql)

    def may_keep(self) -> bool:
        """Say whether triggers, rules or policies may keep rows that are deleted."""
        return self.rows(_KEEPING, (self.name,)) != []

    def lock(self) -> None:
        """Let no other writer at the table, where it is there; who reads it does not wait.

        Raises ConnectorError for what is no table. Not every row that a view is given arrives, whatever is counted.
        """
        for name, kind in self.rows(_RELATION, (self.name,)):
            if kind not in _TABLES:
                refuse_as_target(name, _OTHERS.get(kind, "no table"))
            self.change(f"lock table {self.name} in share row exclusive mode")
