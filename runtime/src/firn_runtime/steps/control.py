"""Steps about other steps: `with_lock` and `check_items`."""

from firn_runtime.errors import ConnectorError
from firn_runtime.step import StepContext, StepResult
from firn_schemas.steps.control import CheckItemsInputs, WithLockInputs


def with_lock(inputs: WithLockInputs, context: StepContext) -> StepResult:
    """Do the inner step while the lock is held; its results are those of the inner step."""
    with context.hold(inputs.key, inputs.ttl_seconds, inputs.wait_seconds):
        return context.perform(str(inputs.step["type"]), inputs.step["inputs"])


def check_items(inputs: CheckItemsInputs, context: StepContext) -> StepResult:
    """Say how many items there are, and whether these are enough."""
    del context
    if not isinstance(inputs.items, list):
        raise ConnectorError("data", "`items` is a text, not a list")
    count = len(inputs.items)
    has_data = count >= inputs.min_count
    return StepResult(results={"has_data": has_data, "count": count}, no_data=not has_data)
