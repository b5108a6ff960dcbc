"""What a person meets when state or workspace fail, when two runs meet, and when a run is asked to end.

Every fault is a real one, met by the installed command: a full disk, a stopped process, a file that another one locks.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from crash.small import FIRN, RESULT, Api, Small, compiled, mounting
from tracing import by_strace_of_paths

pytestmark = pytest.mark.skipif(os.uname().sysname != "Linux", reason="the faults are Linux's")
slow = pytest.mark.skipif("FIRN_CRASH" not in os.environ, reason="it waits for long: `make crash` runs it")

WHILE_IT_ASKS = ["ask.answer", "tell.total", "tell.total_file", "tell.total_table"]
"""What is left of a run that was killed as it waited for its answer."""


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return compiled(tmp_path_factory.mktemp("artifact"))


@pytest.fixture(scope="module")
def changed_artifact(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return compiled(tmp_path_factory.mktemp("changed"), ("path: /answer,", "path: /other,"))


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.close()


@pytest.fixture
def small(tmp_path: Path, artifact: bytes, api: Api) -> Iterator[Small]:
    made = Small(tmp_path, artifact, api)
    yield made
    made.close()


@pytest.fixture(scope="session")
def mounts() -> None:
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("mounts of one's own are not permitted here")


# The disk is full.


@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize("kilobytes", [16, 100, 130, 160])
def test_a_full_disk_of_the_state_ends_the_run_and_with_more_room_it_goes_on(small: Small, kilobytes: int) -> None:
    small.state.parent.mkdir()
    on_a_small_disk = mounting(
        f"mount -t tmpfs -o size={kilobytes}k none state",
        f"{{ {FIRN} run a.json --events first.events >first.text 2>&1; echo $? >first.code; }}",
        "mount -o remount,size=9m state",
    )
    second = small.run("--resume", "auto", before=on_a_small_disk)
    first = small.noted("first")
    assert first.code == 1
    assert "error[R401]: cannot keep the state in" in first.text
    assert "the disk is full" in first.text
    assert "make room, or mount a larger volume at `state.path`" in first.text
    assert second.code == 0
    assert not set(first.succeeded) & set(second.started)
    assert small.result() == RESULT


@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize("kilobytes", [4, 16, 40])
def test_a_full_disk_of_the_workspace_fails_the_step_and_with_more_room_it_goes_on(
    small: Small, kilobytes: int
) -> None:
    (small.folder / "work").mkdir()
    on_a_small_disk = mounting(
        f"mount -t tmpfs -o size={kilobytes}k none work",
        f"{{ {FIRN} run a.json --events first.events >first.text 2>&1; echo $? >first.code; }}",
        "mount -o remount,size=9m work",
    )
    second = small.run("--resume", "last", before=on_a_small_disk)
    first = small.noted("first")
    assert first.code == 1
    assert "No space left on device" in first.text or "no space left on device" in first.text
    assert second.code == 0
    assert not set(first.succeeded) & set(second.started)
    assert small.result() == RESULT


# The disk is read-only.


@pytest.mark.usefixtures("mounts")
def test_a_read_only_state_ends_the_run_before_anything_is_touched(small: Small) -> None:
    small.state.parent.mkdir()
    read_only = mounting("mount --bind state state", "mount -o remount,bind,ro state")
    answer = small.run(before=read_only)
    assert answer.code == 1
    assert "error[R401]: cannot keep the state in" in answer.text
    assert "mount a volume there, or set the platform's `state.path`" in answer.text
    assert answer.events == []
    assert list((small.folder / "out").iterdir()) == []


@pytest.mark.usefixtures("mounts")
def test_a_state_that_became_read_only_ends_the_resumption_and_loses_nothing(small: Small) -> None:
    small.killed_while_it_asks()
    answer = small.run(
        "--resume", "last", before=mounting("mount --bind state state", "mount -o remount,bind,ro state")
    )
    assert answer.code == 1
    assert "error[R401]: cannot keep the state in" in answer.text
    assert answer.started == []
    assert small.run("--resume", "last").started == WHILE_IT_ASKS
    assert small.result() == RESULT


@pytest.mark.usefixtures("mounts")
def test_a_read_only_workspace_fails_the_steps_that_need_it(small: Small) -> None:
    (small.folder / "work").mkdir()
    answer = small.run(before=mounting("mount --bind work work", "mount -o remount,bind,ro work"))
    assert answer.code == 1
    assert "cannot make the workspace: read-only file system" in answer.text
    assert "the platform's `workspace.root` must be writable" in answer.text
    assert small.run("--resume", "last").code == 0
    assert small.result() == RESULT


# The state is not as it was left.


@slow
def test_a_state_that_another_process_locks_is_waited_for_and_then_said(small: Small) -> None:
    small.run()
    with closing(sqlite3.connect(small.state)) as other:
        other.execute("begin exclusive")
        answer = small.run()
    assert answer.code == 1
    assert "another process keeps it locked" in answer.text
    assert "end that process, or give this run another `state.path`" in answer.text


@pytest.mark.parametrize(
    "damage",
    [lambda whole: whole[:5000], lambda whole: b"\0" * 100 + whole[100:], lambda whole: b"not a database at all" * 500],
    ids=["cut off", "without its header", "something else"],
)
def test_a_damaged_state_is_refused_and_left_as_it_is(small: Small, damage: Callable[[bytes], bytes]) -> None:
    small.run()
    damaged = damage(small.state.read_bytes())
    small.state.write_bytes(damaged)
    answer = small.run("--resume", "last")
    assert answer.code == 1
    assert "error[R403]: the state in" in answer.text
    assert "nothing was deleted: move `state.db`, `state.db-wal` and `state.db-shm` away together" in answer.text
    assert small.state.read_bytes() == damaged
    assert answer.events == []


def test_a_state_of_a_later_runtime_is_refused_and_names_it(small: Small) -> None:
    small.run()
    small.change("update firn_migrations set version = version + 900, runtime = '9.1.0'")
    answer = small.run()
    assert answer.code == 1
    assert "error[R402]: " in answer.text
    assert "9.1.0" in answer.text
    assert answer.events == []


def test_a_clock_that_was_set_back_between_two_sessions_changes_nothing(small: Small) -> None:
    """The first session seems to have been years later than now: so does its lock, whose holder is gone."""
    small.killed_while_it_asks()
    small.change("update firn_runs set started_at = '2999' || substr(started_at, 5)")
    small.change("update firn_steps set started_at = '2999' || substr(started_at, 5)")
    small.change("update firn_locks set renewed_at = renewed_at + 1e9")
    assert small.run("--resume", "last").started == WHILE_IT_ASKS
    assert small.result() == RESULT
    assert small.run().code == 0
    assert [one["resumed"] for one in small.runs()] == [0, 1]


def test_datasets_that_are_gone_are_made_again_as_far_as_they_are_needed(small: Small) -> None:
    small.killed_while_it_asks()
    shutil.rmtree(small.folder / "work")
    answer = small.run("--resume", "last")
    assert answer.code == 0
    assert answer.started == ["ask.answer", "make.numbers", "tell.total", "tell.total_file", "tell.total_table"]
    assert answer.warnings == ["its dataset is gone from the workspace; it is made again"]
    assert small.result() == RESULT


def test_another_artifact_is_refused_and_what_changed_is_named(small: Small, changed_artifact: bytes) -> None:
    small.killed_while_it_asks()
    (small.folder / "a.json").write_bytes(changed_artifact)
    answer = small.run("--resume", "last")
    assert answer.code == 3
    assert "error[R110]: the run `" in answer.text
    assert "was begun with another artifact (changed: `ask.answer`" in answer.text
    assert "`--from-changed` runs again what changed and what depends on it; or begin a new run" in answer.text
    assert answer.events == []


def test_from_changed_runs_what_changed_and_what_depends_on_it_and_nothing_else(
    small: Small, changed_artifact: bytes
) -> None:
    in_its_way = small.folder / "out" / "total.parquet"
    in_its_way.mkdir()
    assert small.run().code == 1
    in_its_way.rmdir()
    (small.folder / "a.json").write_bytes(changed_artifact)
    answer = small.run("--resume", "last", "--from-changed")
    assert answer.code == 0
    assert answer.started == WHILE_IT_ASKS
    assert answer.steps("step.reused") == ["make.numbers", "make.numbers_table"]
    assert answer.warnings == []
    assert small.result() == RESULT


# Two runs meet.


@pytest.mark.parametrize("words", [(), ("--resume", "last"), ("--resume", "auto")], ids=["a new run", "last", "auto"])
def test_a_flow_that_runs_is_not_begun_beside_itself_and_who_runs_it_is_named(
    small: Small, words: tuple[str, ...]
) -> None:
    small.api.hold()
    first = small.start("--run-id", "r1")
    small.api.wait_until_asked()
    second = small.run(*words)
    assert second.code == 5
    holder = f"run `r1` on `{os.uname().nodename}` (process {first.process.pid})"
    assert f"error[R404]: the lock `flow:small` is held by {holder}" in second.text
    assert "wait for it with `--wait SECONDS`" in second.text
    assert second.events == []
    small.api.may_answer.set()
    assert first.answer().code == 0
    assert small.result() == RESULT


def test_of_two_that_begin_at_once_one_waits_for_the_other(small: Small) -> None:
    answers = [one.answer() for one in (small.start("--wait", "30"), small.start("--wait", "30"))]
    assert [one.code for one in answers] == [0, 0]
    assert small.result()["loads"] == [("numbers_table", 1)] * 2 + [("total_table", 1)] * 2


def test_a_run_that_was_stopped_past_its_lease_publishes_nothing_more(small: Small) -> None:
    small.api.hold()
    first = small.start()
    small.api.wait_until_asked()
    small.until_done("numbers_table")
    small.stop_outside_of_the_state(first)
    small.until_the_lease_is_over()
    small.api.may_answer.set()
    assert small.run("--resume", "last").code == 0
    published = small.published_file
    first.send(signal.SIGCONT)
    answer = first.answer()
    assert answer.code == 5
    assert "error[R405]: the lock `flow:small` is no longer held by this run" in answer.text
    assert "what this run finished is recorded: resume it" in answer.text
    assert "tell.total" not in answer.started
    assert small.published_file == published
    assert small.result() == RESULT


@by_strace_of_paths
def test_a_run_that_was_stopped_as_it_published_asks_for_its_lease_before_it_does(small: Small) -> None:
    """It is stopped where its file is written and announced, and only the rename is left."""
    intent = small.folder / "work" / "small.r1" / "tell" / "total_file" / "intent.json"
    stopping = ("strace", "-f", "-qq", "-o", "/dev/null", "-P", str(intent), "-e", "inject=openat:signal=STOP:when=2")
    first = small.start("--run-id", "r1", before=stopping)
    small.until_done("total_table")
    holder = small.holder()
    small.until_stopped(holder)
    small.until_the_lease_is_over()
    assert small.run("--resume", "last").code == 0
    published = small.published_file
    os.kill(holder, signal.SIGCONT)
    answer = first.answer()
    assert answer.code == 5
    assert "error[R405]: the lock `flow:small` is no longer held by this run" in answer.text
    assert small.published_file == published
    assert small.result() == RESULT


# The process ends, and says that all is well.


def test_a_run_whose_process_was_ended_from_within_is_cut_off_whatever_its_exit_code_and_goes_on(small: Small) -> None:
    """As a plug-in or library can do it."""
    ending = """
