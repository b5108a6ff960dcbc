"""One HTTP exchange: to an address that was checked, in limited time and size. It and `network` alone import httpx.

Nothing here knows credentials from other headers; no message holds a header, a query or a body.
"""

import codecs
import logging
import ssl
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpcore
import httpx

from firn_runtime.cancel import current
from firn_runtime.connectors.http.bodies import Damaged, TooLarge, whole
from firn_runtime.connectors.http.network import Exchange, Network, used
from firn_runtime.errors import ConnectorError

_LOGGERS = ("httpx", "httpcore")
REPEATABLE = frozenset(["DELETE", "GET", "HEAD", "PUT"])
"""Methods that do the same twice as once (RFC 9110, section 9.2.2)."""
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
    """What came back; the body is decoded, without a byte order mark, and the names of the headers are found in any
    case."""

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


class Client:
    """Keeps its connections; may be used by several threads at once."""

    def __init__(
        self, addresses: Callable[[str, int], list[str]], *, verify: bool = True, ca_file: str | None = None
    ) -> None:
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)  # below that they write addresses with their query
        trust, network = _trust(verify, ca_file), Network(addresses)
        self._pool = httpcore.ConnectionPool(ssl_context=trust, network_backend=network, max_connections=100)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def exchange(self, call: Call, limits: Limits) -> Answer:
        """Send a call once and return what came back, whatever its status; raise ConnectorError and Ended.

        What is raised below holds the request, so it ends here, and no error is raised while another is handled.
        """
        exchange = Exchange(limits.seconds)
        found: Answer | ConnectorError
        try:
            with used(exchange), current().interrupting(exchange.cut):
                found = self._sent(call, limits, exchange)
        except ConnectorError as error:
            found = ConnectorError(error.error_class, error.message, error.help)
        except TooLarge:
            found = ConnectorError("data", f"{call.name}: the answer is larger than {limits.size_name}")
        except Damaged as error:
            found = ConnectorError(error.error_class, f"{call.name}: {error}")
        except httpcore.TimeoutException:
            found = ConnectorError("timeout", f"{call.name}: no whole answer within {limits.seconds:g} s")
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            found = ConnectorError("connection", f"{call.name}: {_reason(error, httpx.URL(call.url))}")
        except (httpx.InvalidURL, OSError, ValueError, RuntimeError):
            found = ConnectorError("connection", f"{call.name}: the request could not be made")
        if isinstance(found, ConnectorError):
            raise found
        return found

    def _sent(self, call: Call, limits: Limits, exchange: Exchange) -> Answer:
        """Send it over the next connection as long as one that was kept turns out to have been closed meanwhile."""
        while True:
            try:
                return self._once(call, limits)
            except (httpcore.NetworkError, httpcore.RemoteProtocolError):
                if not exchange.is_stale or call.method not in REPEATABLE:
                    raise

    def _once(self, call: Call, limits: Limits) -> Answer:
        """Send it past httpx's client, which would follow what an answer says of users, cookies and redirects."""
        request = httpx.Request(call.method, call.url, headers={**_HEADERS, **call.headers}, content=call.content)
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        with self._pool.stream(call.method, target, headers=request.headers.raw, content=call.content) as answer:
            headers = httpx.Headers(answer.headers)
            coding = headers.get("content-encoding", "").strip().lower()
            content = whole(answer.iter_stream(), coding, limits.size)
            return Answer(call.name, answer.status, headers, content.removeprefix(codecs.BOM_UTF8))


def _trust(verify: bool, ca_file: str | None) -> ssl.SSLContext:
    if not verify or ca_file is None:
        return httpx.create_ssl_context(verify=verify, trust_env=False)
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise ConnectorError("connection", f"`{ca_file}` holds no certificates", "it is the option `ca_file`") from None


def _reason(error: Exception, url: httpx.URL) -> str:
    """Say why a request failed in words of our own: httpx's may quote the address with its query."""
    text = str(error).lower()
    if isinstance(error, httpcore.ConnectError):
        where = f"`{url.host}`, port {url.port or {'http': 80}.get(url.scheme, 443)},"
        known = {"certificate": "has a certificate that is not trusted", "refused": "refused the connection"}
        return next((f"{where} {what}" for word, what in known.items() if word in text), f"{where} cannot be reached")
    if isinstance(error, (httpcore.NetworkError, httpcore.RemoteProtocolError)):
        return "the connection broke off"
    return "the request could not be made"
