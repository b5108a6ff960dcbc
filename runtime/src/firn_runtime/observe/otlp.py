"""Spans and measurements as OTLP over HTTP, in protobuf.

OpenTelemetry's messages alone are used: its SDK and exporters read variables of the environment, follow redirects, use
proxies and log (ADR 0024).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from firn_runtime.observe.delivery import Undelivered
from firn_runtime.observe.receiver import Receiver, address

if TYPE_CHECKING:
    from firn_runtime.observe.measures import Point
    from firn_runtime.observe.spans import Scalar, Span

_TYPE = "application/x-protobuf"


class Origin(NamedTuple):
    """Who speaks: the version of the runtime, and the attributes of the resource."""

    version: str
    attributes: "Mapping[str, Scalar]"


class Otlp:
    """Sends to one endpoint, for one thread. Its methods raise Undelivered."""

    def __init__(self, endpoint: object, origin: Origin) -> None:
        self._endpoint, self._origin = endpoint, origin
        self._receiver: Receiver | None = None

    def spans(self, spans: "Sequence[Span]") -> None:
        """Send spans that ended."""
        try:
            from firn_runtime.observe import otlp_messages as messages
        except ImportError:
            raise _missing() from None
        answer = self._post("/v1/traces", messages.spans_request(self._origin, spans))
        _all_taken(messages.refused_spans(answer), "spans")

    def points(self, points: "Sequence[Point]") -> None:
        """Send measurements."""
        try:
            from firn_runtime.observe import otlp_messages as messages
        except ImportError:
            raise _missing() from None
        answer = self._post("/v1/metrics", messages.points_request(self._origin, points))
        _all_taken(messages.refused_points(answer), "measurements")

    def _post(self, path: str, content: bytes) -> bytes:
        if self._receiver is None:
            self._receiver = Receiver(address(self._endpoint, "otlp_endpoint"))
        return self._receiver.post(path, content, _TYPE)


def _missing() -> Undelivered:
    return Undelivered("the extra `firn-runtime[otel]` is not installed")


def _all_taken(refused: int, what: str) -> None:
    if refused:
        raise Undelivered(f"the receiver refused {refused:,} {what}")
