"""How a server is started, and its start awaited."""

import subprocess
import time
from collections.abc import Callable, Sequence
from typing import IO, Any

_PATIENCE = 60
"""Seconds that a server may take to start."""


def watched(
    command: Sequence[object], ended_by: str, log: int | IO[bytes], **surroundings: Any
) -> "subprocess.Popen[bytes]":
    """Start a server that ends with whoever holds the other end of its standard input, also if that is killed.

    `ended_by` is what `kill` is told then; `$!` is the server, and `-$$` all that it forked.
    """
    shell = ["/bin/sh", "-c", f'"$@" & read -r _; kill {ended_by}; wait $!', "sh", *map(str, command)]
    return subprocess.Popen(
        shell, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, **surroundings
    )


def until_it_answers(answers: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Callable[[], str]) -> None:
    """Return once the server answers; raise RuntimeError with its log where it ended, or takes too long."""
    deadline = time.monotonic() + _PATIENCE
    while not answers():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the server did not start: {log()}")
        time.sleep(0.02)
