"""Tables of SQLite that others have made, whose values are not what their columns are declared as."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.errors import ConnectorError
from runtime.workbench import Workbench, connector

Read = Callable[..., list[Any]]

MOMENT = datetime(2020, 1, 1, 10, 0)


@pytest.fixture
def others(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Return another program's connection to the file."""
    with closing(sqlite3.connect(tmp_path / "others.sqlite")) as connection:
        yield connection


@pytest.fixture
def read(bench: Callable[..., Workbench], tmp_path: Path, others: sqlite3.Connection) -> Read:
    """Return what reads the table `t` after some statements."""

    def made(*statements: str, **inputs: Any) -> list[Any]:
        others.executescript(";".join(statements))
        others.commit()
        work = bench(lite=connector("db", "sqlite3", path=str(tmp_path / "others.sqlite")))
        work.do("read", {"resource": "lite", "table": "t", **inputs})
        return work.rows()

    return made


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("date", "18262"),
        ("date", "2459000.5"),
        ("date", "'2020-01-01 10:00:00'"),
        ("datetime", "2459000.5"),
        ("datetime", "1577836800000"),
        ("datetime", "'2020-01-01 10:00:00+02:00'"),
        ("timestamp", "'2020-01-01T10:00-05'"),
        ("timestamp", "'2020-01-01 10:00:00.123456789'"),
        ("date", "'31/12/2020'"),
        ("date", "'0000-00-00'"),
        ("datetime", "'2020-02-30 10:00'"),
        ("date", "x'00'"),
        ("time", "'10:00'"),
        ("timestamp", "'none'"),
        ("", "0.1 + 0.2"),
        ("numeric", "9007199254740993"),
        ("decimal(20, 0)", "-9223372036854775808"),
    ],
)
def test_a_value_that_would_be_another_is_refused_and_not_told(read: Read, declared: str, value: str) -> None:
    made = (f'create table t (id int, "the v" {declared})', f"insert into t values (1, null), (2, {value})")
    with pytest.raises(ConnectorError) as caught:
        read(*made)
    assert caught.value.error_class == "data"
    assert caught.value.message.startswith("the column `the v` holds values of SQLite's type ")
    assert caught.value.help.startswith("`schema: {the v: varchar}`")
    assert value.strip("'") not in caught.value.message


@pytest.mark.parametrize(
    ("declared", "value", "expected"),
    [
        ("date", "'2020-01-01'", date(2020, 1, 1)),
        ("date", "'2020-01-01 00:00:00'", date(2020, 1, 1)),
        ("datetime", "'2020-01-01 10:00'", MOMENT),
        ("datetime", "'2020-01-01T10:00:00Z'", MOMENT),
        ("datetime", "'2020-01-01 10:00:00.000+00:00'", MOMENT),
        ("timestamp", "'2020-01-01 10:00:00.000000000'", MOMENT),
        ("timestamp", "1577872800", MOMENT),
        ("numeric", "9007199254740992", 9007199254740992.0),
        ("numeric", "2.5", 2.5),
        ("date", "'2020/1/1'", date(2020, 1, 1)),
        ("", "2.5", b"2.5"),
    ],
)
def test_a_value_that_stays_what_it_is_is_read(read: Read, declared: str, value: str, expected: Any) -> None:
    assert read(f"create table t (v {declared})", f"insert into t values ({value}), (null)") == [(expected,), (None,)]


GENERATED = ("create table t (a int, b int as (a * 2), c int as (a * 3) stored)", "insert into t values (4)")


def test_columns_that_the_engine_does_not_see_are_named(read: Read) -> None:
    with pytest.raises(ConnectorError, match="that cannot be read: `b`, `c`"):
        read(*GENERATED)


@pytest.mark.parametrize("inputs", [{"columns": ["A"]}, {"columns": ["a"], "schema": {"a": "bigint"}}])
def test_who_names_the_others_reads_them(read: Read, inputs: dict[str, Any]) -> None:
    assert read(*GENERATED, **inputs) == [(4,)]


def test_a_column_that_is_not_asked_for_does_not_matter(read: Read) -> None:
    made = ("create table t (a int, d date)", "insert into t values (1, 2459000.5)")
    assert read(*made, columns=["a"]) == [(1,)]


