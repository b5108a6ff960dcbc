"""Incremental reads in whole runs: a watermark moves when what was read is published, once, and never before."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest

from firn_runtime import Edge, Options, RunResult, run_artifact
from firn_runtime.errors import StateError
from firn_runtime.events import Event
from firn_runtime.starts import Starts
from firn_runtime.state import State, StepRow, WatermarkRow, open_state
from runtime.artifacts import PRINT, job, payload, resource, spelled, step
from runtime.state.conftest import postgres_settings
from tracing import by_strace_of_paths

FIRN = str(Path(sys.executable).parent / "firn")
SECRET = {"$secret": {"ref": "state", "key": "password"}}


def watched(one: dict[str, Any], *after: str, meaning: str = "sha256:a") -> dict[str, Any]:
    return one | {"watermark": {"meaning": meaning, "moves_after": list(after)}}


def read(id: str = "new", table: str = "orders", **incremental: Any) -> dict[str, Any]:
    return step(id, "read", resource="shop", table=table, incremental={"cursor": "id"} | incremental)


def write(id: str, table: str, dataset: str = "new", resource: str = "sink") -> dict[str, Any]:
    inputs = {"from": dataset, "resource": resource, "table": table, "mode": "replace"}
    return {"id": id, "type": "write", "inputs": inputs, "fingerprint": PRINT}


class Project:
    """A shop to read from, a sink to write to, and a place for the state."""

    def __init__(self, folder: Path, state: dict[str, Any]) -> None:
        self.folder = folder
        self.environ = {"STATE_PASSWORD": state["password"].reveal()} if state else {}
        self._state = state
        self.runs = 0
        self.events: list[Event] = []
        self.orders(1, 2, 3)

    def orders(self, *ids: int, table: str = "orders") -> None:
        """Add rows to the shop."""
        with closing(sqlite3.connect(self.folder / "shop.sqlite")) as shop:
            shop.execute(f"create table if not exists {table} (id integer)")
            shop.executemany(f"insert into {table} values (?)", [(one,) for one in ids])
            shop.commit()

    def body(self, *jobs: dict[str, Any], **parts: Any) -> dict[str, Any]:
        resources = {
            "shop": resource("db", "sqlite3", {"path": "shop.sqlite"}),
            "sink": resource("db", "duckdb", {"path": "sink.duckdb"}),
            "closed": resource("db", "duckdb", {"path": "/proc/nowhere/sink.duckdb"}),
        }
        if self._state:
            parts["state"] = self._state | {"password": SECRET}
            required = {"ref": "state", "key": "password", "variable": "STATE_PASSWORD", "used_by": []}
            parts["requires"] = {"connectors": [], "environment": [], "secrets": [required]}
        return payload(*jobs, names={name: name for name in resources}, resources=resources, **parts)

    def run(self, *jobs: dict[str, Any], parts: dict[str, Any] | None = None, **options: Any) -> RunResult:
        self.runs += 1
        self.events = []
        edge = Edge(self.environ, self.folder, [self.events.append], run_id=f"r{self.runs}")
        return run_artifact(spelled(self.body(*jobs, **parts or {})), edge, Options(**options))

    def watermarks(self) -> dict[str, str]:
        return {f"{one.job}.{one.step}": one.value for one in self.rows()}

    def rows(self) -> list[WatermarkRow]:
        with closing(open_state(self._state, self.folder, read_only=True)) as state:
            return state.watermarks("flow")

    def results(self) -> list[Any]:
        """Return what the state keeps of the steps of the last run."""
        return [(one.results, one.error) for one in self.steps(f"r{self.runs}")]

    def steps(self, run: str) -> list[StepRow]:
        with closing(open_state(self._state, self.folder, read_only=True)) as state:
            return state.steps("flow", run)

    def sink(self, table: str = "orders") -> list[int]:
        with duckdb.connect(str(self.folder / "sink.duckdb"), read_only=True) as sink:
            return [row[0] for row in sink.execute(f"select id from {table} order by id").fetchall()]

    def told(self, event: str) -> list[str]:
        return [str(one.message) for one in self.events if one.name == event]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, {})


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    """The project, with its state in each of the databases."""
    return Project(tmp_path, postgres_settings() if request.param == "postgres" else {})


ONE = job("load", watched(read(), "load.publish"), write("publish", "orders"))


def test_a_second_run_reads_only_what_is_new(either: Project) -> None:
    assert either.run(ONE).status == "SUCCESS"
    assert (either.sink(), either.watermarks()) == ([1, 2, 3], {"load.new": "3"})
    either.orders(2, 4, 5)
    either.run(ONE)
    assert (either.sink(), either.watermarks()) == ([4, 5], {"load.new": "5"})
    (row,) = either.rows()
    assert (row.cursor, row.type, row.meaning, row.run) == ("id", "BIGINT", "sha256:a", "r2")


def test_a_run_that_fails_before_its_write_leaves_the_watermark(either: Project) -> None:
    failing = job("load", watched(read(), "load.publish"), write("publish", "orders", resource="closed"))
    assert either.run(failing).status == "FAILED"
    assert either.rows() == []
    either.run(ONE)
    either.orders(4)
    either.run(failing)
    assert either.watermarks() == {"load.new": "3"}
    either.run(ONE)
    assert (either.sink(), either.watermarks()) == ([4], {"load.new": "4"})


def test_a_run_without_new_rows_leaves_it_where_it_is(project: Project) -> None:
    project.run(ONE)
    assert project.run(ONE).status == "SUCCESS"
    assert (project.sink(), project.watermarks()) == ([], {"load.new": "3"})


def test_no_new_rows_can_skip_the_job(project: Project) -> None:
    careful = job("load", watched(read(), "load.publish") | {"on_no_data": "skip_job"}, write("publish", "orders"))
    project.run(careful)
    assert [one.status for one in project.run(careful).jobs] == ["SKIPPED"]
    assert (project.sink(), project.watermarks()) == ([1, 2, 3], {"load.new": "3"})


def test_it_waits_for_the_last_of_several_writes_also_of_later_jobs(project: Project) -> None:
    load = job("load", watched(read(), "load.raw", "mart.sums"), write("raw", "raw"))
    sums = step("sums_of", "sql", sql="select sum(id) as id from new")

    def mart(resource: str) -> dict[str, Any]:
        return job("mart", sums, write("sums", "sums", "sums_of", resource), depends_on=["load"])

    assert project.run(load, mart("closed")).status == "FAILED"
    assert (project.sink("raw"), project.rows()) == ([1, 2, 3], [])
    assert project.run(load, mart("sink")).status == "SUCCESS"
    assert (project.sink("sums"), project.watermarks()) == ([6], {"load.new": "3"})


def test_writes_of_jobs_side_by_side_move_it_once_both_are_recorded(either: Project) -> None:
    names = [f"w{number}" for number in range(4)]
    load = job("load", watched(read(), *(f"{name}.publish" for name in names)))
    writes = [job(name, write("publish", name), depends_on=["load"]) for name in names]
    assert either.run(load, *writes, parts={"max_parallel": 4}).status == "SUCCESS"
    assert either.watermarks() == {"load.new": "3"}


def test_two_reads_of_a_flow_have_a_watermark_each(project: Project) -> None:
    project.orders(7, table="returns")
    both = job(
        "load",
        watched(read(), "load.publish"),
        watched(read("back", "returns"), "load.late"),
        write("publish", "orders"),
    )
    both["steps"].append(write("late", "returns", "back", "closed"))
    assert project.run(both).status == "FAILED"
    assert project.watermarks() == {"load.new": "3"}


def test_a_read_whose_rows_go_nowhere_moves_when_it_ends(project: Project) -> None:
    project.run(job("load", watched(read())))
    assert project.watermarks() == {"load.new": "3"}


def test_only_a_part_of_the_flow_moves_nothing_that_its_writes_would(project: Project) -> None:
    project.run(ONE, only=("load.new",), parts={"workspace": {"root": "work", "cleanup": "never"}})
    assert project.rows() == []
    project.orders(4)
    project.run(ONE, resume="last", parts={"workspace": {"root": "work", "cleanup": "never"}})
    assert (project.sink(), project.watermarks()) == ([1, 2, 3], {"load.new": "3"})


KEPT = {"workspace": {"root": "work", "cleanup": "never"}}
WAIT = step("wait", "read", resource="shop", table="late")
"""Fails until its table is there."""
HELD = job("load", watched(read(), "load.publish"), WAIT, write("publish", "orders"))
HELD_BETWEEN = job(
    "load", watched(read(), "load.raw", "load.publish"), write("raw", "raw"), WAIT, write("publish", "orders")
)


def test_a_resumed_run_moves_it_by_what_it_read_before(either: Project) -> None:
    assert either.run(HELD, parts=KEPT).status == "FAILED"
    either.orders(4)
    either.orders(0, table="late")
    assert either.run(HELD, parts=KEPT, resume="last").status == "SUCCESS"
    assert [one.step for one in either.events if one.name == "step.reused"] == ["new"]
    assert (either.sink(), either.watermarks()) == ([1, 2, 3], {"load.new": "3"})


def test_a_read_that_is_done_again_in_its_run_reads_the_same_rows_again(project: Project) -> None:
    """Its first write was published: another set of rows would be lost for it."""
    project.run(ONE)
    project.orders(4)
    assert project.run(HELD_BETWEEN, parts=KEPT).status == "FAILED"
    shutil.rmtree(project.folder / "work")
    project.orders(5)
    project.orders(0, table="late")
    assert project.run(HELD_BETWEEN, parts=KEPT, resume="last").status == "SUCCESS"
    assert [one.step for one in project.events if one.name == "step.started"] == ["new", "wait", "publish"]
    assert (project.sink("raw"), project.sink(), project.watermarks()) == ([4], [4], {"load.new": "4"})
    project.run(HELD_BETWEEN)
    assert (project.sink("raw"), project.sink(), project.watermarks()) == ([5], [5], {"load.new": "5"})


def cut_off(patch: pytest.MonkeyPatch) -> None:
    """Let no end of a step be recorded, and every start."""
    patch.setattr(Starts, "add", lambda starts, row: starts._record(row))
    patch.setattr(State, "step_finished", lambda *_: refuse())


def refuse() -> None:
    raise StateError("R401", "the state is gone")


@pytest.mark.parametrize("is_cut_off", [False, True])
def test_a_read_that_did_not_end_when_it_was_done_again_still_reads_the_same_rows(
    project: Project, is_cut_off: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before is remembered until it was read again: its first write was published."""
    project.run(ONE)
    project.orders(4)
    assert project.run(HELD_BETWEEN, parts=KEPT).status == "FAILED"
    shutil.rmtree(project.folder / "work")
    project.orders(5)
    shop, away = project.folder / "shop.sqlite", project.folder / "away.sqlite"
    shop.rename(away)
    with monkeypatch.context() as patch, suppress(StateError):
        if is_cut_off:
            cut_off(patch)
        project.run(HELD_BETWEEN, parts=KEPT, resume="last")
    assert {one.status for one in project.steps("r2") if one.step == "new"} == {"RUNNING" if is_cut_off else "FAILED"}
    away.rename(shop)
    project.orders(0, table="late")
    assert project.run(HELD_BETWEEN, parts=KEPT, resume="last").status == "SUCCESS"
    assert (project.sink("raw"), project.sink(), project.watermarks()) == ([4], [4], {"load.new": "4"})
    project.run(HELD_BETWEEN)
    assert (project.sink("raw"), project.sink(), project.watermarks()) == ([5], [5], {"load.new": "5"})


