"""Tokens and keys that are kept while they hold: when they are asked for again, by whom, and who learns of them."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from firn_runtime.cancel import Ended, Token, working_for
from firn_runtime.connectors.credentials.issued import Issued, Kept, lifetime
from firn_runtime.errors import ConnectorError
from firn_runtime.events import Failure
from firn_schemas.secret import Secret


class Issuer:
    """Gives numbers that hold for so many seconds by its clock; fails while it is down."""

    def __init__(self, seconds: float, margin: float = 60) -> None:
        self.seconds, self.now, self.given, self.down = seconds, 0.0, 0, False
        self.learned: list[str] = []
        self.kept = Kept(self._issue, lambda one: self.learned.append(one.reveal()), margin, lambda: self.now)

    def _issue(self) -> Issued[int]:
        if self.down:
            raise ConnectorError("connection", "nobody answers")
        self.given += 1
        return Issued(self.given, self.seconds, (Secret(f"token-{self.given}"),))

    def after(self, seconds: float) -> int:
        self.now += seconds
        return self.kept()


@pytest.mark.parametrize(
    ("life", "margin", "due"), [(3600, 60, 3540), (3600, 300, 3300), (400, 300, 200), (60, 60, 30)]
)
def test_it_is_asked_for_again_a_margin_before_its_end_or_at_half_its_life(
    life: float, margin: float, due: float
) -> None:
    issuer = Issuer(life, margin)
    assert [issuer.after(0), issuer.after(due - 1), issuer.after(1)] == [1, 1, 2]


def test_what_does_not_say_when_it_ends_is_used_until_it_is_refused() -> None:
    issuer = Issuer(float("inf"))
    assert [issuer.after(0), issuer.after(1e9)] == [1, 1]
    issuer.kept.give_up(lambda value: value == 1)
    issuer.kept.give_up(lambda value: value == 1)
    assert [issuer.after(0), issuer.after(0)] == [2, 2]


def test_what_was_refused_after_it_was_renewed_is_not_given_up_again() -> None:
    issuer = Issuer(3600)
    issuer.after(0)
    issuer.kept.give_up(lambda value: value == 1)
    issuer.after(0)
    issuer.kept.give_up(lambda value: value == 1)
    assert (issuer.after(0), issuer.given) == (2, 2)


def test_what_has_ended_when_it_comes_is_used_once() -> None:
    issuer = Issuer(0)
    assert [issuer.after(0), issuer.after(0)] == [1, 2]


def test_an_issuer_that_fails_is_no_failure_while_the_old_one_holds() -> None:
    issuer = Issuer(3600)
    issuer.after(0)
    issuer.down = True
    assert issuer.after(3541) == 1
    issuer.down = False
    assert issuer.after(9) == 1  # it is not asked at every use
    assert issuer.after(1) == 2


def test_an_issuer_that_fails_after_the_end_is_a_failure() -> None:
    issuer = Issuer(3600)
    issuer.after(0)
    issuer.down = True
    with pytest.raises(ConnectorError, match="nobody answers"):
        issuer.after(3600)


def test_everything_secret_is_learned_before_it_is_used() -> None:
    issuer = Issuer(3600)
    issuer.after(0)
    assert issuer.learned == ["token-1"]


def test_many_threads_ask_once() -> None:
    inside, given = threading.Event(), list[int]()

    def issue() -> Issued[int]:
        inside.wait(10)
        given.append(1)
        return Issued(7, 3600, ())

    kept = Kept(issue, lambda _: None, 60)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(kept) for _ in range(8)]
        inside.set()
        assert [one.result() for one in asked] == [7] * 8
    assert given == [1]


def test_who_waits_for_another_thread_s_exchange_hears_that_it_shall_end() -> None:
    inside, done = threading.Event(), threading.Event()

    def issue() -> Issued[int]:
        inside.set()
        done.wait(10)
        return Issued(7, 3600, ())

    kept, token = Kept(issue, lambda _: None, 60), Token()

    def wait() -> int:
        with working_for(token):
            return kept()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(kept)
        inside.wait(10)
        second = pool.submit(wait)
        token.cancel(Failure("R301", "timeout", "too long"))
        with pytest.raises(Ended):
            second.result(10)
        done.set()
        assert first.result(10) == 7


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (3600, 3600),
        ("3599", 3599),
        (12.5, 12.5),
        (0, 0),
        (-5, 0),
        ("-5", 0),
        (None, float("inf")),
        ("soon", float("inf")),
        (True, float("inf")),
        ("nan", float("inf")),
        ("1e999", float("inf")),
        ([1], float("inf")),
        ({}, float("inf")),
    ],
)
def test_a_lifetime_is_read_as_servers_spell_it(said: object, seconds: float) -> None:
    assert lifetime(said) == seconds
