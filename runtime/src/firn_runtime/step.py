"""What a step is to the run: a function from decoded inputs and a context to results."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from firn_schemas.base import Json

if TYPE_CHECKING:
    from firn_runtime.engine import Session
    from firn_runtime.publication import Publication


class StepResult(NamedTuple):
    """A step's results, by the names of its row in firn_schemas.steps, and what to tell people."""

    results: Mapping[str, Json]
    rows: int | None = None
    warnings: tuple[str, ...] = ()
    bytes: int | None = None
    no_data: bool = False
    """The step found nothing to work on; what that means is said by `on_no_data`."""


class Mark(NamedTuple):
    """A value of a cursor: digits of a number, a date or timestamp in ISO 8601, or a text; and the engine's type."""

    value: str
    type: str


class Window(NamedTuple):
    """What an incremental read is to read."""

    after: Mark | None = None
    """How far the published reads before have come; absent: there were none."""
    until: Mark | None = None
    """Where the read ended when it was done in this run before; absent: it found nothing."""
    repeated: bool = False
    """It was done in this run before, and is to read the same again."""
    warning: str = ""
    """What a person should know of it."""


class StepContext(Protocol):
    """What the run lends to one step."""

    @property
    def id(self) -> str:
        """The step's id, and the name of the dataset that it may make."""
        ...

    @property
    def session(self) -> "Session":
        """The job's view of the engine; the first use starts the engine."""
        ...

    @property
    def scratch(self) -> Path:
        """A folder of this step alone, removed after the run."""
        ...

    @property
    def files(self) -> Path:
        """The run's own folder of files, which its steps share; removed after the run."""
        ...

    @property
    def before(self) -> Mapping[str, Json]:
        """The results of this step when it was done in this run before, where it is done again; else nothing."""
        ...

    @property
    def publication(self) -> "Publication":
        """What names this step's write."""
        ...

    @property
    def streamed(self) -> bool:
        """Whether the step's dataset is handed over while it is made, and never kept."""
        ...

    @property
    def window(self) -> Window:
        """What the step is to read, where it is an incremental read; raises ConnectorError where it is not."""
        ...

    @property
    def started_at(self) -> datetime:
        """When the run began."""
        ...

    def fetched(self, resource: str) -> Mapping[str, str]:
        """Return in which versions the run has fetched files of a resource: see firn_runtime.fetched."""
        ...

    def claim(self, resource: str, places: Collection[str]) -> None:
        """Keep places of a resource for the files that this step puts there; raise where another step puts one."""
        ...

    def hidden(self, dataset: str, columns: Sequence[str]) -> frozenset[str]:
        """Return those of a dataset's columns whose values may not be shown: the flow classifies them, or may do so."""
        ...

    def resource(self, name: str) -> Any:
        """Return the connector of a resource of the flow, connected."""
        ...

    def still_ours(self) -> None:
        """Raise where the step shall end or the run has lost its lease; called as late as can be before publishing."""
        ...

    def hold(self, key: str, ttl: float, wait: float) -> AbstractContextManager[Any]:
        """Hold a lock for the block, after up to `wait` seconds."""
        ...

    def perform(self, type: str, inputs: Any) -> "StepResult":
        """Do another step in the place of this one, with settled inputs."""
        ...


def innermost(type: str, inputs: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return type and inputs of the step that does the work: under a lock it is the one that is run."""
    while type == "with_lock":
        type, inputs = inputs["step"]["type"], inputs["step"]["inputs"]
    return type, inputs


StepFunction = Callable[[Any, StepContext], StepResult]
"""Takes the type's inputs record and the context."""
