"""An HTTP API that answers JSON: pages are fetched one after the other and spooled for the engine to read.

Credentials go to the host of `base_url` alone. Redirects and next links that lead elsewhere are refused. No message
holds a header, a query or a body.
"""

import ipaddress
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import httpx
import orjson

from firn_runtime.cancel import current
from firn_runtime.connector import ConnectorBase, ReadContext, Rows
from firn_runtime.connectors.projection import projected, sql_type
from firn_runtime.connectors.rest_deadline import Deadline
from firn_runtime.connectors.rest_pagination import Page, first, following, records_of
from firn_runtime.engine import Relation, literal
from firn_runtime.errors import ConnectorError, ErrorClass
from firn_schemas.connectors.rest import RestConfig, RestOptions
from firn_schemas.steps.data import ReadInputs, Request

if TYPE_CHECKING:
    from firn_runtime.probing import Seen, Use

MAX_REDIRECTS = 5
_CONTENT_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}")
_LOGGERS = ("httpx", "httpcore")
_STATUS: dict[int, tuple[ErrorClass, str]] = {
    401: ("auth", "check the resource's credentials"),
    403: ("auth", "the credentials are not allowed to see this"),
    404: ("data", "check the path"),
    408: ("timeout", ""),
    409: ("conflict", ""),
    429: ("rate_limited", "set the resource's `rate_limit`"),
}


class RestApi(ConnectorBase[RestConfig, RestOptions]):
    """One API; the client keeps its connections for the whole run."""

    def connect(self) -> None:
        """Check the address and the host; nothing is sent before the first read."""
        self.base = self.config.base_url.rstrip("/") + "/"
        origin = urlsplit(self.base)
        if origin.scheme not in ("http", "https") or not origin.hostname or origin.username or origin.password:
            raise ConnectorError("data", "`base_url` must be `http://host` or `https://host`, without a user")
        self._check_host(origin.hostname, origin.port or (443 if origin.scheme == "https" else 80))
        self.client = httpx.Client(
            headers={"accept": "application/json", "accept-encoding": "gzip, deflate"} | self.config.headers,
            timeout=self.options.timeout,
            verify=self.options.verify,
            trust_env=False,
            follow_redirects=False,
        )
        self.deadline = Deadline()
        self.one_at_a_time = threading.Lock()
        self.last = 0.0
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)  # below that they write addresses with their query

    def close(self) -> None:
        """Close the connections."""
        if hasattr(self, "client"):
            self.client.close()

    def probe(self, uses: "Sequence[Use]") -> "Iterator[Seen]":
        """Ask for the head of `base_url` with the credentials; whatever it answers but 401 and 403 is an answer."""
        from firn_runtime.probing import Seen

        del uses
        try:
            self.connect()
            what = f"HEAD {urlsplit(self.config.base_url).path or '/'}"
            status, headers, _ = self._fetch(what, self.config.base_url, {}, Request(path=""), method="HEAD")
        finally:
            self.close()
        scheme, host, port = _origin(self.base)
        proof = " with a certificate that is trusted" if self.options.verify else "; its certificate is not verified"
        said = f"`{host}`, port {port}, answers" + (proof if scheme == "https" else " without TLS")
        if status >= 500:
            yield Seen("connection", "warning", f"{said}, with HTTP {status}", "look at the server's log")
        else:
            yield Seen("connection", "ok", said)
        if status in (401, 403):
            refused = _refusal(what, status, headers)
            yield Seen("login", "failed", refused.message, refused.help)
        elif any(self._credentials()):
            yield Seen("login", "ok", f"the credentials were not refused (HTTP {status})")

    def _check_host(self, host: str, port: int) -> None:
        """Refuse a name that resolves to a private address, unless the platform allows or spells such an address."""
        if self.options.allow_private_hosts or host == "localhost" or _is_address(host):
            return
        try:
            found = {str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        except OSError:
            raise ConnectorError("connection", f"the host `{host}` cannot be resolved") from None
        if any(not ipaddress.ip_address(address.partition("%")[0]).is_global for address in found):
            help = "the platform allows it with `allow_private_hosts: true`"
            raise ConnectorError("connection", f"the host `{host}` resolves to a private address", help)

    def read(self, inputs: ReadInputs, context: ReadContext) -> Rows:
        """Fetch every page, spool its records as NDJSON, and let the engine read the spool."""
        request = inputs.request or (Request(path=inputs.path) if inputs.path is not None else None)
        if request is None:
            raise ConnectorError("data", "an API is read by `path` or `request`")
        spool = context.scratch / "records.ndjson"
        count = 0
        with spool.open("wb") as file:
            for records in self._pages(request):
                count += len(records)
                file.writelines(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE) for record in records)
        if count == 0 and not inputs.schema:
            raise ConnectorError(
                "data", "the API gave no records, so their columns are unknown", "say them with `schema:`"
            )
        return Rows(Relation(projected(_scan(spool, inputs.schema), inputs.columns)), spool.stat().st_size)

    def _pages(self, request: Request) -> Iterator[list[dict[str, Any]]]:
        pagination = request.pagination
        address = self._same_origin(urljoin(self.base, request.path.lstrip("/")))
        params: Any = request.params | dict(first(pagination))
        asked: set[str] = set()
        limit = pagination.max_pages if pagination else 1
        for number in range(limit + 1):
            if number == limit and pagination:
                raise ConnectorError("data", f"the API has more than {limit} pages", "raise `max_pages`")
            mark = f"{address} {sorted(params.items())}"
            if mark in asked:
                raise ConnectorError("data", "the API repeats a page: its pagination goes in a circle")
            asked.add(mark)
            body, headers = self._get(address, params, request)
            records = records_of(body, request.records)
            yield records
            after = following(pagination, Page(body, headers, len(records), number))
            if after is None:
                return
            if after.address is not None:
                address, params = self._same_origin(urljoin(address, after.address)), {}
            else:
                params = request.params | dict(after.params)

    def _same_origin(self, address: str) -> str:
        if _origin(address) != _origin(self.base):
            raise ConnectorError("data", "the API leads to another host", "only the host of `base_url` is asked")
        return address

    def _get(self, address: str, params: Any, request: Request) -> tuple[Any, Any]:
        """Return one answer's JSON and headers; raise ConnectorError of the class that the failure has."""
        what = f"GET {urlsplit(address).path}"
        for _ in range(MAX_REDIRECTS):
            with self.one_at_a_time:
                self._wait()
                status, headers, content = self._fetch(what, address, params, request)
            if status not in (301, 302, 303, 307, 308):
                break
            address, params = self._same_origin(urljoin(address, headers.get("location", ""))), {}
            what = f"GET {urlsplit(address).path}"
        else:
            raise ConnectorError("data", f"{what}: more than {MAX_REDIRECTS} redirects")
        if not 200 <= status < 300:
            raise _refusal(what, status, headers)
        try:
            return orjson.loads(content), headers
        except orjson.JSONDecodeError:
            kind = _CONTENT_TYPE.match(headers.get("content-type", "").lower())
        named = f"its content type is {kind[0]}" if kind else "it names no content type"
        raise ConnectorError("data", f"{what}: the answer is not JSON; {named}")

    def _fetch(
        self, what: str, address: str, params: Any, request: Request, method: str = "GET"
    ) -> tuple[int, Any, bytes]:
        """Return status, headers and decoded body. What httpx raises holds the request, so it ends here."""
        try:
            with self.deadline.within(self.options.timeout), current().interrupting(self.deadline.cut):
                answer = self._exchange(method, what, address, params, request)
            failure = self._late(what) if self.deadline.expired else None
        except httpx.TimeoutException:
            failure = self._late(what)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            late = self.deadline.expired
            failure = self._late(what) if late else ConnectorError("connection", f"{what}: {_reason(error)}")
        if failure is not None:
            raise failure
        return answer

    def _exchange(self, method: str, what: str, address: str, params: Any, request: Request) -> tuple[int, Any, bytes]:
        headers, query, auth = self._credentials()
        url = httpx.URL(address).copy_merge_params(dict(params) | query)
        extensions = {"trace": self.deadline.trace}
        content = bytearray()
        with self.client.stream(
            method, url, headers=request.headers | headers, auth=auth, extensions=extensions
        ) as answer:
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > self.options.max_response_bytes:
                    raise ConnectorError("data", f"{what}: the answer is larger than `max_response_bytes`")
        return answer.status_code, answer.headers, bytes(content)

    def _late(self, what: str) -> ConnectorError:
        return ConnectorError("timeout", f"{what}: no whole answer within {self.options.timeout:g} s")

    def _credentials(self) -> tuple[dict[str, str], dict[str, str], Any]:
        """Return headers, query parameters and httpx auth; made for each request and kept nowhere."""
        config = self.config
        headers: dict[str, str] = {}
        query: dict[str, str] = {}
        if config.bearer_token is not None:
            headers["authorization"] = f"Bearer {config.bearer_token.reveal()}"
        if config.api_key is not None:
            (headers if config.api_key_in == "header" else query)[config.api_key_name] = config.api_key.reveal()
        password = config.basic_password
        auth = httpx.BasicAuth(config.basic_user or "", password.reveal()) if password is not None else None
        return headers, query, auth

    def _wait(self) -> None:
        """Keep to the resource's rate limit."""
        if self.options.rate_limit:
            pause = self.last + 1 / self.options.rate_limit - time.monotonic()
            if pause > 0:
                current().wait(pause)
            self.last = time.monotonic()


