"""Rules that look beyond a column's own values, rows that are shown on request, and the edges of every rule."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from firn_runtime.errors import ConnectorError
from firn_runtime.step import StepResult
from runtime.workbench import Workbench

Make = Callable[..., Workbench]
CANARY = "hunter2 canary"


@pytest.fixture
def work(bench: Make) -> Workbench:
    return bench()


def check(work: Workbench, *expectations: dict[str, Any], **more: Any) -> StepResult:
    return work.do("check", {"from": "d", "expectations": list(expectations), "severity": "warn", **more})


def said(work: Workbench, expectation: dict[str, Any]) -> str:
    """Return what is wrong with the dataset `d`; nothing where it is as expected."""
    return "; ".join(check(work, expectation).warnings)


def refused(work: Workbench, *expectations: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ConnectorError) as caught:
        check(work, *expectations)
    assert caught.value.error_class == "data"
    return caught.value.message, caught.value.help


FRESH = [
    ("timestamp '2026-03-01 05:00:00'", ""),
    ("timestamp '2026-03-01 04:59:59'", "the newest `at` is 3,601 s old, more than 3,600 s"),
    ("timestamptz '2026-03-01 07:30:00+02'", ""),
    ("timestamptz '2026-03-01 06:30:00+02'", "the newest `at` is 5,400 s old, more than 3,600 s"),
    ("timestamp '2030-01-01'", ""),
    ("date '2026-03-01'", "the newest `at` is 21,600 s old, more than 3,600 s"),
    ("timestamp_ns '2026-03-01 05:30:00'", ""),
    ("timestamp 'infinity'", "`at` says of no row how fresh it is"),
    ("null::timestamp", "`at` says of no row how fresh it is"),
]


@pytest.mark.parametrize(("newest", "sentence"), FRESH)
def test_the_newest_row_is_not_older_than_this_when_the_run_starts(work: Workbench, newest: str, sentence: str) -> None:
    work.started_at = datetime(2026, 3, 1, 7, tzinfo=timezone(timedelta(hours=1)))
    assert work.started_at == datetime(2026, 3, 1, 6, tzinfo=UTC)
    work.make("d", f"select {newest} as at union all select null")
    assert said(work, {"freshness": {"column": "AT", "max_age_seconds": 3600}}) == sentence.replace("`at`", "`AT`")


def test_nothing_is_fresh_where_nothing_is(work: Workbench) -> None:
    work.make("d", "select now() as at where false")
    assert said(work, {"freshness": {"column": "at", "max_age_seconds": 1}}) == "`at` says of no row how fresh it is"


@pytest.mark.parametrize("kind", ["VARCHAR", "BIGINT", "TIME", "DOUBLE"])
def test_freshness_needs_a_timestamp_or_date(work: Workbench, kind: str) -> None:
    work.make("d", f"select null::{kind} as at")
    message, help = refused(work, {"freshness": {"column": "at", "max_age_seconds": 1}})
    assert message == f"`at` is {kind}, and says not how fresh a row is"
    assert "`schema`" in help


def relation(to: str = "customers", field: str = "id") -> dict[str, Any]:
    return {"relationship": {"column": "customer", "to": to, "field": field}}


def test_every_value_occurs_in_the_other_dataset_and_null_is_no_value(work: Workbench) -> None:
    work.make("customers", "select * from (values (1, 'a'), (2, null), (null, 'b')) as t(id, name)")
    work.make("d", "select * from (values (1), (2), (null), (2)) as t(customer)")
    assert said(work, relation()) == ""
    work.make("d", "select * from (values (1), (3), (null), (4)) as t(customer)")
    assert said(work, relation()) == "`customer` holds 2 rows that `customers.id` does not have"


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("1::tinyint", "1.00::decimal(9,2)"),
        ("1.0::double", "1::hugeint"),
        ("date '2026-01-01'", "timestamp '2026-01-01'"),
        ("'nan'::double", "'nan'::double"),
        ("'a'", "'a'::varchar"),
        ("{'a': [1, null]}", "{'a': [1, null]}"),
    ],
)
def test_values_of_one_kind_are_compared_whatever_their_width(work: Workbench, mine: str, theirs: str) -> None:
    work.make("customers", f"select {theirs} as id")
    work.make("d", f"select {mine} as customer")
    assert said(work, relation()) == ""


@pytest.mark.parametrize(("mine", "theirs"), [("BIGINT", "VARCHAR"), ("DATE", "BIGINT"), ("INTEGER[]", "INTEGER")])
def test_values_of_two_kinds_are_not_compared(work: Workbench, mine: str, theirs: str) -> None:
    work.make("customers", f"select null::{theirs} as id")
    work.make("d", f"select null::{mine} as customer")
    message, _ = refused(work, relation())
    assert message == f"`customer` is {mine} and `customers.id` {theirs}: they cannot be compared"


def test_a_column_that_the_other_dataset_lacks_names_near_ones(work: Workbench) -> None:
    work.make("customers", "select 1 as id")
    work.make("d", "select 1 as customer")
    assert refused(work, relation(field="idd")) == ("there is no column `idd` in `customers`", "did you mean `id`")


def test_a_dataset_may_refer_to_itself_and_to_one_of_another_job(work: Workbench) -> None:
    work.make("d", "select * from (values (1, null), (2, 1), (3, 7)) as t(id, customer)")
    assert said(work, relation("d")) == "`customer` holds 1 row that `d.id` does not have"
    later = work.engine.session("later", ["main"])
    work.session = later
    assert said(work, relation("d")) == "`customer` holds 1 row that `d.id` does not have"
    assert said(work, relation("main.d")) == "`customer` holds 1 row that `main.d.id` does not have"


EMPTY: list[tuple[dict[str, Any], str]] = [
    ({"row_count": {"min": 1}}, "it has 0 rows, not at least 1"),
    ({"row_count": 0}, ""),
    ({"not_null": "n"}, ""),
    ({"unique": "n"}, ""),
    ({"accepted_values": {"column": "n", "values": []}}, ""),
    ({"between": {"column": "n", "min": 1}}, ""),
    ({"relationship": {"column": "n", "to": "d", "field": "n"}}, ""),
    ({"sql": "select * from d"}, ""),
]


@pytest.mark.parametrize(("expectation", "sentence"), EMPTY)
def test_an_empty_dataset_breaks_only_what_counts_rows(
    work: Workbench, expectation: dict[str, Any], sentence: str
) -> None:
    work.make("d", "select 1 as n where false")
    assert said(work, expectation) == sentence


MISFITS: list[dict[str, Any]] = [
    {"accepted_values": {"column": "n", "values": ["hunter2"]}},
    {"between": {"column": "n", "min": "hunter2"}},
]


@pytest.mark.parametrize("expectation", MISFITS)
def test_values_of_another_type_name_the_column_and_quote_nothing(work: Workbench, expectation: dict[str, Any]) -> None:
    work.make("d", "select 1 as id, 2 as n")
    message, _ = refused(work, {"unique": "id"}, expectation)
    assert message == "`n` is INTEGER: Could not convert a string to INT32"


EDGES = [
    ("'nan'::double", {"between": {"column": "V", "min": 0}}, "`V` holds 1 row outside its range"),
    ("'nan'::double", {"between": {"column": "v", "max": 9}}, "`v` holds 1 row outside its range"),
    (
        "'nan'::float",
        {"accepted_values": {"column": "v", "values": [1]}},
        "`v` holds 1 row outside the accepted values",
    ),
    ("'inf'::double", {"between": {"column": "v", "min": 0}}, ""),
    ("[1, null]", {"not_null": "v"}, ""),
    ("{'a': 1}", {"unique": "v"}, ""),
    ("null::struct(a int)", {"not_null": "V"}, "`V` has 1 NULL"),
    ("9007199254740993", {"between": {"column": "v", "max": 9007199254740992}}, "`v` holds 1 row outside its range"),
    ("'B'", {"accepted_values": {"column": "v", "values": ["b"]}}, "`v` holds 1 row outside the accepted values"),
    ("map {'a': 1}", {"unique": ["v"]}, ""),
    ("'01'", {"accepted_values": {"column": "v", "values": [1]}}, "`v` holds 1 row outside the accepted values"),
    ("'true'", {"accepted_values": {"column": "v", "values": [True, 1.5]}}, ""),
    ("'07'", {"between": {"column": "v", "min": "00", "max": "10"}}, ""),
    ("'7'", {"between": {"column": "v", "min": "00", "max": "10"}}, "`v` holds 1 row outside its range"),
    ("1", {"between": {"column": "v", "min": "1.4"}}, "`v` holds 1 row outside its range"),
    ("9007199254740993", {"between": {"column": "v", "max": "9007199254740992"}}, "`v` holds 1 row outside its range"),
    ("2", {"accepted_values": {"column": "v", "values": ["1.5"]}}, "`v` holds 1 row outside the accepted values"),
    ("0.1::double", {"accepted_values": {"column": "v", "values": ["0.1"]}}, ""),
    ("2.50::decimal(4,2)", {"between": {"column": "v", "min": "2.5", "max": "3"}}, ""),
]


@pytest.mark.parametrize(("value", "expectation", "sentence"), EDGES)
def test_the_edges_of_values(work: Workbench, value: str, expectation: dict[str, Any], sentence: str) -> None:
    work.make("d", f"select {value} as v")
    assert said(work, expectation) == sentence


def test_unique_alone_is_judged_once(work: Workbench) -> None:
    work.make("d", "select * from (values ([1]), ([1]), (null), (null), ([2])) as t(v)")
    assert said(work, {"unique": "v"}) == "`v` repeats: 2 values occur more than once"


PEOPLE = f"select * from (values (1, '{CANARY}', 10), (2, 'Bo', -1), (2, null, -2)) as t(id, name, amount)"

SAMPLES = [
    ({"not_null": "name"}, "`name` has 1 NULL, such as (name: null, id: 2, amount: -2)"),
    ({"unique": "id"}, "`id` repeats: 1 value occurs more than once, such as (id: 2)"),
    (
        {"between": {"column": "amount", "max": 0}},
        f'`amount` holds 1 row outside its range, such as (amount: 10, id: 1, name: "{CANARY}")',
    ),
    (
        {"accepted_values": {"column": "id", "values": [2]}},
        f'`id` holds 1 row outside the accepted values, such as (id: 1, name: "{CANARY}", amount: 10)',
    ),
    (
        {"relationship": {"column": "id", "to": "others", "field": "id"}},
        f'`id` holds 1 row that `others.id` does not have, such as (id: 1, name: "{CANARY}", amount: 10)',
    ),
    ({"sql": "select amount from d where amount > 0"}, "1 row breaks the rule of `sql`, such as (amount: 10)"),
    ({"row_count": 9}, "it has 3 rows, not exactly 9"),
    ({"sql": "select count(*) > 9 from d"}, "the rule of `sql` does not hold"),
]


@pytest.mark.parametrize(("expectation", "sentence"), SAMPLES)
def test_rows_are_shown_where_they_are_asked_for_and_only_then(
    work: Workbench, expectation: dict[str, Any], sentence: str
) -> None:
    work.make("d", PEOPLE)
    work.make("others", "select 2 as id")
    assert check(work, expectation, sample=3).warnings == (sentence,)
    quiet = check(work, expectation)
    assert quiet.warnings == (sentence.partition(", such as")[0],)
    assert (quiet.results["samples"], CANARY in repr(quiet)) == ([], False)


def test_samples_are_a_result_too(work: Workbench) -> None:
    work.make("d", PEOPLE)
    result = check(work, {"accepted_values": {"column": "amount", "values": [10, -1]}}, sample=5)
    assert result.results["samples"] == [
        {
            "rule": "`amount` holds 1 row outside the accepted values",
            "rows": [{"amount": -2, "id": 2, "name": None}],
        }
    ]


def test_a_classified_column_is_never_shown(work: Workbench) -> None:
    work.make("d", PEOPLE)
    work.hidden = frozenset(["name"])
    result = check(work, {"between": {"column": "amount", "max": 0}}, sample=5)
    assert '(amount: 10, id: 1, name: "[sensitive]")' in result.warnings[0]
    assert CANARY not in repr(result)
    with pytest.raises(ConnectorError) as caught:
        check(work, {"accepted_values": {"column": "name", "values": ["Bo"]}}, sample=5, severity="fail")
    assert '(name: "[sensitive]", id: 1, amount: 10)' in caught.value.message
    assert CANARY not in repr((caught.value.message, caught.value.help))


def test_a_long_value_is_left_out_whole_and_so_are_many_columns(work: Workbench) -> None:
    columns = ", ".join(f"{number} as c{number}" for number in range(20))
    work.make("d", f"select repeat('{CANARY}', 20) as long, {columns}, [1, 2] as list")
    (text,) = check(work, {"sql": "select long, list from d"}, sample=1).warnings
    assert text == f'1 row breaks the rule of `sql`, such as (long: "[{20 * len(CANARY)} characters]", list: [1, 2])'
    (text,) = check(work, {"between": {"column": "c19", "max": 0}}, sample=1).warnings
    assert "(c19: 19, " in text
    assert text.count(": ") == 12


def test_all_samples_of_a_step_have_room_together(work: Workbench) -> None:
    work.make("d", "select range as n, repeat('x', 50) as a, repeat('y', 50) as b, repeat('z', 50) as c from range(40)")
    rules = [{"between": {"column": "n", "max": -1}}] * 20
    result = work.do("check", {"from": "d", "expectations": rules, "severity": "warn", "sample": 20})
    assert 10_000 < len(repr(result.results["samples"])) < 20_000
    assert result.results["failed"] == 20
