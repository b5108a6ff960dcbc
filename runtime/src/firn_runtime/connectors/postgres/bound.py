"""The bound of an incremental read as a condition that PostgreSQL decides, so that an index of the cursor is used."""

from collections.abc import Iterable, Sequence

from firn_runtime.connector import Bound
from firn_runtime.connectors.postgres.types import Column, of_array, read_type, written_type
from firn_runtime.engine import Session
from firn_runtime.identifiers import identifier, literal


def bounded(
    query: str,
    values: Sequence[str | None],
    columns: Sequence[Column],
    bound: Bound,
    schema: Iterable[str],
    session: Session,
) -> tuple[str, list[str | None]]:
    """Return the query with the bound as one more value; `columns` are those of the query.

    `schema` names those to which the step gives another type than the server does.
    """
    retyped = bound.column.lower() in map(str.lower, schema)
    column = next((one for one in columns if one.name.lower() == bound.column.lower()), None)
    if column is None:
        return _nothing(query, values)
    if retyped and bound.type is None:
        return query, [*values]  # the engine alone knows what it is compared as
    if of_array(column) is not None:
        return query, [*values]
    given = _as_read(bound.value, bound.type or read_type(column), session)
    if given is None:
        return _nothing(query, values)
    kind = written_type(bound.type or read_type(column)).partition("(")[0]
    cursor = identifier(column.name)
    if kind == "text":  # in the order in which the engine compares texts
        cursor = f'cast({cursor} as text) collate "C"'
    elif retyped:
        cursor = f"cast({cursor} as {kind})"
    sign = ">=" if bound.inclusive else ">"
    value = f"cast(${len(values) + 1} as {kind})"
    return f"select * from ({query}\n) as rows where {cursor} {sign} {value}", [*values, given]


def _nothing(query: str, values: Sequence[str | None]) -> tuple[str, list[str | None]]:
    """Return a query without rows: the step says what is wrong."""
    return f"select * from ({query}\n) as rows where false", [*values]


def _as_read(value: str, kind: str, session: Session) -> str | None:
    """Return what the engine takes a value for, spelled as of its type; nothing where it is none of it.

    That holds for a watermark too: to the server a year before Christ has no sign.
    """
    ((found,),) = session.execute(f"SELECT CAST(TRY_CAST({literal(value)} AS {kind}) AS VARCHAR)")
    return None if found is None else str(found)
