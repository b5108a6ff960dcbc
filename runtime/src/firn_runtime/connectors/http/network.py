"""The network below an API's client: addresses that were checked, and one limit of time on a whole exchange.

httpcore's own limits each read and write alone, and connects to whatever a name resolves to at that moment.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import httpcore


class Exchange:
    """The time that is left for one exchange, and the socket at work for it."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._is_cut = False
        self._is_kept = True
        self._is_heard = False

    @property
    def is_stale(self) -> bool:
        """Say whether it went over a connection that was kept, and nothing came: the server may have closed it before
        it was asked (RFC 9112, section 9.3.1)."""
        return self._is_kept and not self._is_heard and not self._is_cut

    def connecting(self) -> None:
        """Note that it goes over a connection of its own."""
        self._is_kept = False

    def heard(self, content: bytes) -> bytes:
        """Note that something came, and return it."""
        self._is_heard = self._is_heard or bool(content)
        return content

    def at_work(self, stream: httpcore.NetworkStream, timeout: float | None) -> float:
        """Return the seconds that a read or write of `stream` may take; raise httpcore.ReadTimeout where none are."""
        self._socket = stream.get_extra_info("socket")
        if self._is_cut:
            self.cut()
        return self.left(timeout)

    def left(self, timeout: float | None) -> float:
        """Return the seconds that are left, at most `timeout`; raise httpcore.ReadTimeout where none are."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left if timeout is None else min(left, timeout)

    def cut(self) -> None:
        """End it now, from another thread."""
        self._is_cut = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


_EXCHANGE: ContextVar[Exchange] = ContextVar("exchange")


@contextmanager
def used(exchange: Exchange) -> Iterator[None]:
    """Let what this thread reads and writes be of this exchange."""
    before = _EXCHANGE.set(exchange)
    try:
        yield
    finally:
        _EXCHANGE.reset(before)


class _Stream(httpcore.NetworkStream):
    """A connection whose every read and write is on the time of the exchange that uses it: httpx limits each alone."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        exchange = _EXCHANGE.get()
        return exchange.heard(self._inner.read(max_bytes, exchange.at_work(self._inner, timeout)))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _EXCHANGE.get().at_work(self._inner, timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _EXCHANGE.get().at_work(self._inner, timeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class Network(httpcore.NetworkBackend):
    """Connects to the very addresses that were checked; TLS goes on to verify the name."""

    def __init__(self, addresses: Callable[[str, int], list[str]]) -> None:
        self._addresses, self._inner = addresses, httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the addresses that answers; raise ConnectorError where none may be asked."""
        del local_address, socket_options
        _EXCHANGE.get().connecting()
        *others, last = self._addresses(host, port)
        for address in others:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._connected(address, port, timeout)
        return self._connected(last, port, timeout)

    def _connected(self, address: str, port: int, timeout: float | None) -> httpcore.NetworkStream:
        return _Stream(self._inner.connect_tcp(address, port, _EXCHANGE.get().left(timeout)))
