"""What a preflight sees of a PostgreSQL database whose login was accepted: may the flow's tables be used?"""

from collections.abc import Iterator, Sequence

from firn_runtime.connectors.databases.loads import TABLE
from firn_runtime.connectors.values.projection import table_name
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier
from firn_runtime.postgres_rights import Ask, making_refusal, schema_refusal, table_refusal
from firn_runtime.probing import Seen, Use, allowed, failed, missing


def probed(ask: Ask, schema: str | None, uses: Sequence[Use]) -> Iterator[Seen]:
    """Yield what the user may do with the tables that the flow names; `schema` is the resource's own.

    `ask` runs within a transaction that may not write, on the search path that a step would have.
    """
    ((user,),) = ask("select current_user", ())
    yield Seen("login", "ok", f"the server lets `{user}` in")
    for use in uses:
        if use.table is not None:
            try:
                yield _seen(ask, *table_name(use.table, schema or ""), use, uses)
            except ConnectorError as error:
                yield failed(use.access, error)


def _seen(ask: Ask, schema: str, table: str, use: Use, uses: Sequence[Use]) -> Seen:
    reason = _to_read(ask, schema, table) if use.access == "read" else _to_write(ask, schema, table)
    if reason is None:
        return missing(use, uses, f"there is no table `{use.table}`", "it is the step's `table`")
    return allowed(use, reason)


def _to_read(ask: Ask, schema: str, table: str) -> str | None:
    """Say why a table cannot be read; nothing where it can, None where there is none."""
    reason = schema_refusal(ask, identifier(schema), "USAGE") if schema else ""
    if reason == "":
        return table_refusal(ask, _qualified(schema, table), "SELECT")
    return reason


def _to_write(ask: Ask, schema: str, table: str) -> str:
    """Say why nothing can be published in a table; schema, table and table of loads are made where they are missing."""
    if not schema:
        ((schema,),) = ask("select current_schema()", ())
    if schema is None:
        return "the server's search path leads to no schema; name one in the resource's `schema`"
    reason = schema_refusal(ask, identifier(schema), "USAGE")
    if reason == "":
        reason = table_refusal(ask, _qualified(schema, TABLE), "SELECT", "INSERT", "DELETE")
    if reason == "":
        reason = table_refusal(ask, _qualified(schema, table), "INSERT", "DELETE")
    return making_refusal(ask, identifier(schema)) if reason is None else reason


def _qualified(schema: str, table: str) -> str:
    return f"{identifier(schema)}.{identifier(table)}" if schema else identifier(table)
