"""The `export` step: a dataset as a CSV file for people."""

from typing import cast

from firn_runtime.connector import Writable
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier
from firn_runtime.step import StepContext, StepResult
from firn_runtime.steps.formula_guard import guarded_cells, viewed
from firn_runtime.steps.results import dataset_result, lent, naming_stream
from firn_schemas.steps.data import FormatOptions, WriteInputs
from firn_schemas.steps.exports import ExportInputs
from firn_schemas.visible import listing


def export(inputs: ExportInputs, context: StepContext) -> StepResult:
    """Publish the dataset as a CSV file in one atomic act."""
    target = cast(Writable, context.resource(inputs.resource))
    kinds = context.session.columns(inputs.from_)
    chosen = [_spelled(name, kinds) for name in inputs.columns] if inputs.columns is not None else list(kinds)
    guarded = inputs.formula_guard
    cells = guarded_cells(context.session, kinds, chosen) if guarded else [identifier(name) for name in chosen]
    with naming_stream(context.session, inputs.from_), viewed(context.session, inputs.from_, cells) as view:
        write = WriteInputs(
            from_=view,
            resource=inputs.resource,
            path=inputs.path,
            mode="replace",
            format="csv",
            format_options=inputs.format_options or FormatOptions(),
        )
        written = target.write(write, lent(context))
        return dataset_result(context.session, view, written.rows, written.bytes)


def _spelled(name: str, kinds: dict[str, str]) -> str:
    """Return a column's name as the dataset spells it."""
    found = next((column for column in kinds if column.lower() == name.lower()), None)
    if found is None:
        listed = listing(list(kinds)[:12])
        raise ConnectorError("data", f"there is no column `{name}`", f"there are {listed}")
    return found
