"""Which datasets are streamed: handed over while they are made to the one step that reads them, and never kept.

A stream saves a pass over the rows and the room for them. It is only for a dataset that nobody needs a second time, and
only where reading it later than its step's turn reads the same.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from firn_compiler.document import Path, deferred, text_at, value_of
from firn_compiler.model.datasets import Place, Reader, Reading, makes_dataset, readers, references_in
from firn_compiler.model.project import Flow, Job, Platform, Settled, Step
from firn_compiler.stages.settle import resource

QUIET = frozenset(["check", "check_items", "list_files", "query", "read", "sql"])
"""Types of steps that change nothing outside."""


class Decision(NamedTuple):
    """What becomes of one dataset."""

    job: Job
    step: Step
    reader: str | None
    """The step that it is streamed into; None where it is materialised."""
    reason: str
    """Why it cannot be streamed, as the end of a sentence; empty where it can."""


def decisions(flow: Flow, platform: Platform | None, reads: Mapping[Path, Reading]) -> Iterator[Decision]:
    """Yield the decision on every dataset, in the flow's order: the flow's own word, else streamed where it can be."""
    found, used = readers(flow, reads), _used(flow)
    for job in flow.jobs:
        later = _Later(flow, platform, job)
        for index, step in enumerate(job.steps):
            if makes_dataset(step):
                case = Case(later, index, tuple(found.get((job.id, step.id), ())), used)
                reason = next((row.reason for row in _KEPT if row.holds(case)), "")
                said = step.node.entries.get("materialize")
                kept = reason or (said is not None and value_of(said) is True)
                yield Decision(job, step, None if kept else case.reader.id, reason)


class _Later:
    """What the steps of one job do after each of them."""

    def __init__(self, flow: Flow, platform: Platform | None, job: Job) -> None:
        self.flow, self.platform, self.job = flow, platform, job

    @cached_property
    def loud(self) -> list[int]:
        """The places of the steps that may change something outside, in order."""
        return [index for index, step in enumerate(self.job.steps) if step.innermost.type not in QUIET]

    @cached_property
    def tables(self) -> list[tuple[int, tuple[object, ...]]]:
        """The places of the steps that write a table, each with the database."""
        steps = ((index, step.innermost) for index, step in enumerate(self.job.steps))
        return [(index, self.database(step)) for index, step in steps if step.type == "write" and _table(step)]

    def settled(self, step: Step) -> Settled | None:
        return resource(self.flow, self.platform, text_at(step.inputs, "resource") or "")

    def database(self, step: Step) -> tuple[object, ...]:
        found = self.settled(step)
        return (
            (text_at(step.inputs, "resource"),) if found is None else (found.kind, found.driver, value_of(found.config))
        )


class Case(NamedTuple):
    """A dataset on which is to be decided."""

    later: _Later
    number: int
    readers: tuple[Reader, ...]
    used: frozenset[Place]

    @property
    def step(self) -> Step:
        """The step that makes it."""
        return self.later.job.steps[self.number]

    @property
    def reader(self) -> Step:
        """The step that reads it first."""
        return self.readers[0].job.steps[self.readers[0].number]


class _Row(NamedTuple):
    reason: str
    holds: Callable[[Case], bool]


def _handled(case: Case) -> bool:
    return not _OWN.isdisjoint(case.step.node.entries) or case.step.type == "with_lock"


_OWN = frozenset(["lock", "on_no_data", "outputs", "retry", "timeout"])


def _by_the_engine(case: Case) -> bool:
    """Whether a query of the flow runs in a database that the engine has attached: its names are found there alone."""
    step = case.step
    found = case.later.settled(step) if step.type == "read" and "sql" in step.inputs.entries else None
    return found is not None and found.row is not None and not found.row.dialect


def _changed(case: Case) -> bool:
    loud = case.later.loud
    next_ = bisect_right(loud, case.number)
    return next_ < len(loud) and loud[next_] < case.readers[0].number


def _written(case: Case) -> bool:
    if case.step.type != "read" or not case.later.tables:
        return False
    own = case.later.database(case.step)
    return any(index > case.number and database == own for index, database in case.later.tables)


_KEPT = (
    _Row("no step reads it", lambda case: not case.readers),
    _Row("more than one step reads it", lambda case: len(case.readers) > 1),
    _Row("a step of another job reads it", lambda case: case.readers[0].job.id != case.later.job.id),
    _Row("the step that reads it needs it more than once, or whole", lambda case: not case.readers[0].once),
    _Row("the step that makes it has a lock, a retry, a timeout, outputs or an `on_no_data` of its own", _handled),
    _Row("the results of its step are used", lambda case: (case.later.job.id, case.step.id) in case.used),
    _Row("values are bound to its query", lambda case: "params" in case.step.inputs.entries),
    _Row("it is read incrementally", lambda case: "incremental" in case.step.inputs.entries),
    _Row("its query runs inside a database file", _by_the_engine),
    _Row("a step before its reader may change what it is read from", _changed),
    _Row("a later step writes to the database that it is read from", _written),
)
"""Why a dataset has to be materialised; the first that holds is said."""


def _table(step: Step) -> bool:
    return "table" in step.inputs.entries


def _used(flow: Flow) -> frozenset[Place]:
    """Return the steps whose results another step of their job names."""
    return frozenset(
        (job.id, name.partition(".")[2].partition(".")[0])
        for job in flow.jobs
        for step in job.steps
        for _, _, value in deferred(step.node)
        for name in references_in(value.node)
        if name.startswith("steps.")
    )
