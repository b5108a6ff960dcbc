"""One HTTP exchange: to an address that was checked, in limited time and size. The only module that imports httpx.

Nothing here knows credentials from other headers; no message holds a header, a query or a body.
"""

import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpcore
import httpx

from firn_runtime.cancel import current
from firn_runtime.connectors.rest_bodies import Damaged, TooLarge, whole
from firn_runtime.errors import ConnectorError

_LOGGERS = ("httpx", "httpcore")
_HEADERS = {"accept": "application/json", "accept-encoding": "gzip, deflate", "user-agent": "firn"}


class Call(NamedTuple):
    """What is sent. `address` may have a query; `params` are set in it."""

    method: str
    address: str
    params: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}
    content: bytes | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.method} {urlsplit(self.address).path or '/'}"

    @property
    def url(self) -> str:
        """The address with `params` in its query; one that has none to add stays as it is spelled."""
        if not self.params:
            return self.address
        parts = urlsplit(self.address)
        pairs = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in self.params]
        pairs += [
            (name, str(value).lower() if value is True or value is False else str(value))
            for name, value in self.params.items()
        ]
        return parts._replace(query=urlencode(pairs, quote_via=quote)).geturl()


class Answer(NamedTuple):
    """What came back; the body is decoded, and the names of the headers are found in any case."""

    name: str
    """What messages call the call."""
    status: int
    headers: Mapping[str, str]
    content: bytes


class Limits(NamedTuple):
    """On one exchange."""

    seconds: float
    size: int
    """Bytes of the decoded body."""
    size_name: str = "`max_response_bytes`"


class _Exchange:
    """The time that is left for one exchange, and the socket at work for it."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._is_cut = False

    def at_work(self, stream: httpcore.NetworkStream, timeout: float | None) -> float:
        """Return the seconds that a read or write of `stream` may take; raise httpcore.ReadTimeout where none are."""
        self._socket = stream.get_extra_info("socket")
        if self._is_cut:
            self.cut()
        return self.left(timeout)

    def left(self, timeout: float | None) -> float:
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


_EXCHANGE: ContextVar[_Exchange] = ContextVar("exchange")


class _Stream(httpcore.NetworkStream):
    """A connection whose every read and write is on the time of the exchange that uses it: httpx limits each alone."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _EXCHANGE.get().at_work(self._inner, timeout))

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


class _Network(httpcore.NetworkBackend):
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
        del local_address, socket_options
        *others, last = self._addresses(host, port)
        for address in others:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._connected(address, port, timeout)
        return self._connected(last, port, timeout)

    def _connected(self, address: str, port: int, timeout: float | None) -> httpcore.NetworkStream:
        return _Stream(self._inner.connect_tcp(address, port, _EXCHANGE.get().left(timeout)))


class Client:
    """Keeps its connections; may be used by several threads at once."""

    def __init__(
        self, addresses: Callable[[str, int], list[str]], *, verify: bool = True, ca_file: str | None = None
    ) -> None:
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)  # below that they write addresses with their query
        trust, network = _trust(verify, ca_file), _Network(addresses)
        self._pool = httpcore.ConnectionPool(ssl_context=trust, network_backend=network, max_connections=100)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def exchange(self, call: Call, limits: Limits) -> Answer:
        """Send a call once and return what came back, whatever its status; raise ConnectorError and Ended.

        What is raised below holds the request, so it ends here, and no error is raised while another is handled.
        """
        exchange = _Exchange(limits.seconds)
        found: Answer | ConnectorError
        try:
            with _used(exchange), current().interrupting(exchange.cut):
                found = self._sent(call, limits)
        except ConnectorError as error:
            found = ConnectorError(error.error_class, error.message, error.help)
        except TooLarge:
            found = ConnectorError("data", f"{call.name}: the answer is larger than {limits.size_name}")
        except Damaged as error:
            found = ConnectorError(error.error_class, f"{call.name}: {error}")
        except httpcore.TimeoutException:
            found = ConnectorError("timeout", f"{call.name}: no whole answer within {limits.seconds:g} s")
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            found = ConnectorError("connection", f"{call.name}: {_reason(error)}")
        except (httpx.InvalidURL, OSError, ValueError, RuntimeError):
            found = ConnectorError("connection", f"{call.name}: the request could not be made")
        if isinstance(found, ConnectorError):
            raise found
        return found

    def _sent(self, call: Call, limits: Limits) -> Answer:
        """Send it past httpx's client, which would follow what an answer says of users, cookies and redirects."""
        request = httpx.Request(call.method, call.url, headers={**_HEADERS, **call.headers}, content=call.content)
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        with self._pool.stream(call.method, target, headers=request.headers.raw, content=call.content) as answer:
            headers = httpx.Headers(answer.headers)
            coding = headers.get("content-encoding", "").strip().lower()
            return Answer(call.name, answer.status, headers, whole(answer.iter_stream(), coding, limits.size))


@contextmanager
def _used(exchange: _Exchange) -> Iterator[None]:
    before = _EXCHANGE.set(exchange)
    try:
        yield
    finally:
        _EXCHANGE.reset(before)


def _trust(verify: bool, ca_file: str | None) -> ssl.SSLContext:
    if not verify or ca_file is None:
        return httpx.create_ssl_context(verify=verify, trust_env=False)
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise ConnectorError("connection", f"`{ca_file}` holds no certificates", "it is the option `ca_file`") from None


def _reason(error: Exception) -> str:
    """Say why a request failed in words of our own: httpx's may quote the address with its query."""
    text = str(error).lower()
    if isinstance(error, httpcore.ConnectError):
        known = {"certificate": "the server's certificate is not trusted", "refused": "the connection was refused"}
        return next((sentence for word, sentence in known.items() if word in text), "the host cannot be reached")
    if isinstance(error, (httpcore.NetworkError, httpcore.RemoteProtocolError)):
        return "the connection broke off"
    return "the request could not be made"
