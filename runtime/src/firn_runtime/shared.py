"""What the jobs of one run have in common, settled before the first of them begins."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from firn_runtime.fetched import Fetched
from firn_runtime.journal import Journal
from firn_runtime.plan import Plan
from firn_runtime.plugins import Plugged
from firn_runtime.resolve import Scope
from firn_runtime.resources import Resources
from firn_runtime.step import innermost
from firn_runtime.stop import Stop
from firn_runtime.telling import Teller
from firn_schemas.artifact import Flow, Job, Step
from firn_schemas.base import Json
from firn_schemas.steps import STEPS, StepType


class Shared(NamedTuple):
    """One run's; every part may be used by several threads."""

    flow: str
    version: str
    definition: Flow
    """The flow as the artifact has it."""
    run: str
    started_at: str
    artifact: str
    seed: int
    environ: Mapping[str, str]
    plan: Plan
    plugged: Plugged
    resources: Resources
    fetched: Fetched
    journal: Journal
    tell: Teller
    stop: Stop
    hold: Callable[..., AbstractContextManager[Any]]
    """Holds a lock for a block: `hold(key, ttl, wait)`; raises LockHeld."""
    wait: float
    """Seconds to wait for a lock where the flow does not say."""
    jobs: dict[str, dict[str, dict[str, Json]]]
    """`{JOB: {"outputs": {NAME: …}}}` of the steps that are done, as conditions name it; a job writes its own alone."""

    def dataset(self, job: Job, step: Step) -> str | None:
        """Return where the dataset of a step lies: the file, relative to the run's base folder, and the table in it.

        A dataset that is streamed lies nowhere.
        """
        if step.streamed_into is not None:
            return None
        row = self.row(innermost(step.type, step.inputs)[0])
        return f"{self.resources.file}#{job.id}.{step.id}" if row is not None and row.makes_dataset else None

    def row(self, type: str) -> StepType | None:
        """Return the row of a step type, Firn's own or a plug-in's."""
        brought = self.plugged.steps.get(type)
        return brought.row if brought else STEPS.get(type)

    def scope(self, steps: Mapping[str, Any], **more: Any) -> Scope:
        """Return what the nodes of a step or condition may name."""
        names = {
            "flow": {"name": self.flow, "version": self.version},
            "jobs": self.jobs,
            "run": {"id": self.run, "started_at": self.started_at},
            "steps": steps,
        }
        return Scope(self.environ, {}, names | more)
