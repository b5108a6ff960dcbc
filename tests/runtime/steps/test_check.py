"""Expectations: every broken one is said, no value is quoted."""

from collections.abc import Callable
from typing import Any

import pytest

from firn_runtime.errors import ConnectorError
from runtime.workbench import Workbench

ORDERS = """
    select * from (values (1, 'new', 10.0, date '2026-01-01'), (2, 'paid', 20.0, date '2026-02-01'),
                          (2, 'hunter2', null, null), (4, null, -5.0, date '2026-03-01')) t(id, status, amount, day)
"""


@pytest.fixture
def orders(bench: Callable[..., Workbench]) -> Workbench:
    work = bench()
    work.make("orders", ORDERS)
    return work


def check(work: Workbench, *expectations: dict[str, Any], severity: str = "fail") -> Any:
    return work.do("check", {"from": "orders", "expectations": list(expectations), "severity": severity})


HOLDING: list[dict[str, Any]] = [
    {"row_count": 4},
    {"row_count": {"min": 1, "max": 4}},
    {"not_null": "id"},
    {"unique": ["id", "status"]},
    {"accepted_values": {"column": "status", "values": ["new", "paid", "hunter2"]}},
    {"between": {"column": "amount", "min": -5, "max": 20}},
    {"between": {"column": "day", "min": "2026-01-01"}},
    {"sql": "select * from orders where id > 4"},
    {"sql": "select count(*) = 4 from orders"},
]

BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"row_count": 5}, "it has 4 rows, not exactly 5"),
    ({"row_count": {"min": 5}}, "it has 4 rows, not at least 5"),
    ({"row_count": {"max": 3}}, "it has 4 rows, not at most 3"),
    ({"not_null": "status"}, "`status` has 1 NULL"),
    ({"not_null": ["id", "status", "amount"]}, "`status` has 1 NULL; `amount` has 1 NULL"),
    ({"unique": "id"}, "`id` repeats: 1 value occurs more than once"),
    (
        {"accepted_values": {"column": "status", "values": ["new", "paid"]}},
        "`status` holds 1 row outside the accepted values",
    ),
    ({"between": {"column": "amount", "min": 0, "max": 15}}, "`amount` holds 2 rows outside its range"),
    ({"between": {"column": "day", "max": "2026-01-31"}}, "`day` holds 2 rows outside its range"),
    ({"sql": "select * from orders where id = 2"}, "2 rows break the rule of `sql`"),
    ({"sql": "select count(*) = 5 from orders"}, "the rule of `sql` does not hold"),
    ({"sql": "select null::boolean"}, "the rule of `sql` does not hold"),
]


def test_what_holds_is_counted(orders: Workbench) -> None:
    assert check(orders, *HOLDING).results == {"passed": len(HOLDING), "failed": 0, "samples": []}


@pytest.mark.parametrize(("expectation", "sentence"), BROKEN, ids=[sentence for _, sentence in BROKEN])
def test_what_is_broken_is_a_sentence(orders: Workbench, expectation: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConnectorError) as caught:
        check(orders, expectation)
    assert caught.value.message == f"`orders` is not as expected: {sentence}"
    assert caught.value.error_class == "data"


def test_everything_broken_is_said_at_once_in_the_order_of_the_flow(orders: Workbench) -> None:
    with pytest.raises(ConnectorError) as caught:
        check(orders, *(expectation for expectation, _ in BROKEN))
    assert caught.value.message == "`orders` is not as expected: " + "; ".join(sentence for _, sentence in BROKEN)
    assert "hunter2" not in caught.value.message


def test_with_severity_warn_the_step_goes_on(orders: Workbench) -> None:
    result = check(orders, {"not_null": ["status", "amount"]}, {"row_count": 4}, severity="warn")
    assert result.results == {"passed": 1, "failed": 1, "samples": []}
    assert result.warnings == ("`status` has 1 NULL", "`amount` has 1 NULL")


def test_a_column_that_does_not_exist_names_near_ones(orders: Workbench) -> None:
    with pytest.raises(ConnectorError) as caught:
        check(orders, {"not_null": ["stats", "id"]})
    assert (caught.value.message, caught.value.help) == ("there is no column `stats`", "did you mean `status`")


def test_values_of_another_type_are_an_error_without_the_value(orders: Workbench) -> None:
    with pytest.raises(ConnectorError) as caught:
        check(orders, {"between": {"column": "day", "min": "hunter2"}})
    assert "hunter2" not in caught.value.message


def test_a_rule_is_one_select(orders: Workbench) -> None:
    with pytest.raises(ConnectorError, match="exactly one SELECT"):
        check(orders, {"sql": "drop table orders"})
    assert len(orders.rows("orders")) == 4
