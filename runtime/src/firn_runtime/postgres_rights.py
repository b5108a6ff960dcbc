"""What a user may do in PostgreSQL, asked of the server's catalog; nothing is tried.

See PostgreSQL's documentation, 9.27.2, Access Privilege Inquiry Functions. Names are quoted, and qualified or not.
"""

from collections.abc import Callable, Sequence
from typing import Any

Ask = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""Runs one SELECT with values for `$1`, `$2`, … and returns its rows."""


def table_refusal(ask: Ask, table: str, *rights: str) -> str | None:
    """Say which rights the user lacks on a table, nothing where all are there; None: no such table.

    The user must have USAGE of its schema: see `schema_refusal`.
    """
    ((there,),) = ask("select to_regclass($1) is not null", (table,))
    if not there:
        return None
    sql = "select has_table_privilege(to_regclass($1)::oid, $2)"
    return _lacks([right for right in rights if not ask(sql, (table, right))[0][0]], table)


def schema_refusal(ask: Ask, schema: str, *rights: str) -> str | None:
    """Say which rights the user lacks on a schema, nothing where all are there; None: no such schema."""
    ((there,),) = ask("select to_regnamespace($1) is not null", (schema,))
    if not there:
        return None
    sql = "select has_schema_privilege(to_regnamespace($1)::oid, $2)"
    return _lacks([right for right in rights if not ask(sql, (schema, right))[0][0]], f"the schema {schema}")


def making_refusal(ask: Ask, schema: str) -> str:
    """Say why no table can be made in a schema, which is made where it is missing; nothing where one can."""
    reason = schema_refusal(ask, schema, "USAGE", "CREATE")
    if reason is None:
        ((may,),) = ask("select has_database_privilege(current_database(), 'CREATE')", ())
        return "" if may else f"there is no schema {schema}, and the user may not make one"
    return reason


def _lacks(rights: list[str], what: str) -> str:
    return f"the user lacks {' and '.join(rights)} on {what}" if rights else ""
