"""Steps about other steps: `with_lock`, `check_items`."""

from firn_schemas.base import Json, JsonObject, doc, record
from firn_schemas.steps import StepType


@record
class WithLockInputs:
    """Runs one step while a lock is held."""

    key: str = doc("Name of the lock; the same name excludes each other.")
    ttl_seconds: float = doc("Seconds of the lease; it is renewed while the step works.", default=60, minimum=1)
    wait_seconds: float = doc("Seconds to wait for the lock.", default=0, minimum=0)
    step: JsonObject = doc("The step: `type` and `inputs`.")


@record
class CheckItemsInputs:
    """Says whether a list holds anything."""

    items: list[Json] | str = doc("The list.", examples=["{{ steps.list.outputs.files }}"])
    min_count: int = doc("Fewer items than this are no data.", default=1, minimum=0)


ROWS: dict[str, StepType] = {
    "check_items": StepType(inputs=CheckItemsInputs, results={"has_data": "boolean", "count": "integer"}),
    "with_lock": StepType(inputs=WithLockInputs, results={"*": "any"}),
}
