"""The `query` step: a small result that other steps and conditions use."""

from typing import cast

from firn_runtime.connector import Queryable
from firn_runtime.step import StepContext, StepResult
from firn_schemas.base import Json
from firn_schemas.steps.data import QueryInputs


def query(inputs: QueryInputs, context: StepContext) -> StepResult:
    """Return the rows as records, spelled as firn_runtime.json_values says.

    Large integers and fractions of decimals are text; dates and times are in ISO 8601.
    """
    resource = cast(Queryable, context.resource(inputs.resource))
    relation = resource.relation(inputs.sql, inputs.params, context.session)
    rows: list[Json] = list(context.session.records(relation, inputs.max_rows))
    return StepResult(results={"rows": rows, "row_count": len(rows)}, rows=len(rows), no_data=not rows)
