"""Names and texts as SQL: quoted, never pasted bare."""

import re

from firn_runtime.errors import ConnectorError

_TYPE = re.compile(r'[A-Za-z][A-Za-z0-9_ ,()\[\]"]*')


def quoted(name: str) -> str:
    """Return `name` as one SQL identifier."""
    if "\0" in name or not name:
        raise ConnectorError("data", "a name is empty or holds a NUL character")
    return '"' + name.replace('"', '""') + '"'


def dotted(*names: str) -> str:
    """Return a qualified name, each part quoted."""
    return ".".join(quoted(name) for name in names)


def literal(text: str) -> str:
    """Return `text` as one SQL string. For places where the engine takes no parameter; values are bound."""
    if "\0" in text:
        raise ConnectorError("data", "a text holds a NUL character")
    return "'" + text.replace("'", "''") + "'"


def literals(texts: list[str]) -> str:
    """Return a list of SQL strings."""
    return "[" + ", ".join(literal(text) for text in texts) + "]"


def table_name(table: str) -> tuple[str, ...]:
    """Split `table` or `schema.table` into its parts."""
    parts = tuple(table.split("."))
    if len(parts) > 2 or not all(parts):
        raise ConnectorError("data", f"`{table}` is not a table's name", "write `table` or `schema.table`")
    return parts


def type_name(column: str, text: str) -> str:
    """Return an SQL type that cannot be anything else: words, commas and brackets that close what they opened."""
    depth = 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            break
    if depth or text.count('"') % 2 or not _TYPE.fullmatch(text):
        raise ConnectorError("data", f"the type of `{column}` in `schema` is not an SQL type")
    return text


def projection(columns: list[str] | None, schema: dict[str, str] | None) -> str:
    """Return the select list of a read: `columns`, or else those of `schema`, each cast to its type; or all."""
    names = columns if columns is not None else list(schema or {})
    types = schema or {}
    cast = [
        f"cast({quoted(name)} as {type_name(name, types[name])}) as {quoted(name)}" if name in types else quoted(name)
        for name in names
    ]
    return ", ".join(cast) or "*"
