"""How messages leave a run without delaying it: a bounded queue, a thread of its own, and a deadline at the end."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

_ROOM = 32_000_000
"""Bytes of messages that may wait; what comes while more than that waits is left out."""
_UNKNOWN = 2000
"""Bytes that a message counts which is not spelled yet: about those of a span."""
_BATCH = 512
_PAUSE = 1.0
"""Seconds in which messages gather."""
_AGAIN = (0.5, 2.0)
"""Seconds before a delivery is tried again."""


class Undelivered(Exception):
    """Why messages did not arrive, as the end of a sentence. `again` says that they may the next time."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.again = reason, again


class Carrier(Protocol):
    """What brings messages to a receiver; used by one thread."""

    def deliver(self, messages: list[Any]) -> None:
        """Send messages; raise Undelivered. Those that it takes from the list are not sent again."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class Outbox:
    """Hands what is put into it to a carrier, from a thread of its own. What it cannot deliver is left out."""

    def __init__(self, name: str, carrier: Carrier) -> None:
        self.problem: str | None = None
        """The first reason why messages were left out."""
        self._carrier = carrier
        self._waiting: deque[Any] = deque()
        self._weight = 0
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name=f"firn-{name}", daemon=True)
        self._begun = False

    def put(self, messages: Sequence[Any]) -> None:
        """Take messages; it never waits."""
        if not messages:
            return
        with self._changed:
            if self._weight > _ROOM:
                self._lost(f"more than {_ROOM // 1_000_000} MB wait for their receiver")
                return
            idle = not self._waiting
            self._waiting.extend(messages)
            self._weight += sum(map(_weight, messages))
            if not self._begun:
                self._begun = True
                self._thread.start()
            if idle or len(self._waiting) >= _BATCH:
                self._changed.notify()

    def end(self) -> None:
        """Ask for what waits to be sent now; nothing more is put."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def wait(self, until: float) -> None:
        """Wait for what is left to be sent, until a time of the monotonic clock."""
        if self._begun:
            self._thread.join(max(0.0, until - time.monotonic()))
        with self._changed:
            if self._thread.is_alive():
                self._lost("the receiver did not take all of it before the deadline at the end of the run")
            self._waiting.clear()

    def _lost(self, reason: str) -> None:
        self.problem = self.problem or reason

    def _work(self) -> None:
        while batch := self._next():
            try:
                self._persevere(batch)
            except Undelivered as error:
                self._lost(error.reason)
            except Exception as error:
                self._lost(f"an internal error ({type(error).__name__})")
        self._carrier.close()

    def _next(self) -> list[Any]:
        """Return what to send next; nothing at the end."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            self._changed.wait_for(lambda: self._closing or len(self._waiting) >= _BATCH, _PAUSE)
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            self._weight -= sum(map(_weight, batch))
            return batch

    def _persevere(self, batch: list[Any]) -> None:
        for pause in _AGAIN:
            try:
                self._carrier.deliver(batch)
            except Undelivered as error:
                if not error.again:
                    raise
                with self._changed:
                    ended = self._changed.wait_for(lambda: self._closing, pause)
                if ended:
                    break
            else:
                return
        self._carrier.deliver(batch)


def _weight(message: Any) -> int:
    return len(message) if isinstance(message, bytes) else _UNKNOWN
