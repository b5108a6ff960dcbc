"""Which run this is, a new one or one to go on with, and what of it is left to do."""

import os
import re
from datetime import UTC, datetime
from typing import NamedTuple

from firn_runtime.artifact_file import Artifact
from firn_runtime.errors import UsageError
from firn_runtime.options import AUTO, LAST, Options
from firn_runtime.plan import (
    Lacks,
    Past,
    Plan,
    fingerprints,
    kept,
    refuse_changed,
    refuse_unsafe,
    results_of,
    selected,
)
from firn_runtime.state import RunRow, State
from firn_schemas.artifact import Flow

_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,99}")


class Chosen(NamedTuple):
    """A run, and whether it was begun before."""

    row: RunRow
    resumed: bool


def refuse_odd(run_id: str | None) -> None:
    """Raise UsageError R003 for an id that could lead out of the workspace, where it names the run's folder."""
    if run_id is not None and not _RUN_ID.fullmatch(run_id):
        raise UsageError("R003", "a run id holds only letters, digits, `-` and `_`, at most 99")


def choose(state: State, flow: str, artifact: Artifact, run_id: str | None, resume: str | None) -> Chosen:
    """Return the run to go on with, or a new one; raise UsageError R003 or R406.

    Asked again under the lock: the session that held it before may have ended the run.
    """
    row = _found(state, flow, resume)
    return Chosen(row, True) if row is not None else Chosen(_new(state, flow, artifact, run_id), False)


def _found(state: State, flow: str, asked: str | None) -> RunRow | None:
    """Return the run to go on with; None where a new one is asked for; raise UsageError R406."""
    if asked is None:
        return None
    wanted = state.last(flow) if asked in (LAST, AUTO) else asked
    row = state.find(flow, wanted) if wanted is not None else None
    if asked == AUTO:
        return row if row is not None and row.status != "SUCCESS" else None
    if row is None:
        which = "no run yet" if asked == LAST else f"no run `{asked}`"
        raise UsageError("R406", f"the flow `{flow}` has {which}", "`firn runs` lists them")
    return row


def _new(state: State, flow: str, artifact: Artifact, run_id: str | None) -> RunRow:
    """Return a new run; raise UsageError R003 where its id is taken."""
    started = datetime.now(UTC)
    if run_id is not None and state.find(flow, run_id) is not None:
        help = f"`--resume {run_id}` goes on with it"
        raise UsageError("R003", f"the flow `{flow}` has a run `{run_id}` already", help)
    return RunRow(
        flow=flow,
        run=run_id or f"{started:%Y%m%dT%H%M%S}-{os.urandom(4).hex()}",
        artifact=artifact.digest,
        environment=artifact.payload.environment,
        status="RUNNING",
        seed=int.from_bytes(os.urandom(6)),
        started_at=started.isoformat(timespec="seconds"),
        finished_at=None,
        seconds=None,
        resumed=0,
        plan=fingerprints(artifact.payload.flows[flow]),
    )


def fresh_plan(flow: Flow, options: Options) -> Plan:
    """Return the plan of a new run."""
    return Plan(selected(flow, options.only, (), ()))


def resumed_plan(state: State, row: RunRow, artifact: Artifact, options: Options, lacks: Lacks) -> Plan:
    """Return what is left of a run; raise ArtifactRefused R110, or UsageError R002 or R407."""
    flow = artifact.payload.flows[row.flow]
    if not options.from_changed:
        refuse_changed(row, artifact.digest, flow)
    steps = {(one.job, one.step): one for one in state.steps(row.flow, row.run)}
    past = Past(row, steps, {one.job: one for one in state.jobs(row.flow, row.run)})
    done, gone = kept(flow, past, lacks)
    prints = {job.id: job.fingerprint.data for job in flow.jobs}
    ended = {name: one for name, one in past.jobs.items() if one.fingerprint == prints.get(name)}
    whole = {name: one for name, one in ended.items() if one.status == "SUCCESS"}
    jobs = selected(flow, options.only, whole, done)
    if not options.repeat_unsafe:
        refuse_unsafe(past, jobs)
    named = {job.id for job in jobs}
    outputs = {name: results_of(one.outputs) for name, one in whole.items() if name not in named}
    skipped = {name: one for name, one in ended.items() if one.status == "SKIPPED"}
    return Plan(jobs, done, skipped, outputs, gone)
