"""Rows as Parquet files of a table, with the ids of its columns: written to the scratch folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from firn_runtime.confined_paths import shown
from firn_runtime.connectors.files.row_groups import rows_in_group
from firn_runtime.connectors.iceberg.manifests import Record
from firn_runtime.connectors.iceberg.partitions import Value
from firn_runtime.connectors.iceberg.shapes import scan
from firn_runtime.connectors.iceberg.types import Field, engine_type
from firn_runtime.engine import Session
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import failing, identifier, literal

_PARTITION = "_firn_partition"
_TARGET = "512MB"
"""Size of a file, about."""


class Made(NamedTuple):
    """A file that was written."""

    file: Path
    records: int
    size: int
    partition: Record


def cast(dataset: str, kinds: Mapping[str, str], filled: Mapping[str, Field]) -> str:
    """Return a SELECT of a dataset's rows, with the names and types of the columns that they fill.

    `kinds` are the types of the dataset's columns. Values that Iceberg's types lack are an error of the SELECT.
    """
    columns = ", ".join(
        f"CAST({_value(name, kinds[name])} AS {engine_type(name, one.type)}) AS {identifier(one.name)}"
        for name, one in filled.items()
    )
    return f"SELECT {columns} FROM {identifier(dataset)}"


def _value(name: str, kind: str) -> str:
    column, (unfit, said) = identifier(name), _UNFIT.get(kind.partition("_")[0], ("", ""))
    error = failing(f"`{name}` is {kind} and holds {said}, which Iceberg cannot hold")
    return f"if({unfit.format(column)}, {error}, {column})" if unfit else column


_ENDLESS = ("isfinite({0}) IS false", "infinity")
_UNFIT = {
    **dict.fromkeys(["DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"], _ENDLESS),
    "HUGEINT": ("{0} IS NOT NULL AND TRY_CAST({0} AS DECIMAL(38,0)) IS NULL", "numbers of more than 38 digits"),
    "TIME": ("{0} >= TIME '24:00:00'", "24:00"),
}
"""Of the engine's types: SQL that is true for a value that the table's type lacks, and what it is."""


def write_files(
    session: Session, sql: str, filled: Sequence[Field], parts: Sequence[Value], folder: Path, *, ordered: bool
) -> Sequence[Made]:
    """Write rows of these columns to files below a folder that is made, in one pass.

    Raises ConnectorError where a required column has NULL.
    """
    ids = ", ".join(f"{identifier(one.name)}: {one.id}" for one in filled)
    options = f"FORMAT parquet, COMPRESSION zstd, RETURN_STATS, FILENAME_PATTERN 'data-{{i}}', FIELD_IDS {{{ids}}}"
    options += f", ROW_GROUP_SIZE {rows_in_group(session, len(filled))}"
    if not ordered:
        options += ", PRESERVE_ORDER false"  # with it, the engine keeps many row groups in memory
    if parts:
        keys = ", ".join(f"CAST({one.sql} AS VARCHAR)" for one in parts)
        sql = f"SELECT *, md5(CAST(to_json([{keys}]) AS VARCHAR)) AS {_PARTITION} FROM ({sql})"
        options += f", PARTITION_BY ({_PARTITION})"
    else:
        options += f", FILE_SIZE_BYTES {literal(_TARGET)}"
    rows = session.execute(f"COPY ({sql}) TO {literal(str(folder))} ({options})")
    required = {one.name for one in filled if one.required}
    return [_made(session, row, required, parts) for row in rows if row[1]]


def _made(session: Session, row: Sequence[object], required: set[str], parts: Sequence[Value]) -> Made:
    name, count, size, _, statistics, *_ = row
    assert isinstance(statistics, Mapping)
    for column in required:
        if str(statistics.get(identifier(column), {}).get("null_count", "")) != "0":
            help = "leave these rows out in a `sql` step before"
            raise ConnectorError("data", f"the dataset has NULL in `{shown(column)}`, which the table requires", help)
    file = Path(str(name))
    return Made(file, int(str(count)), int(str(size)), _partition(session, file, parts))


def _partition(session: Session, file: Path, parts: Sequence[Value]) -> Record:
    """Return the partition of a file's rows: it is that of the first."""
    if not parts:
        return {}
    (found,) = session.execute(f"SELECT {', '.join(one.sql for one in parts)} FROM {scan([file])} LIMIT 1")
    return {one.part.id: value for one, value in zip(parts, found, strict=True)}
