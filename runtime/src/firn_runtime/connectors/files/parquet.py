"""What the engine reads of Parquet files: nothing of which it would round."""

import re
from collections import Counter
from collections.abc import Mapping

from firn_runtime.connectors.files.dataset import Found
from firn_runtime.connectors.files.layouts import alike, listed
from firn_runtime.connectors.files.selects import in_order, of_the_files, partition_options, scan_of
from firn_runtime.connectors.values.projection import retyped
from firn_runtime.connectors.values.texts import WHOLE
from firn_runtime.engine import Relation, Session
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier, literal
from firn_schemas.steps.data import ReadInputs


def parquet_rows(session: Session, found: Found, inputs: ReadInputs) -> Relation:
    """Return the rows of the files; raise ConnectorError."""
    scan = scan_of("parquet", found, ["union_by_name = true", *partition_options(found, inputs)])
    united = session.described(Relation(f"from {scan}"))
    if any("DOUBLE" in kind for kind in united.values()):
        _refuse_wide_decimals(session, found)
    if len(found.names) > 1:
        _refuse_narrowed(session, found, united)
    return retyped(
        session, Relation(in_order(session, scan, found, inputs)), inputs.columns, of_the_files(found, inputs)
    )


def parquet_columns(session: Session, found: Found, inputs: ReadInputs) -> list[str]:
    """Return the names of the columns of a file."""
    del inputs  # they say nothing of them
    scan = scan_of("parquet", found, ["hive_partitioning = false"])
    return list(session.described(Relation(f"from {scan}")))


def _refuse_narrowed(session: Session, found: Found, united: Mapping[str, str]) -> None:
    """Raise ConnectorError where the engine's type for the files together rounds the values of one of them."""
    long: dict[str, None] = {}
    for names in alike(session, found):
        name, of_a_layout = names[0], found._replace(names=names, keys=())
        scan = scan_of("parquet", of_a_layout._replace(names=names[:1]), ["hive_partitioning = false"])
        for column, kind in session.described(Relation(f"from {scan}")).items():
            all_of_it = united.get(column, kind)
            if _has_other_numbers(kind, all_of_it):
                _refuse_rounded(session, of_a_layout, column, kind, all_of_it)
            is_number = all_of_it.startswith(("DECIMAL", "DOUBLE", "FLOAT"))
            is_exact = kind in WHOLE or kind.startswith("DECIMAL")
            if (is_exact and all_of_it == "FLOAT") or (is_number and _fraction(kind) > _fraction(all_of_it)):
                said = f"`{column}` is {kind} in `{name}`, and would be {all_of_it} in all of the files, which rounds"
                raise ConnectorError("data", said, _APART)
            if all_of_it == "DOUBLE" and kind not in _SHORT:
                long[column] = None
    for column in long:
        _refuse_long(session, found, column)


_APART = "have it written with one type, or read the files by two steps"
_EXACT = 1 << 53
"""Up to here a DOUBLE holds every whole number."""
_SHORT = frozenset(["DOUBLE", "FLOAT", "TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER"])
_FILE = "_firn_file"
_NUMBERS = re.compile(rf"\b(?:{'|'.join(sorted(WHOLE))}|DECIMAL\([\d,]+\)|FLOAT|DOUBLE)(?=[\[,)]|\Z)")


def _has_other_numbers(kind: str, all_of_it: str) -> bool:
    """Return whether a list, record or map has types of numbers that are others in all of the files."""
    is_nested = kind.endswith("]") or kind.startswith(("STRUCT(", "MAP("))
    return is_nested and bool(Counter(_NUMBERS.findall(kind)) - Counter(_NUMBERS.findall(all_of_it)))


def _refuse_rounded(session: Session, found: Found, column: str, kind: str, all_of_it: str) -> None:
    """Raise ConnectorError where values of a type are not the same again after a cast to that of all files."""
    scan = scan_of("parquet", found, ["hive_partitioning = false", f"filename = '{_FILE}'"])
    value = identifier(column)
    again = f"TRY_CAST(TRY_CAST({value} AS {all_of_it}) AS {kind})"
    names = dict(zip(map(str, found.files), found.names, strict=True))
    for (file,) in session.execute(f"SELECT {_FILE} FROM {scan} WHERE {again} IS DISTINCT FROM {value} LIMIT 1"):
        said = f"`{column}` holds numbers in `{names[file]}` that its type in all of the files rounds"
        raise ConnectorError("data", said, _APART)


def _refuse_long(session: Session, found: Found, column: str) -> None:
    """Raise ConnectorError where files hold whole numbers of a column that a DOUBLE does not."""
    names = dict(zip(map(str, found.files), found.names, strict=True))
    schemas = f"parquet_schema({listed(found.files)})"
    others = (
        f"SELECT DISTINCT file_name FROM {schemas} WHERE name = {literal(column)} AND type NOT IN ('DOUBLE', 'FLOAT')"
    )
    exact = found._replace(names=sorted(names[file] for (file,) in session.execute(others)), keys=())
    scan = scan_of("parquet", exact, ["hive_partitioning = false", "union_by_name = true", f"filename = '{_FILE}'"])
    beyond = f"SELECT {_FILE} FROM {scan} WHERE {identifier(column)} NOT BETWEEN -{_EXACT} AND {_EXACT} LIMIT 1"
    for (file,) in session.execute(beyond):
        said = f"`{column}` holds numbers in `{names[file]}` that DOUBLE, its type in all of the files, rounds"
        raise ConnectorError("data", said, _APART)


def _fraction(kind: str) -> int:
    """Return how many digits a decimal has after the point; 0 for every other type."""
    return int(kind[:-1].rpartition(",")[2]) if kind.startswith("DECIMAL") and kind.endswith(")") else 0


def _refuse_wide_decimals(session: Session, found: Found) -> None:
    """Raise ConnectorError for decimals of more digits than the engine has: it makes other numbers of them."""
    files = f"parquet_schema({listed(found.files)})"
    wide = f"SELECT name, precision, scale FROM {files} WHERE precision > 38 LIMIT 1"
    for name, precision, scale in session.execute(wide):
        said = f"the column `{name}` is DECIMAL({precision},{scale}), and decimals have 38 digits at most"
        raise ConnectorError("data", said, "have it written with fewer digits, or as text")
