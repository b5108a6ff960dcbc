"""The recipe of a run; no option changes the order of its lines.

Verify, take the snapshot of the environment, resolve every secret, open the state, lock, plan, run the jobs, close,
record.
"""

import time
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from firn_runtime import session
from firn_runtime.artifact_file import Artifact, demand, load_any, read_bytes, refuse_unfit
from firn_runtime.attempts import failure_of
from firn_runtime.cancel import Token
from firn_runtime.connector import RunFacts
from firn_runtime.connectors import CONNECTORS as BUILT_IN
from firn_runtime.errors import FirnError, LeaseLost
from firn_runtime.events import Status
from firn_runtime.fetched import Fetched
from firn_runtime.jobs import JobWork
from firn_runtime.journal import Journal
from firn_runtime.leases import Leases
from firn_runtime.options import AS_USUAL, Edge, Options
from firn_runtime.outcome import JobOutcome, RunResult
from firn_runtime.own_folders import isolate
from firn_runtime.plan import Plan, fingerprints, results_of
from firn_runtime.plugins import plugged
from firn_runtime.prepare import Prepared, choose, prepare
from firn_runtime.redaction.process import guard
from firn_runtime.resources import Resources, workspace_of
from firn_runtime.run_files import Kept, lost
from firn_runtime.scheduler import Limits, Scheduler
from firn_runtime.shared import Shared
from firn_runtime.state import RunRow, State, open_state
from firn_runtime.steps import STEPS as BUILT_IN_STEPS
from firn_runtime.stop import Stop
from firn_runtime.telling import Teller
from firn_runtime.watermarks import Watermarks
from firn_schemas.artifact import Flow, Job, Payload
from firn_schemas.base import Json

FEATURES = frozenset(
    [
        *(f"connector.{kind}.{driver}" for kind, driver in BUILT_IN),
        *(f"step.{name}" for name in BUILT_IN_STEPS),
        *(f"rest.pagination.{name}" for name in ("cursor", "link", "next_url", "offset", "page")),
        *(f"write.{name}" for name in ("add_columns", "append", "insert_overwrite", "strict", "upsert")),
        "check.freshness",
        "check.relationship",
        "compute.duckdb",
        "credentials.catalog.oauth2",
        "credentials.catalog.static",
        "credentials.rest.oauth2",
        "credentials.rest.service_account",
        "credentials.rest.static",
        "credentials.s3.iam_role",
        "credentials.s3.static",
        "job.timeout",
        "job.when",
        "read.incremental",
        "rest.body",
        "secrets.decode",
        "state.locks",
        "state.postgres",
        "step.on_no_data",
        "step.retry",
        "step.streamed_into",
        "step.timeout",
    ]
)
"""What this runtime can do; an artifact that needs more is refused."""


def run_artifact(source: Path | bytes, edge: Edge, options: Options = AS_USUAL) -> RunResult:
    """Run one flow of an artifact.

    Raises ArtifactRefused, InputsMissing, UsageError, LockHeld and StateError before anything was touched, StateError
    and LeaseLost where the run cannot go on; whatever fails in a step is in the result.
    """
    artifact, name, prepared = prepared_run(source, edge, options)
    stop = edge.stop or Stop()
    with (
        guard(prepared.redactor),
        closing(open_state(prepared.state, edge.base_dir)) as state,
        Leases(state, stop) as leases,
    ):
        chosen = _chosen(state, leases, artifact, name, edge.run_id, options)
        return _Session(artifact, prepared, edge._replace(stop=stop), options, state, leases).run(*chosen)


def _chosen(
    state: State, leases: Leases, artifact: Artifact, name: str, run_id: str | None, options: Options
) -> session.Chosen:
    """Take the flow's lock, and return which run this is; the lock tells its name.

    Chosen again under the lock: the session that held it may have ended the run, or left one to go on with.
    """
    expected = session.choose(state, name, artifact, run_id, options.resume)
    lock = artifact.payload.flows[name].lock
    leases.take(lock.key, lock.ttl_seconds, options.wait, {"flow": name, "run": expected.row.run})
    free = run_id if expected.resumed else expected.row.run
    chosen = session.choose(state, name, artifact, free, options.resume)
    if chosen.row.run != expected.row.run:
        leases.name_owner({"flow": name, "run": chosen.row.run})
    return chosen


