"""What a run would do, step by step: nothing is locked or written, and of a run that goes on the state is only read."""

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from firn_runtime import session
from firn_runtime.artifact_file import Artifact
from firn_runtime.options import AS_USUAL, Edge, Options
from firn_runtime.plan import Plan
from firn_runtime.resources import datasets_file, workspace_of
from firn_runtime.run import prepared_run
from firn_runtime.run_files import Kept, lost
from firn_runtime.state import RunRow, open_state
from firn_schemas.artifact import Job, Step


class Planned(NamedTuple):
    """What would happen to one step."""

    job: str
    step: str
    type: str
    resource: str | None
    what: str
    """`runs`, `is done already`, `runs again: its dataset is gone` or what else `lost` says."""


def plan_artifact(source: Path | bytes, edge: Edge, options: Options = AS_USUAL) -> list[Planned]:
    """Return what a run with these options would do; it raises what the run would raise before its first step."""
    artifact, name, prepared = prepared_run(source, edge, options)
    plan = session.fresh_plan(artifact.payload.flows[name], options)
    if options.resume is not None:
        with closing(open_state(prepared.state, edge.base_dir, read_only=True)) as state:
            row, resumed = session.choose(state, name, artifact, edge.run_id, options.resume)
            if resumed:
                plan = session.resumed_plan(state, row, artifact, options, _on_disk(edge, artifact, row).lacks)
    return [
        Planned(job.id, step.id, step.type, _resource(step), _fate(plan, job, step))
        for job in plan.jobs
        for step in job.steps
    ]


def _on_disk(edge: Edge, artifact: Artifact, row: RunRow) -> Kept:
    """Return what there is, with all datasets or none: a dry run opens nothing, so it looks at their file alone."""
    workspace = workspace_of(edge.base_dir / artifact.payload.workspace.root, row.flow, row.run)
    flow = artifact.payload.flows.values()
    every = {(job.id, step.id) for one in flow for job in one.jobs for step in job.steps}
    return Kept(workspace, every if datasets_file(workspace).exists() else ())


def _resource(step: Step) -> str | None:
    name = step.inputs.get("resource")
    return name if isinstance(name, str) else None


def _fate(plan: Plan, job: Job, step: Step) -> str:
    place = (job.id, step.id)
    if place in plan.steps:
        return "is done already"
    if job.id in plan.skipped:
        return "stays skipped"
    if place in plan.gone:
        return f"runs again: {lost(plan.gone[place])}"
    return "runs on a condition" if job.when is not None else "runs"
