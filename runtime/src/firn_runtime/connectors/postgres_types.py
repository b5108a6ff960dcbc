"""What PostgreSQL's types are in the engine and the other way, and how their values are spelled in CSV between them."""

from typing import NamedTuple

from firn_runtime.identifiers import identifier

NULL = "\\N"
"""NULL in CSV; a text that reads so is quoted."""

_HEADER = 4
"""A numeric's modifier is four more than precision and scale in sixteen bits each."""


class Column(NamedTuple):
    """A column of a query's result: the server's type by its number, and the type's modifier, -1 without one."""

    name: str
    oid: int
    modifier: int


_READ = {
    16: "BOOLEAN",
    17: "BLOB",
    20: "BIGINT",
    21: "SMALLINT",
    23: "INTEGER",
    26: "UINTEGER",
    114: "JSON",
    700: "FLOAT",
    701: "DOUBLE",
    1082: "DATE",
    1083: "TIME",
    1114: "TIMESTAMP",
    1184: "TIMESTAMP WITH TIME ZONE",
    2950: "UUID",
    3802: "JSON",
}
"""By the type's number in pg_type; every other type is text, as the server spells it."""
_NUMERIC = 1700

_WRITTEN = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "UTINYINT": "smallint",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "UBIGINT": "numeric(20)",
    "HUGEINT": "numeric(39)",
    "UHUGEINT": "numeric(39)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "INTERVAL": "interval",
    "UUID": "uuid",
    "BLOB": "bytea",
    "JSON": "jsonb",
}
"""By the engine's type; nested ones are jsonb, every other one is text."""


def read_type(column: Column) -> str:
    """Return the engine's type of a column that is read. A numeric without a precision is a DOUBLE."""
    if column.oid != _NUMERIC:
        return _READ.get(column.oid, "VARCHAR")
    precision, scale = divmod(column.modifier - _HEADER, 1 << 16)
    fits = column.modifier >= _HEADER and scale <= precision <= 38
    return f"DECIMAL({precision},{scale})" if fits else "DOUBLE"


def spooled_type(kind: str, *, cast_later: bool) -> str:
    """Return as what a column is read from CSV: bytes as text; also what `schema` gives a type and would be rounded."""
    return "VARCHAR" if kind == "BLOB" or (kind == "DOUBLE" and cast_later) else kind


def from_spool(name: str, kind: str) -> str:
    """Return the value of a column of the spool."""
    column = identifier(name)
    return f"unhex({column}[3:]) as {column}" if kind == "BLOB" else column


def written_type(kind: str) -> str:
    """Return the server's type for a column of a new table."""
    if _is_nested(kind):
        return "jsonb"
    return kind.replace("DECIMAL", "numeric") if kind.startswith("DECIMAL") else _WRITTEN.get(kind, "text")


def to_spool(name: str, kind: str) -> str:
    """Return a column as the server reads it from CSV."""
    column = identifier(name)
    if _is_nested(kind):
        return f"to_json({column})::varchar as {column}"
    return f"'\\x' || hex({column}) as {column}" if kind == "BLOB" else column


def _is_nested(kind: str) -> bool:
    return kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]")
