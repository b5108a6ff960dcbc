"""Which columns a value may be written to: those that keep every value as it is, or refuse it.

A column of whole numbers with fewer digits, or a text of limited length, refuses; a type that rounds, cuts or changes
what a value means is not in these tables.
"""

import re

_WHOLE = frozenset(
    ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"]
)
_KEPT_BY = {
    "DATE": ("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP"),
    "ENUM": ("VARCHAR",),
    "FLOAT": ("DOUBLE",),
    "INTEGER": ("DOUBLE",),
    "INTERVAL": ("VARCHAR",),
    "JSON": ("VARCHAR",),
    "SMALLINT": ("FLOAT", "DOUBLE"),
    "TIMESTAMP_MS": ("TIMESTAMP",),
    "TIMESTAMP_S": ("TIMESTAMP_MS", "TIMESTAMP"),
    "TINYINT": ("FLOAT", "DOUBLE"),
    "UINTEGER": ("DOUBLE",),
    "USMALLINT": ("FLOAT", "DOUBLE"),
    "UTINYINT": ("FLOAT", "DOUBLE"),
    "UUID": ("VARCHAR",),
}
"""Beside the type itself; whole numbers and decimals are compared by the digits after the point."""

ANY_DECIMAL = "DECIMAL"
"""Stands for a column of decimals without a limit. It is read as text, and keeps every digit of one or refuses it."""


def takes(column: str, kind: str) -> bool:
    """Say whether a column of one of the engine's types keeps or refuses, and never changes, values of `kind`."""
    if column == kind or kind == '"NULL"' or column in _KEPT_BY.get(kind.partition("(")[0], ()):
        return True
    if column.endswith("[]") and kind.endswith("]"):
        return takes(column[:-2], kind.rpartition("[")[0])
    digits, room = _after_the_point(kind), _after_the_point(column)
    if column == ANY_DECIMAL:
        return digits is not None or kind == "VARCHAR"
    return digits is not None and room is not None and room >= digits


def _after_the_point(kind: str) -> int | None:
    """Return how many digits after the point an exact number may have; None for what is none."""
    found = re.fullmatch(r"DECIMAL\(\d+,(\d+)\)", kind)
    return int(found[1]) if found else 0 if kind in _WHOLE else None
