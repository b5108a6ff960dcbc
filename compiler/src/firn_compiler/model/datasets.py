"""Who reads which dataset of a flow."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from firn_compiler.document import Mapping as MappingNode
from firn_compiler.document import Path, Scalar, items_at
from firn_compiler.model.project import Flow, Job, Step
from firn_compiler.model.upstream import Upstream
from firn_schemas.base import Json
from firn_schemas.steps import STEPS

Place = tuple[str, str]
"""A job's id and the id of one of its steps."""


class Reading(NamedTuple):
    """What one step reads of the flow's datasets, by the names that SQL may use, in lower case."""

    names: frozenset[str] = frozenset()
    once: frozenset[str] = frozenset()
    """Of these, those that it goes through once, from beginning to end."""

    def more(self, names: Iterable[str], once: Iterable[str]) -> "Reading":
        """Return what is read with these too; what is read a second time is not read once."""
        added = frozenset(names)
        return Reading(self.names | added, (self.once - added) | (frozenset(once) - self.names))


class Reader(NamedTuple):
    """A step that reads a dataset."""

    job: Job
    number: int
    """Its place in the job."""
    once: bool


def makes_dataset(step: Step) -> bool:
    """Whether the step makes a dataset of its name, itself or through the step it runs under a lock."""
    step = step.innermost
    return step.type not in STEPS or STEPS[step.type].makes_dataset


def runs_code(step: Step) -> bool:
    """Whether nobody can say which datasets the step reads: its code may ask for any."""
    return step.innermost.type in _OPAQUE or is_brought(step)


def is_brought(step: Step) -> bool:
    """Whether the step is a plug-in's."""
    type = step.innermost.type
    return type not in STEPS or STEPS[type].plugin is not None


_OPAQUE = frozenset(["dbt", "python"])


def taken(step: Step) -> Iterator[tuple[Path, Scalar]]:
    """Yield the names of the datasets that the step takes by `from`, each with its path below the inputs."""
    places: list[tuple[Path, object]] = [((), step.inputs)]
    files = items_at(step.inputs, "attachments") if step.type == "send_mail" else ()
    places += [(("attachments", at), item) for at, item in enumerate(files)]
    for path, node in places:
        found = node.entries.get("from") if isinstance(node, MappingNode) else None
        if isinstance(found, Scalar):
            yield (*path, "from"), found


def references_in(value: Json) -> Iterator[str]:
    """Yield the path of every `$ref` inside a lowered value."""
    if isinstance(value, dict):
        if isinstance(found := value.get("$ref"), str):
            yield found
        for item in value.values():
            yield from references_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from references_in(item)


def readers(flow: Flow, reads: Mapping[Path, Reading]) -> dict[Place, list[Reader]]:
    """Return for every dataset, by its maker, the steps that read it, in the flow's order.

    A step of which nobody can say what it reads, as a plug-in's, reads all that it sees.
    """
    found: dict[Place, list[Reader]] = {}
    made: Upstream[Place] = Upstream(flow)
    for job in flow.jobs:
        for step in job.steps:
            for name, place in _named(job.id, step).items() if makes_dataset(step) else ():
                made.add(job.id, name, place)
    for job in flow.jobs:
        own: dict[str, Place] = {}
        seen = made.seen_by(job, own)
        for index, step in enumerate(job.steps):
            for maker, once in _read(step, seen, reads):
                found.setdefault(maker, []).append(Reader(job, index, once))
            if makes_dataset(step):
                own |= _named(job.id, step)
    return found


def _read(step: Step, seen: Mapping[str, Place], reads: Mapping[Path, Reading]) -> Iterator[tuple[Place, bool]]:
    if runs_code(step):
        yield from ((maker, False) for maker in dict.fromkeys(seen.values()))
        return
    reading = reads.get(step.path, Reading())
    makers = {name: maker for name in sorted(reading.names) if (maker := seen.get(name)) is not None}
    for maker in dict.fromkeys(makers.values()):
        names = {name for name, one in makers.items() if one == maker}
        yield maker, len(names) == 1 and names <= reading.once


def _named(job: str, step: Step) -> dict[str, Place]:
    return dict.fromkeys(names_of(job, step.id), (job, step.id))


def names_of(job: str, dataset: str) -> tuple[str, str]:
    """Return the names that SQL may use for a dataset, in lower case: its own, and with its job's before it."""
    return dataset.lower(), f"{job}.{dataset}".lower()
