"""What a write does where the columns of the dataset and the table differ, in every database."""

import re
from pathlib import Path

import pytest

from firn_runtime.connectors.databases.schema_policy import fitted
from firn_runtime.connectors.postgres.table import POSTGRES
from firn_runtime.errors import ConnectorError
from firn_schemas.steps.data import WriteInputs
from runtime.connectors import sinks
from runtime.connectors.sinks import PUBLICATION
from runtime.connectors.target import ADDED, EXPECTED, FILLED, MODES, NEW, OLD, SHAPES, TABLE, UNIQUE, Target
from runtime.workbench import Workbench

modes = pytest.mark.parametrize("mode", MODES)


@pytest.fixture(params=sinks.DATABASES)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    return Target(request.param, tmp_path)


WIDER = f"select *, k * 10 as more from ({NEW})"


@pytest.mark.parametrize("mode", ["append", "upsert", "insert_overwrite"])
def test_a_column_that_the_table_lacks_is_refused_unless_it_is_to_be_added(target: Target, mode: str) -> None:
    target.do(TABLE, FILLED)
    said = "the dataset does not fit the table `t`: the table has no column `more` (INTEGER)"
    assert target.refusal(WIDER, mode) == said
    assert target.refusal(WIDER, mode, on_schema_change="fail") == said
    assert target.rows("select * from t order by k") == OLD
    target.write(WIDER, mode, on_schema_change="add_columns")
    assert target.rows() == EXPECTED[mode]
    assert target.rows("select k, more from t where more is not null order by k") == [(2, 20), (4, 40)]


@pytest.mark.parametrize(("mode", "key"), [("upsert", "k"), ("insert_overwrite", "p")])
def test_a_key_is_never_added(target: Target, mode: str, key: str) -> None:
    """The rows that are there would not be found by it, and those of the dataset would be beside them."""
    target.do(
        TABLE.replace(key + " ", key + "_id "), FILLED.replace("k, p, v", "k_id, p, v" if key == "k" else "k, p_id, v")
    )
    before = target.rows("select * from t order by 1")
    message = target.refusal(NEW, mode, on_schema_change="add_columns")
    assert message.startswith(f"the dataset does not fit the table `t`: the table has no column `{key}` (")
    assert target.rows("select * from t order by 1") == before


@pytest.mark.parametrize("target", ["postgres"], indirect=True)
@pytest.mark.parametrize("mode", ["upsert", "insert_overwrite"])
def test_a_key_whose_name_gets_another_case_is_said(target: Target, mode: str) -> None:
    target.do(TABLE, FILLED)
    message = target.refusal(f'select k as "K", p as "P", v from ({NEW})', mode, on_schema_change="add_columns")
    column = "`K` (INTEGER), but `k`" if mode == "upsert" else "`P` (VARCHAR), but `p`"
    assert message == f"the dataset does not fit the table `t`: the table has no column {column}"
    assert target.rows("select * from t order by k") == OLD


@pytest.mark.parametrize("shape", UNIQUE)
def test_a_column_is_added_beside_indexes(target: Target, shape: str) -> None:
    target.do(*SHAPES[shape], FILLED)
    target.write(WIDER, "upsert", on_schema_change="add_columns")
    found = target.rows("select k, p, v, more from t order by k")
    assert found == [(1, "a", 10, None), (2, "a", 21, 20), (3, "b", 30, None), (4, "a", 41, 40)]


def test_replace_makes_the_table_anew_where_its_columns_differ(target: Target) -> None:
    target.do(TABLE, FILLED)
    if target.kind == "mysql":  # it cannot undo that
        assert "cannot be made anew" in target.refusal(WIDER, "replace")
        assert target.rows("select * from t order by k") == OLD
        return
    written = target.write(WIDER, "replace")
    assert target.rows("select * from t order by k") == [(2, "a", 21, 20), (4, "a", 41, 40)]
    assert written.warnings == (
        "the table `t` was made anew, without its indexes, constraints and grants: "
        "the table has no column `more` (INTEGER)",
    )
    again = target.write("select 1 as k, 2.5::decimal(4,2) as v", "replace", PUBLICATION._replace(run="r2"))
    assert target.rows("select * from t") == [(1, 2.5)]
    assert "`v` is DECIMAL(4,2), and" in again.warnings[0]
    assert "the dataset has no column `p`" in again.warnings[0]


