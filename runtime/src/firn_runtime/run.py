"""The recipe of a run: verify, snapshot, secrets, jobs in order, close. No option changes the order of its lines."""

import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from firn_runtime.artifact_file import Artifact, load, read_bytes
from firn_runtime.connectors import CONNECTORS as BUILT_IN
from firn_runtime.errors import ConnectorError, ErrorClass, internal
from firn_runtime.events import Event, EventName, Failure, Listener, Status
from firn_runtime.prepare import Compute, choose, connectors_of, refuse_misshapen_nodes
from firn_runtime.publication import Publication
from firn_runtime.resolve import Scope, Unresolved
from firn_runtime.step import StepResult
from firn_runtime.steps import STEPS as BUILT_IN_STEPS
from firn_runtime.steps import step_function
from firn_schemas.artifact import Job, Step
from firn_schemas.base import Json
from firn_schemas.decode import DecodeError, decode
from firn_schemas.steps import STEPS

if TYPE_CHECKING:
    from firn_runtime.engine import Engine, Session

FEATURES = frozenset(
    [
        *(f"connector.{kind}.{driver}" for kind, driver in BUILT_IN),
        *(f"step.{name}" for name in BUILT_IN_STEPS),
        *(f"rest.pagination.{name}" for name in ("cursor", "link", "offset", "page")),
        "compute.duckdb",
        "job.when",
    ]
)
"""What this runtime can do; an artifact that needs more is refused."""

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

_INTERRUPTED_QUERY = "Query interrupted"
"""What the engine's driver raises, as a RuntimeError, in place of a KeyboardInterrupt that met it at work."""


class StepOutcome(NamedTuple):
    """How a step ended."""

    id: str
    status: Status
    seconds: float
    rows: int | None = None
    error: Failure | None = None


class JobOutcome(NamedTuple):
    """How a job ended, with its steps as far as they were started."""

    id: str
    status: Status
    seconds: float = 0.0
    steps: tuple[StepOutcome, ...] = ()
    error: Failure | None = None


class RunResult(NamedTuple):
    """How a run ended; FAILED where any job FAILED. A job that waits for a skipped one is BLOCKED, and no failure."""

    run_id: str
    flow: str
    status: Status
    seconds: float
    jobs: tuple[JobOutcome, ...]
    stopped: bool = False
    """Whether it was asked to stop before its end."""


class Edge(NamedTuple):
    """What a run takes from outside, read once before it begins."""

    environ: Mapping[str, str]
    base_dir: Path
    listeners: Sequence[Listener] = ()
    stopping: Callable[[], bool] = lambda: False
    run_id: str | None = None


def run_artifact(source: Path | bytes, edge: Edge, *, flow: str | None = None, expect: str | None = None) -> RunResult:
    """Run one flow of an artifact.

    Raises ArtifactRefused, InputsMissing and UsageError before anything was touched; whatever fails after that is in
    the result.
    """
    content = source if isinstance(source, bytes) else read_bytes(source)
    artifact = load(content, FEATURES, expect)
    name = choose(artifact.payload, flow)
    refuse_misshapen_nodes(artifact.payload)
    connectors = connectors_of(artifact.payload, artifact.payload.flows[name], edge.environ, edge.base_dir)
    return _Run(artifact, name, connectors, edge).run()


class _Context:
    """What the run lends to one step."""

    def __init__(self, run: "_Run", job: Job, step: Step) -> None:
        self._run, self._job, self._step, self.id = run, job, step, step.id

    @property
    def session(self) -> "Session":
        return self._run.session(self._job)

    @property
    def scratch(self) -> Path:
        folder = self._run.workspace / self._job.id / self.id
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def publication(self) -> Publication:
        run, job, step = self._run, self._job, self._step
        return Publication(run.name, run.id, job.id, step.id, step.fingerprint.data, run.artifact.digest)

    def resource(self, name: str) -> Any:
        return self._run.connected(name)


