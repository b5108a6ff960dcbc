"""Steps about other steps: `with_lock` and `check_items`."""

from contextlib import ExitStack

from firn_runtime.errors import ConnectorError, LockHeld
from firn_runtime.step import StepContext, StepResult
from firn_schemas.steps.control import CheckItemsInputs, WithLockInputs

_WAIT = "`wait_seconds` of the step says how long to wait for it; `firn unlock` shows who holds what"


def with_lock(inputs: WithLockInputs, context: StepContext) -> StepResult:
    """Do the inner step while the lock is held; its results are those of the inner step."""
    with ExitStack() as held:
        try:
            held.enter_context(context.hold(inputs.key, inputs.ttl_seconds, inputs.wait_seconds))
        except LockHeld as error:
            raise LockHeld(error.code, error.message, _WAIT) from None
        return context.perform(str(inputs.step["type"]), inputs.step["inputs"])


def check_items(inputs: CheckItemsInputs, context: StepContext) -> StepResult:
    """Say how many items there are, and whether these are enough."""
    del context
    if not isinstance(inputs.items, list):
        raise ConnectorError("data", "`items` is a text, not a list")
    count = len(inputs.items)
    has_data = count >= inputs.min_count
    return StepResult(results={"has_data": has_data, "count": count}, no_data=not has_data)
