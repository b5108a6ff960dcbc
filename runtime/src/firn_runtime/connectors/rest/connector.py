"""An HTTP API that answers JSON: read page by page, and asked single requests.

No message holds a header, a query or a body.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from firn_runtime.connector import ConnectorBase, ReadContext, Rows
from firn_runtime.connectors.credentials.identity import Machine
from firn_runtime.connectors.http.client import Answer, Call
from firn_runtime.connectors.rest.asking import SUCCESS, Asking, lower, refusal
from firn_runtime.connectors.rest.credentials import Carried
from firn_runtime.connectors.rest.pagination import Place, placed
from firn_runtime.connectors.rest.reading import Source, fetched
from firn_runtime.connectors.rest.records import record_rows
from firn_runtime.connectors.rest.types import Types
from firn_runtime.connectors.values.projection import engine_types, projected
from firn_runtime.engine import Relation
from firn_runtime.errors import ConnectorError
from firn_schemas.base import Json
from firn_schemas.connectors.rest import RestConfig, RestOptions
from firn_schemas.credentials import ServiceAccountCredentials
from firn_schemas.steps.data import ReadInputs
from firn_schemas.steps.messages import HttpInputs
from firn_schemas.steps.requests import Request

if TYPE_CHECKING:
    from firn_runtime.probing import Seen, Use

_JSON = {"content-type": "application/json"}
_TEXT = {"content-type": "text/plain; charset=utf-8"}


class RestApi(ConnectorBase[RestConfig, RestOptions]):
    """One API; the client keeps its connections for the whole run."""

    @property
    def ambient(self) -> Sequence[str]:
        """Name the variables by which a pod says who it is, to a workload identity alone."""
        found = self.config.credentials
        if not isinstance(found, ServiceAccountCredentials):
            return ()
        from firn_runtime.connectors.credentials.service_account import PROVIDERS

        return PROVIDERS[found.provider].ambient

    def connect(self) -> None:
        """Check the settings; nothing is sent before the first request."""
        machine = Machine(self.inherited, self.base_dir, self.facts.learn)
        self.asking = Asking(self.config, self.options, self.options.ca_file, machine)

    def close(self) -> None:
        """Close the connections."""
        if hasattr(self, "asking"):
            self.asking.close()

    def probe(self, uses: "Sequence[Use]") -> "Iterator[Seen]":
        """Ask for the head of `base_url` with the credentials; whatever it answers but 401 and 403 is an answer."""
        from firn_runtime.probing import Seen

        del uses
        try:
            self.connect()
            carried, refused = self._known()
            answer = self.asking.exchange(Call("HEAD", self.config.base_url), carried)
        finally:
            self.close()
        scheme, host, port = self.asking.origin
        proof = " with a certificate that is trusted" if self.options.verify else "; its certificate is not verified"
        said = f"`{host}`, port {port}, answers" + (proof if scheme == "https" else " without TLS")
        if answer.status >= 500 and answer.status != 501:  # 501 says that HEAD is not known here, as 405 does
            yield Seen("connection", "warning", f"{said}, with HTTP {answer.status}", "look at the server's log")
        else:
            yield Seen("connection", "ok", said)
        if refused is None and answer.status in (401, 403):
            refused = refusal(answer.name, answer)
        if refused is not None:
            yield Seen("login", "failed", refused.message, refused.help)
        elif any(carried):
            yield Seen("login", "ok", f"the credentials were not refused (HTTP {answer.status})")

    def read(self, inputs: ReadInputs, context: ReadContext) -> Rows:
        """Fetch every page, keep its records, and let the engine read them; a bound goes to `incremental.param`."""
        request = inputs.request or (Request(path=inputs.path) if inputs.path is not None else None)
        if request is None:
            raise ConnectorError("data", "an API is read by `path` or `request`")
        bound = context.bound.value if context.bound is not None else None
        params = self._params(request, inputs.incremental.param if inputs.incremental else None, bound)
        source = Source(
            request=request,
            identity=self._identity(request, params),
            ask=lambda place: self.asking.ask(self._call(request, params, place), repeatable=True),
            settle=lambda place, before: self._settled(place, before.address or self.asking.below_base(request.path)),
            at_once=self.options.max_concurrency,
        )
        told = engine_types(context.session, inputs.schema or {})
        pages, types = fetched(source, context.scratch, lambda: Types(told, inputs.columns))
        if not types.columns():
            raise ConnectorError(
                "data", "the API gave no records, so their columns are unknown", "say them with `schema:`"
            )
        rows = record_rows(pages.spool, pages.longest, types)
        return Rows(Relation(projected(rows, inputs.columns)), pages.bytes)

    def request(self, inputs: HttpInputs) -> Answer:
        """Make one request and return its answer; raise ConnectorError for a status that is not expected."""
        kind = {} if inputs.body is None else _TEXT if isinstance(inputs.body, str) else _JSON
        content = inputs.body.encode() if isinstance(inputs.body, str) else _content(inputs.body)
        key = {} if inputs.idempotency_key is None else {"idempotency-key": inputs.idempotency_key}
        headers = kind | lower(inputs.headers) | key
        call = Call(inputs.method, self.asking.below_base(inputs.path), inputs.params, headers, content)
        wanted = [inputs.expect_status] if isinstance(inputs.expect_status, int) else inputs.expect_status
        return self.asking.ask(call, SUCCESS if wanted is None else wanted, repeatable=bool(key))

    def _known(self) -> tuple[Carried, ConnectorError | None]:
        """Return what a request carries, or why there is no token."""
        try:
            return self.asking.login.carried(), None
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
        address = self.asking.below_base(request.path)
        if place.address is not None:
            address, params = place.address, {}
        query = params if in_body else {**params, **place.params}
        return Call(request.method, address, query, kind | lower(request.headers), _content(body))

    def _identity(self, request: Request, params: Mapping[str, Any]) -> str:
        """Return what tells a request from every other: pages are kept under its digest."""
        pagination = request.pagination and vars(request.pagination)
        whole = [
            self.config.base_url,
            self.config.headers,
            vars(request) | {"params": params, "pagination": pagination},
        ]
        return orjson.dumps(whole, option=orjson.OPT_SORT_KEYS).decode()

    def _settled(self, place: Place, before: str) -> Place:
        """Return the place of a page with its whole address, which must not lead elsewhere."""
        if place.address is None:
            return place
        return place._replace(address=self.asking.without_key(self.asking.joined(before, place.address)))


def _content(body: Json) -> bytes | None:
    return None if body is None else orjson.dumps(body)
