"""What the state asks of a database: transactions whose statements both dialects understand.

Statements are written with `?` for values, and with `FOR UPDATE` or `FOR SHARE` at their end where rows are locked.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from firn_runtime.errors import StateError

T = TypeVar("T")
Value = str | int | float | None


class Now(NamedTuple):
    """What time it is. Where `boot` is empty there is one clock for all, and `boot_seconds` means nothing."""

    wall: float
    boot: str = ""
    boot_seconds: float = 0.0


class Transaction(Protocol):
    """A transaction in progress."""

    def execute(self, statement: str, values: Sequence[Value] = ()) -> list[Any]:
        """Run one statement and return its rows."""
        ...

    def now(self) -> Now:
        """Return the time by which leases are measured."""
        ...


class Database(Protocol):
    """Where the state lies; every failure is a StateError whose message holds no value of the settings but a path."""

    warnings: Sequence[str]
    """What its user should know, such as a file system that lacks something."""

    def write(self, work: Callable[[Transaction], T], *, durable: bool, once: bool = False) -> T:
        """Do `work` in one transaction; where `durable`, it is on the disk when this returns.

        After a lost connection it is done again, although the first time may have taken effect; unless `once`.
        """
        ...

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Do `work`, which only reads; each of its statements sees what was committed before it."""
        ...

    def damaged(self, reason: str) -> StateError:
        """Return the error that says that what is kept cannot be understood."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...
