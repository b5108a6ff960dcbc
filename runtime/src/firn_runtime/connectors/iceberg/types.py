"""Types of the Iceberg table specification, beside the engine's."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from firn_runtime.confined_paths import shown
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier

_PLAIN = {
    "binary": "BLOB",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "double": "DOUBLE",
    "float": "FLOAT",
    "int": "INTEGER",
    "long": "BIGINT",
    "string": "VARCHAR",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamp_ns": "TIMESTAMP_NS",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "uuid": "UUID",
}
_DECIMAL = re.compile(r"decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)\Z")
_FIXED = re.compile(r"fixed\[\d+\]\Z")
_NEW = {
    **{kind: name for name, kind in _PLAIN.items() if name != "timestamp_ns"},
    **dict.fromkeys(["TINYINT", "SMALLINT", "UTINYINT", "USMALLINT"], "int"),
    **dict.fromkeys(["TIMESTAMP_S", "TIMESTAMP_MS"], "timestamp"),
    '"NULL"': "int",
    "HUGEINT": "decimal(38, 0)",
    "JSON": "string",
    "UBIGINT": "decimal(20, 0)",
    "UINTEGER": "long",
}
_HELP = "cast it in a `sql` step before, such as to text"


class Field(NamedTuple):
    """A field of a table's schema, or of a struct in it."""

    id: int
    name: str
    type: Any
    """A name, or an object with `type`: `struct`, `list` or `map`."""
    required: bool = False
    has_default: bool = False
    """Files that lack it do not mean NULL (format version 3)."""


def field_of(found: Mapping[str, Any]) -> Field:
    """Return a field as metadata spell it; KeyError, TypeError or ValueError where it is none."""
    default = found.get("initial-default") is not None
    return Field(int(found["id"]), str(found["name"]), found["type"], bool(found["required"]), default)


def engine_type(column: str, kind: Any) -> str:
    """Return the engine's type; raise ConnectorError for one that the engine, or this connector, does not have."""
    if isinstance(kind, Mapping):
        return _nested(column, kind)
    found = _DECIMAL.match(kind) if isinstance(kind, str) else None
    if found and int(found[2]) <= int(found[1]) <= 38:
        return f"DECIMAL({int(found[1])},{int(found[2])})"
    if isinstance(kind, str) and (kind in _PLAIN or _FIXED.match(kind)):
        return _PLAIN.get(kind, "BLOB")
    said = f"the column `{shown(column)}` is {shown(str(kind))}, which this version does not read"
    raise ConnectorError("data", said, "leave it out with `columns`")


def _nested(column: str, kind: Mapping[str, Any]) -> str:
    if kind["type"] == "list":
        return f"{engine_type(column, kind['element'])}[]"
    if kind["type"] == "map":
        return f"MAP({engine_type(column, kind['key'])}, {engine_type(column, kind['value'])})"
    if kind["type"] == "struct" and kind["fields"]:
        inner = (field_of(one) for one in kind["fields"])
        return f"STRUCT({', '.join(f'{identifier(one.name)} {engine_type(column, one.type)}' for one in inner)})"
    return engine_type(column, "an empty struct")


def table_type(column: str, kind: str) -> str:
    """Return the type of a new column for one of the engine's types; raise ConnectorError where there is none."""
    found = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind)
    if found:
        return f"decimal({found[1]}, {found[2]})"
    name = "string" if kind.startswith("ENUM(") and not kind.endswith("]") else _NEW.get(kind)
    if name is None:
        raise ConnectorError("data", f"`{column}` is {kind}, for which this version makes no Iceberg column", _HELP)
    return name


def is_written(kind: Any) -> bool:
    """Say whether values of a column of this type can be written."""
    return isinstance(kind, str) and ((kind in _PLAIN and kind != "timestamp_ns") or bool(_DECIMAL.match(kind)))
