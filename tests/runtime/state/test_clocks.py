"""Leases in a file: measured by a clock that nobody can set, on every machine that it matters."""

import os
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.state import Fence, LockRow, State
from firn_runtime.state.machine import FIRST_PID_NAMESPACE, Clocks, Identity, ended, rebooted, this_process
from firn_runtime.state.sqlite import SqliteDatabase

YEAR = 365 * 86400.0
MACHINE = this_process()._replace(host="worker", machine="m1", boot="b1", pid_namespace=FIRST_PID_NAMESPACE)
CONTAINER = MACHINE._replace(pid_namespace="pid:[4026532000]")


def seen_from(folder: Path, here: Identity, wall: float, boot: float) -> State:
    """Open the file as a process whose clocks stand at these times."""
    clocks = Clocks(lambda: wall, lambda: boot)
    return State(SqliteDatabase(folder / "state.db", clocks, here.boot), here, clocks)


def is_free(folder: Path, here: Identity, wall: float, boot: float) -> bool:
    state = seen_from(folder, here, wall, boot)
    answer = state.acquire("k", {}, 60)
    state.close()
    return not isinstance(answer, LockRow)


def hold(folder: Path, here: Identity = MACHINE, *, wall: float = YEAR * 56, boot: float = 1000.0) -> None:
    state = seen_from(folder, here, wall, boot)
    assert state.acquire("k", {}, 60) == 1
    state.close()


@pytest.mark.parametrize("moved", [-YEAR, -61, 61, YEAR], ids=["a year back", "back", "forward", "a year forward"])
def test_a_wall_clock_that_is_set_frees_no_lock_and_keeps_none(tmp_path: Path, moved: float) -> None:
    hold(tmp_path)
    assert not is_free(tmp_path, MACHINE, YEAR * 56 + moved, 1059.0)
    assert is_free(tmp_path, MACHINE, YEAR * 56 + moved, 1060.0)


def test_containers_of_one_kernel_share_its_clock(tmp_path: Path) -> None:
    hold(tmp_path, CONTAINER)
    other = CONTAINER._replace(host="elsewhere", pid_namespace="pid:[4026532999]")
    assert not is_free(tmp_path, other, YEAR * 57, 1059.0)
    assert is_free(tmp_path, other, YEAR * 55, 1061.0)


def test_who_held_a_lock_when_the_machine_was_started_anew_is_gone(tmp_path: Path) -> None:
    hold(tmp_path)
    assert is_free(tmp_path, MACHINE._replace(boot="b2"), YEAR * 56 - 7, 3.0)


@pytest.mark.parametrize(
    "other",
    [
        MACHINE._replace(boot="b2", host="other"),
        MACHINE._replace(boot="b2", machine="m2"),
        CONTAINER._replace(boot="b2"),
        CONTAINER._replace(boot="b2", machine=""),
    ],
    ids=["another name", "another id", "a container", "a container without an id"],
)
def test_between_machines_the_wall_clock_counts(tmp_path: Path, other: Identity) -> None:
    hold(tmp_path)
    now = YEAR * 56
    assert not is_free(tmp_path, other, now - YEAR, 5000.0)
    assert not is_free(tmp_path, other, now + 59, 5000.0)
    assert is_free(tmp_path, other, now + 60, 5.0)


def test_two_containers_of_one_image_are_never_taken_for_one_machine() -> None:
    owner = CONTAINER._replace(boot="b1")._asdict()
    assert not rebooted(owner, CONTAINER._replace(boot="b2"))
    assert not rebooted(owner, MACHINE._replace(boot="b2"))
    assert not rebooted(MACHINE._asdict(), CONTAINER._replace(boot="b2"))
    assert rebooted(MACHINE._asdict(), MACHINE._replace(boot="b2"))
    assert not rebooted(MACHINE._asdict(), MACHINE)


def test_a_process_is_gone_only_if_its_own_kernel_says_so() -> None:
    here = this_process()
    mine: dict[str, Any] = here._asdict()
    assert not ended(mine, here)
    assert ended(mine | {"process_started": here.process_started + 1}, here)  # its number went to another process
    assert ended(mine | {"pid": 2**22 + 1}, here)
    nobody = {"pid": 2**22 + 1}
    for field in ("host", "boot", "pid_namespace"):
        assert not ended(mine | nobody | {field: "another"}, here)
        untold: Any = {field: ""}
        assert not ended(mine | nobody | untold, here._replace(**untold))
    assert not ended({}, here)


def test_a_process_that_nobody_waited_for_is_gone() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # it is a zombie from here on
    here = this_process()
    assert ended(here._asdict() | {"pid": pid}, here)
    os.waitpid(pid, 0)


def test_a_fence_of_a_younger_state_is_larger_for_those_who_outlive_both(tmp_path: Path) -> None:
    """A state that was lost begins its tokens anew; what it published must not keep its successor out."""

    def fences(name: str, wall: float) -> list[int]:
        (tmp_path / name).mkdir()
        state = seen_from(tmp_path / name, MACHINE, wall, 1000.0)
        found = []
        for _ in range(3):
            token = state.acquire("k", {}, 60)
            assert isinstance(token, int)
            found.append(state.fence_of(Fence("k", token)))
            state.release(Fence("k", token))
        state.close()
        return found

    lost = fences("lost", YEAR * 56)
    assert lost == sorted(set(lost))
    assert max(lost) < min(fences("new", YEAR * 56 + 2))
