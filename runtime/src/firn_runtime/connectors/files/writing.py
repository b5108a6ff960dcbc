"""What the engine writes of a dataset, the same for every place that holds files: one file, or a folder of partitions.

The dataset is scanned once. Nothing is published here.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from firn_runtime.connectors.files.formats import Format, copy_options, format_of, needs_quotes, unquoted
from firn_runtime.connectors.files.row_groups import rows_in_group
from firn_runtime.connectors.files.written_values import selected
from firn_runtime.engine import Session
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import failing, identifier, literal
from firn_runtime.patterns import is_pattern
from firn_schemas.steps.data import FormatOptions, WriteInputs

if TYPE_CHECKING:
    from firn_runtime.publication import Publication

_NULL = "__HIVE_DEFAULT_PARTITION__"
"""The value in the name of the folder of rows without one; the engine would put the files of one over the other's."""
_TEXTS = ("VARCHAR", "ENUM", "BLOB")
"""How the types begin of which a value may be empty in CSV, or spelled as what means NULL."""
_LONGEST = 257
"""Bytes of a folder's name, two more than it may have: its `=` is spelled as three characters here."""


def written_format(inputs: WriteInputs, name: str, compression: str) -> Format:
    """Return the format to write; raise ConnectorError for what files cannot be asked."""
    if inputs.mode == "upsert":
        help = "files hold no keys; use `insert_overwrite` by partition, or a database"
        raise ConnectorError("data", "files cannot be written with `mode: upsert`", help)
    if is_pattern(name):
        raise ConnectorError("data", f"`{name}` is a pattern, which may match several files", "name one")
    if inputs.partition_by and inputs.mode != "insert_overwrite":
        raise ConnectorError("data", "`partition_by` is for `mode: insert_overwrite`", "remove it, or change the mode")
    return format_of(name, inputs, compression)


def added_name(folder: str, publication: "Publication", format: Format) -> str:
    """Return the name of the file that a publication adds to a folder: the same in all of its attempts."""
    return f"{folder}/part-{publication.mark}.{format.ending}"


def write_file(session: Session, inputs: WriteInputs, format: Format, name: str, file: Path) -> int:
    """Write the dataset to `file`, laid out as a file of this name; return the number of its rows."""
    known = session.columns(inputs.from_)
    options = _copy_options(session, inputs, format, name, known)
    if format.kind == "parquet" and inputs.from_ in session.unordered:
        options += ", PRESERVE_ORDER false"  # with it, the engine keeps many row groups in memory
    chosen = selected(known, format, unquoted(format, name, inputs.format_options))
    sql = f"COPY (SELECT {chosen} FROM {identifier(inputs.from_)}) TO {literal(str(file))} ({options})"
    return int(session.execute(sql)[0][0])


def write_partitions(session: Session, inputs: WriteInputs, format: Format, name: str, folder: Path) -> int:
    """Write the dataset to `folder/column=value/…/data-N.ENDING`, which is made; return the number of its rows.

    The columns of `partition_by` are in the folders' names alone. With more than a hundred partitions at a time there
    are several files in each.
    """
    if format.kind not in ("csv", "parquet"):
        raise ConnectorError("data", "partitions are written as Parquet or CSV", "choose another `format`")
    known = session.columns(inputs.from_)
    columns = _columns(known, inputs)
    listed = ", ".join(map(identifier, columns))
    options = f"{_copy_options(session, inputs, format, name, known)}, PARTITION_BY ({listed})"
    options += f", FILENAME_PATTERN 'data-{{i}}', FILE_EXTENSION {literal(format.ending)}"
    texts = ", ".join(_folder(column) for column in columns if known[column] == "VARCHAR")
    rows = f"SELECT *{f' REPLACE ({texts})' if texts else ''} FROM {identifier(inputs.from_)}"
    chosen = selected(known, format, unquoted(format, name, inputs.format_options))
    sql = f"COPY (SELECT {chosen} FROM ({rows})) TO {literal(str(folder))} ({options})"
    return int(session.execute(sql)[0][0])


def _folder(column: str) -> str:
    """Return a column of texts; an error for those of which no folder of their own can be made."""
    text = identifier(column)
    null = failing(f"`{column}` holds the text `{_NULL}` or `NULL`, which means NULL in the name of a partition")
    long = failing(f"`{column}` holds a text that is too long for the name of a partition")
    name = f"url_encode({literal(column)} || '=' || {text})"
    means_null, is_long = f"upper({text}) IN ('{_NULL}', 'NULL')", f"length({name}) > {_LONGEST}"
    refused = f"WHEN {means_null} THEN {null} WHEN {is_long} THEN {long}"
    return f"CASE {refused} ELSE {text} END AS {text}"


def _copy_options(session: Session, inputs: WriteInputs, format: Format, name: str, columns: Mapping[str, str]) -> str:
    options = copy_options(name, format, inputs.format_options)
    if format.kind == "parquet":
        return f"{options}, ROW_GROUP_SIZE {rows_in_group(session, len(columns))}"
    if format.kind == "csv" and needs_quotes(inputs.format_options or FormatOptions()):
        own = {name: kind for name, kind in columns.items() if name not in (inputs.partition_by or [])}
        texts = ", ".join(identifier(name) for name, kind in own.items() if kind.startswith(_TEXTS))
        return f"{options}, FORCE_QUOTE ({texts})" if texts else options
    return options


def _columns(known: Mapping[str, str], inputs: WriteInputs) -> list[str]:
    wanted = inputs.partition_by or []
    names = {name.lower(): name for name in known}
    for name in wanted:
        if name.lower() not in names:
            raise ConnectorError("data", f"the dataset has no column `{name}` to partition by")
    if not wanted or len(wanted) == len(known):
        raise ConnectorError("data", "`partition_by` names some of the dataset's columns, not none and not all")
    return [names[name.lower()] for name in wanted]


def partitions(folder: Path) -> dict[str, list[str]]:
    """Return the files that `write_partitions` made, sorted, by the partition's folder; both from `folder` on."""
    found: dict[str, list[str]] = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            name = file.relative_to(folder).as_posix()
            found.setdefault(str(PurePosixPath(name).parent), []).append(name)
    return found
