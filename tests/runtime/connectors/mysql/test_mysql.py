"""MySQL, a real server: what is read, what is written, what its errors say, and what stops."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from firn_runtime.cancel import Ended, Token, working_for
from firn_runtime.connector import Bound, ReadContext
from firn_runtime.connectors.databases.schema_policy import TableColumn
from firn_runtime.connectors.mysql.values import in_insert
from firn_runtime.errors import ConnectorError
from firn_runtime.events import Failure
from firn_runtime.probing import Use
from firn_schemas.decode import decode
from firn_schemas.secret import Secret
from firn_schemas.steps.data import ReadInputs
from runtime.refusals import refused
from runtime.workbench import Workbench, connector
from servers.front import front, patience_of_clients
from servers.mysql import connected, fresh_database, server, standing_still

CANARY = "k9#canary pw'x\\ü"

Make = Callable[..., Workbench]


class Shop:
    """A fresh database with a user who logs in by the canary."""

    def __init__(self) -> None:
        self.server = server()
        self.database = fresh_database(self.server)
        self.user = f"u{self.database[5:]}"
        self.admin = connected(self.server, self.database)
        with self.admin.cursor() as cursor:
            cursor.execute(f"create user {self.user}@'%%' identified by %s", (CANARY,))
        self.do(f"grant all on {self.database}.* to {self.user}@'%'")

    def resource(self, **options: Any) -> Any:
        """Return a connector to it; keyword `password`, `host`, … override."""
        own = {"host": self.server.host, "port": self.server.port, "database": self.database, "user": self.user}
        config = own | {"password": Secret(CANARY)}
        config |= {name: options.pop(name) for name in list(options) if name in config}
        return connector("db", "mysql", written=True, options=options, **config)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.admin.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def do(self, *statements: str) -> None:
        for statement in statements:
            self.rows(statement)


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.admin.close()


@pytest.fixture
def work(bench: Make, shop: Shop) -> Workbench:
    return bench(db=shop.resource())


def write(work: Workbench, table: str = "t", **inputs: Any) -> Any:
    return work.do("write", {"from": "d", "resource": "db", "table": table, "mode": "replace"} | inputs)


def read(work: Workbench, **inputs: Any) -> list[tuple[Any, ...]]:
    work.do("read", {"resource": "db", **inputs})
    return work.rows()


# reading


def test_a_table_is_read(work: Workbench, shop: Shop) -> None:
    shop.do("create table orders (id int, `na``me` text)", "insert into orders values (0, 'x0'), (1, null), (2, '')")
    assert read(work, table="orders", columns=["na`me", "id"]) == [("x0", 0), (None, 1), ("", 2)]
    assert read(work, table=f"{shop.database}.orders", schema={"id": "varchar"})[2] == ("2", "")


READ: dict[str, tuple[str, str]] = {
    "tinyint(1)": ("1", "BOOLEAN"),
    "tinyint": ("-128", "TINYINT"),
    "tinyint unsigned": ("255", "UTINYINT"),
    "smallint unsigned": ("65535", "USMALLINT"),
    "mediumint": ("-8388608", "INTEGER"),
    "int unsigned": ("4294967295", "UINTEGER"),
    "bigint": ("-9223372036854775808", "BIGINT"),
    "bigint unsigned": ("18446744073709551615", "UBIGINT"),
    "decimal(38,10)": ("-1234567890123456789012345678.0123456789", "DECIMAL(38,10)"),
    "decimal(39,0)": ("170141183460469231731687303715884105727", "HUGEINT"),
    "decimal(65,0) unsigned": ("18446744073709551616", "HUGEINT"),
    "decimal(65,30)": ("12345678901234567890123456789012345.012345678901234567890123456789", "VARCHAR"),
    "float": ("16777217.1", "FLOAT"),
    "double": ("0.30000000000000004", "DOUBLE"),
    "bit(1)": ("b'1'", "BOOLEAN"),
    "bit(64)": ("18446744073709551615", "UBIGINT"),
    "date": ("'1000-01-01'", "DATE"),
    "datetime": ("'9999-12-31 23:59:59'", "TIMESTAMP"),
    "datetime(6)": ("'2026-02-28 23:59:59.123456'", "TIMESTAMP"),
    "timestamp(6) null": ("'2026-02-28 23:59:59.123456'", "TIMESTAMP WITH TIME ZONE"),
    "time(6)": ("'23:59:59.123456'", "TIME"),
    "year": ("2026", "SMALLINT"),
    "enum('a','b\"')": ("'b\"'", "VARCHAR"),
    "set('x','y')": ("'x,y'", "VARCHAR"),
    "char(3)": ("'ü'", "VARCHAR"),
    "varchar(40) character set latin1": ("'é, \"q\" \\\\N'", "VARCHAR"),
    "longtext character set utf8mb4": ("'a \"quoted\", \\\\N\\nsecond\\r\\nline; ünïcode 🏔 \\0 '", "VARCHAR"),
    "blob": ("x'00ff5c27220a0d'", "BLOB"),
    "binary(3)": ("x'000100'", "BLOB"),
}
TRUE = {
    "tinyint(1)": True,
    "float": 16777217.0,
    "bit(1)": True,
}


@pytest.mark.parametrize("kind", READ)
def test_values_are_read_as_they_are(work: Workbench, shop: Shop, kind: str) -> None:
    value, engine_type = READ[kind]
    shop.do(f"create table source (v {kind}) character set utf8mb4", f"insert into source values ({value}), (null)")
    for inputs in ({"table": "source"}, {"sql": "select v from source"}):
        work.do("read", {"resource": "db", **inputs})
        assert work.session.columns("data") == {"v": engine_type}
        text = "hex(v)" if engine_type == "BLOB" else "v::varchar"
        found = [row[0] for row in work.session.execute(f"select {text} from data")]
        spelled = {"BLOB": "hex(v)", "TIMESTAMP WITH TIME ZONE": "concat(v, '+00')"}.get(engine_type, "v")
        spelled = {"bit(1)": "if(v, 'true', 'false')", "bit(64)": "v + 0", "tinyint(1)": "if(v, 'true', 'false')"}.get(
            kind, "v + 0e0" if kind == "float" else spelled
        )
        ((expected,), _) = shop.rows(f"select if(v is null, null, convert({spelled} using utf8mb4)) from source")
        assert found[1] is None
        assert found[0] == expected or float(found[0]) == float(expected)


OUTSIDE: dict[str, tuple[str, dict[str, Any]]] = {
    "tinyint(1)": ("2", {"table": "source", "schema": {"v": "bigint"}}),
    "decimal(39,0)": ("170141183460469231731687303715884105728", {"table": "source", "schema": {"v": "varchar"}}),
    "date": ("'0000-00-00'", {"sql": "select nullif(v, 0) as v from source"}),
    "datetime": ("'2026-00-00 00:00:00'", {"sql": "select cast(v as char) as v from source"}),
    "time": ("'-838:59:59'", {"sql": "select cast(v as char) as v from source"}),
}


@pytest.mark.parametrize("kind", OUTSIDE)
def test_a_value_that_its_type_cannot_hold_is_an_error_that_names_the_column_and_a_way(
    work: Workbench, shop: Shop, kind: str
) -> None:
    value, way = OUTSIDE[kind]
    shop.do(f"create table source (v {kind})", f"insert into source values ({value})")
    error = refused(read, work, table="source")
    assert error.error_class == "data"
    assert "a value of the column `v` is outside of what" in error.message
    by = re.search(r"`(\w+\([^`]*\))`\Z|`schema`\Z", error.message)
    assert by is not None
    assert ("schema" in way) == (by[1] is None)
    assert len(read(work, **way)) == 1


def test_a_type_without_a_place_in_a_dataset_is_an_error_that_names_the_column(work: Workbench, shop: Shop) -> None:
    shop.do("create table source (place geometry)")
    error = refused(read, work, table="source")
    assert (error.error_class, error.message) == ("data", "the column `place` is of a type that no dataset holds")


def test_a_text_is_a_list_where_the_schema_says_so(work: Workbench, shop: Shop) -> None:
    shop.do("create table source (v text)", """insert into source values ('["a\\\\n, \\\\"b", null]'), (null)""")
    assert read(work, table="source", schema={"V": "varchar[]"}) == [(['a\n, "b', None],), (None,)]
    shop.do("update source set v = '[canary'")
    error = refused(read, work, table="source", schema={"v": "varchar[]"})
    assert error.error_class == "data"
    assert 'column "v"' in error.message


@pytest.mark.parametrize(
    ("kind", "value", "type"),
    [
        ("tinyint(1)", "-9", "tinyint"),
        ("tinyint(1)", "2", "varchar"),
        ("decimal(39,0)", "340282366920938463463374607431768211455", "uhugeint"),
        ("decimal(65,0)", "9" * 65, "varchar"),
    ],
)
def test_a_number_beyond_its_type_is_read_as_schema_says(
    work: Workbench, shop: Shop, kind: str, value: str, type: str
) -> None:
    shop.do(f"create table source (v {kind})", f"insert into source values ({value}), (null)")
    read(work, table="source", schema={"V": type})
    assert work.session.execute("select v::varchar from data") == [(value,), (None,)]


def test_sums_are_whole_numbers_that_can_be_compared(work: Workbench, shop: Shop) -> None:
    shop.do("create table t (n bigint unsigned)", "insert into t values (18446744073709551615), (1)")
    read(work, sql="select sum(n) as n from t")
    assert work.session.columns("data") == {"n": "HUGEINT"}
    assert work.rows() == [(18446744073709551616,)]


def test_a_row_longer_than_the_servers_packet_is_an_error_and_not_null(work: Workbench, shop: Shop) -> None:
    shop.do("create table source (a int, v longblob)", "insert into source values (1, repeat('x', 9000000))")
    error = refused(read, work, table="source")
    assert (error.error_class, error.message) == ("data", "a row is longer than the server's 16777216 bytes")
    assert read(work, table="source", columns=["a"]) == [(1,)]


PARAMS: list[tuple[str, Any, list[tuple[Any, ...]]]] = [
    ("select ? as v", ['it\'s \\ "x"; drop table victim; -- 🏔'], [('it\'s \\ "x"; drop table victim; -- 🏔',)]),
    ("select $a + $b + $a as v", {"a": 1, "b": 2, "unused": 3}, [(4,)]),
    ("select '?' as a, \"$a\" as b, `?` from (select 1 as `?`) x # ? $a\n where 1 = ?;", [1], [("?", "$a", 1)]),
    ("select n from (select 1 as n union all select 2) x order by n limit ?", [1], [(1,)]),
    ("select name from latin where name = ?", ["É"], [("é",)]),
    ("select ? is null as a, ? is true as b, ? = 1.5 as c -- last", [None, True, 1.5], [(1, 1, 1)]),
]


@pytest.mark.parametrize(("sql", "params", "rows"), PARAMS)
def test_values_are_bound(work: Workbench, shop: Shop, sql: str, params: Any, rows: Any) -> None:
    shop.do("create table victim (n int)", "create table latin (name varchar(9)) character set latin1")
    shop.do("insert into latin values ('é'), ('f')")
    assert read(work, sql=sql, params=params) == rows
    assert shop.rows("select * from victim") == []


REFUSED = {
    "select ? as v": "the query has more placeholders than `params` has values",
    "select 1 as v": "the query has 0 placeholders, and `params` 1 values",
    "select $x as v": "the query's placeholder `$x` has no value",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_placeholders_and_values_have_to_agree(work: Workbench, sql: str) -> None:
    params = [] if "?" in sql else ["canary"]
    error = refused(read, work, sql=sql, params=params)
    assert (error.error_class, error.message) == ("data", REFUSED[sql])


@pytest.mark.parametrize(
    "sql",
    ["insert into victim values (1)", "select 1) as x; drop table victim; --", "select 1 as a; select 2 as b"],
)
def test_what_is_not_one_select_is_refused(work: Workbench, shop: Shop, sql: str) -> None:
    shop.do("create table victim (n int)")
    assert refused(read, work, sql=sql).error_class == "data"
    assert shop.rows("select * from victim") == []


def test_a_read_is_of_one_moment(work: Workbench, shop: Shop) -> None:
    shop.do("create function grows() returns int deterministic begin insert into t values (1); return 1; end")
    shop.do("create table t (n int)")
    error = refused(read, work, sql="select grows() as n")
    assert error.message == "Cannot execute statement in a READ ONLY transaction"


def test_the_session_is_in_utc_and_texts_are_unicode(work: Workbench, shop: Shop) -> None:
    shop.do("create table source (at timestamp(6) null)", "insert into source values ('2026-01-02 03:04:05.5')")
    assert read(work, sql="select cast(at as char) as v, '🏔' as w from source") == [("2026-01-02 03:04:05.500000", "🏔")]


BOUNDS: dict[str, tuple[str, list[str], Bound, list[str]]] = {
    "text": (
        "varchar(20)",
        ["'b'", "'B'", "'b '", "'c'", "'ä'", "null"],
        Bound("v", "b", None, inclusive=False),
        ["b ", "c", "ä"],
    ),
    "number": ("bigint unsigned", ["1", str(2**64 - 1)], Bound("V", "1", "UBIGINT", inclusive=False), [str(2**64 - 1)]),
    "timestamp": (
        "timestamp(6) null",
        ["'2026-01-02 03:04:05.000001'", "'2026-01-02 03:04:05'"],
        Bound("v", "2026-01-02T03:04:05.000001+00:00", "TIMESTAMP WITH TIME ZONE", inclusive=True),
        ["2026-01-02 03:04:05.000001+00"],
    ),
    "timestamp with an offset": (
        "timestamp null",
        ["'2025-12-31 21:59:59'", "'2025-12-31 22:00:00'"],
        Bound("v", "2026-01-01T00:00:00+02:00", None, inclusive=True),
        ["2025-12-31 22:00:00+00"],
    ),
    "timestamp that the engine alone reads": (
        "timestamp null",
        ["'2026-01-01 00:00:00'"],
        Bound("v", "2026-1-1", None, inclusive=True),
        ["2026-01-01 00:00:00+00"],
    ),
    "decimal": ("decimal(5,2)", ["1.10", "1.11"], Bound("v", "1.10", "DECIMAL(5,2)", inclusive=False), ["1.11"]),
    "date": ("date", ["'2026-01-02'", "'2026-01-03'"], Bound("v", "2026-01-03", None, inclusive=True), ["2026-01-03"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BOUNDS)
def test_the_server_leaves_out_what_lies_before_the_bound(work: Workbench, shop: Shop, case: str) -> None:
    kind, values, bound, expected = BOUNDS[case]
    shop.do(f"create table source (v {kind}) character set utf8mb4")
    shop.do(*(f"insert into source values ({value})" for value in values))
    inputs = decode(ReadInputs, {"resource": "db", "table": "source"})
    scratch = work.scratch("r", "main", "data")
    found = work.resources["db"].read(inputs, ReadContext(work.session, scratch, bound))
    assert [row[0] for row in work.session.execute(f"select v::varchar from ({found.relation.sql})")] == expected


def test_a_cursor_of_more_digits_than_the_engine_has_is_refused(work: Workbench, shop: Shop) -> None:
    shop.do("create table source (v decimal(40,2))", "insert into source values (9), (10)")
    error = refused(read, work, table="source", incremental={"cursor": "v"})
    assert (error.error_class, error.message) == (
        "data",
        "the cursor `v` would be compared as text, where 10 comes before 9, and it is none",
    )


# writing


WRITTEN: dict[str, tuple[str, str, str]] = {
    "BOOLEAN": ("true", "tinyint(1)", "BOOLEAN"),
    "TINYINT": ("-128", "tinyint", "TINYINT"),
    "UTINYINT": ("255", "tinyint unsigned", "UTINYINT"),
    "INTEGER": ("-2147483648", "int", "INTEGER"),
    "BIGINT": ("-9223372036854775808", "bigint", "BIGINT"),
    "UBIGINT": ("18446744073709551615", "bigint unsigned", "UBIGINT"),
    "HUGEINT": ("170141183460469231731687303715884105727", "decimal(39,0)", "HUGEINT"),
    "DECIMAL(38,10)": ("-1234567890123456789012345678.0123456789", "decimal(38,10)", "DECIMAL(38,10)"),
    "FLOAT": ("3.4028235e38", "float", "FLOAT"),
    "DOUBLE": ("2.2250738585072014e-308", "double", "DOUBLE"),
    "DATE": ("'0001-01-01'", "date", "DATE"),
    "TIME": ("'23:59:59.999999'", "time(6)", "TIME"),
    "TIMESTAMP": ("'9999-12-31 23:59:59.999999'", "datetime(6)", "TIMESTAMP"),
    "TIMESTAMP WITH TIME ZONE": ("'2038-01-19 03:14:07.999999+00'", "timestamp(6) null", "TIMESTAMP WITH TIME ZONE"),
    "INTERVAL": ("'1 month 2 days'", "longtext", "VARCHAR"),
    "UUID": ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "char(36)", "VARCHAR"),
    "BLOB": ("'\\x00\\xFF\\x5C''\\x0A'", "longblob", "BLOB"),
    "JSON": ("""'{"a": "x\\\\\\"y\\n"}'""", "longtext", "VARCHAR"),
    "STRUCT(a INTEGER, b VARCHAR[])": ("{'a': 1, 'b': ['\\', NULL, '''']}", "longtext", "VARCHAR"),
    "VARCHAR": ("'it''s \\ \"q\" %s {0} 🏔 ' || chr(10) || chr(13) || chr(0) || chr(1) || ' '", "longtext", "VARCHAR"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRITTEN)
def test_values_go_there_and_back_unchanged(work: Workbench, shop: Shop, kind: str) -> None:
    value, column, back = WRITTEN[kind]
    work.make("d", f"select cast({value} as {kind}) as v union all select null")
    write(work)
    here = f"table_schema = '{shop.database}' and table_name = 't'"
    ((declared,),) = shop.rows(f"select column_type from information_schema.columns where {here}")
    assert declared.split("(")[0] == column.split("(")[0].removesuffix(" null").removesuffix(" unsigned")
    work.do("read", {"resource": "db", "table": "t"})
    assert work.session.columns("data") == {"v": back}
    one = "to_json(v)" if kind.startswith("STRUCT") else "v"
    same = (
        f"select (select {one}::varchar from d where v is not null), (select v::varchar from data where v is not null)"
    )
    ((before, after),) = work.session.execute(same)
    assert before == after
    assert work.session.execute("select count(*) from data where v is null") == [(1,)]


SAYS = "the database reports: "
NO_NULL = "the dataset has NULL in `v`, and the table's column `v` takes none"
LOST = {
    "double": ("'nan'::double", "`v` is DOUBLE and holds NaN or infinity, which double in the table cannot hold"),
    "float": ("'inf'::float", "`v` is FLOAT and holds NaN or infinity, which float in the table cannot hold"),
    "text": (
        "{'a': ['nan'::float]}",
        "`v` is STRUCT(a FLOAT[]) and holds NaN or infinity, which text in the table cannot hold",
    ),
    "char(3)": (
        "'canary '",
        "`v` is VARCHAR and holds texts that end in a space, which char(3) in the table cannot hold",
    ),
    "varchar(6)": (
        "'canary  '",
        f"{SAYS}value would be cut in the column `v`: `v` is VARCHAR, and varchar(6) in the table",
    ),
    "varchar(5)": (
        "'canary'",
        f"{SAYS}value too long in the column `v`: `v` is VARCHAR, and varchar(5) in the table",
    ),
    "tinyint": ("300", f"{SAYS}value out of range in the column `v`: `v` is INTEGER, and tinyint in the table"),
    "int unsigned": (
        "-1",
        f"{SAYS}value out of range in the column `v`: `v` is INTEGER, and int unsigned in the table",
    ),
    "date": (
        "date '10000-01-01'",
        "`v` is DATE and holds days outside of the years 1 to 9999, which date in the table cannot hold",
    ),
    "datetime(6)": (
        "timestamp '0044-03-15 (BC) 01:00:00'",
        "`v` is TIMESTAMP and holds days outside of the years 1 to 9999, which datetime(6) in the table cannot hold",
    ),
    "datetime(6) not null": (
        "'2026-01-02 00:00:00.000000001'::timestamp_ns",
        "`v` is TIMESTAMP_NS and holds nanoseconds, which datetime(6) in the table cannot hold",
    ),
    "timestamp(6) null": (
        "timestamptz '2039-01-01 00:00:00+00'",
        f"{SAYS}value is none of the type in the column `v`: `v` is TIMESTAMP WITH TIME ZONE, "
        "and timestamp(6) null in the table",
    ),
    "text character set latin1": (
        "'🏔'",
        f"{SAYS}value is none of the type in the column `v`: `v` is VARCHAR, and text in the table",
    ),
    "int not null auto_increment primary key": ("null::int", NO_NULL),
    "timestamp(6) not null": ("null::timestamptz", NO_NULL),
    "varchar(40) unique": ("unnest(['canary', 'canary'])", f"{SAYS}unique violation (`v`)"),
    "int check (v < 3)": ("5", f"{SAYS}check violation (`v`)"),
}  # fmt: skip


@pytest.mark.parametrize("column", LOST)
def test_a_value_that_would_change_is_an_error_and_nothing_is_written(work: Workbench, shop: Shop, column: str) -> None:
    value, message = LOST[column]
    shop.do(f"create table t (v {column}) character set utf8mb4")
    work.make("d", f"select {value} as v")
    error = refused(write, work, mode="append")
    assert (error.error_class, error.message) == ("data", message)
    assert shop.rows("select * from t") == []


JSON_NUMBERS = {
    '{"a": [1.5, -922337203685477580, 9223372036854775807], "b": "12345678901234567890.5 \\" 1e9", "c": true}': True,
    "123456789.123456": True,
    "9088544342.689998": False,
    "0.30000000000000004": False,
    "[99999999999999999999]": False,
    "[-9223372036854775808]": False,
    '{"a\\"": 1e-400}': False,
}  # fmt: skip


@pytest.mark.parametrize("text", JSON_NUMBERS)
def test_numbers_that_a_column_of_mysqls_own_json_would_change_are_refused(work: Workbench, text: str) -> None:
    """MariaDB has no such column; MySQL parses numbers with a fraction without their last bits."""
    work.make("d", f"select '{text}'::json as v")
    spelled = f"select {in_insert('v', 'JSON', TableColumn('v', 'JSON', 'json'))} from d"
    if JSON_NUMBERS[text]:
        ((found,),) = work.session.execute(spelled)
        assert found == f"'{text}'".replace("\\", "\\\\")
    else:
        assert refused(work.session.execute, spelled).message.startswith(
            "`v` is JSON and holds numbers of more digits than MySQL's JSON keeps, which json in the table cannot hold"
        )


LIMITED: dict[str, tuple[str, bool]] = {
    "decimal(5,1)": ("DECIMAL(5,2)", False),
    "datetime": ("TIMESTAMP", False),
    "datetime(3)": ("TIMESTAMP_MS", True),
    "timestamp null": ("TIMESTAMP WITH TIME ZONE", False),
    "time": ("TIME", False),
    "float(7,2)": ("FLOAT", False),
    "year": ("SMALLINT", False),
    "binary(3)": ("BLOB", False),
    "varbinary(3)": ("BLOB", True),
    "enum('a')": ("VARCHAR", False),
    "set('a')": ("VARCHAR", False),
    "int(5)": ("INTEGER", True),
    "bit(3)": ("UTINYINT", False),
    "longtext": ("UUID", True),
    "uuid": ("UUID", True),
    "uuid null": ("VARCHAR", False),
    "text character set cp932": ("VARCHAR", False),
}


@pytest.mark.parametrize("column", LIMITED)
def test_a_column_that_would_change_values_is_refused(work: Workbench, shop: Shop, column: str) -> None:
    kind, fits = LIMITED[column]
    shop.do(f"create table t (v {column})")
    work.make("d", f"select null::{kind} as v")
    if fits:
        write(work, mode="append", on_schema_change="fail")
        assert shop.rows("select * from t") == [(None,)]
    else:
        assert f"`v` is {kind}, and " in refused(write, work, mode="append").message


def test_zero_is_a_number_and_no_request_for_one(work: Workbench, shop: Shop) -> None:
    shop.do("create table t (id int auto_increment primary key, v int)")
    work.make("d", "select 0 as id, 7 as v")
    write(work)
    assert shop.rows("select id, v from t") == [(0, 7)]
    work.make("d", "select 8 as v")
    write(work, mode="append")
    assert shop.rows("select id, v from t order by v") == [(0, 7), (1, 8)]


@pytest.mark.parametrize(("made", "said"), [
    ("create table t (v int) engine=MyISAM", "kept by the engine MyISAM"),
    ("create view t as select 1 as v", "a view"),
])  # fmt: skip
def test_only_tables_with_transactions_are_written(work: Workbench, shop: Shop, made: str, said: str) -> None:
    shop.do(made)
    work.make("d", "select 1 as v")
    assert refused(write, work).message == f"the table `t` is {said}"


def test_keys_are_the_same_where_the_tables_own_order_says_so(work: Workbench, shop: Shop) -> None:
    shop.do("create table t (k varchar(9) collate utf8mb4_general_ci primary key, v int) character set utf8mb4")
    shop.do("insert into t values ('Anna', 1)")
    work.make("d", "select 'ANNA' as k, 2 as v")
    write(work, mode="upsert", keys=["k"])
    assert shop.rows("select v from t") == [(2,)]
    work.make("d", "select unnest(['B', 'b']) as k, 3 as v")
    assert "one key in more than one row" in refused(write, work, mode="upsert", keys=["k"]).message


def test_many_rows_without_an_index_are_upserted(work: Workbench, shop: Shop) -> None:
    work.make("d", "select 'key ' || range as k, range::int as v from range(20000)")
    write(work)
    work.make("d", "select 'key ' || (range + 10000) as k, -range::int as v from range(20000)")
    write(work, mode="upsert", keys=["k"])
    assert shop.rows("select count(*), count(distinct k), sum(v < 0), min(v) from t") == [(30000, 30000, 19999, -19999)]


def test_readers_see_all_or_nothing_and_never_wait(bench: Make, shop: Shop) -> None:
    work = bench(db=shop.resource())
    work.make("d", "select range::int as v from range(3)")
    write(work)
    work.make("d", "select range::int as v from range(5)")
    seen: list[Any] = []

    class Looking:
        def __call__(self) -> None:
            seen.append(shop.rows("select count(*) from t"))

    from runtime.connectors.sinks import PUBLICATION

    work.write(PUBLICATION._replace(run="looked"), Looking(), resource="db", table="t")
    assert seen == [[(3,)]]
    assert shop.rows("select count(*) from t") == [(5,)]


def test_rows_of_many_pieces_are_written(work: Workbench, shop: Shop) -> None:
    work.make("d", "select range::int as v, repeat('x', 1000 + range::int % 7) as t from range(5000)")
    write(work)
    assert shop.rows("select count(*), sum(v), sum(length(t)) from t") == [
        (5000, 12497500, sum(1000 + n % 7 for n in range(5000)))
    ]
    work.make("d", "select 1 as v, repeat('x', 17000000) as t")
    error = refused(write, work)
    assert (error.error_class, error.message) == ("data", "a row is longer than the server's 16777216 bytes")
    assert shop.rows("select count(*) from t") == [(5000,)]


# what goes wrong


def test_errors_are_told_apart(work: Workbench, shop: Shop) -> None:
    assert refused(read, work, table="nothing").message == f"Table '{shop.database}.nothing' doesn't exist"
    shop.do("create table t (id int)")
    error = refused(read, work, sql="select nam from t")
    assert (error.error_class, error.message) == ("data", error.message)
    assert error.message.startswith("Unknown column 'nam' in ")
    shop.do("create database if not exists other")
    assert refused(read, work, table="other.t").error_class == "auth"


LOGINS: dict[str, tuple[dict[str, Any], str, str]] = {
    "wrong password": ({"password": Secret("wrong canary")}, "auth", "the server refused the login of `{user}`"),
    "no password": ({"password": None}, "auth", "the server refused the login of `{user}`"),
    "no database": ({"database": "nowhere"}, "auth", "`{user}` may not use the database `nowhere`"),
    "no server": ({"port": 1}, "connection", "nothing answers at `127.0.0.1`, port 1"),
    "no host": ({"host": "nowhere.invalid"}, "connection", "cannot connect to `nowhere.invalid`, port {port}"),
}


@pytest.mark.parametrize("case", LOGINS)
def test_what_keeps_from_logging_in(bench: Make, shop: Shop, case: str) -> None:
    own, error_class, message = LOGINS[case]
    work = bench(db=shop.resource(**own))
    error = refused(read, work, table="t")
    expected = message.format(user=shop.user, port=shop.server.port)
    assert (error.error_class, error.message) == (error_class, expected)


def test_a_server_that_says_nothing_is_a_timeout(bench: Make, shop: Shop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        work = bench(db=shop.resource(port=silent.getsockname()[1], connect_timeout=0.2))
        error = refused(read, work, table="t")
    assert error.error_class == "timeout"
    assert "within `connect_timeout`" in error.message


def greeting(*, tls: bool) -> bytes:
    """Return the first that a server says."""
    said = b"\x0a8.0.0\0" + b"\1\0\0\0" + b"12345678\0" + (b"\xff\xff" if tls else b"\xff\xf7")
    said += b"\x2d\2\0\xff\x81\x15" + bytes(10) + b"123456789012\0mysql_native_password\0"
    return len(said).to_bytes(3, "little") + b"\0" + said


def test_a_server_that_says_nothing_within_the_handshake_of_tls_is_a_timeout(bench: Make, shop: Shop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ExitStack() as open_until_the_end:

        def greet() -> None:
            client, _ = silent.accept()
            open_until_the_end.enter_context(client)
            client.sendall(greeting(tls=True))

        threading.Thread(target=greet, daemon=True).start()
        port = silent.getsockname()[1]
        error = refused(read, bench(db=shop.resource(port=port, ssl_mode="required", connect_timeout=0.5)), table="t")
    expected = f"no answer from `127.0.0.1`, port {port}, within `connect_timeout`"
    assert (error.error_class, error.message) == ("timeout", expected)


def test_tls_is_verified(bench: Make, shop: Shop) -> None:
    own, ca = {"host": "localhost"}, str(shop.server.certificate.authority)
    shop.do("create table t (id int)", f"alter user {shop.user}@'%' require ssl")
    work = bench(
        named=shop.resource(**own, ssl_mode="verify_identity", ssl_ca=ca),
        signed=shop.resource(ssl_mode="verify_ca", ssl_ca=ca),
        any=shop.resource(ssl_mode="required"),
        other_name=shop.resource(ssl_mode="verify_identity", ssl_ca=ca),
        other_authority=shop.resource(ssl_mode="verify_ca"),
        plain=shop.resource(),
        no_file=shop.resource(ssl_mode="verify_ca", ssl_ca="/no"),
    )
    for trusted in ("named", "signed", "any"):
        assert read(work, resource=trusted, table="t") == []
    whose = f"the certificate of `127.0.0.1`, port {shop.server.port}"
    for untrusted, said in (
        ("other_name", "is for another name"),
        ("other_authority", "is from no authority that is trusted"),
    ):
        error = refused(read, work, resource=untrusted, table="t")
        assert (error.error_class, error.message) == ("connection", f"{whose} {said}")
    assert refused(read, work, resource="plain", table="t").error_class == "auth"
    assert "cannot be read" in refused(read, work, resource="no_file", table="t").message


@pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"dialog", b"caching_sha2_password"])
def test_the_password_is_sent_to_nobody_who_asks_for_it_without_tls(bench: Make, shop: Shop, plugin: bytes) -> None:
    """A listener that says it is the server, and asks for the password as it is."""
    heard: list[bytes] = []
    asking = b"\xfe" + plugin + b"\0" + b"x" * 20 + b"\0"

    def answer() -> None:
        client, _ = listener.accept()
        with client:
            client.sendall(greeting(tls=False))
            heard.append(client.recv(4096))
            client.sendall(len(asking).to_bytes(3, "little") + b"\2" + asking)
            heard.append(client.recv(4096))
            if plugin == b"caching_sha2_password":
                client.sendall(b"\2\0\0\4\1\4")  # asks for all of it
                heard.append(client.recv(4096))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        work = bench(db=shop.resource(port=listener.getsockname()[1], connect_timeout=5))
        assert refused(read, work, table="t").error_class in ("auth", "connection")
        thread.join()
    assert heard[0]
    assert CANARY.encode() not in b"".join(heard)


def until_it_sleeps(shop: Shop) -> None:
    """Wait until a statement sleeps in the database; one in a trigger does so as the user who made that."""
    sleeping = f"select 1 from information_schema.processlist where db = '{shop.database}' and state = 'User sleep'"
    for _ in range(500):
        if shop.rows(sleeping):
            return
        time.sleep(0.01)
    raise AssertionError("nothing sleeps there")


def cancelled_in_a_while(shop: Shop, token: Token) -> None:
    until_it_sleeps(shop)
    token.cancel(Failure("R200", "process", "stopped"))


def test_a_step_that_is_stopped_ends_its_statement(work: Workbench, shop: Shop) -> None:
    token = Token()
    with working_for(token):
        stopping = threading.Thread(target=cancelled_in_a_while, args=(shop, token))
        stopping.start()
        with pytest.raises((Ended, ConnectorError)):
            read(work, sql="select sleep(60) as n")
        stopping.join()
    for _ in range(500):
        if not shop.rows(f"select 1 from information_schema.processlist where user = '{shop.user}'"):
            break
        time.sleep(0.01)
    else:
        raise AssertionError("the statement still runs")


def test_a_statement_that_takes_too_long_is_a_timeout(bench: Make, shop: Shop) -> None:
    work = bench(db=shop.resource(statement_timeout=0.2))
    error = refused(read, work, sql="select sleep(60) as n")
    assert (error.error_class, error.message) == ("timeout", "the statement took longer than `statement_timeout`")


def test_a_server_that_falls_silent_does_not_outlast_the_statements_timeout(bench: Make, shop: Shop) -> None:
    shop.do("create table t as select 1 as n")
    with front(shop.server.host, shop.server.port) as network:
        work = bench(db=shop.resource(port=network.port, statement_timeout=0.2, connect_timeout=0.2))
        work.make("d", "select 2 as n")
        network.fall_silent(b"\x03commit")  # the statement itself, and none that holds the word
        error = refused(write, work)
    assert (error.error_class, error.message) == ("timeout", "the statement took longer than `statement_timeout`")


@pytest.mark.parametrize("connect_timeout", [1.3, 20])
def test_a_server_that_falls_silent_after_the_login_does_not_outlast_the_statements_timeout(
    bench: Make, shop: Shop, connect_timeout: float
) -> None:
    """It is asked by a second connection to end the statement, before it was known which server it is."""
    with front(shop.server.host, shop.server.port) as network:
        network.fall_silent(b"time_zone")
        work = bench(db=shop.resource(port=network.port, statement_timeout=0.1, connect_timeout=connect_timeout))
        assert refused(read, work, sql="select 1 as n").error_class == "timeout"


@pytest.mark.parametrize("last", [b"time_zone", b"@@hostname"])
def test_a_server_that_falls_silent_after_the_login_is_a_timeout(bench: Make, shop: Shop, last: bytes) -> None:
    with front(shop.server.host, shop.server.port) as network:
        network.fall_silent(last)
        work = bench(db=shop.resource(port=network.port, connect_timeout=0.2))
        error = refused(read, work, sql="select 1 as n")
    expected = f"no answer from `127.0.0.1`, port {network.port}, within `connect_timeout`"
    assert (error.error_class, error.message) == ("timeout", expected)


@pytest.fixture
def hasty(bench: Make, shop: Shop) -> Workbench:
    """Return a resource that soon asks whether a server is there that says nothing, and a table that is slow."""
    shop.do(
        "create table t (n int)",
        "create trigger late before insert on t for each row set new.n = new.n + sleep(2)",
    )
    made = shop.resource()
    made.patience = 0.3
    work = bench(db=made)
    work.make("d", "select 2 as n")
    return work


SLOW: dict[str, Callable[[Workbench], object]] = {
    "a query": partial(read, sql="select sleep(2) as n"),
    "a write": partial(write, mode="append"),
}


@pytest.mark.parametrize("act", SLOW.values(), ids=SLOW)
def test_a_server_that_stands_still_is_left(hasty: Workbench, shop: Shop, act: Callable[[Workbench], object]) -> None:
    found: list[ConnectorError] = []
    thread = threading.Thread(target=lambda: found.append(refused(act, hasty)))
    thread.start()
    until_it_sleeps(shop)
    with standing_still(shop.server):
        thread.join(30)
        assert not thread.is_alive()
    assert [(one.error_class, one.message) for one in found] == [("connection", "the server has closed the connection")]


@pytest.mark.parametrize("act", SLOW.values(), ids=SLOW)
def test_a_server_that_takes_its_time_and_lets_others_in_is_not_left(
    hasty: Workbench, act: Callable[[Workbench], object]
) -> None:
    act(hasty)


@pytest.mark.parametrize("is_heard", [True, False], ids=["its answer", "itself"])
@pytest.mark.parametrize(
    ("act", "last"),
    [
        (partial(read, sql="select n from t"), b"start transaction"),
        (partial(read, sql="select n from t"), b"as firn_spelled"),
        (partial(write, mode="append"), b"execute firn_query"),
        (partial(write, mode="append"), b"insert into `"),
        (partial(write, mode="append"), b"\x03commit"),
    ],
    ids=["the begin of a query", "a query", "a statement of a write", "rows of a write", "the commit of a write"],
)
def test_what_is_lost_on_a_way_that_stays_open_is_not_waited_for(
    bench: Make, shop: Shop, act: Callable[[Workbench], object], last: bytes, is_heard: bool
) -> None:
    """As behind a proxy that still lets in, and has lost its own connection to the server."""
    shop.do("create table t (n int)", "insert into t values (1)")
    with front(shop.server.host, shop.server.port) as network:
        made = shop.resource(port=network.port)
        made.patience = 0.3
        work = bench(db=made)
        work.make("d", "select 2 as n")
        network.lost, network.is_heard = [last], is_heard
        error = refused(act, work)
        assert write(work, mode="append").results["rows"] == 1  # nothing is locked any more
    assert network.lost == []
    said = "the answer never came: the server has nothing to do for this connection"
    assert (error.error_class, error.message) == ("connection", said)


def test_a_network_that_takes_nothing_any_more_is_noticed_within_a_minute(bench: Make, shop: Shop) -> None:
    token = Token()
    with front(shop.server.host, shop.server.port) as network, working_for(token):
        work = bench(db=shop.resource(port=network.port))
        found: list[set[float]] = []

        def look() -> None:
            running = "info like '%sleep(60%' and id <> connection_id()"
            while not shop.rows(f"select 1 from information_schema.processlist where {running}"):
                time.sleep(0.01)
            found.append(patience_of_clients(network.port))
            token.cancel(Failure("R200", "process", "stopped"))

        looking = threading.Thread(target=look)
        looking.start()
        with pytest.raises((Ended, ConnectorError)):
            read(work, sql="select sleep(60) as n")
        looking.join()
    assert found == [{60}]


def test_a_lock_that_is_held_too_long_is_a_conflict(work: Workbench, shop: Shop) -> None:
    shop.do("create table t (v int)", "insert into t values (1)", "set global innodb_lock_wait_timeout = 1")
    work.make("d", "select 2 as v")
    try:
        with connected(shop.server, shop.database) as other, other.cursor() as cursor:
            cursor.execute("begin")
            cursor.execute("select * from t for update")
            error = refused(write, work)
    finally:
        shop.do("set global innodb_lock_wait_timeout = 20")
    assert (error.error_class, error.message) == ("conflict", "the database reports: lock wait timeout")
    assert shop.rows("select v from t") == [(1,)]


def test_who_reads_within_a_long_transaction_does_not_keep_a_write_waiting_without_an_end(
    work: Workbench, shop: Shop
) -> None:
    """By itself the server waits a day or a year for it, and whoever wants to read waits behind the write."""
    shop.do("create table t (n int)", "set global innodb_lock_wait_timeout = 1")
    work.make("d", "select 1 as n, 2 as m")
    try:
        with connected(shop.server, shop.database) as other, other.cursor() as cursor:
            cursor.execute("begin")
            cursor.execute("select * from t")
            error = refused(write, work, mode="append", on_schema_change="add_columns")
    finally:
        shop.do("set global innodb_lock_wait_timeout = 20")
    assert (error.error_class, error.message) == ("conflict", "the database reports: lock wait timeout")
    assert "another transaction holds the table" in error.help


def until_somebody_waits(shop: Shop) -> None:
    """Return once a transaction waits for a row."""
    for _ in range(100):
        if shop.rows("select 1 from information_schema.innodb_trx where trx_state = 'LOCK WAIT'"):
            return
        time.sleep(0.15)  # the server renews what it shows only where nobody has looked for a tenth of a second
    raise AssertionError("nobody waits")


def test_a_deadlock_is_a_conflict(work: Workbench, shop: Shop) -> None:
    """The write holds its table and waits for another one, whose holder then waits for the table."""
    shop.do("create table t (v int)", "insert into t values (1)", "create table other (v int)")
    shop.do("insert into other values (1)", "create table big (v int)", "insert into big select seq from seq_1_to_9000")
    shop.do("create trigger waits before insert on t for each row update other set v = 3")
    work.make("d", "select 2 as v")
    found: list[ConnectorError] = []
    thread = threading.Thread(target=lambda: found.append(refused(write, work)))
    with connected(shop.server, shop.database) as other, other.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("update big set v = v + 1")  # who has changed less is the one to give up
        cursor.execute("update other set v = 2")
        thread.start()
        until_somebody_waits(shop)
        cursor.execute("select * from t for update")
        thread.join()
    assert (found[0].error_class, found[0].message) == ("conflict", "the database reports: deadlock detected")
    assert shop.rows("select v from t") == [(1,)]


def test_writers_of_one_table_take_turns(work: Workbench, shop: Shop) -> None:
    work.make("d", "select 1 as v")
    write(work)
    with connected(shop.server, shop.database) as other, other.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("select 1 from _firn_locks where name = 't' for update")
        thread = threading.Thread(target=lambda: write(work, mode="append"))
        thread.start()
        thread.join(0.3)
        assert shop.rows("select count(*) from t") == [(1,)]
        cursor.execute("rollback")
        thread.join()
    assert shop.rows("select count(*) from t") == [(2,)]


@pytest.mark.parametrize(
    "meanwhile", ["create table t (v int, m int)", "alter table t add column m int"], ids=["table", "column"]
)
def test_what_another_run_makes_meanwhile_is_waited_for(work: Workbench, shop: Shop, meanwhile: str) -> None:
    """Both found that it is missing; whoever comes second neither makes it again nor looks at it half made."""
    work.make("d", "select 1 as v, 2 as m")
    write(work, table="first")
    shop.do("insert into _firn_locks values ('t')")
    if "alter" in meanwhile:
        shop.do("create table t (v int)")
    with connected(shop.server, shop.database) as other, other.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("select 1 from _firn_locks where name = 't' for update")
        inputs = {"mode": "append", "on_schema_change": "add_columns"}
        thread = threading.Thread(target=lambda: write(work, **inputs))
        thread.start()
        until_somebody_waits(shop)
        shop.do(meanwhile)
        cursor.execute("rollback")
        thread.join()
    assert shop.rows("select v, m from t") == [(1, 2)]


def test_a_table_that_the_server_does_not_tell_of_is_being_changed() -> None:
    """While somebody alters a table, MariaDB tells of its columns at one moment, and not of the table at the next."""
    from firn_runtime.connectors.mysql.table import MySqlTable

    asked = iter([[("v", "int(11)", 1, 0, "", 0, "")], []])

    class Altered:
        def rows(self, *_: Any) -> list[tuple[Any, ...]]:
            return next(asked)

    table = MySqlTable(cast(Any, Altered()), "shop", "t", lambda *_: 0)
    error = refused(table.columns)
    assert (error.error_class, error.message) == ("conflict", "the table `t` is being changed by another session")


def test_a_connection_that_breaks_is_an_error_of_that_class(bench: Make, shop: Shop) -> None:
    with front(shop.server.host, shop.server.port) as network:
        work = bench(db=shop.resource(port=network.port))
        work.make("d", "select 1 as v")
        network.cut = [b"insert into `"]
        assert refused(write, work).error_class == "connection"
        assert shop.rows("select * from t") == []
        network.cut = [b"as firn_spelled"]
        assert refused(read, work, table="t").error_class == "connection"


def test_a_commit_whose_answer_was_lost_is_found_by_the_next_attempt(bench: Make, shop: Shop) -> None:
    from runtime.connectors.sinks import PUBLICATION

    with front(shop.server.host, shop.server.port) as network:
        work = bench(db=shop.resource(port=network.port))
        work.make("d", "select 1 as v")
        network.cut = [b"\x03commit"]
        error = refused(work.write, PUBLICATION, resource="db", table="t", mode="append")
        assert (error.error_class, error.message) == ("connection", "the server has closed the connection")
        again = work.write(PUBLICATION._replace(attempt=2), resource="db", table="t", mode="append")
    assert again.rows == 1
    assert shop.rows("select v from t") == [(1,)]


def test_the_password_is_in_no_message_and_no_statement(bench: Make, shop: Shop, tmp_path: Path) -> None:
    with front(shop.server.host, shop.server.port) as network:
        work = bench(db=shop.resource(port=network.port))
        assert refused(read, work, table="nothing").error_class == "data"
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"canary" not in path.read_bytes()


# preflight


def test_a_preflight_sees_what_the_user_may_do(shop: Shop) -> None:
    shop.do("create table orders (id int)", f"revoke all on {shop.database}.* from {shop.user}@'%'")
    shop.do(f"grant select on {shop.database}.orders to {shop.user}@'%'")
    uses = [Use("read", table="orders"), Use("write", table="orders"), Use("read", table="nothing")]
    login, *seen = shop.resource().probe(uses)
    assert (login.check, login.status, login.message) == ("login", "ok", f"the server lets `{shop.user}@%` in")
    assert [(one.check, one.status) for one in seen] == [("read", "ok"), ("write", "failed"), ("read", "failed")]
    assert seen[1].message.startswith("the table `orders` cannot be written: INSERT")
    assert seen[2].message == "there is no table `nothing`"
    shop.do(f"grant insert, delete on {shop.database}.* to {shop.user}@'%'")
    assert [(one.status, one.message) for one in shop.resource().probe(uses[:2])][1:] == [
        ("ok", "the table `orders` can be read"),
        ("ok", "the table `orders` can be written"),
    ]
    assert refused(lambda: list(shop.resource(password=Secret("no canary")).probe(uses))).error_class == "auth"
    assert shop.rows("select * from orders") == []
