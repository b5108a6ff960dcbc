"""What JSON becomes in a dataset: from all records, whatever their order, and never silently something else."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from firn_runtime.connectors.rest.types import Types
from firn_runtime.errors import ConnectorError
from runtime.connectors.server import Answer, serving
from runtime.connectors.test_strict_schema import TEXTS
from runtime.refusals import refused
from runtime.workbench import Workbench, connector

Make = Callable[..., Workbench]

CANARY = "canary-45c48cce"
_NAMED = "the column `a` holds what is no .*: give it another type in `schema`"


def read(bench: Make, body: Any, **inputs: Any) -> Workbench:
    """Read a list of records, or a text that says them."""
    content = body.encode() if isinstance(body, str) else body
    with serving(lambda asked: Answer(content)) as api:
        work = bench(api=connector("rest", "httpx", base_url=api.url))
        work.do("read", {"resource": "api", "path": "/items", **inputs})
    return work


def column(bench: Make, *values: str, **inputs: Any) -> tuple[str, list[Any]]:
    """Return type and values of a column that holds these, as JSON spells them."""
    work = read(bench, "[" + ",".join(f'{{"a":{value}}}' for value in values) + "]", **inputs)
    return work.session.columns("data")["a"], [row[0] for row in work.rows()]


def failure(bench: Make, body: Any, **inputs: Any) -> ConnectorError:
    return refused(read, bench, body, **inputs)


WIDEST = 2**63 - 1


@pytest.mark.parametrize(
    ("values", "type", "found"),
    [
        (["true", "null"], "BOOLEAN", [True, None]),
        (["1", "-2"], "BIGINT", [1, -2]),
        ([str(WIDEST), str(-WIDEST - 1)], "BIGINT", [WIDEST, -WIDEST - 1]),
        (["1", str(WIDEST + 1)], "HUGEINT", [1, WIDEST + 1]),
        (["1", "18446744073709551616"], "HUGEINT", [1, 2**64]),
        (["1", "1.5", "1e3"], "DOUBLE", [1.0, 1.5, 1000.0]),
        (["18446744073709551616", "0.5"], "DOUBLE", [2.0**64, 0.5]),
        (["1000000000000000000", "0.5"], "DOUBLE", [1e18, 0.5]),
        (["9007199254740993", "0.5"], "JSON", ["9007199254740993", "0.5"]),
        (["9007199254740993", "18446744073709551616"], "HUGEINT", [2**53 + 1, 2**64]),
        (["9007199254740993", "18446744073709551617", "1.5"], "JSON", [str(2**53 + 1), str(2**64 + 1), "1.5"]),
        (["[9007199254740993]", "[0.5]"], "JSON[]", [["9007199254740993"], ["0.5"]]),
        (["0.12345678901234567890"], "DOUBLE", [0.12345678901234568]),
        (['"x"', '""', "null", '"1"'], "VARCHAR", ["x", "", None, "1"]),
        (['"2026-01-02"', '"2026-01-02T03:04:05Z"'], "VARCHAR", ["2026-01-02", "2026-01-02T03:04:05Z"]),
        (['"10:20:30"', '"7d444840-9dc0-11d1-b245-5ffdce74fad2"'], "VARCHAR", None),
        (['"Köln 🏔 \\u00df\\n\\u0000"'], "VARCHAR", ["Köln 🏔 ß\n\0"]),
        (["1", '"x"', "true", "null"], "JSON", ["1", '"x"', "true", None]),
        (["null", "null"], "JSON", [None, None]),
        (['{"b":1}', '{"b":0.5}', "{}", "null"], "STRUCT(b DOUBLE)", [{"b": 1.0}, {"b": 0.5}, {"b": None}, None]),
        (['{"b":1}', "1"], "JSON", ['{"b":1}', "1"]),
        (["{}"], "JSON", ["{}"]),
        (["{}", '{"b":1}'], "STRUCT(b BIGINT)", [{"b": None}, {"b": 1}]),
        (["[1,2.5]", "[]"], "DOUBLE[]", [[1.0, 2.5], []]),
        (['[1,"x"]'], "JSON[]", [["1", '"x"']]),
        (["[]"], "JSON[]", [[]]),
        (['[{"b":[1]},{"b":null}]'], "STRUCT(b BIGINT[])[]", [[{"b": [1]}, {"b": None}]]),
        (['{"b":1,"B":2}'], "JSON", ['{"b":1,"B":2}']),
        (['{"":1}'], "JSON", ['{"":1}']),
    ],
)  # fmt: skip
@pytest.mark.parametrize("backwards", [False, True])
def test_a_column_has_the_narrowest_type_of_its_values(
    bench: Make, values: list[str], type: str, found: list[Any] | None, backwards: bool
) -> None:
    step = -1 if backwards else 1
    shown, held = column(bench, *values[::step])
    assert shown.replace('"', "") == type
    assert held == (found or [json.loads(value) for value in values])[::step]


def test_an_object_with_more_than_a_hundred_keys_is_json(bench: Make) -> None:
    wide = [{f"k{row}_{key}": 1 for key in range(30)} for row in range(5)]
    assert column(bench, *(json.dumps(one, separators=(",", ":")) for one in wide))[0] == "JSON"


def test_a_type_that_changes_late_changes_for_all(bench: Make) -> None:
    body = [{"id": number, "n": 1} for number in range(50_000)] + [{"id": "x", "late": 1.5, "n": 2.5}]
    work = read(bench, body)
    assert work.session.columns("data") == {"id": "JSON", "n": "DOUBLE", "late": "DOUBLE"}
    assert (work.rows()[0], work.rows()[-1]) == (("0", 1.0, None), ('"x"', 2.5, 1.5))


def test_types_do_not_depend_on_the_page_that_a_value_is_on(bench: Make) -> None:
    pages: list[list[dict[str, Any]]] = [
        [{"id": 1, "a": None}],
        [{"id": 2, "a": {"b": 1}}],
        [{"id": 3}],
        [{"a": {"b": 1.5, "c": [True]}, "id": 4}],
        [],
    ]
    for order in (pages, [*pages[-2::-1], []]):
        with serving(lambda asked, order=order: Answer(order[int(asked.query["page"]) - 1])) as api:  # type: ignore[misc]  # a default
            work = bench(api=connector("rest", "httpx", base_url=api.url))
            work.do("read", {"resource": "api", "request": {"path": "/i", "pagination": {"type": "page"}}})
        types = work.session.columns("data")
        assert (types["id"], types["a"].replace('"', "")[:6]) == ("BIGINT", "STRUCT")
        rows = work.session.execute("select id, a.b, a.c from data order by id")
        assert rows == [(1, None, None), (2, 1.0, None), (3, None, None), (4, 1.5, [True])]
        work.close()


def test_records_are_row_by_row_what_was_sent(bench: Make) -> None:
    records = [
        {
            "id": number * 10**14,
            "name": f'Ø"{number}\\\n\t',
            "amount": number / 7,
            "flag": None if number % 5 == 0 else number % 2 == 0,
            "tags": [f"t{tag}" for tag in range(number % 4)],
            "place": {"city": "Köln", "at": [number, -number], "deep": {"er": None if number % 3 else "x"}},
        }
        for number in range(3_000)
    ]
    work = read(bench, records)
    assert [dict(zip(records[0], row, strict=True)) for row in work.rows()] == records


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "01", "1.", "+1"])
def test_numbers_that_json_does_not_know_are_refused(bench: Make, number: str) -> None:
    assert "is not JSON" in failure(bench, f'[{{"a":{number}}}]').message


def test_a_number_beyond_a_double_is_refused(bench: Make) -> None:
    large = failure(bench, '[{"a":1e400}]')
    assert large.message == "a number is larger than a DOUBLE can be"
    assert large.help == "say the columns to read with `schema:`"


def test_a_key_twice_in_one_record_is_refused_without_its_values(bench: Make) -> None:
    error = failure(bench, f'[{{"a":"{CANARY}","a":"x"}}]')
    assert error.error_class == "data"
    assert "duplicate key" in error.message
    assert CANARY not in error.message + error.help


def test_keys_that_differ_in_case_alone_are_refused_until_a_schema_chooses(bench: Make) -> None:
    with serving(lambda asked: Answer([{"id": 1}, {"ID": 2}])) as api:
        work = bench(api=connector("rest", "httpx", base_url=api.url))
        with pytest.raises(ConnectorError) as caught:
            work.do("read", {"resource": "api", "path": "/items"})
        work.do("read", {"resource": "api", "path": "/items", "schema": {"id": "bigint"}})
    error = caught.value
    assert error.message == "the records have keys that differ in case alone: `id` and `ID`"
    assert error.help == "say the columns to read with `schema:`"
    assert work.rows() == [(1,), (None,)]


@pytest.mark.parametrize("more", [{}, {"columns": ["a", "id"]}])
def test_a_schema_whose_keys_are_in_another_case_is_refused(bench: Make, more: dict[str, Any]) -> None:
    error = failure(bench, [{"a": 1}, {"ID": 7}], schema={"id": "bigint"}, **more)
    assert (
        error.message == "the records have a key `ID` and none `id`, as `schema` spells it: every value would be NULL"
    )
    assert error.help == "spell it `ID` in `schema`; a `sql` step gives it another name"


def test_a_schema_chooses_among_keys_that_differ_in_case_alone(bench: Make) -> None:
    assert read(bench, [{"a": 1}, {"ID": 7}, {"id": 8}], schema={"id": "bigint"}).rows() == [(None,), (None,), (8,)]


def test_a_byte_order_mark_is_no_part_of_an_answer(bench: Make) -> None:
    assert read(bench, '\ufeff[{"a": 1}]').rows() == [(1,)]


@pytest.mark.parametrize("content", [b'[{"a":"\xff"}]', b'[{"a":"\\ud800"}]', b"\xef\xbb\xbf", b"", b"[", b'[{"a":1}'])
def test_text_that_is_not_unicode_or_not_whole_is_refused(bench: Make, content: bytes) -> None:
    assert "is not JSON" in failure(bench, content).message


def test_records_that_are_nested_too_deeply_are_refused(bench: Make) -> None:
    error = failure(bench, '[{"a":' + "[" * 100_000 + "]" * 100_000 + "}]")
    assert error.error_class == "data"


def test_a_schema_gives_the_columns_and_their_types(bench: Make) -> None:
    schema = {"amount": "decimal(38,10)", "day": "date", "moment": "timestamptz", "id": "varchar", "gone": "bigint"}
    amount = "1234567890123456789012345678.0123456789"
    record = {"id": 7, "amount": amount, "day": "2026-01-02", "moment": "2026-01-02T03:04:05+02:00", "x": 1}
    work = read(bench, [record], schema=schema)
    assert list(work.session.columns("data")) == list(schema)
    rows = work.session.execute("select amount, day::varchar, moment::varchar, id, gone from data")
    assert rows == [(Decimal(amount), "2026-01-02", "2026-01-02 01:04:05+00", "7", None)]


def test_a_schema_beside_columns_gives_types_alone(bench: Make) -> None:
    body = [{"id": "7", "name": "x", "more": 1}]
    work = read(bench, body, columns=["name", "id"], schema={"id": "bigint"})
    assert (work.session.columns("data"), work.rows()) == ({"name": "VARCHAR", "id": "BIGINT"}, [("x", 7)])


@pytest.mark.parametrize(
    ("kind", "value"), [("bigint", "1.5"), ("integer", "true"), ("boolean", "2"), ("int", '{"b":1}')]
)
def test_a_value_that_a_schema_would_change_silently_is_refused(bench: Make, kind: str, value: str) -> None:
    error = failure(bench, f'[{{"a":{value}}}]', schema={"a": kind})
    assert error.message.startswith("a record does not fit the `schema`: expected")
    assert error.message.endswith(".a`")


@pytest.mark.parametrize(("text", "kind"), TEXTS.values(), ids=TEXTS)
def test_a_text_that_is_no_value_of_its_type_in_the_schema_is_refused(bench: Make, text: str, kind: str) -> None:
    with pytest.raises(ConnectorError, match=_NAMED):
        raise AssertionError(column(bench, json.dumps(text), schema={"a": kind}))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("date", '"2026-01-02T10:00:00"'),
        ("timestamptz", '"2026-01-02T10:00:00.123456789Z"'),
        ("decimal(18,2)", "1.005"),
        ("bigint[]", "[1.5, 2]"),
        ("decimal(18,2)[]", '["1.005"]'),
        ("double", '"1,5"'),
        ("double", '"1e400"'),
        ("tinyint", "300"),
    ],
)
def test_a_value_that_the_engine_would_bend_to_the_schema_is_refused(bench: Make, kind: str, value: str) -> None:
    with pytest.raises(ConnectorError, match=_NAMED):
        raise AssertionError(column(bench, value, schema={"a": kind}))


_DIGITS = "12345678901234.1234567890"
_DECIMALS = pytest.mark.parametrize(
    ("kind", "value"), [("decimal(38,10)", f'{{"a":{_DIGITS}}}'), ("decimal(38,10)[]", f'{{"a":[1,{_DIGITS}]}}')]
)


@_DECIMALS
@pytest.mark.parametrize("columns", [None, ["a", "b"]])
def test_a_decimal_of_more_digits_than_a_double_has_is_refused_as_a_number(
    bench: Make, kind: str, value: str, columns: list[str] | None
) -> None:
    error = failure(bench, f'[{{"b":1}},{value}]', schema={"a": kind}, columns=columns)
    assert "expected a number of no more digits than a double has - at `$[" in error.message
    assert "1234567890" not in error.message


@_DECIMALS
def test_a_decimal_of_more_digits_than_a_double_has_may_come_as_a_text(bench: Make, kind: str, value: str) -> None:
    work = read(bench, f"[{value}]".replace(_DIGITS, f'"{_DIGITS}"'), schema={"a": kind})
    assert _DIGITS in work.session.execute("select a::varchar from data")[0][0]


_MONEY = [
    f"{sign}{number / 100}" for number in (*range(0, 100_000, 37), *range(2**49, 2**49 + 2000, 7)) for sign in ("", "-")
]


@pytest.mark.parametrize("more", ["null", '"7"', "9007199254740991"], ids=["numbers", "a text", "a large number"])
def test_decimals_are_read_digit_by_digit_whatever_else_their_column_holds(bench: Make, more: str) -> None:
    """Columns of JSON's own numbers alone are read in another way than those that hold texts too."""
    body = ",".join(f'{{"a":{value}}}' for value in [*_MONEY, more])
    work = read(bench, f"[{body}]", schema={"a": "decimal(38,2)"})
    rows = [value for (value,) in work.session.execute("select a from data")]
    assert rows[:-1] == [Decimal(value) for value in _MONEY]


