"""What PostgreSQL's types are in the engine and the other way, and how their values are spelled in CSV between them."""

import re
from typing import NamedTuple

from firn_runtime.connectors.values.lists import each, elements
from firn_runtime.connectors.values.texts import BEFORE_CHRIST, DATED, of_text
from firn_runtime.identifiers import failing, identifier

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
_ARRAYS = {
    199: 114,
    1000: 16,
    1001: 17,
    1002: 18,
    1003: 19,
    1005: 21,
    1007: 23,
    1009: 25,
    1014: 1042,
    1015: 1043,
    1016: 20,
    1021: 700,
    1022: 701,
    1028: 26,
    1041: 869,
    1115: 1114,
    1182: 1082,
    1183: 1083,
    1185: 1184,
    1187: 1186,
    1231: 1700,
    1270: 1266,
    2951: 2950,
    3807: 3802,
}
"""The numbers of types of arrays, with those of their values; the modifier is that of a value."""
NUMERIC = 1700
_TEXTS = frozenset([18, 19, 25, 705, 1042, 1043])
_FIRST_OF_OTHERS = 16384
"""The first number of types that do not come with the server."""
_LIMITED = frozenset([1042, 1043])
"""The numbers of `char(n)` and `varchar(n)`."""

WRITTEN = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "UTINYINT": "smallint",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "UBIGINT": "numeric(20)",
    "HUGEINT": "numeric(38)",
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
"""By the engine's type; lists of these are arrays, other nested ones are jsonb, and every other one is text."""


def of_array(column: Column) -> Column | None:
    """Return a column as its values within arrays are; None where it holds none, or those of a type without a row."""
    return column._replace(oid=_ARRAYS[column.oid]) if column.oid in _ARRAYS else None


def read_type(column: Column) -> str:
    """Return the engine's type of a column that is read.

    A numeric without a precision is text: no decimal holds all that it may hold, and a double would change it. How many
    dimensions an array has, each of its values says for itself: by the type it is one.
    """
    value = of_array(column)
    if value is not None:
        return f"{read_type(value)}[]"
    if column.oid != NUMERIC:
        return _READ.get(column.oid, "VARCHAR")
    precision, scale = divmod(column.modifier - _HEADER, 1 << 16)
    fits = column.modifier >= _HEADER and scale <= precision <= 38
    return f"DECIMAL({precision},{scale})" if fits else "VARCHAR"


def is_as_text(column: Column) -> bool:
    """Return whether a column of the server's own types is read as text and is none; enums and citext are texts."""
    return column.oid < _FIRST_OF_OTHERS and column.oid not in _TEXTS and read_type(column) == "VARCHAR"


def spooled_type(kind: str) -> str:
    """Return as what a column is read from CSV: as text first what the engine's reader takes for something else.

    Years before Christ lose their sign there, timestamps out of range become NULL, and of NaN it tells too little.
    """
    is_plain = kind != "BLOB" and kind not in DATED and not kind.endswith("]") and not kind.startswith("DECIMAL")
    return kind if is_plain else "VARCHAR"


_SPELLED_BY_JSON = frozenset([1014, 1041])
"""The numbers of arrays of `char(n)` and `inet`, of which a cast to text makes other texts than the server's own."""


def to_spool(column: Column) -> str:
    """Return the SQL by which the server spells a column: arrays as JSON, each value in it as the server spells it."""
    name = identifier(column.name)
    if of_array(column) is None:
        return name
    return f"to_json({name if column.oid in _SPELLED_BY_JSON else f'{name}::text[]'}) as {name}"


def from_spool(name: str, kind: str) -> str:
    """Return the value of a column of the spool."""
    column = identifier(name)
    if kind.endswith("]"):
        return f"{_list_from_spool(name, kind)} as {column}"
    if kind in DATED:
        return _held(name, kind, BEFORE_CHRIST.format(column), "read it by `sql` as text, such as `cast({} as text)`")
    if kind.startswith("DECIMAL"):
        return _held(name, kind, column, "`schema` may call it `double` or `varchar`")
    return f"unhex({column}[3:]) as {column}" if kind == "BLOB" else column


def _held(name: str, kind: str, text: str, advice: str) -> str:
    column = identifier(name)
    refused = failing(f"a value of the column `{name}` is outside of what {kind} holds: {advice.format(name)}")
    return f"coalesce(try_cast({text} as {kind}), if({column} is null, null, {refused})) as {column}"


def _list_from_spool(name: str, kind: str) -> str:
    """Return an array of the spool; every value in it is a text, so brackets at its beginning are its dimensions."""
    column, (element, depth) = identifier(name), elements(kind)
    other = failing(f"the column `{name}` is {kind} and holds an array of other dimensions: name them in `schema`")
    outside = failing(f"a value of the column `{name}` is outside of what {kind} holds")
    lists = f"cast(cast({column} as JSON) as VARCHAR{'[]' * depth})"
    value = "unhex(x[3:])" if element == "BLOB" else of_text("x", element, outside)
    wrong = f"not regexp_matches({column}, '^\\[{{{depth}}}([^\\[]|$)') and {column} <> '[]'"
    return f"if({wrong}, {other}, {each(lists, depth, value)})"


