"""Asked-for ends: a token for whatever runs, heard by those who wait and by what it interrupts.

A token that was cancelled stays so. What it interrupts is interrupted again and again until the work has ended: a
statement that begins just after the first call would not hear it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial

from firn_runtime.events import Failure

_AGAIN = 0.05
"""Seconds between two calls of what is interrupted."""


@contextmanager
def unless_done(seconds: float | None, act: Callable[[], object]) -> Iterator[None]:
    """Call `act` from another thread where the block takes longer than that; None: never."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Ended(Exception):
    """Ends the work of a step that was asked to end."""

    def __init__(self, reason: Failure) -> None:
        super().__init__(reason.message)
        self.reason = reason


class Token:
    """Whether some work shall end, and why. Children end with their parent."""

    def __init__(self, parent: "Token | None" = None) -> None:
        self.reason: Failure | None = None
        self.since = 0.0
        """When it was cancelled, by the monotonic clock."""
        self._told = threading.Event()
        self._over = threading.Event()
        self._acts: list[Callable[[], object]] = []
        self._parent = parent
        if parent is not None:
            parent._acts.append(self._follow)
            self._follow()

    def cancel(self, reason: Failure) -> None:
        """Ask the work to end; the first reason counts."""
        if self.reason is not None:
            return
        self.reason, self.since = reason, time.monotonic()
        self._told.set()
        threading.Thread(target=self._interrupt, name="firn-cancel", daemon=True).start()

    def check(self) -> None:
        """Raise Ended where the work shall end."""
        if self.reason is not None:
            raise Ended(self.reason)

    def wait(self, seconds: float) -> None:
        """Sleep; raise Ended as soon as the work shall end."""
        self._told.wait(seconds)
        self.check()

    @contextmanager
    def interrupting(self, act: Callable[[], object]) -> Iterator[None]:
        """Call `act` from another thread where the work shall end while the block runs; raise Ended before it."""
        self._acts.append(act)
        try:
            self.check()
            yield
        finally:
            self._acts.remove(act)

    @contextmanager
    def limited(self, seconds: float | None, reason: Failure) -> Iterator[None]:
        """Cancel with `reason` where the block takes longer."""
        with unless_done(seconds, partial(self.cancel, reason)):
            yield

    def close(self) -> None:
        """Say that the work has ended, whatever it was asked."""
        self._over.set()
        if self._parent is not None:
            self._parent._acts.remove(self._follow)

    def _follow(self) -> None:
        if self._parent is not None and self._parent.reason is not None:
            self.cancel(self._parent.reason)

    def _interrupt(self) -> None:
        while True:
            for act in list(self._acts):
                with suppress(Exception):
                    act()
            if self._over.wait(_AGAIN):
                return


_CURRENT: ContextVar[Token | None] = ContextVar("token", default=None)


def current() -> Token:
    """Return the token of the step that this thread works for; one that nobody cancels where there is none."""
    return _CURRENT.get() or Token()


@contextmanager
def working_for(token: Token) -> Iterator[None]:
    """Let `current` be this token in this thread."""
    before = _CURRENT.set(token)
    try:
        yield
    finally:
        _CURRENT.reset(before)
        token.close()
