"""The modes of `write` in every database: which rows are there afterwards, exactly."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.connector import Written
from firn_runtime.errors import ConnectorError
from runtime.connectors import sinks
from runtime.connectors.sinks import PUBLICATION
from runtime.connectors.target import ADDED, EXPECTED, FILLED, MODES, NEW, OLD, SHAPES, TABLE, UNIQUE, Target
from runtime.refusals import refused
from runtime.workbench import Workbench

modes = pytest.mark.parametrize("mode", MODES)


@pytest.fixture(params=sinks.DATABASES)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    return Target(request.param, tmp_path)


postgres = pytest.mark.parametrize("target", ["postgres"], indirect=True)
duckdb = pytest.mark.parametrize("target", ["duckdb"], indirect=True)
sqlite = pytest.mark.parametrize("target", ["sqlite3"], indirect=True)


@modes
@pytest.mark.parametrize("shape", SHAPES)
def test_rows_are_exactly_those_of_the_mode(target: Target, shape: str, mode: str) -> None:
    target.do(*SHAPES[shape], FILLED)
    if mode == "append" and shape in UNIQUE:
        with pytest.raises(ConnectorError) as caught:
            target.write(NEW, mode)
        assert caught.value.error_class == "data"
        assert target.rows() == OLD
        return
    written = target.write(NEW, mode)
    assert target.rows() == EXPECTED[mode]
    counts = (1, 1) if mode == "upsert" else (None, None)
    assert written == Written(2, None, *counts)


@modes
def test_a_table_that_is_missing_is_made(target: Target, mode: str) -> None:
    written = target.write(NEW, mode)
    assert target.rows() == ADDED
    assert (written.rows, written.inserted, written.updated) == (2, *((2, 0) if mode == "upsert" else (None, None)))
    target.write(NEW, mode, PUBLICATION._replace(run="r2"))
    assert target.rows() == (sorted(ADDED * 2) if mode == "append" else ADDED)


@modes
def test_a_dataset_without_rows_changes_nothing_but_what_it_replaces(target: Target, mode: str) -> None:
    target.do(TABLE, FILLED)
    assert target.write(f"{NEW} where k > 9", mode).rows == 0
    assert target.rows() == ([] if mode == "replace" else OLD)


@modes
def test_the_same_publication_again_changes_nothing_and_gives_the_same_counts(target: Target, mode: str) -> None:
    target.do(TABLE, FILLED)
    first = target.write(NEW, mode)
    assert target.write("select 9 as k, 'z' as p, 9 as v", mode, PUBLICATION._replace(attempt=2)) == first
    assert target.rows() == EXPECTED[mode]


@modes
def test_a_run_that_lost_its_lease_leaves_the_table_as_it_was(target: Target, mode: str) -> None:
    def lost() -> None:
        raise ConnectorError("conflict", "the lock is lost")

    target.do(TABLE, FILLED)
    with pytest.raises(ConnectorError, match="the lock is lost"):
        target.write(f"select *, 1 as more from ({NEW})", mode, still_ours=lost, on_schema_change="add_columns")
    columns = "k, p, v" if target.kind == "mysql" else "*"  # MySQL cannot undo that a column was added
    assert target.rows(f"select {columns} from t order by k") == OLD
    assert target.sink.loads() == []


@modes
def test_many_rows_are_written_exactly(target: Target, mode: str) -> None:
    target.do("create table t (k bigint primary key, p text, v bigint)")
    old = "select range as k, 'p' || range % 7 as p, range as v from range(40000)"
    new = "select range as k, 'p' || range % 7 as p, -range as v from range(20000, 60000)"
    target.write(old, "append", PUBLICATION._replace(run="r0"))
    if mode == "append":
        new = new.replace("(20000, 6", "(40000, 8")
    target.write(new, mode)
    count, total = {
        "replace": (40000, -sum(range(20000, 60000))),
        "append": (80000, sum(range(40000)) - sum(range(40000, 80000))),
        "upsert": (60000, sum(range(20000)) - sum(range(20000, 60000))),
        "insert_overwrite": (40000, -sum(range(20000, 60000))),
    }[mode]
    assert target.rows("select count(*), sum(v) from t") == [(count, total)]


@modes
def test_the_dataset_is_scanned_once(target: Target, mode: str) -> None:
    """A dataset may be a stream, which is gone when it was read."""
    target.do(TABLE, FILLED)
    work = Workbench(target.folder, {"sink": target.sink.resource()})
    work.session.execute("create temp sequence scanned")
    number = "nextval('temp.main.scanned')"
    work.session.execute(
        f"create temp view d as select {number} + 10 as k, 'a' as p, 1.50::decimal(9,2) as m from range(3)"
    )
    assert work.write(PUBLICATION, resource="sink", table="new", mode=mode, **MODES[mode]).rows == 3
    assert work.session.execute("select currval('temp.main.scanned')") == [(3,)]
    work.close()
    assert target.rows("select k from new order by k") == [(11,), (12,), (13,)]


def test_another_run_appends_again(target: Target) -> None:
    for run in ("r1", "r1", "r2"):
        target.write(NEW, "append", PUBLICATION._replace(run=run))
    assert target.rows() == sorted(ADDED * 2)


@duckdb
@modes
def test_nested_values_are_written_beside_indexes(target: Target, mode: str) -> None:
    target.do(
        "create table t (k bigint primary key, p text, s struct(k int), t int[])",
        "create unique index once on t (p, k)",
        "insert into t select range, 'a', {'k': range}, [range] from range(3000)",
    )
    start = 3000 if mode == "append" else 1000
    sql = f"select range as k, 'a' as p, {{'k': -1}} as s, [-1] as t from range({start}, 5000)"
    target.write(sql, mode)
    count, kept = {"append": (5000, 3000), "upsert": (5000, 1000)}.get(mode, (4000, 0))
    found = target.rows("select count(*), count(*) filter (s.k >= 0), count(*) filter (t[1] >= 0) from t")
    assert found == [(count, kept, kept)]


# upsert


def test_a_key_may_be_of_several_columns(target: Target) -> None:
    target.do(TABLE, FILLED)
    written = target.write(
        "select * from (values (1, 'b', 11), (2, 'a', 22), (1, 'a', 12)) d(k, p, v)", "upsert", keys=["p", "K"]
    )
    assert target.rows() == [(1, "a", 12), (1, "b", 11), (2, "a", 22), (3, "b", 30)]
    assert (written.rows, written.inserted, written.updated) == (3, 1, 2)


def test_a_dataset_of_keys_alone_adds_those_that_are_new(target: Target) -> None:
    target.do(TABLE, FILLED)
    written = target.write("select * from (values (2), (7)) d(k)", "upsert")
    assert target.rows("select * from t order by k") == [*OLD, (7, None, None)]
    assert (written.rows, written.inserted, written.updated) == (2, 1, 0)


def test_columns_that_the_dataset_lacks_stay_in_rows_that_are_there(target: Target) -> None:
    target.do(TABLE, FILLED)
    target.write("select * from (values (2, 21), (7, 70)) d(k, v)", "upsert")
    assert target.rows("select * from t order by k") == [OLD[0], (2, "a", 21), OLD[2], (7, None, 70)]


@duckdb
def test_what_a_table_of_duckdb_makes_itself_stays_in_rows_that_are_there(target: Target) -> None:
    target.do(
        "create table t (k bigint primary key, p text default 'z', v bigint, g bigint as (v + 1), s int[] default [7])",
        "insert into t values (1, 'a', 10, [1]), (2, null, 20, [2])",
    )
    written = target.write("select * from (values (2, 21), (4, 41)) d(k, v)", "upsert")
    assert target.rows("select * from t order by k") == [
        (1, "a", 10, 11, [1]),
        (2, None, 21, 22, [2]),
        (4, "z", 41, 42, [7]),
    ]
    assert (written.inserted, written.updated) == (1, 1)


@duckdb
def test_rows_of_duckdb_that_foreign_keys_point_to_are_changed(target: Target) -> None:
    target.do(
        "create table T (k bigint primary key, p text, v bigint)",
        FILLED,
        "create table child (k bigint references t(k))",
        "insert into child values (2)",
    )
    written = target.write(NEW, "upsert")
    assert target.rows() == EXPECTED["upsert"]
    assert (written.inserted, written.updated) == (1, 1)


def test_an_upsert_of_what_is_there_already_changes_nothing(target: Target) -> None:
    target.do(TABLE, FILLED)
    written = target.write("select * from (values (1, 'a', 10), (2, 'a', 20), (3, 'b', 30)) d(k, p, v)", "upsert")
    assert (written.inserted, written.updated, target.rows()) == (0, 3, OLD)


def test_every_row_of_a_key_is_changed(target: Target) -> None:
    target.do(TABLE, FILLED, "insert into t values (2, 'b', 25), (2, null, null)")
    written = target.write("select * from (values (2, 21), (4, 41)) d(k, v)", "upsert")
    found = target.rows("select k, p, v from t where k in (2, 4)")
    assert sorted(found, key=str) == sorted([(2, "a", 21), (2, "b", 21), (2, None, 21), (4, None, 41)], key=str)
    assert (written.inserted, written.updated) == (1, 3)


def test_rows_without_a_key_are_refused(target: Target) -> None:
    target.do(TABLE, FILLED)
    sql = "select * from (values (2, 'canary', 5), (null, 'canary', 6), (3, 'canary', null)) d(k, p, v)"
    assert target.refusal(sql, "upsert", keys=["k", "p", "v"]) == (
        "the dataset has rows without a key: NULL in `k`, `v`"
    )
    assert target.rows() == OLD


def test_keys_that_repeat_are_counted_and_not_told(target: Target) -> None:
    target.do(TABLE, FILLED)
    sql = "select range % 3 as k, 'canary' as p, range as v from range(5)"
    assert target.refusal(sql, "upsert", keys=["k", "p"]) == "the dataset has 2 keys in more than one row: `k`, `p`"
    assert target.refusal(sql + " limit 4", "upsert") == "the dataset has one key in more than one row: `k`"
    assert target.rows() == OLD


@pytest.mark.parametrize("table", [TABLE, None])
def test_keys_are_columns_of_the_dataset(target: Target, table: str | None) -> None:
    target.do(*([table] if table else []))
    with pytest.raises(ConnectorError, match="`keys` names what is no column of the dataset: `id`, `day`"):
        target.write(NEW, "upsert", keys=["id", "k", "day"])
    with pytest.raises(ConnectorError, match="`partition_by` names what is no column of the dataset: `day`"):
        target.write(NEW, "insert_overwrite", partition_by=["day"])


def test_rows_of_the_table_without_a_key_stay(target: Target) -> None:
    target.do(TABLE, FILLED, "insert into t values (null, 'n', 0)")
    target.write(NEW, "upsert")
    assert sorted(target.rows(), key=str) == sorted([*EXPECTED["upsert"], (None, "n", 0)], key=str)


def test_what_another_unique_index_refuses_is_refused(target: Target) -> None:
    target.do("create table t (k bigint primary key, p text, v bigint unique)", FILLED)
    with pytest.raises(ConnectorError) as caught:
        target.write("select 2 as k, 'canary' as p, 30 as v", "upsert")
    assert caught.value.error_class == "data"
    assert "canary" not in caught.value.message
    assert target.rows() == OLD


# insert_overwrite


def test_partitions_that_the_dataset_lacks_stay(target: Target) -> None:
    target.do(TABLE, FILLED)
    target.write("select 9 as k, 'b' as p, 90 as v", "insert_overwrite")
    assert target.rows() == [OLD[0], OLD[1], (9, "b", 90)]


def test_null_is_a_partition_like_others(target: Target) -> None:
    target.do(TABLE, FILLED, "insert into t values (5, null, 50), (6, null, 60), (7, 'c', null)")
    target.write("select * from (values (8, null, 80), (9, 'b', 90)) d(k, p, v)", "insert_overwrite")
    assert target.rows("select k, p from t order by k") == [(1, "a"), (2, "a"), (7, "c"), (8, None), (9, "b")]


def test_a_partition_may_be_of_several_columns(target: Target) -> None:
    target.do(TABLE, "insert into t values (1, 'a', 1), (1, 'a', null), (1, null, 1), (1, null, null), (2, 'a', 1)")
    sql = "select * from (values (1, 'a', null::int), (1, null, null)) d(k, p, v)"
    target.write(sql, "insert_overwrite", partition_by=["p", "v"])
    found = sorted(target.rows(), key=str)
    assert found == sorted([(1, "a", 1), (1, "a", None), (1, None, 1), (1, None, None), (2, "a", 1)], key=str)
    target.write(sql.replace("(1,", "(7,"), "insert_overwrite", PUBLICATION._replace(run="r2"), partition_by=["p", "v"])
    assert sorted(target.rows(), key=str) == sorted(
        [(1, "a", 1), (7, "a", None), (1, None, 1), (7, None, None), (2, "a", 1)], key=str
    )


# names

HOSTILE = ["{x}", "select", "Mixed Case", "{0}", 'qu"ote', "ünïcode 🏔", "x; drop table victim; --", "a'b", "%s", "$1"]


def hostile(target: Target) -> list[str]:
    """Return names as hostile as the database lets them be: MySQL's are of the basic plane."""
    return [name.replace("🏔", "⛰") for name in HOSTILE] if target.kind == "mysql" else HOSTILE


