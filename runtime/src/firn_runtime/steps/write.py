"""The `write` step: publishes one dataset."""

from typing import cast

from firn_runtime.connector import Writable
from firn_runtime.step import StepContext, StepResult
from firn_runtime.steps.results import dataset_result, lent, naming_stream
from firn_schemas.steps.data import WriteInputs


def write(inputs: WriteInputs, context: StepContext) -> StepResult:
    """Publish the dataset in one atomic act; the results are about what was published."""
    target = cast(Writable, context.resource(inputs.resource))
    with naming_stream(context.session, inputs.from_):
        written = target.write(inputs, lent(context))
    result = dataset_result(context.session, inputs.from_, written.rows, written.bytes)
    counts = {"inserted": written.inserted, "updated": written.updated}
    known = {name: count for name, count in counts.items() if count is not None}
    return result._replace(results={**result.results, **known}, warnings=written.warnings)
