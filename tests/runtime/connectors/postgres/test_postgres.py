"""PostgreSQL, a real server: what is read, what is written, what its errors say, and what stops."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from firn_runtime.cancel import Ended, Token, working_for
from firn_runtime.errors import ConnectorError
from firn_runtime.events import Failure
from firn_runtime.publication import Publication
from firn_schemas.secret import Secret
from runtime.connectors.test_types import login
from runtime.refusals import refused
from runtime.workbench import Workbench, connector
from servers.front import Certificate, certificate, front, patience_of_clients
from servers.postgres import Server, connected, fresh_database, server, standing_still

CANARY = "k9#canary pw'x"

Make = Callable[..., Workbench]


class Shop:
    """A fresh database with a user who logs in by the canary."""

    def __init__(self) -> None:
        self.server: Server = server()
        self.database = fresh_database(self.server)
        self.user = f"{self.database}_app"
        self.admin = connected(self.server, self.database)
        user, database = sql.Identifier(self.user), sql.Identifier(self.database)
        self.admin.execute(sql.SQL("create role {} login password {}").format(user, sql.Literal(CANARY)))
        self.admin.execute(sql.SQL("grant create on database {} to {}").format(database, user))
        self.admin.execute(sql.SQL("grant all on schema public to {}").format(user))

    def resource(self, **options: Any) -> Any:
        """Return a connector to it; keyword `password`, `host`, … override."""
        own = {"host": self.server.host, "port": self.server.port, "database": self.database, "user": self.user}
        config = own | {"password": Secret(CANARY)}
        config |= {name: options.pop(name) for name in list(options) if name in (*config, "schema")}
        return connector("db", "postgres", written=True, options=options, **config)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.admin.execute(query.encode()).fetchall()

    def do(self, statement: str) -> None:
        self.admin.execute(statement.encode())
        self.admin.execute(sql.SQL("grant all on all tables in schema public to {}").format(sql.Identifier(self.user)))


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.admin.close()


@pytest.fixture
def work(bench: Make, shop: Shop) -> Workbench:
    return bench(db=shop.resource())


def write(work: Workbench, table: str = "t") -> Any:
    return work.do("write", {"from": "d", "resource": "db", "table": table, "mode": "replace"})


def read(work: Workbench, **inputs: Any) -> list[tuple[Any, ...]]:
    work.do("read", {"resource": "db", **inputs})
    return work.rows()


def test_a_table_is_read(work: Workbench, shop: Shop) -> None:
    shop.do("create table orders as select n as id, 'x' || n as name from generate_series(0, 2) as n")
    assert read(work, table="orders", columns=["name", "id"]) == [("x0", 0), ("x1", 1), ("x2", 2)]
    assert read(work, table="public.orders", schema={"id": "varchar"})[2] == ("2", "x2")


def test_a_table_is_sought_in_the_resources_schema(bench: Make, shop: Shop) -> None:
    shop.do('create schema "EU"; create table "EU".orders as select 7 as id')
    shop.do(f'grant all on schema "EU" to {shop.user}; grant all on all tables in schema "EU" to {shop.user}')
    work = bench(db=shop.resource(schema="EU"))
    assert read(work, table="orders") == [(7,)]
    work.make("d", "select 8 as id")
    write(work, "orders")
    assert shop.rows('select id from "EU".orders') == [(8,)]
    assert shop.rows('select "rows" from "EU"._firn_loads') == [(1,)]


CASES = 'create table t (id int, "UPPER" int, "upper" int); insert into t values (1, 2, 3)'


def test_of_columns_that_differ_in_case_alone_the_one_is_read_that_is_named(work: Workbench, shop: Shop) -> None:
    shop.do(CASES)
    for name, value in (("UPPER", 2), ("upper", 3)):
        assert read(work, table="t", columns=[name]) == [(value,)]
        assert read(work, table="t", columns=[name, "id"], schema={name: "bigint"}) == [(value, 1)]
        assert read(work, sql="select * from t", columns=[name]) == [(value,)]


@pytest.mark.parametrize("source", [{"table": "t"}, {"sql": "select * from t"}])
def test_columns_that_no_dataset_can_tell_apart_are_refused(
    work: Workbench, shop: Shop, source: dict[str, str]
) -> None:
    shop.do(CASES)
    error = refused(read, work, **source)
    assert error.message == "several columns have one name, or names that differ in case alone: `UPPER` and `upper`"
    assert error.help


def test_a_table_whose_name_the_server_would_cut_off_is_not_read(work: Workbench, shop: Shop) -> None:
    shop.do(f"create table {'t' * 63} (id int)")
    assert read(work, table="t" * 63) == []
    assert "`" + "t" * 64 + "` has more" in refused(read, work, table="t" * 64).message


def test_a_table_without_columns_is_told(work: Workbench, shop: Shop) -> None:
    shop.do("create table t ()")
    assert refused(read, work, table="t").message.startswith("there are no columns to read")


@pytest.mark.parametrize("source", [{"table": "seen"}, {"sql": "select * from seen"}])
def test_a_view_that_was_never_filled_is_told(work: Workbench, shop: Shop, source: dict[str, str]) -> None:
    shop.do("create materialized view seen as select 1 as n with no data")
    error = refused(read, work, **source)
    assert (error.error_class, error.message) == ("data", 'materialized view "seen" has not been populated')


VALUES = {
    "smallint": ("-32768", "SMALLINT"),
    "integer": ("2147483647", "INTEGER"),
    "bigint": ("9223372036854775807", "BIGINT"),
    "numeric(18,2)": ("-1234567890123456.78", "DECIMAL(18,2)"),
    "numeric(38,10)": ("1234567890123456789012345678.0123456789", "DECIMAL(38,10)"),
    "real": ("0.1", "FLOAT"),
    "double precision": ("0.30000000000000004", "DOUBLE"),
    "text": ('a "quoted", \\N\nsecond line; ünïcode 🏔', "VARCHAR"),
    "boolean": ("true", "BOOLEAN"),
    "date": ("2026-02-28", "DATE"),
    "time": ("23:59:59.123456", "TIME"),
    "timestamp": ("2026-02-28 23:59:59.123456", "TIMESTAMP"),
    "timestamptz": ("2026-02-28 23:59:59.123456+02", "TIMESTAMP WITH TIME ZONE"),
    "uuid": ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "UUID"),
    "bytea": ("\\x00ff5c27220a", "BLOB"),
    "jsonb": ('{"a": [1, 2.50, null], "b": "x\\"y"}', "JSON"),
}


@pytest.mark.parametrize("kind", VALUES)
def test_values_go_there_and_back_unchanged(work: Workbench, shop: Shop, kind: str) -> None:
    value, engine_type = VALUES[kind]
    shop.admin.execute(f"create table source (v {kind})".encode())
    with psycopg.RawCursor(shop.admin) as cursor:
        cursor.execute(b"insert into source values ($1), (null)", (value,))
    shop.do("select 1")
    work.do("read", {"resource": "db", "table": "source"}, "d")
    assert work.session.columns("d") == {"v": engine_type}
    write(work, "copied")
    assert shop.rows(
        "select s.v is not distinct from c.v from source s join copied c on (s.v is null) = (c.v is null)"
    ) == [(True,), (True,)]
    assert shop.rows("select pg_typeof(v)::text from copied limit 1") == shop.rows(
        "select pg_typeof(v)::text from source limit 1"
    )


def test_null_and_texts_that_look_like_it_are_told_apart(work: Workbench, shop: Shop) -> None:
    texts = ["", "\\N", "\\.", "NULL", '""', '"', "\n", "\r\n", " ", ",", "''"]
    shop.do("create table odd (n int, v text)")
    for number, text in enumerate(texts):
        shop.admin.execute("insert into odd values (%s, %s)", (number, text))
    shop.do("insert into odd values (99, null)")
    assert [row[0] for row in read(work, sql="select v from odd order by n")] == [*texts, None]
    work.do("read", {"resource": "db", "sql": "select v from odd order by n"}, "d")
    write(work)
    assert sorted(shop.rows("select v from t"), key=str) == sorted(shop.rows("select v from odd"), key=str)


@pytest.mark.parametrize(
    "setting", ["array_nulls = off", "bytea_output = escape", "datestyle = German", "extra_float_digits = -15"]
)
def test_what_is_set_otherwise_for_a_user_changes_no_value(work: Workbench, shop: Shop, setting: str) -> None:
    shop.do(f"alter role {shop.user} set {setting}")
    work.make(
        "d",
        "select ['a', null, 'NULL'] as words, '\\x00\\x5C'::blob as bytes, date '2026-02-03' as day,"
        " 0.1::double + 0.2 as n, [0.1::double + 0.2] as numbers",
    )
    write(work)
    assert read(work, table="t") == work.rows("d")
    assert shop.rows("select array_position(words, null) from t") == [(2,)]


def test_many_rows_of_several_lines_survive(work: Workbench, shop: Shop) -> None:
    work.make(
        "d", "select range as id, 'line' || chr(10) || '\"' || repeat('x', (range % 700)::int) as v from range(100000)"
    )
    assert write(work).results["rows"] == 100_000
    assert shop.rows("select count(*), sum(length(v)) from t") == work.session.execute(
        "select count(*), sum(length(v))::bigint from d"
    )
    work.do("read", {"resource": "db", "table": "t"})
    assert work.session.execute("select count(*) from (from d except all from data)") == [(0,)]


def test_a_numeric_without_precision_is_text_unless_the_schema_says_otherwise(work: Workbench, shop: Shop) -> None:
    query = "select 12345678901234567.89::numeric as v"
    work.do("read", {"resource": "db", "sql": query})
    assert work.session.columns("data") == {"v": "VARCHAR"}
    assert work.rows() == [("12345678901234567.89",)]
    read(work, sql=query, schema={"v": "decimal(38,2)"})
    assert work.session.execute("select v::varchar from data") == [("12345678901234567.89",)]


PLACEHOLDERS: dict[str, tuple[str, Any]] = {
    "names": ("select n from t where n >= $least and day < $day and $least > 0", {"least": 2, "day": "2026-01-04"}),
    "numbers": ("select n from t where n >= $1 and day < $2", [2, "2026-01-04"]),
    "marks": ("select n from t where n >= ? and day < ? -- why?", [2, "2026-01-04"]),
    "lists": (
        "select n from t where n = any($these) and name <> all($names)",
        {"these": [2, 3], "names": ['a"b', "\\", None]},
    ),
    "beside what only looks like one": (
        "select n from t where n between $1 and 3 and '$2 ?' <> $$ $3 ? $$ and name <> E'\\'$4' /* $5 */ and \"n\" > 1",
        [2],
    ),
}


@pytest.mark.parametrize(("query", "params"), PLACEHOLDERS.values(), ids=PLACEHOLDERS)
def test_values_are_bound_as_the_server_sees_their_type(work: Workbench, shop: Shop, query: str, params: Any) -> None:
    shop.do("create table t as select n, date '2026-01-01' + n - 1 as day, 'x' as name from generate_series(1, 5) as n")
    if "names" in str(params):
        query = query.replace("name <> all($names)", "coalesce(name <> all($names), true)")
    assert read(work, sql=query + " order by n;", params=params) == [(2,), (3,)]


def test_a_value_is_never_part_of_the_query(work: Workbench) -> None:
    hostile = "x'; drop table t; -- $1 \\"
    assert read(work, sql="select $1::text as v", params=[hostile]) == [(hostile,)]
    assert read(work, sql="select $v::int as v, $v is null as is_null", params={"v": None}) == [(None, True)]


def test_a_query_gives_records(work: Workbench, shop: Shop, tmp_path: Path) -> None:
    query = """
        select n, n / 4.0::float8 as part, timestamptz '2026-01-01 12:00+02' as at, '{"a": [1]}'::json as j
        from generate_series(1, $most) as n
    """
    result = work.do("query", {"resource": "db", "sql": query, "params": {"most": 1}})
    assert result.results == {
        "rows": [{"n": 1, "part": 0.25, "at": "2026-01-01T10:00:00.000000+00:00", "j": {"a": [1]}}],
        "row_count": 1,
    }
    work.close()
    assert list(tmp_path.rglob("*.csv")) == []


@pytest.mark.parametrize(
    "query",
    [
        "select 1; drop table t",
        "select 1) as q; drop table t; select (1",
        "select 1) to program 'touch /tmp/x'; --",
        "with gone as (delete from t returning 1) select * from gone",
        "delete from t returning 1",
        "select 1 as a, 2 as a",
        "select",
    ],
)
def test_a_query_is_one_select_that_changes_nothing(work: Workbench, shop: Shop, query: str) -> None:
    shop.do("create table t as select 1 as n")
    assert refused(read, work, sql=query).error_class == "data"
    assert shop.rows("select n from t") == [(1,)]


def test_a_function_that_writes_may_not(work: Workbench, shop: Shop) -> None:
    shop.do(
        "create table t (n int); create function f() returns int language sql as 'insert into t values (1) returning n'"
    )
    assert "read-only transaction" in refused(read, work, sql="select f() as n").message
    assert shop.rows("select count(*) from t") == [(0,)]


def test_a_write_makes_schema_and_table_and_then_keeps_what_belongs_to_the_table(work: Workbench, shop: Shop) -> None:
    for count in (3, 2):
        work.make("d", f"select range as id, 'x' as name from range({count})")
        assert write(work, "mart.totals").results == {"rows": count, "columns": ["id", "name"]}
        shop.do(
            "grant select on mart.totals to public; create or replace view public.seen as select * from mart.totals"
        )
        shop.do("create unique index if not exists only_once on mart.totals (id)")
    assert shop.rows("select id from public.seen order by id") == [(0,), (1,)]
    assert shop.rows("select has_table_privilege('pg_read_server_files', 'mart.totals', 'select')") == [(True,)]
    assert shop.rows("select count(*) from pg_indexes where tablename = 'totals'") == [(1,)]


def test_a_write_makes_the_resources_schema(bench: Make, shop: Shop) -> None:
    work = bench(db=shop.resource(schema="brand new"))
    work.make("d", "select 1 as n")
    write(work)
    assert shop.rows('select n from "brand new".t') == [(1,)]


def test_a_write_needs_no_right_to_create_what_is_there(work: Workbench, shop: Shop) -> None:
    work.make("d", "select 1 as n")
    write(work)
    shop.do(f"revoke create on database {shop.database} from {shop.user}; revoke all on schema public from {shop.user}")
    shop.do(f"grant usage on schema public to {shop.user}; alter table t owner to current_user")
    assert write(work).rows == 1
    assert refused(write, work, "other").message == "permission denied for schema public"


def test_a_value_may_be_long(work: Workbench, shop: Shop) -> None:
    work.make("d", "select repeat('x', 20000000) as v")
    write(work)
    read(work, table="t")
    assert work.session.execute("select length(v) from data") == [(20_000_000,)]


def test_columns_that_the_dataset_lacks_get_their_default(work: Workbench, shop: Shop) -> None:
    shop.do("create table t (made int default 7, id int)")
    work.make("d", "select 1 as id")
    write(work)
    assert shop.rows("select id, made from t") == [(1, 7)]


def test_readers_see_the_old_rows_or_the_new_and_never_wait(work: Workbench, shop: Shop) -> None:
    shop.do("create table t as select n as id from generate_series(1, 3) as n")
    work.make("d", "select range as id from range(5)")
    seen: list[Any] = []
    with connected(shop.server, shop.database) as reader:
        reader.execute("set statement_timeout = '5s'")
        with reader.transaction():
            reader.execute("set transaction isolation level repeatable read")
            reader.execute("select 1")
            work.write(
                publication(), lambda: seen.extend(shop.rows("select count(*) from t")), resource="db", table="t"
            )
            seen.extend(reader.execute("select count(*) from t").fetchall())
        seen.extend(reader.execute("select count(*) from t").fetchall())
    assert seen == [(3,), (3,), (5,)]


def test_a_write_that_fails_leaves_the_old_rows_and_no_row_of_its_own(work: Workbench, shop: Shop) -> None:
    shop.do("create table t (id int check (id < 3)); insert into t values (1)")
    work.make("d", "select range as id from range(5)")
    error = refused(write, work)
    assert (error.error_class, error.message) == ("data", "the database reports: check violation (`t_id_check`)")
    assert shop.rows("select id from t") == [(1,)]
    assert shop.rows("select * from _firn_loads") == []


ERRORS: dict[str, tuple[dict[str, Any], str, str]] = {
    "wrong password": ({"password": Secret("wrong canary")}, "auth", "refused the login"),
    "no password": ({"password": None}, "auth", "refused the login"),
    "unknown database": ({"database": "nowhere"}, "connection", "has no database `nowhere`"),
    "unknown host": ({"host": "nowhere.invalid", "sslmode": "disable"}, "connection", "cannot be resolved"),
    "nobody there": ({"port": 1}, "connection", "nothing answers"),
    "no TLS": ({"sslmode": "require"}, "connection", "offers no TLS"),
    "no TLS to verify": ({"sslmode": "verify-full"}, "connection", "offers no TLS"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_cannot_connect_says_why_without_a_secret(bench: Make, shop: Shop, case: str) -> None:
    options, error_class, words = ERRORS[case]
    error = refused(read, bench(db=shop.resource(**options)), table="t")
    assert error.error_class == error_class
    assert words in error.message


@pytest.mark.parametrize("state", ["starting up", "shutting down", "in recovery mode", "not yet accepting connections"])
def test_a_server_that_starts_or_stops_is_told_as_such(bench: Make, shop: Shop, state: str) -> None:
    said = f"SFATAL\0C57P03\0Mthe database system is {state}\0\0".encode()

    def answer() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(4096)
            client.sendall(b"E" + (len(said) + 4).to_bytes(4) + said)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        answering = threading.Thread(target=answer)
        answering.start()
        port = listener.getsockname()[1]
        error = refused(read, bench(db=shop.resource(port=port)), table="t")
        answering.join()
    assert (error.error_class, error.message) == (
        "connection",
        f"the server at `127.0.0.1`, port {port} is starting or stopping",
    )


STATEMENTS: dict[str, tuple[str, str, str]] = {
    "missing table": ("select * from nothing", "data", 'relation "nothing" does not exist'),
    "missing column": ("select nothing from t", "data", 'column "nothing" does not exist'),
    "a value": ("select name::int as n from t", "data", "a value is none of the type"),
    "division": ("select 1 / (n - 1) as n from t", "data", "the database reports: division by zero"),
    "no right": ("select * from pg_authid", "auth", "permission denied for table pg_authid"),
    "timeout": ("select pg_sleep(30)::text as n", "timeout", "the statement took longer than `statement_timeout`"),
}


@pytest.mark.parametrize("case", STATEMENTS)
def test_what_a_statement_cannot_do_is_said_without_values(bench: Make, shop: Shop, case: str) -> None:
    shop.do("create table t as select 1 as n, 'canary' as name")
    query, error_class, message = STATEMENTS[case]
    error = refused(read, bench(db=shop.resource(statement_timeout=0.5)), sql=query)
    assert (error.error_class, error.message) == (error_class, message)


def test_a_transaction_that_the_server_ends_for_its_length_is_a_timeout(work: Workbench, shop: Shop) -> None:
    shop.do(f"alter role {shop.user} set transaction_timeout = '1s'")
    assert refused(read, work, sql="select pg_sleep(30)::text as n").error_class == "timeout"


def test_a_refused_value_is_named_by_its_column(work: Workbench, shop: Shop) -> None:
    shop.do("create table t (n int, m varchar(3))")
    work.make("d", "select 1 as n, 'canary' as m")
    message = "a value is too long in the column `m`"
    assert refused(write, work).message == message


def test_a_server_that_goes_away_is_a_failed_connection(bench: Make, shop: Shop) -> None:
    work = bench(db=shop.resource(application_name="to be cut"))
    found: list[ConnectorError] = []
    thread = threading.Thread(target=lambda: found.append(refused(read, work, sql="select pg_sleep(30)::text as n")))
    thread.start()
    in_a_while(shop, "to be cut", "pg_terminate_backend")
    thread.join()
    assert (found[0].error_class, found[0].message) == (
        "connection",
        "the server is stopping, or somebody has ended the connection there",
    )


@pytest.mark.parametrize("act", [partial(read, sql="select pg_sleep(30)::text as n"), write], ids=["read", "write"])
def test_a_pooler_that_tells_once_more_that_its_server_went_away_is_a_failed_connection(
    bench: Make, shop: Shop, act: Callable[[Workbench], object]
) -> None:
    said = b"SFATAL\0C08P01\0Mserver conn crashed?\0\0"
    shop.do(
        "create table t (n int); create function slow() returns trigger language plpgsql as "
        "$$ begin perform pg_sleep(30); return null; end $$; "
        "create trigger slow before insert on t for each row execute function slow()"
    )
    with front(shop.server.host, shop.server.port) as pooler, ThreadPoolExecutor() as aside:
        pooler.farewell = b"E" + (len(said) + 4).to_bytes(4) + said
        work = bench(db=shop.resource(port=pooler.port, application_name="to be cut"))
        work.make("d", "select 2 as n")
        found = aside.submit(refused, act, work)
        in_a_while(shop, "to be cut", "pg_terminate_backend")
    error = found.result()
    assert (error.error_class, error.message) == ("connection", "the server has closed the connection")


EVERYTHING = """
    (a boolean, b smallint, c int, d bigint, e real, f float8, g numeric(15,2), h numeric(38,10), i date, j time,
     k timestamp, l timestamptz, m text, n varchar(9), p uuid, q bytea, r json, s jsonb)"""
ROWS = (
    """(true, -32768, 2147483647, 9223372036854775807, 1.5, 0.1, 12.34, -1234567890123456789012345678.0123456789,
     '2024-02-29', '12:34:56.789012', '2024-01-01 00:00:00.000001', '2024-01-01 12:00+02', 'äöü 🏔', 'ab',
     'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\x0001ff', '{"a": 1}', '{"a":[1,2]}')""",
    """(false, null, null, -9223372036854775808, 'Infinity', '-Infinity', null, null, 'infinity', '24:00', 'infinity',
     '-infinity', '', '', null, '', 'null', 'null')""",
    "(null, 0, 0, 0, 'NaN', 'NaN', -0.01, 0, '0001-01-01 BC', '00:00', '0001-01-01', '1969-12-31 23:59:59.999999+00',"
    " null, null, null, null, null, null)",
)


def spooled(work: Workbench) -> list[str]:
    """Return what reads have left in the scratch folders."""
    return [file.name for file in work.folder.glob("work/**/rows.csv")]


def everything(shop: Shop, *rows: str) -> None:
    shop.do(f"create table everything {EVERYTHING}")
    shop.do(f"insert into everything values {', '.join(rows)}")


def test_the_engine_reads_a_table_as_copy_gives_it(work: Workbench, shop: Shop) -> None:
    everything(shop, *ROWS)
    work.do("read", {"resource": "db", "table": "everything"}, "scanned")
    assert spooled(work) == []
    work.do("read", {"resource": "db", "sql": "select * from everything"}, "copied")
    assert spooled(work) == ["rows.csv"]
    assert work.session.columns("scanned") == work.session.columns("copied")
    texts = "select columns(*)::varchar from "
    assert work.session.execute(f"{texts} scanned order by d") == work.session.execute(f"{texts} copied order by d")


def test_everything_that_is_read_can_be_written_again(work: Workbench, shop: Shop) -> None:
    everything(shop, *ROWS)
    work.do("read", {"resource": "db", "table": "everything"}, "d")
    write(work, "again")
    same = "select count(*) from (select {0} from everything except all select {0} from again) x"
    columns = ", ".join(f"{name}::text" for name in "abcdefghijklmnpqs") + ", r::jsonb::text"
    assert shop.rows(same.format(columns)) == [(0,)]


DOUBTFUL = {
    "NaN in a decimal": ("g", "'NaN'", "NaN"),
    "a timestamp that the engine has no number for": ("l", "'294276-12-31 23:59:59+00'", "294276"),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_a_value_that_the_engine_has_none_for_is_refused_and_never_changed(
    work: Workbench, shop: Shop, case: str
) -> None:
    column, value, shown = DOUBTFUL[case]
    shop.do(f"create table everything {EVERYTHING}")
    shop.do(f"insert into everything ({column}) values ({value})")
    error = refused(read, work, table="everything")
    assert error.error_class == "data"
    assert re.search(f'["`]{column}["`]', error.message)
    assert shown not in error.message
    assert "read it by `sql`" in error.message or "`schema` may call it" in error.message


@pytest.mark.parametrize(("kind", "expected"), [("double", "nan"), ("varchar", "NaN")])
def test_a_decimal_that_is_nan_is_read_as_what_schema_says(
    work: Workbench, shop: Shop, kind: str, expected: str
) -> None:
    shop.do("create table d (n numeric(10,2), a numeric(10,2)[])")
    shop.do("insert into d values ('NaN', null), (2.50, '{1.50}')")
    work.do("read", {"resource": "db", "table": "d", "columns": ["n"], "schema": {"n": kind}}, "d")
    assert [str(value) for (value,) in work.rows("d")] == [expected, "2.5" if kind == "double" else "2.50"]
    read(work, table="d", columns=["a"], schema={"a": "decimal(12,3)[]"})


@pytest.mark.parametrize("source", [{"table": "t"}, {"sql": "select * from t"}])
def test_a_domain_is_read_as_the_type_below_it(work: Workbench, shop: Shop, source: dict[str, str]) -> None:
    shop.do("create domain positive as int; create domain few as positive; create domain price as numeric(10,2)")
    shop.do("create table t (n few, p price)")
    shop.do("insert into t values (1, 1.50)")
    assert [str(value) for value in read(work, **source)[0]] == ["1", "1.50"]
    assert work.session.columns("data") == {"n": "INTEGER", "p": "DECIMAL(10,2)"}


@pytest.mark.parametrize("source", [{"table": "t", "columns": ["v"]}, {"sql": "select v from t"}])
def test_a_text_that_is_not_utf_8_is_told_with_a_way_to_its_bytes(bench: Make, source: dict[str, Any]) -> None:
    one = server()
    name = fresh_database(one, "SQL_ASCII")
    with connected(one, name) as admin:
        admin.execute("create table t (v text)")
        admin.execute("insert into t values (encode('\\xe9', 'escape')), (convert_from('\\xe9', 'SQL_ASCII'))")
    work = bench(db=connector("db", "postgres", **login(one, name)))
    error = refused(read, work, **source)
    assert error.error_class == "data"
    assert "by `sql`, such as `convert_to(name, 'SQL_ASCII')`" in error.message + error.help
    assert read(work, sql="select convert_to(v, 'SQL_ASCII') as v from t")[1] == (b"\xe9",)


def test_nothing_is_kept_in_a_session_that_a_pool_may_give_to_somebody_else(work: Workbench) -> None:
    assert read(work, sql="select name from pg_prepared_statements") == []


def test_views_and_parts_of_a_table_are_read_whole(work: Workbench, shop: Shop) -> None:
    shop.do("create table parted (i int, t text) partition by range (i)")
    shop.do("create table low partition of parted for values from (0) to (500)")
    shop.do("create table high partition of parted for values from (500) to (1000)")
    shop.do("insert into parted select n, 'x' || n from generate_series(0, 999) n")
    shop.do("create view odd as select i from parted where i % 2 = 1")
    assert len(read(work, table="parted")) == 1000
    assert len(read(work, table="odd")) == 500
    assert spooled(work) == []


def test_a_server_that_goes_away_within_a_stream_is_a_failed_connection(bench: Make, shop: Shop) -> None:
    work = bench(db=shop.resource(application_name="to be cut off"))
    shop.do("create view slow as select n, pg_sleep(0.01)::text as s from generate_series(1, 3000) as n")
    work.streamed = frozenset(["d"])
    work.do("read", {"resource": "db", "table": "slow"}, "d")
    found: list[ConnectorError] = []
    thread = threading.Thread(target=lambda: found.append(refused(write, work)))
    thread.start()
    in_a_while(shop, "to be cut off", "pg_terminate_backend")
    thread.join()
    assert found[0].error_class == "connection"
    assert shop.rows("select to_regclass('t')") == [(None,)]


def test_a_dataset_that_cannot_be_made_leaves_the_table_as_it_is(work: Workbench, shop: Shop) -> None:
    shop.do("create table t as select 1 as n")
    work.streamed = frozenset(["d"])
    work.do("sql", {"sql": "select if(range = 99999, error('no'), range)::int as n from range(100000)"}, "d")
    assert refused(write, work).error_class == "data"
    assert shop.rows("select n from t") == [(1,)]


def test_a_line_that_breaks_is_a_failed_connection_and_a_write_is_undone(bench: Make, shop: Shop) -> None:
    with front(shop.server.host, shop.server.port) as line:
        work = bench(db=shop.resource(port=line.port))
        shop.do("create table t as select 1 as n")
        work.make("d", "select 2 as n")
        line.cut.append(b"delete from")
        error = refused(write, work)
    assert (error.error_class, error.message) == ("connection", "the server has closed the connection")
    assert shop.rows("select n from t") == [(1,)]
    assert shop.rows("select * from _firn_loads") == []


@pytest.mark.parametrize("cut", [b"REPEATABLE READ", b"pg_is_in_recovery", b"SET TRANSACTION SNAPSHOT", b"COPY ("])
def test_a_line_that_breaks_while_the_engine_reads_a_table_is_a_failed_connection(
    bench: Make, shop: Shop, cut: bytes
) -> None:
    shop.do("create table t as select n from generate_series(1, 1000000) as n; analyze t")  # more than one worker's
    with front(shop.server.host, shop.server.port) as line:
        work = bench(db=shop.resource(port=line.port))
        line.cut.append(cut)
        error = refused(read, work, table="t")
    assert line.cut == []
    assert (error.error_class, error.message) == ("connection", "the database server has closed the connection")


@pytest.mark.parametrize("cut", [b"SELECT version()", b"pg_namespace"])
def test_so_it_is_where_the_engine_only_looks_at_the_table(bench: Make, shop: Shop, cut: bytes) -> None:
    shop.do("create table t as select 1 as n")
    with front(shop.server.host, shop.server.port) as line:
        work = bench(db=shop.resource(port=line.port))
        work.streamed = frozenset(["data"])
        work.do("read", {"resource": "db", "table": "t"})
        line.cut.append(cut)
        error = refused(work.rows)
    assert line.cut == []
    assert (error.error_class, error.message) == ("connection", "the database server has closed the connection")


def test_a_commit_whose_answer_is_lost_is_found_by_the_next_attempt(bench: Make, shop: Shop) -> None:
    with front(shop.server.host, shop.server.port) as line:
        work = bench(db=shop.resource(port=line.port))
        work.make("d", "select range as n from range(3)")
        lost = refused(work.write, publication(), lambda: line.cut.append(b"COMMIT"), resource="db", table="t")
        assert lost.error_class == "connection"
        shop.do("insert into t values (99)")
        assert work.write(publication(attempt=2), resource="db", table="t").rows == 3
    assert shop.rows("select count(*) from t") == [(4,)]
    assert shop.rows("select attempt from _firn_loads") == [(1,)]


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("tls"))


def test_the_server_is_verified_by_name_and_authority(bench: Make, shop: Shop, proof: Certificate) -> None:
    with front(shop.server.host, shop.server.port, proof) as line:
        options = {"sslmode": "verify-full", "sslrootcert": str(proof.authority), "port": line.port}
        work = bench(db=shop.resource(host="localhost", **options))
        shop.do("create table t as select 2 as n")
        assert read(work, table="t") == [(2,)]
    assert spooled(work) == []


TRUST: dict[str, dict[str, Any]] = {
    "is for another name": {"host": "127.0.0.1", "sslmode": "verify-full"},
    "is from no authority that is trusted, or not valid now": {
        "host": "localhost",
        "sslmode": "verify-full",
        "sslrootcert": None,
    },
}


@pytest.mark.parametrize("said", TRUST)
def test_who_is_not_trusted_is_refused(bench: Make, shop: Shop, proof: Certificate, said: str) -> None:
    with front(shop.server.host, shop.server.port, proof) as line:
        work = bench(db=shop.resource(**{"port": line.port, "sslrootcert": str(proof.authority)} | TRUST[said]))
        error = refused(read, work, table="t")
    assert error.error_class == "connection"
    assert error.message == f"the certificate of `{TRUST[said]['host']}`, port {line.port} {said}"


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_authorities_that_is_none_is_told(
    bench: Make, shop: Shop, proof: Certificate, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with front(shop.server.host, shop.server.port, proof) as line:
        work = bench(db=shop.resource(port=line.port, sslmode="verify-ca", sslrootcert=str(file)))
        error = refused(read, work, table="t")
    assert error.message == "the authorities' file of `sslrootcert` cannot be read"


def in_a_while(shop: Shop, name: str, act: str = "") -> None:
    """Wait until the resource's statement runs on the server, and do something to it."""
    mine = f"datname = current_database() and application_name = '{name}'"
    running = f"{mine} and state = 'active' and query ilike 'copy%' and wait_event = 'PgSleep'"
    deadline = time.monotonic() + 20
    while not shop.rows(f"select {act}(pid) from pg_stat_activity where {running}"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


STOP = Failure("R309", "process", "the run was stopped")


def at_work(
    token: Token, found: list[ConnectorError], act: Callable[..., object], *work: object, **inputs: Any
) -> threading.Thread:
    """Do something in another thread, for `token`, and keep the failure."""

    def failing() -> None:
        with working_for(token):
            found.append(refused(act, *work, **inputs))

    thread = threading.Thread(target=failing)
    thread.start()
    return thread


def test_cancelling_stops_the_statement_on_the_server(bench: Make, shop: Shop) -> None:
    work = bench(db=shop.resource(application_name="to be stopped"))
    found: list[ConnectorError] = []
    token = Token()
    thread = at_work(token, found, read, work, sql="select pg_sleep(60)::text as n")
    in_a_while(shop, "to be stopped")
    token.cancel(STOP)
    thread.join(30)
    assert (found[0].error_class, found[0].message) == ("timeout", "the statement was interrupted")
    assert shop.rows(
        "select count(*) from pg_stat_activity where application_name = 'to be stopped' and state = 'active'"
    ) == [(0,)]


def test_cancelling_stops_what_waits_for_anothers_lock(bench: Make, shop: Shop) -> None:
    work = bench(db=shop.resource(application_name="to be stopped"))
    shop.do("create table t as select 1 as n")
    found: list[ConnectorError] = []
    token = Token()
    with connected(shop.server, shop.database) as other, other.transaction():
        other.execute("lock table t")
        thread = at_work(token, found, read, work, table="t")
        deadline = time.monotonic() + 20
        while not shop.rows("select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%\"t\"%'"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        token.cancel(STOP)
        thread.join(30)
    assert [error.message for error in found] == ["the statement was interrupted"]


@pytest.mark.parametrize("last", [b"BEGIN", b"copy ", b"COMMIT"])
def test_a_server_that_falls_silent_does_not_outlast_the_statements_timeout(
    bench: Make, shop: Shop, last: bytes
) -> None:
    shop.do("create table t as select 1 as n")
    with front(shop.server.host, shop.server.port) as network:
        work = bench(db=shop.resource(port=network.port, statement_timeout=0.3))
        work.make("d", "select 2 as n")
        network.fall_silent(last)
        error = refused(work.write, publication(), resource="db", table="t")
    assert (error.error_class, error.message) == ("timeout", "the statement took longer than `statement_timeout`")


def test_cancelling_ends_the_wait_for_a_server_that_has_fallen_silent(bench: Make, shop: Shop) -> None:
    found: list[ConnectorError] = []
    token = Token()
    with front(shop.server.host, shop.server.port) as network:
        network.fall_silent(b"copy (")
        work = bench(db=shop.resource(port=network.port, application_name="to be stopped"))
        thread = at_work(token, found, read, work, sql="select pg_sleep(1)::text as n")
        in_a_while(shop, "to be stopped")
        token.cancel(STOP)
        thread.join(30)
    assert [error.message for error in found] == ["the statement was interrupted"]


@pytest.fixture
def hasty(bench: Make, shop: Shop) -> Workbench:
    """Return a resource that soon asks whether a server is there that says nothing, and what the server is slow at."""
    shop.do("create table t (n int); insert into t values (1)")
    shop.do("create view slow as select n from t where pg_sleep(3) is not null")
    shop.do("create function late() returns trigger language plpgsql as 'begin perform pg_sleep(3); return new; end'")
    shop.do("create trigger late before insert on t for each row execute function late()")
    made = shop.resource(application_name="to be left")
    made.patience = 0.3
    work = bench(db=made)
    work.make("d", "select 2 as n")
    return work


SLOW: dict[str, Callable[[Workbench], object]] = {
    "a table": partial(read, table="slow"),
    "a query": partial(read, sql="select n from slow"),
    "a write": lambda work: work.do("write", {"from": "d", "resource": "db", "table": "t", "mode": "append"}),
}


@pytest.mark.parametrize("act", SLOW.values(), ids=SLOW)
def test_a_server_that_stands_still_is_left(hasty: Workbench, shop: Shop, act: Callable[[Workbench], object]) -> None:
    found: list[ConnectorError] = []
    thread = at_work(Token(), found, act, hasty)
    in_a_while(shop, "to be left")
    with standing_still(shop.server):
        thread.join(30)
        assert not thread.is_alive()
    ((error_class, message),) = [(error.error_class, error.message) for error in found]
    assert error_class == "connection", message
    assert "server has closed the connection" in message


@pytest.mark.parametrize("act", SLOW.values(), ids=SLOW)
def test_a_server_that_takes_its_time_and_lets_others_in_is_not_left(
    hasty: Workbench, act: Callable[[Workbench], object]
) -> None:
    act(hasty)


def test_who_knocks_at_a_server_that_stands_still_is_no_sign_of_life(hasty: Workbench, shop: Shop) -> None:
    """Such as a state that lies on the same server, and connects again and again."""
    found: list[ConnectorError] = []
    thread = at_work(Token(), found, SLOW["a table"], hasty)
    in_a_while(shop, "to be left")
    with standing_still(shop.server), ExitStack() as knocking:
        for _ in range(150):
            if thread.is_alive():
                knocking.enter_context(socket.create_connection((shop.server.host, shop.server.port)))
                thread.join(0.2)
        assert not thread.is_alive()
    assert [error.error_class for error in found] == ["connection"]


@pytest.mark.parametrize("is_heard", [True, False], ids=["its answer", "itself"])
@pytest.mark.parametrize(
    ("act", "last"),
    [
        (partial(read, sql="select n from t"), b"BEGIN"),
        (partial(read, sql="select n from t"), b"copy ("),
        (SLOW["a write"], b"lock table"),
        (SLOW["a write"], b"PGCOPY"),
        (SLOW["a write"], b"COMMIT"),
    ],
    ids=["the begin of a query", "a query", "the lock of a write", "rows of a write", "the commit of a write"],
)
def test_what_is_lost_on_a_way_that_stays_open_is_not_waited_for(
    bench: Make, shop: Shop, act: Callable[[Workbench], object], last: bytes, is_heard: bool
) -> None:
    """As behind a proxy that still lets in, and has lost its own connection to the server."""
    shop.do("create table t (n int); insert into t values (1)")
    with front(shop.server.host, shop.server.port) as network:
        network.lost, network.is_heard = [last], is_heard
        made = shop.resource(port=network.port)
        made.patience = 0.3
        work = bench(db=made)
        work.make("d", "select 2 as n")
        error = refused(act, work)
        assert SLOW["a write"](work)  # nothing is locked any more
    assert network.lost == []
    said = "the answer never came: the server has nothing to do for this connection"
    assert (error.error_class, error.message) == ("connection", said)


def test_a_source_that_takes_its_time_is_waited_for(bench: Make, shop: Shop) -> None:
    """The server has nothing to do meanwhile, and nobody waits for it."""
    made = shop.resource()
    made.patience = 0.1
    work = bench(db=made)
    shop.do("create table slow as select n from generate_series(1, 3) as n")
    shop.do("create view source as select n from slow where pg_sleep(0.6) is not null")
    work.streamed = frozenset(["d"])
    work.do("read", {"resource": "db", "table": "source"}, "d")
    assert work.do("write", {"from": "d", "resource": "db", "table": "t", "mode": "append"}).results["rows"] == 3


def test_a_network_that_takes_nothing_any_more_is_noticed_within_a_minute(bench: Make, shop: Shop) -> None:
    found: list[ConnectorError] = []
    with front(shop.server.host, shop.server.port) as network:
        work = bench(db=shop.resource(port=network.port, application_name="to be looked at"))
        thread = at_work(Token(), found, read, work, sql="select pg_sleep(60)::text as n")
        in_a_while(shop, "to be looked at")
        assert patience_of_clients(network.port) == {60}
        in_a_while(shop, "to be looked at", "pg_terminate_backend")
        thread.join(30)


def test_a_write_that_shall_end_before_its_commit_is_undone(bench: Make, shop: Shop) -> None:
    work = bench(db=shop.resource())
    shop.do("create table t as select 1 as n")
    work.make("d", "select 2 as n")

    def still_ours() -> None:
        raise Ended(STOP)

    with pytest.raises(Ended):
        work.write(publication(), still_ours, resource="db", table="t")
    assert shop.rows("select n from t") == [(1,)]


def test_the_engine_never_meets_the_password(work: Workbench, shop: Shop) -> None:
    work.make("d", "select 1 as n")
    write(work)
    read(work, table="t")
    for view in ("duckdb_databases()", "duckdb_settings()", "duckdb_secrets()"):
        assert "canary" not in repr(work.session.execute(f"from {view}"))


def test_a_missing_password_is_taken_from_no_file(
    bench: Make, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / ".pgpass"
    kept.write_text("*:*:*:*:" + CANARY.replace("\\", "\\\\").replace(":", "\\:") + "\n")
    kept.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    error = refused(read, bench(db=shop.resource(password=None)), sql="select 1 as n")
    assert (error.error_class, error.message) == ("auth", f"the server refused the login of `{shop.user}`")


def test_the_environment_has_no_say(bench: Make, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PGHOSTADDR": "192.0.2.1",
        "PGSSLMODE": "verify-full",
        "PGOPTIONS": "-c work_mem=64kB",
        "PGDATESTYLE": "German",
        "PGTZ": "Asia/Tokyo",
        "PGREQUIREAUTH": "none",
        "PGTARGETSESSIONATTRS": "standby",
        "PGAPPNAME": "another",
    }.items():
        monkeypatch.setenv(name, value)
    work = bench(db=shop.resource())
    query = "select current_setting('application_name') as a, (timestamptz '2026-01-02 00:00+00')::text as t"
    assert read(work, sql=query) == [("firn", "2026-01-02 00:00:00+00")]


def publication(**more: Any) -> Publication:
    return Publication("flow", "r1", "main", "publish", "sha256:0", "sha256:1")._replace(**more)
