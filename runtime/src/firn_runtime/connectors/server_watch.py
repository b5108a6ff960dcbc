"""A look at database servers while they are worked with: one that says nothing and lets nobody in is left.

Who waits for a server that stands still while its machine takes what is sent waits without an end, and the engine is
not even woken by being asked to stop. What wakes everybody is that the connections end.
"""

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from firn_runtime.errors import ConnectorError

Peer = Any
"""With whom a socket is connected, as `getpeername` says it."""

PATIENCE = 30.0
"""Seconds of silence before a server is asked, and for its answer."""
_FILES = "/proc/self/fd"
_LAST_RECEIVED, _RECEIVED = 52, 128
"""Where in Linux's `tcp_info` (linux/tcp.h) the milliseconds stand since something came, and how many bytes came."""


class Watch:
    """Looks after all connections of this process to the peers it was told, in a thread. Close it."""

    def __init__(self, lets_in: Callable[[Peer, float], bool], patience: float) -> None:
        """`lets_in` says whether a peer gives an answer to a login within so many seconds."""
        self._lets_in, self._patience = lets_in, patience
        self._asked: dict[Peer, int] = {}
        """For each peer, how many looks to leave out: who has just answered is not asked again."""
        self._closed = threading.Event()
        if os.path.isdir(_FILES):  # only Linux tells
            threading.Thread(target=self._work, name="firn-watch", daemon=True).start()

    def over(self, peer: Peer) -> None:
        """Look after the connections to this peer, too."""
        self._asked.setdefault(peer, 0)

    def close(self) -> None:
        """Look no longer."""
        self._closed.set()

    def _work(self) -> None:
        while not self._closed.wait(self._patience / 4):
            for peer in list(self._asked):
                with suppress(OSError):  # no file can be opened any more: the next look may see more
                    self._look(peer)

    def _look(self, peer: Peer) -> None:
        if self._asked[peer]:
            self._asked[peer] -= 1
        elif self._is_silent(peer):
            if self._lets_in(peer, self._patience):
                self._asked[peer] = 4
            elif self._is_silent(peer) and not self._closed.is_set():
                _hang_up(peer)

    def _is_silent(self, peer: Peer) -> bool:
        """Say whether there are connections over which something has come, and nothing has over any of them lately."""
        heard = [_silence(line) for line in _lines(peer)]
        quiet = [seconds > self._patience for seconds in heard if seconds is not None]
        return bool(quiet) and all(quiet)


def peer_of(line: socket.socket) -> Peer:
    """Return with whom a socket is connected; raise ConnectorError where it is not any more."""
    try:
        return line.getpeername()
    except OSError:
        raise ConnectorError("connection", "the server has closed the connection") from None


def _hang_up(peer: Peer) -> None:
    for line in _lines(peer):
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


def _lines(peer: Peer) -> Iterator[socket.socket]:
    """Yield the connections to a peer, whoever has opened them.

    They are borrowed, and no copy is made: to close one of a file, which may have got the number of a socket meanwhile,
    would end all locks that the process has on that file.
    """
    for number in os.listdir(_FILES):
        with suppress(OSError):  # it is none, was closed meanwhile, or is connected to nobody
            line = socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=int(number))
            try:
                if line.getpeername() == peer:
                    yield line
            finally:
                line.detach()


def _silence(line: socket.socket) -> float | None:
    """Return the seconds since something came; 0 for a socket of this machine, which tells nothing.

    None where nothing ever came: who knocks at a server that stands still has a connection, and no sign of life.
    """
    with suppress(OSError, struct.error):
        told = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED + 8)
        if struct.unpack_from("Q", told, _RECEIVED)[0] == 0:
            return None
        return float(struct.unpack_from("I", told, _LAST_RECEIVED)[0]) / 1000
    return 0
