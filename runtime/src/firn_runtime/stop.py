"""What asks a run to end from outside: the handler of a signal, or the program around it."""

from collections.abc import Callable
from typing import Literal

Asked = Literal["terminate", "interrupt"]


class Stop:
    """Asks at most one run. Its methods may be called from any thread, and from a signal's handler."""

    def __init__(self) -> None:
        self.asked: Asked | None = None
        self._hear: Callable[[Asked], object] = lambda _: None

    def terminate(self) -> None:
        """Start no further step; those at work may finish within the grace period."""
        self._ask("terminate")

    def interrupt(self) -> None:
        """Start no further step, and end those at work now."""
        self._ask("interrupt")

    def listen(self, hear: Callable[[Asked], object]) -> None:
        """Call `hear` for everything that is asked from now on, and for what was asked before."""
        self._hear = hear
        if self.asked is not None:
            hear(self.asked)

    def _ask(self, what: Asked) -> None:
        self.asked = what
        self._hear(what)
