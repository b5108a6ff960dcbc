"""A lease is renewed while the work goes on, and its loss is noticed: the same in SQLite and in PostgreSQL."""

import os
import threading
import time
from pathlib import Path

import pytest

from firn_runtime.errors import LeaseLost, LockHeld
from firn_runtime.state import Lease, LockRow, State
from firn_runtime.state.machine import Clocks, boot_seconds, this_process
from firn_runtime.state.sqlite import SqliteDatabase
from runtime.state.conftest import Open
from runtime.state.rows import run, taken


def test_a_lock_is_held_while_the_block_runs(state: State) -> None:
    with Lease(state, "k", {"run": "r1"}, 60) as lease:
        lease.check()
        assert lease.fence == ("k", 1)
        state.begin(run(), [lease.fence])
        assert isinstance(state.acquire("k", {}, 60), LockRow)
    assert state.acquire("k", {}, 60) == 2


def test_a_lock_is_freed_when_the_block_fails(state: State) -> None:
    with pytest.raises(ZeroDivisionError), Lease(state, "k", {}, 60):
        raise ZeroDivisionError
    assert state.acquire("k", {}, 60) == 2


def test_a_lease_outlives_its_time_while_it_is_renewed(state: State) -> None:
    with Lease(state, "a", {}, 2) as first, Lease(state, "b", {}, 3) as second:
        time.sleep(4)
        first.check()
        second.check()
        state.begin(run(), [first.fence, second.fence])
        threads = [thread.name for thread in threading.enumerate()]
        assert threads.count("firn-leases") == 1
    assert state.locks() == []


def test_the_thread_ends_with_the_last_lease(state: State) -> None:
    with Lease(state, "k", {}, 60):
        keepers = [thread for thread in threading.enumerate() if thread.name == "firn-leases"]
    for thread in keepers:
        thread.join(10)
    assert [thread.is_alive() for thread in keepers] == [False] * len(keepers)
    assert keepers


def test_a_lock_that_is_held_names_its_holder(state: State) -> None:
    state.acquire("nightly", {"run": "r7"}, 60)
    with pytest.raises(LockHeld) as caught, Lease(state, "nightly", {}, 60):
        pass
    host, pid = os.uname().nodename, os.getpid()
    assert caught.value.message.startswith(
        f"the lock `nightly` is held by run `r7` on `{host}` (process {pid}) since 20"
    )
    assert (caught.value.code, caught.value.exit_code) == ("R404", 5)
    assert "--wait" in caught.value.help


def test_a_lease_waits_for_the_lock(state: State) -> None:
    state.acquire("k", {}, 0.5)
    with Lease(state, "k", {}, 60, wait=30) as lease:
        assert lease.fence.token == 2


def test_waiting_ends_when_the_run_is_to_stop(state: State) -> None:
    state.acquire("k", {}, 60)
    with pytest.raises(LockHeld), Lease(state, "k", {}, 60, wait=3600, stopping=lambda: True):
        pass


def test_a_broken_lock_is_noticed_once(opened: Open) -> None:
    state, other = opened(), opened()
    lost = threading.Event()
    calls: list[int] = []

    def on_lost() -> None:
        calls.append(1)
        lost.set()

    with Lease(state, "k", {}, 0.6, on_lost=on_lost) as lease:
        other.break_lock(lease.fence)
        assert lost.wait(30)
        assert lease.lost
        with pytest.raises(LeaseLost, match="the lock `k` is no longer held by this run") as caught:
            lease.check()
        mine = taken(other, "k")
    assert (caught.value.code, calls) == ("R405", [1])
    assert other.renew(mine, 60)  # what is lost is not freed for somebody else


def test_a_process_that_slept_past_its_lease_notices_before_it_writes(tmp_path: Path) -> None:
    asleep = [0.0]
    clocks = Clocks(boot=lambda: boot_seconds() + asleep[0])
    here = this_process()
    state = State(SqliteDatabase(tmp_path / "state.db", clocks, here.boot), here, clocks)
    calls: list[int] = []
    with Lease(state, "k", {}, 3600, on_lost=lambda: calls.append(1)) as lease:
        lease.check()
        asleep[0] = 3700
        for _ in range(2):
            with pytest.raises(LeaseLost, match="could not be renewed for 3700 s, and its lease is 3600 s"):
                lease.check()
        with pytest.raises(LeaseLost, match=r"ran out 10\d\.\d s ago"):
            state.begin(run(), [lease.fence])
    assert calls == [1]
    state.close()


def test_a_state_that_is_closed_waits_for_what_its_keeper_does(opened: Open) -> None:
    """Whatever the keeper's thread is doing at that moment: it never meets a database that was closed."""
    for _ in range(20):
        state = opened()
        state.keeper.keep(Restless(state))
        time.sleep(0.002)
        state.close()


class Restless:
    """Wants to be looked after all the time, and writes whenever it is."""

    due = 0.0

    def __init__(self, state: State) -> None:
        self.state = state

    def attend(self) -> None:
        self.state.acquire("restless", {}, 60)
