"""The step that says what a dataset is not: `check`."""

from typing import Literal

from firn_schemas.base import doc, record
from firn_schemas.steps import StepType


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
    min: str | int | float | None = doc("Smallest value.", default=None)
    max: str | int | float | None = doc("Largest value.", default=None)


@record
class Freshness:
    """A column whose newest value is not older than this when the run starts."""

    column: str = doc("A timestamp or date; without a zone it is of UTC, and a date begins at midnight.")
    max_age_seconds: float = doc("Age of the newest value, at most.", minimum=0)


@record
class Relationship:
    """A column whose values (or NULL) all occur in another dataset."""

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
    sample: int = doc(
        "Rows to show, at most, for each broken rule; values of classified columns are not shown.",
        default=0,
        minimum=0,
        maximum=20,
    )


ROWS: dict[str, StepType] = {
    "check": StepType(inputs=CheckInputs, results={"passed": "integer", "failed": "integer", "samples": "array"}),
}
