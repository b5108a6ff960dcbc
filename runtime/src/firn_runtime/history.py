"""What the state knows of runs and locks, as pages for people and documents for machines."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from firn_runtime.artifact_file import Artifact
from firn_runtime.errors import LockHeld, StateMissing, UsageError
from firn_runtime.observe.words import aligned, complained, duration, rows
from firn_runtime.options import LAST
from firn_runtime.prepare import choose, state_settings
from firn_runtime.state import Fence, JobRow, Lease, LockRow, RunRow, State, StepRow, holder, open_state
from firn_schemas.base import Json
from firn_schemas.visible import listing, visible


class Page(NamedTuple):
    """The same as lines and as a JSON document."""

    lines: list[str]
    document: dict[str, Json]


@contextmanager
def state_of(
    artifact: Artifact, environ: Mapping[str, str], base: Path, *, read_only: bool = True
) -> Iterator[State | None]:
    """Open the state that an artifact's platform names; None where no run has made it yet.

    Raises StateError, ArtifactRefused and InputsMissing.
    """
    settings = state_settings(artifact.payload, environ, base)
    try:
        state = open_state(settings, base, read_only=True)
    except StateMissing:
        yield None
        return
    if not read_only:
        state.close()
        state = open_state(settings, base)
    with closing(state):
        yield state


def listed(state: State | None, flow: str | None, limit: int) -> Page:
    """Return the runs that began last, the latest first."""
    found = [Seen(state, one) for one in state.runs(flow, limit)] if state is not None else []
    table = [
        (row.run, row.flow, status, row.started_at, duration(row.seconds), str(row.resumed or ""), row.artifact[:19])
        for row, status in ((one.row, one.status) for one in found)
    ]
    headings = ("run", "flow", "status", "started", "time", "resumed", "artifact")
    lines = aligned([headings, *table], frozenset([4, 5])) if table else [_no_runs(flow)]
    return Page(lines, {"runs": [one.document for one in found]})


def _no_runs(flow: str | None) -> str:
    return "there are no runs yet" if flow is None else f"there are no runs of a flow `{flow}`"


def shown(state: State | None, artifact: Artifact, flow: str | None, run: str) -> Page:
    """Return one run with its jobs and steps; raise UsageError R001 or R406."""
    name = choose(artifact.payload, flow)
    row = _row(state, name, run) if state is not None else None
    if state is None or row is None:
        raise UsageError("R406", f"the flow `{name}` has no run `{run}`", "`firn runs` lists them")
    seen, jobs, steps = Seen(state, row), state.jobs(name, row.run), state.steps(name, row.run)
    document = seen.document | {"jobs": [_job(one) for one in jobs], "steps": [_step(seen, one) for one in steps]}
    return Page([*_head(seen), "", *_table(seen, jobs, steps), *_errors(jobs, steps)], document)


def _row(state: State, flow: str, run: str) -> RunRow | None:
    wanted = state.last(flow) if run == LAST else run
    return state.find(flow, wanted) if wanted is not None else None


class Seen:
    """A run as it is seen from outside: one that was killed recorded no end, and holds no lock."""

    def __init__(self, state: State, row: RunRow) -> None:
        self.row = row
        holders = [one.owner for one in state.locks() if one.held]
        self.alive = any((one.get("flow"), one.get("run")) == (row.flow, row.run) for one in holders)
        self.going = "RUNNING" if self.alive else "CUT OFF"

    @property
    def status(self) -> str:
        """The run's status."""
        return self.seen(self.row.status)

    def seen(self, status: str) -> str:
        """Return the status of the run, or of a part of it, for what was recorded."""
        return self.going if status == "RUNNING" else status

    @property
    def document(self) -> dict[str, Json]:
        """The run, for machines."""
        row = {key: value for key, value in self.row._asdict().items() if key != "plan"}
        return row | {"status": self.status, "alive": self.alive}


def locks(state: State | None) -> Page:
    """Return every lock that was taken and not released."""
    found = state.locks() if state is not None else []
    table = [(one.key, str(one.fence), holder(one.owner), rest(one)) for one in found]
    lines = aligned([("lock", "fence", "holder", "lease"), *table], frozenset([1])) if table else ["no lock is held"]
    return Page(lines, {"locks": [_lock(one) for one in found]})


