"""What a connector is to the steps: built from settled values, opened lazily, closed always.

A connector reads no environment, retries nothing and prints nothing. What fails is a ConnectorError of exactly one
class, raised `from None` so that no driver's exception (which may hold a secret) travels further.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from firn_runtime.engine import Session
from firn_schemas.base import Json, record
from firn_schemas.steps import ReadInputs, WriteInputs

C = TypeVar("C")
O = TypeVar("O")  # noqa: E741  # the pair of config and options

Params = Sequence[Any] | dict[str, Any] | None
"""Values bound to a query's placeholders, by position or by name."""


@record
class Relation:
    """Rows to come: one SELECT that the engine can run, with the values bound to it."""

    sql: str
    params: Params = None


@record
class Written:
    """What a write published."""

    rows: int
    bytes: int | None = None


@record
class Places:
    """What of the file system the engine must be allowed to reach for a connector."""

    directories: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()


class ConnectorBase(ABC, Generic[C, O]):
    """Base of every connector; `config` and `options` are the records of its row in firn_schemas.connectors."""

    extension: ClassVar[str | None] = None
    """The engine extension that it reads and writes through, where it needs one."""

    def __init__(self, *, config: C, options: O) -> None:
        self.config = config
        self.options = options

    def places(self) -> Places:
        """Return what the engine must be allowed to reach; touches nothing. Paths in `config` are absolute by now."""
        return Places()

    @abstractmethod
    def connect(self) -> None:
        """Open what is needed; called once, before the first use."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; called once, also after a failure."""


class Readable(Protocol):
    """A connector that `read` steps use."""

    def read(self, inputs: ReadInputs, session: Session) -> Relation:
        """Return the rows that `inputs` asks for."""
        ...


class Writable(Protocol):
    """A connector that `write` steps use."""

    def write(self, inputs: WriteInputs, session: Session) -> Written:
        """Publish the dataset `inputs.from_` in one atomic act."""
        ...


class Queryable(Protocol):
    """A connector that `query` steps use."""

    def query(self, sql: str, params: Params, max_rows: int, session: Session) -> list[dict[str, Json]]:
        """Return at most `max_rows` rows; more are a ConnectorError of class `data`."""
        ...
