"""HTTP to one host, in several threads: connections that are kept, requests that are repeated, an end that is heard.

No proxy, no redirect, no variable of the environment. TLS is verified always.
"""

import http.client
import random
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

from firn_runtime.cancel import Token, current
from firn_runtime.connectors.http.certificates import untrusted
from firn_runtime.errors import ConnectorError

_BLOCK = 1 << 18
_CONNECT = 10.0
"""Seconds until a host has to have answered at all."""
_TRIES = 4
_SILENCES = 2
"""How often a host may say nothing for `timeout` seconds: the first time a connection that was kept may be to blame."""
_REPEATED = frozenset([429, 500, 502, 503, 504])
_LARGEST = 1 << 24
"""Bytes of an answer that is kept in memory."""


class Address(NamedTuple):
    """Where a service answers."""

    tls: bool
    host: str
    port: int
    path: str = ""
    """What every path begins with."""

    @property
    def authority(self) -> str:
        """Return the host as requests name it."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == (443 if self.tls else 80) else f"{shown}:{self.port}"


def address(url: str) -> Address:
    """Return what a URL names; raise ConnectorError for anything but `https://HOST` and `http://HOST`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise ConnectorError("connection", "the endpoint is not a URL", "such as `https://s3.example.com`")
    tls = parts.scheme == "https"
    return Address(tls, parts.hostname, port or (443 if tls else 80), parts.path.rstrip("/"))


class Answer(NamedTuple):
    """An answer, read to its end or into a sink."""

    status: int
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes


Sink = Callable[[Mapping[str, str], Iterator[bytes]], object]
"""Raises ConnectorError for what it does not take."""


class Request(NamedTuple):
    """One request. It may be sent several times: whatever it asks for may be asked again."""

    method: str
    target: str
    """Path and query as they are sent."""
    headers: Callable[[], Mapping[str, str]]
    """Made anew for each time that it is sent: a signature grows old."""
    body: Callable[[], Iterable[bytes]] = tuple
    length: int = 0
    sink: Sink | None = None
    """Takes the headers and the body of an answer that says yes."""


class Host:
    """Connections to one address. Close it."""

    def __init__(
        self,
        address: Address,
        timeout: float,
        context: ssl.SSLContext | None = None,
        tries: int = _TRIES,
        connect: float = _CONNECT,
    ) -> None:
        self.address = address
        self._timeout, self._context, self._tries, self._connect = timeout, context, tries, connect
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of every connection."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def send(self, request: Request, token: Token | None = None) -> Answer:
        """Return the answer, whatever its status; raise ConnectorError where there is none, or Ended.

        An answer that says the service is busy or broken is asked for again, up to `tries` times in all.
        """
        token = token or current()
        silences = 0
        for left in reversed(range(self._tries)):
            token.check()
            try:
                answer = self._once(request, token)
            except (OSError, http.client.HTTPException) as error:
                token.check()
                silences += isinstance(error, TimeoutError)
                if not left or silences == _SILENCES or isinstance(error, ssl.SSLCertVerificationError):
                    raise self._unreachable(error) from None
            else:
                if not left or answer.status not in _REPEATED:
                    return answer
            token.wait(random.uniform(0.5, 1) * 0.2 * 4 ** (self._tries - 1 - left))  # noqa: S311  # spreads, hides nothing
        raise AssertionError

    def _once(self, request: Request, token: Token) -> Answer:
        with self._connection() as connection, token.interrupting(lambda: _break(connection)):
            headers = {**request.headers(), "content-length": str(request.length)}
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if name != "content-length" or request.length or request.method in ("PUT", "POST"):
                    _say(connection, name, value)
            connection.endheaders()
            whole = _sent(connection, request)
            response = connection.getresponse()
            known = {name.lower(): value for name, value in response.getheaders()}
            if request.sink is not None and response.status in (200, 206):
                request.sink(known, _blocks(response))
                return Answer(response.status, known, b"")
            body = response.read(_LARGEST)
            if response.read(1) or response.length:  # too large, or cut off
                raise http.client.HTTPException
            if not whole:
                connection.close()
            return Answer(response.status, known, body)

    @contextmanager
    def _connection(self) -> Iterator[http.client.HTTPConnection]:
        """Lend a connection; it is kept for the next request where this one went well."""
        with self._lock:
            connection = self._idle.pop() if self._idle else self._new()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)

    def _new(self) -> http.client.HTTPConnection:
        return _Connection(self.address, self._timeout, self._context, min(self._timeout, self._connect))

    def _unreachable(self, error: Exception) -> ConnectorError:
        where = f"`{self.address.host}`, port {self.address.port}"
        if isinstance(error, TimeoutError):
            return ConnectorError("timeout", f"no answer from {where}, within `timeout`")
        if isinstance(error, ssl.SSLCertVerificationError):
            return untrusted(error, where, "ca_file")
        if isinstance(error, ssl.SSLError):
            return ConnectorError("connection", f"no TLS connection to {where} comes about")
        if isinstance(error, socket.gaierror):
            return ConnectorError("connection", f"the host `{self.address.host}` cannot be resolved")
        if isinstance(error, ConnectionRefusedError):
            return ConnectorError("connection", f"nothing answers at {where}")
        return ConnectorError("connection", f"the connection to {where} broke")


class _Connection(http.client.HTTPConnection):
    """Connects within `connect` seconds, and waits `timeout` seconds for each answer."""

    def __init__(self, address: Address, timeout: float, context: ssl.SSLContext | None, connect: float) -> None:
        super().__init__(address.host, address.port, timeout=connect, blocksize=_BLOCK)
        self._silence, self._tls = timeout, context

    def connect(self) -> None:
        """Connect, and begin TLS where there is a context for it."""
        super().connect()
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)
        self.sock.settimeout(self._silence)


def _say(connection: http.client.HTTPConnection, name: str, value: str) -> None:
    try:
        connection.putheader(name, value)
    except ValueError:  # it quotes the value, which may be a key or a token
        help = "a key or a token in it has a line break or letters beyond ASCII: look at how the secret was stored"
        raise ConnectorError("auth", f"the header `{name}` cannot be sent", help) from None


def _break(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        connection.sock.shutdown(socket.SHUT_RDWR)


def _sent(connection: http.client.HTTPConnection, request: Request) -> bool:
    """Send the body; say whether all of it was taken: where not, the answer says why."""
    try:
        for block in request.body():
            connection.send(block)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def _blocks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while block := response.read(_BLOCK):
        yield block
    if response.length:
        raise http.client.IncompleteRead(b"")
