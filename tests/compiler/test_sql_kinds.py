"""Kinds of values: what the compiler says of them is what the engine does with them."""

from collections.abc import Mapping
from functools import cache
from itertools import product
from random import Random

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firn_compiler.kinds import ALL, NUMBERS, kind_of
from firn_compiler.sql import Analysis, analyse
from firn_compiler.sql.signatures import CALLS
from firn_schemas.sql_types import NESTED, SQL_TYPES

COLUMNS: Mapping[str, tuple[str, str, str]] = {
    "flag": ("boolean", "boolean", "true"),
    "small": ("whole number", "integer", "7"),
    "big": ("whole number", "bigint", "7"),
    "price": ("decimal", "decimal(18,2)", "7.25"),
    "ratio": ("double", "double", "7.5"),
    "name": ("text", "varchar", "'seven'"),
    "body": ("binary", "blob", "'seven'"),
    "born": ("date", "date", "'2026-01-31'"),
    "clock": ("time", "time", "'10:00:00'"),
    "moment": ("timestamp", "timestamp", "'2026-01-31 10:00:00'"),
    "zoned": ("timestamp with time zone", "timestamptz", "'2026-01-31 10:00:00+00'"),
    "span": ("interval", "interval", "'1 day'"),
    "code": ("UUID", "uuid", "'11111111-1111-1111-1111-111111111111'"),
}
"""Columns of the table `t`: kind, type and a value."""
KINDS = {"t": {name: kind for name, (kind, _, _) in COLUMNS.items()}}
TABLES = {"t": tuple(COLUMNS)}


@cache
def engine() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"create table t ({', '.join(f'{name} {type_}' for name, (_, type_, _) in COLUMNS.items())})")
    connection.execute(f"insert into t values ({', '.join(value for _, _, value in COLUMNS.values())})")
    return connection


def known(query: str) -> Analysis:
    return analyse(query, "duckdb", TABLES, closed=True, kinds=KINDS)


def said(query: str) -> list[str]:
    return [one.message for one in known(query).problems if one.code == "E509"]


def refused(query: str, *, run: bool = False) -> str:
    """Return what the engine says against a query before it runs, or also while it does."""
    try:
        engine().execute(f"create or replace temp table made as {query}" if run else f"explain {query}")
    except duckdb.Error as error:
        return str(error).splitlines()[0]
    return ""


def given_kind(value: str) -> str:
    """Return the kind of a value by the engine's own word for its type."""
    ((_, type_, *_),) = engine().execute(f"describe select {value} as x from t").fetchall()
    return kind_of(str(type_).lower())


SPELLED: Mapping[str, str] = {
    "AtTimeZone": "{} at time zone 'UTC'",
    "ApproxDistinct": "approx_count_distinct({})",
    "ArgMax": "arg_max({}, small)",
    "ArgMin": "arg_min({}, small)",
    "Contains": "contains({}, 'a')",
    "Corr": "corr({}, ratio)",
    "DateBin": "time_bucket({}, born)",
    "DateDiff": "date_diff('day', {0}, {0})",
    "DayOfWeekIso": "isodow({})",
    "CountIf": "count_if({})",
    "CovarPop": "covar_pop({}, ratio)",
    "CovarSamp": "covar_samp({}, ratio)",
    "EndsWith": "ends_with({}, 'a')",
    "Explode": "unnest({})",
    "FirstValue": "first_value({}) over ()",
    "GroupConcat": "string_agg({}, ',')",
    "Glob": "{} glob 'a*'",
    "ILike": "{} ilike 'a%'",
    "JSONExtractScalar": "json_extract_string({}, '$.a')",
    "Lag": "lag({}) over ()",
    "LastDay": "last_day({})",
    "LastValue": "last_value({}) over ()",
    "Lead": "lead({}) over ()",
    "Left": "left({}, 2)",
    "Levenshtein": "levenshtein({}, 'a')",
    "Like": "{} like 'a%'",
    "LogicalAnd": "bool_and({})",
    "LogicalOr": "bool_or({})",
    "NthValue": "nth_value({}, 1) over ()",
    "Neg": "-{}",
    "Nullif": "nullif({0}, {0})",
    "Pad": "lpad({}, 5, '0')",
    "Pow": "power({}, 2)",
    "RegexpExtract": "regexp_extract({}, 'a')",
    "RegexpExtractAll": "regexp_extract_all({}, 'a')",
    "RegexpFullMatch": "regexp_full_match({}, 'a')",
    "RegexpLike": "regexp_matches({}, 'a')",
    "RegexpReplace": "regexp_replace({}, 'a', 'b')",
    "Replace": "replace({}, 'a', 'b')",
    "Right": "right({}, 2)",
    "SHA": "sha1({})",
    "SHA2": "sha256({})",
    "SimilarTo": "{} similar to 'a.*'",
    "Split": "string_split({}, ',')",
    "SplitPart": "split_part({}, ',', 1)",
    "StartsWith": "starts_with({}, 'a')",
    "StddevPop": "stddev_pop({})",
    "StddevSamp": "stddev_samp({})",
    "StrPosition": "strpos({}, 'a')",
    "StrToTime": "strptime({}, '%Y')",
    "Substring": "substring({}, 1, 2)",
    "TimeToStr": "strftime({}, '%Y')",
    "TimeToUnix": "epoch({})",
    "TimestampTrunc": "date_trunc('month', {})",
    "Translate": "translate({}, 'a', 'b')",
    "AnyValue": "any_value({})",
    "VariancePop": "var_pop({})",
}
"""Of functions that are spelled in another way than their nodes are called."""


