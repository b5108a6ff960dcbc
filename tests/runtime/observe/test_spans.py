"""Events to spans and measurements, one at a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from firn_runtime.events import Event, EventName
from firn_runtime.observe.identities import Identities
from firn_runtime.observe.measures import BOUNDS, STEP_DURATION, Measures, Spread
from firn_runtime.observe.spans import Span, Spans, nanoseconds

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def event(name: EventName, *place: str, after: int = 0, **what: Any) -> Event:
    job, step = (*place, None, None)[:2]
    time = (START + timedelta(milliseconds=after)).isoformat(timespec="milliseconds")
    return Event(name, time, "r1", "flow", job, step, **what)


def started(run: str = "r1", seed: int = 7, resumed: int = 0) -> Event:
    return event("run.started", detail={"seed": seed, "resumed": resumed})._replace(run=run)


def spans(*events: Event) -> list[Span]:
    make = Spans({("load", "orders"): "read"}, None)
    return [span for one in (started(), *events) for span in make(one)]


def test_times_are_nanoseconds_since_1970_to_the_millisecond() -> None:
    assert nanoseconds("1970-01-01T00:00:01.001+00:00") == 1_001_000_000
    (span,) = spans(event("job.started", "load", after=1), event("job.finished", "load", after=250, status="SUCCESS"))
    assert span.end - span.start == 249_000_000


def test_a_clock_that_is_set_back_makes_no_span_of_negative_length() -> None:
    (span,) = spans(event("job.started", "load", after=10), event("job.finished", "load", after=0, status="SUCCESS"))
    assert span.end == span.start


def test_a_warning_is_an_event_of_the_innermost_span_that_is_open() -> None:
    step, job, run = spans(
        event("job.started", "load"),
        event("warning", "load", "gone", message="about a step that is not at work"),
        event("step.started", "load", "orders"),
        event("warning", "load", "orders", message="about the step"),
        event("warning", message="about the run"),
        event("step.finished", "load", "orders", status="SUCCESS"),
        event("job.finished", "load", status="SUCCESS"),
        event("run.finished", status="SUCCESS"),
    )
    assert [dict(note.attributes) for note in step.notes] == [{"firn.message": "about the step"}]
    assert [dict(note.attributes) for note in run.notes] == [{"firn.message": "about the run"}]
    about = {"firn.message": "about a step that is not at work", "firn.job.name": "load", "firn.step.id": "gone"}
    assert [dict(note.attributes) for note in job.notes] == [about]


def test_a_span_has_only_so_many_events() -> None:
    many = [event("warning", message=str(number)) for number in range(1000)]
    (span,) = spans(*many, event("run.finished", status="SUCCESS"))
    assert len(span.notes) == 128


def test_an_end_without_a_beginning_is_no_span() -> None:
    assert spans(event("step.finished", "load", "orders", status="SUCCESS")) == []
    assert Spans({}, None)(event("run.finished", status="SUCCESS")) == []


def test_ids_are_those_of_the_run_wherever_they_are_made() -> None:
    first, again = Identities(started()), Identities(started())
    assert (first.trace, first.span("a"), first.uuid("a")) == (again.trace, again.span("a"), again.uuid("a"))
    assert (len(first.trace), len(first.span())) == (16, 8)
    resumed = Identities(started(resumed=1))
    assert resumed.trace == first.trace
    assert {resumed.span(), resumed.uuid()}.isdisjoint([first.span(), first.uuid()])


def test_runs_of_one_name_in_two_places_are_two_traces() -> None:
    """A run may be called `nightly` everywhere; its seed is its own."""
    assert Identities(started("nightly", seed=1)).trace != Identities(started("nightly", seed=2)).trace


def test_places_that_read_alike_have_ids_of_their_own() -> None:
    ids = Identities(started())
    assert len({ids.span("a", "b"), ids.span("ab"), ids.span("a"), ids.span()}) == 4


def test_a_value_on_a_bound_is_in_the_bucket_that_ends_there() -> None:
    measures = Measures()
    seconds = (0.0, BOUNDS[0], BOUNDS[0] * 1.01, BOUNDS[-1], BOUNDS[-1] * 2)
    for one in (started(), *(event("step.finished", "a", "b", status="SUCCESS", seconds=each) for each in seconds)):
        assert measures(one) == []
    (point,) = (one for one in measures(event("run.finished", status="SUCCESS")) if one.metric == STEP_DURATION)
    assert isinstance(point.value, Spread)
    buckets = {index: count for index, count in enumerate(point.value.buckets) if count}
    assert buckets == {0: 2, 1: 1, len(BOUNDS) - 1: 1, len(BOUNDS): 1}
    assert (point.value.number, point.value.least, point.value.most) == (5, 0.0, BOUNDS[-1] * 2)
    assert point.value.total == sum(seconds)
