"""Checks side by side, each in a thread of its own and with a deadline; one that does not end is left behind."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from queue import Empty, SimpleQueue
from typing import NamedTuple

from firn_runtime.errors import ConnectorError, FirnError, internal
from firn_runtime.probing import CheckName, CheckStatus, Seen, failed

AT_ONCE = 8
_HELP = "it is left behind; `--timeout` gives every check more time"


class Check(NamedTuple):
    """Something to look at, and how; what it yields or raises is what was seen."""

    name: CheckName
    subject: str
    look: Callable[[], Iterable[Seen]]


class Checked(NamedTuple):
    """What was seen of `subject`; `seconds` is how long it took to see."""

    check: CheckName
    subject: str
    status: CheckStatus
    message: str
    help: str
    seconds: float


class _Running:
    """One check at work. What it sees after its deadline is heard by nobody."""

    def __init__(self, number: int, check: Check, seconds: float, ended: "SimpleQueue[int]") -> None:
        self._number, self._check, self._seconds, self._ended = number, check, seconds, ended
        self.seen: list[Checked] = []
        self._since = time.monotonic()
        self.deadline = self._since + seconds
        threading.Thread(target=self._work, name=f"firn-{check.name}", daemon=True).start()

    def _work(self) -> None:
        try:
            for seen in self._check.look():
                self._add(seen)
        except (ConnectorError, FirnError) as error:
            self._add(failed(self._check.name, error))
        except BaseException as error:  # a thread that ends without a word would look as if all were well
            self._add(Seen(self._check.name, "failed", internal(error)))
        finally:
            self._ended.put(self._number)

    def _add(self, seen: Seen) -> None:
        self.seen.append(self._timed(seen))
        self._since = time.monotonic()

    def _timed(self, seen: Seen) -> Checked:
        seconds = round(time.monotonic() - self._since, 3)
        return Checked(seen.check, self._check.subject, seen.status, seen.message, seen.help, seconds)

    def left_behind(self) -> list[Checked]:
        """Return what it has seen until now, and that it did not end."""
        late = Seen(self._check.name, "failed", f"it did not end within {self._seconds:g} s", _HELP)
        return [*self.seen, self._timed(late)]


def side_by_side(checks: Sequence[Check], seconds: float) -> list[Checked]:
    """Return what the checks see, in their order; each has so many seconds from its own beginning."""
    waiting = list(enumerate(checks))
    ended: SimpleQueue[int] = SimpleQueue()
    running: dict[int, _Running] = {}
    results: dict[int, list[Checked]] = {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            number, check = waiting.pop(0)
            running[number] = _Running(number, check, seconds, ended)
        soonest = min(running, key=lambda number: running[number].deadline)
        try:
            number = ended.get(timeout=max(0.0, running[soonest].deadline - time.monotonic()))
        except Empty:
            results[soonest] = running.pop(soonest).left_behind()
            continue
        if number in running:
            results[number] = running.pop(number).seen
    return [seen for number in range(len(checks)) for seen in results[number]]