@pytest.mark.parametrize("node", sorted(node.__name__ for node in CALLS))
def test_a_function_takes_and_gives_what_the_engine_says(node: str) -> None:
    spelled = SPELLED.get(node, f"{node.lower()}({{}})")
    for column in COLUMNS:
        if node == "Ntile":  # its value is how many, and may not be null
            continue
        call = spelled.format(column)
        query = f"select {call} as x from t"
        refusal = refused(query)
        assert bool(said(query)) == bool(refusal), (call, refusal)
        if not refusal and (found := known(query).kinds.get("x")):
            assert found == given_kind(call), call


PAIRS = (
    *("{} < {}", "{} >= {}", "{} + {}", "{} - {}", "{} * {}", "{} / {}", "{} % {}", "{} between {} and {}"),
    *("coalesce({}, {})", "greatest({}, {})", "case when true then {} else {} end", "if(true, {}, {})"),
)


@pytest.mark.parametrize("form", PAIRS)
def test_two_values_go_together_where_the_engine_takes_them(form: str) -> None:
    for left, right in product(COLUMNS, (*COLUMNS, "1", "2.5", "true", "current_date", "interval '1 day'")):
        value = form.format(left, right, right)
        query = f"select {value} as x from t"
        refusal = refused(query)
        if not refusal or "big" not in (left, right):  # to a day it adds integers, not bigints
            assert bool(said(query)) == bool(refusal), (value, refusal)
        if not refusal and (found := known(query).kinds.get("x")):
            assert found == given_kind(value), value


DEFAULT = "lag({}, 1, {}) over ()"
SAME = (
    *("{} = {}", "{} <> {}", "{} in ({})", "{} is distinct from {}", "case {} when {} then 1 end", "nullif({}, {})"),
    *(DEFAULT, "{} in (select {} from t)", "{} = (select {} from t)"),
)


@pytest.mark.parametrize("form", SAME)
def test_what_is_said_not_to_be_equal_to_anything_stops_the_run(form: str) -> None:
    for left, right in product(COLUMNS, repeat=2):
        query = f"select {form.format(left, right)} as x from t"
        assert not said(query) or refused(query, run=True), query
        if (
            "text" not in (COLUMNS[left][0], COLUMNS[right][0]) and form != DEFAULT
        ):  # it casts less there than elsewhere
            assert bool(said(query)) == bool(refused(query, run=True)), query


@pytest.mark.parametrize("type_", sorted({type_ for _, type_, _ in COLUMNS.values()}))
def test_a_cast_that_the_engine_does_not_have(type_: str) -> None:
    for column in COLUMNS:
        query = f"select cast({column} as {type_}) as x from t"
        refusal = refused(query, run=True)
        assert bool(said(query)) == ("Unimplemented" in refusal), (query, refusal)
        assert not said(query.replace("cast(", "try_cast(")), query
        assert known(query).kinds["x"] == given_kind(f"null::{type_}")


