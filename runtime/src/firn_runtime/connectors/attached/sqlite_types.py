"""What DuckDB's types become in SQLite, which knows integers, reals, texts and blobs."""

from firn_runtime.connectors.databases.schema_policy import Types
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import failing, identifier, literal

INEXACT = "which SQLite cannot hold"
INEXACT_HELP = "cast to text or round in a `sql` step before"
COUNTED = "of which SQLite makes numbers in a column of this type"
NUMBERED = "for which SQLite takes the next number of a row"
HELPS = {
    INEXACT: INEXACT_HELP,
    COUNTED: "declare the column as `text`",
    NUMBERED: "number these rows in a `sql` step before; or leave the column out, and SQLite numbers all of them",
}
"""By the end of a message that an error within a statement has, which cannot carry its help."""

_DOUBLES = ("FLOAT", "DOUBLE")
_WIDE = ("HUGEINT", "UBIGINT", "UHUGEINT")
_INTEGERS = (
    *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", '"NULL"', *_WIDE),
)
_NUMBER = r"[ \t\n\v\f\r]*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?[ \t\n\v\f\r]*"
_SAME = "0|-?[1-9][0-9]{0,17}"
"""Whole numbers, whose text is theirs again."""


def sqlite_type(kind: str) -> str:
    """Return the type of a column for one of the engine's types; the engine reads the column as the same.

    Decimals become reals, so that SQLite compares and sums them as numbers. Booleans become 0 and 1, dates, times and
    nested values text.
    """
    if kind in _DOUBLES or _is_decimal(kind):
        return "DOUBLE"
    return "BIGINT" if kind in _INTEGERS else "BLOB" if kind == "BLOB" else "VARCHAR"


def sqlite_value(name: str, kind: str) -> str:
    """Return a column as SQLite takes it: an error that ends with INEXACT where SQLite cannot hold one of its values.

    Raises ConnectorError for a type whose values would all be others.
    """
    column = identifier(name)
    if "UNION(" in kind:
        raise ConnectorError("data", f"`{name}` is {kind}, {INEXACT}", INEXACT_HELP)
    cast = f"cast({column} as {sqlite_type(kind)})"
    if _is_decimal(kind):
        return _unless(
            f"try_cast({cast} as {kind}) is distinct from {column}",
            name,
            kind,
            "decimals of more digits than a real",
            cast,
        )
    if kind in _DOUBLES:  # SQLite would take NaN for NULL
        return _unless(f"isnan({column})", name, kind, "NaN", cast)
    if kind in _WIDE:
        beyond = f"{column} is not null and try_cast({column} as BIGINT) is null"
        return _unless(beyond, name, kind, "numbers beyond a BIGINT", f"try_cast({column} as BIGINT)")
    return cast


def kept_text(name: str, kind: str, taken: str) -> str:
    """Return a column for one in which SQLite makes numbers of texts: an error where a text would be another one."""
    if sqlite_type(kind) != "VARCHAR":
        return taken
    wrong = f"regexp_full_match({taken}, {literal(_NUMBER)}) and not regexp_full_match({taken}, {literal(_SAME)})"
    return _refused(wrong, f"`{name}` is {kind} and holds texts, {COUNTED}", taken)


def numbered(name: str, taken: str) -> str:
    """Return a column for that of the rows' numbers: an error where it is NULL, of which SQLite would make a number."""
    return _refused(f"{identifier(name)} is null", f"`{name}` holds NULL, {NUMBERED}", taken)


def _unless(wrong: str, name: str, kind: str, values: str, cast: str) -> str:
    return _refused(wrong, f"`{name}` is {kind} and holds {values}, {INEXACT}", cast)


def _refused(wrong: str, said: str, cast: str) -> str:
    return f"case when {wrong} then {failing(said)} else {cast} end"


def _is_decimal(kind: str) -> bool:
    return kind.startswith("DECIMAL") and not kind.endswith("]")


SQLITE_TYPES = Types(declared=sqlite_type, stored=sqlite_type)