def test_an_older_run_that_is_resumed_late_moves_nothing_back(project: Project) -> None:
    project.run(HELD, parts=KEPT)
    project.orders(9)
    project.run(ONE, parts=KEPT)
    project.orders(0, table="late")
    assert project.run(HELD, parts=KEPT, resume="r1").status == "SUCCESS"
    assert project.watermarks() == {"load.new": "9"}


def test_from_changed_publishes_what_was_read_again_without_moving_back(project: Project) -> None:
    project.run(ONE, parts=KEPT)
    other = write("publish", "other") | {"fingerprint": PRINT | {"data": "sha256:9"}}
    changed = job("load", watched(read(), "load.publish"), other)
    project.orders(4)
    shutil.rmtree(project.folder / "work")
    assert project.run(changed, parts=KEPT, resume="last", from_changed=True).status == "SUCCESS"
    assert (project.sink("other"), project.watermarks()) == ([1, 2, 3], {"load.new": "3"})


def test_it_moves_where_the_write_that_failed_was_taken_out(either: Project) -> None:
    """All that publish its rows have ended well, and none ends in this session: a new run would append once more."""
    both = job("load", watched(read(), "load.raw", "load.publish"), write("raw", "raw"))
    failing = job("mart", write("publish", "orders", resource="closed"), depends_on=["load"])
    assert either.run(both, failing).status == "FAILED"
    one = job("load", watched(read(), "load.raw"), write("raw", "raw"))
    assert either.run(one, resume="last", from_changed=True).status == "SUCCESS"
    assert (either.sink("raw"), either.watermarks()) == ([1, 2, 3], {"load.new": "3"})
    assert [row.run for row in either.rows()] == ["r1"]


