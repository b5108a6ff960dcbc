"""Which telemetry a run sends, and where: settled from the artifact and the snapshot of the environment.

Nothing else in the environment has a say: the endpoints are the platform's.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from firn_runtime import __version__
from firn_runtime.building import absolute
from firn_runtime.observe.datasets import SETTINGS, Dataset, System, dataset
from firn_runtime.observe.sinks import Sink, Sinks, sink
from firn_runtime.resolve import Scope, Unresolved
from firn_schemas.artifact import Flow, Observability, Payload, Resource
from firn_schemas.base import Json
from firn_schemas.connectors import CONNECTORS

Scalar = str | int | float | bool


class Told(NamedTuple):
    """What telemetry is made of."""

    name: str
    flow: Flow
    payload: Payload
    digest: str
    environ: Mapping[str, str]
    base: Path
    clean: Callable[[str], str]
    """Masks secrets in a text, and leaves none in it that UTF-8 cannot spell."""

    @property
    def attributes(self) -> dict[str, Scalar]:
        """Return what the artifact says of every span and event."""
        asked = self.flow.observability
        assert asked is not None
        settled = {self.clean(key): self.settled(value) for key, value in asked.attributes.items()}
        known = {key: value for key, value in settled.items() if isinstance(value, Scalar)}
        return {key: self.clean(value) if isinstance(value, str) else value for key, value in known.items()}

    def settled(self, value: Json) -> Any:
        """Return a value of the artifact; None where it cannot be told before the run."""
        try:
            return Scope(self.environ, {}).resolve(value)
        except Unresolved:
            return None


def telemetry(told: Told, warn: Callable[[str], object]) -> Sinks | None:
    """Return the listener that sends what the artifact asks for; None where there is nothing to send, or no place."""
    asked = told.flow.observability
    sinks = list(_sinks(told, asked)) if asked is not None else []
    return Sinks(sinks, warn) if sinks else None


def _sinks(told: Told, asked: Observability) -> Iterator[Sink]:
    if asked.otlp_endpoint is not None and (asked.traces or asked.metrics):
        yield from _opentelemetry(told, asked, told.settled(asked.otlp_endpoint))
    if asked.lineage_endpoint is not None and asked.lineage:
        yield _openlineage(told, told.settled(asked.lineage_endpoint))


def _opentelemetry(told: Told, asked: Observability, endpoint: Any) -> Iterator[Sink]:
    from firn_runtime.observe.identities import caller
    from firn_runtime.observe.otlp import Origin, OtlpCarrier

    origin = Origin(__version__, _resource(told) | told.attributes)
    if asked.traces:
        from firn_runtime.observe.spans import Spans

        types = {(job.id, step.id): step.type for job in told.flow.jobs for step in job.steps}
        spans = Spans(types, caller(told.environ.get("TRACEPARENT")))
        yield sink("OpenTelemetry spans", spans, OtlpCarrier(endpoint, origin, "traces"))
    if asked.metrics:
        from firn_runtime.observe.measures import Measures

        yield sink("OpenTelemetry metrics", Measures(), OtlpCarrier(endpoint, origin, "metrics"))


def _resource(told: Told) -> dict[str, Scalar]:
    """Return the attributes of the resource that the artifact's own may replace."""
    return {
        "service.name": told.name,
        "service.version": told.flow.version,
        "deployment.environment.name": told.payload.environment,
        "firn.flow.name": told.name,
        "firn.artifact.digest": told.digest,
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "firn",
        "telemetry.sdk.version": __version__,
    }


def _openlineage(told: Told, endpoint: Any) -> Sink:
    from firn_runtime.observe.lineage import Lineage, LineageCarrier, LineageOf
    from firn_runtime.observe.lineage_io import StepsIo

    flow, clean = told.flow, cache(told.clean)
    tags = {"firn.artifact.digest": told.digest, "firn.flow.version": flow.version} | told.attributes
    lineage = Lineage(
        LineageOf(
            namespace=told.payload.environment,
            version=__version__,
            tags={key: _spelled(value) for key, value in tags.items()},
            step=StepsIo(flow, _locator(told, clean), clean),
            columns=flow.governance is None or flow.governance.emit_lineage is not False,
            description=clean(flow.description or ""),
            owner=clean(flow.owner or ""),
        )
    )
    return sink(
        "OpenLineage events",
        lambda event: [orjson.dumps(one) for one in lineage(event)],
        LineageCarrier(endpoint),
    )


def _spelled(value: object) -> str:
    """Return an attribute as text; a truth value is spelled as its file spells it."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _locator(told: Told, clean: Callable[[str], str]) -> Callable[[str, Json], Dataset | None]:
    """Return what names the dataset at a place of a resource."""
    systems = {name: _system(told, told.payload.resources[key]) for name, key in told.flow.resources.items()}

    def locate(resource: str, place: Json) -> Dataset | None:
        system, shown = systems.get(resource), _shown(told, place)
        found = dataset(system, shown) if system is not None and shown is not None else None
        return Dataset(*map(clean, found)) if found is not None else None

    return locate


def _system(told: Told, resource: Resource) -> System:
    kind, driver = resource.kind, resource.driver
    known = {key: str(shown) for key in SETTINGS if (shown := _shown(told, resource.config.get(key))) is not None}
    row = CONNECTORS.get((kind, driver))
    return System(kind, driver, absolute(row.config, known, told.base) if row is not None else known)


def _shown(told: Told, value: Json) -> str | None:
    """Return a value of the artifact as text, `*` for what only the run knows; None where it cannot be told."""
    if isinstance(value, dict) and "$concat" in value:
        parts = value["$concat"]
        shown = [_shown(told, part) for part in parts] if isinstance(parts, list) else []
        return "".join("*" if part is None else part for part in shown)
    settled = told.settled(value)
    return str(settled) if isinstance(settled, str | int) else None
