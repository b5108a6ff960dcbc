"""What a preflight sees of a MySQL database whose login was accepted: may the flow's tables be used?"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from firn_runtime.connectors.mysql_types import quoted
from firn_runtime.connectors.projection import table_name
from firn_runtime.errors import ConnectorError
from firn_runtime.probing import Seen, Use, failed, missing

Ask = Callable[[str], list[tuple[Any, ...]]]
"""Runs one statement."""

_WRITES = (
    "explain insert into {table} select * from {table} limit 0",
    "explain delete from {table} where false",
)


def probed(ask: Ask, schema: str, uses: Sequence[Use]) -> Iterator[Seen]:
    """Yield what the user may do with the tables that the flow names; `schema` is the resource's database.

    The server checks the rights of a statement that it only explains; `ask` runs within a transaction that may not
    write.
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
    done = {"read": "read", "write": "written"}[use.access]
    name = f"{quoted(schema)}.{quoted(table)}"
    known = "select table_name from information_schema.tables where table_schema = {} and table_name = {}"
    if not ask(known.format(_literal(schema), _literal(table))):
        return _absent(use, uses)
    for statement in ("select 1 from {table} limit 0", *(_WRITES if use.access == "write" else ())):
        try:
            ask(statement.format(table=name))
        except ConnectorError as error:
            said = f"the table `{use.table}` cannot be {done}: {error.message}"
            return Seen(use.access, "failed", said, "grant what is lacking")
    return Seen(use.access, "ok", f"the table `{use.table}` can be {done}")


def _absent(use: Use, uses: Sequence[Use]) -> Seen:
    """Say of a table that is not seen whether that matters; one without any right is not seen either."""
    if use.access == "read":
        help = "it is the step's `table`; the user may lack every right to it"
        return missing(use, uses, f"there is no table `{use.table}`", help)
    return Seen("write", "ok", f"the table `{use.table}` is made by the write, if the user may")


def _literal(text: str) -> str:
    return f"convert(x'{text.encode().hex()}' using utf8mb4)"