def written_type(kind: str) -> str:
    """Return the server's type for a column of a new table. Lists of lists need not be rectangles, as arrays are."""
    element, depth = elements(kind)
    if depth == 1 and not _is_nested(element):
        return f"{written_type(element)}[]"
    if _is_nested(kind):
        return "jsonb"
    return kind.replace("DECIMAL", "numeric") if kind.startswith("DECIMAL") else WRITTEN.get(kind, "text")


_BINARY = {
    16: ("BOOLEAN", ("BOOLEAN",)),
    17: ("BLOB", ("BLOB",)),
    20: ("BIGINT", ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")),
    21: ("SMALLINT", ("TINYINT", "SMALLINT", "UTINYINT")),
    23: ("INTEGER", ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT")),
    25: ("VARCHAR", ("VARCHAR",)),
    700: ("FLOAT", ("FLOAT",)),
    701: ("DOUBLE", ("FLOAT", "DOUBLE")),
    1042: ("VARCHAR", ("VARCHAR",)),
    1043: ("VARCHAR", ("VARCHAR",)),
    1082: ("DATE", ("DATE",)),
    1083: ("TIME", ("TIME",)),
    1114: ("TIMESTAMP", ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS")),
    1184: ("TIMESTAMP WITH TIME ZONE", ("TIMESTAMP WITH TIME ZONE",)),
    2950: ("UUID", ("UUID",)),
}
"""By the type's number in pg_type: what the engine must hold to spell it in binary, and from which of its types no
value is lost."""


def binary_type(kind: str, column: Column) -> str | None:
    """Return the engine's type in which a value of `kind` can be spelled for this column; None where it cannot be."""
    if column.oid == NUMERIC:
        found = _DECIMAL.fullmatch(kind)
        return kind if found and _is_spelled(int(found[1]), int(found[2])) else None
    own, kinds = _BINARY.get(column.oid, ("", ()))
    return own if kind in kinds else None


def in_binary(name: str, kind: str, column: Column) -> str:
    """Return a dataset's column in the engine's type `kind`, which is spelled in binary for a column of the server."""
    own = identifier(name)
    value = whole(own, name, column)
    if kind in _BEYOND:
        refused = failing(f"`{name}` is {kind} and holds values beyond those of PostgreSQL")
        value = f"if(isfinite({own}) and ({_BEYOND[kind].format(own)}), {refused}, {value})"
    return f"{value}::{kind} as {own}"


_FIRST = "{0} < '4714-11-24 (BC)'"
_BEYOND = {
    "DATE": f"{_FIRST} or {{0}} > '5874897-12-31'",
    "TIMESTAMP": _FIRST,
    "TIMESTAMP WITH TIME ZONE": "{0} < '4714-11-24 (BC) 00:00:00+00'",
}
"""What the server has not. The engine counts from another year than the server does, and its first years it would write
as the server's last."""
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_STORED_DIGITS = (4, 9, 18, 38)
"""The precisions up to which the engine stores a decimal in integers of two, four, eight and sixteen bytes."""


def _is_spelled(precision: int, scale: int) -> bool:
    """Return whether the engine spells such decimals right: in groups of four digits, which its integers must hold."""
    groups = -(-scale // 4)
    return 4 * groups <= next(digits for digits in _STORED_DIGITS if digits >= precision)


def to_csv(name: str, kind: str, column: Column) -> str:
    """Return a dataset's column as the server reads it from CSV for a column of its own."""
    own = identifier(name)
    if _is_nested(kind):
        inner = of_array(column)
        return f"{_array(name, kind, inner) if inner else f'to_json({own})::varchar'} as {own}"
    value = whole(_spelled(own, name, kind), name, column)
    return own if value == own else f"{value} as {own}"


def whole(text: str, name: str, column: Column) -> str:
    """Return a text that no column cuts: spaces beyond its length the server would leave out without a word."""
    if column.oid not in _LIMITED or column.modifier < _HEADER:
        return text
    longest, value = column.modifier - _HEADER, f"({text})::varchar"
    refused = failing(f"a text of the column `{name}` has spaces beyond {longest} characters, which would be cut off")
    is_cut = f"length({value}) > {longest} and trim(substr({value}, {longest + 1}), ' ') = ''"
    return f"if({is_cut}, {refused}, {value})"


def _array(name: str, kind: str, column: Column) -> str:
    text = f"({whole(_spelled('x', name, elements(kind)[0]), name, column)})::varchar"
    quoted = f"""'"' || replace(replace({text}, '\\', '\\\\'), '"', '\\"') || '"'"""
    values = each(identifier(name), 1, f"coalesce({quoted}, 'NULL')")
    return f"if({identifier(name)} is null, null, '{{' || coalesce(array_to_string({values}, ','), '') || '}}')"


def _spelled(value: str, name: str, kind: str) -> str:
    if kind == "TIMESTAMP_NS":
        error = failing(f"`{name}` is TIMESTAMP_NS and holds nanoseconds, which PostgreSQL cannot hold")
        return f"if(epoch_ns({value}) % 1000 <> 0, {error}, {value}::timestamp)"
    return f"'\\x' || hex({value})" if kind == "BLOB" else value


def _is_nested(kind: str) -> bool:
    return kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]")