import os, pathlib
from firn_runtime import Edge, Options, run_artifact

def end(event):
    if event.name == "step.started" and event.step == "total":
        os._exit(0)

run_artifact(pathlib.Path("a.json"), Edge(os.environ, pathlib.Path.cwd(), [end]), Options())
"""
    subprocess.run([sys.executable, "-c", ending], cwd=small.folder, env=small.environ, check=True)
    shown = subprocess.run([FIRN, "runs", "a.json"], cwd=small.folder, check=True, capture_output=True, text=True)
    assert "CUT OFF" in shown.stdout
    assert small.run("--resume", "last").started == ["tell.total", "tell.total_file", "tell.total_table"]
    assert small.result() == RESULT


# A run is asked to end.


def test_sigterm_lets_the_step_at_work_finish_and_begins_no_other(small: Small) -> None:
    small.api.hold()
    running = small.start()
    small.api.wait_until_asked()
    small.until_done("numbers_table")
    running.send(signal.SIGTERM)
    small.api.may_answer.set()
    answer = running.answer()
    assert answer.code == 143
    assert "ask.answer" in answer.succeeded
    assert not [step for step in answer.started if step.startswith("tell.")]
    assert small.run("--resume", "last").started == ["tell.total", "tell.total_file", "tell.total_table"]
    assert small.result() == RESULT


@pytest.mark.parametrize(
    ("sent", "words", "code"), [(signal.SIGTERM, ("--grace", "0.1"), 143), (signal.SIGINT, (), 130)]
)
def test_sigterm_after_the_grace_and_sigint_at_once_end_the_step_at_work(
    small: Small, sent: signal.Signals, words: tuple[str, ...], code: int
) -> None:
    small.api.hold()
    running = small.start(*words)
    small.api.wait_until_asked()
    small.until_done("numbers_table")
    running.send(sent)
    answer = running.answer()
    assert answer.code == code
    assert answer.failures["ask.answer"] == f"the run was stopped by {sent.name}"
    small.api.may_answer.set()
    assert small.run("--resume", "last").started == WHILE_IT_ASKS
    assert small.result() == RESULT


def test_a_second_sigint_ends_the_process_where_it_stands(small: Small) -> None:
    """It would wait ten seconds for the state, which is locked, and then say so."""
    small.api.hold()
    running = small.start()
    small.api.wait_until_asked()
    small.until_done("numbers_table")
    with closing(sqlite3.connect(small.state)) as other:
        other.execute("begin immediate")
        small.api.may_answer.set()
        running.send(signal.SIGINT)
        time.sleep(0.3)
        assert running.process.poll() is None
        running.send(signal.SIGINT)
        answer = running.answer()
    assert answer.code == 130
    assert "R401" not in answer.text
    assert small.run("--resume", "last").code == 0
    assert small.result() == RESULT
