"""What a run records is what is found afterwards: the same in SQLite and in PostgreSQL."""

import threading
from typing import Any

import pytest

from firn_runtime.errors import LeaseLost, StateError
from firn_runtime.state import Fence, State
from runtime.state.conftest import Open
from runtime.state.rows import NOW, job, run, step, taken


def test_a_run_is_found_as_it_was_recorded(state: State) -> None:
    begun = run(plan={"main.load": "sha256:9", "ü": [1, 2.5, None, True]})
    state.begin(begun, [])
    assert state.find("shop", "r1") == begun
    state.run_finished("shop", "r1", "SUCCESS", "2026-01-02T03:05:00+00:00", 55, [])
    assert state.find("shop", "r1") == begun._replace(
        status="SUCCESS", finished_at="2026-01-02T03:05:00+00:00", seconds=55.0
    )


def test_what_was_never_recorded_is_not_found(state: State) -> None:
    assert (state.find("shop", "r1"), state.last("shop"), state.runs(), state.locks()) == (None, None, [], [])
    assert (state.steps("shop", "r1"), state.jobs("shop", "r1"), state.break_lock(Fence("k", 1))) == ([], [], None)


def test_a_flow_has_one_run_of_a_name(state: State) -> None:
    state.begin(run(), [])
    state.begin(run(), [])  # the same once more: a commit whose answer was lost
    state.begin(run(flow="other"), [])
    with pytest.raises(StateError, match="the flow `shop` has a run `r1` already") as caught:
        state.begin(run(seed=8), [])
    assert caught.value.code == "R401"
    assert state.find("shop", "r1") == run()


def test_the_last_run_is_the_one_that_began_last_whatever_the_clock_said(state: State) -> None:
    state.begin(run("r1", started_at="2026-01-02T00:00:00"), [])
    state.begin(run("r2", started_at="2020-01-01T00:00:00"), [])
    state.begin(run("r3", flow="other", started_at="2026-01-03T00:00:00"), [])
    assert state.last("shop") == "r2"
    assert [one.run for one in state.runs()] == ["r3", "r2", "r1"]
    assert [one.run for one in state.runs("shop")] == ["r2", "r1"]
    assert [one.run for one in state.runs(limit=2)] == ["r3", "r2"]


def test_a_resumed_run_runs_again_under_its_new_artifact(state: State) -> None:
    state.begin(run(), [])
    state.run_finished("shop", "r1", "FAILED", NOW, 1.0, [])
    for times in (1, 2):
        state.resume("shop", "r1", "sha256:new", {"a": times}, [])
        assert state.find("shop", "r1") == run(artifact="sha256:new", resumed=times, plan={"a": times})
    with pytest.raises(StateError, match="the flow `shop` has no run `r9`"):
        state.resume("shop", "r9", "sha256:new", {}, [])


def test_a_step_is_found_with_its_latest_attempt(state: State) -> None:
    state.step_started("shop", "r1", step(), [], durable=False)
    error = {"code": "R301", "class": "connection", "message": "a connection failed", "help": ""}
    state.step_finished("shop", "r1", step(status="FAILED", seconds=0.5, error=error), [])
    assert state.steps("shop", "r1") == [step(status="FAILED", seconds=0.5, error=error)]
    state.step_started("shop", "r1", step(attempt=2), [], durable=True)
    assert state.steps("shop", "r1") == [step(attempt=2)]
    done = step(attempt=2, status="SUCCESS", seconds=2.0, rows=2**40, bytes=0, results={"n": "ü"}, dataset="x.parquet")
    state.step_finished("shop", "r1", done, [])
    assert state.steps("shop", "r1") == [done]
    assert state.steps("shop", "r2") == []


def test_steps_come_in_the_order_of_their_starts(state: State) -> None:
    for name, started in (("b", "2026-01-01T00:00:01"), ("a", "2026-01-01T00:00:02"), ("c", "2026-01-01T00:00:00")):
        state.step_started("shop", "r1", step(name, started_at=started), [], durable=False)
    assert [one.step for one in state.steps("shop", "r1")] == ["c", "b", "a"]


