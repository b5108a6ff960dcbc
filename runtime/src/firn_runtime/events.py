"""What happens during a run, as values. Everything that shows or stores a run is made from these."""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from firn_schemas.artifact_format import ErrorClass
from firn_schemas.base import Json

EventName = Literal[
    "run.started",
    "job.started",
    "step.started",
    "step.retried",
    "step.reused",
    "step.finished",
    "job.finished",
    "run.finished",
    "secret.resolved",
    "warning",
]
CODES: Mapping[ErrorClass, str] = {
    "connection": "R301",
    "timeout": "R302",
    "auth": "R303",
    "rate_limited": "R304",
    "server_error": "R305",
    "conflict": "R306",
    "data": "R307",
    "process": "R308",
}
"""The code of a failed step, by its error's class."""

INTERNAL = "R399"
STOPPED = "R309"
"""The code of what was asked to end."""

Status = Literal["SUCCESS", "FAILED", "SKIPPED", "BLOCKED"]


class Failure(NamedTuple):
    """Why a step failed, in words that hold no secret."""

    code: str
    error_class: str
    message: str
    help: str = ""

    @classmethod
    def of(cls, error_class: ErrorClass, message: str, help: str = "") -> "Failure":
        """Return the failure of a class."""
        return cls(CODES[error_class], error_class, message, help)

    @classmethod
    def late(cls, what: str, seconds: float | None) -> "Failure":
        """Return the failure of what had so much time."""
        return cls.of("timeout", f"{what} did not end within {seconds} s", "raise its `timeout`")


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
    bytes: int | None = None
    attempt: int | None = None
    seconds: float | None = None
    message: str | None = None
    error: Failure | None = None
    detail: Mapping[str, Json] | None = None

    @property
    def place(self) -> str:
        """Return the job and the step, as far as there are."""
        return ".".join(part for part in (self.job, self.step) if part)

    @property
    def whole_place(self) -> str:
        """Return the same with the flow before it."""
        return ".".join(part for part in (self.flow, self.place) if part)

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
