"""How a table of SQLite is read, where a declared type binds nobody: a column may hold texts beside its numbers.

The engine reads a column by its declared type. A column that `schema` gives a type of another kind is read as the text
that SQLite has for each value. Of the others SQLite is asked first for values that the engine would change or refuse.
"""

import re
from collections.abc import Container, Mapping, Sequence

from firn_runtime.connectors.values.projection import engine_types, projected
from firn_runtime.connectors.values.strict_cast import strict_cast
from firn_runtime.connectors.values.texts import WHOLE
from firn_runtime.engine import Relation, Session
from firn_runtime.engine.errors import AS_TEXT
from firn_runtime.engine.session import Row
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import failing, identifier, literal
from firn_schemas.visible import listing

_ENOUGH = {
    "BIGINT": ("BOOLEAN", *WHOLE),
    "BLOB": ("BLOB",),
    "DATE": ("DATE", "TIMESTAMP"),
    "DOUBLE": ("DECIMAL", "DOUBLE", "FLOAT"),
    "TIMESTAMP": ("DATE", "TIMESTAMP"),
}
"""By the type in which the engine reads a column: the beginnings of those that can be made of what it reads."""

_NO_DAY = (
    "({0} not glob '[0-9][0-9][0-9][0-9]-0[1-9]-[0-2][1-9]*'"
    " and ({0} not glob '[0-9][0-9][0-9][0-9][-/]*[0-9][-/]*[0-9]*'"
    " or ({0} glob '????-??-??*' and date(substr({0}, 1, 10), '+0 days') is not substr({0}, 1, 10))))"
)
"""The engine would not take it for a day. Two thirds of all days are told by their digits: `date` takes its time."""

_BENT = {
    "BLOB": "typeof({0}) = 'real' and cast(cast({0} as text) as real) <> {0}",
    "DATE": f"typeof({{0}}) in ('integer', 'real') or substr({{0}}, 11) glob '*[1-9]*' or {_NO_DAY}",
    "TIMESTAMP": "typeof({0}) = 'real' or (typeof({0}) = 'integer' and {0} > 253402300799)"
    " or (substr({0}, 17) glob '*[+-]*' and {0} not glob '*[+-]00' and {0} not glob '*[+-]00:00')"
    " or substr({0}, 20) glob '.[0-9][0-9][0-9][0-9][0-9][0-9]*[1-9]*'"
    f" or (typeof({{0}}) <> 'integer' and {_NO_DAY})",
    "DOUBLE": "typeof({0}) = 'integer' and {0} not between -9007199254740992 and 9007199254740992",
}
"""By the same type: the values that the engine would read as others, or refuse without a word about the column.
Integers are seconds since 1970 where a moment is declared, and end with the year 9999: more would be milliseconds."""

_DOUBTFUL = {
    "BLOB": _BENT["BLOB"],
    "DATE": "{0} not glob '[1-9]???-??-??'",
    "TIMESTAMP": "(typeof({0}) <> 'integer' or {0} > 253402300799) and {0} not glob '[1-9]???-??-?? ??:??:??'",
    "DOUBLE": "({0} > 9007199254740992 or {0} < -9007199254740992) and typeof({0}) = 'integer'",
}
"""What all of these are, and few others, in a fraction of the time."""

_MARKED = "iif(typeof({0}) = 'real', printf('r%!.20g', {0}), 't' || {0})"
"""A value as text. SQLite's own text of a real has fifteen digits; all of them are spelled by the engine."""
_UNMARKED = "if({0}[1] = 'r', cast(cast({0}[2:] as double) as varchar), {0}[2:])"
_CARRIED = {
    "BLOB": ("iif({0} is null, null, hex({0}))", "from_hex({0})"),
    "DATE": ("substr({0}, 1, 10)", "{0}"),
    "TIMESTAMP": ("iif(typeof({0}) = 'integer', datetime({0}, 'unixepoch'), {0})", "{0}"),
}
"""What SQLite is asked for, of which all is text, and what the engine makes of it: other types are marked."""
_AS_CARRIED = ("BLOB", "VARCHAR")

_TEXTS = re.compile("char|clob|text", re.IGNORECASE)
"""Types in which SQLite keeps numbers as text; the engine takes more for texts, such as `string` and `json`."""
_UTF_8 = "if({0} is null, null, coalesce(try(decode(encode({0}))), {1}))"
"""Fails for texts of other encodings, which the engine would pass on as they are."""
_GENERATED = ("2", "3")
_COLUMNS = "select name, type, hidden from pragma_table_xinfo({0})"
_MISLEADING = """
    select 1 from pragma_table_xinfo({0})
    where name = 'rowid' collate nocase and not (type = 'integer' collate nocase and pk = 1)"""
