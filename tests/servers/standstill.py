"""A server that is there and does nothing: its machine takes what is sent, and nobody answers."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def standing_still(process: int) -> Iterator[None]:
    """Let a process and all below it stand still until the block ends."""
    family = [process]
    try:
        for one in family:  # grows; who stands still starts no other
            _send(one, signal.SIGSTOP)
            family += _children(one)
        yield
    finally:
        for one in reversed(family):
            _send(one, signal.SIGCONT)


def _send(process: int, what: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, what)


def _children(process: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, task.read_text().split())
    return found
