"""How steps, jobs and runs end, as values."""

from typing import NamedTuple

from firn_runtime.events import Failure, Status


class StepOutcome(NamedTuple):
    """How a step ended."""

    id: str
    status: Status
    seconds: float
    rows: int | None = None
    error: Failure | None = None
    attempts: int = 1
    bytes: int | None = None
    reused: bool = False
    """Whether it was done already, by an earlier session of the run."""


class JobOutcome(NamedTuple):
    """How a job ended, with its steps as far as they were started."""

    id: str
    status: Status
    seconds: float = 0.0
    steps: tuple[StepOutcome, ...] = ()
    error: Failure | None = None


class RunResult(NamedTuple):
    """How a run ended; FAILED where any job FAILED or was not begun.

    A job that waits for a skipped one is BLOCKED, and no failure.
    """

    run_id: str
    flow: str
    status: Status
    seconds: float
    jobs: tuple[JobOutcome, ...]
    stopped: str | None = None
    """What stopped it before its end: `terminate` or `interrupt`."""
