"""`firn runs` and `firn unlock`: what the state knows, for people and for machines."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.errors import LockHeld
from firn_runtime.history import freed
from firn_runtime.state import LockRow, open_state
from runtime.artifacts import job, payload, spelled, step

FIRN = str(Path(sys.executable).parent / "firn")
Start = Callable[[str], subprocess.Popen[str]]
ENDLESS = "select sum(sin(range)) as n from range(400000000000)"


def firn(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    answer = subprocess.run([FIRN, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert answer.returncode == code, answer.stdout + answer.stderr
    return answer


def document(folder: Path, *words: str) -> Any:
    return json.loads(firn(folder, *words, "--json").stdout)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    body = payload(job("a", step("x", "sql", sql="select 1 as n"), step("y", "sql", sql=ENDLESS)))
    (tmp_path / "compiled_artifacts.json").write_bytes(spelled(body))
    return tmp_path


@pytest.fixture
def at_work(project: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a run, and wait until its endless step has begun; whatever the test does, it does not outlive it."""
    started: list[subprocess.Popen[str]] = []

    def start(run: str) -> subprocess.Popen[str]:
        command = [FIRN, "run", "--run-id", run, "--log-format", "json"]
        started.append(subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout is not None
        for line in started[-1].stdout:
            event = json.loads(line)
            if (event["event"], event.get("step")) == ("step.started", "y"):
                return started[-1]
        raise AssertionError("the step never began")

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str], number: signal.Signals) -> int:
    """Send a signal and return the exit code."""
    process.send_signal(number)
    process.communicate(timeout=120)
    return process.returncode


def test_a_run_that_was_killed_is_cut_off_and_its_lock_is_free(project: Path, at_work: Start) -> None:
    process = at_work("r1")
    assert document(project, "runs")["runs"][0]["alive"] is True
    while len(document(project, "runs", "r1")["steps"]) < 2:
        time.sleep(0.1)  # a start is recorded a moment late
    assert "run r1: RUNNING" in firn(project, "runs", "last").stdout
    ended(process, signal.SIGKILL)
    assert "  CUT OFF  " in firn(project, "runs").stdout
    shown = document(project, "runs", "r1")
    assert (shown["status"], shown["alive"]) == ("CUT OFF", False)
    assert [(one["step"], one["status"]) for one in shown["steps"]] == [("x", "SUCCESS"), ("y", "CUT OFF")]
    assert "its holder is gone" in firn(project, "unlock").stdout


def test_a_lock_that_another_run_takes_while_it_is_freed_is_left_to_that_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_state({"backend": "sqlite", "path": "state.db"}, tmp_path)) as state:
        assert state.acquire("k", {"run": "gone"}, 0.0) == 1
        locks = state.locks

        def seen() -> list[LockRow]:
            before = locks()
            assert state.acquire("k", {"run": "new"}, 60.0) == 2
            return before

        monkeypatch.setattr(state, "locks", seen)
        with pytest.raises(LockHeld, match="the lock `k` was freed or taken by another meanwhile"):
            freed(state, "k", force=False)
        assert [(one.owner["run"], one.held) for one in locks()] == [("new", True)]


def test_a_live_lock_is_taken_away_by_force_alone_and_its_run_stops(project: Path, at_work: Start) -> None:
    process = at_work("r1")
    refused = firn(project, "unlock", "flow:flow", code=5)
    assert f"held by run `r1` on `{os.uname().nodename}` (process {process.pid})" in refused.stderr
    assert "--force" in refused.stderr
    assert "`flow:flow` is free" in firn(project, "unlock", "flow:flow", "--force").stdout
    process.send_signal(signal.SIGTERM)  # it would notice when it renews or records; this makes it record now
    rest, _ = process.communicate(timeout=120)
    assert process.returncode == 5
    assert json.loads(rest.splitlines()[-1])["status"] == "FAILED"
    assert document(project, "unlock")["locks"] == []


def test_a_state_whose_making_was_cut_off_is_none(project: Path) -> None:
    (project / ".firn").mkdir()
    with closing(sqlite3.connect(project / ".firn" / "state.db")) as begun:
        begun.execute("PRAGMA journal_mode = WAL")
    assert firn(project, "runs").stdout == "there are no runs yet\n"
    assert firn(project, "watermarks").stdout == "`flow` has no watermark\n"


def test_a_lock_that_nobody_holds_and_a_run_that_nobody_knows_are_said(project: Path, at_work: Start) -> None:
    assert firn(project, "runs").stdout == "there are no runs yet\n"
    assert firn(project, "runs", "--flow", "flw").stdout == "there are no runs of a flow `flw`\n"
    assert firn(project, "unlock").stdout == "no lock is held\n"
    assert "error[R406]" in firn(project, "runs", "last", code=2).stderr
    assert not (project / ".firn").exists()
    assert ended(at_work("r1"), signal.SIGINT) == 130
    assert "error[R408]: nobody holds a lock `flow:flow`" in firn(project, "unlock", "flow:flow", code=2).stderr
    assert "error[R406]: the flow `flow` has no run `r9`" in firn(project, "runs", "r9", code=2).stderr
    page = firn(project, "runs", "r1").stdout
    assert "error[R309]: the run was stopped by SIGINT" in page
