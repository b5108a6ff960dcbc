"""Spans and measurements as OTLP over HTTP, in protobuf.

OpenTelemetry's messages alone are used: its SDK and exporters read variables of the environment, follow redirects, use
proxies and log (ADR 0024).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from firn_runtime.observe.delivery import Undelivered
from firn_runtime.observe.receiver import Receiver

if TYPE_CHECKING:
    from firn_runtime.observe.spans import Scalar

_TYPE = "application/x-protobuf"


class Origin(NamedTuple):
    """Who speaks: the version of the runtime, and the attributes of the resource."""

    version: str
    attributes: "Mapping[str, Scalar]"


class Signal(NamedTuple):
    """One kind of telemetry."""

    path: str
    request: Callable[[Origin, list[Any]], bytes]
    refused: Callable[[bytes], int]
    """Takes an answer that says yes; returns how many the receiver has left out all the same."""


class OtlpCarrier:
    """Sends one kind of telemetry: `traces` or `metrics`."""

    def __init__(self, endpoint: object, origin: Origin, signal: str) -> None:
        self._receiver, self._origin, self._signal = Receiver(endpoint, "otlp_endpoint"), origin, signal

    def deliver(self, messages: list[Any]) -> None:
        """Send spans that ended, or measurements; raise Undelivered."""
        try:
            from firn_runtime.observe.otlp_messages import SIGNALS
        except ImportError:
            raise Undelivered("the extra `firn-runtime[otel]` is not installed") from None
        signal = SIGNALS[self._signal]
        answer = self._receiver.post(signal.path, signal.request(self._origin, messages), _TYPE)
        if refused := signal.refused(answer):
            raise Undelivered(f"the receiver refused {refused:,} of {len(messages):,}")

    def close(self) -> None:
        """Let go of the connection."""
        self._receiver.close()
