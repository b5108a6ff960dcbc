"""What MySQL's types are in the engine and the other way, and how their values are spelled between them."""

import re
from typing import NamedTuple

from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import failing, identifier

_UNSIGNED = 32
"""The flag of a number without a sign."""
_BINARY = 63
"""The number of the character set that has no characters."""
_LONGEST = 64
"""Characters of a name, at most."""


def text_literal(text: str) -> str:
    """Return a text in hexadecimal digits: none of it is SQL."""
    return f"convert(x'{text.encode().hex()}' using utf8mb4)"


def quoted(name: str) -> str:
    """Return a name as MySQL's own SQL quotes it."""
    if "\0" in name or not name:
        raise ConnectorError("data", "a name is empty or holds a NUL character")
    if len(name) > _LONGEST:
        raise ConnectorError(
            "data", f"MySQL's names have {_LONGEST} characters at most, and `{name}` has more", "rename it"
        )
    if name.endswith(" "):
        raise ConnectorError("data", f"MySQL's names cannot end in a space, as `{name}` does", "rename it")
    if max(name) > "\uffff":
        raise ConnectorError("data", f"MySQL's names cannot hold what is in `{name}`", "rename it: no emoji")
    return "`" + name.replace("`", "``") + "`"


class Column(NamedTuple):
    """A column of a query's result, as the protocol describes it: numbers of type and character set, flags."""

    name: str
    code: int
    length: int
    charset: int
    scale: int
    flags: int

    @property
    def is_unsigned(self) -> bool:
        """Return whether it is a number without a sign."""
        return bool(self.flags & _UNSIGNED)


_WHOLE = {
    1: "TINYINT",
    2: "SMALLINT",
    9: "INTEGER",
    3: "INTEGER",
    8: "BIGINT",
}
_PLAIN = {
    4: "FLOAT",
    5: "DOUBLE",
    10: "DATE",
    14: "DATE",
    12: "TIMESTAMP",
    7: "TIMESTAMP WITH TIME ZONE",
    11: "TIME",
    13: "SMALLINT",
    245: "JSON",
    6: "VARCHAR",
}
"""By the number that the protocol gives a type."""
_STRINGS = (15, 247, 248, 249, 250, 251, 252, 253, 254)
"""Texts of every length, enums and sets; binary ones too."""
_DECIMALS = (0, 246)
_FLOAT, _BIT = 4, 16


def read_type(column: Column) -> str:
    """Return the engine's type of a column that is read; raise ConnectorError where it has none.

    A decimal of more digits than the engine has is HUGEINT without places after the point, as sums are, and else text:
    a double would change it.
    """
    if column.code in _STRINGS:
        return "BLOB" if column.charset == _BINARY else "VARCHAR"
    if column.code in _WHOLE:
        kind = _WHOLE[column.code]
        is_boolean = (kind, column.length, column.is_unsigned) == ("TINYINT", 1, False)
        return "BOOLEAN" if is_boolean else "U" * column.is_unsigned + kind
    if column.code in _DECIMALS:
        precision = column.length - (column.scale > 0) - (not column.is_unsigned)
        wider = "VARCHAR" if column.scale else "HUGEINT"
        return f"DECIMAL({precision},{column.scale})" if precision <= 38 else wider
    if column.code == _BIT:
        return "BOOLEAN" if column.length == 1 else "UBIGINT"
    if column.code in _PLAIN:
        return _PLAIN[column.code]
    help = "read it by `sql` as text, such as `ST_AsText(place)`"
    raise ConnectorError("data", f"the column `{column.name}` is of a type that no dataset holds", help)


def is_as_text(column: Column) -> bool:
    """Return whether a column is read as text and is none: a decimal of more digits than the engine has."""
    return column.code in _DECIMALS and read_type(column) == "VARCHAR"


QUOTE = "\x01"
"""What is around texts in the spool: MariaDB's `replace` takes time with the square of what it finds."""
_MARK, _MARK_TWICE = "_utf8mb4 x'01'", "_utf8mb4 x'0101'"
_AS_NUMBER = (_FLOAT, _BIT)
"""A float is spelled with six digits alone, and bits as bytes, unless they are numbers first."""


def in_csv(column: Column) -> str:
    """Return the SQL by which the server spells a value of the column in CSV. What becomes NULL did not fit."""
    name = quoted(column.name)
    kind = read_type(column)
    if kind == "BLOB":
        spelled = f"hex({name})"
    elif kind in ("VARCHAR", "JSON") and column.code not in _DECIMALS:
        text = f"convert({name} using utf8mb4) collate utf8mb4_bin"
        spelled = f"concat({_MARK}, replace({text}, {_MARK}, {_MARK_TWICE}), {_MARK})"
    elif column.code in _AS_NUMBER:
        spelled = f"{name} + {'0e0' if column.code == _FLOAT else '0'}"
    else:
        spelled = name
    return f"if({name} is null, '\\\\N', {spelled})"


