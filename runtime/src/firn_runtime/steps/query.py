"""The `query` step: a small result that other steps and conditions use."""

from typing import cast

from firn_runtime.connector import Queryable
from firn_runtime.step import StepContext, StepResult
from firn_schemas.base import Json
from firn_schemas.steps import QueryInputs


def query(inputs: QueryInputs, context: StepContext) -> StepResult:
    """Return the rows as records; `compute` asks the flow's own datasets.

    Values are spelled as firn_runtime.json_values says: large integers and fractions of decimals as text, dates and
    times in ISO 8601.
    """
    records = _ask(inputs, context)
    rows: list[Json] = list(records)
    return StepResult(results={"rows": rows, "row_count": len(rows)}, rows=len(rows))


def _ask(inputs: QueryInputs, context: StepContext) -> list[dict[str, Json]]:
    session = context.session
    if inputs.resource == "compute":
        return session.records(session.query(inputs.sql, inputs.params), inputs.max_rows)
    resource = cast(Queryable, context.resource(inputs.resource))
    return resource.query(inputs.sql, inputs.params, inputs.max_rows, session)