def test_replace_fills_no_column_with_null_that_the_dataset_has_lost(target: Target) -> None:
    target.do(TABLE, FILLED)
    said = "the dataset has no column `p` (text)"
    if target.kind == "mysql":  # it cannot undo that
        assert said in target.refusal("select 4::bigint as k, 5::bigint as v", "replace")
        assert target.rows() == OLD
        return
    (warning,) = target.write("select 4::bigint as k, 5::bigint as v", "replace").warnings
    assert said in warning.replace("VARCHAR", "text")
    assert target.rows("select * from t") == [(4, 5)]


def test_replace_keeps_the_table_where_its_columns_are_the_same(target: Target) -> None:
    target.do("create table t (k bigint, p text, v bigint check (v < 100), more text default 'm')", FILLED)
    assert target.write(NEW, "replace").warnings == ()
    assert target.rows("select k, more from t order by k") == [(2, "m"), (4, "m")]
    with pytest.raises(ConnectorError) as caught:
        target.write("select 1 as k, 'p' as p, 100 as v", "replace", PUBLICATION._replace(run="r2"))
    assert caught.value.error_class == "data"
    assert target.rows() == ADDED


@pytest.mark.parametrize("policy", ["fail", "strict"])
def test_replace_refuses_where_it_is_told_to(target: Target, policy: str) -> None:
    target.do(TABLE, FILLED)
    assert "the dataset does not fit the table `t`: " in target.refusal(WIDER, "replace", on_schema_change=policy)
    assert target.rows("select * from t order by k") == OLD


def test_replace_adds_columns_where_it_is_told_to(target: Target) -> None:
    target.do(TABLE, FILLED)
    assert target.write(WIDER, "replace", on_schema_change="add_columns").warnings == ()
    assert target.rows("select * from t order by k") == [(2, "a", 21, 20), (4, "a", 41, 40)]


@modes
def test_every_difference_is_told_at_once(target: Target, mode: str) -> None:
    target.do("create table t (k bigint, p text, v bigint, needed text not null, price bigint)", "delete from t")
    sql = "select 2::bigint as k, 'canary' as p, 1.5::double as v, 7 as prices"
    message = target.refusal(sql, mode, on_schema_change="fail")
    said = "the dataset does not fit the table `t`: the table has no column `prices` (INTEGER), but `price`; "
    assert message.startswith(said)
    assert f"`v` is DOUBLE, and {type_of(target, 'BIGINT')} in the table" in message
    assert "the dataset has no column `needed`, which the table requires" in message
    assert "`needed`" in target.refusal(sql, mode, on_schema_change="add_columns")


