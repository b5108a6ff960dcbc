"""Spans and measurements as OpenTelemetry's protobuf messages. The one door to them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_DELTA,
    HistogramDataPoint,
    NumberDataPoint,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric as MetricMessage
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from firn_runtime.observe.measures import BOUNDS, Metric, Point, Spread
from firn_runtime.observe.otlp import Origin, Signal
from firn_runtime.observe.spans import Note, Scalar, Span

_STATUS = {"SUCCESS": Status.STATUS_CODE_OK, "FAILED": Status.STATUS_CODE_ERROR}
"""What was skipped or blocked has none."""


def spans_request(origin: Origin, spans: Sequence[Span]) -> bytes:
    """Return an ExportTraceServiceRequest."""
    request = ExportTraceServiceRequest()
    whole = request.resource_spans.add(resource=_resource(origin))
    whole.scope_spans.add(scope=_scope(origin), spans=map(_span, spans))
    return bytes(request.SerializeToString())


def points_request(origin: Origin, points: Sequence[Point]) -> bytes:
    """Return an ExportMetricsServiceRequest; points of one metric stand side by side."""
    request = ExportMetricsServiceRequest()
    whole = request.resource_metrics.add(resource=_resource(origin))
    metrics = (_metric(metric, list(group)) for metric, group in groupby(points, attrgetter("metric")))
    whole.scope_metrics.add(scope=_scope(origin), metrics=metrics)
    return bytes(request.SerializeToString())


def refused_spans(answer: bytes) -> int:
    """Return how many spans a receiver that said yes has left out."""
    response = ExportTraceServiceResponse()
    return response.partial_success.rejected_spans if _read(response, answer) else 0


def refused_points(answer: bytes) -> int:
    """Return how many measurements a receiver that said yes has left out."""
    response = ExportMetricsServiceResponse()
    return response.partial_success.rejected_data_points if _read(response, answer) else 0


def _read(response: ExportTraceServiceResponse | ExportMetricsServiceResponse, answer: bytes) -> bool:
    try:
        response.ParseFromString(answer)
    except DecodeError:
        return False  # it said yes; what else it said is its own affair
    return True


def _resource(origin: Origin) -> Resource:
    return Resource(attributes=_attributes(origin.attributes))


def _scope(origin: Origin) -> InstrumentationScope:
    return InstrumentationScope(name="firn", version=origin.version)


def _span(span: Span) -> SpanMessage:
    return SpanMessage(
        trace_id=span.trace,
        span_id=span.id,
        parent_span_id=span.parent,
        name=span.name,
        kind=SpanMessage.SPAN_KIND_INTERNAL,
        start_time_unix_nano=span.start,
        end_time_unix_nano=span.end,
        attributes=_attributes(span.attributes),
        events=map(_event, span.notes),
        status=Status(code=_STATUS.get(span.status or "", Status.STATUS_CODE_UNSET), message=_text(span.message)),
    )


def _event(note: Note) -> SpanMessage.Event:
    return SpanMessage.Event(time_unix_nano=note.time, name=note.name, attributes=_attributes(note.attributes))


def _metric(metric: Metric, points: Sequence[Point]) -> MetricMessage:
    message = MetricMessage(name=metric.name, unit=metric.unit, description=metric.description)
    if isinstance(points[0].value, Spread):
        message.histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_DELTA
        message.histogram.data_points.extend(_histogram(one, one.value) for one in points if type(one.value) is Spread)
        return message
    message.sum.aggregation_temporality, message.sum.is_monotonic = AGGREGATION_TEMPORALITY_DELTA, True
    message.sum.data_points.extend(_number(one, one.value) for one in points if type(one.value) is int)
    return message


def _number(point: Point, value: int) -> NumberDataPoint:
    return NumberDataPoint(
        attributes=_attributes(dict(point.attributes)),
        start_time_unix_nano=point.start,
        time_unix_nano=point.end,
        as_int=value,
    )


def _histogram(point: Point, value: Spread) -> HistogramDataPoint:
    return HistogramDataPoint(
        attributes=_attributes(dict(point.attributes)),
        start_time_unix_nano=point.start,
        time_unix_nano=point.end,
        count=value.number,
        sum=value.total,
        min=value.least,
        max=value.most,
        explicit_bounds=BOUNDS,
        bucket_counts=value.buckets,
    )


def _attributes(values: Mapping[str, Scalar]) -> Iterable[KeyValue]:
    return [KeyValue(key=_text(key), value=_value(value)) for key, value in values.items()]


def _value(value: Scalar) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(string_value=_text(str(value)))


def _text(text: str) -> str:
    """Return the text without what UTF-8 cannot spell."""
    return text.encode(errors="replace").decode()


SIGNALS = {
    "metrics": Signal("/v1/metrics", points_request, refused_points),
    "traces": Signal("/v1/traces", spans_request, refused_spans),
}
"""By their names in `observability`."""