@modes
def test_names_are_quoted_wherever_they_stand(target: Target, mode: str) -> None:
    target.do("create table victim (n bigint)")
    names = hostile(target)
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    table = "select \"table\" 'x'; drop table victim; -- é"
    own = {"sqlite3": "main", "mysql": str(target.sink.config.get("database"))}
    schema = own.get(target.kind, 'Sch"ema ü')
    inputs: dict[str, Any] = {"table": f"{schema}.{table}"} | {
        "upsert": {"keys": names[:3]},
        "insert_overwrite": {"partition_by": names[3:6]},
    }.get(mode, {})
    for run in (1, 2):
        columns = ", ".join(f"{run if at > 5 else at} as {name}" for at, name in enumerate(quoted))
        written = target.write(f"select {columns}", mode, PUBLICATION._replace(run=f"r{run}"), **inputs)
        assert written.rows == 1
    place = ".".join('"' + name.replace('"', '""') + '"' for name in (schema, table))
    row = (*range(6), *[2] * (len(names) - 6))
    found = target.rows(f"select {', '.join(quoted)} from {place} order by {quoted[-1]} desc")
    first = (*range(6), *[1] * (len(names) - 6))
    assert found == ([row, first] if mode == "append" else [row])
    assert target.rows("select * from victim") == []


