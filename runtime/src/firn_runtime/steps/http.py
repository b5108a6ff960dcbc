"""The `http` step: one request of an API."""

from typing import Protocol, cast

from firn_runtime.step import StepContext, StepResult
from firn_schemas.base import Json
from firn_schemas.steps.messages import HttpInputs


class _Answer(Protocol):
    @property
    def status(self) -> int: ...

    @property
    def content(self) -> bytes: ...


class Requestable(Protocol):
    """A connector that `http` steps use."""

    def request(self, inputs: HttpInputs) -> _Answer:
        """Make one request and return its answer; raise ConnectorError for a status that is not expected."""
        ...


def http(inputs: HttpInputs, context: StepContext) -> StepResult:
    """Return the answer's `status`, and its body as `json`: null where it is none."""
    answer = cast(Requestable, context.resource(inputs.resource)).request(inputs)
    return StepResult(results={"status": answer.status, "json": _json(answer.content)}, bytes=len(answer.content))


def _json(content: bytes) -> Json:
    """Return what a body says, its numbers as firn_runtime.json_values spells them."""
    import orjson

    from firn_runtime.json_values import json_value

    try:
        return json_value(orjson.loads(content))
    except orjson.JSONDecodeError:
        return None
