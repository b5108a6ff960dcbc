"""Which flows the engine serves with one thread, because it could use no more."""

from pathlib import Path
from typing import Any

import pytest

from firn_runtime.artifact_file import load_any
from firn_runtime.connector import RunFacts
from firn_runtime.prepare import prepare
from firn_runtime.resources import Resources
from firn_runtime.telling import Teller
from runtime.artifacts import job, payload, resource, spelled, step

POSTGRES = resource("db", "postgres", {"host": "127.0.0.1", "database": "d", "user": "u"})
DUCKDB = resource("db", "duckdb", {"path": "d.duckdb"})
FILES = resource("files", "local", {"root": "."})


def threads(folder: Path, *steps: dict[str, Any], limit: int | None = None) -> int:
    """Return how many threads the engine has in a run of these steps; two are one for each core here."""
    compute = resource("compute", "duckdb", {} if limit is None else {"threads": limit})
    resources = {"compute": compute, "duckdb": DUCKDB, "files": FILES, "pg": POSTGRES}
    body = payload(job("main", *steps), names={name: name for name in resources}, resources=resources)
    artifact = load_any(spelled(body))
    prepared = prepare(artifact.payload, "flow", {}, folder)
    open = Resources(prepared, folder / "work", Teller("r", "flow", [], str), RunFacts("flow", "r"))
    try:
        session = open.session(artifact.payload.flows["flow"].jobs[0])
        ((number,),) = session.execute("select current_setting('threads')")
    finally:
        open.close()
    return int(number)


@pytest.fixture(scope="module")
def all_threads(tmp_path_factory: pytest.TempPathFactory) -> int:
    return threads(tmp_path_factory.mktemp("all"), step("n", "sql", sql="select 1 as n"))


def read(resource: str, into: str | None = "w", **inputs: Any) -> dict[str, Any]:
    return step("r", "read", resource=resource, **inputs) | ({} if into is None else {"streamed_into": into})


def write(resource: str, mode: str = "replace", from_: str = "r") -> dict[str, Any]:
    return step("w", "write", resource=resource, mode=mode, table="t", **{"from": from_})


PASSED_ON = {
    "a file to PostgreSQL": [read("files", path="a.parquet"), write("pg")],
    "a file to PostgreSQL, by key": [read("files", path="a.csv"), write("pg", "upsert")],
    "a DuckDB table to PostgreSQL": [read("duckdb", table="a"), write("pg", "append")],
    "a PostgreSQL table to DuckDB": [read("pg", table="a"), write("duckdb", "append")],
    "a PostgreSQL table to another": [read("pg", table="a"), write("pg")],
}
MORE = {
    "a query of people's": [read("duckdb", sql="select count(*) from a"), write("pg")],
    "a query within the flow": [step("r", "sql", sql="select 1 as n") | {"streamed_into": "w"}, write("pg")],
    "rows that are kept": [read("files", None, path="a.csv"), write("pg")],
    "rows that are joined with those of the table": [read("pg", table="a"), write("duckdb", "upsert")],
    "a table that is read in parts": [read("pg", table="a"), write("files")],
    "files alone": [read("files", path="a.csv"), write("duckdb")],
    "a dataset of another job": [write("pg", from_="other")],
    "inputs that no step can have": [read("pg", table="a"), step("w", "write", resource="duckdb", mode={"a": 1})],
}


@pytest.mark.parametrize("steps", PASSED_ON.values(), ids=PASSED_ON.keys())
def test_rows_that_only_pass_from_or_to_postgresql_need_one_thread(tmp_path: Path, steps: list[dict[str, Any]]) -> None:
    assert threads(tmp_path, *steps) == 1


@pytest.mark.parametrize("steps", MORE.values(), ids=MORE.keys())
def test_whatever_can_be_done_side_by_side_has_all_threads(
    tmp_path: Path, all_threads: int, steps: list[dict[str, Any]]
) -> None:
    assert threads(tmp_path, *steps) == all_threads


def test_one_such_step_gives_all_threads_to_the_flow(tmp_path: Path, all_threads: int) -> None:
    steps = [*PASSED_ON["a file to PostgreSQL"], step("n", "sql", sql="select 1 as n")]
    assert threads(tmp_path, *steps) == all_threads


def test_the_platform_s_threads_are_what_it_says(tmp_path: Path) -> None:
    assert threads(tmp_path, *PASSED_ON["a file to PostgreSQL"], limit=3) == 3
