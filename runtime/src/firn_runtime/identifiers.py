"""Names and texts as SQL: quoted, never pasted bare."""

from firn_runtime.errors import ConnectorError
from firn_schemas.visible import visible


def identifier(name: str) -> str:
    """Return `name` as one SQL identifier."""
    if "\0" in name or not name:
        raise ConnectorError("data", "a name is empty or holds a NUL character")
    return '"' + name.replace('"', '""') + '"'


def dotted(*names: str) -> str:
    """Return a qualified name, each part quoted."""
    return ".".join(identifier(name) for name in names)


def literal(text: str) -> str:
    """Return `text` as one SQL string. For places where the engine takes no parameter; values are bound."""
    if "\0" in text:
        raise ConnectorError("data", "a text holds a NUL character")
    return "'" + text.replace("'", "''") + "'"


def failing(said: str) -> str:
    """Return SQL that fails with a sentence.

    It is one line, whatever a name in it holds: of the engine's errors the others are left out.
    """
    return f"error({literal(visible(said))})"
