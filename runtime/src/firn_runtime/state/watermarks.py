"""Watermarks as rows: how far the published incremental reads of a flow have come. None moves back by itself."""

from collections.abc import Sequence
from typing import Any

from firn_runtime.state.columns import Column, read, text
from firn_runtime.state.database import Transaction
from firn_runtime.state.rows import WatermarkRow

COLUMNS = "flow, job, step, cursor_column, value, type, meaning, run, moved_at"
KINDS: Sequence[Column] = (text,) * 9

ALL = f"SELECT {COLUMNS} FROM firn_watermarks WHERE flow = ? ORDER BY job, step"
ONE = f"SELECT {COLUMNS} FROM firn_watermarks WHERE flow = ? AND job = ? AND step = ?"
PUT = f"""
    INSERT INTO firn_watermarks ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (flow, job, step) DO UPDATE SET cursor_column = excluded.cursor_column, value = excluded.value,
    type = excluded.type, meaning = excluded.meaning, run = excluded.run, moved_at = excluded.moved_at"""
REMOVE = "DELETE FROM firn_watermarks WHERE flow = ? AND job = ? AND step = ?"


def move(transaction: Transaction, to: WatermarkRow) -> None:
    """Move a watermark, unless it is further already: an older run may end after a younger one."""
    found: list[Any] = transaction.execute(f"{ONE} FOR UPDATE", to[:3])
    kept = WatermarkRow(*read(KINDS, found[0])) if found else None
    if kept is None or not _is_further(kept, to):
        transaction.execute(PUT, to)


def _is_further(kept: WatermarkRow, to: WatermarkRow) -> bool:
    """Say whether what is kept lies behind `to` in the cursor's order; of another kind or meaning it lies nowhere."""
    if kept.meaning != to.meaning or _is_number(kept) != _is_number(to):
        return False
    if _is_number(kept):
        from decimal import Decimal  # a run without watermarks does without

        return Decimal(kept.value) > Decimal(to.value)
    return kept.value > to.value


def _is_number(row: WatermarkRow) -> bool:
    return row.type.startswith(("DECIMAL", "HUGEINT", "UHUGEINT")) or row.type.endswith(("INT", "INTEGER"))