def test_late_rows_are_read_with_lookback(project: Project) -> None:
    late = job("load", watched(read(lookback=2), "load.publish"), write("publish", "orders"))
    project.orders(10)
    project.run(late)
    project.orders(7, 8, 9)
    project.run(late)
    assert (project.sink(), project.watermarks()) == ([8, 9, 10], {"load.new": "10"})


def test_what_means_something_else_now_begins_anew_and_says_so(project: Project) -> None:
    project.run(ONE)
    other = job("load", watched(read(initial=2), "load.publish", meaning="sha256:b"), write("publish", "orders"))
    project.run(other)
    assert project.sink() == [2, 3]
    assert project.told("warning") == ["what it reads, or its cursor, has changed since the run `r1`: it begins anew"]
    project.run(other)
    assert (project.sink(), project.told("warning")) == ([], [])


def test_under_a_lock_it_is_the_same(project: Project) -> None:
    inner = {"type": "read", "inputs": read()["inputs"]}
    locked = step("new", "with_lock", key="k", ttl_seconds=60, wait_seconds=0, step=inner)
    project.run(job("load", watched(locked, "load.publish"), write("publish", "orders")))
    project.orders(4)
    project.run(job("load", watched(locked, "load.publish"), write("publish", "orders")))
    assert (project.sink(), project.watermarks()) == ([4], {"load.new": "4"})


