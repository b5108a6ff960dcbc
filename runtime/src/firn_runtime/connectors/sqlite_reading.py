"""What the engine would change of a SQLite table without a word when it reads it: SQLite itself looks for such values.

In SQLite a declared type binds nobody: where the engine takes a column for dates, an integer may be seconds or days.
"""

from collections.abc import Container

from firn_runtime.engine import Row, Session
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier, literal

_BENT = {
    "DATE": "typeof({0}) in ('integer', 'real') or substr({0}, 11) glob '*[1-9]*'",
    "TIMESTAMP": "typeof({0}) = 'real' or (typeof({0}) = 'integer' and {0} > 253402300799)"
    " or (substr({0}, 17) glob '*[+-]*' and {0} not glob '*[+-]00' and {0} not glob '*[+-]00:00')"
    " or substr({0}, 20) glob '.[0-9][0-9][0-9][0-9][0-9][0-9]*[1-9]*'",
    "DOUBLE": "typeof({0}) = 'integer' and {0} not between -9007199254740992 and 9007199254740992",
}
"""By the type in which the engine reads a column: the values that it would read as others. Integers are seconds since
1970 where a moment is declared, and end with the year 9999: more would be milliseconds."""


def refuse_bent(session: Session, database: str, table: str, wanted: Container[str] | None) -> None:
    """Raise ConnectorError where a column that is wanted, by its name in lower case, cannot be read as it is."""
    columns = [(name, kind) for name, kind, *_ in session.execute(f"describe {database}.{identifier(table)}")]
    if wanted is None:
        _refuse_unseen(session, database, table, {name.lower() for name, _ in columns})
    doubtful = [one for one in columns if one[1] in _BENT and (wanted is None or one[0].lower() in wanted)]
    if not doubtful:
        return
    counts = ", ".join(f"total({_BENT[kind].format(identifier(name))})" for name, kind in doubtful)
    (found,) = _asked(session, database, f"select {counts} from {identifier(table)}")
    for (name, kind), count in zip(doubtful, found, strict=True):
        if float(count):
            said = f"the column `{name}` holds values that would be changed by reading them as {kind}"
            raise ConnectorError("data", said, "declare it in SQLite as what it holds, or leave it out by `columns`")


def _refuse_unseen(session: Session, database: str, table: str, seen: Container[str]) -> None:
    """Columns that SQLite generates are hidden from the engine."""
    sql = f"select name from pragma_table_xinfo({literal(table)}) where hidden in (2, 3)"
    rows = _asked(session, database, sql)
    unseen = ", ".join(f"`{one}`" for (one,) in rows if str(one).lower() not in seen)
    if unseen:
        said = f"the table has columns that SQLite generates, and that cannot be read: {unseen}"
        raise ConnectorError("data", said, "name the others in `columns`")


def _asked(session: Session, database: str, sql: str) -> list[Row]:
    """Return what SQLite itself answers."""
    return session.execute(f"from sqlite_query({literal(database)}, {literal(sql)})")
