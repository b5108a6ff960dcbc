"""Steps that move and shape data: `read`, `sql`, `write`, `query`."""

from typing import Literal

from firn_schemas.base import Json, doc, record
from firn_schemas.form import Form
from firn_schemas.steps import DATASET_RESULTS, FILE_RESULTS, StepType
from firn_schemas.steps.requests import Request

FileFormat = Literal["csv", "parquet", "ndjson", "json"]
ENDINGS: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
}
"""Endings of files with their formats."""
COMPRESSIONS: dict[str, Literal["gzip", "zstd"]] = {".gz": "gzip", ".zst": "zstd"}
"""Endings that may follow."""
WriteMode = Literal["replace", "append", "upsert", "insert_overwrite"]
SchemaChange = Literal["strict", "add_columns", "fail"]
DELIMITER = Form(r"[\s\S]{1,4}", "must be one to four characters")
ONE_BYTE = Form(r"[\x01-\x7f]?", "must be one character of ASCII, or empty for none")


@record
class FormatOptions:
    """How files are laid out."""

    header: bool = doc("The first line of a CSV file names the columns.", default=True)
    delimiter: str = doc("Between the fields of a CSV file.", default=",", form=DELIMITER)
    quote: str = doc("Around a CSV field that holds a delimiter; empty: none.", default='"', form=ONE_BYTE)
    escape: str = doc("Before a quote inside a quoted CSV field.", default='"', form=ONE_BYTE)
    null_values: list[str] = doc("Texts of a CSV file that mean NULL.", default_factory=lambda: [""])
    encoding: Literal["utf-8", "utf-16", "latin-1"] = doc("Character encoding of a CSV file.", default="utf-8")
    decimal_separator: Literal[".", ","] = doc("Before the fraction of a number in a CSV file.", default=".")
    compression: Literal["auto", "none", "gzip", "zstd"] | None = doc("Overrides the connector's option.", default=None)
    union_by_name: bool = doc("NULL where one of several files lacks a column; otherwise an error.", default=False)


@record
class Incremental:
    """Reads from where the last published run stopped."""

    cursor: str = doc("Column that grows: a number, a date, a timestamp or a text.", examples=["updated_at"])
    lookback: int | float | str | None = doc(
        "How far before the last value to begin again, that value included: a number (of days for dates, of seconds "
        "for timestamps) or a duration; absent: right after it.",
        default=None,
        minimum=0,
        examples=["2d"],
    )
    initial: str | int | float | None = doc(
        "Smallest value to read the first time; absent: every row is read, those too whose cursor is NULL.",
        default=None,
        examples=["2026-01-01"],
    )
    param: str | None = doc(
        "Query parameter of an API that takes the watermark.", default=None, examples=["updated_since"]
    )


@record
class ReadInputs:
    """Reads one dataset from a resource. Exactly one of `table`, `sql`, `path` and `request` says which."""

    resource: str = doc("Where to read.")
    table: str | None = doc("A table of a database, also `schema.table`.", default=None, place=True)
    sql: str | None = doc("A SELECT over the database's tables, in the database's dialect.", default=None)
    path: str | None = doc("A file below the resource's root, also a glob; or an API's path.", default=None, place=True)
    request: Request | None = doc("A request to an API.", default=None)
    columns: list[str] | None = doc("Only these columns, in this order.", default=None)
    schema: dict[str, str] | None = doc(
        "The columns and their SQL types, in order; absent: as the source declares them, or as they are detected. "
        "Beside `columns` it gives types alone.",
        default=None,
        examples=[{"id": "bigint", "amount": "decimal(18,2)"}],
    )
    params: list[Json] | dict[str, Json] | None = doc("Values bound to the query's placeholders.", default=None)
    format: FileFormat | None = doc("The files' format; absent: by their ending.", default=None)
    format_options: FormatOptions | None = doc("How the files are laid out.", default=None)
    incremental: Incremental | None = doc("Read only what is new since the last run.", default=None)


@record
class SqlInputs:
    """Makes a dataset from earlier ones by one SELECT."""

    sql: str | None = doc("The query, in the dialect of the flow's compute.", default=None)
    sql_file: str | None = doc("A file that holds the query, beside the flow.", default=None)
    params: list[Json] | dict[str, Json] | None = doc("Values bound to the query's placeholders.", default=None)


@record
class WriteInputs:
    """Writes one dataset to a resource. Exactly one of `table` and `path` says where."""

    from_: str = doc("The dataset: an earlier step's id.")
    resource: str = doc("Where to write.")
    table: str | None = doc("A table of a database, also `schema.table`.", default=None, place=True)
    path: str | None = doc(
        "Below the resource's root: a file for `replace`, a folder of files for the other modes.",
        default=None,
        place=True,
    )
    mode: WriteMode = doc("What becomes of the rows that are there; readers see the old data or the new, never half.")
    keys: list[str] | None = doc("Columns that name a row, for `upsert`.", default=None)
    partition_by: list[str] | None = doc("Columns that name a partition, for `insert_overwrite`.", default=None)
    format: FileFormat | None = doc("The file's format; absent: by its ending.", default=None)
    format_options: FormatOptions | None = doc("How the file is laid out.", default=None)
    on_schema_change: SchemaChange | None = doc(
        "What to do where the table's columns differ; absent: `replace` makes the table anew, other modes `fail`.",
        default=None,
    )


@record
class QueryInputs:
    """Asks a database for a small result that other steps and conditions use."""

    resource: str = doc("What to ask; `compute` sees the flow's own datasets.")
    sql: str = doc("The SELECT, in the dialect of the resource.")
    params: list[Json] | dict[str, Json] | None = doc("Values bound to the query's placeholders.", default=None)
    max_rows: int = doc("More rows than this are an error.", default=1000, minimum=1, maximum=100_000)


ROWS: dict[str, StepType] = {
    "query": StepType(inputs=QueryInputs, results={"rows": "array", "row_count": "integer"}, needs="queryable"),
    "read": StepType(
        inputs=ReadInputs,
        results=FILE_RESULTS | {"watermark": "any", "watermark_type": "any", "since": "any"},
        makes_dataset=True,
        needs="readable",
        exactly_one=("table", "sql", "path", "request"),
    ),
    "sql": StepType(inputs=SqlInputs, results=DATASET_RESULTS, makes_dataset=True, exactly_one=("sql", "sql_file")),
    "write": StepType(
        inputs=WriteInputs,
        results=FILE_RESULTS | {"inserted": "integer", "updated": "integer"},
        needs="writable",
        exactly_one=("table", "path"),
    ),
}
