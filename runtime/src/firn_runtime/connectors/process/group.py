"""A program in a session and process group of its own: started, heard, and ended with all that it started.

One thread starts it, signals it and takes its exit status, in this order: a process group is signalled only while its
first process is not forgotten, so that the number cannot be another's by now. What moves to a session of its own is
out of reach.
"""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector, SelectorKey
from subprocess import DEVNULL, PIPE, Popen
from types import TracebackType
from typing import NamedTuple

from firn_runtime.cancel import Token
from firn_runtime.connectors.process.output import Output

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""

_SHORTEST, _LONGEST = 0.001, 0.05
"""Seconds between two looks at a program that says nothing."""

_CHUNK = 64 * 1024
_IN_THE_PIPE = 32
"""Chunks that a full pipe holds at most: Linux lets a program enlarge it to 1 MiB."""

_SHELL = "/bin/sh"
_KILL_ON_EOF = 'read -r _; kill -s KILL -- "-$1"'


class Launch(NamedTuple):
    """What is started, and where."""

    executable: str
    arguments: Sequence[str]
    env: Mapping[str, str]
    folder: Path


class Group:
    """A program at work. Leaving the block ends whatever is left of its group."""

    def __init__(self, launch: Launch) -> None:
        """Start it; raise OSError."""
        self.stopped = False
        """Whether it was asked to end before its end."""
        self._kill_at = 0.0
        self._process = Popen(  # noqa: S603  # no shell, and the program is one that the platform allows
            [one.encode() for one in launch.arguments],
            executable=launch.executable.encode(),
            env={name.encode(): value.encode() for name, value in launch.env.items()},
            cwd=launch.folder,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )
        self._guard = _guard(self._process.pid)

    def __enter__(self) -> "Group":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._signal(signal.SIGKILL)
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        self._process.wait()

    def finish(self, stdout: Output, stderr: Output, token: Token) -> int:
        """Hear it until it has ended, or was ended for the token; return its exit code, or minus a signal's number.

        What it left behind in its group is killed then, also where it keeps the pipes open.
        """
        with DefaultSelector() as selector:
            for pipe, output in ((self._process.stdout, stdout), (self._process.stderr, stderr)):
                assert pipe is not None  # each was asked for
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, EVENT_READ, output)
            self._hear(selector, token)
            self._signal(signal.SIGKILL)
            for _ in range(_IN_THE_PIPE):
                if not _take(selector, 0):
                    break
        return self._status()

    def _hear(self, selector: DefaultSelector, token: Token) -> None:
        pause = _SHORTEST
        while not self._has_ended():
            pause = _SHORTEST if _take(selector, pause) else min(pause * 2, _LONGEST)
            if token.reason is not None:
                self._stop()

    def _stop(self) -> None:
        """Ask the group to end, and no longer ask after the grace."""
        now = time.monotonic()
        if not self.stopped:
            self.stopped, self._kill_at = True, now + GRACE
            self._signal(signal.SIGTERM)
        elif now > self._kill_at:
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):  # they are gone, or another user's by now
                os.killpg(self._process.pid, number)

    def _has_ended(self) -> bool:
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _status(self) -> int:
        found = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        assert found is not None  # it is waited for
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def _take(selector: DefaultSelector, seconds: float) -> bool:
    """Read what is there, or will be soon; say whether anything was heard."""
    ready = selector.select(seconds)
    for key, _ in ready:
        _read(selector, key)
    return bool(ready)


def _read(selector: DefaultSelector, key: SelectorKey) -> None:
    chunk = os.read(key.fd, _CHUNK)
    if chunk:
        key.data.take(chunk)
    else:
        selector.unregister(key.fileobj)


def _guard(group: int) -> "Popen[bytes] | None":
    """Start what kills the group as soon as this process is gone, whatever ended it; None where there is no shell."""
    command = [_SHELL, "-c", _KILL_ON_EOF, _SHELL, str(group)]
    try:
        return Popen(  # noqa: S603  # a fixed text and a number
            command, env={}, cwd="/", stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True
        )
    except OSError:
        return None
