"""What a step is to the run: a function from decoded inputs and a context to results."""

from collections.abc import Callable, Mapping
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
    def publication(self) -> "Publication":
        """What names this step's write."""
        ...

    def resource(self, name: str) -> Any:
        """Return the connector of a resource of the flow, connected."""
        ...


StepFunction = Callable[[Any, StepContext], StepResult]
"""Takes the type's inputs record and the context."""
