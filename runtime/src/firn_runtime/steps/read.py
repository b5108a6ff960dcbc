"""The `read` step: one dataset from a resource."""

from typing import cast

from firn_runtime.connector import Readable, ReadContext
from firn_runtime.errors import ConnectorError
from firn_runtime.step import StepContext, StepResult
from firn_runtime.steps.results import dataset_result
from firn_schemas.steps.data import ReadInputs


def read(inputs: ReadInputs, context: StepContext) -> StepResult:
    """Make the dataset named after the step from what the resource holds."""
    source = cast(Readable, context.resource(inputs.resource))
    found = source.read(inputs, ReadContext(context.session, context.scratch))
    try:
        rows = context.session.materialise(context.id, found.relation)
    except ConnectorError as error:
        if inputs.path is None:
            raise
        raise ConnectorError(error.error_class, f"`{inputs.path}`: {error.message}", error.help) from None
    return dataset_result(context.session, context.id, rows, found.bytes)