@modes
def test_columns_of_hostile_names_are_added(target: Target, mode: str) -> None:
    target.do(TABLE, FILLED, "create table victim (n bigint)")
    added = ", ".join('v as "' + name.replace('"', '""') + '"' for name in hostile(target))
    target.write(f"select *, {added} from ({NEW})", mode, on_schema_change="add_columns")
    assert target.rows() == EXPECTED[mode]
    assert target.rows("select * from victim") == []


# readers


@postgres
@modes
def test_readers_of_postgres_see_all_or_nothing_and_never_wait(target: Target, mode: str) -> None:
    target.do(TABLE, FILLED)
    seen: list[Any] = []
    target.write(NEW, mode, still_ours=lambda: seen.append(target.rows()))
    assert seen == [OLD]
    assert target.rows() == EXPECTED[mode]


@sqlite
@modes
def test_readers_of_sqlite_see_all_or_nothing(target: Target, mode: str) -> None:
    target.do(TABLE, FILLED)
    script = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('select k, p, v from t').fetchall())"
    command = [sys.executable, "-c", script, target.sink.config["path"]]
    seen: list[str] = []
    target.write(NEW, mode, still_ours=lambda: seen.append(subprocess.check_output(command, text=True).strip()))
    assert seen == [str(OLD)]
    assert target.rows() == EXPECTED[mode]


