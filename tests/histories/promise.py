"""What is promised of incremental reads and what they publish: see docs/steps/read.md and docs/steps/write.md.

A sink's content is counted by the rows' versions, in no order.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from histories.shapes import Flow, Row, Sink

Content = Counter[tuple[int, int]]
"""How often a sink holds each `n` and `id`."""
Reading = frozenset[Row]
"""What a run has read, or may have."""


def due(rows: Collection[Row], watermark: Any, flow: Flow) -> Reading:
    """Return the rows that a run reads."""
    known = [row for row in rows if row.seen is not None]
    if watermark is None:
        return frozenset(rows if flow.initial is None else (row for row in known if row.seen >= flow.initial))
    if flow.lookback is None:
        return frozenset(row for row in known if row.seen > watermark)
    begin = watermark - flow.cursor.lookbacks[flow.lookback]
    return frozenset(row for row in known if row.seen >= begin)


def up_to(rows: Iterable[Row], end: Any) -> Reading:
    """Return the rows that a run reads again whose dataset was lost: none beyond what it had reached, if anything."""
    return frozenset(row for row in rows if row.seen is None or (end is not None and row.seen <= end))


def reached(rows: Iterable[Row], watermark: Any) -> Any:
    """Return the watermark after the run that has published these rows."""
    values = [row.seen for row in rows if row.seen is not None]
    return max([*values, *([] if watermark is None else [watermark])], default=None)


def published(rows: Iterable[Row], flow: Flow) -> list[Row]:
    """Return what of the rows that were read is written."""
    return [row for row in rows if not flow.filtered or row.id % 3]


def after(before: Content, mode: str, rows: Iterable[Row]) -> Content:
    """Return what a sink holds after one write."""
    rows = [*rows]
    ids = {row.id for row in rows} if mode == "upsert" else set()
    kept = Counter({key: count for key, count in before.items() if key[1] not in ids})
    return kept + Counter((row.n, row.id) for row in rows)


def writes_to(flow: Flow, sink: Sink, rows: Reading) -> bool:
    """Say whether a run that has read these rows writes to a sink: the last one's job may be skipped."""
    return not (flow.later and sink is flow.sinks[-1] and len(rows) < flow.least)
