"""A write is killed at random instants and at its file-system calls; the same publication again makes it whole.

`FIRN_CRASH_POINTS=all` kills at every call instead of a few of each sink.
"""

import collections
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.connectors import one_write, sinks
from runtime.connectors.sinks import PUBLICATION, Sink
from runtime.workbench import Workbench
from tracing import by_strace

CALLS = ("openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "unlink", "mkdir", "ftruncate", "sendto")
TESTS = Path(__file__).parents[2]
LOOK = "select n, name from t order by n, name"
OLD = [(0, "old")]
EXPECTED = [(n, f"row {n}") for n in range(3000)]
MODES: dict[str, tuple[dict[str, Any], list[tuple[int, str]]]] = {
    "replace": ({}, EXPECTED),
    "append": ({"mode": "append"}, [*OLD, *EXPECTED]),
    "upsert": ({"mode": "upsert", "keys": ["n"]}, EXPECTED),
    "insert_overwrite": ({"mode": "insert_overwrite", "partition_by": ["name"]}, [*OLD, *EXPECTED]),
}
"""What a write asks for, and what is there afterwards."""
WRITES = [(name, mode) for name in sinks.KILLED for mode in MODES if mode == "replace" or name in sinks.DATABASES]
FEW = 4


def command(folder: Path, sink: Sink) -> list[str]:
    return [sys.executable, one_write.__file__, str(folder), sinks.spelled(sink)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONDONTWRITEBYTECODE": "1"}


def made(name: str, mode: str, folder: Path) -> Sink:
    sink = sinks.make(name, folder)
    return sink._replace(inputs={**sink.inputs, **MODES[mode][0]})


def check(sink: Sink, folder: Path, point: str) -> None:
    """Look at the sink as the killed process left it, publish again, and compare with an undisturbed write."""
    expected = MODES[sink.inputs.get("mode", "replace")][1] if sink.is_database else EXPECTED
    found = sink.rows(LOOK)
    assert found in (OLD, expected) or (sink.name == "folder" and mixed(found)), point
    work = Workbench(folder, {"sink": sink.resource()})
    work.make("d", sink.sql)
    assert work.write(PUBLICATION, resource="sink", **sink.inputs).rows == len(EXPECTED), point
    work.close()
    assert sink.rows(LOOK) == expected, point
    assert len(sink.loads()) == sink.is_database, point
    assert sink.staged() == [], point


def mixed(rows: list[tuple[int, str]]) -> bool:
    """Say whether every partition is the old one or the new one; where old files are not yet removed, both."""
    whole = [[row for row in EXPECTED if row[0] % 3 == part] for part in range(3)]
    found = [[row for row in rows if row[0] % 3 == part and row not in OLD] for part in range(3)]
    return all(one in ([], new) for one, new in zip(found, whole, strict=True))


@pytest.mark.parametrize(("name", "mode"), WRITES)
def test_killed_at_a_random_instant(name: str, mode: str, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    for number in range(int(os.environ.get("FIRN_CRASH_RANDOM", "2"))):
        folder = tmp_path / str(number)
        sink = made(name, mode, folder)
        child = subprocess.Popen(command(folder, sink), env=environment(), stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(chance.random() * 0.06)
        child.kill()
        child.communicate()
        check(sink, folder, f"seed {seed}, kill {number}")


@by_strace
@pytest.mark.parametrize(("name", "mode"), [one for one in WRITES if one[1] in ("replace", "upsert")])
def test_killed_at_its_file_system_calls(name: str, mode: str, tmp_path: Path) -> None:
    points = traced(made(name, mode, tmp_path / "traced"), tmp_path / "traced")
    assert points
    outcomes: collections.Counter[int] = collections.Counter()
    for call, nth in points if os.environ.get("FIRN_CRASH_POINTS") == "all" else few(points):
        folder = tmp_path / f"{call}-{nth}"
        sink = made(name, mode, folder)
        traps = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={nth}"]
        child = subprocess.run(
            ["strace", "-f", "-qq", "-o", "/dev/null", *traps, *command(folder, sink)],
            env=environment(),
            stdout=subprocess.DEVNULL,
            check=False,
        )
        outcomes[child.returncode] += 1
        check(sink, folder, f"killed at {call} {nth}")
    assert set(outcomes) <= {0, -signal.SIGKILL}
    assert outcomes[-signal.SIGKILL] > outcomes[0]  # a call more or less before the write, and the kill comes too late


FULL = {"duckdb": ("write", "No space left on device"), "sqlite3": ("write,pwrite64", "disk is full")}


@by_strace
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", FULL)
def test_a_disk_that_is_full_undoes_the_write(name: str, mode: str, tmp_path: Path) -> None:
    calls, words = FULL[name]
    sink = made(name, mode, tmp_path)
    files = [one for ending in ("", ".wal", "-journal") for one in ("-P", sink.config["path"] + ending)]
    full = ["-e", f"trace={calls}", "-e", f"inject={calls}:error=ENOSPC:when=1+"]
    child = subprocess.run(
        ["strace", "-f", "-qq", "-o", "/dev/null", *files, *full, *command(tmp_path, sink)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if "ptrace" in child.stderr:
        pytest.skip("strace may not trace here")
    assert child.returncode == 1, child.stderr
    assert child.stderr.startswith("process: ")
    assert words in child.stderr
    check(sink, tmp_path, "the disk was full")


def traced(sink: Sink, folder: Path) -> list[tuple[str, int]]:
    """Return the calls of an undisturbed write, each with its number among those of its kind in the main thread."""
    log = folder / "trace"
    traced = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={','.join(CALLS)},newfstatat,stat"]
    if subprocess.run([*traced, *command(folder, sink)], env=environment(), stdout=subprocess.DEVNULL).returncode:
        pytest.skip("strace may not trace here")
    return list(calls(log.read_text().splitlines()))


def calls(lines: list[str]) -> Iterator[tuple[str, int]]:
    main = lines[0].split()[0]
    seen: collections.Counter[str] = collections.Counter()
    began = False
    for line in lines:
        found = re.match(rf"{main} +(\w+)\(", line)
        if found is None:
            continue
        seen[found[1]] += 1
        began = began or one_write.BEGINS in line
        if began and found[1] in CALLS:
            yield found[1], seen[found[1]]


def few(points: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return some points, spread over the write: first those of which there are few, such as the rename."""
    counts = collections.Counter(call for call, _ in points)
    rare = sorted({call: (call, nth) for call, nth in points}.values(), key=lambda point: counts[point[0]])
    return list(dict.fromkeys(rare[:FEW] + points[:: max(1, len(points) // FEW)][1:FEW]))