NUMBERS = (1, -7, 2.0, 0.1 + 0.2, 1e300, 5e-324, float("inf"), 2**53 + 1, 2**63 - 1)
TEXTS = ("1.50", "n/a", "", "r1", "t", "a\0b", "é", b"raw", None)
TYPES = ("int", "real", "numeric", "boolean", "string", "json", "uuid", "date", "datetime", "time", "blob", "")


def spelled(value: Any) -> str | None:
    return value.decode() if isinstance(value, bytes) else None if value is None else str(value)


@pytest.mark.parametrize("declared", TYPES)
def test_a_column_of_mixed_values_is_read_as_text(read: Read, others: sqlite3.Connection, declared: str) -> None:
    others.execute(f'create table t (n integer, "the v" {declared})')
    others.executemany("insert into t values (?, ?)", enumerate(NUMBERS + TEXTS))
    kept = others.execute("select * from t order by n").fetchall()
    rows = read(columns=["n", "the v"], schema={"the v": "varchar"})
    assert sorted(rows) == [(n, spelled(value)) for n, value in kept]


def test_columns_beside_one_that_is_read_as_text_are_read_as_ever(read: Read, others: sqlite3.Connection) -> None:
    kinds = "n bigint, r real, b blob, d date, a datetime, s text, other string"
    others.execute(f"create table t (v int, {kinds}) ")
    row = (2**63 - 1, 0.1 + 0.2, b"\x00\xff", "2020-01-01 00:00:00", 1577872800, "é\0", "x")
    others.executemany("insert into t values (?, ?, ?, ?, ?, ?, ?, ?)", [("n/a", *row), (1, *[None] * len(row))])
    read_as = (*row[:3], date(2020, 1, 1), MOMENT, *row[5:])
    assert read(schema={"v": "varchar"}) == [("n/a", *read_as), ("1", *[None] * len(row))]


@pytest.mark.parametrize(
    ("declared", "value", "kind", "expected"),
    [
        ("time", "10:00:30", "time", time(10, 0, 30)),
        ("int", 2.5, "double", 2.5),
        ("int", 2.5, "decimal(9, 2)", Decimal("2.50")),
        ("numeric", 2**53 + 1, "bigint", 2**53 + 1),
        ("date", 18262, "integer", 18262),
        ("", 0.1 + 0.2, "double", 0.1 + 0.2),
        ("", "1.50", "decimal(9, 2)", Decimal("1.50")),
        ("text", b"\xff", "blob", b"\xff"),
        ("text", "\\x41", "blob", b"\\x41"),
        ("text", "1", "bigint", 1),
        ("boolean", 1, "boolean", True),
        ("json", 1, "json", "1"),
        ("real", 2.5, "decimal(9, 2)", Decimal("2.50")),
    ],
)
def test_schema_takes_the_values_that_are_there(
    read: Read, others: sqlite3.Connection, declared: str, value: Any, kind: str, expected: Any
) -> None:
    others.execute(f"create table t (v {declared})")
    others.execute("insert into t values (?), (null)", [value])
    assert read(schema={"v": kind}) == [(expected,), (None,)]


def test_a_mixed_column_of_a_view_is_read_as_text(read: Read) -> None:
    made = (
        "create table o (a int)",
        "insert into o values ('n/a'), (1)",
        "create view t as select a, 1 / 2 as b from o",
    )
    assert read(*made, columns=["a"], schema={"a": "varchar"}) == [("n/a",), ("1",)]


def test_bytes_in_a_column_of_numbers_are_told_whatever_python_makes_of_them(read: Read) -> None:
    with pytest.raises(ConnectorError) as caught:
        read("create table t (v int)", "insert into t values (x'ff')")
    assert caught.value.error_class == "data"
    assert any(said in caught.value.message for said in ('Invalid type in column "v"', "a column holds values of"))
    assert "varchar}` in a read of the table" in caught.value.help


