"""What a connector is to the steps: built from settled values, opened lazily, closed always.

A connector reads no environment, retries nothing and prints nothing. What fails is a ConnectorError of exactly one
class, raised `from None` so that no driver's exception (which may hold a secret) travels further.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from firn_runtime.engine import Places, Relation, Session
    from firn_runtime.publication import Publication
    from firn_schemas.steps.data import ReadInputs, WriteInputs

C = TypeVar("C")
P = TypeVar("P")


class Written(NamedTuple):
    """What a write published."""

    rows: int
    bytes: int | None = None


class Rows(NamedTuple):
    """What a read will give, and how many bytes it takes from the source, where that is known."""

    relation: "Relation"
    bytes: int | None = None


class ConnectorBase(ABC, Generic[C, P]):
    """Base of every connector; `config` and `options` are the records of its row in firn_schemas.connectors."""

    extension: ClassVar[str | None] = None
    """The engine's extension that it reads and writes through, where it needs one."""

    written = False
    """Whether a step of the flow writes to it; set by the run before `connect`."""

    def __init__(self, *, config: C, options: P) -> None:
        self.config = config
        self.options = options

    def places(self) -> "Places":
        """Return what the engine must be able to reach; touches nothing. Paths in `config` are absolute by now."""
        from firn_runtime.engine import Places

        return Places()

    @abstractmethod
    def connect(self) -> None:
        """Open what is needed; called once, before the first use."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; called once, also after a failure."""


class Readable(Protocol):
    """A connector that `read` steps use."""

    def read(self, inputs: "ReadInputs", session: "Session", scratch: Path) -> Rows:
        """Return the rows that `inputs` asks for; `scratch` is a folder of this step alone."""
        ...


class Writable(Protocol):
    """A connector that `write` steps use."""

    def write(self, inputs: "WriteInputs", session: "Session", publication: "Publication") -> Written:
        """Publish the dataset `inputs.from_` in one atomic act, unless this very publication was made before."""
        ...


class Queryable(Protocol):
    """A connector that `query` steps use."""

    def relation(self, sql: str, params: object, session: "Session") -> "Relation":
        """Return the query as rows to come."""
        ...
