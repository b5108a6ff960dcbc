"""A limit on the whole of one HTTP request: httpx limits each read and write, never their sum."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Deadline:
    """Shuts a client's sockets when a request's time is up. One request at a time."""

    def __init__(self) -> None:
        self.expired = False
        self._sockets: list[socket.socket] = []

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Remember each new socket; given to httpx as the request's `trace` extension."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._sockets = [one for one in self._sockets if one.fileno() >= 0]
            self._sockets.append(info["return_value"].get_extra_info("socket"))
            if self.expired:
                self.cut()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """End the block's reads and writes after `seconds`; `expired` then says so."""
        self.expired = False
        timer = threading.Timer(seconds, self.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def cut(self) -> None:
        """End the request now."""
        self.expired = True
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
