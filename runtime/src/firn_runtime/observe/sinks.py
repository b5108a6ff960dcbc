"""Where telemetry goes, as one listener: no sink delays a run, breaks it, or complains more than once."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from firn_runtime.events import Event
from firn_runtime.observe.delivery import Carrier, Outbox

DEADLINE = 3.0
"""Seconds that all sinks together have at the end of a run."""


class Sink(NamedTuple):
    """Makes messages of events, and sends them."""

    what: str
    """In the words of the warning."""
    make: Callable[[Event], Sequence[Any]]
    outbox: Outbox


def sink(what: str, make: Callable[[Event], Sequence[Any]], carrier: Carrier) -> Sink:
    """Return a sink with a queue and a thread of its own."""
    return Sink(what, make, Outbox(what, carrier))


class Sinks:
    """Hears every event before other listeners do, so that its complaints come before the end of the run."""

    def __init__(self, sinks: Sequence[Sink], warn: Callable[[str], object]) -> None:
        self._sinks, self._warn = sinks, warn
        self._complained: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Hand the event on; at the end of the run wait until everything is sent, but not for long."""
        for one in self._sinks:
            one.outbox.put(one.make(event))
        if event.name == "run.finished":
            self._end()
        if event.name != "run.started":  # that one is the first that anybody hears
            self._complain()

    def _end(self) -> None:
        until = time.monotonic() + DEADLINE
        for one in self._sinks:
            one.outbox.end()
        for one in self._sinks:
            one.outbox.wait(until)

    def _complain(self) -> None:
        for one in self._sinks:
            if one.outbox.problem is not None and one.what not in self._complained:
                self._complained.add(one.what)
                self._warn(f"{one.what} are not all sent: {one.outbox.problem}")
