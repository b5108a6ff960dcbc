"""Thirty kill points in every test run, and that the harness sees what is wrong; `make crash` tries thousands."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crash.judgement import of_publications, of_records, of_session, of_the_end
from crash.points import At, OnCall, OnEvent, Point, parsed
from crash.sessions import Session
from crash.sinks import Look
from tracing import by_strace

HARNESS = Path(__file__).parent / "harness.py"
COUNT = 30

KILLED, FAILED, DONE = -9, 1, 0
HURT = OnEvent(1)
STARTED: dict[str, Any] = {"event": "step.started", "job": "daily", "step": "days"}
TABLES = {"ledger:marks": [["1", "a"]], "shop:marks": [["1", "a"]], "shop:spending": [["7"]]}
END = Look(
    TABLES,
    {"shop:people.spending_shop": "2024-02-01"},
    (),
    (),
)


@by_strace
def test_a_run_that_is_killed_anywhere_comes_to_the_same_when_it_is_resumed() -> None:
    environ = os.environ | {"PYTHONPATH": str(HARNESS.parents[1])}
    words = [sys.executable, str(HARNESS), "--count", str(COUNT)]
    answer = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    last = next(line for line in answer.stdout.splitlines() if line.startswith("all "))
    points, hurt, _, recovered, wrong = map(int, last.split()[1:])
    assert (points, recovered, wrong) == (COUNT, COUNT, 0)
    assert hurt > COUNT / 2


@pytest.mark.parametrize(
    "point",
    [
        Point("sqlite", "memory", "forked", (At(0.25),)),
        Point("postgres", "disk", "forked", (OnEvent(17), OnCall("main", "fsync", 2))),
        Point("sqlite", "memory", "firn", (OnCall("daily", "pwrite64", 9, "ENOSPC"), At(1.0), OnEvent(3))),
    ],
    ids=str,
)
def test_a_case_is_named_by_a_word_that_does_it_again(point: Point) -> None:
    assert parsed(str(point)) == point


@pytest.mark.parametrize(
    ("session", "hurt", "sentences"),
    [
        (Session(KILLED, "", []), HURT, []),
        (Session(FAILED, "error[R401]: the disk is full", []), HURT, []),
        (Session(DONE, "", [STARTED]), None, ["it ran daily.days again, which was recorded as done"]),
        (Session(FAILED, "no", []), None, ["it was not hurt and ended with 1: no"]),
        (Session(70, "no", []), HURT, ["it ended with 70: no"]),
        (Session(FAILED, "Traceback", []), HURT, ["it told of an internal error: Traceback"]),
        (Session(KILLED, "where it stood", [], hung=True), HURT, ["it hung: where it stood"]),
    ],
)
def test_a_session_is_judged(session: Session, hurt: OnEvent | None, sentences: list[str]) -> None:
    assert list(of_session(session, hurt, {("daily", "days")})) == sentences


def test_what_is_recorded_as_done_stays_so() -> None:
    assert list(of_records({("a", "b")}, {("a", "b"), ("a", "c")})) == []
    assert list(of_records({("a", "b")}, set())) == ["the state has forgotten that a.b is done"]


def test_what_was_published_is_not_published_again() -> None:
    assert list(of_publications({"x": "1"}, {"x": "1", "y": "2"})) == []
    assert list(of_publications({"x": "1"}, {"x": "2"})) == ["x was published again, or lost: 1, then 2"]
    assert list(of_publications({"x": "1"}, {})) == ["x was published again, or lost: 1, then None"]


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (END._replace(tables=TABLES | {"shop:spending": [["7"], ["7"]]}), "shop:spending has 2 rows, not 1 rows"),
        (END._replace(tables=TABLES | {"shop:spending": [["8"]]}), "shop:spending has 1 rows, not 1 rows, or oth"),
        (END._replace(tables=TABLES | {"x": []}), "x has 0 rows, not no table"),
        (END._replace(tables=TABLES | {"shop:marks": [["1", "b"]]}), "the copies of `mark` are of more than one"),
        (END._replace(tables=TABLES | {"shop:marks": []}), "the copies of `mark` have"),
        (END._replace(published={}), "too much or too little is published"),
        (END._replace(doubled=("shop:a.b",)), "more than one publication row: shop:a.b"),
        (END._replace(stray=("exports/.x.part",)), "files that nobody publishes: exports/.x.part"),
    ],
)
def test_an_end_that_is_another_one_is_seen(end: Look, sentence: str) -> None:
    found = list(of_the_end(END, end))
    assert found
    assert found[0].startswith(sentence)


def test_the_same_end_is_in_order() -> None:
    assert list(of_the_end(END, END)) == []
