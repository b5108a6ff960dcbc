"""Which job runs when: in the artifact's order, side by side up to a limit, each in a thread of its own.

The calling thread only waits: for jobs that end, for what asks the run to stop, and for work that does not end though
it was asked to. What such a thread still does is held by its token, which every publication asks.
"""

import heapq
import threading
import time
from collections.abc import Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import NamedTuple, Protocol

from firn_runtime.cancel import Token
from firn_runtime.events import STOPPED, Failure
from firn_runtime.outcome import JobOutcome
from firn_runtime.stop import Asked, Stop
from firn_schemas.artifact import Job

LEFT_BEHIND = 10.0
"""Seconds that work may take to end after it was asked to."""

_SIGNALS: Mapping[Asked, str] = {"terminate": "SIGTERM", "interrupt": "SIGINT"}


class Limits(NamedTuple):
    """How jobs run side by side."""

    max_parallel: int = 1
    fail_fast: bool = False
    grace: float = 25.0
    """Seconds that steps at work may take after the run was asked to terminate."""


class Work(Protocol):
    """One job at work."""

    token: Token

    def run(self) -> JobOutcome:
        """Do the job; never raises."""
        ...

    def leave(self, reason: Failure) -> JobOutcome:
        """Say that the job has ended, though its work goes on."""
        ...


class Maker(Protocol):
    """Makes the work of a job; the dependencies of it have ended as `outcomes` says."""

    def __call__(self, job: Job, token: Token, outcomes: Mapping[str, JobOutcome]) -> Work:
        """Return the work, not begun."""
        ...


class Scheduler:
    """Runs the jobs of one flow once. What they depend on and is not among them was done before."""

    def __init__(self, jobs: Sequence[Job], make: Maker, stop: Stop, limits: Limits) -> None:
        self.stopped: Asked | None = None
        self.outcomes: dict[str, JobOutcome] = {}
        self._jobs, self._make, self._limits = jobs, make, limits
        self._dependents: dict[str, list[int]] = {job.id: [] for job in jobs}
        self._awaited = {job.id: self._dependents.keys() & job.depends_on for job in jobs}
        for number, job in enumerate(jobs):
            for name in self._awaited[job.id]:
                self._dependents[name].append(number)
        self._ready = [number for number, job in enumerate(jobs) if not self._awaited[job.id]]
        self._inbox: SimpleQueue[JobOutcome | Asked | Failure] = SimpleQueue()
        self._all = Token()
        self._running: dict[str, Work] = {}
        self._closed = False
        self._grace_ends: float | None = None
        stop.listen(self._inbox.put)

    def abort(self, reason: Failure) -> None:
        """End all work now; may be called from any thread."""
        self._inbox.put(reason)

    def run(self) -> list[JobOutcome]:
        """Return the outcome of every job that was begun, in the artifact's order."""
        self._start_ready()
        while self._running or not self._inbox.empty():
            self._hear()
            self._start_ready()
        self._all.close()
        return [self.outcomes[job.id] for job in self._jobs if job.id in self.outcomes]

    def _start_ready(self) -> None:
        while self._inbox.empty() and not self._closed and self._ready:
            if len(self._running) == self._limits.max_parallel:
                return
            job = self._jobs[heapq.heappop(self._ready)]
            work = self._running[job.id] = self._make(job, Token(self._all), self.outcomes)
            threading.Thread(target=self._do, args=(work,), name=f"firn-{job.id}", daemon=True).start()

    def _do(self, work: Work) -> None:
        self._inbox.put(work.run())

    def _hear(self) -> None:
        watched = self._grace_ends is not None or any(one.token.reason for one in self._running.values())
        try:
            heard = self._inbox.get(timeout=0.2 if watched else None)
        except Empty:
            self._look_after()
            return
        if isinstance(heard, JobOutcome):
            self._ended(heard)
        elif isinstance(heard, Failure):
            self._end_all(heard)
        else:
            self._asked(heard)

    def _ended(self, outcome: JobOutcome) -> None:
        work = self._running.pop(outcome.id, None)
        if work is None:
            return  # it was left behind
        work.token.close()
        self.outcomes[outcome.id] = outcome
        for number in self._dependents[outcome.id]:
            awaited = self._awaited[self._jobs[number].id]
            awaited.discard(outcome.id)
            if not awaited:
                heapq.heappush(self._ready, number)
        if outcome.status == "FAILED" and self._limits.fail_fast:
            self._end_all(Failure(STOPPED, "process", f"the run was stopped: `{outcome.id}` failed"))

    def _asked(self, what: Asked) -> None:
        self.stopped, self._closed = what, True
        if what == "interrupt":
            self._end_all(_stopped_by(what))
        elif self._grace_ends is None:
            self._grace_ends = time.monotonic() + self._limits.grace

    def _end_all(self, reason: Failure) -> None:
        self._closed = True
        self._all.cancel(reason)

    def _look_after(self) -> None:
        now = time.monotonic()
        if self._grace_ends is not None and now > self._grace_ends:
            self._end_all(_stopped_by("terminate"))
        for work in list(self._running.values()):
            if work.token.reason is not None and now > work.token.since + LEFT_BEHIND:
                self._ended(work.leave(work.token.reason))


def _stopped_by(what: Asked) -> Failure:
    return Failure(STOPPED, "process", f"the run was stopped by {_SIGNALS[what]}")
