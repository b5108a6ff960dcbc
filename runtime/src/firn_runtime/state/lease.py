"""A lock that is held while a block of work runs: taken, renewed in the background, and noticed when it is lost."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from firn_runtime.errors import LockHeld, StateError
from firn_runtime.state.locks import holder, lost
from firn_runtime.state.rows import Fence, LockRow
from firn_runtime.state.store import State
from firn_schemas.base import Json


class Lease:
    """Takes a lock when its block is entered, waiting for it up to `wait` seconds, and frees it at the end.

    It is renewed at a third of `ttl` seconds. Where that fails it is tried again until the last renewal is `ttl` old,
    by a clock that goes on while the process or machine stands still; then the lease is lost. `on_lost` is called once,
    from whichever thread notices; it must return soon and raise nothing.
    """

    fence: Fence

    def __init__(
        self,
        state: State,
        key: str,
        owner: Mapping[str, Json],
        ttl: float,
        wait: float = 0.0,
        on_lost: Callable[[], object] = lambda: None,
        *,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.key, self.ttl, self.lost = key, ttl, False
        self._state, self._owner, self._wait = state, owner, wait
        self._on_lost, self._stopping = on_lost, stopping
        self._clock = state.clocks.boot
        self._mutex = threading.Lock()
        self._over, self._reason = False, ""

    def __enter__(self) -> Self:
        """Take the lock; raise LockHeld where somebody else has it for all of `wait`, or `stopping` says so."""
        deadline = self._clock() + self._wait
        while True:
            self._renewed = self._clock()
            answer = self._state.acquire(self.key, self._owner, self.ttl)
            if isinstance(answer, int):
                break
            left = deadline - self._clock()
            if left <= 0 or self._stopping():
                raise lock_held(answer)
            time.sleep(min(left, _pause()))
        self.fence = Fence(self.key, answer)
        self.due = self._renewed + self.ttl / 3
        self._state.keeper.keep(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the lock; where the state cannot be reached it frees itself when the lease runs out."""
        with self._mutex:
            self._over = True
        self._state.keeper.drop(self)
        with suppress(StateError):
            self._state.release(self.fence)

    def check(self) -> None:
        """Raise LeaseLost where the lease is lost or has run out. Call it before what the lock protects."""
        self._notice()
        if self.lost:
            raise lost(self.key, self._reason)

    def attend(self) -> None:
        """Renew the lease; called by the keeper's thread."""
        self._notice()
        if self.lost:
            return
        asked = self._clock()
        try:
            renewed = self._state.renew(self.fence, self.ttl)
        except StateError:
            self.due = min(self._clock() + self.ttl / 12, self._renewed + self.ttl)
            return
        if not renewed:
            self._lose("another one took it, or it was broken")
        self._renewed, self.due = asked, asked + self.ttl / 3

    def _notice(self) -> None:
        age = self._clock() - self._renewed
        if age >= self.ttl:
            self._lose(f"it could not be renewed for {age:.0f} s, and its lease is {self.ttl:g} s")

    def _lose(self, reason: str) -> None:
        with self._mutex:
            if self._over:
                return
            self._over, self._reason, self.lost = True, reason, True
        self._state.keeper.drop(self)
        self._on_lost()


def _pause() -> float:
    """Return the seconds until the next attempt: drawn anew each time, so that those who wait do not march."""
    return 0.1 + 0.3 * os.urandom(1)[0] / 255


def lock_held(lock: LockRow) -> LockHeld:
    """Return the error that names who holds a lock."""
    since = f" since {lock.owner['since']}" if lock.owner.get("since") else ""
    message = (
        f"the lock `{lock.key}` is held by {holder(lock.owner)}{since};"
        f" its lease runs out in {max(lock.expires_in, 0):.0f} s unless it is renewed"
    )
    return LockHeld("R404", message, "wait for it with `--wait SECONDS`; `firn unlock` shows who holds what")
