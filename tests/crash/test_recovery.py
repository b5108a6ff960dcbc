"""What the harness has found: each is a run that came to harm, and the least that it takes to see it."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pytest

from firn_runtime import Edge, Options, RunResult, run_artifact
from firn_runtime.cancel import Ended, Token, working_for
from firn_runtime.engine import Engine, Limits
from firn_runtime.events import Event, Failure
from runtime.artifacts import job, payload, resource, spelled, step

NUMBERS = step("numbers", "sql", sql="select i as n from range(3) as t(i)")
WRITE = step("table", "write", **{"from": "numbers", "resource": "db", "table": "t", "mode": "replace"})


def run(folder: Path, body: dict[str, Any], events: list[Event] | None = None, **options: Any) -> RunResult:
    listeners = [] if events is None else [events.append]
    return run_artifact(spelled(body), Edge({}, folder, listeners), Options(**options))


def test_a_run_that_is_done_is_resumed_without_a_step_though_a_job_of_it_was_skipped(tmp_path: Path) -> None:
    """A skipped job, and one that it blocks, need no dataset: those are gone with the workspace."""
    skipped = job("skipped", step("x", "sql", sql="select n from numbers"), depends_on=["first"], when=False)
    blocked = job("blocked", step("y", "sql", sql="select n from numbers"), depends_on=["first", "skipped"])
    body = payload(job("first", NUMBERS), skipped, blocked)
    run(tmp_path, body)
    events: list[Event] = []
    assert run(tmp_path, body, events, resume="last").status == "SUCCESS"
    assert [event.step for event in events if event.name in ("step.started", "warning")] == []


@pytest.mark.parametrize("left", [0, 4096, 8192, 12287])
def test_a_duckdb_file_whose_making_was_cut_off_is_made_anew(tmp_path: Path, left: int) -> None:
    """It is made under another name: whatever has its own name is whole."""
    whole = tmp_path / "whole.duckdb"
    duckdb.connect(str(whole)).close()
    (tmp_path / "db.duckdb.new").write_bytes(whole.read_bytes()[:left])
    db = resource("db", "duckdb", {"path": "db.duckdb"})
    assert (
        run(tmp_path, payload(job("j", NUMBERS, WRITE), names={"db": "db"}, resources={"db": db})).status == "SUCCESS"
    )
    assert duckdb.connect(str(tmp_path / "db.duckdb")).execute("from t").fetchall() == [(0,), (1,), (2,)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".firn", "db.duckdb", "whole.duckdb"]


ROW = """
import os, sys, time
from pathlib import Path
from firn_runtime.engine import Engine, Limits, Places
from firn_runtime.errors import ConnectorError
number, place = sys.argv[1], Path("db.duckdb")
engine = Engine(Limits(threads=1), Path(":memory:"), [Places(files=(place.absolute(),))])
print("ready", flush=True)
sys.stdin.read()
for _ in range(1000):
    try:
        name = engine.attach(place, "duckdb", read_only=False)
        break
    except ConnectorError as error:
        assert error.error_class == "conflict", error
        time.sleep(0.01)
session = engine.session("j")
session.execute(f"create table if not exists {name}.t (n int)")
session.execute(f"insert into {name}.t values ({number})")
engine.close()
"""


def test_processes_that_make_one_duckdb_file_at_once_lose_no_rows(tmp_path: Path) -> None:
    words = [[sys.executable, "-c", ROW, str(number)] for number in range(8)]
    pipe = subprocess.PIPE
    with ExitStack() as stack:
        processes = [stack.enter_context(subprocess.Popen(one, stdin=pipe, stdout=pipe, cwd=tmp_path)) for one in words]
        for one in processes:
            assert one.stdout is not None
            assert one.stdout.read(6) == b"ready\n"
        for one in processes:
            assert one.stdin is not None
            one.stdin.close()
        assert [one.wait(60) for one in processes] == [0] * 8
    rows = duckdb.connect(str(tmp_path / "db.duckdb")).execute("from t order by n").fetchall()
    assert rows == [(number,) for number in range(8)]
    assert os.listdir(tmp_path) == ["db.duckdb"]


def test_a_transaction_of_a_step_that_shall_end_is_undone_before_the_next_one_begins(tmp_path: Path) -> None:
    engine = Engine(Limits(threads=1), tmp_path / "datasets.duckdb")
    session, token = engine.session("j"), Token()

    def ended_as_it_writes() -> None:
        with working_for(token), session.transaction():
            session.execute(f"create table {session.qualified('t')} as select 1 as n")
            token.cancel(Failure("R302", "timeout", "the step did not end within 1 s"))
            session.execute("select 1")

    with pytest.raises(Ended):
        ended_as_it_writes()
    with working_for(Token()), session.transaction():
        session.execute(f"create table {session.qualified('t')} as select 2 as n")
    assert session.execute("from t") == [(2,)]
    engine.close()
