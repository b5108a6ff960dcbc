"""What a run tells: one record for each kind of event, as `--log-format json` and `--events` write it, one a line.

A key that has nothing to say is absent.
"""

from typing import Literal

from firn_schemas.artifact_format import ErrorClass
from firn_schemas.base import doc, record

Status = Literal["SUCCESS", "FAILED", "SKIPPED", "BLOCKED"]


@record
class Failure:
    """Why a step or job failed, in words that hold no secret."""

    code: str = doc("Has a page in docs/diagnostics.", examples=["R301"])
    class_: ErrorClass = doc("What a retry needs to know.")
    message: str = doc("One sentence.")
    help: str = doc("The likely fix; empty where none is known.")


@record
class OfRun:
    """What every event says."""

    time: str = doc("When, in ISO 8601 and UTC, with milliseconds.", examples=["2026-03-01T06:00:00.123+00:00"])
    run: str = doc("The run.")
    flow: str = doc("The flow.")


@record
class OfJob(OfRun):
    """What every event of a job says."""

    job: str = doc("The job.")


@record
class OfStep(OfJob):
    """What every event of a step says."""

    step: str = doc("The step.")


@record
class RunStarted(OfRun):
    """A session of a run begins; the first event of each."""

    event: Literal["run.started"] = doc("A session of the run begins.")
    artifact: str = doc("Digest of the artifact.")
    environment: str = doc("The platform's environment.")
    seed: int = doc("What random waits are drawn from.", minimum=0)
    resumed: int = doc("How often the run was resumed.", minimum=0)


@record
class RunFinished(OfRun):
    """A session of a run ended; the last event of each."""

    event: Literal["run.finished"] = doc("The session ended.")
    status: Status = doc("How.")
    seconds: float = doc("How long the session took.", minimum=0)


@record
class JobStarted(OfJob):
    """A job begins; one `job.finished` follows, whatever happens."""

    event: Literal["job.started"] = doc("A job begins.")


@record
class JobFinished(OfJob):
    """A job ended."""

    event: Literal["job.finished"] = doc("A job ended.")
    status: Status = doc("How.")
    seconds: float = doc("How long it took.", minimum=0)
    error: Failure | None = doc("Why it failed, where it was not one of its steps.", default=None)


@record
class StepStarted(OfStep):
    """A step begins; one `step.finished` follows, whatever happens."""

    event: Literal["step.started"] = doc("A step begins.")


@record
class StepRetried(OfStep):
    """An attempt failed, and another one is to come."""

    event: Literal["step.retried"] = doc("An attempt failed, and another one is to come.")
    attempt: int = doc("Number of the attempt to come.", minimum=2)
    seconds: float = doc("How long is waited for it.", minimum=0)
    error: Failure = doc("Why the attempt failed.")


@record
class StepReused(OfStep):
    """A step had finished in an earlier session, and is not run again."""

    event: Literal["step.reused"] = doc("A step had finished before, and is not run again.")
    status: Status = doc("How it had ended.")
    attempt: int = doc("Attempts that it had taken.", minimum=0)
    rows: int | None = doc("Rows that it had read, made or written.", default=None, minimum=0)


@record
class StepFinished(OfStep):
    """A step ended."""

    event: Literal["step.finished"] = doc("A step ended.")
    status: Status = doc("How.")
    attempt: int | None = doc("Attempts that it took; absent where it was left behind.", default=None, minimum=1)
    seconds: float | None = doc("How long it took; absent where it was left behind.", default=None, minimum=0)
    rows: int | None = doc("Rows that were read, made or written.", default=None, minimum=0)
    bytes: int | None = doc("Bytes that were read or written, where that is known.", default=None, minimum=0)
    streamed_into: str | None = doc(
        "The step that reads the rows and counts them; the one that ended has let it do so, and no more.", default=None
    )
    error: Failure | None = doc("Why it failed.", default=None)


@record
class SecretResolved(OfRun):
    """A resource was given a secret; told again where it has another value."""

    event: Literal["secret.resolved"] = doc("A resource was given a secret.")
    resource: str = doc("The flow's name of the resource.")
    secret_ref: str = doc("The reference.")
    key: str | None = doc("The key inside it.", default=None)
    source: Literal["environment", "mount"] = doc("Where it was found.")
    fingerprint: str = doc("Marks the value within this session: another value, another mark.")


@record
class Warned(OfRun):
    """Something that a person should know."""

    event: Literal["warning"] = doc("Something that a person should know.")
    message: str = doc("One sentence.")
    job: str | None = doc("The job that it is about.", default=None)
    step: str | None = doc("The step that it is about.", default=None)


EVENTS: tuple[type, ...] = (
    RunStarted,
    JobStarted,
    StepStarted,
    StepRetried,
    StepReused,
    StepFinished,
    JobFinished,
    RunFinished,
    SecretResolved,
    Warned,
)
"""Every kind of event."""
