"""A look at a server while the engine reads from it by itself: where it says nothing and lets nobody in, it is left.

The engine waits without an end for a server that stands still while its machine takes what is sent; asking it to stop
does not wake it. What does is that its connections end.
"""

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from stat import S_ISSOCK
from typing import Any

_PATIENCE = 30.0
"""Seconds of silence before the server is asked, and for its answer."""
_FILES = "/proc/self/fd"
_LAST_RECEIVED = 52
"""Where in Linux's `tcp_info` (linux/tcp.h) the milliseconds stand since something came."""


class Watch:
    """Looks after all connections of this process to one address, in a thread. Close it."""

    def __init__(self, peer: Any, answers: Callable[[float], bool], patience: float = _PATIENCE) -> None:
        """`answers` says whether the server lets somebody in within so many seconds."""
        self._peer, self._answers, self._patience = peer, answers, patience
        self._closed = threading.Event()
        if os.path.isdir(_FILES):  # only Linux tells
            threading.Thread(target=self._work, name="firn-watch", daemon=True).start()

    def close(self) -> None:
        """Look no longer."""
        self._closed.set()

    def _work(self) -> None:
        while not self._closed.wait(self._patience / 4):
            if self._is_silent() and not self._answers(self._patience) and self._is_silent():
                self._hang_up()

    def _is_silent(self) -> bool:
        """Say whether there are connections, and nothing has come over any of them."""
        quiet = [_silence(line) > self._patience for line in _lines(self._peer)]
        return bool(quiet) and all(quiet)

    def _hang_up(self) -> None:
        for line in _lines(self._peer):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


def _lines(peer: Any) -> Iterator[socket.socket]:
    """Yield the connections to an address, whoever has opened them."""
    for number in os.listdir(_FILES):
        with suppress(OSError):  # it was closed meanwhile, or is connected to nobody
            if S_ISSOCK(os.stat(f"{_FILES}/{number}").st_mode):
                with closing(socket.socket(fileno=os.dup(int(number)))) as line:
                    if line.getpeername() == peer:
                        yield line


def _silence(line: socket.socket) -> float:
    """Return the seconds since something came; 0 for a socket of this machine, which tells nothing."""
    with suppress(OSError):
        told = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_RECEIVED + 4)
        return float(struct.unpack_from("I", told, _LAST_RECEIVED)[0]) / 1000
    return 0
