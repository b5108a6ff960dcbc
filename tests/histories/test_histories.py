"""Some histories in every test run, and that what is not as promised is seen; `make histories` lives through many."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from histories.harness import lived
from histories.history import History
from histories.judgement import Seen, judged
from histories.promise import Content, due, up_to
from histories.shapes import CURSORS, Flow, Row, Sink

HARNESS = Path(__file__).parent / "harness.py"
COUNT = 5

NUMBERS = CURSORS[0]
OLD, BORDER, NEW, NEVER = Row(1, 1, 3), Row(2, 2, 5), Row(3, 3, 6), Row(4, 4, None)
ROWS = (OLD, BORDER, NEW, NEVER)
APPENDED, KEPT = Sink("duckdb", "append", "appended"), Sink("sqlite", "upsert", "kept")


def flow(*, lookback: int | None = None, initial: int | None = None, least: int = 0) -> Flow:
    sinks = (APPENDED, KEPT)
    return Flow("csv", NUMBERS, "orders", lookback, initial, sinks, False, False, bool(least), least)


def holding(*rows: Row) -> Content:
    return Counter((row.n, row.id) for row in rows)


def seen(appended: Content, kept: Content, watermark: int | None) -> Seen:
    return Seen({APPENDED.step: appended, KEPT.step: kept}, watermark)


NOTHING = seen(Counter(), Counter(), None)
ALL = holding(*ROWS)


def test_whatever_happens_every_row_is_published_as_promised() -> None:
    environ = os.environ | {"PYTHONPATH": str(HARNESS.parents[1])}
    words = [sys.executable, str(HARNESS), "--count", str(COUNT), "--seed", "1"]
    answer = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.splitlines()[-1] == f"all {COUNT} histories, 0 wrong"


def test_a_sink_that_cannot_be_read_is_told_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(self: History) -> list[str]:
        self.told.append("day 1")
        raise RuntimeError("IOException: Corrupt database file")

    monkeypatch.setattr(History, "wrong", unreadable)
    seed, told, found = lived(7)
    assert (seed, told[-1], found) == (7, "day 1", ["it cannot be looked at: IOException: Corrupt database file"])


@pytest.mark.parametrize(
    ("of", "watermark", "rows"),
    [
        (flow(), None, ROWS),
        (flow(initial=5), None, (BORDER, NEW)),
        (flow(), 5, (NEW,)),
        (flow(lookback=0), 5, (BORDER, NEW)),
        (flow(lookback=7), 5, (OLD, BORDER, NEW)),
    ],
)
def test_what_a_run_reads_lies_after_the_watermark(of: Flow, watermark: int | None, rows: Sequence[Row]) -> None:
    assert due(ROWS, watermark, of) == frozenset(rows)


def test_what_is_read_again_ends_where_it_has_ended() -> None:
    assert up_to(ROWS, 5) == {OLD, BORDER, NEVER}
    assert up_to(ROWS, None) == {NEVER}


@pytest.mark.parametrize(
    ("end", "wrong"),
    [
        (seen(ALL, ALL, 6), []),
        (seen(ALL - holding(NEW), ALL, 6), ["appended lacks {(3, 3): 1}", "the watermark has moved"]),
        (seen(ALL + ALL, ALL, 6), ["appended lacks {}, and holds {(1, 1): 1", "the watermark has moved"]),
        (seen(ALL, Counter(), 6), ["kept lacks {(1, 1): 1", "the watermark has moved from None to 6, and not all"]),
        (seen(ALL, ALL, 5), ["the watermark is 5, not None or one of [6]", "the watermark is still 5"]),
        (seen(ALL, ALL, None), ["the watermark is still None, and not one of [6]"]),
    ],
)
def test_the_end_of_a_run_is_judged(end: Seen, wrong: list[str]) -> None:
    found = list(judged(flow(), NOTHING, end, [frozenset(ROWS)], ended=True))
    assert [one.startswith(expected) for one, expected in zip(found, wrong, strict=True)] == [True] * len(wrong)


@pytest.mark.parametrize(
    ("end", "is_right"),
    [
        (NOTHING, True),
        (seen(ALL, Counter(), None), True),
        (seen(ALL, ALL, None), True),
        (seen(ALL, ALL, 6), True),
        (seen(ALL, Counter(), 6), False),
        (seen(holding(OLD), Counter(), None), False),
    ],
)
def test_a_run_that_was_killed_has_written_to_each_sink_all_or_nothing(end: Seen, is_right: bool) -> None:
    assert (list(judged(flow(), NOTHING, end, [frozenset(ROWS)], ended=False)) == []) is is_right


def test_a_job_that_is_skipped_leaves_its_sink_and_the_watermark() -> None:
    few = [frozenset([OLD, NEW])]
    written = holding(OLD, NEW)
    assert list(judged(flow(least=3), NOTHING, seen(written, Counter(), None), few, ended=True)) == []
    assert list(judged(flow(least=3), NOTHING, seen(written, Counter(), 6), few, ended=True)) != []
    assert list(judged(flow(least=3), NOTHING, seen(written, written, 6), few, ended=True)) != []