@pytest.mark.parametrize("target", ["duckdb", "sqlite3"], indirect=True)
@modes
def test_a_view_is_not_written_to(target: Target, mode: str) -> None:
    target.do(TABLE.replace("table t", "table behind"), "create view T as select * from behind")
    assert target.refusal(NEW, mode) == "`t` is a view, and rows are written to tables"
    target.do("drop view t")


@sqlite
@modes
def test_views_that_need_another_programs_functions_do_not_matter(target: Target, mode: str) -> None:
    target.do(TABLE, FILLED, "create view others as select ST_IsEmpty(p) from t")
    target.write(NEW, mode)
    assert target.rows() == EXPECTED[mode]


@sqlite
@pytest.mark.parametrize("mode", ["replace", "insert_overwrite"])
def test_a_trigger_of_sqlite_that_keeps_rows_that_are_deleted_undoes_the_write(target: Target, mode: str) -> None:
    target.do(TABLE, FILLED, "create trigger keeping before delete on t begin select raise(ignore); end")
    assert "rows that the write deletes are still there" in target.refusal(NEW, mode)
    assert target.rows() == OLD


@sqlite
@pytest.mark.parametrize("mode", ["replace", "upsert", "insert_overwrite"])
def test_a_table_without_rowid_is_only_added_to(target: Target, mode: str) -> None:
    target.do("create table t (k bigint primary key, p text, v bigint) without rowid", FILLED)
    assert target.refusal(NEW, mode) == "the engine can only add rows to a table `without rowid`"
    assert target.rows() == OLD
    target.write("select 4 as k, 'a' as p, 41 as v", "append")
    assert target.rows() == [*OLD, (4, "a", 41)]


