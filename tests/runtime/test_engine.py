"""What the engine lets a flow do, and what it never does."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from firn_runtime.engine import Engine, Limits, Places, Relation, select
from firn_runtime.errors import ConnectorError
from firn_runtime.extensions import path_of


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    (tmp_path / "work").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root/in.csv").write_text("a\n1\n")
    (tmp_path / "outside.csv").write_text("a\n1\n")
    places = [Places(directories=(tmp_path / "root",))]
    return Engine(Limits(), tmp_path / "work" / "d.duckdb", places, ["sqlite_scanner"])


def test_the_tables_of_connectors_and_steps_cost_no_heavy_import() -> None:
    script = (
        "import sys, firn_runtime.connectors, firn_runtime.steps, firn_runtime.connector, firn_runtime.step;"
        "print([name for name in ('duckdb', 'httpx', 'orjson') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_job_sees_its_own_datasets_before_those_of_the_jobs_it_depends_on(engine: Engine) -> None:
    first, second = engine.session("first"), engine.session("second", ["first"])
    first.materialise("shared", Relation("select 1 as n"))
    first.materialise("other", Relation("select 10 as n"))
    second.materialise("shared", Relation("select 2 as n"))
    assert second.execute("from shared") == [(2,)]
    assert second.execute("from other") == [(10,)]
    assert first.execute("from shared") == [(1,)]


def test_a_job_does_not_see_a_job_that_it_does_not_depend_on(engine: Engine) -> None:
    engine.session("a").materialise("secretive", Relation("select 1"))
    with pytest.raises(ConnectorError, match="secretive does not exist"):
        engine.session("b").execute("from secretive")


def test_names_of_jobs_and_steps_may_hold_anything(engine: Engine) -> None:
    session = engine.session('a-job, "quoted"', ["another-job"])
    assert session.materialise("group", Relation("select 1 as n")) == 1
    assert session.columns("group") == {"n": "INTEGER"}


def test_a_dataset_that_is_made_again_replaces_the_first(engine: Engine) -> None:
    session = engine.session("main")
    session.materialise("d", Relation("select 1"))
    assert session.materialise("d", Relation("select * from range(3)")) == 3


def test_a_dataset_that_fails_leaves_the_earlier_one(engine: Engine) -> None:
    session = engine.session("main")
    session.materialise("d", Relation("select 1"))
    with pytest.raises(ConnectorError):
        session.materialise("d", Relation("select error('broken')"))
    assert session.execute("from d") == [(1,)]


@pytest.mark.parametrize("params", [[7, "x"], {"n": 7, "text": "x"}])
def test_values_are_bound_by_place_or_by_name(engine: Engine, params: list[object] | dict[str, object]) -> None:
    session = engine.session("main")
    sql = "select ? as n, ? as t" if isinstance(params, list) else "select $n as n, $text as t"
    session.materialise("d", Relation(select(sql), params))
    assert session.execute("from d") == [(7, "x")]


def test_a_bound_value_is_never_read_as_sql(engine: Engine) -> None:
    session = engine.session("main")
    session.materialise("d", Relation(select("select $v as v"), {"v": "'); drop table d; --"}))
    assert session.execute("from d") == [("'); drop table d; --",)]


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 as n;",
        "select 1 as n -- a comment",
        "select 1 as n /* a comment; */ ; -- and more",
        "with a as (select 1 as n) from a",
        "from (values (1)) as t(n)",
        "select unnest([1]) as n, ';' as text",
        "select n from range(3) as r(n) where n = 1",
        "(select 1 as n) union all select 2 order by n limit 1",
    ],
)
def test_one_select_in_any_dress_is_a_query(engine: Engine, sql: str) -> None:
    session = engine.session("main")
    assert session.materialise("d", Relation(select(sql))) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- nothing",
        "select 1; select 2",
        "select 1); drop table d; (select 1",
        "drop table d",
        "copy (select 1) to 'x.csv'",
        "attach 'x.duckdb'",
        "install httpfs",
        "set threads = 1",
        "create table x as select 1",
        "insert into d values (1)",
        "pragma version",
        "call pragma_version()",
        "explain select 1",
        "selct 1",
    ],
)
def test_anything_but_one_select_is_refused(sql: str) -> None:
    with pytest.raises(ConnectorError) as caught:
        select(sql)
    assert caught.value.error_class == "data"


@pytest.mark.parametrize(
    "sql",
    [
        "from '{root}/in.csv'",
        "from read_csv('{root}/in.csv')",
        "from read_text('{root}/in.csv')",
        "from glob('{root}/*')",
        "select * from query('from read_csv(''x'')')",
        "select * from query_table('{root}/in.csv')",
        "from sqlite_scan('{root}/in.sqlite', 't')",
        "from sqlite_query('db1', 'delete from t returning *')",
        "select (select count(*) from sqlite_attach('{root}/in.sqlite'))",
        "select 1 where exists (with a as (from parquet_scan('x')) from a)",
        "from duckdb_settings()",
        "from root.csv",
    ],
)
def test_a_query_opens_no_file_by_itself(tmp_path: Path, engine: Engine, sql: str) -> None:
    del engine
    with pytest.raises(ConnectorError) as caught:
        select(sql.format(root=tmp_path / "root"))
    assert "read" in caught.value.help


@pytest.mark.parametrize(
    "sql",
    [
        "from '{out}/outside.csv'",
        "from '{out}/root/../outside.csv'",
        "from read_text('{out}/outside.csv')",
        "from glob('{out}/*')",
        "from sniff_csv('{out}/outside.csv')",
        "copy (select 1) to '{out}/new.csv'",
        "attach '{out}/new.duckdb'",
        "export database '{out}/dump'",
        "install httpfs",
        "load httpfs",
        "from 'http://127.0.0.1:1/x.csv'",
        "set enable_external_access = true",
        "set threads = 1",
        "reset lock_configuration",
        "set TimeZone = 'Europe/Vienna'",
        "create secret (type s3)",
    ],
)
def test_the_sandbox_holds_even_against_our_own_statements(tmp_path: Path, engine: Engine, sql: str) -> None:
    with pytest.raises(ConnectorError):
        engine.session("main").execute(sql.format(out=tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside.csv", "root", "work"]


def test_variables_of_the_python_process_are_not_tables(engine: Engine) -> None:
    session = engine.session("main")
    secret = session._cursor.sql("select 'hunter2'")
    with pytest.raises(ConnectorError, match="secret does not exist"):
        session.execute("from secret")
    assert secret is not None


def test_times_are_in_utc_on_every_machine(engine: Engine) -> None:
    sql = "select current_setting('TimeZone'), timestamptz '2026-01-01 00:00:00+02'::varchar"
    assert engine.session("main").execute(sql) == [("UTC", "2025-12-31 22:00:00+00")]


def test_rows_keep_the_order_of_their_source(engine: Engine) -> None:
    session = engine.session("main")
    session.materialise("d", Relation("select 999999 - range as n from range(1000000)"))
    assert session.execute("select n from d limit 2") == [(999999,), (999998,)]


@pytest.mark.parametrize(
    "sql",
    [
        "select to_json({'a': name, 'b': 1})::struct(a varchar) from d",
        "select line from d, unnest(to_json([name])) as lines(line)",
        "select unnest(to_json([name])) from d",
    ],
)
def test_json_that_is_no_list_or_record_of_the_engine_is_told_how_it_is_taken_apart(engine: Engine, sql: str) -> None:
    session = engine.session("main")
    session.materialise("d", Relation("select 'Ann' as name"))
    with pytest.raises(ConnectorError) as caught:
        session.execute(sql)
    assert "as json[]" in caught.value.help


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select nme from d", 'Referenced column "nme" not found in FROM clause; Candidate bindings: "name"'),
        ("from dd", 'Table with name dd does not exist; Did you mean "d"?'),
        ("select name::integer from d", "Could not convert a string to INT32 when casting from source column name"),
        ("selct 1", 'syntax error at or near "selct"'),
        ("select name->'$.a' from d", "Malformed JSON at byte 0 of input: unexpected character"),
        (
            "select json_transform_strict(to_json({'a': name}), '{\"a\": \"INT\"}') from d",
            "a value of JSON is not numerical",
        ),
        (
            "select to_json({'a': name, 'b': 1})::struct(a varchar) from d",
            "an object of JSON has a key that its type lacks",
        ),
        (
            "select json_transform_strict(to_json({'a': name}), '{\"b\": \"VARCHAR\"}') from d",
            "an object of JSON lacks a key of its type",
        ),
        (
            'select (\'{"a": 1, "a": "\' || name || \'"}\')::json::struct(a varchar) from d',
            "an object of JSON has a duplicate key",
        ),
        ("select to_json([name])::struct(a varchar) from d", "a value of JSON is ARRAY, not OBJECT"),
        ("select to_json([name, name])::varchar[3] from d", "an array of JSON has not the size 3"),
        ("select strptime(name, '%Y') from d", 'Could not parse a text according to format specifier "%Y"'),
        ("select ('\\xZ' || name)::blob from d", "Invalid hex escape code encountered in string -> blob conversion"),
        (
            "select url_decode(name || '%ff') from d",
            "Failed to decode a string using URL decoding - decoded value is invalid UTF8",
        ),
        ("select date_part(name, date '2020-01-01') from d", "a part of a date is not known by that name"),
        ("select timezone(name, now()) from d", "a time zone is not known"),
        ("select name ~ ('(' || name) from d", "regular expression: missing )"),
        ("select pin * pin from d", "Overflow in multiplication of INT32 (… * …)"),
        ("select pin << pin from d", "Left-shift value … is out of range"),
        (
            "select pin::decimal(4,2) from d",
            "Could not cast a value to DECIMAL(4,2) when casting from source column pin",
        ),
        (
            "select pin::decimal(12,0)::smallint from d",
            "Failed to cast a decimal to type INT16",
        ),
        (
            """select (pin * 1.00)::decimal(9,2) from "d" as d left join (select 1) as "n" on true""",
            "Casting a value to type DECIMAL(9,2) failed: value is out of range",
        ),
        ("select make_date(pin, 1, 1) from d", "Date out of range"),
        ("select make_time(pin, 1, 1) from d", "Time out of range"),
        ("select chr(pin::int) from d", "Invalid UTF8 Codepoint"),
    ],
)
def test_an_error_is_one_sentence_without_values_of_the_data(engine: Engine, sql: str, message: str) -> None:
    session = engine.session("main")
    session.materialise("d", Relation("select 'hunter2' as name, 918273645 as pin"))
    with pytest.raises(ConnectorError) as caught:
        session.execute(sql)
    assert caught.value.message == message
    assert caught.value.error_class == "data"


def test_a_chain_of_streams_that_is_too_long_says_how_to_end_it(engine: Engine) -> None:
    session = engine.session("main")
    session.stream("d0", Relation("select 1 as n"))

    def chain() -> None:
        for number in range(1, 1000):
            session.stream(f"d{number}", Relation(f"select * from d{number - 1}"))

    with pytest.raises(ConnectorError, match="queries are nested too deep") as caught:
        chain()
    assert "materialize" in caught.value.help


def test_records_are_json_that_every_reader_understands(engine: Engine) -> None:
    sql = """
        select 1 as small, 9007199254740993 as large, 2.50 as money, 3.00 as whole, 0.5::double as real,
               'nan'::double as nan, true as yes, null as nothing, date '2026-01-02' as day,
               timestamp '2026-01-02 03:04:05' as moment, timestamptz '2026-01-02 03:04:05+00' as instant,
               [1, 2] as list, {'a': 1} as struct, 'ä' as text, '\\xFF'::blob as bytes
    """
    assert engine.session("main").records(Relation(sql), 10) == [
        {
            "small": 1,
            "large": "9007199254740993",
            "money": "2.50",
            "whole": 3,
            "real": 0.5,
            "nan": None,
            "yes": True,
            "nothing": None,
            "day": "2026-01-02",
            "moment": "2026-01-02T03:04:05",
            "instant": "2026-01-02T03:04:05.000000+00:00",
            "list": [1, 2],
            "struct": {"a": 1},
            "text": "ä",
            "bytes": "ff",
        }
    ]


def test_more_records_than_asked_for_are_an_error(engine: Engine) -> None:
    with pytest.raises(ConnectorError, match="more than 2 rows"):
        engine.session("main").records(Relation("from range(3)"), 2)


def test_jobs_may_work_at_the_same_time(engine: Engine) -> None:
    def work(number: int) -> int:
        session = engine.session(f"job{number}")
        return session.materialise("d", Relation(select("select * from range($n)"), {"n": 1000 * number}))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(16))) == [1000 * number for number in range(16)]


def test_a_transaction_that_fails_is_undone(engine: Engine) -> None:
    session = engine.session("main")
    session.materialise("d", Relation("select 1 as n"))

    def insert_and_fail() -> None:
        with session.transaction():
            session.execute("insert into d values (2)")
            session.execute("select error('broken')")

    with pytest.raises(ConnectorError):
        insert_and_fail()
    assert session.execute("from d") == [(1,)]


def test_a_table_larger_than_the_memory_limit_goes_through_the_workspace(tmp_path: Path) -> None:
    engine = Engine(Limits(threads=1, memory_limit="60MB"), tmp_path / "d.duckdb")
    session = engine.session("main")
    rows = session.materialise("d", Relation("select range as n, md5(range::varchar) as h from range(4000000)"))
    assert rows == 4000000
    assert (tmp_path / "d.duckdb").stat().st_size > 60_000_000
    engine.close()


@pytest.mark.parametrize(
    ("memory", "threads", "taken"), [("64MB", 2, 1), ("128MB", 2, 2), ("128MB", 8, 2), ("40MB", 4, 1), ("8GB", 8, 8)]
)
def test_no_more_threads_are_taken_than_the_memory_is_enough_for(
    tmp_path: Path, memory: str, threads: int, taken: int
) -> None:
    engine = Engine(Limits(threads, memory), tmp_path / "d.duckdb")
    assert engine.session("main").execute("select current_setting('threads')") == [(taken,)]
    engine.close()


def test_who_runs_out_of_memory_hears_how_much_is_needed(tmp_path: Path) -> None:
    engine = Engine(Limits(1, "20MB"), tmp_path / "d.duckdb")
    with pytest.raises(ConnectorError) as caught:
        engine.session("main").execute("select list(n) from range(20000000) as t(n)")
    assert caught.value.error_class == "process"
    assert "64 MB for each" in str(caught.value.help)
    engine.close()


def test_a_database_is_attached_once_and_closed_whole(tmp_path: Path) -> None:
    path = tmp_path / "db.duckdb"
    (tmp_path / "work").mkdir()
    engine = Engine(Limits(), tmp_path / "work" / "d.duckdb", [Places(files=(path,))])
    alias = engine.attach(path, "duckdb", read_only=False)
    assert engine.attach(path, "duckdb", read_only=True) == alias
    session = engine.session("main")
    session.execute(f"create table {alias}.t as select 1 as n")
    session.execute(f"checkpoint {alias}")
    session.execute(f"insert into {alias}.t values (2)")
    engine.close()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["db.duckdb", "work"]
    again = Engine(Limits(), tmp_path / "work" / "d.duckdb", [Places(files=(path,))])
    assert again.session("main").execute(f"from {again.attach(path, 'duckdb', read_only=True)}.t") == [(1,), (2,)]
    again.close()


def test_an_extension_that_is_not_installed_says_how_to_get_it() -> None:
    with pytest.raises(ConnectorError) as caught:
        path_of("nonsuch", "1.5.5")
    assert (caught.value.error_class, caught.value.help) == ("process", 'pip install "firn-runtime[nonsuch]"')


def test_an_extension_of_another_version_is_refused() -> None:
    with pytest.raises(ConnectorError, match=r"is not the one of DuckDB 0\.0\.1") as caught:
        path_of("sqlite_scanner", "0.0.1")
    assert caught.value.help == 'pip install "firn-runtime[sqlite]"'
