"""What a preflight sees of a MySQL database whose login was accepted: may the flow's tables be used?"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from firn_runtime.connectors.databases.loads import TABLE
from firn_runtime.connectors.mysql.table import LOCKS
from firn_runtime.connectors.mysql.types import quoted, text_literal
from firn_runtime.connectors.values.projection import table_name
from firn_runtime.errors import ConnectorError
from firn_runtime.probing import Seen, Use, allowed, failed, missing

Ask = Callable[[str], list[tuple[Any, ...]]]
"""Runs one statement."""

_READ = "select 1 from {table} limit 0"
_WRITES = (
    "explain insert into {table} select * from {table} limit 0",
    "explain delete from {table} where false",
)


def probed(ask: Ask, schema: str, uses: Sequence[Use]) -> Iterator[Seen]:
    """Yield what the user may do with the tables that the flow names; `schema` is the resource's database.

    The server checks the rights of a statement that it only explains, and changes nothing. Whether a table may be made
    is not looked at: only the grants' own text would tell.
    """
    ((user,),) = ask("select current_user()")
    yield Seen("login", "ok", f"the server lets `{user}` in")
    for use in uses:
        if use.table is not None:
            try:
                yield _seen(ask, *table_name(use.table, schema), use, uses)
            except ConnectorError as error:
                yield failed(use.access, error)


def _seen(ask: Ask, schema: str, table: str, use: Use, uses: Sequence[Use]) -> Seen:
    if not _is_there(ask, schema, table):
        return _absent(use, uses)
    try:
        _try(ask, schema, table, use)
    except ConnectorError as error:
        return allowed(use, error.message)
    return allowed(use, "")


def _try(ask: Ask, schema: str, table: str, use: Use) -> None:
    """Raise what the server says of statements such as the step will run."""
    ask(_READ.format(table=_qualified(schema, table)))
    if use.access == "write":
        for name in (table, *(own for own in (TABLE, LOCKS) if _is_there(ask, schema, own))):
            for statement in _WRITES:
                ask(statement.format(table=_qualified(schema, name)))


def _is_there(ask: Ask, schema: str, table: str) -> bool:
    place = f"table_schema = {text_literal(schema)} and table_name = {text_literal(table)}"
    return bool(ask(f"select 1 from information_schema.tables where {place}"))


def _absent(use: Use, uses: Sequence[Use]) -> Seen:
    """Say of a table that is not seen whether that matters; one without any right is not seen either."""
    if use.access == "read":
        help = "it is the step's `table`; the user may lack every right to it"
        return missing(use, uses, f"there is no table `{use.table}`", help)
    return Seen("write", "ok", f"the table `{use.table}` is made by the write, if the user may")


def _qualified(schema: str, table: str) -> str:
    return f"{quoted(schema)}.{quoted(table)}"
