"""One thread that looks after every lease of a run while the run works."""

import threading
from collections.abc import Callable
from typing import Protocol


class Kept(Protocol):
    """What wants to be looked after at a time of its own."""

    due: float
    """When to look after it next, by the keeper's clock."""

    def attend(self) -> None:
        """Look after it, and set `due` anew; must not raise."""
        ...


class Keeper:
    """Attends to what it keeps, each when it is due; its thread lives while there is something to keep."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: list[Kept] = []
        self._changed = threading.Condition()
        self._attending = threading.Lock()
        self._working = False

    def keep(self, one: Kept) -> None:
        """Attend to `one` from now on."""
        with self._changed:
            self._kept.append(one)
            self._changed.notify()
            if not self._working:
                self._working = True
                threading.Thread(target=self._work, name="firn-leases", daemon=True).start()

    def drop(self, one: Kept) -> None:
        """Attend to `one` no longer; an attendance in progress goes on."""
        with self._changed:
            if one in self._kept:
                self._kept.remove(one)
            self._changed.notify()

    def end(self) -> None:
        """Keep nothing any longer; an attendance in progress is waited for."""
        with self._changed:
            self._kept.clear()
            self._changed.notify()
        with self._attending:
            return

    def _work(self) -> None:
        while (one := self._next()) is not None:
            with self._attending:
                if one in self._kept:  # it may have been dropped just now
                    one.attend()

    def _next(self) -> Kept | None:
        """Wait for the first that is due; None where nothing is left to keep."""
        with self._changed:
            while self._kept:
                one = min(self._kept, key=lambda kept: kept.due)
                pause = one.due - self._clock()
                if pause <= 0:
                    return one
                self._changed.wait(pause)
            self._working = False
            return None