CONDITIONS = (
    *(
        "select 1 as x from t where {}",
        "select 1 as x from t having max({})",
        "select t.small as x from t join t u on {}",
    ),
    *("select 1 as x from t where {} and true", "select not {} as x from t", "select if({}, 1, 2) as x from t"),
    *("select case when {} then 1 end as x from t", "select count(*) filter ({}) as x from t"),
    "select 1 as x from t qualify lag({0}, 0) over ()",
)


@pytest.mark.parametrize("form", CONDITIONS)
def test_a_value_that_is_no_condition(form: str) -> None:
    for column in set(COLUMNS) - {"name"}:  # a text may be `true`
        query = form.format(column if "join" not in form else f"t.{column}")
        assert bool(said(query)) == bool(refused(query, run=True)), query
    assert not said(form.format("name" if "join" not in form else "t.name"))


@pytest.mark.parametrize("sign", "+-*/%")
@pytest.mark.parametrize("text", ["2", "1.5", "two", "1,19", "", "1 day", "2026-01-01", "10:00"])
def test_arithmetic_with_a_text_that_is_written_out(sign: str, text: str) -> None:
    for value in (*COLUMNS, "1", "2.5", "'3'"):
        for query in (f"select {value} {sign} '{text}' as x from t", f"select '{text}' {sign} {value} as x from t"):
            assert not said(query) or refused(query, run=True), query
            if text in ("two", "") and value in ("small", "big", "price", "ratio", "1", "2.5", "'3'"):
                assert bool(said(query)) == bool(refused(query, run=True)), query


FURTHER = (
    *("age(born, {})", "date_diff('day', born, {})", "date_diff({}, born, born)", "date_part('year', {})"),
    *("date_part({}, born)", "date_sub('day', born, {})", "date_trunc({}, born)"),
    *(
        "left(name, {})",
        "lpad(name, {}, '0')",
        "lpad(name, 3, {})",
        "regexp_extract(name, {})",
        "replace(name, {}, 'a')",
    ),
    *("regexp_replace(name, {}, 'a')", "replace(name, 'a', {})", "right(name, {})", "round(price, {})"),
    *("split_part(name, {}, 1)", "split_part(name, ',', {})", "string_split(name, {})", "strpos(name, {})"),
    *("substring(name, {})", "substring(name, 1, {})", "time_bucket(span, {})", "yearweek({})", "date_add(born, {})"),
)


@pytest.mark.parametrize("form", FURTHER)
def test_a_further_value_that_a_function_does_not_take(form: str) -> None:
    for column in (*COLUMNS, "1", "2.5", "'1'", "''", "'a'", "null", "now()", "true"):
        query = f"select {form.format(column)} as x from t"
        assert not said(query) or refused(query, run=True), query
    assert any(said(f"select {form.format(column)} as x from t") for column in COLUMNS)


@pytest.mark.parametrize("call", ["count(*)", "count(name)", "to_timestamp({})", "epoch_ms({})"])
def test_kinds_of_counts_and_moments_since_1970(call: str) -> None:
    for column in COLUMNS:
        query = f"select {call.format(column)} as x from t"
        assert bool(said(query)) == bool(refused(query)), query
        if not said(query):
            assert known(query).kinds["x"] == given_kind(call.format(column)), query


@pytest.mark.parametrize(
    "query",
    [
        "select small, sum(ratio) as name from t group by small having name > 1",
        "select small, sum(ratio) as name from t group by small having name + 1 > 1",
        "select big as born from t group by all having born > 1",
        "select big as born, born as day from t group by big, t.born having born > 1",
        "select small, sum(ratio) as name from t group by small having max(name) > 1",
        "select sum(ratio) as name from t group by rollup (name) having name > 'a'",
        "select sum(ratio) as name from t group by name || 'a' having name > 1",
        "select big as name from t where name > 1",
        "select big as name from t order by name + 1",
        "select big as name, row_number() over (order by small) as n from t qualify n = 1 and name > 1",
    ],
)
def test_a_name_of_a_value_and_of_a_column_means_what_the_engine_takes_it_for(query: str) -> None:
    assert bool(said(query)) == bool(refused(query)), query


