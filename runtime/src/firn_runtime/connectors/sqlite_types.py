"""What DuckDB's types become in SQLite, which knows integers, reals, texts and blobs."""

from firn_runtime.engine import Session, identifier
from firn_runtime.errors import ConnectorError

_KEPT = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "DOUBLE", "VARCHAR", "BLOB")
_CAST = {"BOOLEAN": "BIGINT", "UBIGINT": "BIGINT", "HUGEINT": "BIGINT", "UHUGEINT": "BIGINT", "FLOAT": "DOUBLE"}


def sqlite_rows(session: Session, dataset: str) -> str:
    """Return a SELECT of the dataset in SQLite's types.

    Decimals become reals, so that SQLite compares and sums them as numbers; a column with a value that a real cannot
    hold is a ConnectorError. Booleans become 0 and 1, dates, times and nested values text.
    """
    columns = session.columns(dataset)
    _refuse_inexact(session, dataset, columns)
    chosen = ", ".join(_cast(name, kind) for name, kind in columns.items())
    return f"SELECT {chosen} FROM {identifier(dataset)}"


def _cast(name: str, kind: str) -> str:
    column = identifier(name)
    if kind in _KEPT:
        return column
    target = "DOUBLE" if kind.startswith("DECIMAL") else _CAST.get(kind, "VARCHAR")
    return f"CAST({column} AS {target}) AS {column}"


def _refuse_inexact(session: Session, dataset: str, columns: dict[str, str]) -> None:
    decimals = {name: kind for name, kind in columns.items() if kind.startswith("DECIMAL") and not kind.endswith("]")}
    if not decimals:
        return
    changed = ", ".join(
        f"count_if(CAST(CAST({identifier(name)} AS DOUBLE) AS {kind}) <> {identifier(name)})"
        for name, kind in decimals.items()
    )
    counts = session.execute(f"SELECT {changed} FROM {identifier(dataset)}")[0]
    inexact = [name for name, count in zip(decimals, counts, strict=True) if count]
    if inexact:
        listed = ", ".join(f"`{name}`" for name in inexact)
        help = "cast to text or round in a `sql` step before"
        raise ConnectorError("data", f"{listed} holds decimals that SQLite's numbers cannot hold exactly", help)
