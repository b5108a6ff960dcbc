"""Tables of SQLite that others have made, whose values are not what their columns are declared as."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.errors import ConnectorError
from runtime.workbench import Workbench, connector

Read = Callable[..., list[Any]]

MOMENT = datetime(2020, 1, 1, 10, 0)


@pytest.fixture
def read(bench: Callable[..., Workbench], tmp_path: Path) -> Read:
    """Return what reads the table `t` after some statements."""

    def made(*statements: str, **inputs: Any) -> list[Any]:
        path = tmp_path / "others.sqlite"
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(";".join(statements))
        work = bench(lite=connector("db", "sqlite3", path=str(path)))
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
        ("numeric", "9007199254740993"),
        ("decimal(20, 0)", "-9223372036854775808"),
    ],
)
def test_a_value_that_would_be_another_is_refused_and_not_told(read: Read, declared: str, value: str) -> None:
    made = (f'create table t (id int, "the v" {declared})', f"insert into t values (1, null), (2, {value})")
    with pytest.raises(ConnectorError) as caught:
        read(*made)
    assert caught.value.error_class == "data"
    assert caught.value.message.startswith("the column `the v` holds values that would be changed by reading them as ")
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
    ],
)
def test_a_value_that_stays_what_it_is_is_read(read: Read, declared: str, value: str, expected: Any) -> None:
    assert read(f"create table t (v {declared})", f"insert into t values ({value}), (null)") == [(expected,), (None,)]


GENERATED = ("create table t (a int, b int as (a * 2), c int as (a * 3) stored)", "insert into t values (4)")


def test_columns_that_the_engine_does_not_see_are_named(read: Read) -> None:
    with pytest.raises(ConnectorError, match="that cannot be read: `b`, `c`"):
        read(*GENERATED)


@pytest.mark.parametrize("inputs", [{"columns": ["A"]}, {"schema": {"a": "bigint"}}])
def test_who_names_the_others_reads_them(read: Read, inputs: dict[str, Any]) -> None:
    assert read(*GENERATED, **inputs) == [(4,)]


def test_a_column_that_is_not_asked_for_does_not_matter(read: Read) -> None:
    made = ("create table t (a int, d date)", "insert into t values (1, 2459000.5)")
    assert read(*made, columns=["a"]) == [(1,)]
