"""One step: its attempts, what is lent to it, and how its failures are told apart."""

import errno
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from firn_runtime.cancel import Ended, Token, working_for
from firn_runtime.errors import ConnectorError, FirnError, LockHeld, internal
from firn_runtime.events import INTERNAL, Failure
from firn_runtime.plan import results_of
from firn_runtime.publication import Publication
from firn_runtime.resolve import Unresolved
from firn_runtime.run_files import leaves, note
from firn_runtime.shared import Shared
from firn_runtime.state import checked_results
from firn_runtime.step import StepResult, Window, innermost
from firn_runtime.steps import done, step_function
from firn_schemas.artifact import Job, Step
from firn_schemas.base import Json
from firn_schemas.decode import DecodeError, decode
from firn_schemas.steps import STEPS

if TYPE_CHECKING:
    from firn_runtime.engine import Session


class Done(NamedTuple):
    """How the attempts of a step ended: a result, or why there is none."""

    attempts: int
    result: StepResult | None = None
    error: Failure | None = None


class Attempts:
    """The attempts of one step."""

    def __init__(self, shared: Shared, job: Job, step: Step, token: Token) -> None:
        self._shared, self._job, self._step, self._token = shared, job, step, token
        self._renewed = False

    def run(self, results: dict[str, Any]) -> Done:
        """Try until it is done, the attempts are used up, or another one is not worth it."""
        retry = self._step.retry
        number = 0
        while True:
            number += 1
            done = self._try(number, results)
            if done.error is None or self._token.reason is not None:
                return done
            if retry is None or number >= retry.max_attempts or done.error.error_class not in retry.on:
                return done
            self._pause(number, done.error)
            self._shared.resources.connect_anew()

    def _try(self, number: int, results: dict[str, Any]) -> Done:
        error = self._once(number, results)
        if isinstance(error, StepResult):
            return Done(number, error)
        if error.error_class == "auth" and self._renew():
            again = self._once(number, results)
            return Done(number, again) if isinstance(again, StepResult) else Done(number, error=again)
        return Done(number, error=error)

    def _renew(self) -> bool:
        """Read the secrets of the step's resource once more; say whether they are others now."""
        name = innermost(self._step.type, self._step.inputs)[1].get("resource")
        if self._renewed or not isinstance(name, str):
            return False
        self._renewed = True
        return self._shared.resources.renew(name)

    def _pause(self, number: int, error: Failure) -> None:
        """Wait before the next attempt: exponential backoff with full jitter, out of the run's seed."""
        from random import Random

        retry = self._step.retry
        assert retry is not None
        longest = min(retry.max_backoff, retry.backoff * 2 ** min(number - 1, 60))
        place = f"{self._shared.seed}:{self._job.id}:{self._step.id}:{number}"
        seconds = Random(place).uniform(0, longest)  # noqa: S311  # spreads attempts; nothing is hidden behind it
        self._shared.tell(
            "step.retried", job=self._job.id, step=self._step.id, attempt=number + 1, seconds=seconds, error=error
        )
        self._token.wait(seconds)

    def _once(self, number: int, results: dict[str, Any]) -> StepResult | Failure:
        token = Token(self._token)
        limit = self._step.timeout
        try:
            with working_for(token), token.limited(limit, Failure.late("the step", limit)):
                return self._work(number, results, token)
        except Ended as ended:
            return ended.reason
        except Exception as error:
            if isinstance(error, FirnError) and not isinstance(error, LockHeld):
                raise  # it is the run that cannot go on
            return token.reason or self._shared.tell.failure(failure_of(error))

    def _work(self, number: int, results: dict[str, Any], token: Token) -> StepResult:
        step = self._step
        inputs = self._shared.scope(results).resolve(step.inputs)
        lent = Lent(self._shared, self._job, step, number, token)
        result = lent.perform(step.type, inputs)
        if result.no_data and step.on_no_data == "fail":
            raise ConnectorError("data", "the step found no data", "the flow says `on_no_data: fail`")
        checked_results(dict(result.results))
        if leaves(step):
            note(step, result.results, lent.scratch, lent.files)
        named = self._shared.scope(results, result=result.results).resolve(step.outputs)
        return result._replace(results=dict(result.results) | named)


