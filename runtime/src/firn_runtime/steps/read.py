"""The `read` step: one dataset from a resource."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from firn_runtime.connector import Readable, ReadContext
from firn_runtime.errors import ConnectorError
from firn_runtime.step import StepContext, StepResult
from firn_runtime.steps.results import dataset_result, made
from firn_schemas.steps.data import Incremental, ReadInputs


def read(inputs: ReadInputs, context: StepContext) -> StepResult:
    """Make the dataset named after the step from what the resource holds."""
    if inputs.incremental is not None:
        return _read_on(inputs, inputs.incremental, context)
    found = _source(inputs, context).read(inputs, ReadContext(context.session, context.scratch))
    context.session.unordered.add(context.id)
    with _naming(inputs.path):
        return made(context, found.relation, found.bytes)


def _read_on(inputs: ReadInputs, rule: Incremental, context: StepContext) -> StepResult:
    """Read what lies after the watermark; the dataset is made whole, since what is greatest in it is asked for."""
    from firn_runtime.steps import incremental

    session, window = context.session, context.window
    bound = incremental.begin(rule, window)
    found = _source(inputs, context).read(inputs, ReadContext(session, context.scratch, bound))
    with _naming(inputs.path):
        columns = session.described(found.relation)
        cursor, kind = incremental.cursor_of(rule, columns, window)
        incremental.refuse_unfit_initial(session, bound, cursor, kind)
        relation = incremental.limited(found.relation, bound, cursor, kind, window)
        rows = session.materialise(context.id, relation)
    reached = incremental.reached(session, context.id, cursor, kind, window)
    result = dataset_result(session, context.id, rows, found.bytes)
    warnings = (window.warning,) if window.warning else ()
    return result._replace(results=dict(result.results) | reached, warnings=warnings)


def _source(inputs: ReadInputs, context: StepContext) -> Readable:
    return cast(Readable, context.resource(inputs.resource))


@contextmanager
def _naming(path: str | None) -> Iterator[None]:
    """Say of files which one is not as it should be."""
    try:
        yield
    except ConnectorError as error:
        if path is None or error.message.startswith(f"`{path}`"):
            raise
        raise ConnectorError(error.error_class, f"`{path}`: {error.message}", error.help) from None
