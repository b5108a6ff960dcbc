"""What a server issues for a while, kept while it holds: tokens and keys, by whatever exchange they come.

They are kept in memory alone, and made known to the redactor before anybody uses them.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, TypeVar

from firn_runtime.cancel import current
from firn_runtime.errors import ConnectorError
from firn_schemas.secret import Secret

V = TypeVar("V")
Learn = Callable[[Secret], None]
"""Keeps a value out of everything that is shown or kept."""

_AGAIN = 10.0
"""Seconds until the issuer is asked again that failed while the old one still holds."""
_LISTEN = 0.1
"""Seconds after which those who wait for another thread's exchange hear that they shall end."""


class Issued(NamedTuple, Generic[V]):
    """What an exchange gave."""

    value: V
    seconds: float
    """For how long it holds from the moment it was asked for; infinite where the issuer does not say."""
    secrets: Sequence[Secret]
    """Everything in it that must not be shown."""


class Kept(Generic[V]):
    """Asks at first use, after a refusal, and `margin` seconds before the end, or at half its life if that is later.

    One thread asks, the others wait for it. Where the issuer fails before the end, what is kept goes on being used.
    """

    def __init__(
        self, issue: Callable[[], Issued[V]], learn: Learn, margin: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._issue, self._learn, self._margin, self._clock = issue, learn, margin, clock
        self._lock = threading.Lock()
        self._kept: Issued[V] | None = None
        self._due = self._end = 0.0

    def __call__(self) -> V:
        """Return what holds now; raise ConnectorError where there is nothing, or Ended."""
        with self._turn():
            kept = self._kept
            if kept is None or self._clock() >= self._due:
                kept = self._kept = self._renewed(self._clock())
            return kept.value

    def give_up(self, is_refused: Callable[[V], bool]) -> None:
        """Forget what was refused, unless another thread has renewed it by now."""
        with self._turn():
            if self._kept is not None and is_refused(self._kept.value):
                self._kept = None

    def _renewed(self, now: float) -> Issued[V]:
        try:
            new = self._issue()
        except ConnectorError:
            if self._kept is None or now >= self._end:
                raise
            self._due = min(self._end, now + _AGAIN)
            return self._kept
        for secret in new.secrets:
            self._learn(secret)
        self._end = now + new.seconds
        self._due = self._end - min(self._margin, new.seconds / 2)
        return new

    @contextmanager
    def _turn(self) -> Iterator[None]:
        while not self._lock.acquire(timeout=_LISTEN):
            current().check()
        try:
            yield
        finally:
            self._lock.release()


def lifetime(expires_in: Any) -> float:
    """Return the seconds that a number or its text says; none for a negative one, infinite for what is no number."""
    try:
        seconds = math.nan if isinstance(expires_in, bool) else float(expires_in)
    except (TypeError, ValueError):
        return math.inf
    return max(seconds, 0.0) if math.isfinite(seconds) else math.inf
