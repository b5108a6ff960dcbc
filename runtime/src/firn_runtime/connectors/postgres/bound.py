"""The bound of an incremental read as a condition that PostgreSQL decides, so that an index of the cursor is used."""

from collections.abc import Iterable, Sequence

from firn_runtime.connector import Bound
from firn_runtime.connectors.postgres.types import Column, of_array, read_type, written_type
from firn_runtime.identifiers import identifier


def bounded(
    query: str, values: Sequence[str | None], columns: Sequence[Column], bound: Bound, schema: Iterable[str]
) -> tuple[str, list[str | None]]:
    """Return the query with the bound as one more value; `columns` are those of the query.

    `schema` names those to which the step gives another type than the server does.
    """
    retyped = bound.column.lower() in map(str.lower, schema)
    column = next((one for one in columns if one.name.lower() == bound.column.lower()), None)
    if column is None:
        return f"select * from ({query}\n) as rows where false", [*values]  # the step says what is wrong
    if retyped and bound.type is None:
        return query, [*values]  # the engine alone knows what it is compared as
    if of_array(column) is not None:
        return query, [*values]
    kind = written_type(bound.type or read_type(column)).partition("(")[0]
    cursor = identifier(column.name)
    if kind == "text":  # in the order in which the engine compares texts
        cursor = f'cast({cursor} as text) collate "C"'
    elif retyped:
        cursor = f"cast({cursor} as {kind})"
    sign = ">=" if bound.inclusive else ">"
    value = f"cast(${len(values) + 1} as {kind})"
    return f"select * from ({query}\n) as rows where {cursor} {sign} {value}", [*values, bound.value]
