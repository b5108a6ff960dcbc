"""One act for many items: results in order, the first error, and an end that all of them hear."""

import threading

import pytest

from firn_runtime.cancel import Ended, Token, current, working_for
from firn_runtime.events import Failure
from firn_runtime.parallel import each

LATE = Failure("R302", "timeout", "late")


def test_results_come_in_the_order_of_the_items() -> None:
    turn = threading.Barrier(3, timeout=30)

    def act(item: int) -> int:
        turn.wait()
        return item * 2

    assert each(3, act, range(9)) == [item * 2 for item in range(9)]


def test_nothing_is_done_of_no_items() -> None:
    assert each(3, int, ()) == []


def test_after_the_first_error_those_at_work_end_and_no_other_is_begun() -> None:
    begun: list[int] = []
    ended: list[int] = []
    together, failed = threading.Barrier(2, timeout=30), threading.Event()

    def act(item: int) -> None:
        begun.append(item)
        if item < 2:
            together.wait()
        if item == 0:
            failed.set()
            raise ValueError("the first")
        assert failed.wait(30)
        ended.append(item)

    with pytest.raises(ValueError, match="the first"):
        each(2, act, range(50))
    assert 1 in ended
    assert len(begun) < 50


def test_an_end_that_is_asked_for_is_heard_in_every_thread() -> None:
    token, together = Token(), threading.Barrier(3, timeout=30)

    def act(_: int) -> None:
        if together.wait() == 0:
            token.cancel(LATE)
        current().wait(30)

    with working_for(token), pytest.raises(Ended) as caught:
        each(3, act, range(10))
    assert caught.value.reason == LATE