"""A column that has the name by which the engine asks for the number of a row, and is another."""


def source(
    session: Session, database: str, table: str, columns: Sequence[str] | None, schema: Mapping[str, str] | None
) -> Relation:
    """Return the rows of a table, with `columns` at least, for `schema` to be applied to.

    Raises ConnectorError for columns that would not be read as they are.
    """
    place = f"{database}.{identifier(table)}"
    own = session.described(Relation(f"from {place}"))
    declared = asked(session, database, _COLUMNS.format(literal(table)))
    if columns is None:
        _refuse_unseen(own, declared)
    wanted = {name.lower() for name in columns or own}
    told = {name.lower(): kind for name, kind in engine_types(session, schema or {}).items()}
    loose = {str(name) for name, kind, _ in declared if not _TEXTS.search(str(kind))}
    carried = {
        name: "BLOB" if told[name.lower()] == "BLOB" else "VARCHAR"
        for name, kind in own.items()
        if name.lower() in told and not _is_enough(kind, told[name.lower()], is_loose=name in loose)
    }
    read = {name: carried.get(name, kind) for name, kind in own.items() if name.lower() in wanted}
    _refuse_bent(session, database, table, read)
    if carried or is_misleading(session, database, table):
        return Relation(_carried(database, table, read))
    return Relation(f"({projected(place, own, _texts(read))})")


def _is_enough(own: str, told: str, *, is_loose: bool) -> bool:
    """Return whether a column becomes what it is told to be from what the engine reads."""
    if own == "VARCHAR":
        return told != "BLOB" and not is_loose
    return told.startswith(_ENOUGH.get(own, ""))


def _carried(database: str, table: str, read: Mapping[str, str]) -> str:
    """Return a SELECT of columns in these types that SQLite itself reads."""
    asked, made = [], []
    for name, kind in read.items():
        column = identifier(name)
        outside, inside = _CARRIED.get(kind, (_MARKED, _UNMARKED))
        asked.append(f"{outside.format(column)} as {column}")
        made.append(f"{inside.format(column)} as {column}")
    sql = f"select {', '.join(asked)} from {identifier(table)}"
    whole = projected(_query(database, sql), read, _texts(read))
    texts = f"(select {', '.join(made)} from ({whole}))"
    values = {name: strict_cast(name, "VARCHAR", kind) for name, kind in read.items() if kind not in _AS_CARRIED}
    return f"({projected(texts, read, values)})"


def _texts(read: Mapping[str, str]) -> dict[str, str]:
    """Return SQL for the columns of texts, which fails where one is of another encoding."""
    said = "the column `{}` holds a text that is not UTF-8"
    return {
        name: _UTF_8.format(identifier(name), failing(said.format(name)))
        for name, kind in read.items()
        if kind == "VARCHAR"
    }


def _refuse_bent(session: Session, database: str, table: str, read: Mapping[str, str]) -> None:
    """Raise ConnectorError for the first column with values that are not read as they are."""
    doubtful = {name: kind for name, kind in read.items() if kind in _BENT}
    any_of = " or ".join(f"({_DOUBTFUL[kind].format(identifier(name))})" for name, kind in doubtful.items())
    if not doubtful or not asked(session, database, f"select 1 from {identifier(table)} where {any_of} limit 1"):
        return
    bent = ", ".join(
        f"max(case when {_BENT[kind].format(identifier(name))} then typeof({identifier(name)}) end)"
        for name, kind in doubtful.items()
    )
    (found,) = asked(session, database, f"select {bent} from {identifier(table)}")
    for (name, kind), storage in zip(doubtful.items(), found, strict=True):
        if storage is not None:
            said = f"the column `{name}` holds values of SQLite's type {storage} that are not read as {kind} unchanged"
            raise ConnectorError("data", said, AS_TEXT.format(name))


def _refuse_unseen(own: Container[str], declared: Sequence[Row]) -> None:
    """Columns that SQLite generates are hidden from the engine."""
    unseen = listing(name for name, _, hidden in declared if hidden in _GENERATED and name not in own)
    if unseen:
        said = f"the table has columns that SQLite generates, and that cannot be read: {unseen}"
        raise ConnectorError("data", said, "name the others in `columns`")


def is_misleading(session: Session, database: str, table: str) -> bool:
    """Say whether the engine would take a column for the number of the row: it would miss rows, and change others."""
    return asked(session, database, _MISLEADING.format(literal(table))) != []


def asked(session: Session, database: str, sql: str) -> list[Row]:
    """Return what SQLite itself answers, all of it texts."""
    return session.execute(f"from {_query(database, sql)}")


def _query(database: str, sql: str) -> str:
    return f"sqlite_query({literal(database)}, {literal(sql)})"
