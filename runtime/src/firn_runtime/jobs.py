"""One job: its condition, its steps one after the other, and what is told and recorded of them."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from firn_runtime.attempts import Attempts, Done, failure_of
from firn_runtime.cancel import Ended, Token
from firn_runtime.errors import ConnectorError, FirnError, LockHeld
from firn_runtime.events import STOPPED, EventName, Failure, Status
from firn_runtime.outcome import JobOutcome, StepOutcome
from firn_runtime.plan import results_of
from firn_runtime.resolve import Unresolved
from firn_runtime.shared import Shared
from firn_runtime.state import checked_outputs
from firn_runtime.state.rows import NOT_KEPT, StepRow
from firn_runtime.step import StepResult
from firn_schemas.artifact import Job, Lock, Step
from firn_schemas.base import Json

Fatal = Callable[[FirnError], object]


class JobWork:
    """One job at work, in a thread of its own."""

    def __init__(
        self, shared: Shared, job: Job, token: Token, outcomes: Mapping[str, JobOutcome], fatal: Fatal
    ) -> None:
        self.token = token
        self._shared, self._job, self._outcomes, self._fatal = shared, job, outcomes, fatal
        self._results: dict[str, Any] = {}
        self._steps: list[StepOutcome] = []
        self._at_work: str | None = None
        """The step whose start was told, and not its end."""
        self._clock = time.monotonic()
        self._left = False
        self._telling = threading.Lock()

    def run(self) -> JobOutcome:
        """Do the job. What ends the whole run is handed to `fatal`; every start that was told has its end."""
        self._clock = time.monotonic()
        self._tell("job.started")
        status, error = self._guarded()
        outcome = self._outcome(status, error)
        if not self._left:
            try:
                self._shared.journal.job_finished(self._job, outcome, self._outputs)
            except FirnError as failure:
                self._fatal(failure)
        told = {"status": outcome.status, "seconds": outcome.seconds, "error": outcome.error}
        self._tell("job.finished", **told)
        return outcome

    def leave(self, reason: Failure) -> JobOutcome:
        """Tell the job's end, and let nothing more be told of it."""
        with self._telling:
            step, self._left = self._at_work, True
        help = "the work did not end, and is left behind; it publishes nothing any more"
        outcome = self._outcome("FAILED", reason._replace(help=help))
        if step is not None:
            self._shared.tell("step.finished", job=self._job.id, step=step, status="FAILED", error=outcome.error)
        self._shared.tell(
            "job.finished", job=self._job.id, status="FAILED", seconds=outcome.seconds, error=outcome.error
        )
        return outcome

    def _outcome(self, status: Status, error: Failure | None) -> JobOutcome:
        return JobOutcome(self._job.id, status, time.monotonic() - self._clock, tuple(self._steps), error)

    def _guarded(self) -> tuple[Status, Failure | None]:
        try:
            return self._do()
        except Ended as ended:
            return "FAILED", ended.reason
        except LockHeld as held:
            return "FAILED", failure_of(held)
        except FirnError as error:
            return "FAILED", self._ends_the_run(error)
        except Unresolved as error:
            return "FAILED", Failure.of("data", f"`when`: {error}")
        except Exception as error:
            return "FAILED", failure_of(error)

    def _do(self) -> tuple[Status, Failure | None]:
        job, plan = self._job, self._shared.plan
        before = (self._outcomes[name] for name in job.depends_on if name in self._outcomes)
        if any(one.status != "SUCCESS" for one in before):
            return "BLOCKED", None
        if job.id in plan.skipped:
            return "SKIPPED", None
        begun = any((job.id, step.id) in plan.steps for step in job.steps)
        if job.when is not None and not begun and not self._holds(job.when):
            return "SKIPPED", None
        with ExitStack() as stack:
            self._hold(stack, job.lock)
            stack.enter_context(self.token.limited(job.timeout, Failure.late("the job", job.timeout)))
            return self._steps_of(job)

    def _steps_of(self, job: Job) -> tuple[Status, Failure | None]:
        for step in job.steps:
            row = self._shared.plan.steps.get((job.id, step.id))
            if row is not None:
                self._reuse(step, row)
                continue
            self.token.check()
            if self._shared.stop.asked is not None:
                raise Ended(Failure(STOPPED, "process", f"the run was stopped before `{step.id}`"))
            done = self._step(step)
            if done.result is None:
                return "FAILED", None
            if _skips_the_job(step, done.result):
                return "SKIPPED", None
        return "SUCCESS", None

    def _holds(self, condition: Json) -> bool:
        value = self._shared.scope({}).resolve(condition)
        if not isinstance(value, bool):
            raise Unresolved("the condition is neither true nor false")
        return value

    def _hold(self, stack: ExitStack, lock: Lock | None) -> None:
        if lock is not None:
            stack.enter_context(self._shared.hold(lock.key, lock.ttl_seconds, self._shared.wait))

    def _reuse(self, step: Step, row: StepRow) -> None:
        self._keep(step, results_of(row.results))
        self._steps.append(StepOutcome(step.id, "SUCCESS", row.seconds or 0.0, row.rows, reused=True))
        self._tell("step.reused", step=step.id, status="SUCCESS", rows=row.rows, attempt=row.attempt)

    def _keep(self, step: Step, results: dict[str, Json]) -> None:
        self._results[step.id] = {"outputs": results}
        if step.outputs:
            self._shared.jobs.setdefault(self._job.id, {"outputs": {}})["outputs"].update(_named(step, results))

    @property
    def _outputs(self) -> dict[str, Json]:
        return self._shared.jobs.get(self._job.id, {"outputs": {}})["outputs"]

    def _step(self, step: Step) -> Done:
        """Run one step and record it; its `finished` is told whatever happens."""
        clock, started_at = time.monotonic(), datetime.now(UTC).isoformat(timespec="milliseconds")
        self._tell("step.started", step=step.id)
        done = self._attempted(step, started_at)
        seconds = time.monotonic() - clock
        done = self._recorded(step, done, started_at, seconds)
        result, status = done.result, _STATUS[done.error is None]
        rows, size = (result.rows, result.bytes) if result is not None else (None, None)
        self._steps.append(StepOutcome(step.id, status, seconds, rows, done.error, done.attempts, size))
        for warning in result.warnings if result is not None else ():
            self._tell("warning", step=step.id, message=warning)
        told: dict[str, Any] = {
            "rows": rows,
            "bytes": size,
            "attempt": done.attempts,
            "seconds": seconds,
            "error": done.error,
        }
        told |= {"detail": {"streamed_into": step.streamed_into}} if step.streamed_into is not None else {}
        self._tell("step.finished", step=step.id, status=status, **told)
        return done

    def _attempted(self, step: Step, started_at: str) -> Done:
        try:
            before = self._shared.plan.before(self._job.id, step.id)
            self._shared.journal.step_started(self._job, step, started_at, before)
            with ExitStack() as stack:
                self._hold(stack, step.lock)
                return Attempts(self._shared, self._job, step, self.token).run(self._results)
        except Ended as ended:
            return Done(1, error=ended.reason)
        except LockHeld as held:
            return Done(1, error=failure_of(held))
        except FirnError as error:
            return Done(1, error=self._ends_the_run(error))

    def _recorded(self, step: Step, done: Done, started_at: str, seconds: float) -> Done:
        """Record how the step ended, and keep its results; where that cannot be recorded, the run ends."""
        try:
            if done.result is not None and step.outputs:
                checked_outputs(self._outputs | _named(step, done.result.results))
            self._shared.journal.step_finished(step, self._row(step, done, started_at, seconds), done.error)
        except ConnectorError as error:
            return Done(done.attempts, error=failure_of(error))
        except FirnError as error:
            return Done(done.attempts, error=self._ends_the_run(error))
        if done.result is not None:
            self._shared.fetched.learn(f"{self._job.id}.{step.id}", step, done.result.results)
            self._keep(step, dict(done.result.results))
        return done

    def _row(self, step: Step, done: Done, started_at: str, seconds: float) -> StepRow:
        result, before = done.result, self._shared.plan.before(self._job.id, step.id)
        again = result is not None and step.repeatable and _skips_the_job(step, result)
        return StepRow(
            job=self._job.id,
            step=step.id,
            status=_STATUS[done.error is None],
            attempt=done.attempts,
            fingerprint=NOT_KEPT if again else step.fingerprint.data,
            started_at=started_at,
            seconds=seconds,
            rows=result.rows if result else None,
            bytes=result.bytes if result else None,
            results=dict(result.results) if result else results_of(before.results) if before else {},
            dataset=self._shared.dataset(self._job, step),
        )

    def _ends_the_run(self, error: FirnError) -> Failure:
        self._fatal(error)
        return failure_of(error)

    def _tell(self, name: EventName, **what: Any) -> None:
        with self._telling:
            if not self._left:
                self._at_work = {"step.started": what.get("step"), "step.finished": None}.get(name, self._at_work)
                self._shared.tell(name, job=self._job.id, **what)


def _skips_the_job(step: Step, result: StepResult) -> bool:
    """Say whether nothing more is done in the job: that a step found nothing is not among what is kept of it.

    So where the job's own end was not recorded, or it is another job by now, the step is done once more.
    """
    return result.no_data and step.on_no_data == "skip_job"


def _named(step: Step, results: Mapping[str, Json]) -> dict[str, Json]:
    """Return the results that the flow gave a name."""
    return {name: results[name] for name in step.outputs}


_STATUS: dict[bool, Status] = {True: "SUCCESS", False: "FAILED"}
