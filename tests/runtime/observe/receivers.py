"""Receivers of telemetry on the loopback address, and the flow of which they hear."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from runtime.connectors.server import Answer, Asked, serving

Found = dict[str, Any]


class Heard:
    """What a receiver was sent."""

    def __init__(self, url: str, asked: Sequence[Asked]) -> None:
        self.url, self._asked = url, asked

    def bodies(self, path: str) -> list[bytes]:
        return [one.body for one in self._asked if one.path == path]

    @property
    def requests(self) -> list["Heard"]:
        """What each request brought."""
        return [Heard(self.url, [one]) for one in self._asked]

    @property
    def everything(self) -> bytes:
        """All that was sent: as it came, and decoded."""
        raw = [one.body for one in self._asked] + [str(one._replace(body=b"")).encode() for one in self._asked]
        spans = [MessageToJson(ExportTraceServiceRequest.FromString(one)) for one in self.bodies("/v1/traces")]
        points = [MessageToJson(ExportMetricsServiceRequest.FromString(one)) for one in self.bodies("/v1/metrics")]
        lineage = [str(one) for one in self.lineage]
        return b"\n".join([*raw, *(text.encode() for text in (*spans, *points, *lineage))])

    @property
    def resources(self) -> list[Found]:
        """The resources' attributes of every request for spans."""
        requests = map(ExportTraceServiceRequest.FromString, self.bodies("/v1/traces"))
        return [attributes(whole.resource.attributes) for request in requests for whole in request.resource_spans]

    @property
    def spans(self) -> dict[str, Any]:
        """Spans by their name; each name once."""
        requests = map(ExportTraceServiceRequest.FromString, self.bodies("/v1/traces"))
        found = [
            span
            for request in requests
            for whole in request.resource_spans
            for scope in whole.scope_spans
            for span in scope.spans
        ]
        assert len({one.span_id for one in found}) == len(found)
        return {one.name: one for one in found}

    @property
    def metrics(self) -> dict[str, Any]:
        requests = map(ExportMetricsServiceRequest.FromString, self.bodies("/v1/metrics"))
        return {
            metric.name: metric
            for request in requests
            for whole in request.resource_metrics
            for scope in whole.scope_metrics
            for metric in scope.metrics
        }

    @property
    def lineage(self) -> list[Found]:
        return [orjson.loads(body) for body in self.bodies("/api/v1/lineage")]


def attributes(values: Any) -> Found:
    """Return OpenTelemetry's attributes as a mapping."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in values}


class Seen(NamedTuple):
    """An event of lineage in short."""

    state: str
    job: str


def in_short(events: Sequence[Found]) -> list[Seen]:
    return [Seen(one["eventType"], one["job"]["name"]) for one in events]


@contextmanager
def receiving(reply: Callable[[Asked], Answer] = lambda _: Answer(b"")) -> Iterator[Heard]:
    """Serve both protocols until the block ends."""
    with serving(reply) as api:
        yield Heard(api.url, api.asked)


def observed(url: str, **parts: Any) -> Found:
    """Return an artifact's `observability` that sends everything to one place."""
    asked = {"traces": True, "metrics": True, "lineage": True}
    return asked | {"otlp_endpoint": url, "lineage_endpoint": url} | parts
