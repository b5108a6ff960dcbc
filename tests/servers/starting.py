"""How a server's start is awaited."""

import subprocess
import time
from collections.abc import Callable

_PATIENCE = 60
"""Seconds that a server may take to start."""


def until_it_answers(answers: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Callable[[], str]) -> None:
    """Return once the server answers; raise RuntimeError with its log where it ended, or takes too long."""
    deadline = time.monotonic() + _PATIENCE
    while not answers():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the server did not start: {log()}")
        time.sleep(0.02)
