"""The `read` step: one dataset from a resource."""

from typing import cast

from firn_runtime.connector import Readable
from firn_runtime.step import StepContext, StepResult
from firn_runtime.steps.results import dataset_result
from firn_schemas.steps import ReadInputs


def read(inputs: ReadInputs, context: StepContext) -> StepResult:
    """Make the dataset named after the step from what the resource holds."""
    source = cast(Readable, context.resource(inputs.resource))
    found = source.read(inputs, context.session, context.scratch)
    rows = context.session.materialise(context.id, found.relation)
    return dataset_result(context.session, context.id, rows, found.bytes)
