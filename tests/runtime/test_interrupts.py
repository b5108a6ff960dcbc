"""Ctrl-C ends a run whatever the engine is doing: soon, with 130, and nothing else begins."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runtime.artifacts import job, payload, spelled, step

FIRN = str(Path(sys.executable).parent / "firn")
ENDLESS = {
    "where the driver listens": "select sum(sin(range)) as n from range(400000000000)",
    "where only the engine's threads work": "select sum(a.range * b.range) as n from range(3000000) a, range(200000) b",
}


@pytest.mark.parametrize("sql", ENDLESS.values(), ids=ENDLESS.keys())
def test_ctrl_c_ends_a_query_and_no_other_job_begins(tmp_path: Path, sql: str) -> None:
    body = payload(job("a", step("long", "sql", sql=sql)), job("b", step("other", "sql", sql="select 1 as n")))
    (tmp_path / "a.json").write_bytes(spelled(body))
    command = [FIRN, "run", "a.json", "--log-format", "json"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert [json.loads(process.stdout.readline())["event"] for _ in range(3)][-1] == "step.started"
        time.sleep(0.7)  # until the engine is at work
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=30)
    finally:
        process.kill()  # what does not end must not outlive its test
    events = [json.loads(line) for line in rest.splitlines()]
    assert process.returncode == 130
    assert [event["event"] for event in events] == ["step.finished", "job.finished", "run.finished"]
    assert events[0]["error"]["message"] == "the run was stopped by SIGINT"
    assert errors == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a namespace of processes")
def test_the_first_process_of_a_container_is_ended_by_sigterm_whatever_it_does(tmp_path: Path) -> None:
    artifact = tmp_path / "artifact"
    os.mkfifo(artifact)
    process = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", FIRN, "verify", artifact])
    try:
        with artifact.open("wb"):  # from here on it waits for the artifact
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            os.kill(int(children), signal.SIGTERM)
            assert process.wait(timeout=30) == 143
    finally:
        process.kill()
