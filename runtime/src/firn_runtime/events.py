"""What happens during a run, as values. Everything that shows or stores a run is made from these."""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from firn_schemas.base import Json

EventName = Literal[
    "run.started", "job.started", "step.started", "step.finished", "job.finished", "run.finished", "warning"
]
Status = Literal["SUCCESS", "FAILED", "SKIPPED", "BLOCKED"]


class Failure(NamedTuple):
    """Why a step failed, in words that hold no secret."""

    code: str
    error_class: str
    message: str
    help: str = ""


class Event(NamedTuple):
    """One thing that happened. `time` is ISO 8601 in UTC; `seconds` is how long it took."""

    name: EventName
    time: str
    run: str
    flow: str
    job: str | None = None
    step: str | None = None
    status: Status | None = None
    rows: int | None = None
    seconds: float | None = None
    message: str | None = None
    error: Failure | None = None
    detail: Mapping[str, Json] | None = None

    def as_json(self) -> dict[str, Json]:
        """Return the event as a JSON object, without what it does not say."""
        known: dict[str, Json] = {"event": self.name}
        for key, value in self._asdict().items():
            if value is None or key in ("name", "error", "detail"):
                continue
            known[key] = value
        if self.error is not None:
            known["error"] = {
                "code": self.error.code,
                "class": self.error.error_class,
                "message": self.error.message,
                "help": self.error.help,
            }
        return known | dict(self.detail or {})


Listener = Callable[[Event], None]