def test_an_artifact_that_does_not_say_when_it_moves_is_not_run(project: Project) -> None:
    result = project.run(job("load", read(), write("publish", "orders")))
    assert result.jobs[0].steps[0].error is not None
    assert result.jobs[0].steps[0].error.message == "the artifact does not say when the watermark moves"


def test_a_secret_is_no_watermark(tmp_path: Path) -> None:
    project = Project(tmp_path, postgres_settings())
    (secret,) = project.environ.values()
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as shop:
        shop.execute("create table people (id text)")
        shop.execute("insert into people values (?)", [secret])
        shop.commit()
    people = job("load", watched(read(table="people"), "load.publish"), write("publish", "orders"))
    result = project.run(people)
    (failed,) = result.jobs[0].steps
    assert failed.error is not None
    assert failed.error.message == "a secret stands in the watermark or in a column's name"
    assert project.rows() == []
    assert secret not in repr((result, project.events))


@by_strace_of_paths
def test_killed_at_every_write_of_the_state_it_moves_once_and_with_its_write(project: Project) -> None:
    """Between what is published and what is recorded, too: the write is recognised, and the watermark moves then."""
    before = [step(f"s{number}", "sql", sql="select 1 as n") for number in range(MANY)]
    flow = ONE | {"steps": [*before, *ONE["steps"]]}
    project.run(flow)
    project.orders(4)
    (project.folder / "compiled_artifacts.json").write_bytes(spelled(project.body(flow, **KEPT)))
    start = project.folder.with_name("start")
    shutil.copytree(project.folder, start)
    seen: set[tuple[int, str]] = set()
    for number in range(4 * MANY, 60):
        shutil.rmtree(project.folder)
        shutil.copytree(start, project.folder)
        if not killed(project.folder, number):
            break
        at = project.watermarks()["load.new"]
        recorded = json.loads(firn(project.folder, "runs", "last", "--json").stdout)
        done = {one["step"] for one in recorded["steps"] if one["status"] == "SUCCESS" and recorded["run"] != "r1"}
        assert (at == "4") == ("publish" in done), number
        seen.add((len(done) - MANY, at))
        firn(project.folder, "run", "--resume", "auto" if recorded["run"] == "r1" else "last")
        assert (project.sink(), project.watermarks()) == ([4], {"load.new": "4"}), number
    assert seen >= {(1, "3"), (2, "4")}
    with duckdb.connect(str(project.folder / "sink.duckdb"), read_only=True) as sink:
        assert sink.execute("select run, count(*) from _firn_loads group by run having count(*) > 1").fetchall() == []