def _scan(spool: Path, schema: dict[str, str] | None) -> str:
    options = "format = 'newline_delimited', maximum_object_size = 67108864, "
    if schema:
        types = ", ".join(f"{literal(name)}: {literal(sql_type(name, text))}" for name, text in schema.items())
        return f"read_json({literal(str(spool))}, {options}columns = {{{types}}})"
    return f"read_json({literal(str(spool))}, {options}sample_size = -1)"


def _refusal(what: str, status: int, headers: Any) -> ConnectorError:
    error_class, help = _STATUS.get(status, ("server_error" if status >= 500 else "data", ""))
    wait = headers.get("retry-after", "")
    after = f", to be tried again after {wait} s" if wait.isdecimal() and len(wait) < 8 else ""
    return ConnectorError(error_class, f"{what}: the API answered {status}{after}", help)


def _reason(error: Exception) -> str:
    """Say why a request failed in words of our own: httpx's may quote the address with its query."""
    text = str(error).lower()
    if isinstance(error, httpx.ConnectError):
        refused = "certificate" if "certificate" in text else "refused" if "refused" in text else ""
        return {"certificate": "the server's certificate is not trusted", "refused": "the connection was refused"}.get(
            refused, "the host cannot be reached"
        )
    if isinstance(error, (httpx.ReadError, httpx.RemoteProtocolError)):
        return "the connection broke off"
    return "the request could not be made"


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