def test_a_job_is_found_with_its_outputs(state: State) -> None:
    state.job_finished("shop", "r1", job("z", status="FAILED", outputs={}, seconds=None), [])
    state.job_finished("shop", "r1", job("z"), [])
    state.job_finished("shop", "r1", job("a", error={"code": "R307"}), [])
    assert state.jobs("shop", "r1") == [job("a", error={"code": "R307"}), job("z")]


@pytest.mark.parametrize("value", ["\udc80 no Unicode", 10**30, {1: 2}, "nul \0 and ' and % and ?", float("nan")])
def test_an_error_is_kept_whatever_it_says(state: State, value: Any) -> None:
    state.step_finished("shop", "r1", step(status="FAILED", error={"code": "R307", "message": value}), [])
    found: Any = state.steps("shop", "r1")[0].error
    assert found["code"] == "R307"


def test_what_was_recorded_is_there_for_the_next_process(opened: Open) -> None:
    first = opened()
    first.begin(run(), [])
    first.step_finished("shop", "r1", step(status="SUCCESS"), [])
    first.close()
    assert opened().steps("shop", "r1") == [step(status="SUCCESS")]
    assert opened(read_only=True).last("shop") == "r1"


def test_reading_alone_makes_nothing_and_says_so(opened: Open) -> None:
    for _ in range(2):
        with pytest.raises(StateError, match="there is no state") as caught:
            opened(read_only=True)
    assert caught.value.code == "R401"


def test_who_only_reads_cannot_write(opened: Open) -> None:
    opened().begin(run(), [])
    reader = opened(read_only=True)
    with pytest.raises(StateError, match="read-only"):
        reader.begin(run("r2"), [])
    assert reader.find("shop", "r1") == run()
    assert opened().find("shop", "r2") is None


WRITES = {
    "begin": lambda state, guards: state.begin(run("r2"), guards),
    "resume": lambda state, guards: state.resume("shop", "r1", "sha256:new", {}, guards),
    "step_started": lambda state, guards: state.step_started("shop", "r1", step(), guards, durable=False),
    "step_finished": lambda state, guards: state.step_finished("shop", "r1", step(status="FAILED"), guards),
    "job_finished": lambda state, guards: state.job_finished("shop", "r1", job("late"), guards),
    "run_finished": lambda state, guards: state.run_finished("shop", "r1", "FAILED", NOW, 1.0, guards),
}


def everything(state: State) -> Any:
    return state.runs(), state.steps("shop", "r1"), state.jobs("shop", "r1")


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_a_write_under_a_stale_fence_changes_nothing(state: State, write: Any) -> None:
    state.begin(run(), [])
    good, stale = taken(state, "good"), taken(state, "lost")
    state.break_lock(stale)
    before = everything(state)
    with pytest.raises(LeaseLost, match="the lock `lost` is no longer held by this run: it was released or broken"):
        write(state, [good, stale])
    newer = taken(state, "lost")
    with pytest.raises(LeaseLost, match=r"run `r1` on `.+` \(process \d+\) took it") as caught:
        write(state, [stale])
    assert (caught.value.code, caught.value.exit_code) == ("R405", 5)
    assert everything(state) == before
    write(state, [good, newer])
    assert everything(state) != before


def test_a_fence_that_nobody_ever_got_guards_nothing(state: State) -> None:
    with pytest.raises(LeaseLost):
        state.begin(run(), [Fence("unknown", 1)])
    assert state.runs() == []


def test_threads_of_a_run_write_beside_each_other(state: State) -> None:
    fence = taken(state)

    def work(number: int) -> None:
        for count in range(20):
            name = f"s{number}-{count}"
            state.step_started("shop", "r1", step(name), [fence], durable=False)
            state.step_finished("shop", "r1", step(name, status="SUCCESS"), [fence])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.status for one in state.steps("shop", "r1")] == ["SUCCESS"] * 80
