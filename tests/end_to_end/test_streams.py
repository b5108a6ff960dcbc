"""Streams as a user meets them: one pass, what is shown of them, and a run that is killed between their two ends."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

FIRN = Path(sys.executable).with_name("firn")

PLATFORM = """\
version: "1.0.0"
storage:
  default: {type: local, root: out}
connectors:
  files: {type: local, config: {root: data}}
  warehouse: {type: duckdb, config: {path: warehouse.duckdb}}
workspace: {root: work, cleanup: never}
"""

HEAD = """\
name: streams
version: "1.0.0"
resources:
  shop: {profile: files}
  lake: {profile: warehouse}
steps:
"""
READ = "  - {id: orders, type: read, inputs: {resource: shop, path: orders.csv}}\n"
BIG = '  - {id: big, type: sql, inputs: {sql: "select * from orders where amount > 10"}}\n'
WRITE = "  - {id: publish, type: write, inputs: {from: big, resource: lake, table: big, mode: replace}}\n"


def firn(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(FIRN), *words], cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/orders.csv").write_text("id,amount\n1,5\n2,20\n3,30\n")
    (tmp_path / "platform.yaml").write_text(PLATFORM)
    return tmp_path


def compiled(project: Path, steps: str) -> dict[str, str | None]:
    """Compile a flow of these steps; return into which step each one is streamed."""
    (project / "flow.yaml").write_text(HEAD + steps)
    answer = firn("compile", "flow.yaml", "-p", "platform.yaml", "-o", "c.json", cwd=project)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    flow = json.loads((project / "c.json").read_text())["payload"]["flows"]["streams"]
    return {step["id"]: step.get("streamed_into") for job in flow["jobs"] for step in job["steps"]}


def datasets(project: Path) -> list[str]:
    """Return the datasets that runs have kept."""
    found: list[str] = []
    for file in (project / "work").glob("**/datasets.duckdb"):
        with duckdb.connect(str(file), read_only=True) as connection:
            found += [row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()]
    return sorted(found)


def warehouse(project: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(project / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute("from big order by all").fetchall()


def test_what_one_step_reads_once_is_never_kept(project: Path) -> None:
    assert compiled(project, READ + BIG + WRITE) == {"orders": "big", "big": "publish", "publish": None}
    answer = firn("run", "c.json", cwd=project)
    assert answer.returncode == 0, answer.stdout
    assert "main.orders  SUCCESS  streamed" in answer.stdout
    assert re.search(r"publish  SUCCESS +2 ", answer.stdout)
    assert warehouse(project) == [(2, 20), (3, 30)]
    assert datasets(project) == []


def test_inspect_shows_what_is_streamed(project: Path) -> None:
    compiled(project, READ + BIG + WRITE)
    shown = firn("inspect", "c.json", cwd=project).stdout
    assert "orders  read  shop  streamed into big\n" in shown
    assert "publish  write  lake\n" in shown


KEPT = {
    "a check reads it too": "type: check, inputs: {from: orders, severity: fail, expectations: [{unique: id}]}",
    "the query reads it twice": 'type: sql, inputs: {sql: "select * from orders a join orders b using (id)"}',
    "a CTE reads it": 'type: sql, inputs: {sql: "with o as (from orders) select * from o"}',
    "a subquery reads it": 'type: sql, inputs: {sql: "select 1 as x where 1 in (select id from orders)"}',
    "a query step reads it": 'type: query, inputs: {resource: compute, sql: "select count(*) as n from orders"}',
}


@pytest.mark.parametrize("reader", KEPT.values(), ids=KEPT.keys())
def test_what_is_needed_more_than_once_is_kept(project: Path, reader: str) -> None:
    assert compiled(project, f"{READ}  - {{id: t, {reader}}}\n")["orders"] is None


def test_a_flow_has_the_last_word(project: Path) -> None:
    kept = READ.replace("type: read", "type: read, materialize: true")
    assert compiled(project, kept + BIG + WRITE)["orders"] is None
    firn("run", "c.json", cwd=project)
    assert datasets(project) == ["orders"]


def test_nothing_is_streamed_past_a_step_that_may_change_its_source(project: Path) -> None:
    between = (
        "  - {id: other, type: read, inputs: {resource: shop, path: orders.csv}}\n"
        "  - {id: change, type: write, inputs: {from: other, resource: shop, path: orders.csv, mode: replace}}\n"
    )
    assert compiled(project, READ + between + BIG + WRITE)["orders"] is None


def test_a_table_that_is_read_and_written_in_one_database_is_kept(project: Path) -> None:
    read = "  - {id: orders, type: read, inputs: {resource: lake, table: big}}\n"
    assert compiled(project, read + BIG + WRITE)["orders"] is None


def test_a_run_that_failed_at_the_reader_reads_its_stream_again(project: Path) -> None:
    compiled(project, READ + BIG + WRITE)
    (project / "warehouse.duckdb").mkdir()
    answer = firn("run", "c.json", "--run-id", "r", cwd=project)
    assert answer.returncode != 0
    assert "main.big  SUCCESS  streamed" in answer.stdout
    (project / "warehouse.duckdb").rmdir()
    again = firn("run", "c.json", "--resume", "r", cwd=project)
    assert again.returncode == 0, again.stdout
    assert "main.orders  SUCCESS  streamed" in again.stdout
    assert warehouse(project) == [(2, 20), (3, 30)]
    done = firn("run", "c.json", "--resume", "r", cwd=project).stdout
    assert "main.orders  SUCCESS, done before" in done


def test_a_step_that_is_asked_for_alone_brings_its_stream_along(project: Path) -> None:
    compiled(project, READ + BIG + WRITE)
    answer = firn("run", "c.json", "--only", "main.publish", cwd=project)
    assert answer.returncode == 0, answer.stdout
    assert warehouse(project) == [(2, 20), (3, 30)]
