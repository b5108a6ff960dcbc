"""The parsed project as values: flows and their parts, and the platform after its `extends` chain."""

from typing import NamedTuple

from firn_compiler.document import Document, Mapping, Node, Path, Span
from firn_schemas.base import Json


class Step(NamedTuple):
    """A step whose id and type could be read; `node` is the whole of it."""

    id: str
    type: str
    node: Mapping
    path: Path

    @property
    def inputs(self) -> Mapping:
        """The step's inputs; empty where there are none."""
        found = self.node.entries.get("inputs")
        return found if isinstance(found, Mapping) else Mapping({}, {}, self.node.span)

    @property
    def outputs(self) -> Mapping:
        """The step's named results; empty where there are none."""
        found = self.node.entries.get("outputs")
        return found if isinstance(found, Mapping) else Mapping({}, {}, self.node.span)


class Job(NamedTuple):
    """A job whose id could be read."""

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


class Platform(NamedTuple):
    """A platform: its chain of documents, base first, and their merged root."""

    environment: str
    documents: tuple[Document, ...]
    names: tuple[str, ...]
    """How each document is named by the one before it; the leaf by its own file name."""
    root: Mapping

    @property
    def file(self) -> str:
        """The leaf's file, as messages show it."""
        return self.documents[-1].file


class Settled(NamedTuple):
    """A resource after the merge."""

    kind: str
    driver: str
    config: Node
    options: Node
    place: Span
    """Where the flow names it."""


class Project(NamedTuple):
    """Everything that one compilation is about."""

    flows: tuple[Flow, ...]
    platform: Platform | None
