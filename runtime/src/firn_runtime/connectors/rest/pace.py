"""How fast an API is asked: requests per second, requests at the same time, and pauses that it asks for itself."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime

from firn_runtime.cancel import current

LONGEST_PAUSE = 60
"""Seconds that a request waits where an API says when to come back; where it says longer, the step fails."""
MOST_PAUSES = 5
"""How often one request waits so."""
_AGAIN = 0.05
"""Seconds between two looks at whether the step shall end."""


class Pace:
    """One resource's pace, shared by all steps that use it."""

    def __init__(self, per_second: float | None, at_once: int) -> None:
        self._gap = 1 / per_second if per_second else 0.0
        self._slots = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self._free = 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn and hold it for the block; raise Ended where the step shall end."""
        while not self._slots.acquire(timeout=_AGAIN):
            current().check()
        try:
            self._wait()
            yield
        finally:
            self._slots.release()

    def pause(self, seconds: float) -> None:
        """Let nobody ask before `seconds` are over."""
        with self._lock:
            self._free = max(self._free, time.monotonic() + seconds)

    def _wait(self) -> None:
        with self._lock:
            now = time.monotonic()
            mine = max(now, self._free)
            self._free = mine + self._gap
        if mine > now:
            current().wait(mine - now)


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `Retry-After` (RFC 9110, section 10.2.3), at least 0; None where there is none.

    A date is taken from the answer's own `Date`, so that clocks need not agree.
    """
    text = headers.get("retry-after", "").strip()
    if text.isdecimal() and text.isascii() and len(text) < 10:
        return float(text)
    try:
        later = parsedate_to_datetime(text).timestamp()
        now = parsedate_to_datetime(headers["date"]).timestamp() if "date" in headers else time.time()
    except (ValueError, OverflowError):
        return None
    return max(0.0, later - now)
