"""A look at database servers while they are worked with: who says nothing and lets nobody in is left.

So is a connection over which an answer is waited for that never comes, since the server has nothing to do for it. Who
waits for a server that stands still while its machine takes what is sent waits without an end, and the engine is
not even woken by being asked to stop. What wakes everybody is that the connections end.
"""

import os
import socket
import struct
import threading
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any, Protocol

from firn_runtime.errors import ConnectorError

Peer = Any
"""With whom a socket is connected, as `getpeername` says it."""

PATIENCE = 30.0
"""Seconds of silence before a server is asked, and for its answer."""
_FILES = "/proc/self/fd"
_LAST_RECEIVED, _RECEIVED = 52, 128
"""Where in Linux's `tcp_info` (linux/tcp.h) the milliseconds stand since something came, and how many bytes came."""


class Connection(Protocol):
    """A connection that is looked after, and what is waited for over it."""

    @property
    def peer(self) -> Peer:
        """With whom it is."""
        ...

    @property
    def line(self) -> socket.socket:
        """Its socket."""
        ...

    @property
    def awaited(self) -> Any:
        """The server's session whose answer is waited for; None where none is."""
        ...

    def lose(self) -> None:
        """Know why it ends: the answer never comes."""
        ...

    def hang_up(self) -> None:
        """Wait no longer."""
        ...


class Idle(Protocol):
    """Asks a peer about sessions."""

    def __call__(
        self, peer: Peer, seconds: float, sessions: Collection[Any], *, end: bool = False
    ) -> Collection[Any] | None:
        """Say for which of these sessions it has nothing to do, and `end` them; None where it answers no login in time.

        What is waited for from such a session never comes: the question, or its answer, was lost on the way. While it
        lasts, it may hold locks that the next attempt needs.
        """
        ...


class Watch:
    """Looks after all connections of this process to the peers of those that it was told, in a thread. Close it."""

    def __init__(self, idle: Idle, patience: float) -> None:
        self._idle, self._patience = idle, patience
        self._told: dict[Connection, Peer] = {}
        self._asked: dict[Peer, int] = {}
        """For each peer, how many looks to leave out: who has just answered is not asked again."""
        self._doubted: dict[Peer, Collection[Any]] = {}
        """For each peer, the sessions that it had nothing to do for at the last look."""
        self._closed = threading.Event()
        if os.path.isdir(_FILES):  # only Linux tells
            threading.Thread(target=self._work, name="firn-watch", daemon=True).start()

    def over(self, connection: Connection) -> None:
        """Look after this connection, and after all others to its peer."""
        peer = connection.peer
        self._told[connection] = peer
        self._asked.setdefault(peer, 0)

    def no_more_over(self, connection: Connection) -> None:
        """Forget what is waited for over a connection that ends."""
        self._told.pop(connection, None)

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
            return
        waiting = self._waiting(peer)
        if not waiting and not self._is_silent(peer):
            return
        idle = self._idle(peer, self._patience, waiting.keys())
        if self._closed.is_set():
            return
        if idle is None:
            if self._is_silent(peer):
                _hang_up(peer)
            return
        lost = self._waiting(peer)
        left = set(idle).intersection(self._doubted.get(peer, ()), lost)
        for session in left:
            lost[session].lose()
        if left:
            self._idle(peer, self._patience, left, end=True)
        for session in left:
            lost[session].hang_up()
        self._doubted[peer] = idle
        self._asked[peer] = 0 if idle else 4

    def _waiting(self, peer: Peer) -> dict[Any, Connection]:
        """Return the connections to a peer that wait, and over which nothing has come lately, by session."""
        told = [one for one, its_peer in list(self._told.items()) if its_peer == peer]
        waiting = {one.awaited: one for one in told if self._is_dumb(one.line)}
        waiting.pop(None, None)
        return waiting

    def _is_dumb(self, line: socket.socket) -> bool:
        """Say whether nothing has come lately, and nothing is on its way that this side is slow with."""
        with suppress(AttributeError, OSError, ValueError):  # it was closed meanwhile
            seconds = _silence(line)
            return seconds is not None and seconds > self._patience and not _under_way(line)
        return False

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


def _under_way(line: socket.socket) -> bool:
    """Say whether bytes have come that nobody has taken, or wait to be sent."""
    import fcntl
    import termios

    kept = (fcntl.ioctl(line.fileno(), queue, bytes(4)) for queue in (termios.FIONREAD, termios.TIOCOUTQ))
    return any(map(any, kept))
