"""What a run has to do: all of its flow, or what an earlier session of it left undone, or a part that was asked for."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import NamedTuple

from firn_runtime.errors import ArtifactRefused, UsageError
from firn_runtime.state.rows import NOT_KEPT, JobRow, RunRow, StepRow
from firn_runtime.step import innermost
from firn_schemas.artifact import Flow, Job, Step
from firn_schemas.base import Json
from firn_schemas.connectors import WORKSPACE
from firn_schemas.visible import listing

Place = tuple[str, str]
"""A job's id and the id of one of its steps."""
Lacks = Callable[[str, Step, StepRow], bool]
"""Says of a job's step that was done whether what it made for others is no longer there."""


class Past(NamedTuple):
    """What the state knows of a run."""

    run: RunRow
    steps: Mapping[Place, StepRow]
    jobs: Mapping[str, JobRow]


class Plan(NamedTuple):
    """What is done already, and what of the rest is asked for."""

    jobs: tuple[Job, ...]
    """Those to go through, in the artifact's order; each with the steps that are asked for."""
    steps: Mapping[Place, StepRow] = {}
    """Done under the same fingerprint: their results are used, and they do not run again."""
    skipped: Mapping[str, JobRow] = {}
    """Jobs that were skipped under the same fingerprint."""
    outputs: Mapping[str, Mapping[str, Json]] = {}
    """Named results of jobs that are not gone through, by job."""
    gone: Mapping[Place, StepRow] = {}
    """Steps that were done, but run again: their datasets or files are no longer there, or their results were not kept.

    Until such a step is done again, its row keeps the results that it had, also in the sessions after this one.
    """

    def before(self, job: str, step: str) -> StepRow | None:
        """Return how a step was done in this run before, where it is done again."""
        return self.gone.get((job, step))


def results_of(value: Json) -> dict[str, Json]:
    """Return results as the state keeps them; nothing where it keeps none."""
    return dict(value) if isinstance(value, dict) else {}


def fingerprints(flow: Flow) -> dict[str, Json]:
    """Return what the state keeps of a plan: the data fingerprint of every step, by `job.step`."""
    return {f"{job.id}.{step.id}": step.fingerprint.data for job in flow.jobs for step in job.steps}


def refuse_changed(past: RunRow, digest: str, flow: Flow) -> None:
    """Raise ArtifactRefused R110 where the run was of another artifact, and say what changed."""
    if past.artifact == digest:
        return
    changes = changed(past.plan, fingerprints(flow))
    what = "; ".join(f"{word}: {listing(names)}" for word, names in changes.items() if names)
    message = f"the run `{past.run}` was begun with another artifact ({what or 'no step is another one'})"
    help = "`--from-changed` runs again what changed and what depends on it; or begin a new run"
    raise ArtifactRefused("R110", message, help)


def changed(before: Mapping[str, Json], now: Mapping[str, Json]) -> dict[str, list[str]]:
    """Return the steps that are other ones, new or gone; each list in order, at most ten and how many more."""
    lists = {
        "changed": [name for name in now if name in before and before[name] != now[name]],
        "new": [name for name in now if name not in before],
        "gone": sorted(before.keys() - now.keys()),
    }
    return {word: names[:10] + [f"{len(names) - 10} more"] * (len(names) > 10) for word, names in lists.items()}


def refuse_unsafe(past: Past, jobs: Sequence[Job]) -> None:
    """Raise UsageError R407 where a step that cannot be taken back may have been done, and would be done again."""
    unsafe = [
        f"`{job.id}.{step.id}`"
        for job in jobs
        for step in job.steps
        if not step.repeatable and (row := past.steps.get((job.id, step.id))) is not None and row.status != "SUCCESS"
    ]
    if unsafe:
        message = f"{', '.join(unsafe)} may have been done before the run ended, and cannot be taken back"
        raise UsageError("R407", message, "look at the other side; `--repeat-unsafe` does it again")


_ELSEWHERE = ("check_items", "delete_files", "http", "list_files", "read", "send_mail")
"""Steps that need nothing of the run but results, unless they name its folder or attach what lies there."""


def _takes(step: Step) -> bool:
    """Say whether a step may need datasets, or files of the run's folder."""
    type, inputs = innermost(step.type, step.inputs)
    return type not in _ELSEWHERE or inputs.get("resource") == WORKSPACE[1] or bool(inputs.get("attachments"))


def _fetches(step: Step) -> bool:
    """Say whether what a step fetched before counts when it is done again, also where not all of that was kept."""
    return innermost(step.type, step.inputs)[0] == "download"


