"""Incremental reads of PostgreSQL: the server leaves out what was read before, and compares as the engine does."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from firn_runtime.connector import Bound
from firn_runtime.connectors.postgres.bound import bounded
from firn_runtime.connectors.postgres.types import Column
from firn_runtime.step import Mark, Window
from runtime.connectors.postgres.test_postgres import Shop
from runtime.connectors.postgres.test_postgres import shop as shop
from runtime.connectors.postgres.test_postgres import work as work
from runtime.refusals import refused
from runtime.workbench import Workbench

Make = Callable[..., Workbench]
ANEW = Window()


def read(work: Workbench, window: Window = ANEW, **inputs: Any) -> dict[str, Any]:
    work.window = window
    inputs["incremental"] = {"cursor": "c"} | inputs.get("incremental", {})
    return dict(work.do("read", {"resource": "db", **inputs}).results)


def after(value: str, type: str) -> Window:
    return Window(Mark(value, type))


KINDS = {
    "smallint": (["1", "2", "3"], "SMALLINT"),
    "bigint": (["9007199254740993", "9007199254740994", "9007199254740995"], "BIGINT"),
    "numeric(38,10)": (["0.0000000001", "1.0000000000", "1234567890123456789012345678.0123456789"], "DECIMAL(38,10)"),
    "date": (["0044-03-15", "2026-01-01", "2026-01-02"], "DATE"),
    "timestamp": (
        ["1999-12-31T23:59:59.999999", "2026-01-01T00:00:00.000000", "2026-01-01T00:00:00.000001"],
        "TIMESTAMP",
    ),
    "timestamptz": (
        ["2026-03-29T00:59:59.999999+00:00", "2026-03-29T01:00:00.000000+00:00", "2026-03-29T01:00:00.000001+00:00"],
        "TIMESTAMP WITH TIME ZONE",
    ),
    "text": (["B", "Z'; drop table t; --", "a"], "VARCHAR"),
    "varchar(20)": (["B", "Zoë", "a"], "VARCHAR"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_of_cursor_is_gone_on_from_exactly(work: Workbench, shop: Shop, kind: str) -> None:
    texts, type = KINDS[kind]
    shop.do(f"create table t (c {kind})")
    for text in texts:
        shop.admin.execute("insert into t values ($1)".replace("$1", "%s").encode(), [text])
    first = read(work, table="t")
    assert (first["rows"], first["watermark"], first["watermark_type"]) == (3, texts[2], type)
    second = read(work, after(texts[1], type), table="t")
    assert (second["rows"], second["watermark"], second["since"]) == (1, texts[2], texts[1])
    again = read(work, after(texts[2], type), table="t")
    assert (again["rows"], again["watermark"]) == (0, texts[2])


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz", "date"])
def test_a_cursor_before_christ_is_gone_on_from(work: Workbench, shop: Shop, kind: str) -> None:
    shop.do(f"create table t (c {kind}); insert into t values ('0044-03-15 BC'), ('0043-01-01 BC')")
    first = read(work, table="t")
    mark = after(first["watermark"], first["watermark_type"])
    assert (first["rows"], read(work, mark, table="t")["rows"]) == (2, 0)
    shop.do("insert into t values ('0043-01-02 BC'), ('0044-03-16 BC')")
    assert read(work, mark, table="t")["rows"] == 1


@pytest.mark.parametrize(
    "inputs", [{"table": "t"}, {"sql": "select id, f(id) as checked, c from t where id > $1", "params": [0]}]
)
def test_the_server_leaves_out_what_was_read_before(work: Workbench, shop: Shop, inputs: dict[str, Any]) -> None:
    shop.do(
        "create function f(n int) returns int language plpgsql as $$ begin "
        "if n < 3 then raise exception 'row % was computed', n; end if; return n; end $$"
    )
    shop.do("create table rows as select n as id, date '2026-01-01' + n as c from generate_series(1, 4) as n")
    shop.do("create view t as select id, c, f(id) as g from rows")
    assert read(work, after("2026-01-03", "DATE"), **inputs)["rows"] == 2
    with pytest.raises(Exception, match=r"the database server refused|a function or a trigger"):
        read(work, **inputs)


def test_an_index_of_the_cursor_can_be_used(work: Workbench, shop: Shop) -> None:
    shop.do(
        "create table t as select n as id, timestamptz '2026-01-01' + n * interval '1 s' as c"
        " from generate_series(1, 20000) as n"
    )
    shop.do("create index on t (c); analyze t; select pg_stat_reset()")
    assert read(work, after("2026-01-01T05:33:10.000000+00:00", "TIMESTAMP WITH TIME ZONE"), table="t")["rows"] == 10
    work.do("query", {"resource": "db", "sql": "select pg_stat_force_next_flush()"}, "q")
    scans = shop.rows("select coalesce(sum(idx_scan), 0) from pg_stat_user_indexes where relname = 't'")
    full = shop.rows("select seq_tup_read from pg_stat_user_tables where relname = 't'")
    assert (int(scans[0][0]) > 0, full) == (True, [(0,)])


def test_texts_are_compared_as_the_engine_compares_them_whatever_the_collation(work: Workbench, shop: Shop) -> None:
    bound = Bound("C", "a", "VARCHAR", False)
    query, values = bounded("select c from t", [], [Column("c", 25, -1)], bound, (), work.session)
    assert (
        query == """select * from (select c from t\n) as rows where cast("c" as text) collate "C" > cast($1 as text)"""
    )
    assert values == ["a"]
    shop.do("create table t (c text); insert into t values ('a'), ('B'), ('c'), ('É')")
    assert read(work, table="t")["watermark"] == "É"
    assert read(work, after("a", "VARCHAR"), table="t")["rows"] == 2
    assert read(work, table="t", incremental={"initial": "a"})["rows"] == 3


def test_a_cursor_that_schema_gives_its_type_is_compared_as_that(work: Workbench, shop: Shop) -> None:
    shop.do("create table t (c text); insert into t values ('9'), ('10'), ('11')")
    assert read(work, table="t", schema={"c": "bigint"})["watermark"] == "11"
    assert read(work, after("9", "BIGINT"), table="t", schema={"c": "bigint"})["rows"] == 2
    assert read(work, table="t", schema={"C": "bigint"}, incremental={"initial": 10})["rows"] == 2


@pytest.mark.parametrize(("kind", "values"), [("numeric", "(9), (10)"), ("pg_lsn", "('9/0'), ('10/0')")])
def test_a_cursor_that_is_read_as_text_and_is_none_is_refused(
    work: Workbench, shop: Shop, kind: str, values: str
) -> None:
    """The greatest text is 9, and 10 would never be read."""
    shop.do(f"create table t (c {kind}); insert into t values {values}")
    for inputs in ({"table": "t"}, {"sql": "select c from t"}):
        error = refused(read, work, **inputs)
        assert (error.error_class, error.message) == (
            "data",
            "the cursor `c` would be compared as text, where 10 comes before 9, and it is none",
        )


def test_a_cursor_without_a_precision_has_the_order_of_its_type_in_schema(work: Workbench, shop: Shop) -> None:
    shop.do("create table t (c numeric); insert into t values (9), (10)")
    schema = {"C": "decimal(38,0)"}
    assert read(work, table="t", schema=schema)["watermark"] == "10"
    assert read(work, after("9", "DECIMAL(38,0)"), table="t", schema=schema)["rows"] == 1


def test_texts_of_the_server_and_of_others_are_cursors(work: Workbench, shop: Shop) -> None:
    shop.do("create type size as enum ('s', 'm'); create table t (c size, d char(3)); insert into t values ('s', 'x')")
    assert read(work, table="t")["watermark"] == "s"
    assert read(work, table="t", incremental={"cursor": "d"})["watermark"] == "x  "


def test_the_zone_of_the_server_moves_nothing(work: Workbench, shop: Shop) -> None:
    shop.do(f"alter role {shop.user} set timezone = 'Pacific/Auckland'")
    shop.do(
        "create table t (c timestamptz, w timestamp); insert into t select x, x from (values"
        " (timestamptz '2026-01-01 00:00+00'), (timestamptz '2026-01-01 00:00:00.000001+00')) as v(x)"
    )
    first = read(work, table="t")
    assert first["watermark"] == "2026-01-01T00:00:00.000001+00:00"
    assert read(work, after("2026-01-01T00:00:00.000000+00:00", "TIMESTAMP WITH TIME ZONE"), table="t")["rows"] == 1
    assert read(work, after(first["watermark"], first["watermark_type"]), table="t")["rows"] == 0


def test_lookback_and_initial_reach_the_server(work: Workbench, shop: Shop) -> None:
    shop.do("create table t as select date '2026-01-01' + n as c from generate_series(0, 9) as n")
    assert read(work, table="t", incremental={"initial": "2026-01-08"})["rows"] == 3
    assert read(work, after("2026-01-10", "DATE"), table="t", incremental={"lookback": "2d"})["rows"] == 3


UNFIT = {"integer": "abc", "date": "soon", "timestamptz": "yesterday noon", "numeric(9,2)": "1e30"}


@pytest.mark.parametrize("kind", UNFIT)
def test_an_initial_value_of_another_type_is_said_as_of_every_source(work: Workbench, shop: Shop, kind: str) -> None:
    shop.do(f"create table t (c {kind})")
    error = refused(read, work, table="t", incremental={"initial": UNFIT[kind]})
    assert error.error_class == "data"
    assert re.fullmatch("the cursor `c` is .*, and `initial` is none", error.message)


def test_an_initial_value_is_what_the_engine_takes_it_for(work: Workbench, shop: Shop) -> None:
    shop.do("create table t as select generate_series(0, 9) as c")
    assert read(work, table="t", incremental={"initial": 7.5})["rows"] == 2


def test_a_cursor_that_is_not_there_is_said_before_anything_is_read(work: Workbench, shop: Shop) -> None:
    shop.do("create table t as select 1 as id")
    with pytest.raises(Exception, match="there is no column `c` to go on by"):
        read(work, table="t", incremental={"initial": 1})
