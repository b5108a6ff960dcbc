"""What the compiler knows of a query; DuckDB itself is the judge of what is right and wrong."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firn_compiler.sql import Analysis, analyse
from firn_compiler.sql.calls import fits
from firn_compiler.sql.functions import COUNTS, FUNCTIONS, OF_OTHERS
from firn_compiler.sql.keywords import NO_COLUMNS, RESERVED
from firn_schemas.sql_types import SQL_TYPES

HERE = Path(__file__).parent / "sql"
TABLES = {
    "orders": ("id", "customer_id", "amount", "created_at"),
    "customers": ("id", "name"),
    "lists": ("id", "l", "s"),
}
VALID = [line for line in (HERE / "valid.sql").read_text().splitlines() if line.strip()]
WRONG = [line.split(" ", 1) for line in (HERE / "wrong.txt").read_text().splitlines() if line.strip()]
PLANTED = [line.split(" => ") for line in (HERE / "planted.txt").read_text().splitlines() if line.strip()]


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute("create table orders(id int, customer_id int, amount decimal(10, 2), created_at timestamp)")
    made.execute("create table customers(id int, name varchar)")
    made.execute("create table lists(id int, l int[], s struct(a int, b varchar))")
    return made


def known(query: str, **tables: tuple[str, ...] | None) -> Analysis:
    return analyse(query, "duckdb", tables or TABLES, closed=True)


@pytest.mark.parametrize("query", VALID)
def test_what_duckdb_takes_has_no_problem_and_the_columns_are_its_own(
    engine: duckdb.DuckDBPyConnection, query: str
) -> None:
    alone = query.partition(";")[0]
    columns = tuple(row[0] for row in engine.execute(f"describe select * from ({alone}\n)").fetchall())
    found = known(query)
    assert found.problems == ()
    if found.columns is not None:
        assert len(found.columns) == len(columns)
        assert all(ours in ("", theirs) for ours, theirs in zip(found.columns, columns, strict=True))
        assert not any(theirs.isidentifier() for ours, theirs in zip(found.columns, columns, strict=True) if not ours)


@pytest.mark.parametrize(("code", "marked"), WRONG, ids=[marked for _, marked in WRONG])
def test_what_duckdb_refuses_is_reported_at_its_place(
    engine: duckdb.DuckDBPyConnection, code: str, marked: str
) -> None:
    query = marked.replace("«", "").replace("»", "")
    with pytest.raises(duckdb.Error):
        engine.execute(f"describe {query}")
    first = known(query).problems[0]
    start = marked.index("«")
    assert (first.code, first.start, first.end) == (code, start, marked.index("»") - 1)


@pytest.mark.parametrize(("planted", "fix"), PLANTED, ids=[planted for planted, _ in PLANTED])
def test_a_mistake_is_found_once_at_its_place_with_the_right_fix(planted: str, fix: str) -> None:
    code, marked = planted.split(" ", 1)
    (found,) = known(marked.replace("«", "").replace("»", "")).problems
    assert (found.code, found.start, found.end) == (code, marked.index("«"), marked.index("»") - 1)
    assert fix in found.help


@pytest.mark.parametrize(
    ("query", "again"),
    [
        ("select id, amount as a, id from orders", ["id"]),
        ('select id as a, amount as "A" from orders', ['"A"']),
        ("(select count(*) as n, 1 as n from orders) union all select 1, 2", ["n"]),
        ("with o as (select id, id from orders) select id from o", []),
        ("select *, id from orders", []),
        ("select count(*), count(*) from orders", []),
    ],
)
def test_a_name_that_stands_twice_in_a_select_list_is_known(query: str, again: list[str]) -> None:
    assert [query[start:end] for start, end in known(query).twins] == again


def test_a_table_that_is_joined_twice_under_one_name_is_found_where_its_columns_are_not_known() -> None:
    found = known("select c.name from shops s join crm c using (id) join crm c using (id)", crm=None, shops=("id",))
    assert [(one.code, one.message) for one in found.problems] == [
        ("E503", "`c` is ambiguous: two tables of this query are called so")
    ]


def test_every_mistake_of_a_query_is_found_at_once() -> None:
    found = known("select o.idd, nme, amount from orders o join customers c on o.id = c.idd join nowhere n using (id)")
    assert [one.code for one in found.problems] == ["E503", "E503", "E502", "E503"]


def test_the_parser_s_own_warnings_are_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    known("select to_char(created_at, 'YYYY') as year, count(*) as n from orders group by year(created_at)")
    assert caplog.messages == []


def test_lineage_goes_through_expressions_subqueries_and_common_table_expressions() -> None:
    found = known(
        "with big as (select id, amount * 2 as twice from orders), named as (select * from customers)"
        " select n.name as who, sum(b.twice) + max(o.id) as score, 1 as one"
        " from big b join orders o using (id) join (select * from named) n on n.id = o.customer_id group by all"
    )
    assert found.columns == ("who", "score", "one")
    assert found.lineage == {
        "who": (("customers", "name"),),
        "score": (("orders", "amount"), ("orders", "id")),
    }
    assert found.tables == ("customers", "orders")


def test_lineage_of_a_recursive_query_is_that_of_all_its_rounds() -> None:
    found = known(
        "with recursive r(x, y) as (select a, b from t union all select r.y, t.c from t join r on t.a = r.x)"
        " select x from r",
        t=("a", "b", "c"),
    )
    assert found.problems == ()
    assert found.lineage == {"x": (("t", "a"), ("t", "b"), ("t", "c"))}


def test_a_table_of_unknown_columns_says_nothing_wrong_and_still_has_a_lineage() -> None:
    found = known("select x, y as z from raw where w > 1", raw=None)
    assert (found.problems, found.columns) == ((), ("x", "z"))
    assert found.lineage == {"x": (("raw", "x"),), "z": (("raw", "y"),)}


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True), st.integers(1, 6))
def test_however_deep_a_column_is_passed_on_it_comes_from_where_it_came(names: list[str], depth: int) -> None:
    query = "select " + ", ".join(f"{name} as {name}0" for name in names) + " from t"
    for level in range(depth):
        inner = ", ".join(f"{name}{level} as {name}{level + 1}" for name in names)
        query = f"select {inner} from ({query}) q{level}"
    found = known(query, t=tuple(names))
    assert found.problems == ()
    assert found.lineage == {f"{name}{depth}": (("t", name),) for name in names}


@pytest.mark.parametrize(
    "query",
    [
        "select v from t, unnest(a, b) as u(v, w)",
        "select u.v from t cross join unnest(a, b) with ordinality as u(v, w, n)",
        "select u.v from t left join lateral generate_series(a, b) as u(v) on true",
        "select sum(a) over w as v from t window w as (partition by b)",
        "select a + sum(1) over (w rows 3 preceding) as v from t window w as (order by b)",
    ],
)
def test_lineage_goes_through_functions_in_from_and_through_windows_that_have_names(query: str) -> None:
    assert analyse(query, "duckdb", {"t": ("a", "b", "c")}, closed=True).lineage == {"v": (("t", "a"), ("t", "b"))}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("attach 'x.db' as y", "E504"),
        ("copy orders to 'x'", "E504"),
        ("install httpfs", "E504"),
        ("load httpfs", "E504"),
        ("pragma version", "E504"),
        ("set threads = 1", "E504"),
        ("create table x as select 1", "E504"),
        ("insert into orders select * from orders", "E504"),
        ("delete from orders", "E504"),
        ("with x as (select 1) delete from orders", "E504"),
        ("with x as (insert into orders select * from orders) select 1", "E504"),
        ("with x as (drop table orders) select 1", "E504"),
        ("call pragma_version()", "E504"),
        ("export database 'x'", "E504"),
        ("explain select 1", "E504"),
        ("select 1; drop table orders", "E504"),
        ("from 'x.csv'", "E505"),
        ("select * from 'dir/x'", "E505"),
        ('select * from "s3://bucket/x"', "E505"),
        ("select * from read_csv('x')", "E505"),
        ("select * from read_parquet(['x'])", "E505"),
        ("select * from glob('*')", "E505"),
        ("select * from sqlite_scan('x', 'y')", "E505"),
        ("select * from query('select 1')", "E505"),
        ("select getenv('HOME')", "E505"),
        ("select * from duckdb_secrets()", "E505"),
        ("select * from pragma_table_info('orders')", "E505"),
        ("select * from some_function(1)", "E505"),
    ],
)
def test_a_query_changes_nothing_and_reaches_nothing_outside(query: str, code: str) -> None:
    assert [one.code for one in known(query).problems] == [code]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("pivot orders on customer_id using sum(amount)", "customer_id"),
        ("with p as (pivot orders on id in (1), customer_id using sum(amount)) select * from p", "customer_id"),
        ("from orders pivot (sum(amount) for id in (select id from customers))", "id in (select id from customers)"),
        ("pivot orders on customer_id in (1, 2) using sum(amount)", ""),
        ("from orders pivot (sum(amount) for id in (1, 2))", ""),
        ("unpivot orders on id, customer_id into name k value v", ""),
    ],
)
def test_the_columns_of_a_pivot_are_known_before_the_run(query: str, place: str) -> None:
    found = [(one.code, query[one.start : one.end].strip(" )")) for one in known(query).problems]
    assert found == ([("E504", place.strip(" )"))] if place else [])


@pytest.mark.parametrize(
    ("dialect", "query", "code"),
    [
        ("spark", "select * from parquet.`/data/x`", "E505"),
        ("spark", "select explode(split(name, ',')) as n from customers", ""),
        ("postgres", "select pg_read_file('/etc/passwd')", "E505"),
        ("postgres", "select current_setting('app.tenant')", ""),
        ("postgres", "select id::text, now() - interval '1 day' as t from orders where id = any(array[1, 2])", ""),
        ("postgres", "select 1 into outfile from orders", "E504"),
        ("postgres", "select id, from orders", "E501"),
        ("mysql", "select `id` from `orders` limit 3", ""),
        ("mysql", "select `id` from `orders` limit 1, 3", ""),
        ("mysql", "select id from orders where id in (1, 2,)", "E501"),
    ],
)
def test_other_dialects_are_read_as_they_are(dialect: str, query: str, code: str) -> None:
    found = analyse(query, dialect, TABLES, closed=False)
    assert [one.code for one in found.problems] == ([code] if code else [])


def test_placeholders_are_named_in_the_order_of_the_text() -> None:
    assert known("select $b as b, ? as q, $a as a").placeholders == ("b", "?", "a")


@pytest.mark.parametrize(
    ("dialect", "query", "names"),
    [
        ("duckdb", "select ?::date as day, ?:: date as other", ("?", "?")),
        ("postgres", "select id from orders where created_at >= ?::date", ("?",)),
        ("mysql", "select $v as v", ("v",)),
        ("mysql", "with some as (select id from orders) select id from some where id > $since", ("since",)),
    ],
)
def test_a_placeholder_is_no_operator_and_no_name(dialect: str, query: str, names: tuple[str, ...]) -> None:
    found = analyse(query, dialect, TABLES, closed=False)
    assert (found.problems, found.placeholders) == ((), names)


@pytest.mark.parametrize("end", ["where $1 <> ''", "where $1 <> '' or '' = ''", "where name = $1 || '-' || $2 || ''"])
@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "spark"])
def test_an_empty_text_at_the_end_closes_the_placeholder_before_it(dialect: str, end: str) -> None:
    assert analyse(f"select name from customers {end}", dialect, TABLES, closed=True).problems == ()


HOSTILE = {
    "parentheses": "'select ' + '(' * 10000 + '1' + ')' * 10000",
    "a_long_sum": "'select ' + '+'.join(['1'] * 60000)",
    "many_unions": "' union all '.join(['select 1'] * 3000)",
    "fewer_unions": "' union all '.join(['select 1 as a'] * 600)",
    "negations": "'select ' + 'not ' * 1900 + '1'",
    "a_long_list": "'select 1 in (' + ','.join(['1'] * 50000) + ')'",
    "cases": "'select ' + 'case when 1 then ' * 5000 + '1' + ' end' * 5000",
    "subqueries": "'select * from ' + '(select * from ' * 500 + 't' + ')' * 500",
    "a_long_text": "'select ' + 'a' * 300000",
    "quotes": "chr(39) * 100000",
    "comments": "'/*' * 50000",
    "a_nul": "'select ' + chr(0)",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_query_is_answered(name: str) -> None:
    """In a process of its own: what is compiled could end it."""
    code = f"from firn_compiler.sql import analyse; analyse({HOSTILE[name]}, 'duckdb', {{}}, closed=True); print('ok')"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (answer.stdout, answer.stderr) == ("ok\n", "")


def test_every_function_of_the_engine_is_known_and_how_many_values_it_takes(engine: duckdb.DuckDBPyConnection) -> None:
    rows = engine.execute(
        "select function_name, list(distinct len(parameters)), bool_or(varargs is not null) from duckdb_functions()"
        " where function_type in ('scalar', 'aggregate', 'macro') group by function_name"
    ).fetchall()
    named = [(name, counts, more) for name, counts, more in rows if name.isidentifier() and name.islower()]
    assert {name for name, _, _ in named} <= FUNCTIONS
    known = [row for row in named if COUNTS[row[0]]]
    assert not [name for name, counts, _ in known if not all(fits(one, COUNTS[name]) for one in counts)]
    assert not [name for name, _, more in known if more != COUNTS[name].endswith("+")]


@pytest.mark.parametrize(
    "query",
    [
        "select id from items order by embedding <#> '[1, 2]' limit 5",
        "select id from words where word <% 'two words' and '-' <> sign and area |>> '(1, 2)'",
        "select id from hosts where net <<= cidr '10.0.0.0/8' and words @@ tsquery 'a & b'",
        "select box, line from shapes where line like 'x%' and a=-1",
        "select * from json_table('[1]', '$[*]' columns (id int path '$.id'))",
    ],
)
def test_operators_and_types_of_postgres_and_its_extensions_are_read(query: str) -> None:
    assert analyse(query, "postgres", {}, closed=False).problems == ()


def test_types_that_the_parser_holds_otherwise_are_read(engine: duckdb.DuckDBPyConnection) -> None:
    query = "select '5 days'::interval day to second as x"
    assert engine.execute(query).fetchone() is not None
    assert known(query).problems == ()


def test_values_in_from_without_brackets_are_not_called_a_mistake(engine: duckdb.DuckDBPyConnection) -> None:
    query = "select * from values (1, 'a'), (2, 'b') as t(id, name)"
    assert engine.execute(query).fetchall() == [(1, "a"), (2, "b")]
    assert known(query).problems == ()


def test_an_empty_name_is_told_as_the_text_that_it_should_be() -> None:
    (found,) = known('select coalesce(name, "") as x from customers').problems
    assert (found.code, found.message) == ("E503", "no table of this query has a column ``")
    assert found.help == "text stands in single quotes; double quotes are for names"


def test_distinct_from_begins_no_clause(engine: duckdb.DuckDBPyConnection) -> None:
    query = (
        "select case when id is distinct from amount then 1 when id between 1 and 2 then 3 end as x from orders"
        " where id is not distinct from 1 order by case when id is distinct from 2 then 1 end"
    )
    assert engine.execute(query).fetchall() == []
    assert known(query).problems == ()


def test_a_sign_behind_a_number_is_no_part_of_it(engine: duckdb.DuckDBPyConnection) -> None:
    query = "select 1e3+1e3, 1.5E3-2e-3 as x, amount*1e2-.5 as y, '1e3+1' as \"2e3-1\" from orders -- 1e3+1"
    assert [row[0] for row in engine.execute(f"describe {query}").fetchall()][1:] == ["x", "y", "2e3-1"]
    assert (known(query).problems, known(query).columns) == ((), ("", "x", "y", "2e3-1"))


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ("md6(amount)", ["there is no function `md6`"]),
        ("my_udf(amount) over (order by created_at)", ["there is no function `my_udf`"]),
        ("amount.json_normalize()", ["there is no function `json_normalize`"]),
        ("unlist([1])", []),
        ('"||"(amount, amount)', []),
    ],
)
def test_functions_that_the_engine_does_not_have_are_found(call: str, wrong: list[str]) -> None:
    assert [one.message for one in known(f"select {call} as x from orders").problems] == wrong


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("split_part(name, ',')", "`split_part` takes 3 values; 2 are given"),
        ("round()", "`round` takes 1 or 2 values; 0 are given"),
        ("date_diff('day', placed)", "`date_diff` takes 3 values; 2 are given"),
        ("lag(name, 1, 'x', 2) over (order by placed)", "`lag` takes 1, 2 or 3 values; 4 are given"),
        ("greatest()", "`greatest` takes at least 1 value; 0 are given"),
        ("now(1)", "`now` takes no value; 1 is given"),
        ("strftime(placed, '%Y', least(1, 2))", "`strftime` takes 2 values; 3 are given"),
        ("count(name, placed)", "`count` takes one value; count records: `count(distinct (…, …))`"),
        ("quantile_cont(0.5) within group (order by placed)", ""),
        ("name.split_part(',', 1)", ""),
        ("list_transform([1], lambda x, i: x + i)", ""),
        ("list_reduce([1], (a, b) -> a + b)", ""),
        ("substring(name from 2)", ""),
        ("substring(name from 2 for 3)", ""),
        ("string_agg(distinct name, ',' order by name desc, placed) filter (where name > '')", ""),
        ("rank(order by name) over (order by placed)", ""),
        ("struct_pack(a := 1, b := 2)", ""),
        ("regexp_replace(name, '[(,]', '', 'g')", ""),
        ("count(*)", ""),
        ("trim(both ' ' from name)", ""),
    ],
)
def test_a_call_gives_as_many_values_as_the_function_takes(call: str, message: str) -> None:
    tables = {"t": ("name", "placed")}
    found = analyse(f"select {call} as x from t", "duckdb", tables, closed=True)
    assert [f"{one.message}; {one.help}" for one in found.problems] == ([message] if message else [])


@pytest.mark.parametrize(
    "text", ["with round(a) as (select 1) select a from round", "select a from (select 1) lpad(a)"]
)
def test_what_is_called_as_a_function_is_no_call(text: str) -> None:
    assert analyse(text, "duckdb", {}, closed=True).problems == ()


def test_a_function_of_another_database_is_none_of_the_engine_and_what_is_meant_is_one() -> None:
    assert FUNCTIONS.isdisjoint(OF_OTHERS)
    assert set(OF_OTHERS.values()) <= FUNCTIONS


def test_the_words_that_are_no_columns_are_the_engines(engine: duckdb.DuckDBPyConnection) -> None:
    rows = engine.execute("select keyword_name, keyword_category from duckdb_keywords()").fetchall()
    assert {name for name, category in rows if category == "reserved"} == RESERVED
    of_functions = {name for name, category in rows if category == "type_function"}
    assert of_functions - {"columns", "generated", "map", "struct", "try_cast"} == NO_COLUMNS


def test_every_type_of_the_engine_is_known(engine: duckdb.DuckDBPyConnection) -> None:
    rows = engine.execute("select distinct lower(type_name) from duckdb_types()").fetchall()
    named = {name for (name,) in rows if not name.startswith("__")}  # what other tests made
    assert named - {"null", "type"} <= SQL_TYPES