@sqlite
@pytest.mark.parametrize("mode", ["replace", "upsert", "insert_overwrite"])
def test_a_table_with_a_column_named_as_the_rows_number_is_only_added_to(target: Target, mode: str) -> None:
    target.do("create table t (RowId int, k bigint, p text, v bigint)", FILLED, "update t set rowid = 7")
    given = f"select 8 as rowid, * from ({NEW})"
    assert "a column of its own that is named `rowid`" in target.refusal(given, mode)
    assert target.rows() == OLD
    target.write(given, "append")
    assert target.rows() == EXPECTED["append"]


@sqlite
@modes
def test_columns_that_sqlite_declares_as_dates_are_not_updated(target: Target, mode: str) -> None:
    target.do("create table t (k bigint primary key, p date, v timestamp)", "insert into t values (1, '2025-01-01', 1)")
    sql = "select 2 as k, date '2026-01-02' as p, timestamp '2026-01-02 03:04:05.5' as v"
    target.write(sql, mode)
    assert target.rows("select * from t where k = 2") == [(2, "2026-01-02", "2026-01-02 03:04:05.5")]
    if mode == "upsert":
        assert "the engine cannot change values" in target.refusal(
            sql, mode, publication=PUBLICATION._replace(run="r2")
        )


@sqlite
def test_a_number_of_the_row_fills_itself(target: Target) -> None:
    target.do("create table t (id integer primary key, k bigint, p text, v bigint)", FILLED)
    assert target.write(NEW, "replace").warnings == ()
    assert target.rows() == ADDED


@sqlite
@modes
def test_null_for_the_number_of_a_row_is_refused(target: Target, mode: str) -> None:
    target.do("create table t (ID integer primary key, k bigint, p text, v bigint)", FILLED)
    given = f"select if(k = 4, null, 9) as id, * from ({NEW})"
    assert target.refusal(given, mode) == "`id` holds NULL, for which SQLite takes the next number of a row"
    assert target.rows() == OLD
    target.do("drop table t", "create table t (id text primary key, k bigint, p text, v bigint)")
    target.write(given.replace("9", "'9'"), mode)
    assert target.rows("select id, k from t order by k") == [("9", 2), (None, 4)]


NUMBERED = ["007", "1.50", "1e5", " 12 ", "-0", "9007199254740993123456", ".5", "5."]
"""Texts of which SQLite would make another one, by making a number of it."""


@sqlite
@modes
@pytest.mark.parametrize("kind", ["string", "json", "uuid", "any"])
def test_texts_of_which_sqlite_would_make_other_numbers_are_refused(target: Target, mode: str, kind: str) -> None:
    target.do(f"create table t (k bigint, P {kind}, v bigint)")
    for text in NUMBERED:
        error = refused(target.write, f"select 1 as k, '{text}' as p, 1 as v", mode)
        assert (error.error_class, error.help) == ("data", "declare the column as `text`")
        assert error.message == "`p` is VARCHAR and holds texts, of which SQLite makes numbers in a column of this type"
    assert target.rows() == []
    kept = ["10115", "-7", "0", "a", "", "0x10", "1_0", "1 2", "٣", "inf", "2026-01-02", "{}", "e5", "."]
    values = ", ".join(f"({number}, '{text}', 1)" for number, text in enumerate(kept))
    target.write(f"select * from (values {values}) d(k, p, v)", mode)
    assert target.rows("select cast(p as text) from t order by k") == [(text,) for text in kept]


@sqlite
@pytest.mark.parametrize("table", ["p text", "p varchar(9)", "p native character(9)", "p clob"])
def test_texts_of_numbers_are_kept_as_they_are_by_columns_of_text(target: Target, table: str) -> None:
    target.do(f"create table t (k bigint, {table})")
    values = ", ".join(f"({number}, '{text}')" for number, text in enumerate(NUMBERED))
    target.write(f"select * from (values {values}) d(k, p)", "replace")
    assert target.rows("select p from t order by k") == [(text,) for text in NUMBERED]


@sqlite
def test_a_strict_table_of_sqlite_keeps_any_text_as_it_is(target: Target) -> None:
    target.do("create table t (k integer, p any) strict")
    target.write("select 1 as k, '007' as p", "append")
    assert target.rows("select p from t") == [("007",)]
