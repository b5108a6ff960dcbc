"""What recording a step costs under a lease, beside one bare SQLite commit: its end, and its start where it takes long.

Both in one process, in turns, on files in one folder; medians over the rounds. A bare commit is one row with
`synchronous=FULL`.
"""

import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from firn_runtime.state import Fence, RunRow, StepRow, open_state

ROUNDS, STEPS = 15, 200


class Cost(NamedTuple):
    cpu: float
    wall: float


def measured(act: Callable[[int], object], first: int) -> Cost:
    """Return the milliseconds of one `act`, as the mean of a round."""
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(first, first + STEPS):
        act(number)
    return Cost((time.process_time() - cpu) * 1000 / STEPS, (time.perf_counter() - wall) * 1000 / STEPS)


def synced(path: Path) -> Callable[[int], object]:
    handle = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)

    def sync(number: int) -> None:
        os.pwrite(handle, b"x" * 4096, number * 4096)
        os.fdatasync(handle)

    return sync


def bare(path: Path) -> Callable[[int], object]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE steps (step TEXT PRIMARY KEY, status TEXT)")
    return lambda number: connection.execute("INSERT INTO steps VALUES (?, 'SUCCESS')", (f"step{number}",))


def recorded(folder: Path, began: str = "") -> Callable[[int], object]:
    """Record the ends of steps; with a word for `began`, their starts too."""
    state = open_state({"backend": "sqlite", "path": f"state{began}.db"}, folder)
    token = state.acquire("bench", {"run": "r1"}, 3600)
    assert isinstance(token, int)
    guards = [Fence("bench", token)]
    now = "2026-01-01T00:00:00.000+00:00"
    state.begin(RunRow("bench", "r1", "sha256:0", "local", "RUNNING", 1, now), guards)
    state.renew(guards[0], 3600)

    def step(number: int) -> None:
        row = StepRow("main", f"{began}{number}", "RUNNING", 1, "sha256:" + "0" * 64, now)
        if began:
            state.step_started("bench", "r1", row, guards, durable=False)
        done = row._replace(status="SUCCESS", seconds=0.1, rows=1000, results={"rows": 1000, "columns": ["a", "b"]})
        state.step_finished("bench", "r1", done, guards)

    return step


def median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(part) for part in zip(*costs, strict=True)))


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("FIRN_BENCH_DIR")) as name:
        acts = {
            "sync": synced(Path(name) / "file"),
            "bare": bare(Path(name) / "bare.db"),
            "end": recorded(Path(name)),
            "both": recorded(Path(name), "began"),
        }
        rounds: dict[str, list[Cost]] = {label: [] for label in acts}
        for number in range(ROUNDS):
            for label, act in acts.items():
                rounds[label].append(measured(act, number * STEPS))
        sync, one, step, both = (median(costs) for costs in rounds.values())
    print(f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}; {ROUNDS} rounds of {STEPS}, medians\n")
    for label, cost in (
        ("4 KiB and an fdatasync", sync),
        ("bare SQLite commit, FULL", one),
        ("a step that ends within a second", step),
        ("a longer one: start and end", both),
    ):
        print(f"{label:<34}{cost.cpu:9.3f} ms CPU{cost.wall:9.3f} ms wall")
    print(f"\nwall {step.wall / one.wall:.2f} x   goal 1.5 x;  CPU {step.cpu:.3f} ms   goal 0.25 ms")


if __name__ == "__main__":
    main()
