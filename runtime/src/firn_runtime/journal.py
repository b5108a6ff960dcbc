"""Writes one run's progress to its state, under the leases that the run holds; no secret is in what it writes.

Results in which a secret was masked cannot be used again: a step that may be repeated is recorded without its
fingerprint, so that a resumption does it once more.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from firn_runtime.errors import ConnectorError
from firn_runtime.events import Failure
from firn_runtime.outcome import JobOutcome
from firn_runtime.starts import Starts
from firn_runtime.state.rows import NOT_KEPT, JobRow, StepRow
from firn_runtime.watermarks import Watermarks
from firn_schemas.artifact import Job, Step
from firn_schemas.base import Json

if TYPE_CHECKING:
    from firn_runtime.leases import Leases
    from firn_runtime.state import State


class Journal:
    """One run's; its methods may be called from several threads. `clean` masks the secrets in a JSON value."""

    def __init__(
        self,
        state: "State",
        flow: str,
        run: str,
        leases: "Leases",
        watermarks: Watermarks,
        clean: Callable[[Json], Json],
    ) -> None:
        self._state, self._flow, self._run, self._leases, self._clean = state, flow, run, leases, clean
        self.watermarks = watermarks
        self._starts = Starts(self._started, state.clocks.boot)
        state.keeper.keep(self._starts)

    def close(self) -> None:
        """Record no further start."""
        self._state.keeper.drop(self._starts)

    @cached_property
    def fence(self) -> int:
        """The fence of the lease on the flow, as targets know it."""
        return self._state.fence_of(self._leases.fences[0])

    def check(self) -> None:
        """Raise LeaseLost where a lease of the run may be another's by now."""
        self._leases.check()

    def step_started(self, job: Job, step: Step, started_at: str, before: StepRow | None) -> None:
        """Record that a step begins: a moment later, or durably now where it cannot be taken back.

        `before` says how it was done in this run before, where it is done again.
        """
        self._leases.check()
        row = StepRow(job.id, step.id, "RUNNING", 0, step.fingerprint.data, started_at)
        if before is not None:
            row = row._replace(results=before.results, dataset=before.dataset)
        if step.repeatable:
            self._starts.add(row)
        else:
            self._started(row, durable=True)

    def _started(self, row: StepRow, *, durable: bool = False) -> None:
        self._state.step_started(self._flow, self._run, row, self._guards, durable=durable)

    def step_finished(self, step: Step, row: StepRow, error: Failure | None) -> None:
        """Record how a step ended; durable when this returns."""
        self._starts.drop(row)
        self._leases.check()
        results = self._clean(row.results)
        whole = results == row.results or not step.repeatable
        if step.watermark is not None and not whole:
            help = "go on by another column: what is masked cannot be gone on from"
            raise ConnectorError("data", "a secret stands in the watermark or in a column's name", help)
        kept = row._replace(results=results, error=self._spelled(error))
        kept = kept if whole else kept._replace(fingerprint=NOT_KEPT)
        with self.watermarks.moved_by(row) as moved:
            self._state.step_finished(self._flow, self._run, kept, self._guards, moved)

    def job_finished(self, job: Job, outcome: JobOutcome, outputs: Json) -> None:
        """Record how a job ended."""
        self._leases.check()
        kept = self._clean(outputs)
        fingerprint = job.fingerprint.data if kept == outputs else NOT_KEPT
        error = self._spelled(outcome.error)
        row = JobRow(job.id, outcome.status, fingerprint, outcome.seconds, error, kept)
        self._state.job_finished(self._flow, self._run, row, self._guards)

    def _spelled(self, failure: Failure | None) -> Json:
        if failure is None:
            return None
        words = self._clean({"message": failure.message, "help": failure.help})
        assert isinstance(words, dict)
        return {"code": failure.code, "class": failure.error_class} | words

    @property
    def _guards(self) -> Sequence[Any]:
        return self._leases.fences
