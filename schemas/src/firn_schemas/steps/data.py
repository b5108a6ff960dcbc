"""Steps that move and shape data: `read`, `sql`, `write`, `query`, `check`."""

from typing import Literal

from firn_schemas.base import Json, doc, record
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


@record
class FormatOptions:
    """How text files are laid out."""

    header: bool = doc("The first line of a CSV file names the columns.", default=True)
    delimiter: str = doc("Between the fields of a CSV file.", default=",")
    quote: str = doc("Around a CSV field that holds a delimiter.", default='"')
    escape: str = doc("Before a quote inside a quoted CSV field.", default='"')
    null_values: list[str] = doc("Texts of a CSV file that mean NULL.", default_factory=lambda: [""])
    encoding: Literal["utf-8", "utf-16", "latin-1"] = doc("Character encoding of a CSV file.", default="utf-8")
    compression: Literal["auto", "none", "gzip", "zstd"] | None = doc("Overrides the connector's option.", default=None)


@record
class Incremental:
    """Reads from where the last published run stopped."""

    cursor: str = doc("Column that grows.", examples=["updated_at"])
    lookback: int | float | str | None = doc("How far before the last value to begin again.", default=None)
    initial: int | float | str | None = doc("Where to begin the first time.", default=None)
    param: str | None = doc("Query parameter by which an API takes where to begin.", default=None)


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
    format_options: FormatOptions | None = doc("How text files are laid out.", default=None)
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
    path: str | None = doc("A file below the resource's root.", default=None, place=True)
    mode: WriteMode = doc("`replace`: readers see the old data or the new, never half.")
    keys: list[str] | None = doc("Columns that name a row, for `upsert`.", default=None)
    partition_by: list[str] | None = doc("Columns that name a partition, for `insert_overwrite`.", default=None)
    format: FileFormat | None = doc("The file's format; absent: by its ending.", default=None)
    format_options: FormatOptions | None = doc("How a text file is laid out.", default=None)
    on_schema_change: SchemaChange = doc("What to do where the dataset's columns differ.", default="fail")


@record
class QueryInputs:
    """Asks a database for a small result that other steps and conditions use."""

    resource: str = doc("What to ask; `compute` sees the flow's own datasets.")
    sql: str = doc("The SELECT, in the dialect of the resource.")
    params: list[Json] | dict[str, Json] | None = doc("Values bound to the query's placeholders.", default=None)
    max_rows: int = doc("More rows than this are an error.", default=1000, minimum=1, maximum=100_000)


@record
class RowCount:
    """How many rows there must be."""

    min: int | None = doc("At least.", default=None, minimum=0)
    max: int | None = doc("At most.", default=None, minimum=0)
    equals: int | None = doc("Exactly.", default=None, minimum=0)


@record
class AcceptedValues:
    """A column that holds only these values (or NULL)."""

    column: str = doc("The column.")
    values: list[str | int | float | bool] = doc("What it may hold.")


@record
class Between:
    """A column whose values lie in a range, both ends included (or are NULL)."""

    column: str = doc("The column.")
    min: int | float | str | None = doc("Smallest value.", default=None)
    max: int | float | str | None = doc("Largest value.", default=None)


@record
class Freshness:
    """A column whose newest value is not older than this."""

    column: str = doc("A timestamp.")
    max_age_seconds: float = doc("Age of the newest value, at most.", minimum=0)


@record
class Relationship:
    """A column whose values all occur in another dataset."""

    column: str = doc("The column.")
    to: str = doc("The other dataset.")
    field: str = doc("The other dataset's column.")


@record
class Expectation:
    """One rule about a dataset; exactly one key."""

    row_count: RowCount | int | None = doc("How many rows: a number, or `min` and `max`.", default=None)
    not_null: str | list[str] | None = doc("Columns without NULL.", default=None)
    unique: str | list[str] | None = doc("Columns that together never repeat.", default=None)
    accepted_values: AcceptedValues | None = doc("A column's vocabulary.", default=None)
    between: Between | None = doc("A column's range.", default=None)
    freshness: Freshness | None = doc("How old the newest row may be.", default=None)
    relationship: Relationship | None = doc("A column that refers to another dataset.", default=None)
    sql: str | None = doc(
        "A query that gives the rows that break the rule, or one boolean that says whether it holds.", default=None
    )


@record
class CheckInputs:
    """Fails, or warns, where a dataset is not what it should be."""

    from_: str = doc("The dataset: an earlier step's id.")
    expectations: list[Expectation] = doc("Every rule; all are tried.")
    severity: Literal["fail", "warn"] = doc("What a broken rule does.", default="fail")


ROWS: dict[str, StepType] = {
    "check": StepType(inputs=CheckInputs, results={"passed": "integer", "failed": "integer"}),
    "query": StepType(inputs=QueryInputs, results={"rows": "array", "row_count": "integer"}, needs="queryable"),
    "read": StepType(
        inputs=ReadInputs,
        results=FILE_RESULTS | {"watermark": "any"},
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
