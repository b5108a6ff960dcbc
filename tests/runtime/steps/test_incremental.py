"""Incremental reads, one step at a time: what lies in the window is read, and how far it went is a result."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.errors import ConnectorError
from firn_runtime.step import Mark, StepResult, Window
from runtime.refusals import refused
from runtime.workbench import Workbench, connector

Make = Callable[..., Workbench]
ANEW = Window()


@pytest.fixture
def work(bench: Make) -> Workbench:
    """A workbench over a DuckDB database."""
    return bench(db=connector("db", "duckdb", path=":memory:"))


def source(work: Workbench, sql: str) -> None:
    """Put rows into the table `t` of the database."""
    home = work.resources["db"].attached(work.session)
    work.session.execute(f"create or replace table {home}.main.t as {sql}")


def read(work: Workbench, window: Window = ANEW, **incremental: Any) -> StepResult:
    work.window = window
    place = {"resource": "db", "table": "t"} if "place" not in incremental else incremental.pop("place")
    return work.do("read", {**place, "incremental": {"cursor": "c", **incremental}})


def after(value: str, type: str) -> Window:
    return Window(Mark(value, type))


def failure(*arguments: Any, **incremental: Any) -> ConnectorError:
    error = refused(read, *arguments, **incremental)
    assert error.error_class == "data"
    return error


VALUES = {
    "INTEGER": ("-5", "7", "8"),
    "BIGINT": ("9007199254740993", "9007199254740994", "9007199254740995"),
    "HUGEINT": ("1", "170141183460469231731687303715884105726", "170141183460469231731687303715884105727"),
    "UBIGINT": ("0", "18446744073709551614", "18446744073709551615"),
    "DECIMAL(18,2)": ("-1.10", "9.99", "10.00"),
    "DECIMAL(38,10)": (
        "0.0000000001",
        "1234567890123456789012345678.0123456788",
        "1234567890123456789012345678.0123456789",
    ),
    "DATE": ("1999-12-31", "2026-02-28", "2026-03-01"),
    "TIMESTAMP": ("2026-01-01T00:00:00.000000", "2026-01-01T00:00:00.000001", "2026-01-01T00:00:00.000002"),
    "TIMESTAMP_NS": ("2026-01-01T00:00:00.000000001", "2026-01-01T00:00:00.000000002", "2026-01-01T00:00:00.000000003"),
    "TIMESTAMP WITH TIME ZONE": (
        "2026-01-01T00:00:00.000000+00:00",
        "2026-03-29T00:59:59.999999+00:00",
        "2026-03-29T01:00:00.000000+00:00",
    ),
    "VARCHAR": ("a'b", "Z ünïcode", "z 🏔"),
}


def values(kind: str, texts: tuple[str, ...]) -> str:
    quoted = ", ".join("(" + "'" + text.replace("'", "''") + "'" + ")" for text in texts)
    return f"select cast(v as {kind}) as c from (values {quoted}) as t(v)"


@pytest.mark.parametrize("kind", VALUES)
def test_every_type_of_cursor_is_gone_on_from_exactly(work: Workbench, kind: str) -> None:
    texts = tuple(sorted(VALUES[kind])) if kind == "VARCHAR" else VALUES[kind]
    source(work, values(kind, texts[:2]))
    first = read(work).results
    assert (first["rows"], first["watermark"], first["watermark_type"], first["since"]) == (2, texts[1], kind, None)
    source(work, values(kind, texts))
    second = read(work, after(texts[1], kind)).results
    assert (second["rows"], second["watermark"], second["since"]) == (1, texts[2], texts[1])
    third = read(work, after(texts[2], kind)).results
    assert (third["rows"], third["watermark"], third["watermark_type"]) == (0, texts[2], kind)


def test_an_initial_value_of_another_type_is_said(work: Workbench) -> None:
    source(work, "select 7::bigint as c")
    assert failure(work, initial="2026-01-01").message == "the cursor `c` is BIGINT, and `initial` is none"


def test_rows_without_cursor_are_read_by_a_full_read_alone(work: Workbench) -> None:
    source(work, "select * from (values (1), (null), (3)) as t(c)")
    assert read(work).results["rows"] == 3
    assert read(work, initial=1).results["rows"] == 2
    assert read(work, after("1", "INTEGER")).results["rows"] == 1


def test_a_text_that_looks_like_a_number_stays_text_as_initial(work: Workbench) -> None:
    source(work, values("VARCHAR", ("006", "007", "008")))
    assert read(work, initial="007").results["rows"] == 2


def test_the_first_read_begins_at_initial_and_takes_it_in(work: Workbench) -> None:
    source(work, values("DATE", ("2025-12-31", "2026-01-01", "2026-01-02")))
    result = read(work, initial="2026-01-01").results
    assert (result["rows"], result["watermark"], result["since"]) == (2, "2026-01-02", None)
    assert read(work, after("2026-01-01", "DATE"), initial="2020-01-01").results["rows"] == 1


LOOKBACKS = [
    ("INTEGER", ("1", "5", "6", "10"), "10", 4, 2),
    ("INTEGER", ("1", "5", "6", "10"), "10", 4.5, 3),
    ("UINTEGER", ("1", "5"), "5", 100, 2),
    ("TINYINT", ("-128", "5"), "5", 200, 2),
    ("INTEGER", ("1", "5"), "5", 3e9, 2),
    ("DECIMAL(4,2)", ("-99.99", "5.00"), "5.00", 200, 2),
    ("DECIMAL(9,2)", ("9.49", "9.50", "10.00"), "10.00", 0.5, 2),
    ("DATE", ("2026-02-26", "2026-02-27", "2026-03-01"), "2026-03-01", 2, 2),
    ("DATE", ("2026-02-26", "2026-02-27", "2026-03-01"), "2026-03-01", "2d", 2),
    ("DATE", ("2026-02-26", "2026-02-27", "2026-03-01"), "2026-03-01", "36h", 2),
    (
        "TIMESTAMP",
        ("2026-01-01 00:59:59.999999", "2026-01-01 01:00:00", "2026-01-01 02:00:00"),
        "2026-01-01T02:00:00.000000",
        "1h",
        2,
    ),
    (
        "TIMESTAMP",
        ("2026-01-01 00:59:59.999999", "2026-01-01 01:00:00", "2026-01-01 02:00:00"),
        "2026-01-01T02:00:00.000000",
        3600,
        2,
    ),
    (
        "TIMESTAMP WITH TIME ZONE",
        ("2026-01-01 00:00:00+00", "2026-01-01 00:30:00+00"),
        "2026-01-01T00:30:00.000000+00:00",
        "30m",
        2,
    ),
    ("TIMESTAMP", ("2026-01-01 00:00:00",), "2026-01-01T00:00:00.000000", 0, 1),
]


@pytest.mark.parametrize(("kind", "texts", "value", "lookback", "rows"), LOOKBACKS)
def test_late_rows_are_read_again_from_lookback_on(
    work: Workbench, kind: str, texts: tuple[str, ...], value: str, lookback: Any, rows: int
) -> None:
    source(work, values(kind, texts))
    result = read(work, after(value, kind), lookback=lookback).results
    assert (result["rows"], result["watermark"]) == (rows, value)


def test_a_watermark_stays_where_the_source_has_only_older_rows(work: Workbench) -> None:
    source(work, values("BIGINT", ("5", "6")))
    result = read(work, after("9", "BIGINT"), lookback=4).results
    assert (result["rows"], result["watermark"]) == (2, "9")


@pytest.mark.parametrize(
    ("kind", "value", "lookback", "message"),
    [
        ("BIGINT", "9", "2d", "the cursor is a number, and `lookback` does not fit it"),
        ("VARCHAR", "9", 1, "the cursor is a text, and `lookback` does not fit it"),
        ("DATE", "2026-01-01", "two days", "`lookback` is no duration"),
        ("DATE", "2026-01-01", 10**6, "`lookback` reaches back before the first date"),
        ("TIMESTAMP", "2026-01-01T00:00:00.000000", "999999999d", "`lookback` reaches back before the first date"),
    ],
)
def test_a_lookback_that_does_not_fit_is_said(
    work: Workbench, kind: str, value: str, lookback: Any, message: str
) -> None:
    source(work, values(kind, (value,)))
    assert failure(work, after(value, kind), lookback=lookback).message == message


@pytest.mark.parametrize(
    ("kind", "lookback"), [("BIGINT", "2d"), ("VARCHAR", 1), ("VARCHAR", "1h"), ("DATE", "two days")]
)
def test_a_lookback_that_does_not_fit_is_said_by_the_first_run(work: Workbench, kind: str, lookback: Any) -> None:
    """Or it would publish its rows, and no run after it could go on."""
    source(work, f"select null::{kind} as c")
    assert "`lookback`" in failure(work, lookback=lookback).message


@pytest.mark.parametrize("kind", ["DOUBLE", "FLOAT", "BOOLEAN", "TIME", "INTERVAL", "INTEGER[]", "STRUCT(a INTEGER)"])
def test_what_has_no_exact_order_is_no_cursor(work: Workbench, kind: str) -> None:
    source(work, f"select cast(null as {kind}) as c")
    assert failure(work).message == f"`c` is {kind}, and no cursor can be"


def test_a_cursor_that_is_not_there_names_near_columns(work: Workbench) -> None:
    source(work, "select 1 as updated_at")
    error = failure(work, cursor="update_at")
    assert (error.message, error.help) == ("there is no column `update_at` to go on by", "did you mean `updated_at`")


def test_a_cursor_is_found_in_another_case(work: Workbench) -> None:
    source(work, 'select 1 as "C"')
    assert read(work).results["watermark"] == "1"


def test_infinity_is_never_a_watermark(work: Workbench) -> None:
    source(work, values("TIMESTAMP", ("2026-01-01", "infinity")))
    assert failure(work).message == "the cursor `c` holds infinity"


def test_a_cursor_of_another_type_than_before_is_said(work: Workbench) -> None:
    source(work, values("VARCHAR", ("2026-01-01",)))
    error = failure(work, after("2026-01-01T00:00:00.000000", "TIMESTAMP"))
    assert error.message == "the cursor `c` was TIMESTAMP in the run before and is VARCHAR now"
    assert "--reset" in error.help


def test_a_number_may_become_wider(work: Workbench) -> None:
    source(work, values("DECIMAL(18,2)", ("5.00", "5.01")))
    result = read(work, after("5", "INTEGER")).results
    assert (result["rows"], result["watermark"]) == (1, "5.01")


def test_a_read_that_is_repeated_in_its_run_reads_the_same_rows_again(work: Workbench) -> None:
    source(work, "select * from (values (1), (2), (3), (4), (null)) as t(c)")
    again = Window(Mark("1", "INTEGER"), Mark("3", "INTEGER"), repeated=True)
    result = read(work, again).results
    assert (work.rows(), result["watermark"], result["since"]) == ([(2,), (3,)], "3", "1")
    first = Window(None, Mark("3", "INTEGER"), repeated=True)
    assert (read(work, first).results["watermark"], work.rows()) == ("3", [(1,), (2,), (3,), (None,)])
    nothing = Window(Mark("1", "INTEGER"), None, repeated=True)
    assert (read(work, nothing).results["watermark"], work.rows()) == (None, [])


def test_nothing_new_is_no_error(work: Workbench) -> None:
    source(work, "select 1 as c where false")
    result = read(work)
    assert (result.no_data, result.results["watermark"], result.results["watermark_type"]) == (True, None, None)


def test_files_are_read_on(bench: Make, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,c\n1,2026-01-01 00:00:00\n2,2026-01-02 00:00:00.5\n")
    (tmp_path / "b.csv").write_text("id,c\n3,2026-01-03 12:00:00\n")
    work = bench(files=connector("files", "local", root=str(tmp_path)))
    place = {"resource": "files", "path": "*.csv", "columns": ["c", "id"]}
    result = read(work, after("2026-01-01T00:00:00.000000", "TIMESTAMP"), place=place)
    assert (len(work.rows()), result.results["watermark"]) == (2, "2026-01-03T12:00:00.000000")


def test_a_query_of_a_database_is_read_on_with_its_own_values(work: Workbench) -> None:
    source(work, "select range as c, range % 2 as odd from range(10)")
    place = {"resource": "db", "sql": "select c from t where odd = $odd", "params": {"odd": 1}}
    assert read(work, after("5", "BIGINT"), place=place).results["watermark"] == "9"
    assert work.rows() == [(7,), (9,)]


def test_the_warning_of_a_window_is_the_steps(work: Workbench) -> None:
    source(work, "select 1 as c")
    assert read(work, Window(warning="it begins anew")).warnings == ("it begins anew",)
