"""The leases that one run holds: one for the whole run, and those of its jobs and steps while they work."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from firn_runtime.cancel import current
from firn_runtime.errors import FirnError, LeaseLost
from firn_runtime.state import Fence, Lease, State
from firn_runtime.stop import Stop
from firn_schemas.base import Json


class Leases:
    """Frees what is still held when its block ends."""

    def __init__(self, state: State, stop: Stop) -> None:
        self.on_lost: Callable[[FirnError], object] = lambda _: None
        """Called once for each lease that is lost, from any thread."""
        self._state, self._stop = state, stop
        self._owner: Mapping[str, Json] = {}
        self._held: list[Lease] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def take(self, key: str, ttl: float, wait: float, owner: Mapping[str, Json]) -> None:
        """Hold a lock until the end, as `owner`; raise LockHeld where somebody else has it for `wait` seconds."""
        self._owner = owner
        self._stack.enter_context(self.hold(key, ttl, wait))

    def name_owner(self, owner: Mapping[str, Json]) -> None:
        """Say whose the lock is that was taken, where it has turned out to be another run's than was expected."""
        self._owner = owner
        self._state.name_owner(self.fences[0], owner)

    @contextmanager
    def hold(self, key: str, ttl: float, wait: float) -> Iterator[None]:
        """Hold a lock for the block; raise LockHeld."""
        token = current()
        stopping = lambda: token.reason is not None or self._stop.asked is not None  # noqa: E731  # as a lease asks it
        lease = Lease(self._state, key, self._owner, ttl, wait, lambda: self._lost(lease), stopping=stopping)
        with lease:
            self._held.append(lease)
            try:
                yield
            finally:
                self._held.remove(lease)

    @property
    def fences(self) -> tuple[Fence, ...]:
        """What every write to the state stands under; the first is that of the whole run."""
        return tuple(lease.fence for lease in list(self._held))

    def check(self) -> None:
        """Raise LeaseLost where a lease is no longer the run's."""
        for lease in list(self._held):
            lease.check()

    def _lost(self, lease: Lease) -> None:
        try:
            lease.check()
        except LeaseLost as error:
            self.on_lost(error)
