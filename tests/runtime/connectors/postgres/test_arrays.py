"""Arrays of PostgreSQL are lists, both ways."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from firn_runtime.errors import ConnectorError
from runtime.connectors.test_types import login
from runtime.workbench import Workbench, connector
from servers import postgres

Database = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def made(bench: Callable[..., Workbench]) -> Iterator[tuple[Workbench, Database]]:
    server = postgres.server()
    name = postgres.fresh_database(server)
    with postgres.connected(server, name) as database:
        yield bench(db=connector("db", "postgres", written=True, **login(server, name))), database


ARRAYS = {
    "integer[]": ("{1,NULL,3}", "INTEGER[]"),
    "smallint[]": ("{-32768}", "SMALLINT[]"),
    "bigint[]": ("{9223372036854775807,NULL}", "BIGINT[]"),
    "boolean[]": ("{t,f,NULL}", "BOOLEAN[]"),
    "text[]": ('{a,"b,c","\\"","\\\\","",NULL,"NULL"," x ","{y}",é,"line\nend"}', "VARCHAR[]"),
    "varchar(3)[]": ("{abc}", "VARCHAR[]"),
    "numeric(10,2)[]": ("{1.10,NULL,-99999999.99}", "DECIMAL(10,2)[]"),
    "numeric(38,38)[]": ("{0.00000000000000000000000000000000000001}", "DECIMAL(38,38)[]"),
    "double precision[]": ("{NaN,-Infinity,0.1,5e-324}", "DOUBLE[]"),
    "real[]": ("{0.1}", "FLOAT[]"),
    "date[]": ('{2026-01-02,infinity,"0044-03-15 BC"}', "DATE[]"),
    "time[]": ("{24:00:00,12:34:56.123456}", "TIME[]"),
    "timestamp[]": ('{"2026-01-02 03:04:05.123456",-infinity}', "TIMESTAMP[]"),
    "timestamptz[]": ('{"2026-01-02 03:04:05.123456+00","0044-03-15 12:00:00+00 BC"}', "TIMESTAMP WITH TIME ZONE[]"),
    "uuid[]": ("{ffffffff-ffff-4fff-bfff-ffffffffffff,NULL}", "UUID[]"),
    "bytea[]": ('{"\\\\x00ff","\\\\x"}', "BLOB[]"),
    "char(5)[]": ('{ab,NULL,""}', "VARCHAR[]"),
    "jsonb[]": ('{"{\\"a\\": [1, \\"\\\\\\\\\\"]}",null}', "JSON[]"),
}


@pytest.mark.parametrize("source", ["table", "sql"])
def test_arrays_are_read_as_lists_and_written_as_the_same_arrays(made: tuple[Workbench, Database], source: str) -> None:
    work, database = made
    database.execute("set timezone = 'UTC'")
    columns = ", ".join(f"c{number} {declared}" for number, declared in enumerate(ARRAYS))
    database.execute(f"create table one (id integer, {columns})".encode())
    marks = ", ".join(["%s"] * len(ARRAYS))
    database.execute(f"insert into one values (1, {marks})".encode(), [text for text, _ in ARRAYS.values()])
    database.execute(f"insert into one values (2, {marks})".encode(), ["{}"] * len(ARRAYS))
    database.execute("insert into one (id) values (3)")
    work.do("read", {"resource": "db", **({"table": "one"} if source == "table" else {"sql": "select * from one"})})
    assert list(work.session.columns("data").values()) == ["INTEGER", *(kind for _, kind in ARRAYS.values())]
    for number, mode in enumerate(("replace", "append", "upsert")):
        table, keys = f"other{number}", {"keys": ["id"]} if mode == "upsert" else {}
        if mode != "replace":
            database.execute(f"create table {table} (like one)".encode())
        work.do("write", {"from": "data", "resource": "db", "table": table, "mode": mode, **keys}, "publish")
        ((same,),) = database.execute(
            f"select count(*) from one join {table} as two using (id) where one::text = two::text".encode()
        )
        assert same == 3, mode


def test_more_dimensions_are_read_as_schema_says_and_never_without(made: tuple[Workbench, Database]) -> None:
    work, database = made
    database.execute("create table one (n integer[][], t text[])")
    database.execute("insert into one values ('{{1,2},{3,NULL}}', '{{a,b}}'), ('{}', null)")
    for column, kind in (("n", "INTEGER"), ("t", "VARCHAR")):
        with pytest.raises(
            ConnectorError, match=rf"`{column}` is {kind}\[\] .* other dimensions: name them in `schema`"
        ):
            work.do("read", {"resource": "db", "table": "one", "columns": [column]})
    schema = {"n": "integer[][]", "t": "varchar[][]"}
    work.do("read", {"resource": "db", "table": "one", "schema": schema})
    assert work.rows() == [([[1, 2], [3, None]], [["a", "b"]]), ([], None)]
    with pytest.raises(ConnectorError, match=r"`n` is INTEGER\[\]\[\]\[\] .* other dimensions"):
        work.do("read", {"resource": "db", "table": "one", "schema": {**schema, "n": "integer[][][]"}})


def test_values_of_an_array_are_spelled_as_those_beside_it(made: tuple[Workbench, Database]) -> None:
    work, database = made
    database.execute("create table one as select '::1'::inet as i, 'a'::char(3) as c, '{::1}'::inet[] as l")
    database.execute("alter table one add m char(3)[] default '{a}'")
    work.do("read", {"resource": "db", "table": "one"})
    assert work.rows() == [("::1", "a  ", ["::1"], ["a  "])]


def test_lists_that_are_no_arrays_are_json(made: tuple[Workbench, Database]) -> None:
    work, database = made
    work.make("d", "select [[1], [], null] as n, [{'a': 1}] as r")
    work.do("write", {"from": "d", "resource": "db", "table": "t", "mode": "replace"}, "publish")
    assert database.execute("select * from t").fetchall() == [([[1], [], None], [{"a": 1}])]


def test_a_column_of_json_keeps_a_list(made: tuple[Workbench, Database]) -> None:
    work, database = made
    database.execute("create table t (n jsonb)")
    work.make("d", "select [1, null] as n")
    work.do("write", {"from": "d", "resource": "db", "table": "t", "mode": "append"}, "publish")
    assert database.execute("select n from t").fetchall() == [([1, None],)]


UNFIT = {
    "fractions": ("[1.5]", "integer[]", r"DECIMAL\(2,1\)\[\], and integer\[\] in the table"),
    "texts": ("['a']", "integer[]", r"VARCHAR\[\], and integer\[\] in the table"),
    "no list": ("1", "integer[]", r"INTEGER, and integer\[\] in the table"),
    "a list": ("[1]", "integer", r"INTEGER\[\], and integer in the table"),
}


@pytest.mark.parametrize(("value", "declared", "said"), UNFIT.values(), ids=UNFIT.keys())
def test_what_an_array_would_change_is_refused(
    made: tuple[Workbench, Database], value: str, declared: str, said: str
) -> None:
    work, database = made
    database.execute(f"create table t (n {declared})".encode())
    work.make("d", f"select {value} as n")
    with pytest.raises(ConnectorError, match=f"`n` is {said}"):
        work.do("write", {"from": "d", "resource": "db", "table": "t", "mode": "append"}, "publish")


def test_nanoseconds_in_a_list_are_refused(made: tuple[Workbench, Database]) -> None:
    work, _ = made
    work.make("d", "select ['2026-01-02 03:04:05.123456789'::timestamp_ns] as n")
    with pytest.raises(ConnectorError, match="`n` is TIMESTAMP_NS and holds nanoseconds"):
        work.do("write", {"from": "d", "resource": "db", "table": "t", "mode": "replace"}, "publish")