_CHECKED = ("BOOLEAN", "DATE", "HUGEINT", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
"""What is read as text first, as the server has values that they do not hold."""
WIDER = ("BOOLEAN", "HUGEINT")
"""Of these, what the server holds is another number, which `schema` may give a type."""


def _advice(name: str, kind: str) -> str:
    if kind in WIDER:
        return "give it another type in `schema`"
    zero = "" if kind == "TIME" else f"`nullif({name}, 0)` or "
    return f"read it by `sql` as what is meant, such as {zero}`cast({name} as char)`"


def spooled_type(kind: str) -> str:
    """Return as what a column is read from CSV."""
    return "VARCHAR" if kind == "BLOB" or kind in _CHECKED else kind


def from_spool(name: str, kind: str) -> str:
    """Return the value of a column of the spool."""
    column = identifier(name)
    if kind == "BLOB":
        return f"unhex({column}) as {column}"
    if kind not in _CHECKED:
        return column
    refused = failing(f"a value of the column `{name}` is outside of what {kind} holds: {_advice(name, kind)}")
    found = f"try_cast({column} as {kind})"
    if kind == "BOOLEAN":
        found = f"case {column} when '0' then false when '1' then true end"
    return f"coalesce({found}, if({column} is null, null, {refused})) as {column}"


_WRITTEN = {
    "BOOLEAN": "tinyint(1)",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "UTINYINT": "tinyint unsigned",
    "USMALLINT": "smallint unsigned",
    "UINTEGER": "int unsigned",
    "UBIGINT": "bigint unsigned",
    "HUGEINT": "decimal(39,0)",
    "UHUGEINT": "decimal(39,0)",
    "FLOAT": "float",
    "DOUBLE": "double",
    "DATE": "date",
    "TIME": "time(6)",
    "TIMESTAMP": "datetime(6)",
    "TIMESTAMP_S": "datetime(6)",
    "TIMESTAMP_MS": "datetime(6)",
    "TIMESTAMP_NS": "datetime(6)",
    "TIMESTAMP WITH TIME ZONE": "timestamp(6) null",
    "UUID": "char(36)",
    "BLOB": "longblob",
}
"""By the engine's type; every other one is text, as MySQL's own json changes numbers. A timestamp without `null` may
fill itself."""
_STORED = {
    "bigint": "BIGINT",
    "bigint unsigned": "UBIGINT",
    "bit(1)": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMP_S",
    "datetime(3)": "TIMESTAMP_MS",
    "datetime(6)": "TIMESTAMP",
    "double": "DOUBLE",
    "double unsigned": "DOUBLE",
    "float": "FLOAT",
    "float unsigned": "FLOAT",
    "int": "INTEGER",
    "int unsigned": "UINTEGER",
    "json": "JSON",
    "mediumint": "INTEGER",
    "mediumint unsigned": "UINTEGER",
    "smallint": "SMALLINT",
    "smallint unsigned": "USMALLINT",
    "time(6)": "TIME",
    "timestamp(6)": "TIMESTAMP WITH TIME ZONE",
    "timestamp(6) null": "TIMESTAMP WITH TIME ZONE",
    "tinyint": "TINYINT",
    "tinyint unsigned": "UTINYINT",
    "tinyint(1)": "BOOLEAN",
    "uuid": "UUID",
}
"""By a table's type without display widths."""
_TEXT = re.compile(r"(tiny|medium|long)?text\b|(var)?char\(")
_BYTES = re.compile(r"(tiny|medium|long)?blob\b|varbinary\(")
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_WIDTH = re.compile(r"^(tinyint|smallint|mediumint|int|bigint)\((\d+)\)( unsigned)?")
CHANGED = "changed"
"""Is no type: nothing may be written there, as values would change without a word."""


def is_nested(kind: str) -> bool:
    """Return whether it is a type of several values."""
    return kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]")


def written_type(kind: str) -> str:
    """Return the server's type for a column of a new table."""
    is_decimal = kind.startswith("DECIMAL") and not is_nested(kind)
    return kind.lower() if is_decimal else _WRITTEN.get(kind, "longtext")


def spelled_type(column_type: str) -> str:
    """Return a table's type without the display widths that some servers tell; `tinyint(1)` keeps its own."""
    found = _WIDTH.match(column_type)
    if found is None or column_type == "tinyint(1)":
        return column_type
    return f"{found[1]}{found[3] or ''}"


def column_kind(declared: str) -> str:
    """Return the engine's type for what such a column of a table can hold; CHANGED where it may change values."""
    decimal = _DECIMAL.match(declared)
    if decimal is not None:
        return f"DECIMAL({decimal[1]},{decimal[2]})"
    if _TEXT.match(declared):
        return "VARCHAR"
    return "BLOB" if _BYTES.match(declared) else _STORED.get(declared, CHANGED)


def stored(kind: str) -> str:
    """Return the engine's type for a new column when it is read again."""
    return column_kind(written_type(kind))