def kept(flow: Flow, past: Past, lacks: Lacks) -> tuple[dict[Place, StepRow], dict[Place, StepRow]]:
    """Return the steps that need not run again, and those that must, since what is still needed of them is gone."""
    done: dict[Place, StepRow] = {}
    gone: dict[Place, StepRow] = {}
    needed: set[str] = set()
    """Jobs whose datasets and files something undone may need."""
    idle = _idle(flow, past)
    for job in reversed([one for one in flow.jobs if one.id not in idle]):
        needs = job.id in needed
        for step in reversed(job.steps):
            row = past.steps.get((job.id, step.id))
            waited_for = step.streamed_into is not None and (job.id, step.streamed_into) not in done
            known = (step.fingerprint.data, NOT_KEPT) if _fetches(step) else (step.fingerprint.data,)
            if row is None or row.fingerprint not in known or waited_for:
                needs = needs or _takes(step)
            elif row.status != "SUCCESS" or row.fingerprint == NOT_KEPT:
                needs = needs or _takes(step)
                if row.results:
                    gone[job.id, step.id] = row
            elif needs and lacks(job.id, step, row):
                gone[job.id, step.id] = row
            else:
                done[job.id, step.id] = row
        if needs:
            needed.update(job.depends_on)
    return done, dict(reversed(gone.items()))


def _idle(flow: Flow, past: Past) -> set[str]:
    """Return the jobs that stay skipped, and those that are blocked by them: none of these needs a dataset."""
    idle: set[str] = set()
    for job in flow.jobs:
        row = past.jobs.get(job.id)
        skipped = row is not None and row.status == "SKIPPED" and row.fingerprint == job.fingerprint.data
        if skipped or not idle.isdisjoint(job.depends_on):
            idle.add(job.id)
    return idle


def selected(flow: Flow, only: Sequence[str], done: Container[str], there: Container[Place]) -> tuple[Job, ...]:
    """Return the jobs and steps that `only` names, as `JOB` or `JOB.STEP`; raise UsageError R002.

    What they depend on must be among them, or from the resumed run: in `done`, jobs whose results are there, or in
    `there`, steps that need not run again. Which tables a query names is not known here.
    """
    if not only:
        return tuple(flow.jobs)
    steps = {job.id: [step.id for step in job.steps] for job in flow.jobs}
    chosen: dict[str, set[str]] = {}
    for name in only:
        job, _, step = name.partition(".")
        if job not in steps or (step and step not in steps[job]):
            known = listing(steps.get(job) or steps)
            meant = next((f"; did you mean `{one}.{name}`?" for one, ids in steps.items() if name in ids), "")
            raise UsageError("R002", f"the flow has no `{name}`", f"there is {known}{meant}")
        chosen.setdefault(job, set()).update([step] if step else steps[job])
    jobs = tuple(_part(job, chosen[job.id]) for job in flow.jobs if job.id in chosen)
    _refuse_missing([*_jobs_before(jobs, chosen.keys(), done), *_datasets_before(flow, jobs, there)])
    return jobs


def _jobs_before(jobs: Sequence[Job], chosen: Container[str], done: Container[str]) -> Iterator[tuple[str, str]]:
    """Yield each job with one that it depends on and that is neither asked for nor done."""
    for job in jobs:
        yield from ((job.id, name) for name in job.depends_on if name not in chosen and name not in done)


def _datasets_before(flow: Flow, jobs: Sequence[Job], there: Container[Place]) -> Iterator[tuple[str, str]]:
    """Yield each step with the one of its job that makes its `from` and that is neither asked for nor there."""
    whole = {job.id: job for job in flow.jobs}
    for job in jobs:
        asked = {step.id for step in job.steps}
        left_out = {step.id for step in whole[job.id].steps if step.id not in asked and (job.id, step.id) not in there}
        for step in job.steps:
            source = step.inputs.get("from")
            if isinstance(source, str) and source in left_out:
                yield f"{job.id}.{step.id}", f"{job.id}.{source}"


def _refuse_missing(lacking: Sequence[tuple[str, str]]) -> None:
    if lacking:
        what = ", ".join(f"`{one}` needs `{name}`" for one, name in lacking)
        names = sorted({name for _, name in lacking})
        help = f"add {' '.join(f'--only {name}' for name in names)}, or take them from a run with `--resume`"
        raise UsageError("R002", f"{what}, which is not asked for", help)


def _part(job: Job, steps: Container[str]) -> Job:
    """Return the job with these steps alone, and those whose rows are streamed into them."""
    chosen: list[Step] = []
    for step in reversed(job.steps):
        if step.id in steps or step.streamed_into in {one.id for one in chosen}:
            chosen.append(step)
    return Job(**(vars(job) | {"steps": chosen[::-1]}))