def type_of(target: Target, kind: str) -> str:
    """Return a type as the database's connector names it."""
    return kind.lower() if target.kind in ("postgres", "mysql") else kind


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_strict_takes_exactly_the_columns_and_types_of_a_new_table(target: Target, mode: str) -> None:
    sql = (
        "select 1::bigint as k, 'a' as p, 2::decimal(9,2) as m, 1.5 as d, true as b, date '2026-01-02' as day, "
        "timestamp '2026-01-02 03:04:05' as at, [1] as l, 1::utinyint as small, now() as tz, uuid() as u, "
        "'x'::blob as x"
    )
    target.write(sql, mode)
    target.write(sql, mode, PUBLICATION._replace(run="r2"), on_schema_change="strict")
    turned = sql.replace("1::bigint as k, 'a' as p", "'a' as p, 1::bigint as k")
    target.write(turned, mode, PUBLICATION._replace(run="r3"), on_schema_change="strict")
    assert target.rows("select count(*) from t") == [(3,) if mode == "append" else (1,)]
    target.do("drop table t", "create table t (k smallint, more text)")
    message = target.refusal(
        "select 1::bigint as k", mode, publication=PUBLICATION._replace(run="r4"), on_schema_change="strict"
    )
    assert "the dataset has no column `more`" in message
    if target.kind != "sqlite3":
        assert f"`k` is BIGINT, and {type_of(target, 'SMALLINT')} in the table" in message


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("double", "bigint"),
        ("bigint", "double precision"),
        ("varchar", "bigint"),
        ("timestamp", "date"),
        ("boolean", "text"),
        ("decimal(9,2)", "bigint"),
        ("bigint", "text"),
    ],
)
def test_types_that_would_change_a_value_are_refused(target: Target, kind: str, column: str) -> None:
    target.do(f"create table t (v {column})")
    value = {"varchar": "'1'", "timestamp": "'2026-01-02'", "boolean": "'t'"}.get(kind, "1")
    assert "`v` is " in target.refusal(f"select {value}::{kind} as v", "append")
    assert target.rows("select * from t") == []


def test_a_value_that_a_narrower_column_refuses_undoes_the_write(target: Target) -> None:
    if target.kind == "sqlite3":
        pytest.skip("SQLite's columns of numbers are all as wide")
    target.do("create table t (k bigint, p text, v smallint)", FILLED)
    with pytest.raises(ConnectorError) as caught:
        target.write("select 1 as k, 'a' as p, 70000 as v", "append")
    assert caught.value.error_class == "data"
    assert "70000" not in caught.value.message
    assert target.rows() == OLD


@pytest.mark.parametrize("target", ["postgres", "sqlite3"], indirect=True)
def test_the_types_of_a_new_table_are_those_of_the_connectors_page(target: Target) -> None:
    page = (Path(__file__).parents[3] / f"docs/connectors/db-{target.kind}.md").read_text().partition("<!--")[0]
    table = [re.findall(r"`([^`]+)`", line) for line in page.splitlines() if line.startswith("| `")]
    after = 2 if target.kind == "postgres" else 1
    expected = {kind: row[-after:] for row in table for kind in row[:-after]}
    assert len(expected) > 20
    columns = {f"c{at}": kind for at, kind in enumerate(expected)}
    target.write("select " + ", ".join(f"null::{kind} as {name}" for name, kind in columns.items()), "append")
    work = Workbench(target.folder, {"sink": target.sink.resource()})
    work.do("read", {"resource": "sink", "table": "t"})
    read = work.session.columns("data")
    work.close()
    assert [(kind, read[name]) for name, kind in columns.items()] == [(kind, one[-1]) for kind, one in expected.items()]
    if target.kind == "postgres":
        assert [(kind, POSTGRES.types.declared(kind)) for kind in expected] == [
            (kind, one[0]) for kind, one in expected.items()
        ]


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        ("STRUCT(INTEGER, VARCHAR)", True),
        ("STRUCT(TIMESTAMP WITH TIME ZONE, INTEGER)[]", True),
        ('STRUCT(x STRUCT("NULL", INTEGER))', True),
        ("MAP(VARCHAR, STRUCT(DECIMAL(18,2)))", True),
        ("STRUCT(x INTEGER, y STRUCT(z INTEGER)[])", False),
        ('STRUCT("a, b" INTEGER, "STRUCT(a," INTEGER)', False),
    ],
)
def test_a_record_without_names_goes_into_no_table(kind: str, refused: bool) -> None:
    inputs = WriteInputs(from_="d", resource="pg", table="t", mode="append")
    if not refused:
        assert fitted(inputs, {"r": kind}, (), "t", POSTGRES.types).names == ("r",)
        return
    with pytest.raises(ConnectorError, match="a record without names, of which one value would be left"):
        fitted(inputs, {"r": kind}, (), "t", POSTGRES.types)
