"""Events to spans: one for the run, in it one for each job, in these one for each step; attempts are events of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from firn_runtime.events import Event, Failure
from firn_runtime.observe.identities import Caller, Identities

Scalar = str | int | float | bool
_NOTES = 128
"""Events of one span; what comes then is left out."""


class Note(NamedTuple):
    """An event of a span."""

    time: int
    name: str
    attributes: Mapping[str, Scalar]


class Span(NamedTuple):
    """A span that ended. Times are nanoseconds since 1970."""

    trace: bytes
    id: bytes
    parent: bytes
    name: str
    start: int
    end: int
    attributes: Mapping[str, Scalar]
    notes: tuple[Note, ...]
    status: str | None
    message: str
    """Why it failed."""


class _Open(NamedTuple):
    start: int
    notes: list[Note]


def nanoseconds(time: str) -> int:
    """Return the time of an event in nanoseconds since 1970."""
    moment = datetime.fromisoformat(time)
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000


class Spans:
    """Makes spans of the events of one session. `types` holds the type of each (job, step)."""

    def __init__(self, types: Mapping[tuple[str, str], str], caller: Caller | None) -> None:
        self._types, self._caller = types, caller
        self._ids: Identities | None = None
        self._head: dict[str, Scalar] = {}
        self._open: dict[tuple[str, ...], _Open] = {}

    def __call__(self, event: Event) -> list[Span]:
        """Return the span that ended with the event."""
        place = tuple(part for part in (event.job, event.step) if part)
        if event.name == "run.started":
            self._begin(event)
        if event.name.endswith(".started"):
            self._open[place] = _Open(nanoseconds(event.time), [])
        elif event.name.endswith(".finished") and self._ids is not None and place in self._open:
            return [self._ended(event, place, self._ids)]
        elif event.name in _NOTED:
            self._note(place, event)
        return []

    def _begin(self, event: Event) -> None:
        detail = event.detail or {}
        self._ids = Identities(event, self._caller)
        self._head = {"firn.run.id": event.run, "firn.flow.name": event.flow, "firn.run.resumed": _count(detail)}

    def _note(self, place: tuple[str, ...], event: Event) -> None:
        """Keep what happened with the innermost span that is open."""
        while place and place not in self._open:
            place = place[:-1]
        if place in self._open and len(self._open[place].notes) < _NOTES:
            said = _known({"firn.attempt": event.attempt, "firn.wait": event.seconds, "firn.message": event.message})
            if event.job and event.step and len(place) < 2:
                said |= {"firn.job.name": event.job, "firn.step.id": event.step}
            self._open[place].notes.append(Note(nanoseconds(event.time), _NOTED[event.name], said | _why(event.error)))

    def _ended(self, event: Event, place: tuple[str, ...], ids: Identities) -> Span:
        start, notes = self._open.pop(place)
        end = max(start, nanoseconds(event.time))
        failed = [Note(end, "exception", _why(event.error))] if event.error else []
        return Span(
            trace=ids.trace,
            id=ids.span(*place),
            parent=ids.span(*place[:-1]) if place else ids.parent,
            name=f"{_KINDS[len(place)]} {'.'.join(place) or event.flow}",
            start=start,
            end=end,
            attributes=self._head | self._said(event),
            notes=(*notes, *failed),
            status=event.status,
            message=event.error.message if event.error else "",
        )

    def _said(self, event: Event) -> dict[str, Scalar]:
        known: dict[str, Scalar | None] = {
            "firn.job.name": event.job,
            "firn.step.id": event.step,
            "firn.step.type": self._types.get((event.job or "", event.step or "")),
            "firn.status": event.status,
            "firn.rows": event.rows,
            "firn.bytes": event.bytes,
            "firn.attempts": event.attempt,
            "error.type": event.error.code if event.error else None,
        }
        return _known(known)


_KINDS = ("run", "job", "step")
_NOTED = {"step.retried": "firn.retry", "step.reused": "firn.reused", "warning": "firn.warning"}


def _count(detail: Mapping[str, object]) -> int:
    resumed = detail.get("resumed")
    return resumed if isinstance(resumed, int) else 0


def _known(values: Mapping[str, Scalar | None]) -> dict[str, Scalar]:
    return {key: value for key, value in values.items() if value is not None}


def _why(error: Failure | None) -> dict[str, Scalar]:
    """Return a failure in the words of the semantic conventions for exceptions."""
    if error is None:
        return {}
    said = {"exception.type": error.error_class, "exception.message": error.message, "firn.code": error.code}
    return {**said, "firn.help": error.help} if error.help else {**said}
