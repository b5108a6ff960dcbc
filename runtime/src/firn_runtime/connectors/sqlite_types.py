"""What DuckDB's types become in SQLite, which knows integers, reals, texts and blobs."""

from firn_runtime.connectors.schema_policy import Types
from firn_runtime.engine import identifier, literal

INEXACT = "holds decimals that SQLite's numbers cannot hold exactly"
INEXACT_HELP = "cast to text or round in a `sql` step before"

_DOUBLES = ("FLOAT", "DOUBLE")
_INTEGERS = (
    *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", '"NULL"'),
)


def sqlite_type(kind: str) -> str:
    """Return the type of a column for one of the engine's types; the engine reads the column as the same.

    Decimals become reals, so that SQLite compares and sums them as numbers. Booleans become 0 and 1, dates, times and
    nested values text.
    """
    if kind in _DOUBLES or _is_decimal(kind):
        return "DOUBLE"
    return "BIGINT" if kind in _INTEGERS else "BLOB" if kind == "BLOB" else "VARCHAR"


def sqlite_value(name: str, kind: str) -> str:
    """Return a column as SQLite takes it: an error that says INEXACT where a real cannot hold one of its decimals."""
    column = identifier(name)
    cast = f"cast({column} as {sqlite_type(kind)})"
    if not _is_decimal(kind):
        return cast
    said = literal(f"`{name}` {INEXACT}")
    return f"case when cast({cast} as {kind}) is distinct from {column} then error({said}) else {cast} end"


def _is_decimal(kind: str) -> bool:
    return kind.startswith("DECIMAL") and not kind.endswith("]")


SQLITE_TYPES = Types(declared=sqlite_type, stored=sqlite_type)
