"""What the engine reads of local files that are one dataset: CSV, Parquet, NDJSON and JSON, below one folder.

Columns are matched by their names, never by their places: the engine by itself would drop those that the first file
lacks.
"""

from collections.abc import Sequence
from pathlib import Path

from firn_runtime.connectors.files.csv import csv_columns, csv_rows
from firn_runtime.connectors.files.dataset import Found, one_dataset
from firn_runtime.connectors.files.json import json_rows
from firn_runtime.connectors.files.layouts import layouts
from firn_runtime.connectors.files.parquet import parquet_columns, parquet_rows
from firn_runtime.connectors.files.selects import format_options
from firn_runtime.connectors.files.wholeness import refuse_broken
from firn_runtime.engine import Relation, Session
from firn_runtime.errors import ConnectorError
from firn_schemas.steps.data import ReadInputs

_ROWS = {"csv": csv_rows, "parquet": parquet_rows, "ndjson": json_rows, "json": json_rows}
_COLUMNS = {"csv": csv_columns, "parquet": parquet_columns}
"""By format: how its files are read, and which columns one of them has; records of JSON need not be alike."""


def relation(session: Session, root: Path, names: Sequence[str], inputs: ReadInputs, compression: str) -> Relation:
    """Return the rows of the files `names` below `root`, in this order; raise ConnectorError.

    `compression` is the connector's. Heads of the files are read, and compressed ones whole.
    """
    found = one_dataset(root, names, inputs, compression)
    lasts = {
        name: refuse_broken(file, name, found.format, inputs.format_options)
        for name, file in zip(found.names, found.files, strict=True)
    }
    found = found._replace(ended=frozenset(name for name, last in lasts.items() if last == b"\n"))
    if found.format.kind in _COLUMNS and len(found.names) > 1:
        _refuse_other_columns(session, found, inputs)
    return _ROWS[found.format.kind](session, found, inputs)


def _refuse_other_columns(session: Session, found: Found, inputs: ReadInputs) -> None:
    """Raise ConnectorError where files differ in the names of their columns; in whatever order these are."""
    if format_options(inputs).union_by_name and (found.format.kind == "parquet" or format_options(inputs).header):
        return
    first: list[str] = []
    for name in layouts(session, found, format_options(inputs)):
        columns = _COLUMNS[found.format.kind](session, found._replace(names=[name], keys=()), inputs)
        first = first or columns
        if sorted(columns) != sorted(first):
            differing = sorted(set(columns) ^ set(first))[0]
            raise ConnectorError(
                "data",
                f"`{name}` has other columns than `{found.names[0]}`: `{differing}` is in one of them alone",
                "`format_options: {union_by_name: true}` reads NULL where a file lacks a column",
            )