@pytest.mark.parametrize("digits", ["0.005", "1.005", "-19.999", "1e-3", "5629499534213.117"])
@pytest.mark.parametrize("more", ["null", '"7"'], ids=["numbers", "a text"])
def test_no_decimal_is_rounded_whatever_else_its_column_holds(bench: Make, digits: str, more: str) -> None:
    with pytest.raises(ConnectorError, match=_NAMED):
        raise AssertionError(read(bench, f'[{{"a":{digits}}},{{"a":{more}}}]', schema={"a": "decimal(38,2)"}))


def test_columns_that_hold_no_texts_are_known_however_late_one_comes() -> None:
    types = Types({"a": "BIGINT", "b": "BOOLEAN", "c": "VARCHAR"}, None)
    types.see(b'{"a":1,"b":true,"c":"x"}')
    assert types.own == {"a", "b"}
    types.see(b'{"a":"2","b":null}')
    assert types.own == {"b"}


@pytest.mark.parametrize(
    ("kind", "value", "read_as"),
    [
        ("double", "0.1", "0.1"),
        ("double", "5e-324", "5e-324"),
        ("double", "1.7976931348623157e308", "1.7976931348623157e+308"),
        ("double", '"1e3"', "1000.0"),
        ("float", "0.1", "0.1"),
        ("decimal(18,2)", "19.99", "19.99"),
        ("timestamp", '"2026-01-02T10:00:00Z"', "2026-01-02 10:00:00"),
        ("boolean", '"true"', "true"),
        ("bigint[]", "[1, null]", "[1, NULL]"),
        ("hugeint", "170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
    ],
)
def test_a_value_that_the_type_in_the_schema_holds_is_read(bench: Make, kind: str, value: str, read_as: str) -> None:
    work = read(bench, f'[{{"a":{value}}},{{"a":null}},{{}}]', schema={"a": kind})
    assert work.session.execute("select a::varchar from data") == [(read_as,), (None,), (None,)]


@pytest.mark.parametrize("kind", ["date", "timestamp", "bigint", "double", "boolean", "uuid", "decimal(5,2)", "time"])
def test_a_value_that_does_not_fit_the_schema_is_refused_without_it(bench: Make, kind: str) -> None:
    error = failure(bench, [{"a": CANARY}], schema={"a": kind})
    assert error.error_class == "data"
    assert CANARY not in error.message + error.help
