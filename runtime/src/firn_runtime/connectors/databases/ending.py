"""How work at a database server ends before it is done: the server is gone, the work is stopped, or takes too long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from firn_runtime.cancel import unless_done
from firn_runtime.errors import ConnectorError
from firn_schemas.visible import os_reason

IDLE, INTERVAL, COUNT, UNANSWERED = 30, 10, 3, 60_000
"""After how many seconds of silence, how often and how many times it is asked whether the server is there, and for how
many milliseconds what was sent may go unanswered: one that is gone without a word is noticed after a minute, also while
rows are on their way to it."""


class Ending:
    """Whether the work of one connection shall end; another thread says so."""

    def __init__(self) -> None:
        self.is_stopped = False
        self.is_late = False
        self.is_lost = False
        self.is_awaited = False
        """Whether the server has been asked for something, and its answer is waited for."""

    @contextmanager
    def awaiting(self, seconds: float | None, act: Callable[[], object]) -> Iterator[None]:
        """Wait for the server in the block; call `act` where that takes longer."""
        self.is_awaited = True
        try:
            with unless_done(seconds, act):
                yield
        finally:
            self.is_awaited = False

    def go_on(self) -> None:
        """Raise ConnectorError where the work shall end."""
        if self.is_late:
            raise ConnectorError("timeout", "the statement took longer than `statement_timeout`") from None
        if self.is_lost:
            said = "the answer never came: the server has nothing to do for this connection"
            raise ConnectorError("connection", said, "look at what stands between, such as a proxy") from None
        if self.is_stopped:
            raise ConnectorError("timeout", "the statement was interrupted") from None


def not_kept(error: OSError) -> ConnectorError:
    """Return the error that stands for one of the disk, on which rows lie between the server and the engine."""
    return ConnectorError("process", f"cannot keep rows in the workspace: {os_reason(error)}")
