"""Watermarks in the state: each moves with the step that publishes last, under the run's fence, and never back."""

from typing import Any

import pytest

from firn_runtime.errors import LeaseLost
from firn_runtime.state import State, WatermarkRow
from firn_runtime.state.database import Transaction
from firn_runtime.state.schema import KNOWN
from runtime.state.conftest import Open
from runtime.state.rows import NOW, step, taken


def watermark(value: str, type: str = "BIGINT", **more: Any) -> WatermarkRow:
    row = WatermarkRow("shop", "main", "orders", "id", value, type, "sha256:a", "r1", NOW)
    return row._replace(**more)


def moved(state: State, *to: WatermarkRow) -> str | None:
    """Record the end of a step with which watermarks move, and return where that of the read is then."""
    state.step_finished("shop", "r1", step("publish", status="SUCCESS"), [], to)
    found = state.watermark("shop", "main", "orders")
    return found.value if found is not None else None


def test_a_watermark_is_found_as_it_was_recorded(state: State) -> None:
    assert state.watermark("shop", "main", "orders") is None
    first, second = watermark("10"), watermark("ü'", "VARCHAR", step="people", cursor="név")
    state.step_finished("shop", "r1", step("publish", status="SUCCESS"), [], [first, second])
    assert state.watermark("shop", "main", "orders") == first
    assert state.watermarks("shop") == [first, second]
    assert state.watermarks("other") == []
    assert [one.step for one in state.steps("shop", "r1")] == ["publish"]


@pytest.mark.parametrize(
    ("type", "before", "after", "kept"),
    [
        ("BIGINT", "9", "10", "10"),
        ("BIGINT", "10", "9", "10"),
        ("HUGEINT", "-5", "-70", "-5"),
        ("DECIMAL(38,2)", "99999999999999999999999999999999.98", "99999999999999999999999999999999.99", None),
        ("DECIMAL(18,2)", "10.00", "9.99", "10.00"),
        ("DATE", "2026-01-02", "2026-01-01", "2026-01-02"),
        ("TIMESTAMP", "2026-01-01T00:00:00.000002", "2026-01-01T00:00:00.000001", "2026-01-01T00:00:00.000002"),
        ("VARCHAR", "b", "a", "b"),
        ("VARCHAR", "9", "10", "9"),
        ("VARCHAR", "z", "é", None),
    ],
)
def test_a_watermark_does_not_move_back(state: State, type: str, before: str, after: str, kept: str | None) -> None:
    assert moved(state, watermark(before, type)) == before
    assert moved(state, watermark(after, type, run="r2")) == (kept or after)


def test_one_of_another_meaning_is_replaced_whatever_its_value(state: State) -> None:
    moved(state, watermark("10"))
    assert moved(state, watermark("3", meaning="sha256:b")) == "3"
    assert moved(state, watermark("2026-01-01", "DATE", meaning="sha256:b")) == "2026-01-01"


def test_without_the_fence_neither_the_step_nor_the_watermark_is_recorded(state: State) -> None:
    fence = taken(state)
    lost = fence._replace(token=fence.token - 1)
    with pytest.raises(LeaseLost):
        state.step_finished("shop", "r1", step(status="SUCCESS"), [lost], [watermark("1")])
    with pytest.raises(LeaseLost):
        state.reset_watermark("shop", "main", "orders", [lost])
    assert (state.steps("shop", "r1"), state.watermarks("shop")) == ([], [])


def test_a_watermark_is_forgotten(state: State) -> None:
    fence = taken(state)
    moved(state, watermark("10"))
    state.reset_watermark("shop", "main", "other", [fence])
    assert len(state.watermarks("shop")) == 1
    state.reset_watermark("shop", "main", "orders", [fence])
    assert state.watermarks("shop") == []


def test_a_state_that_knew_no_watermarks_is_brought_forward(opened: Open) -> None:
    old = opened()
    old.step_finished("shop", "r1", step("load", status="SUCCESS"), [])

    def back(transaction: Transaction) -> None:
        transaction.execute("DROP TABLE firn_watermarks")
        transaction.execute("DELETE FROM firn_migrations WHERE version > 1")

    old._database.write(back, durable=True)  # as an earlier version left it
    old.close()
    new = opened()
    assert moved(new, watermark("10")) == "10"
    assert [one.step for one in new.steps("shop", "r1")] == ["load", "publish"]
    assert KNOWN > 1
