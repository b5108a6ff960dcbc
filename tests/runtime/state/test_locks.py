"""One holder at a time, whatever happens to it: the same in SQLite and in PostgreSQL."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.errors import LeaseLost
from firn_runtime.state import Fence, LockRow, State
from runtime.state.conftest import Settings
from runtime.state.puppet import puppet
from runtime.state.rows import run, step, taken


def test_a_lock_that_is_held_is_not_given_away(state: State) -> None:
    assert state.acquire("k", {"run": "r1", "flow": "shop"}, 60) == 1
    lock = state.acquire("k", {"run": "r2"}, 60)
    assert isinstance(lock, LockRow)
    assert (lock.key, lock.fence, lock.ttl_seconds, lock.held) == ("k", 1, 60.0, True)
    assert 0 < lock.expires_in <= 60
    assert {"run": "r1", "flow": "shop", "pid": os.getpid(), "host": os.uname().nodename}.items() <= lock.owner.items()
    assert str(lock.owner["since"]).startswith("20")
    assert state.acquire("other", {}, 60) == 1


def test_tokens_of_a_key_only_grow(state: State) -> None:
    tokens = []
    for _ in range(3):
        fence = taken(state)
        state.release(fence)
        tokens.append(fence.token)
        taken(state)
        state.break_lock(Fence(fence.key, fence.token + 1))
    assert tokens == [1, 3, 5]


def test_only_its_holder_renews_and_frees_a_lock(state: State) -> None:
    old = taken(state, "k")
    state.break_lock(old)
    new = taken(state, "k")
    assert state.renew(old, 60) is False
    state.release(old)
    assert state.renew(new, 60) is True
    assert state.acquire("k", {}, 60) != 3
    state.release(new)
    assert state.renew(new, 60) is False
    assert state.acquire("k", {}, 60) == 3


def test_locks_are_listed_until_they_are_released(state: State) -> None:
    first, second = taken(state, "a"), taken(state, "b")
    assert [(lock.key, lock.fence, lock.held) for lock in state.locks()] == [("a", 1, True), ("b", 1, True)]
    state.release(first)
    assert [lock.key for lock in state.locks()] == ["b"]
    broken = state.break_lock(second)
    assert broken is not None
    assert (broken.key, broken.owner["run"], broken.held) == ("b", "r1", True)
    assert state.locks() == []


def test_a_lock_is_taken_from_the_holder_who_was_seen_and_from_no_other(state: State) -> None:
    seen = taken(state, "k")
    state.release(seen)
    now = taken(state, "k")
    assert state.break_lock(seen) is None
    assert state.renew(now, 60)


def until_free(state: State, key: str) -> int:
    while not isinstance(token := state.acquire(key, {}, 60), int):
        time.sleep(0.02)
    return token


def test_a_lease_that_ran_out_is_taken_over_and_writes_no_more(state: State) -> None:
    old = taken(state, "k", ttl=0.2)
    time.sleep(0.25)
    with pytest.raises(LeaseLost, match=r"its lease ran out \d+\.\d s ago"):
        state.begin(run(), [old])
    (lock,) = state.locks()
    assert (lock.held, lock.expires_in < 0) == (False, True)
    assert state.acquire("k", {}, 60) == 2
    with pytest.raises(LeaseLost, match="took it"):
        state.begin(run(), [old])
    assert state.runs() == []


def test_renewing_a_lease_keeps_others_out(state: State) -> None:
    fence = taken(state, "k", ttl=0.3)
    for _ in range(6):
        time.sleep(0.1)
        assert state.renew(fence, 0.3)
        assert isinstance(state.acquire("k", {}, 60), LockRow)


def test_a_lock_whose_process_was_killed_is_free_at_once(settings: Settings, state: State) -> None:
    with puppet(settings) as other:
        assert other.ask("acquire", "k", 3600) == 1
        assert isinstance(state.acquire("k", {}, 60), LockRow)
        os.kill(other.pid, signal.SIGKILL)
        assert until_free(state, "k") == 2  # also while nobody has waited for the dead process


def test_a_killed_process_is_shown_as_gone(settings: Settings, state: State) -> None:
    with puppet(settings) as other:
        other.ask("acquire", "k", 3600)
    (lock,) = state.locks()
    assert (lock.held, lock.expires_in < 0, lock.owner["run"]) == (False, True, "puppet")


def test_a_process_that_was_paused_past_its_lease_cannot_write(settings: Settings, state: State) -> None:
    with puppet(settings) as other:
        token = other.ask("acquire", "k", 0.3)
        os.kill(other.pid, signal.SIGSTOP)
        assert until_free(state, "k") == token + 1
        other.send("finish", "late", "k", token)
        os.kill(other.pid, signal.SIGCONT)
        assert other.answer() == "R405"
        state.step_finished("shop", "r1", step("mine"), [Fence("k", token + 1)])
    assert [one.step for one in state.steps("shop", "r1")] == ["mine"]


def test_a_process_that_was_paused_cannot_write_even_where_nobody_took_its_lock(
    settings: Settings, state: State
) -> None:
    with puppet(settings) as other:
        token = other.ask("acquire", "k", 0.2)
        os.kill(other.pid, signal.SIGSTOP)
        time.sleep(0.3)
        other.send("finish", "late", "k", token)
        os.kill(other.pid, signal.SIGCONT)
        assert other.answer() == "R405"
    assert state.steps("shop", "r1") == []


def test_two_processes_race_for_a_lock(settings: Settings, state: State, tmp_path: Path) -> None:
    times = 200
    with puppet(settings) as first, puppet(settings) as second:
        for one in (first, second):
            one.send("race", "k", times, str(tmp_path))
        tokens: list[Any] = [first.answer(), second.answer()]
    assert tokens == [sorted(tokens[0]), sorted(tokens[1])]
    assert sorted(tokens[0] + tokens[1]) == list(range(1, 2 * times + 1))
    assert len(state.steps("shop", "r1")) == 2 * times
