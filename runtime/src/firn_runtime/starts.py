"""Records that steps are at work, a moment late: what ends within that moment costs one commit, not two.

Who looks at a run wants to see what takes long, and so does who asks after a kill what it was doing.
"""

import threading
from collections.abc import Callable
from contextlib import suppress

from firn_runtime.errors import FirnError
from firn_runtime.state.rows import StepRow

LATE = 1.0
"""Seconds."""


class Starts:
    """The steps of one run that are at work and are not recorded yet; looked after by the state's keeper."""

    def __init__(self, record: Callable[[StepRow], object], clock: Callable[[], float]) -> None:
        self.due = clock() + LATE
        self._record, self._clock = record, clock
        self._waiting: dict[tuple[str, str], tuple[float, StepRow]] = {}
        self._mutex = threading.Lock()

    def add(self, row: StepRow) -> None:
        """Record this start, unless the step ends soon."""
        with self._mutex:
            self._waiting[row.job, row.step] = (self._clock() + LATE, row)

    def drop(self, row: StepRow) -> None:
        """Record its start no longer; when this returns, it never comes after what is recorded next."""
        with self._mutex:
            self._waiting.pop((row.job, row.step), None)

    def attend(self) -> None:
        """Record what is late. Where that fails, the end of the step says so."""
        now = self._clock()
        with self._mutex, suppress(FirnError):
            for place, (due, row) in list(self._waiting.items()):
                if due <= now:
                    del self._waiting[place]
                    self._record(row)
        self.due = now + LATE
