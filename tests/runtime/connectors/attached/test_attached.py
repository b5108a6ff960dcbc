"""DuckDB and SQLite files, real ones."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from firn_runtime.errors import ConnectorError
from runtime.refusals import refused
from runtime.workbench import Workbench, connector

Make = Callable[..., Workbench]


@pytest.fixture
def duck(tmp_path: Path) -> Path:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table orders as select range as id, 'x' || range as name from range(3)")
        connection.execute("create schema eu; create table eu.orders as select 100 as id")
    return path


@pytest.fixture
def lite(tmp_path: Path) -> Path:
    path = tmp_path / "crm.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("create table people (id integer, name text, born date)")
        connection.executemany("insert into people values (?, ?, ?)", [(1, "Ann", "2000-01-02"), (2, "Bob", None)])
    connection.close()
    return path


def test_a_table_is_read(bench: Make, duck: Path) -> None:
    work = bench(db=connector("db", "duckdb", path=str(duck)))
    result = work.do("read", {"resource": "db", "table": "orders", "columns": ["name", "id"]})
    assert result.results == {"rows": 3, "columns": ["name", "id"]}
    assert work.rows()[0] == ("x0", 0)


def test_a_table_of_a_schema_is_read(bench: Make, duck: Path) -> None:
    work = bench(db=connector("db", "duckdb", path=str(duck)))
    work.do("read", {"resource": "db", "table": "eu.orders", "schema": {"id": "varchar"}})
    assert work.rows() == [("100",)]


def test_a_query_sees_the_databases_own_tables_by_their_bare_names(bench: Make, duck: Path) -> None:
    work = bench(db=connector("db", "duckdb", path=str(duck)))
    work.make("orders", "select 1 as of_the_flow")
    work.do("read", {"resource": "db", "sql": "select id from orders where id >= $least;", "params": {"least": 2}})
    assert work.rows() == [(2,)]
    assert work.rows("orders") == [(1,)]


def test_query_gives_records(bench: Make, duck: Path) -> None:
    work = bench(db=connector("db", "duckdb", path=str(duck)))
    result = work.do("query", {"resource": "db", "sql": "select count(*) as n from orders where id > ?", "params": [0]})
    assert result.results == {"rows": [{"n": 2}], "row_count": 1}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("date '2026-01-02'", "2026-01-02"),
        ("date 'infinity'", None),
        ("timestamp '-infinity'", None),
        ("timestamptz 'infinity'", None),
        ("timestamp_s '2026-01-02 03:04:05'", "2026-01-02T03:04:05"),
        ("timestamp_ns '2026-01-02 03:04:05.123456789'", "2026-01-02T03:04:05.123456789"),
        ("timestamp_ns 'infinity'", None),
        ("time_ns '03:04:05.123456789'", "03:04:05.123456789"),
    ],
)
def test_no_digit_of_a_moment_is_left_out_of_a_record_and_infinity_is_null(
    bench: Make, value: str, expected: str | None
) -> None:
    work = bench(db=connector("db", "duckdb", path=":memory:"))
    result = work.do("query", {"resource": "db", "sql": f"select {value} as v"})
    assert result.results["rows"] == [{"v": expected}]


@pytest.mark.parametrize(("kind", "path"), [("duckdb", "new.duckdb"), ("sqlite3", "new.sqlite")])
def test_a_missing_file_is_named_where_nothing_would_make_it(tmp_path: Path, kind: str, path: str) -> None:
    with pytest.raises(ConnectorError, match=f"no database file `{path}`") as caught:
        connector("db", kind, path=str(tmp_path / path)).connect()
    assert caught.value.error_class == "connection"
    assert not (tmp_path / path).exists()


@pytest.mark.parametrize("kind", ["duckdb", "sqlite3"])
def test_a_file_that_is_no_database_is_an_error(bench: Make, tmp_path: Path, kind: str) -> None:
    (tmp_path / "text").write_text("this is not a database at all" * 100)
    work = bench(db=connector("db", kind, path=str(tmp_path / "text")))
    with pytest.raises(ConnectorError, match="not a") as caught:
        work.do("read", {"resource": "db", "table": "t"})
    assert caught.value.error_class == "data"


def test_of_a_statement_that_sqlite_refuses_nothing_is_quoted(bench: Make, lite: Path) -> None:
    lite.write_bytes(b"not a database".ljust(8192, b" "))
    work = bench(db=connector("db", "sqlite3", path=str(lite)))
    error = refused(work.do, "read", {"resource": "db", "table": "people"})
    assert error.message == "file is not a database"
    assert "encrypted" in error.help


@pytest.mark.parametrize("mode", [{"mode": "replace"}, {"mode": "append"}, {"mode": "upsert", "keys": ["i"]}])
@pytest.mark.parametrize("using", ["fts5(i, v)", "rtree(i, v, w)"])
def test_a_virtual_table_of_sqlite_is_no_target(bench: Make, lite: Path, using: str, mode: dict[str, Any]) -> None:
    with closing(sqlite3.connect(lite)) as others:
        others.execute(f"CREATE VIRTUAL TABLE found USING {using}")
    work = bench(db=connector("db", "sqlite3", written=True, path=str(lite)))
    work.make("d", "select 1 as i, 0.1::double as v, 0.2::double as w")
    error = refused(work.do, "write", {"from": "d", "resource": "db", "table": "Found", **mode})
    assert error.message == "`Found` is a virtual table, and rows are written to tables"


def test_a_missing_table_names_near_ones(bench: Make, duck: Path) -> None:
    work = bench(db=connector("db", "duckdb", path=str(duck)))
    with pytest.raises(ConnectorError, match='ordrs does not exist; Did you mean "orders"'):
        work.do("read", {"resource": "db", "sql": "from ordrs"})


@pytest.mark.parametrize("kind", ["duckdb", "sqlite3"])
def test_a_column_that_is_gone_is_named_with_those_that_are_like_it(
    bench: Make, duck: Path, lite: Path, kind: str
) -> None:
    path, table = (duck, "orders") if kind == "duckdb" else (lite, "people")
    work = bench(db=connector("db", kind, path=str(path)))
    with pytest.raises(ConnectorError) as caught:
        work.do("read", {"resource": "db", "table": table, "columns": ["id", "nane"]})
    assert caught.value.error_class == "data"
    assert 'Referenced column "nane" not found' in caught.value.message
    assert 'Candidate bindings: "name"' in caught.value.message


def test_a_file_that_nobody_writes_is_opened_for_reading_beside_other_readers(bench: Make, duck: Path) -> None:
    script = (
        f"import duckdb, sys; c = duckdb.connect({str(duck)!r}, read_only=True); print(1, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        work = bench(db=connector("db", "duckdb", path=str(duck)))
        assert work.do("read", {"resource": "db", "table": "orders"}).rows == 3
        other.communicate()


def test_a_file_that_another_process_writes_is_a_conflict(bench: Make, duck: Path) -> None:
    script = f"import duckdb, sys; c = duckdb.connect({str(duck)!r}); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        work = bench(db=connector("db", "duckdb", path=str(duck)))
        with pytest.raises(ConnectorError) as caught:
            work.do("read", {"resource": "db", "table": "orders"})
        other.communicate()
    assert caught.value.error_class == "conflict"


def test_a_write_replaces_a_table_and_makes_file_and_schema(bench: Make, tmp_path: Path) -> None:
    path = tmp_path / "new.duckdb"
    work = bench(db=connector("db", "duckdb", written=True, path=str(path)))
    for rows in (2, 3):
        work.make("d", f"select * from range({rows})")
        result = work.do("write", {"from": "d", "resource": "db", "table": "mart.totals", "mode": "replace"})
        assert result.results == {"rows": rows, "columns": ["range"]}
    work.close()
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("from mart.totals").fetchall() == [(0,), (1,), (2,)]
    assert not path.with_name("new.duckdb.wal").exists()


@pytest.mark.parametrize("kind", ["duckdb", "sqlite3"])
def test_a_write_makes_the_folders_of_a_new_file(bench: Make, tmp_path: Path, kind: str) -> None:
    work = bench(db=connector("db", kind, written=True, path=str(tmp_path / "out/new/a.db")))
    work.make("made", "select 1 as n")
    work.do("write", {"from": "made", "resource": "db", "table": "t", "mode": "replace"}, "publish")
    work.do("read", {"resource": "db", "table": "t"})
    assert work.rows() == [(1,)]


@pytest.mark.parametrize("kind", ["duckdb", "sqlite3"])
def test_a_folder_that_cannot_be_made_is_named(bench: Make, tmp_path: Path, kind: str) -> None:
    (tmp_path / "out").write_text("a file")
    work = bench(db=connector("db", kind, written=True, path=str(tmp_path / "out/a.db")))
    work.make("made", "select 1 as n")
    with pytest.raises(ConnectorError, match=r"cannot make the folder `.*/out`: file exists"):
        work.do("write", {"from": "made", "resource": "db", "table": "t", "mode": "replace"}, "publish")


@pytest.mark.parametrize("kind", ["duckdb", "sqlite3"])
def test_what_is_read_only_is_never_written(bench: Make, duck: Path, lite: Path, kind: str) -> None:
    path = duck if kind == "duckdb" else lite
    work = bench(db=connector("db", kind, written=True, path=str(path), read_only=True))
    work.make("d", "select 1")
    with pytest.raises(ConnectorError, match="read_only"):
        work.do("write", {"from": "d", "resource": "db", "table": "orders", "mode": "replace"})


@pytest.mark.parametrize("kind", ["duckdb", "sqlite3"])
def test_a_write_that_fails_leaves_the_old_table(bench: Make, duck: Path, lite: Path, kind: str) -> None:
    path, table = (duck, "orders") if kind == "duckdb" else (lite, "people")
    work = bench(db=connector("db", kind, written=True, path=str(path)))
    work.session.execute("create view datasets.main.d as select error('broken') as n from range(2)")
    with pytest.raises(ConnectorError):
        work.do("write", {"from": "d", "resource": "db", "table": table, "mode": "replace"})
    assert work.do("read", {"resource": "db", "table": table}).rows == (3 if kind == "duckdb" else 2)


def test_a_database_in_memory_lives_as_long_as_the_run(bench: Make) -> None:
    work = bench(db=connector("db", "duckdb", written=True, path=":memory:"))
    work.make("d", "select 42 as n")
    work.do("write", {"from": "d", "resource": "db", "table": "t", "mode": "replace"})
    assert work.do("query", {"resource": "db", "sql": "from t"}).results["rows"] == [{"n": 42}]


def test_sqlite_is_read_by_table_and_by_query(bench: Make, lite: Path) -> None:
    work = bench(db=connector("db", "sqlite3", path=str(lite)))
    work.do("read", {"resource": "db", "table": "people"})
    assert [tuple(map(str, row)) for row in work.rows()] == [("1", "Ann", "2000-01-02"), ("2", "Bob", "None")]
    work.do("read", {"resource": "db", "sql": "select name from people where id = ?", "params": [2]})
    assert work.rows() == [("Bob",)]


def test_a_query_on_sqlite_gives_records(bench: Make, lite: Path) -> None:
    work = bench(db=connector("db", "sqlite3", path=str(lite)))
    result = work.do(
        "query", {"resource": "db", "sql": "select name, born from people where id = $id", "params": {"id": 1}}
    )
    assert result.results["rows"] == [{"name": "Ann", "born": "2000-01-02"}]


def test_sqlite_gets_numbers_for_decimals_and_text_for_dates(bench: Make, tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    work = bench(db=connector("db", "sqlite3", written=True, path=str(path)))
    work.make("d", "select 1.50::decimal(18, 2) as m, date '2026-01-02' as day, true as yes, sum(3) as s, [1] as l")
    work.do("write", {"from": "d", "resource": "db", "table": "t", "mode": "replace"})
    work.close()
    connection = sqlite3.connect(path)
    assert connection.execute("select *, typeof(m) from t").fetchall() == [(1.5, "2026-01-02", 1, 3, "[1]", "real")]
    connection.close()


def test_a_decimal_that_sqlite_cannot_hold_is_an_error(bench: Make, tmp_path: Path) -> None:
    work = bench(db=connector("db", "sqlite3", written=True, path=str(tmp_path / "new.sqlite")))
    work.make("d", "select 12345678901234567.89::decimal(38, 2) as amount")
    with pytest.raises(ConnectorError, match=r"`amount` is DECIMAL\(38,2\) and holds decimals") as caught:
        work.do("write", {"from": "d", "resource": "db", "table": "t", "mode": "replace"})
    assert "1234" not in caught.value.message


def lock(path: Path, seconds: float) -> subprocess.Popen[str]:
    script = (
        "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('begin immediate'); print(1, flush=True); time.sleep(float(sys.argv[2])); c.execute('commit')"
    )
    arguments = [sys.executable, "-c", script, str(path), str(seconds)]
    other = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    other.stdout.readline()
    return other


def write_under_lock(bench: Make, lite: Path, seconds: float, patience: float) -> Any:
    work = bench(db=connector("db", "sqlite3", written=True, path=str(lite), options={"busy_timeout": patience}))
    work.make("d", "select 1 as n")
    with lock(lite, seconds):
        return work.do("write", {"from": "d", "resource": "db", "table": "people", "mode": "replace"})


def test_a_write_waits_for_another_processs_lock(bench: Make, lite: Path) -> None:
    assert write_under_lock(bench, lite, 0.5, 5).rows == 1


def test_a_lock_that_outlasts_busy_timeout_is_a_conflict(bench: Make, lite: Path) -> None:
    with pytest.raises(ConnectorError) as caught:
        write_under_lock(bench, lite, 1.5, 0.2)
    assert caught.value.error_class == "conflict"


@pytest.mark.parametrize("written", [True, False])
def test_a_duckdb_file_that_another_process_has_open_is_a_conflict_in_a_sentence(
    bench: Make, tmp_path: Path, written: bool
) -> None:
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); sys.stdin.read()"
    arguments = [sys.executable, "-c", script, str(tmp_path / "db.duckdb")]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        work = bench(db=connector("db", "duckdb", written=written, path=str(tmp_path / "db.duckdb")))
        work.make("d", "select 1 as n")
        inputs = {"from": "d", "mode": "replace"} if written else {}
        with pytest.raises(ConnectorError) as caught:
            work.do("write" if written else "read", {"resource": "db", "table": "t"} | inputs)
        other.communicate()
    error = caught.value
    assert error.message == f'the file "db.duckdb" is open in another process (PID {other.pid})'
    assert (error.error_class, "`retry`" in error.help) == ("conflict", True)


def test_other_readers_of_sqlite_see_the_old_table_or_the_new(bench: Make, lite: Path) -> None:
    work = bench(db=connector("db", "sqlite3", written=True, path=str(lite)))
    work.make("d", "select range as id from range(200000)")
    script = (
        "import sqlite3, sys\nseen = set()\nwhile True:\n"
        "    c = sqlite3.connect(sys.argv[1], timeout=20)\n"
        "    n = c.execute('select count(*) from people').fetchone()[0]\n    c.close()\n"
        "    seen.add(n)\n    if n > 2: break\nprint(sorted(seen))"
    )
    other = subprocess.Popen([sys.executable, "-c", script, str(lite)], stdout=subprocess.PIPE, text=True)
    watchdog = threading.Timer(30, other.kill)
    watchdog.start()
    work.do("write", {"from": "d", "resource": "db", "table": "people", "mode": "replace"})
    output, _ = other.communicate()
    watchdog.cancel()
    assert output.strip() in ("[2, 200000]", "[200000]")


LEAVING_OUT = {
    "conflict ignore": "create table t (k integer unique on conflict ignore, v text)",
    "conflict replace": "create table T (k integer unique ON  CONFLICT REPLACE, v text)",
    "trigger": "create table t (k integer, v text); create trigger no before insert on T when new.v = 'b'"
    " begin select raise(ignore); end",
    "trigger after": "create table t (k integer, v text); create trigger no after insert on t when new.v = 'b'"
    " begin delete from t where v = 'b'; end",
}


@pytest.mark.parametrize("mode", ["append", "replace", "insert_overwrite"])
@pytest.mark.parametrize("why", LEAVING_OUT)
def test_rows_that_sqlite_would_leave_out_undo_the_write(bench: Make, tmp_path: Path, why: str, mode: str) -> None:
    path = tmp_path / "others.sqlite"
    with closing(sqlite3.connect(path)) as others:
        others.executescript(f"{LEAVING_OUT[why]}; insert into t values (0, 'a')")
        work = bench(db=connector("db", "sqlite3", written=True, path=str(path)))
        work.make("d", "from (values (1, 'a'), (1, 'b')) as t(k, v)")
        keys = {"partition_by": ["k"]} if mode == "insert_overwrite" else {}
        with pytest.raises(ConnectorError, match=r"1 of 2 rows were left out: a trigger or an `on conflict` clause"):
            work.do("write", {"from": "d", "resource": "db", "table": "t", "mode": mode, **keys})
        assert others.execute("select * from t").fetchall() == [(0, "a")]


def test_a_trigger_of_sqlite_that_leaves_nothing_out_does_not_matter(bench: Make, tmp_path: Path) -> None:
    path = tmp_path / "others.sqlite"
    with closing(sqlite3.connect(path)) as others:
        others.executescript(
            "create table t (k integer); create table log (k integer);"
            "create trigger told after insert on t begin insert into log values (new.k); end"
        )
        work = bench(db=connector("db", "sqlite3", written=True, path=str(path)))
        work.make("d", "select range as k from range(3)")
        for mode in ({"mode": "replace"}, {"mode": "append"}, {"mode": "insert_overwrite", "partition_by": ["k"]}):
            assert work.do("write", {"from": "d", "resource": "db", "table": "t", **mode}).rows == 3
        assert others.execute("select (select count(*) from t), (select count(*) from log)").fetchall() == [(3, 9)]