@pytest.mark.parametrize(
    ("declared", "value", "found"),
    [
        ("int", "'secret'", 'column was declared as integer, found one of type "text" instead'),
        ("int", "2.5", 'column was declared as integer, found one of type "float" instead'),
        ("string", "1", 'column was declared as text, found one of type "integer" instead'),
        ("numeric", "'secret'", 'expected float or integer, found one of type "text" instead'),
    ],
)
def test_a_column_of_mixed_values_is_named_with_its_way_out(read: Read, declared: str, value: str, found: str) -> None:
    with pytest.raises(ConnectorError) as caught:
        read(f'create table t ("the v" {declared})', f"insert into t values ({value})")
    assert caught.value.error_class == "data"
    assert caught.value.message == f'Invalid type in column "the v": {found}'
    assert caught.value.help.startswith("`schema: {the v: varchar}`")


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("date", "2026-02-30"),
        ("timestamp", "2026-01-02 25:04:05"),
        ("datetime", "2026-01-02 03:04:61"),
        ("timestamp", "2026-01-02 03:04:05 Europe/Berlin"),
    ],
)
def test_a_moment_of_no_calendar_is_not_told_but_its_way_out(read: Read, declared: str, value: str) -> None:
    with pytest.raises(ConnectorError) as caught:
        read(f"create table t (v {declared})", f"insert into t values ('{value}')")
    assert value[:10] not in caught.value.message
    assert "`schema: {column: varchar}`" in caught.value.help


@pytest.mark.parametrize(
    ("declared", "value", "said"),
    [
        ("date", "'secret'", "invalid date field format"),
        ("date", "x'00'", "a column holds values of another type than its DATE"),
        ("timestamp", "x'00'", "a column holds values of another type than its TIMESTAMP"),
        ("datetime", "'secret'", "invalid timestamp field format"),
    ],
)
def test_what_sql_cannot_read_is_told_with_its_way_out(read: Read, declared: str, value: str, said: str) -> None:
    with pytest.raises(ConnectorError, match=said) as caught:
        read(f"create table t (v {declared})", f"insert into t values ({value})", table=None, sql="select v from t")
    assert "secret" not in caught.value.message
    assert "`schema: {column: varchar}`" in caught.value.help


LATIN = ("create table t (n int, v text)", "insert into t values (1, null), (2, cast(x'41ff' as text))")


TEXT, BYTES = "cast(x'41ff' as text)", "x'41ff'"


@pytest.mark.parametrize(
    ("declared", "value", "schema"),
    [
        ("text", TEXT, {}),
        ("text", TEXT, {"n": "varchar", "v": "varchar"}),
        *((declared, value, {"v": "varchar"}) for declared in ("int", "json", "") for value in (TEXT, BYTES)),
    ],
)
def test_a_text_that_is_no_utf_8_is_told_and_never_passed_on(
    read: Read, declared: str, value: str, schema: dict[str, str]
) -> None:
    made = (f"create table t (n int, v {declared})", f"insert into t values (1, null), (2, {value})")
    with pytest.raises(ConnectorError, match=r'the column `v` holds a text that is not UTF-8|column "v"') as caught:
        read(*made, schema=schema)
    assert "{v: blob}" in caught.value.help


def test_bytes_in_a_column_of_texts_are_told_and_never_passed_on(read: Read) -> None:
    """Python 3.11.2 is given no text by the engine, which would quote the bytes."""
    made = ("create table t (n int, v text)", f"insert into t values (1, null), (2, {BYTES})")
    unsaid = "a column holds values of another type than it is declared with"
    with pytest.raises(ConnectorError, match=f'column "v"|{unsaid}') as caught:
        read(*made)
    assert "{v: blob}" in caught.value.help or "{column: varchar}" in caught.value.help


def test_a_text_that_is_no_utf_8_is_read_as_bytes(read: Read) -> None:
    assert read(*LATIN, schema={"v": "blob"}) == [(1, None), (2, b"A\xff")]


def test_a_column_that_has_the_name_of_the_rows_number_is_no_number_of_rows(read: Read) -> None:
    rows = [(None, 1.5, "a"), (7, 2.0, "b"), (7, None, "c"), (-2, 0.1, None)]
    values = "(null, 1.5, 'a'), (7, 2.0, 'b'), (7, null, 'c'), (-2, 0.1, null)"
    assert read("create table t (RowId int, r real, v text)", f"insert into t values {values}") == rows


def test_a_table_of_another_schema_is_not_that_of_its_name(read: Read) -> None:
    with pytest.raises(ConnectorError, match=r"there is no table `other\.t`: SQLite has the one schema `main`"):
        read("create table t (v int)", table="other.t")
