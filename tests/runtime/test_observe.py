"""What people and machines read of a run: the whole text."""

import io
import json

from firn_runtime.events import Event, Failure
from firn_runtime.observe.json_lines import JsonLines
from firn_runtime.observe.plain import PlainLines
from firn_runtime.observe.words import duration

NOW = "2026-01-02T03:04:05.000+00:00"
FAILURE = Failure("R307", "data", "no file matches `d.csv`", "looked below data")


def events() -> list[Event]:
    started = Event("run.started", NOW, "r1", "flow", detail={"artifact": "sha256:1", "environment": "test"})
    return [
        started,
        Event("job.started", NOW, "r1", "flow", "load"),
        Event("step.started", NOW, "r1", "flow", "load", "orders"),
        Event("step.finished", NOW, "r1", "flow", "load", "orders", "SUCCESS", 336776, 2_400_000, 1, 0.5),
        Event("step.started", NOW, "r1", "flow", "load", "more"),
        Event("step.finished", NOW, "r1", "flow", "load", "more", "FAILED", attempt=3, seconds=0.25, error=FAILURE),
        Event("job.finished", NOW, "r1", "flow", "load", status="FAILED", seconds=0.75),
        Event("job.started", NOW, "r1", "flow", "next"),
        Event("job.finished", NOW, "r1", "flow", "next", status="BLOCKED", seconds=0.0),
        Event("run.finished", NOW, "r1", "flow", status="FAILED", seconds=0.8),
    ]


PLAIN = """\
flow for test, run r1
sha256:1
load.orders  SUCCESS  336,776 rows  0.50 s
load.more  FAILED  0.25 s
error[R307]: no file matches `d.csv`
  flow.load.more  (data)
  help: looked below data
load  FAILED
next  BLOCKED

job   step    status      rows   bytes  attempts    time
load          FAILED                              0.75 s
      orders  SUCCESS  336,776  2.4 MB         1  0.50 s
      more    FAILED                           3  0.25 s
next          BLOCKED                             0.00 s

FAILED flow in 0.80 s, run r1; the same command with `--resume r1` goes on with it
"""


def test_a_pipe_gets_plain_lines_and_a_table_at_the_end() -> None:
    out = io.StringIO()
    listener = PlainLines(out)
    for event in events():
        listener(event)
    assert out.getvalue() == PLAIN


def test_json_is_one_event_a_line_without_what_is_not_known() -> None:
    out = io.BytesIO()
    listener = JsonLines(out)
    for event in events():
        listener(event)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(lines) == len(events())
    first = {"event": "run.started", "time": NOW, "run": "r1", "flow": "flow"}
    assert lines[0] == first | {"artifact": "sha256:1", "environment": "test"}
    assert lines[5]["error"] == {
        "code": "R307",
        "class": "data",
        "message": "no file matches `d.csv`",
        "help": "looked below data",
    }
    assert "rows" not in lines[5]


def test_long_times_are_said_in_minutes() -> None:
    assert [duration(seconds) for seconds in (None, 0.1, 99.0, 200.0)] == ["", "0.10 s", "99.00 s", "3 min 20 s"]
