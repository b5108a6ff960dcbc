"""The step that hands a dataset to people: `export`."""

from firn_schemas.base import doc, record
from firn_schemas.steps import FILE_RESULTS, StepType
from firn_schemas.steps.data import FormatOptions


@record
class ExportInputs:
    """Publishes one dataset as a CSV file: readers see the old file or the new."""

    from_: str = doc("The dataset: an earlier step's id.")
    resource: str = doc("Where to write.")
    path: str = doc("A file below the resource's root.", place=True)
    columns: list[str] | None = doc("Only these columns, in this order.", default=None)
    format_options: FormatOptions | None = doc("How the file is laid out.", default=None)
    formula_guard: bool = doc(
        "Put `'` before every text that a spreadsheet would take for a formula, in the header too.", default=False
    )


ROWS: dict[str, StepType] = {
    "export": StepType(inputs=ExportInputs, results=FILE_RESULTS, needs="files"),
}
