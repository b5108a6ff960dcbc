"""What `columns` and `schema` make of a source's rows, the same for every connector."""

import re

from firn_runtime.engine import identifier
from firn_runtime.errors import ConnectorError

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?: [A-Za-z]+)*(?:\(\s*\d+\s*(?:,\s*\d+\s*)?\))?(?:\[\d*\])*\Z")

_OF_TEXT = re.compile(r"(?:DEC|NUM|BLOB|BYTEA|BINARY|VARBINARY).*\]\Z", re.IGNORECASE)
"""Lists that are made of JSON by way of its text: the engine would take its numbers for doubles."""


def sql_type(name: str, text: str) -> str:
    """Return a SQL type as it stands in a `schema`; raise ConnectorError for anything that is not one."""
    if not _TYPE.match(text.strip()):
        raise ConnectorError("data", f"the type of the column `{name}` is not a SQL type", "such as `decimal(18,2)`")
    return text.strip()


def projected(source: str, columns: list[str] | None, schema: dict[str, str] | None = None) -> str:
    """Return a SELECT over `source` with only `columns`, in their order, cast to the types of `schema`."""
    types = schema or {}
    if columns is not None:
        return f"SELECT {', '.join(_column(name, types) for name in columns)} FROM {source}"
    if types:
        casts = ", ".join(_column(name, types) for name in types)
        return f"SELECT * REPLACE ({casts}) FROM {source}"
    return f"SELECT * FROM {source}"


def _column(name: str, types: dict[str, str]) -> str:
    quoted = identifier(name)
    if name not in types:
        return quoted
    kind = sql_type(name, types[name])
    text = f"CAST({quoted} AS VARCHAR)" if _OF_TEXT.match(kind) else quoted
    return f"CAST({text} AS {kind}) AS {quoted}"


def table_name(text: str, default_schema: str = "main") -> tuple[str, str]:
    """Return schema and table of `table` or `schema.table`, unquoted."""
    schema, dot, table = text.rpartition(".")
    if not table or (dot and not schema):
        raise ConnectorError("data", "`table` is a name, or `schema.name`")
    return (schema or default_schema), table
