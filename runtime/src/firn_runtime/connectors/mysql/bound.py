"""The bound of an incremental read as a condition that MySQL decides, so that an index of the cursor is used."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from firn_runtime.connector import Bound
from firn_runtime.connectors.mysql.placeholders import Value
from firn_runtime.connectors.mysql.types import Column, quoted, read_type

_PLACES = {
    "DATE": "cast(? as date)",
    "TIMESTAMP": "cast(? as datetime(6))",
    "TIMESTAMP WITH TIME ZONE": "cast(? as datetime(6))",
}
_WHOLE = frozenset(
    ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"]
)  # fmt: skip


def bounded(
    query: str, values: Sequence[Value], columns: Sequence[Column], bound: Bound, schema: Iterable[str]
) -> tuple[str, list[Value]]:
    """Return the query with the bound as one more value; `columns` are those of the query.

    `schema` names those to which the step gives another type than the server does: there the engine alone compares,
    as it does for types that the server compares in another way.
    """
    retyped = bound.column.lower() in map(str.lower, schema)
    column = next((one for one in columns if one.name.lower() == bound.column.lower()), None)
    kind = read_type(column) if column is not None else ""
    if column is None or retyped or (bound.type is not None and bound.type != kind):
        return query, [*values]
    compared, place = quoted(column.name), _place(kind)
    if kind == "VARCHAR":  # by their bytes, as the engine compares texts
        compared = f"cast(convert({compared} using utf8mb4) as binary)"
    if not place:
        return query, [*values]
    given = _time(bound.value, kind) if kind.startswith("TIMESTAMP") else bound.value
    if given is None:
        return query, [*values]
    sign = ">=" if bound.inclusive else ">"
    return f"select * from ({query}\n) as firn_rows where {compared} {sign} {place}", [*values, given]


def _time(value: str, kind: str) -> str | None:
    """Return a time without its offset, which MariaDB does not see; nothing where the engine alone can read it.

    An offset moves what has a zone, and nothing else, as in the engine.
    """
    try:
        at = datetime.fromisoformat(value)
        moved = at.astimezone(UTC) if at.tzinfo and kind.endswith("ZONE") else at
    except (OverflowError, ValueError):
        return None
    return moved.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _place(kind: str) -> str:
    """Return the SQL of the bound's value; nothing where the server would not compare as the engine does."""
    if kind.startswith("DECIMAL"):
        return f"cast(? as {kind.lower()})"
    if kind == "VARCHAR":
        return "cast(? as binary)"
    if kind == "HUGEINT":
        return "cast(? as decimal(39,0))"
    return "cast(? as decimal(20,0))" if kind in _WHOLE else _PLACES.get(kind, "")