_DISK = (errno.EDQUOT, errno.EINTR, errno.EIO, errno.ENOSPC, errno.EROFS)
"""What a disk says that fails, is full or may not be written."""
_ROOM = "look at the disks of the platform's `workspace.root` and of the step's resource"


def failure_of(error: Exception) -> Failure:
    """Return what a step's exception means; the text of one that is not ours is never shown."""
    if isinstance(error, ConnectorError):
        return Failure.of(error.error_class, error.message, error.help)
    if isinstance(error, FirnError):
        error_class = "conflict" if isinstance(error, LockHeld) else "process"
        return Failure(error.code, error_class, error.message, error.help)
    if isinstance(error, (DecodeError, Unresolved)):
        return Failure.of("data", str(error))
    if isinstance(error, OSError) and error.errno in _DISK:
        reason = os.strerror(error.errno).lower()
        return Failure.of("process", f"a file of the run cannot be written: {reason}", _ROOM)
    return Failure(INTERNAL, "process", internal(error))


class Lent:
    """What the run lends to one attempt of a step (see firn_runtime.step.StepContext)."""

    def __init__(self, shared: Shared, job: Job, step: Step, attempt: int, token: Token) -> None:
        self._shared, self._job, self._step, self._attempt = shared, job, step, attempt
        self._token = token
        self.id = step.id

    @property
    def session(self) -> "Session":
        """The job's view of the engine."""
        return self._shared.resources.session(self._job)

    @property
    def scratch(self) -> Path:
        """A folder of this step alone."""
        return self._shared.resources.scratch(self._job.id, self.id)

    @property
    def files(self) -> Path:
        """The run's own folder of files."""
        return self._shared.resources.files()

    @property
    def before(self) -> Mapping[str, Json]:
        """What this step resulted in when it was done in this run before, where it is done again."""
        row = self._shared.plan.before(self._job.id, self.id)
        return results_of(row.results) if row is not None else {}

    @property
    def publication(self) -> Publication:
        """What names this step's write."""
        shared, fingerprint = self._shared, self._step.fingerprint.data
        names = (shared.flow, shared.run, self._job.id, self.id, fingerprint, shared.artifact)
        return Publication(*names, attempt=self._attempt, fence=shared.journal.fence)

    @property
    def streamed(self) -> bool:
        """Whether the step's dataset is handed over to the one step that reads it."""
        return self._step.streamed_into is not None

    @property
    def window(self) -> Window:
        """What this step is to read, where it is an incremental read."""
        return self._shared.journal.watermarks.window(self._job.id, self.id)

    @property
    def started_at(self) -> datetime:
        """When the run began."""
        return datetime.fromisoformat(self._shared.started_at)

    def fetched(self, resource: str) -> Mapping[str, str]:
        """Return in which versions the run has fetched files of a resource."""
        return self._shared.fetched.of(resource)

    def claim(self, resource: str, places: Collection[str]) -> None:
        """Keep places of a resource for the files that this step puts there."""
        self._shared.fetched.claim(f"{self._job.id}.{self.id}", resource, places, self.files)

    def hidden(self, dataset: str, columns: Sequence[str]) -> frozenset[str]:
        """Return those of a dataset's columns whose values may not be shown."""
        from firn_runtime.classified import hidden

        return hidden(self._shared.definition, self._job, dataset, columns)

    def resource(self, name: str) -> Any:
        """Return the connector of a resource, connected."""
        return self._shared.resources.connected(name)

    def still_ours(self) -> None:
        """Raise where the work shall end or the run has lost its lease: asked before everything that is published."""
        self._token.check()
        self._shared.journal.check()

    def hold(self, key: str, ttl: float, wait: float) -> AbstractContextManager[Any]:
        """Hold a lock for a block."""
        return self._shared.hold(key, ttl, wait)

    def perform(self, type: str, inputs: Any) -> StepResult:
        """Do a step of this type with settled inputs."""
        brought = self._shared.plugged.steps.get(type)
        if brought is not None:
            return done(brought.function(), brought.decoded(inputs), self)
        row = STEPS.get(type)
        assert row is not None  # the artifact's features named it
        return step_function(type)(decode(row.inputs, inputs, from_text=True), self)
