"""HTTP to one receiver of telemetry: POST and nothing else. No proxy, no redirect, no variable of the environment.

TLS is verified always; `http://` is spoken where the platform writes it.
"""

import http.client
import ssl
from functools import cached_property
from typing import NamedTuple
from urllib.parse import urlsplit

from firn_runtime.observe.delivery import Undelivered

_SILENCE = 10.0
"""Seconds until a receiver has to have answered."""
_LARGEST = 1 << 16
"""Bytes of an answer that are read."""
_BUSY = frozenset([408, 429, 500, 502, 503, 504])


class Address(NamedTuple):
    """Where a receiver answers."""

    tls: bool
    host: str
    port: int
    path: str
    """What every path begins with."""


def address(url: object, name: str) -> Address:
    """Return what a URL names; raise Undelivered for anything but `https://HOST` and `http://HOST`."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    bare = not (parts.username or parts.password or parts.query or parts.fragment)
    plain = (parts.netloc + parts.path).isascii() and (parts.netloc + parts.path).isprintable()
    if parts.scheme not in ("http", "https") or not parts.hostname or not bare or not plain or " " in parts.path:
        raise Undelivered(f"`{name}` is not a URL such as `https://telemetry.example.com`, without user and query")
    tls = parts.scheme == "https"
    return Address(tls, parts.hostname, port or (443 if tls else 80), parts.path.rstrip("/"))


class Receiver:
    """Posts to the address that a setting names, over one connection that is kept; for one thread. Close it."""

    def __init__(self, url: object, setting: str) -> None:
        self._url, self._setting = url, setting
        self._connection: http.client.HTTPConnection | None = None

    @cached_property
    def _address(self) -> Address:
        return address(self._url, self._setting)

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def post(self, path: str, content: bytes, type: str) -> bytes:
        """Return the beginning of an answer that says yes; raise Undelivered for every other, and for a wrong URL."""
        kept = self._connection is not None
        try:
            return self._once(path, content, type)
        except (http.client.RemoteDisconnected, ConnectionError) as error:
            self.close()
            if not kept:
                raise self._unreachable(error) from None
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._unreachable(error) from None
        return self._anew(path, content, type)

    def _anew(self, path: str, content: bytes, type: str) -> bytes:
        """Post once more over another connection: one that was kept may have been closed meanwhile."""
        try:
            return self._once(path, content, type)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._unreachable(error) from None

    def _once(self, path: str, content: bytes, type: str) -> bytes:
        if self._connection is None:
            self._connection = _connection(self._address)
        self._connection.request("POST", self._address.path + path, content, {"Content-Type": type})
        answer = self._connection.getresponse()
        body = answer.read(_LARGEST)
        if not answer.isclosed():
            self.close()
        if not 200 <= answer.status < 300:
            raise Undelivered(f"{self._where} answered {answer.status}", again=answer.status in _BUSY)
        return body

    @property
    def _where(self) -> str:
        return f"`{self._address.host}`, port {self._address.port},"

    def _unreachable(self, error: Exception) -> Undelivered:
        if isinstance(error, ssl.SSLCertVerificationError):
            return Undelivered(f"the certificate of {self._where} is not one that is trusted for this host")
        if isinstance(error, TimeoutError):
            return Undelivered(f"{self._where} did not answer within {_SILENCE:.0f} s", again=True)
        if isinstance(error, http.client.HTTPException) and self._address.port == 4317:
            return Undelivered(f"{self._where} does not speak HTTP: OTLP over gRPC is not spoken here, try port 4318")
        return Undelivered(f"{self._where} cannot be reached", again=True)


def _connection(address: Address) -> http.client.HTTPConnection:
    if address.tls:
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(address.host, address.port, timeout=_SILENCE, context=context)
    return http.client.HTTPConnection(address.host, address.port, timeout=_SILENCE)
