"""Tells every listener what happens, in one order, with nothing in it that a secret could be read from."""

import os
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from firn_runtime.events import Event, EventName, Failure, Listener
from firn_schemas.visible import visible

Clean = Callable[[str], str]


class Teller:
    """One run's events. A listener that raises is dropped with one warning, and never breaks the run."""

    def __init__(self, run: str, flow: str, listeners: Sequence[Listener], clean: Clean) -> None:
        self._run, self._flow, self._mask = run, flow, clean
        self._listeners = list(listeners)
        self._lock = threading.RLock()

    def first(self, listener: Listener) -> None:
        """Tell this listener before all others from now on."""
        self._listeners.insert(0, listener)

    def __call__(self, name: EventName, **what: Any) -> None:
        """Tell that `name` happened; what is free text is cleaned first."""
        cleaned = {key: self._cleaned(key, value) for key, value in what.items()}
        with self._lock:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            event = Event(name, now, self._run, self._flow, **cleaned)
            for listener in list(self._listeners):
                try:
                    listener(event)
                except Exception as error:
                    self._listeners.remove(listener)
                    self("warning", message=f"a listener failed and is left out: {_reason(error)}")

    def _cleaned(self, key: str, value: Any) -> Any:
        if key == "message":
            return self._clean(value)
        if isinstance(value, Failure):
            return self.failure(value)
        return value

    def failure(self, failure: Failure) -> Failure:
        """Return the failure in words that hold no secret, and nothing that a terminal obeys."""
        return failure._replace(message=self._clean(failure.message), help=self._clean(failure.help))

    def _clean(self, text: str) -> str:
        return visible(self._mask(text))


def _reason(error: Exception) -> str:
    """Say why a listener failed, in words of the system or none: those of the error may hold anything."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    return type(error).__name__
