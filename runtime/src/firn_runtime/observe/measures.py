"""Events to measurements: what a session did, summed up when it ends."""

from bisect import bisect_left
from collections.abc import Mapping
from typing import NamedTuple

from firn_runtime.events import Event
from firn_runtime.observe.spans import nanoseconds

BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Upper ends, in seconds, of the histograms' buckets but the last."""


class Metric(NamedTuple):
    """What is measured, in the units of UCUM."""

    name: str
    unit: str
    description: str


RUNS = Metric("firn.runs", "{run}", "Sessions of runs that ended.")
JOBS = Metric("firn.jobs", "{job}", "Jobs that ended.")
STEPS = Metric("firn.steps", "{step}", "Steps that ended.")
ROWS = Metric("firn.rows", "{row}", "Rows that steps read, made or wrote.")
BYTES = Metric("firn.bytes", "By", "Bytes that steps read or wrote, where that is known.")
RETRIES = Metric("firn.retries", "{attempt}", "Attempts of steps after the first.")
RUN_DURATION = Metric("firn.run.duration", "s", "How long sessions of runs took.")
STEP_DURATION = Metric("firn.step.duration", "s", "How long steps took.")

Attributes = tuple[tuple[str, str], ...]


class Spread(NamedTuple):
    """How values are spread: a histogram's point."""

    number: int
    total: float
    least: float
    most: float
    buckets: tuple[int, ...]


class Point(NamedTuple):
    """One measurement over the time from `start` to `end`, in nanoseconds since 1970."""

    metric: Metric
    attributes: Attributes
    start: int
    end: int
    value: int | Spread


class Measures:
    """Sums up the events of one session."""

    def __init__(self) -> None:
        self._start = 0
        self._sums: dict[tuple[Metric, Attributes], int] = {}
        self._spreads: dict[tuple[Metric, Attributes], Spread] = {}

    def __call__(self, event: Event) -> list[Point]:
        """Return every measurement at the end of the run, and nothing before."""
        if event.name == "run.started":
            self._start = nanoseconds(event.time)
        elif event.name == "step.retried":
            self._add(RETRIES, event, 1)
        elif event.name in _COUNTED:
            self._finished(event)
        return self._points(nanoseconds(event.time)) if event.name == "run.finished" else []

    def _finished(self, event: Event) -> None:
        counted, lasting = _COUNTED[event.name]
        self._add(counted, event, 1)
        if event.name == "step.finished":
            self._add(ROWS, event, event.rows)
            self._add(BYTES, event, event.bytes)
        if lasting is not None and event.seconds is not None:
            key = (lasting, _attributes(event))
            self._spreads[key] = _with(self._spreads.get(key), event.seconds)

    def _add(self, metric: Metric, event: Event, count: int | None) -> None:
        if count is not None:
            key = (metric, _attributes(event))
            self._sums[key] = self._sums.get(key, 0) + count

    def _points(self, end: int) -> list[Point]:
        found: Mapping[tuple[Metric, Attributes], int | Spread] = {**self._sums, **self._spreads}
        ordered = sorted(found.items(), key=lambda one: one[0][0].name)
        return [Point(metric, attributes, self._start, end, value) for (metric, attributes), value in ordered]


_COUNTED = {
    "run.finished": (RUNS, RUN_DURATION),
    "job.finished": (JOBS, None),
    "step.finished": (STEPS, STEP_DURATION),
}


def _attributes(event: Event) -> Attributes:
    known = {"firn.flow.name": event.flow, "firn.job.name": event.job, "firn.step.id": event.step}
    return tuple((key, value) for key, value in (known | {"firn.status": event.status}).items() if value is not None)


def _with(before: Spread | None, value: float) -> Spread:
    """Return the spread with one more value."""
    number, total, least, most, buckets = before or (0, 0.0, value, value, (0,) * (len(BOUNDS) + 1))
    at = bisect_left(BOUNDS, value)
    grown = (*buckets[:at], buckets[at] + 1, *buckets[at + 1 :])
    return Spread(number + 1, total + value, min(least, value), max(most, value), grown)
