"""CPU time, wall time and peak memory of whole processes, as medians; every figure is of the child alone."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
"""Without what would keep Python from caching bytecode, which no user's machine does."""


class Cost(NamedTuple):
    cpu: float
    wall: float
    megabytes: float


def once(command: Sequence[str], folder: Path, environ: dict[str, str] | None = None) -> Cost:
    with tempfile.TemporaryFile() as messages:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=ENVIRONMENT | (environ or {}), stdout=subprocess.DEVNULL, stderr=messages
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        messages.seek(0)
        error = messages.read().decode(errors="replace")
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{error}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def interleaved(commands: dict[str, Sequence[str]], folder: Path, times: int) -> dict[str, Cost]:
    """Run every command once to warm up, then in turns, and return the medians."""
    for command in commands.values():
        once(command, folder)
    runs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            runs[name].append(once(command, folder))
    return {name: Cost(*(statistics.median(part) for part in zip(*costs, strict=True))) for name, costs in runs.items()}
