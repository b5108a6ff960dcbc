"""An HTTP API that answers JSON: read page by page, and asked single requests.

Credentials go to the host of `base_url` alone. Redirects and next links that lead elsewhere are refused. No message
holds a header, a query or a body.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import orjson

from firn_runtime.connector import ConnectorBase, Rows
from firn_runtime.connectors.projection import projected
from firn_runtime.connectors.rest_addresses import addresses
from firn_runtime.connectors.rest_client import Answer, Call, Client, Limits
from firn_runtime.connectors.rest_credentials import Carried, login
from firn_runtime.connectors.rest_pace import LONGEST_PAUSE, MOST_PAUSES, Pace, asked_to_wait
from firn_runtime.connectors.rest_pagination import Place, placed
from firn_runtime.connectors.rest_reading import Source, fetched
from firn_runtime.connectors.rest_types import Types, columns_literal
from firn_runtime.engine import Relation, Session, literal
from firn_runtime.errors import ConnectorError, ErrorClass
from firn_schemas.base import Json
from firn_schemas.connectors.rest import RestConfig, RestOptions
from firn_schemas.steps.data import ReadInputs
from firn_schemas.steps.messages import HttpInputs
from firn_schemas.steps.requests import Request

if TYPE_CHECKING:
    from firn_runtime.probing import Seen, Use

MAX_REDIRECTS = 5
_JSON = {"content-type": "application/json"}
_TEXT = {"content-type": "text/plain; charset=utf-8"}
_REPEATABLE = frozenset(["DELETE", "GET", "HEAD", "PUT"])
"""Methods that do the same twice as once (RFC 9110, section 9.2.2)."""
_SUCCESS = range(200, 300)
_STATUS: dict[int, tuple[ErrorClass, str]] = {
    401: ("auth", "check the resource's credentials"),
    403: ("auth", "the credentials are not allowed to do this"),
    404: ("data", "check the path"),
    405: ("data", "check the method"),
    408: ("timeout", ""),
    409: ("conflict", ""),
    429: ("rate_limited", "set the resource's `rate_limit`"),
}


class RestApi(ConnectorBase[RestConfig, RestOptions]):
    """One API; the client keeps its connections for the whole run."""

    def connect(self) -> None:
        """Check the address; nothing is sent before the first request."""
        self.base = self.config.base_url.rstrip("/") + "/"
        origin = urlsplit(self.base)
        if origin.scheme not in ("http", "https") or not origin.hostname or origin.username or origin.password:
            raise ConnectorError("data", "`base_url` must be `http://host` or `https://host`, without a user")
        options = self.options
        ca_file = str(self.base_dir / options.ca_file) if options.ca_file else None
        self.client = Client(self._addresses, verify=options.verify, ca_file=ca_file)
        self.pace = Pace(options.rate_limit, options.max_concurrency)
        self.login = login(self.config, self.client.exchange, options.timeout)

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
            carried, refused = self._known()
            answer = self._exchange(Call("HEAD", self.config.base_url), carried)
        finally:
            self.close()
        scheme, host, port = _origin(self.base)
        proof = " with a certificate that is trusted" if self.options.verify else "; its certificate is not verified"
        said = f"`{host}`, port {port}, answers" + (proof if scheme == "https" else " without TLS")
        if answer.status >= 500:
            yield Seen("connection", "warning", f"{said}, with HTTP {answer.status}", "look at the server's log")
        else:
            yield Seen("connection", "ok", said)
        if refused is None and answer.status in (401, 403):
            refused = _refusal(answer.name, answer)
        if refused is not None:
            yield Seen("login", "failed", refused.message, refused.help)
        elif any(carried):
            yield Seen("login", "ok", f"the credentials were not refused (HTTP {answer.status})")

    def read(self, inputs: ReadInputs, session: Session, scratch: Path, bound: str | None = None) -> Rows:
        """Fetch every page, keep its records, and let the engine read them; `bound` goes to `incremental.param`."""
        del session
        request = inputs.request or (Request(path=inputs.path) if inputs.path is not None else None)
        if request is None:
            raise ConnectorError("data", "an API is read by `path` or `request`")
        params = self._params(request, inputs.incremental.param if inputs.incremental else None, bound)

        source = Source(
            request=request,
            identity=self._identity(request, params),
            ask=lambda place: self._ask(self._call(request, params, place)),
            settle=lambda place, before: self._settled(place, before.address or self._below_base(request.path)),
            at_once=self.options.max_concurrency,
        )
        pages, types = fetched(source, scratch, lambda: Types(inputs.schema, inputs.columns))
        columns = types.columns()
        if not columns:
            raise ConnectorError(
                "data", "the API gave no records, so their columns are unknown", "say them with `schema:`"
            )
        largest = max(1024 * 1024, 2 * pages.longest)
        scan = (
            f"read_json({literal(str(pages.spool))}, format = 'newline_delimited', compression = 'uncompressed', "
            f"maximum_object_size = {largest}, columns = {columns_literal(columns)})"
        )
        return Rows(Relation(projected(scan, inputs.columns)), pages.bytes)

    def request(self, inputs: HttpInputs) -> Answer:
        """Make one request and return its answer; raise ConnectorError for a status that is not expected."""
        kind = {} if inputs.body is None else _TEXT if isinstance(inputs.body, str) else _JSON
        content = inputs.body.encode() if isinstance(inputs.body, str) else _content(inputs.body)
        key = {} if inputs.idempotency_key is None else {"idempotency-key": inputs.idempotency_key}
        headers = kind | _lower(inputs.headers) | key
        call = Call(inputs.method, self._below_base(inputs.path), inputs.params, headers, content)
        wanted = [inputs.expect_status] if isinstance(inputs.expect_status, int) else inputs.expect_status
        return self._ask(call, _SUCCESS if wanted is None else wanted, repeatable=bool(key))

    def _known(self) -> tuple[Carried, ConnectorError | None]:
        """Return what a request carries, or why there is no token."""
        try:
            return self.login.carried(), None
        except ConnectorError as error:
            return Carried(), error

    def _params(self, request: Request, param: str | None, bound: str | None) -> Mapping[str, Any]:
        """Return the query of every page that is asked for by parameters."""
        return request.params | ({param: bound} if param and bound is not None else {})

    def _call(self, request: Request, params: Mapping[str, Any], place: Place) -> Call:
        """Return what asks for one page. An address that the API gave holds the whole query."""
        in_body = getattr(request.pagination, "in_", "query") == "body"
        body = placed(request.body, place.params) if in_body else request.body
        kind = {} if body is None else _JSON
        address = self._below_base(request.path)
        if place.address is not None:
            address, params = self._same_origin(place.address), {}
        query = params if in_body else {**params, **place.params}
        return Call(request.method, address, query, kind | _lower(request.headers), _content(body))

    def _identity(self, request: Request, params: Mapping[str, Any]) -> str:
        """Return what tells a request from every other: pages are kept under its digest."""
        pagination = request.pagination and vars(request.pagination)
        whole = [self.base, self.config.headers, vars(request) | {"params": params, "pagination": pagination}]
        return orjson.dumps(whole, option=orjson.OPT_SORT_KEYS).decode()

    def _ask(self, call: Call, wanted: Container[int] = _SUCCESS, *, repeatable: bool = False) -> Answer:
        """Return an answer of a status that is wanted; raise ConnectorError of the class that the failure has.

        Redirects on the same host are followed, where the method allows it, pauses are kept, and a token that was
        refused is renewed once.
        """
        pauses = redirects = 0
        renewed = False
        while True:
            carried = self.login.carried()
            with self.pace.turn():
                answer = self._exchange(call, carried)
            if answer.status in wanted:
                return answer
            if answer.status == 401 and not renewed and self.login.renew(carried):
                renewed = True
            elif _leads_on(call.method, answer.status):
                redirects += 1
                if redirects > MAX_REDIRECTS:
                    raise ConnectorError("data", f"{call.name}: more than {MAX_REDIRECTS} redirects")
                address = self._same_origin(urljoin(call.address, answer.headers.get("location", "")))
                call = call._replace(address=self._without_key(address), params={})
            elif pauses < MOST_PAUSES and self._pauses(call, answer, repeatable=repeatable):
                pauses += 1
            else:
                raise _refusal(call.name, answer)

    def _pauses(self, call: Call, answer: Answer, *, repeatable: bool) -> bool:
        """Say whether the API asks for a pause that is short enough, and hold everybody off until then.

        After 503 the request may have been done: only one that may be done twice is made again.
        """
        again = answer.status == 429 or (answer.status == 503 and (repeatable or call.method in _REPEATABLE))
        seconds = asked_to_wait(answer.headers) if again else None
        if seconds is None or seconds > LONGEST_PAUSE:
            return False
        self.pace.pause(seconds)
        return True

    def _exchange(self, call: Call, carried: Carried) -> Answer:
        headers = _lower(self.config.headers) | dict(call.headers) | _lower(carried.headers)
        call = call._replace(headers=headers, params={**call.params, **carried.params})
        return self.client.exchange(call, Limits(self.options.timeout, self.options.max_response_bytes))

    def _addresses(self, host: str, port: int) -> list[str]:
        return addresses(host, port, allow_private=self.options.allow_private_hosts)

    def _below_base(self, path: str) -> str:
        return self._same_origin(urljoin(self.base, path.lstrip("/")))

    def _same_origin(self, address: str) -> str:
        if _origin(address) != _origin(self.base):
            raise ConnectorError("data", "the API leads to another host", "only the host of `base_url` is asked")
        return address

    def _without_key(self, address: str) -> str:
        """Return an address without the API's key: it is set again for each request, and kept nowhere."""
        if self.config.api_key is None or self.config.api_key_in == "header":
            return address
        parts = urlsplit(address)
        rest = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != self.config.api_key_name]
        return parts._replace(query=urlencode(rest)).geturl()

    def _settled(self, place: Place, before: str) -> Place:
        """Return the place of a page with its whole address, which must not lead elsewhere."""
        if place.address is None:
            return place
        return place._replace(address=self._without_key(self._same_origin(urljoin(before, place.address))))


def _content(body: Json) -> bytes | None:
    return None if body is None else orjson.dumps(body)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    """Names of headers have no case: what comes later wins however it is spelled."""
    return {name.lower(): value for name, value in headers.items()}


def _leads_on(method: str, status: int) -> bool:
    """Say whether a redirect asks for the same again elsewhere; others would turn a POST into a GET."""
    return status in (307, 308) or (status in (301, 302, 303) and method in ("GET", "HEAD"))


def _refusal(name: str, answer: Answer) -> ConnectorError:
    error_class, help = _STATUS.get(answer.status, ("server_error" if answer.status >= 500 else "data", ""))
    seconds = asked_to_wait(answer.headers)
    after = f", to be tried again after {seconds:.0f} s" if seconds is not None else ""
    return ConnectorError(error_class, f"{name}: the API answered {answer.status}{after}", help)


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