def freed(state: State | None, key: str, *, force: bool) -> Page:
    """Free a lock; raise UsageError R408 where there is none, LockHeld R404 where its holder seems to be alive."""
    known = state.locks() if state is not None else []
    found = next((one for one in known if one.key == key), None)
    if state is None or found is None:
        held = listing(one.key for one in known) or "none"
        raise UsageError("R408", f"nobody holds a lock `{key}`", f"held: {held}")
    if found.held and not force:
        message = f"the lock `{key}` is held by {holder(found.owner)}, {rest(found)}"
        raise LockHeld("R404", message, "end that run first; `--force` takes the lock away, and the run stops")
    if state.break_lock(Fence(key, found.fence)) is None:
        message = f"the lock `{key}` was freed or taken by another meanwhile, and nothing was done"
        raise LockHeld("R404", message, "`firn unlock` shows who holds what now")
    return Page([f"`{key}` is free; {holder(found.owner)} had it"], {"freed": _lock(found)})


def watermarks(state: State | None, artifact: Artifact, flow: str | None) -> Page:
    """Return how far the incremental reads of a flow have come; raise UsageError R001."""
    name = choose(artifact.payload, flow)
    found = state.watermarks(name) if state is not None else []
    table = [(f"{one.job}.{one.step}", one.cursor, one.value, one.moved_at, one.run) for one in found]
    headings = ("read", "cursor", "watermark", "moved", "by run")
    lines = aligned([headings, *table], frozenset()) if table else [f"`{name}` has no watermark"]
    return Page(lines, {"watermarks": [dict(one._asdict()) for one in found]})


def forgotten(state: State | None, artifact: Artifact, flow: str | None, read: str) -> Page:
    """Forget the watermark of `JOB.STEP`; raise UsageError R001 or R002, LockHeld R404 while the flow runs."""
    name = choose(artifact.payload, flow)
    known = {f"{one.job}.{one.step}": one for one in (state.watermarks(name) if state is not None else [])}
    found = known.get(read)
    if state is None or found is None:
        listed = listing(known) or "none"
        raise UsageError("R002", f"the flow `{name}` has no watermark of `{read}`", f"there is {listed}")
    lock = artifact.payload.flows[name].lock
    with Lease(state, lock.key, {"flow": name}, lock.ttl_seconds) as lease:
        state.reset_watermark(name, found.job, found.step, [lease.fence])
    line = f"`{read}` begins anew with the next run; its watermark was {found.value}"
    return Page([line], {"forgotten": dict(found._asdict())})


def _head(seen: Seen) -> list[str]:
    run = seen.row
    began = f"began {run.started_at}" + (f", resumed {_times(run.resumed)}" if run.resumed else "")
    ended = f", took {duration(run.seconds)}" if run.seconds is not None else ""
    return [f"{run.flow} for {visible(run.environment)}, run {run.run}: {seen.status}", f"{began}{ended}", run.artifact]


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _table(seen: Seen, jobs: list[JobRow], steps: list[StepRow]) -> list[str]:
    ended = {one.job: one for one in jobs}
    names = list(dict.fromkeys([*(one.job for one in steps), *ended]))
    table: list[tuple[str, ...]] = [("job", "step", "status", "attempts", "rows", "time")]
    for name in names:
        job = ended.get(name)
        table.append((name, "", job.status if job else seen.going, "", "", duration(job.seconds) if job else ""))
        for one in steps:
            if one.job == name:
                table.append(
                    ("", one.step, seen.seen(one.status), str(one.attempt or ""), rows(one.rows), duration(one.seconds))
                )
    return aligned(table, frozenset([3, 4, 5])) if names else ["no step was begun"]


def _errors(jobs: list[JobRow], steps: list[StepRow]) -> list[str]:
    found = [(f"{one.job}.{one.step}", one.error) for one in steps] + [(one.job, one.error) for one in jobs]
    lines: list[str] = []
    for place, error in found:
        if isinstance(error, dict):
            code, message, kind, help = (error.get(key) for key in ("code", "message", "class", "help"))
            lines += ["", *complained(code, message, place, kind, help)]
    return lines


def _job(job: JobRow) -> Json:
    return dict(job._asdict())


def _step(seen: Seen, step: StepRow) -> Json:
    return step._asdict() | {"status": seen.seen(step.status)}


def _lock(lock: LockRow) -> Json:
    return lock._asdict() | {"owner": dict(lock.owner)}


def rest(lock: LockRow) -> str:
    """Return for how long a lock keeps others out, in words."""
    return f"for {lock.expires_in:.0f} s more" if lock.held else "its holder is gone"
