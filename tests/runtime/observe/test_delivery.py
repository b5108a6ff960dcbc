"""What leaves a run through a queue of its own: without waiting, within a deadline, and with one complaint."""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from firn_runtime.events import Event
from firn_runtime.observe.delivery import Outbox, Undelivered
from firn_runtime.observe.sinks import Sink, Sinks

AT = "2026-01-02T03:04:05.000+00:00"


class By(NamedTuple):
    """A carrier that is one function."""

    deliver: Callable[[list[Any]], Any]
    close: Callable[[], None] = lambda: None


def long_from_now() -> float:
    return time.monotonic() + 60


def test_what_is_put_arrives_in_order_before_the_end() -> None:
    arrived: list[Any] = []
    outbox = Outbox("test", By(arrived.extend, lambda: arrived.append("closed")))
    outbox.put([1, 2])
    outbox.put([3])
    outbox.end()
    outbox.wait(long_from_now())
    assert (arrived, outbox.problem) == ([1, 2, 3, "closed"], None)


def test_what_is_put_arrives_while_the_run_goes_on() -> None:
    arrived = [threading.Event(), threading.Event()]
    outbox = Outbox("test", By(lambda batch: [arrived[one].set() for one in batch]))
    for number, event in enumerate(arrived):
        outbox.put([number])
        assert event.wait(60)
    outbox.end()
    outbox.wait(long_from_now())


def test_an_outbox_into_which_nothing_is_put_has_no_thread() -> None:
    before = threading.active_count()
    outbox = Outbox("test", By(lambda _: None))
    outbox.put([])
    assert threading.active_count() == before
    outbox.end()
    outbox.wait(long_from_now())
    assert outbox.problem is None


def test_a_receiver_that_is_busy_is_asked_again() -> None:
    answers = iter([Undelivered("busy", again=True)])
    arrived: list[Any] = []

    def deliver(batch: list[Any]) -> None:
        for error in answers:
            raise error
        arrived.extend(batch)

    outbox = Outbox("test", By(deliver))
    outbox.put([1])
    outbox.end()
    outbox.wait(long_from_now())
    assert (arrived, outbox.problem) == ([1], None)


def test_what_is_refused_is_left_out_and_the_next_is_sent() -> None:
    refused, arrived = threading.Event(), []

    def deliver(batch: list[Any]) -> None:
        if batch[0] == 1:
            refused.set()
            raise Undelivered("no")
        arrived.extend(batch)

    outbox = Outbox("test", By(deliver))
    outbox.put([1])
    assert refused.wait(60)
    outbox.put([2])
    outbox.end()
    outbox.wait(long_from_now())
    assert (arrived, outbox.problem) == ([2], "no")


def test_a_receiver_that_takes_nothing_fills_the_queue_and_no_more() -> None:
    free, taken = threading.Event(), []

    def deliver(batch: list[Any]) -> None:
        taken.extend(batch)
        free.wait(60)

    outbox = Outbox("test", By(deliver))
    for _ in range(60):
        outbox.put([b"x" * 1_000_000])
    assert outbox.problem == "more than 32 MB wait for their receiver"
    free.set()
    outbox.end()
    outbox.wait(long_from_now())
    assert 33 <= len(taken) < 60


def test_what_comes_at_once_is_taken_at_once() -> None:
    """Measurements of many thousand steps are put together at the end of a run."""
    arrived: list[Any] = []
    outbox = Outbox("test", By(arrived.extend))
    outbox.put(range(100_000))
    outbox.end()
    outbox.wait(long_from_now())
    assert (len(arrived), outbox.problem) == (100_000, None)


def test_the_end_of_a_run_does_not_wait_for_a_receiver_that_does_not_answer() -> None:
    free = threading.Event()
    outbox = Outbox("test", By(lambda _: free.wait(60)))
    outbox.put([1])
    outbox.end()
    outbox.wait(time.monotonic())
    assert outbox.problem == "the receiver did not take all of it before the deadline at the end of the run"
    free.set()


def test_an_error_of_ones_own_is_a_problem_without_its_text() -> None:
    def deliver(batch: list[Any]) -> None:
        raise ValueError("s3cret")

    outbox = Outbox("test", By(deliver))
    outbox.put([1])
    outbox.end()
    outbox.wait(long_from_now())
    assert outbox.problem == "an internal error (ValueError)"


def refusing(batch: list[Any]) -> None:
    raise Undelivered("it says no")


def test_each_sink_complains_once_and_before_others_hear_the_end() -> None:
    said: list[str] = []
    sinks = Sinks(
        [Sink(what, lambda event: [event], Outbox(what, By(refusing))) for what in ("spans", "events")], said.append
    )
    for name in ("run.started", "run.finished", "run.finished"):
        sinks(Event(name, AT, "r", "f"))
    assert said == ["spans are not all sent: it says no", "events are not all sent: it says no"]