MANY = 9
"""Steps before, so that the job's thread makes more writes than the one that begins and ends the run."""


def killed(folder: Path, number: int) -> bool:
    """Run the flow, and kill it at its so many-th write to the state's log; say whether that many were made."""
    hurt = f"inject=pwrite64:signal=KILL:when={number}"
    words = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", str(folder / ".firn/state.db-wal"), "-e", hurt]
    answer = subprocess.run([*words, FIRN, "run"], cwd=folder, capture_output=True, check=False)
    assert answer.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL), answer.stderr
    return answer.returncode != 0


def firn(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    answer = subprocess.run([FIRN, *words], cwd=folder, capture_output=True, check=False, env=dict(os.environ))
    assert answer.returncode == 0, answer.stderr
    return answer


def test_the_command_shows_watermarks_and_forgets_one(project: Project) -> None:
    (project.folder / "compiled_artifacts.json").write_bytes(spelled(project.body(ONE)))
    assert firn(project.folder, "watermarks").stdout == b"`flow` has no watermark\n"
    project.run(ONE)
    (listed,) = json.loads(firn(project.folder, "watermarks", "--json").stdout)["watermarks"]
    assert (listed["job"], listed["step"], listed["cursor"], listed["value"]) == ("load", "new", "id", "3")
    assert firn(project.folder, "watermarks").stdout.decode().split("\n")[1].split()[:3] == ["load.new", "id", "3"]
    answer = subprocess.run(
        [FIRN, "watermarks", "--reset", "load.x"], cwd=project.folder, capture_output=True, check=False
    )
    assert (answer.returncode, answer.stderr) == (
        2,
        b"error[R002]: the flow `flow` has no watermark of `load.x`\n  help: there is `load.new`\n",
    )
    assert b"begins anew" in firn(project.folder, "watermarks", "load.new", "--reset").stdout
    assert project.rows() == []
    project.run(ONE)
    assert project.sink() == [1, 2, 3]


def test_a_watermark_is_not_forgotten_while_the_flow_runs(project: Project) -> None:
    (project.folder / "compiled_artifacts.json").write_bytes(spelled(project.body(ONE)))
    project.run(ONE)
    with closing(open_state({}, project.folder)) as state:
        state.acquire("flow:flow", {"run": "r9"}, 60)
        answer = subprocess.run(
            [FIRN, "watermarks", "load.new", "--reset"], cwd=project.folder, capture_output=True, check=False
        )
    assert (answer.returncode, b"R404" in answer.stderr) == (5, True)
    assert project.watermarks() == {"load.new": "3"}
