"""Which job runs when, what is tried again, what is stopped, and that every start has its one end."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firn_runtime import Edge, Options, RunResult, Stop, run_artifact
from firn_runtime.events import Event, Listener
from firn_runtime.state import open_state
from runtime.artifacts import job, payload, resource, spelled, step

ENDLESS = "select sum(sin(range)) as n from range(400000000000)"
NAMES = {"files": "files", "compute": "compute"}
RESOURCES = {"files": resource("files", "local", {"root": "."}), "compute": resource("compute", "duckdb", {})}


def run(
    folder: Path, body: dict[str, Any], *listeners: Listener, stop: Stop | None = None, **options: Any
) -> RunResult:
    return run_artifact(spelled(body), Edge({}, folder, listeners, stop), Options(**options))


def flow(*jobs: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return payload(*jobs, names=NAMES, resources=RESOURCES, **parts)


def sql(id: str, text: str = "select 1 as n", **parts: Any) -> dict[str, Any]:
    return step(id, "sql", sql=text) | parts


def read(id: str = "r", **parts: Any) -> dict[str, Any]:
    return step(id, "read", resource="files", path="in.csv") | parts


def retry(attempts: int, *on: str, backoff: float = 0.01) -> dict[str, Any]:
    return {"max_attempts": attempts, "backoff": backoff, "max_backoff": 1, "on": list(on)}


def at(name: str, act: Callable[[], None]) -> Listener:
    """Return a listener that acts at every event of that name."""
    return lambda event: act() if event.name == name else None


def test_with_one_at_a_time_jobs_run_in_the_artifacts_order(tmp_path: Path) -> None:
    events: list[Event] = []
    body = flow(job("c", sql("x")), job("a", sql("x")), job("d", sql("x"), depends_on=["c"]), job("b", sql("x")))
    run(tmp_path, body, events.append, max_parallel=1)
    assert [event.job for event in events if event.name == "job.started"] == ["c", "a", "d", "b"]


def test_independent_jobs_run_side_by_side_up_to_the_limit(tmp_path: Path) -> None:
    at_work: list[int] = []

    def meet(event: Event) -> None:
        at_work.append({"step.started": 1, "step.finished": -1}.get(event.name, 0))

    slow = "select sum(sin(range)) as n from range(20000000)"
    result = run(tmp_path, flow(*(job(f"j{n}", sql("x", slow)) for n in range(6))), meet, max_parallel=3)
    assert result.status == "SUCCESS"
    most = max(sum(at_work[: end + 1]) for end in range(len(at_work)))
    assert most == 3


def test_a_failed_job_blocks_what_depends_on_it_and_stops_nothing_else(tmp_path: Path) -> None:
    body = flow(job("bad", read()), job("after", sql("x"), depends_on=["bad"]), job("free", sql("x")))
    assert [one.status for one in run(tmp_path, body).jobs] == ["FAILED", "BLOCKED", "SUCCESS"]


def test_fail_fast_ends_what_is_at_work_and_begins_nothing_more(tmp_path: Path) -> None:
    body = flow(job("long", sql("x", ENDLESS)), job("bad", read()), job("free", sql("x")), job("more", sql("x")))
    result = run(tmp_path, body, max_parallel=2, fail_fast=True)
    assert [(one.id, one.status) for one in result.jobs] == [("long", "FAILED"), ("bad", "FAILED")]
    error = result.jobs[0].steps[0].error
    assert error is not None
    assert (error.code, error.message) == ("R309", "the run was stopped: `bad` failed")


def test_a_step_is_tried_again_on_the_named_classes_until_it_succeeds(tmp_path: Path) -> None:
    events: list[Event] = []

    def mend(event: Event) -> None:
        events.append(event)
        if event.name == "step.retried" and event.attempt == 3:
            (tmp_path / "in.csv").write_text("x\n1\n")

    outcome = run(tmp_path, flow(job("a", read(retry=retry(5, "data")))), mend).jobs[0].steps[0]
    assert (outcome.status, outcome.attempts) == ("SUCCESS", 3)
    assert [event.attempt for event in events if event.name == "step.retried"] == [2, 3]


@pytest.mark.parametrize(
    ("rule", "attempts"),
    [(retry(3, "data"), 3), (retry(1, "data"), 1), (retry(3, "connection", "timeout"), 1), (None, 1)],
)
def test_attempts_are_as_many_as_written_and_no_more(tmp_path: Path, rule: Any, attempts: int) -> None:
    starts: Counter[str] = Counter()
    step_ = read() | ({"retry": rule} if rule else {})
    outcome = run(tmp_path, flow(job("a", step_)), lambda event: starts.update([event.name])).jobs[0].steps[0]
    assert (outcome.status, outcome.attempts, starts["step.retried"]) == ("FAILED", attempts, attempts - 1)


def test_the_waits_come_from_the_runs_seed_and_grow_with_full_jitter(tmp_path: Path) -> None:
    def waits(seed_events: list[Event]) -> list[float]:
        return [event.seconds or 0.0 for event in seed_events if event.name == "step.retried"]

    first: list[Event] = []
    body = flow(job("a", read(retry=retry(6, "data", backoff=0.02))))
    run(tmp_path, body, first.append)
    again: list[Event] = []
    run(tmp_path, body, again.append, resume="last")
    assert waits(first) == waits(again)
    assert all(0 <= wait <= 0.02 * 2**number for number, wait in enumerate(waits(first)))
    assert len(set(waits(first))) == 5


def test_a_timeout_stops_the_statement_and_says_which_limit_it_was(tmp_path: Path) -> None:
    result = run(tmp_path, flow(job("a", sql("x", ENDLESS, timeout=0.3)), job("b", sql("x"))))
    error = result.jobs[0].steps[0].error
    assert error is not None
    assert (error.code, error.error_class, error.message) == ("R302", "timeout", "the step did not end within 0.3 s")
    assert result.jobs[1].status == "SUCCESS"


def test_each_attempt_has_the_whole_timeout(tmp_path: Path) -> None:
    outcome = run(tmp_path, flow(job("a", sql("x", ENDLESS, timeout=0.2, retry=retry(2, "timeout"))))).jobs[0].steps[0]
    assert (outcome.attempts, outcome.error and outcome.error.error_class) == (2, "timeout")


def test_a_jobs_timeout_covers_all_its_steps_and_their_attempts(tmp_path: Path) -> None:
    body = flow(job("a", sql("x"), sql("y", ENDLESS, retry=retry(9, "timeout")), sql("z"), timeout=0.5))
    result = run(tmp_path, body).jobs[0]
    assert [(one.id, one.status, one.attempts) for one in result.steps] == [("x", "SUCCESS", 1), ("y", "FAILED", 1)]
    assert result.steps[1].error is not None
    assert result.steps[1].error.message == "the job did not end within 0.5 s"


@pytest.mark.parametrize(
    ("word", "status", "steps"), [("skip_job", "SKIPPED", 1), ("fail", "FAILED", 1), (None, "SUCCESS", 2)]
)
def test_where_there_is_no_data_the_flow_says_what_happens(
    tmp_path: Path, word: str | None, status: str, steps: int
) -> None:
    (tmp_path / "in.csv").write_text("x\n")
    empty = read(**({"on_no_data": word} if word else {}))
    body = flow(job("a", empty, sql("y")), job("b", sql("z"), depends_on=["a"]))
    result = run(tmp_path, body)
    assert (result.jobs[0].status, len(result.jobs[0].steps)) == (status, steps)
    assert result.jobs[1].status == ("SUCCESS" if status == "SUCCESS" else "BLOCKED")


@pytest.mark.parametrize(
    ("items", "minimum", "status"), [([1, 2], 1, "SUCCESS"), ([], 1, "SKIPPED"), ([1], 2, "SKIPPED")]
)
def test_check_items_decides_by_the_number_of_items(tmp_path: Path, items: Any, minimum: int, status: str) -> None:
    check = step("c", "check_items", items=items, min_count=minimum) | {"on_no_data": "skip_job"}
    assert run(tmp_path, flow(job("a", check, sql("x")))).jobs[0].status == status


def test_terminating_lets_the_step_at_work_finish_and_begins_no_other(tmp_path: Path) -> None:
    stop = Stop()

    def ask(event: Event) -> None:
        if event.name == "step.started" and event.step == "x":
            stop.terminate()

    body = flow(job("a", sql("x", "select sum(sin(range)) as n from range(30000000)"), sql("y")), job("b", sql("z")))
    result = run(tmp_path, body, ask, stop=stop, max_parallel=1)
    assert (result.status, result.stopped) == ("FAILED", "terminate")
    assert [[(one.id, one.status) for one in each.steps] for each in result.jobs] == [[("x", "SUCCESS")]]


def test_after_the_grace_what_is_still_at_work_is_ended(tmp_path: Path) -> None:
    stop = Stop()
    result = run(tmp_path, flow(job("a", sql("x", ENDLESS))), at("step.started", stop.terminate), stop=stop, grace=0.2)
    error = result.jobs[0].steps[0].error
    assert error is not None
    assert (error.code, error.message) == ("R309", "the run was stopped by SIGTERM")


def test_a_run_that_had_nothing_left_to_do_was_not_stopped(tmp_path: Path) -> None:
    stop = Stop()
    result = run(tmp_path, flow(job("a", sql("x"))), at("step.finished", stop.terminate), stop=stop)
    assert (result.status, result.stopped) == ("SUCCESS", None)


@pytest.mark.parametrize("when", ["step.started", "job.started", "run.started", "step.retried"])
def test_every_start_has_one_end_however_the_run_is_stopped(tmp_path: Path, when: str) -> None:
    stop = Stop()
    told: list[tuple[str, str | None, str | None]] = []

    def listen(event: Event) -> None:
        told.append((event.name, event.job, event.step))
        if event.name == when:
            stop.interrupt()

    jobs = [job(f"j{n}", sql("x"), read(retry=retry(3, "data", backoff=0.5)), sql("y", ENDLESS)) for n in range(4)]
    run(tmp_path, flow(*jobs), listen, stop=stop, max_parallel=3)
    for kind in ("run", "job", "step"):
        started = Counter((job, step) for name, job, step in told if name == f"{kind}.started")
        finished = Counter((job, step) for name, job, step in told if name == f"{kind}.finished")
        assert started == finished
        assert set(started.values()) <= {1}
    assert told[-1][0] == "run.finished"


def test_locks_keep_jobs_apart_and_an_inner_step_runs_under_its_lock(tmp_path: Path) -> None:
    inner = {"type": "sql", "inputs": {"sql": "select 7 as n"}}
    guarded = step("g", "with_lock", key="k", ttl_seconds=60, wait_seconds=30, step=inner)
    count = step("c", "query", resource="compute", sql="select n from g")
    lock = {"key": "k", "ttl_seconds": 60}
    jobs = [job(f"j{n}", guarded, count) for n in range(3)] + [job("k", sql("x", lock=lock))]
    result = run(tmp_path, flow(*jobs), max_parallel=4, wait=30)
    assert [one.status for one in result.jobs] == ["SUCCESS"] * 4


def test_a_lock_that_somebody_holds_fails_the_step_with_its_own_code(tmp_path: Path) -> None:
    lock = {"key": "k", "ttl_seconds": 60}
    other = open_state({"backend": "sqlite"}, tmp_path)
    assert isinstance(other.acquire("k", {"run": "r9"}, 60), int)
    guarded = step("g", "with_lock", key="k", ttl_seconds=60, wait_seconds=0, step={"type": "sql", "inputs": {}})
    jobs = job("a", sql("x"), lock=lock), job("b", sql("y", lock=lock)), job("c", sql("z")), job("d", guarded)
    result = run(tmp_path, flow(*jobs))
    other.close()
    assert [one.status for one in result.jobs] == ["FAILED", "FAILED", "SUCCESS", "FAILED"]
    errors = [result.jobs[0].error, result.jobs[1].steps[0].error, result.jobs[3].steps[0].error]
    assert [error and (error.code, error.error_class) for error in errors] == [("R404", "conflict")] * 3
    assert "held by run `r9`" in str(errors[0])
    ways = ["--wait SECONDS", "--wait SECONDS", "wait_seconds"]
    assert [way for way, error in zip(ways, errors, strict=True) if error and way in error.help] == ways


def test_two_runs_of_one_flow_do_not_overlap(tmp_path: Path) -> None:
    from firn_runtime.errors import LockHeld

    stop = Stop()
    found: list[LockHeld] = []

    def second(event: Event) -> None:
        if event.name == "step.started":
            try:
                run(tmp_path, flow(job("b", sql("y"))))
            except LockHeld as held:
                found.append(held)
            stop.interrupt()

    run(tmp_path, flow(job("a", sql("x", ENDLESS))), second, stop=stop)
    assert [(one.code, one.exit_code) for one in found] == [("R404", 5)]
    assert "the lock `flow:flow` is held by run `" in found[0].message
    assert run(tmp_path, flow(job("b", sql("y")))).status == "SUCCESS"


def test_a_wait_for_the_next_attempt_ends_when_the_run_is_stopped(tmp_path: Path) -> None:
    stop = Stop()
    rule = {"max_attempts": 2, "backoff": 86400, "max_backoff": 86400, "on": ["data"]}
    result = run(tmp_path, flow(job("a", read(retry=rule))), at("step.retried", stop.interrupt), stop=stop)
    assert (result.stopped, result.jobs[0].steps[0].attempts) == ("interrupt", 1)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (1, "the step's results are 4,200,0"),
        (6, "the job's outputs are 18,0"),
    ],
)
def test_results_have_stated_limits(tmp_path: Path, steps: int, message: str) -> None:
    size = 4_200_000 if steps == 1 else 3_000_000
    long = [
        step(f"s{n}", "query", resource="compute", sql=f"select repeat('x', {size}) as x")
        | {"outputs": {f"x{n}": {"$ref": "result.rows[0].x"}}}
        for n in range(steps)
    ]
    failed = run(tmp_path, flow(job("a", *long))).jobs[0].steps[-1]
    assert failed.error is not None
    assert (failed.status, failed.error.error_class) == ("FAILED", "data")
    assert message in failed.error.message
