"""The `sql` step: one dataset from earlier ones."""

from firn_runtime.engine import Relation, select
from firn_runtime.errors import ConnectorError
from firn_runtime.step import StepContext, StepResult
from firn_runtime.steps.results import made
from firn_schemas.steps.data import SqlInputs


def sql(inputs: SqlInputs, context: StepContext) -> StepResult:
    """Make the dataset named after the step by one SELECT."""
    if inputs.sql is None:
        raise ConnectorError("data", "the step holds no query", "compile the flow: `sql_file` is read by the compiler")
    return made(context, Relation(select(inputs.sql), inputs.params), None)
