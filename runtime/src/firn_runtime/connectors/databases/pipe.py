"""Rows from the engine to a driver through a named pipe: both work at the same time, and nothing lies on disk."""

import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from pathlib import Path

BLOCK = 1 << 18
"""Bytes of a block, at most."""
_SIZE = 1 << 20
_SET_SIZE = 1031
"""F_SETPIPE_SZ of fcntl(2), which Python knows by no name."""
_LOOK = 100
"""Milliseconds after which is looked whether a writer that has not come has failed."""


@contextmanager
def piped(path: Path, write: Callable[[], object]) -> Iterator[Iterator[bytes]]:
    """Let `write` write to `path` in a thread of its own, and yield what it writes, block by block.

    What `write` raises is raised by the blocks, so that who reads them never takes a part for the whole. Where the
    reader ends before them, the writer fails, and that failure is of no interest.
    """
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
    end = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = _Writer(write)
    try:
        _widen(end)
        writer.start()
        yield _blocks(end, writer)
    finally:
        os.close(end)
        while writer.is_alive():
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))  # who opens a pipe for writing waits for a reader
            writer.join(_LOOK / 1000)
        path.unlink(missing_ok=True)


class _Writer(threading.Thread):
    """Works for the token of the step that starts it."""

    def __init__(self, write: Callable[[], object]) -> None:
        super().__init__(name="firn-pipe", daemon=True)
        self._write, self._context = write, copy_context()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._context.run(self._write)
        except BaseException as error:
            self.error = error


def _widen(end: int) -> None:
    """Make the pipe wider than the 64 KiB it has, where the system lets this user."""
    import fcntl

    with suppress(OSError):
        fcntl.fcntl(end, _SET_SIZE, _SIZE)


def _blocks(end: int, writer: _Writer) -> Iterator[bytes]:
    poll = select.poll()
    poll.register(end, select.POLLIN)
    while writer.is_alive() or _ready(poll, 0):
        if not _ready(poll, _LOOK):
            continue
        block = os.read(end, BLOCK)
        if not block:
            break
        yield block
    writer.join()
    if writer.error is not None:
        raise writer.error


def _ready(poll: select.poll, wait: int) -> bool:
    """Return whether there is something to read, or nobody any more who writes; waits up to so many milliseconds."""
    return bool(poll.poll(wait))