def prepared_run(source: Path | bytes, edge: Edge, options: Options) -> tuple[Artifact, str, Prepared]:
    """Return the artifact, the flow to run, and what it takes from outside; nothing foreign is imported before that."""
    session.refuse_odd(edge.run_id)
    content = source if isinstance(source, bytes) else read_bytes(source)
    artifact = load_any(content, demand(source, options.signed_by, edge.environ, options.expect))
    if edge.isolate:
        isolate(artifact.payload.security.mode)
    brought = plugged(artifact.payload, edge.base_dir)
    refuse_unfit(artifact.payload, FEATURES | brought.features)
    name = choose(artifact.payload, options.flow)
    return artifact, name, prepare(artifact.payload, name, edge.environ, edge.base_dir, brought)


class _Session:
    """One session of a run: what it works with, and what ends it before its end."""

    def __init__(
        self, artifact: Artifact, prepared: Prepared, edge: Edge, options: Options, state: State, leases: Leases
    ) -> None:
        self.artifact, self.prepared, self.edge, self.options = artifact, prepared, edge, options
        self.state, self.leases = state, leases
        self.fatal: list[FirnError] = []

    def run(self, row: RunRow, resumed: bool) -> RunResult:
        """Run what is to be run, and record how it ended; raise what ended the session before."""
        clock = time.monotonic()
        self.tell = Teller(row.run, row.flow, self.edge.listeners, self.prepared.redactor.text)
        self._observe(row)
        self.resources = Resources(self.prepared, self._workspace(row), self.tell, RunFacts(row.flow, row.run))
        with closing(self.resources):
            plan = self._planned(row, resumed=resumed)
            watermarks = Watermarks(self.state, row.flow, row.run, self.artifact.payload.flows[row.flow], plan)
            self._begin(row, plan, watermarks, resumed=resumed)
            return self._go(row, plan, watermarks, clock)

    def _observe(self, row: RunRow) -> None:
        """Let OpenTelemetry and OpenLineage hear the run, where the artifact asks for it."""
        payload, prepared = self.artifact.payload, self.prepared
        flow = payload.flows[row.flow]
        asked = flow.observability
        if asked is not None and (asked.otlp_endpoint is not None or asked.lineage_endpoint is not None):
            from firn_runtime.telemetry import Told, telemetry

            def clean(text: str) -> str:
                return prepared.redactor.text(text.encode(errors="replace").decode())

            told = Told(row.flow, flow, payload, self.artifact.digest, prepared.environ, prepared.base, clean)
            sinks = telemetry(told, lambda message: self.tell("warning", message=message))
            if sinks is not None:
                self.tell.first(sinks)

    def _go(self, row: RunRow, plan: Plan, watermarks: Watermarks, clock: float) -> RunResult:
        """Run the jobs; whatever happens, the end of the run is recorded and told."""
        jobs: list[JobOutcome] = []
        status: Status = "FAILED"
        journal = Journal(self.state, row.flow, row.run, self.leases, watermarks, self.prepared.redactor.value)
        scheduler = self._scheduler(row, plan, journal)
        try:
            jobs = scheduler.run()
            done = len(jobs) == len(plan.jobs) and all(one.status != "FAILED" for one in jobs)
            status = "SUCCESS" if done and not self.fatal else "FAILED"
        finally:
            seconds = time.monotonic() - clock
            journal.close()
            self.resources.close()
            self._finish(row, status, seconds)
        if self.fatal:
            raise self.fatal[0]
        stopped = scheduler.stopped if status == "FAILED" else None
        return RunResult(row.run, row.flow, status, seconds, tuple(jobs), stopped)

    def _workspace(self, row: RunRow) -> Path:
        return workspace_of(self.edge.base_dir / self.artifact.payload.workspace.root, row.flow, row.run)

    def _planned(self, row: RunRow, *, resumed: bool) -> Plan:
        flow = self.artifact.payload.flows[row.flow]
        if not resumed:
            return session.fresh_plan(flow, self.options)
        kept = Kept(self._workspace(row), self.resources.datasets)
        return session.resumed_plan(self.state, row, self.artifact, self.options, kept.lacks)

    def _begin(self, row: RunRow, plan: Plan, watermarks: Watermarks, *, resumed: bool) -> None:
        """Record that the run begins or goes on, and tell it."""
        digest, fences = self.artifact.digest, self.leases.fences
        if resumed:
            prints = fingerprints(self.artifact.payload.flows[row.flow])
            moved = watermarks.due() if row.artifact != digest else ()
            self.state.resume(row.flow, row.run, digest, prints, fences, moved)
        else:
            self.state.begin(row, fences)
        detail: dict[str, Json] = {"artifact": digest, "environment": self.artifact.payload.environment}
        self.tell("run.started", detail=detail | {"seed": row.seed, "resumed": row.resumed + resumed})
        for sentence in (*self.prepared.warnings, *self.state.warnings):
            self.tell("warning", message=sentence)
        for (job, step), before in plan.gone.items():
            message = f"{lost(before)}; it is made again"
            self.tell("warning", job=job, step=step, message=message)

    def _scheduler(self, row: RunRow, plan: Plan, journal: Journal) -> Scheduler:
        flow = self.artifact.payload.flows[row.flow]
        stop = self.edge.stop or Stop()
        shared = Shared(
            flow=row.flow,
            version=flow.version,
            definition=flow,
            run=row.run,
            started_at=row.started_at,
            artifact=self.artifact.digest,
            seed=row.seed,
            environ=self.prepared.environ,
            plan=plan,
            plugged=self.prepared.plugged,
            resources=self.resources,
            fetched=_fetched(self.artifact.payload, flow, plan),
            journal=journal,
            tell=self.tell,
            stop=stop,
            hold=self.leases.hold,
            wait=self.options.wait,
            jobs={name: {"outputs": dict(named)} for name, named in plan.outputs.items()},
        )
        limits = Limits(self.options.max_parallel or flow.max_parallel, self.options.fail_fast, self.options.grace)

        def end(error: FirnError) -> None:
            self.fatal.append(error)
            scheduler.abort(failure_of(error))

        def make(job: Job, token: Token, outcomes: Mapping[str, JobOutcome]) -> JobWork:
            return JobWork(shared, job, token, outcomes, end)

        scheduler = Scheduler(plan.jobs, make, stop, limits)
        self.leases.on_lost = end
        return scheduler

    def _finish(self, row: RunRow, status: Status, seconds: float) -> None:
        """Record and tell how the session ended; a state that cannot be written is what ended it.

        Who lost the lease leaves the workspace: another session may work in it by now.
        """
        at = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            self.state.run_finished(row.flow, row.run, status, at, seconds, self.leases.fences)
        except FirnError as error:
            self.fatal.append(error)
        policy, is_lost = self.artifact.payload.workspace.cleanup, any(isinstance(one, LeaseLost) for one in self.fatal)
        if (policy == "always" and not is_lost) or (policy == "on_success" and status == "SUCCESS" and not self.fatal):
            self.resources.remove_workspace()
        self.tell("run.finished", status="FAILED" if self.fatal else status, seconds=seconds)


def _fetched(payload: Payload, flow: Flow, plan: Plan) -> Fetched:
    """Return what the sessions before this one have fetched, also by steps that are not asked for now."""
    fetched = Fetched({name: payload.resources[key].fingerprint.data for name, key in flow.resources.items()})
    for job in flow.jobs:
        for step in job.steps:
            row = plan.steps.get((job.id, step.id)) or plan.gone.get((job.id, step.id))
            if row is not None:
                fetched.learn(f"{job.id}.{step.id}", step, results_of(row.results))
    return fetched
