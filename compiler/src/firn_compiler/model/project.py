"""The parsed project as values: flows and their parts, and the platform after its `extends` chain."""

from collections.abc import Iterator
from typing import NamedTuple

from firn_compiler.document import Document, Mapping, Node, Path, Span, mapping_at, text_at
from firn_schemas.base import Json
from firn_schemas.connectors import CONNECTORS, Connector


class Step(NamedTuple):
    """A step; `node` is the whole of it. An id or type that could not be read is empty."""

    id: str
    type: str
    node: Mapping
    path: Path
    inputs_path: Path
    """Where its inputs stand: below `inputs`, or beside the type in a `transforms` item."""
    inputs: Mapping
    """Empty where there are none."""

    @property
    def outputs(self) -> Mapping:
        """The step's named results; empty where there are none."""
        return mapping_at(self.node, "outputs") or Mapping({}, {}, self.node.span)

    @property
    def inner(self) -> "Step | None":
        """The step that this one runs under a lock; None for all others."""
        node = mapping_at(self.inputs, "step") if self.type == "with_lock" else None
        kind = text_at(node, "type")
        if node is None or kind is None:
            return None
        path = (*self.inputs_path, "step")
        inputs = mapping_at(node, "inputs") or Mapping({}, {}, node.span)
        return Step(self.id, kind, node, path, (*path, "inputs"), inputs)

    @property
    def innermost(self) -> "Step":
        """The step that does the work: under a lock the one that it runs, else the step itself."""
        step = self
        while (inner := step.inner) is not None:
            step = inner
        return step


class Job(NamedTuple):
    """A job; an id that could not be read is empty."""

    id: str
    node: Mapping
    path: Path
    depends_on: tuple[tuple[str, Span], ...]
    steps: tuple[Step, ...]
    when: Json
    """The condition as an expression tree; None where there is none."""


class Flow(NamedTuple):
    """A flow: its document with every compile-time template replaced."""

    name: str
    document: Document
    root: Mapping
    jobs: tuple[Job, ...]
    resources: dict[str, Mapping]
    by_id: dict[str, list[tuple[Job, Step]]]
    """Its steps, each with its job, in file order; those whose id could not be read under an empty one."""
    settled: "dict[str, tuple[Platform | None, Settled | None]]"
    """What its steps' names for resources came to, each with its platform, found when first asked for."""

    @property
    def steps(self) -> Iterator[Step]:
        """Every step in file order; a step that runs another is followed by it."""
        for job in self.jobs:
            for step in job.steps:
                one: Step | None = step
                while one is not None:
                    yield one
                    one = one.inner

    @property
    def resource_names(self) -> set[str]:
        """Every name that a step uses as its resource, and the logical ones that steps without a resource need."""
        return {name for step in self.steps for name in _resources(step)}


def _resources(step: Step) -> Iterator[str]:
    name = text_at(step.inputs, "resource")
    if name is not None:
        yield name
    yield from ("storage", "catalog", "compute") if step.type == "dbt" else ("compute",)


class Platform(NamedTuple):
    """A platform: its chain of documents, base first, and their merged root."""

    environment: str
    documents: tuple[Document, ...]
    names: tuple[str, ...]
    """How each document is named by the one before it; the leaf by its own file name."""
    root: Mapping
    merged: Mapping
    """The root before nulls removed keys and templates were replaced."""

    @property
    def file(self) -> str:
        """The leaf's file, as messages show it."""
        return self.documents[-1].file

    @property
    def security(self) -> Mapping | None:
        """Its policy; None where it says none."""
        return mapping_at(self.root, "security")

    @property
    def is_enterprise(self) -> bool:
        """Whether its policy is the strict one."""
        return text_at(self.security, "mode") == "enterprise"


class Settled(NamedTuple):
    """A resource after the merge."""

    kind: str
    driver: str
    config: Node
    options: Node
    place: Span
    """Where the flow names it."""
    decode: tuple[str, ...] = ()
    """Settings that pass through the decode hook, such as `config.password`."""
    merged: tuple[Node, ...] = ()
    """`config` and `options` before nulls removed keys and defaults were added."""

    @property
    def row(self) -> Connector | None:
        """What is said of its connector; None for a compute."""
        return CONNECTORS.get((self.kind, self.driver))


class Project(NamedTuple):
    """Everything that one compilation is about."""

    flows: tuple[Flow, ...]
    platform: Platform | None