@pytest.mark.parametrize("left", COLUMNS)
def test_a_recursive_query_has_the_kinds_that_it_begins_with(left: str) -> None:
    for right in COLUMNS:
        query = f"with recursive r(x) as (select {left} from t union select {right} from t, r) select x from r"
        assert not said(query) or refused(query, run=True), query
        if not refused(query) and (found := known(query).kinds.get("x")):
            assert found == COLUMNS[left][0], query


def test_greatest_values_of_a_number_are_a_list() -> None:
    assert said("select len(max(name, 2)) as x from t") == []


def test_columns_of_a_set_operation() -> None:
    for left, right in product(COLUMNS, repeat=2):
        query = f"select {left} as x from t union all select {right} from t"
        refusal = refused(query, run=True)
        if "text" not in (COLUMNS[left][0], COLUMNS[right][0]):
            assert bool(said(query)) == bool(refusal), (query, refusal)
        if not refusal and (found := known(query).kinds.get("x")):
            ((_, type_, *_),) = engine().execute(f"describe {query}").fetchall()
            assert found == kind_of(str(type_).lower()), query


TEXTS = (
    *(
        "",
        "a",
        "1",
        "-1",
        "1.5",
        " 7 ",
        "1_000",
        "1,000",
        "1e3",
        "12abc",
        "nan",
        "inf",
        "true",
        "t",
        "yes",
        "on",
        "off",
    ),
    *("2026-01-31", "2026/01/31", "31.01.2026", "31/01/2026", "2026-01", "20260131", "today", "epoch", "infinity"),
    *("2026-01-31 10:00", "2026-01-31T10:00:00", "2026-1-1", "n/a", "NULL", "-"),
)


@pytest.mark.parametrize("column", ["flag", "small", "price", "ratio", "born", "moment", "zoned"])
@pytest.mark.parametrize(
    "form", ["{} = {}", "{} < {}", "{} in ({})", "coalesce({}, {})", "case when false then {} else {} end"]
)
def test_a_text_that_cannot_become_the_value_beside_it(column: str, form: str) -> None:
    for text in TEXTS:
        query = f"select {form.format(column, repr(text))} as x from t"
        if said(query):
            missing = query.replace(f"coalesce({column}", f"coalesce(nullif({column}, {column})")
            assert refused(missing, run=True), query
        else:
            assert text not in ("", "a", "n/a", "NULL", "-"), query


@pytest.mark.parametrize("sign", "-/ \\.")
def test_the_parts_of_a_date_stand_between_signs_that_the_engine_reads(sign: str) -> None:
    query = f"select born = '2026{sign}01{sign}31' as x from t"
    assert bool(said(query)) == bool(refused(query, run=True))


def values(chance: Random, depth: int) -> str:
    """Return some value made of columns and numbers; whether a text is cast may depend on the row."""
    if depth == 0:
        return chance.choice((*COLUMNS, "1", "2.5", "null", "true", "current_date"))
    inner = [values(chance, depth - 1) for _ in range(3)]
    spelled = [SPELLED.get(node.__name__, f"{node.__name__.lower()}({{}})") for node in CALLS]
    plain = [one for one in spelled if "over" not in one]
    form = chance.choice((*PAIRS, *plain, "({})", "cast({} as varchar)", "cast({} as date)", "not {}", "{} || {}"))
    return form.format(*inner)


@settings(max_examples=1000, derandomize=True)
@given(st.integers(0, 2**32))
def test_nothing_is_said_of_a_value_that_the_engine_takes(seed: int) -> None:
    value = values(Random(seed), 3)
    query = f"select {value} as x from t"
    if said(query):
        assert refused(query, run=True), query
    elif not known(query).problems and not refused(query) and (found := known(query).kinds.get("x")):
        assert {found, given_kind(value)} <= NUMBERS or found == given_kind(value), query


@pytest.mark.parametrize("name", sorted(SQL_TYPES - NESTED))
def test_the_kind_of_a_type_is_the_engine_s(name: str) -> None:
    kind = kind_of(name)
    spelled = engine().execute("select null::" + name).description[0][1]
    assert kind in ALL or kind == ""
    if kind:
        assert kind == kind_of(str(spelled).lower())