class _Run:
    """One run in progress: what is open, what came out, and who listens."""

    def __init__(self, artifact: Artifact, flow: str, connectors: Mapping[str, Any], edge: Edge) -> None:
        self.artifact, self.name, self.connectors, self.edge = artifact, flow, connectors, edge
        self.flow = artifact.payload.flows[flow]
        self.started = datetime.now(UTC)
        self.id = edge.run_id or f"{self.started:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
        self.workspace = edge.base_dir / artifact.payload.workspace.root / self.id
        self.listeners = list(edge.listeners)
        self.engine: Engine | None = None
        self.sessions: dict[str, Session] = {}
        self.undo: Callable[[], object] = lambda: None
        self.open: list[str] = []
        self.unusable: dict[str, Exception] = {}
        self.outcomes: dict[str, JobOutcome] = {}
        self.outputs: dict[str, dict[str, Json]] = {}
        self.stopped = False

    def run(self) -> RunResult:
        clock = time.monotonic()
        digest = self.artifact.digest
        self.tell("run.started", detail={"artifact": digest, "environment": self.artifact.payload.environment})
        status: Status = "FAILED"
        try:
            for job in self.flow.jobs:
                self.outcomes[job.id] = self.job(job)
            failed = any(one.status == "FAILED" for one in self.outcomes.values())
            status = "FAILED" if failed or self.stopped else "SUCCESS"
        finally:
            self.close(succeeded=status == "SUCCESS")
            seconds = time.monotonic() - clock
            self.tell("run.finished", status=status, seconds=seconds)
        return RunResult(self.id, self.name, status, seconds, tuple(self.outcomes.values()), self.stopped)

    def job(self, job: Job) -> JobOutcome:
        """Run one job, or say why not; its `finished` is told whatever happens."""
        clock = time.monotonic()
        self.tell("job.started", job=job.id)
        outcome = JobOutcome(job.id, "FAILED")
        try:
            outcome = self._job(job)
        finally:
            outcome = outcome._replace(seconds=time.monotonic() - clock)
            self.tell("job.finished", job=job.id, status=outcome.status, seconds=outcome.seconds, error=outcome.error)
        return outcome

    def _job(self, job: Job) -> JobOutcome:
        if any(self.outcomes[name].status in ("FAILED", "BLOCKED", "SKIPPED") for name in job.depends_on):
            return JobOutcome(job.id, "BLOCKED")
        try:
            if job.when is not None and not self._holds(job.when):
                return JobOutcome(job.id, "SKIPPED")
        except Unresolved as error:
            return JobOutcome(job.id, "FAILED", error=Failure(CODES["data"], "data", f"`when`: {error}"))
        steps: list[StepOutcome] = []
        results: dict[str, Any] = {}
        for step in job.steps:
            if self.edge.stopping():
                self.stopped = True
                return JobOutcome(job.id, "FAILED", steps=tuple(steps))
            steps.append(self.step(job, step, results))
            if steps[-1].status == "FAILED":
                return JobOutcome(job.id, "FAILED", steps=tuple(steps))
        return JobOutcome(job.id, "SUCCESS", steps=tuple(steps))

    def _holds(self, condition: Json) -> bool:
        value = self.scope({}).resolve(condition)
        if not isinstance(value, bool):
            raise Unresolved("the condition is neither true nor false")
        return value

    def scope(self, steps: Mapping[str, Any], **more: Any) -> Scope:
        """Return what the nodes of a step or condition may name."""
        names = {
            "flow": {"name": self.name, "version": self.flow.version},
            "jobs": {job: {"outputs": outputs} for job, outputs in self.outputs.items()},
            "run": {"id": self.id, "started_at": self.started.isoformat(timespec="seconds")},
            "steps": steps,
        }
        return Scope(self.edge.environ, {}, names | more)

    def step(self, job: Job, step: Step, results: dict[str, Any]) -> StepOutcome:
        """Run one step; its `finished` is told whatever happens."""
        clock = time.monotonic()
        self.tell("step.started", job=job.id, step=step.id)
        outcome = StepOutcome(step.id, "FAILED", 0.0, error=Failure(INTERNAL, "process", "the step was interrupted"))
        try:
            result = self._work(job, step, results)
            outcome = StepOutcome(step.id, "SUCCESS", 0.0, result.rows)
            for warning in result.warnings:
                self.tell("warning", job=job.id, step=step.id, message=warning)
        except ConnectorError as error:
            failure = Failure(CODES[error.error_class], error.error_class, error.message, error.help)
            outcome = outcome._replace(error=failure)
        except (DecodeError, Unresolved) as error:
            outcome = outcome._replace(error=Failure(CODES["data"], "data", str(error)))
        except Exception as error:
            if type(error) is RuntimeError and str(error) == _INTERRUPTED_QUERY:
                raise KeyboardInterrupt from None
            outcome = outcome._replace(error=Failure(INTERNAL, "process", internal(error)))
        finally:
            seconds = time.monotonic() - clock
            outcome = outcome._replace(seconds=seconds)
            self.tell(
                "step.finished",
                job=job.id,
                step=step.id,
                status=outcome.status,
                rows=outcome.rows,
                seconds=seconds,
                error=outcome.error,
            )
        return outcome

    def _work(self, job: Job, step: Step, results: dict[str, Any]) -> StepResult:
        row = STEPS.get(step.type)
        assert row is not None  # the artifact's features named it
        inputs: Any = decode(row.inputs, self.scope(results).resolve(step.inputs), from_text=True)
        result = step_function(step.type)(inputs, _Context(self, job, step))
        named = self.scope(results, result=result.results).resolve(step.outputs)
        results[step.id] = {"outputs": dict(result.results) | named}
        self.outputs.setdefault(job.id, {}).update(named)
        return result

    def session(self, job: Job) -> "Session":
        """Return the job's session; the first one starts the engine."""
        if job.id not in self.sessions:
            if self.engine is None:
                self.engine = self._start()
                self.undo = _before_interrupts(self._interrupt)
            self.sessions[job.id] = self.engine.session(job.id, self._upstream(job))
        return self.sessions[job.id]

    def _interrupt(self) -> None:
        for session in list(self.sessions.values()):
            session.interrupt()

    def _upstream(self, job: Job) -> list[str]:
        """Return the jobs that this one depends on, the nearest first."""
        parents = {one.id: one.depends_on for one in self.flow.jobs}
        found: list[str] = []
        waiting = list(job.depends_on)
        for name in waiting:
            if name not in found:
                found.append(name)
                waiting += parents[name]
        return found

    def _start(self) -> "Engine":
        from firn_runtime.engine import Engine, Limits

        try:
            self.workspace.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            help = "the platform's `workspace.root` must be writable"
            raise ConnectorError(
                "process", f"cannot make the workspace: {(error.strerror or '').lower()}", help
            ) from None
        connectors = [one for one in self.connectors.values() if not isinstance(one, Compute)]
        compute = next((one.properties for one in self.connectors.values() if isinstance(one, Compute)), None)
        spill = self.edge.base_dir / compute.temp_directory if compute and compute.temp_directory else None
        limits = Limits(compute.threads, compute.memory_limit, spill) if compute else Limits()
        extensions = [one.extension for one in connectors if one.extension]
        return Engine(limits, self.workspace, [one.places() for one in connectors], extensions)

    def connected(self, name: str) -> Any:
        """Return the connector of a resource, connected at its first use."""
        connector = self.connectors[name]
        if name in self.unusable:
            raise self.unusable[name]  # it was never opened: every later step hears the same reason
        if name not in self.open and not isinstance(connector, Compute):
            self.open.append(name)
            try:
                connector.connect()
            except Exception as error:
                self.unusable[name] = error
                raise
        return connector

    def close(self, *, succeeded: bool) -> None:
        """Close everything that was opened, last first; a failure to close is a warning."""
        self.undo()
        closers = [
            *(self.connectors[name].close for name in reversed(self.open)),
            *([self.engine.close] if self.engine else []),
        ]
        for close in closers:
            try:
                close()
            except Exception as error:
                self.tell("warning", message=f"could not close a connector ({type(error).__name__})")
        policy = self.artifact.payload.workspace.cleanup
        if self.engine and (policy == "always" or (policy == "on_success" and succeeded)):
            shutil.rmtree(self.workspace, ignore_errors=True)

    def tell(self, name: EventName, **what: Any) -> None:
        """Tell every listener; one that raises is dropped with one warning, and never breaks the run."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        event = Event(name, now, self.id, self.name, **what)
        for listener in list(self.listeners):
            try:
                listener(event)
            except Exception as error:
                self.listeners.remove(listener)
                self.tell("warning", message=f"a listener failed and is left out ({type(error).__name__})")


def _before_interrupts(act: Callable[[], object]) -> Callable[[], object]:
    """Do `act` before whatever Ctrl-C does; return what undoes that.

    The engine's driver notices Ctrl-C and leaves its query, but then waits for the engine's other threads, and these
    look only at whether the query was interrupted.
    """
    before = signal.getsignal(signal.SIGINT)
    if not callable(before):  # nobody here listens to Ctrl-C
        return lambda: None

    def both(number: int, frame: FrameType | None) -> None:
        act()
        before(number, frame)

    try:
        signal.signal(signal.SIGINT, both)
    except ValueError:  # not the main thread: it is the program around us that hears signals
        return lambda: None
    return lambda: signal.signal(signal.SIGINT, before)
