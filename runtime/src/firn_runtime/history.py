"""What the state knows of runs and locks, as pages for people and documents for machines."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from firn_runtime.artifact_file import Artifact
from firn_runtime.errors import LockHeld, UsageError
from firn_runtime.observe.words import aligned, duration, rows
from firn_runtime.options import LAST
from firn_runtime.prepare import choose, state_settings
from firn_runtime.state import JobRow, LockRow, RunRow, State, StepRow, open_state
from firn_schemas.base import Json


class Page(NamedTuple):
    """The same as lines and as a JSON document."""

    lines: list[str]
    document: dict[str, Json]


@contextmanager
def state_of(artifact: Artifact, environ: Mapping[str, str], base: Path, *, read_only: bool = True) -> Iterator[State]:
    """Open the state that an artifact's platform names; raise StateError, ArtifactRefused or InputsMissing."""
    state = open_state(state_settings(artifact.payload, environ, base), base, read_only=read_only)
    try:
        yield state
    finally:
        state.close()


def listed(state: State, flow: str | None, limit: int) -> Page:
    """Return the runs that began last, the latest first."""
    found = state.runs(flow, limit)
    table = [
        (
            one.run,
            one.flow,
            one.status,
            one.started_at,
            duration(one.seconds),
            str(one.resumed or ""),
            one.artifact[:19],
        )
        for one in found
    ]
    headings = ("run", "flow", "status", "started", "time", "resumed", "artifact")
    lines = aligned([headings, *table], frozenset([4, 5])) if table else ["there are no runs yet"]
    return Page(lines, {"runs": [_run(one) for one in found]})


def shown(state: State, artifact: Artifact, flow: str | None, run: str) -> Page:
    """Return one run with its jobs and steps; raise UsageError R001 or R406."""
    name = choose(artifact.payload, flow)
    wanted = state.last(name) if run == LAST else run
    found = state.find(name, wanted) if wanted is not None else None
    if found is None:
        raise UsageError("R406", f"the flow `{name}` has no run `{run}`", "`firn runs` lists them")
    jobs, steps = state.jobs(name, found.run), state.steps(name, found.run)
    document = _run(found) | {"jobs": [_job(one) for one in jobs], "steps": [_step(one) for one in steps]}
    return Page([*_head(found), "", *_table(jobs, steps), *_errors(jobs, steps)], document)


def locks(state: State) -> Page:
    """Return every lock that was taken and not released."""
    found = state.locks()
    table = [(one.key, str(one.fence), holder(one), rest(one)) for one in found]
    lines = aligned([("lock", "fence", "holder", "lease"), *table], frozenset([1])) if table else ["no lock is held"]
    return Page(lines, {"locks": [_lock(one) for one in found]})


def freed(state: State, key: str, *, force: bool) -> Page:
    """Free a lock; raise UsageError R408 where there is none, LockHeld R404 where its holder seems to be alive."""
    found = next((one for one in state.locks() if one.key == key), None)
    if found is None:
        held = ", ".join(f"`{one.key}`" for one in state.locks()) or "none"
        raise UsageError("R408", f"nobody holds a lock `{key}`", f"held: {held}")
    if found.held and not force:
        message = f"the lock `{key}` is held by {holder(found)}, {rest(found)}"
        raise LockHeld("R404", message, "end that run first; `--force` takes the lock away, and the run stops")
    state.break_lock(key)
    return Page([f"`{key}` is free; {holder(found)} had it"], {"freed": _lock(found)})


def _head(run: RunRow) -> list[str]:
    began = f"began {run.started_at}" + (f", resumed {_times(run.resumed)}" if run.resumed else "")
    ended = f", took {duration(run.seconds)}" if run.seconds is not None else ""
    return [f"{run.flow} for {run.environment}, run {run.run}: {run.status}", f"{began}{ended}", run.artifact]


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _table(jobs: list[JobRow], steps: list[StepRow]) -> list[str]:
    ended = {one.job: one for one in jobs}
    names = list(dict.fromkeys([*(one.job for one in steps), *ended]))
    table: list[tuple[str, ...]] = [("job", "step", "status", "attempts", "rows", "time")]
    for name in names:
        job = ended.get(name)
        table.append((name, "", job.status if job else "RUNNING", "", "", duration(job.seconds) if job else ""))
        for one in steps:
            if one.job == name:
                table.append(("", one.step, one.status, str(one.attempt or ""), rows(one.rows), duration(one.seconds)))
    return aligned(table, frozenset([3, 4, 5])) if names else ["no step was begun"]


def _errors(jobs: list[JobRow], steps: list[StepRow]) -> list[str]:
    found = [(f"{one.job}.{one.step}", one.error) for one in steps] + [(one.job, one.error) for one in jobs]
    lines: list[str] = []
    for place, error in found:
        if isinstance(error, dict):
            lines += ["", f"error[{error.get('code')}]: {error.get('message')}", f"  {place}  ({error.get('class')})"]
            lines += [f"  help: {error['help']}"] if error.get("help") else []
    return lines


def _run(run: RunRow) -> dict[str, Json]:
    kept = run._asdict()
    del kept["plan"]
    return kept


def _job(job: JobRow) -> Json:
    return dict(job._asdict())


def _step(step: StepRow) -> Json:
    return dict(step._asdict())


def _lock(lock: LockRow) -> Json:
    return lock._asdict() | {"owner": dict(lock.owner)}


def holder(lock: LockRow) -> str:
    """Return who has a lock, in words."""
    owner = lock.owner
    run = f"run `{owner['run']}` " if owner.get("run") else ""
    return f"{run}on `{owner.get('host') or 'an unnamed host'}` (process {owner.get('pid')})"


def rest(lock: LockRow) -> str:
    """Return for how long a lock keeps others out, in words."""
    return f"for {lock.expires_in:.0f} s more" if lock.held else "its holder is gone"
