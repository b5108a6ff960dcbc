"""Events to OpenLineage's: one job for the flow, and one for each step that reads or writes outside of it.

OpenLineage 2-0-2 (openlineage.io/spec/2-0-2/OpenLineage.json), with the facets of that specification alone.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from firn_runtime.events import STOPPED, Event
from firn_runtime.observe.datasets import Dataset
from firn_runtime.observe.delivery import Undelivered
from firn_runtime.observe.identities import Identities
from firn_runtime.observe.lineage_io import StepIo
from firn_runtime.observe.receiver import Receiver
from firn_schemas.base import Json, JsonObject

_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = {
    "columnLineage": ("1-2-0", "ColumnLineageDatasetFacet"),
    "documentation": ("1-1-0", "DocumentationJobFacet"),
    "errorMessage": ("1-0-1", "ErrorMessageRunFacet"),
    "inputStatistics": ("1-0-0", "InputStatisticsInputDatasetFacet"),
    "jobType": ("2-0-4", "JobTypeJobFacet"),
    "outputStatistics": ("1-0-2", "OutputStatisticsOutputDatasetFacet"),
    "ownership": ("1-0-1", "OwnershipJobFacet"),
    "parent": ("1-2-0", "ParentRunFacet"),
    "processing_engine": ("1-1-1", "ProcessingEngineRunFacet"),
    "schema": ("1-2-0", "SchemaDatasetFacet"),
    "sql": ("1-1-0", "SQLJobFacet"),
    "tags": ("1-0-0", "TagsRunFacet"),
}
"""Version and name of each facet's schema."""
_ENDS = {"SUCCESS": "COMPLETE", "SKIPPED": "COMPLETE", "FAILED": "FAIL", "BLOCKED": "ABORT"}


class LineageOf(NamedTuple):
    """What is said of a flow, whatever its runs do."""

    namespace: str
    version: str
    """The runtime's."""
    tags: Mapping[str, str]
    step: Callable[[str, str], StepIo | None]
    """Returns what a step of a job reads and writes, where it is to be told."""
    columns: bool
    """Whether column lineage is sent."""
    description: str = ""
    owner: str = ""


class Lineage:
    """Makes OpenLineage events of those of one session."""

    def __init__(self, of: LineageOf) -> None:
        self._of = of
        self._producer = f"urn:firn:runtime:{of.version}"
        self._ids: Identities | None = None
        self._failure: Event | None = None
        """The first failure of a step or job that came from no stop."""
        self._at_work: dict[tuple[str, str], StepIo] = {}

    def __call__(self, event: Event) -> list[JsonObject]:
        """Return what the event means to those who keep lineage."""
        if event.error is not None and event.name.endswith(".finished") and event.error.code != STOPPED:
            self._failure = self._failure or event
        if event.name == "run.started":
            self._ids = Identities(event)
        if self._ids is None or event.name not in _STATES:
            return []
        if event.name.startswith("run."):
            return [self._of_run(event, self._ids)]
        place = (event.job or "", event.step or "")
        if event.name == "step.started" and (found := self._of.step(*place)) is not None:
            self._at_work[place] = found
        io = self._at_work.get(place) if event.name == "step.started" else self._at_work.pop(place, None)
        return [self._of_step(event, self._ids, place, io)] if io is not None else []

    def _of_run(self, event: Event, ids: Identities) -> JsonObject:
        ended = event.name == "run.finished"
        facets = self._engine() | self._tags(event) | (self._error(self._failure) if ended else {})
        job = self._type("FLOW")
        if self._of.description:
            job |= self._facet("documentation", description=self._of.description)
        if self._of.owner:
            job |= self._facet("ownership", owners=[{"name": self._of.owner}])
        state = self._state(event, stopped=self._failure is None)
        return self._event(event, state, ids.uuid(), facets, event.flow, job)

    def _of_step(self, event: Event, ids: Identities, place: tuple[str, str], io: StepIo) -> JsonObject:
        flow: JsonObject = {
            "run": {"runId": ids.uuid()},
            "job": {"namespace": self._of.namespace, "name": event.flow},
        }
        facets = self._facet("parent", root=flow, **flow) | self._engine() | self._tags(event)
        facets |= self._error(event)
        job = self._type("STEP")
        if io.sql:
            job |= self._facet("sql", query=io.sql, **({"dialect": io.dialect} if io.dialect else {}))
        stopped = event.error is not None and event.error.code == STOPPED
        made = self._event(
            event, self._state(event, stopped=stopped), ids.uuid(*place), facets, ".".join((event.flow, *place)), job
        )
        return made | {"inputs": self._inputs(event, io), "outputs": self._outputs(event, io)}

    def _event(
        self, event: Event, state: str, run: str, facets: JsonObject, name: str, job_facets: JsonObject
    ) -> JsonObject:
        return {
            "eventTime": event.time,
            "eventType": state,
            "producer": self._producer,
            "schemaURL": _SCHEMA,
            "run": {"runId": run, "facets": facets},
            "job": {"namespace": self._of.namespace, "name": name, "facets": job_facets},
            "inputs": [],
            "outputs": [],
        }

    def _state(self, event: Event, *, stopped: bool) -> str:
        if event.name.endswith(".started"):
            return "START"
        return "ABORT" if event.status == "FAILED" and stopped else _ENDS[event.status or "FAILED"]

    def _inputs(self, event: Event, io: StepIo) -> list[Json]:
        """Return the datasets that are read; where it is one, and nothing is written, its columns and counts too."""
        alone = len(io.inputs) == 1 and not io.outputs
        facets = self._schema(io) if alone else {}
        counts = self._counts("inputStatistics", event) if alone else {}
        return [{**_named(one), "facets": facets, "inputFacets": counts} for one in io.inputs]

    def _outputs(self, event: Event, io: StepIo) -> list[Json]:
        facets = self._schema(io)
        if io.lineage and self._of.columns:
            fields: JsonObject = {
                column: {"inputFields": [{**_named(one.dataset), "field": one.column} for one in sources]}
                for column, sources in io.lineage.items()
            }
            facets |= self._facet("columnLineage", fields=fields)
        counts = self._counts("outputStatistics", event) if len(io.outputs) == 1 else {}
        return [{**_named(one), "facets": facets, "outputFacets": counts} for one in io.outputs]

    def _counts(self, name: str, event: Event) -> JsonObject:
        known: JsonObject = {"rowCount": event.rows, "size": event.bytes}
        said = {key: value for key, value in known.items() if value is not None}
        return self._facet(name, **said) if said else {}

    def _schema(self, io: StepIo) -> JsonObject:
        types: dict[str, JsonObject] = {column: {"type": type} for column, type in io.types.items()}
        fields: list[Json] = [{"name": column, **types.get(column, {})} for column in io.columns]
        return self._facet("schema", fields=fields) if fields else {}

    def _engine(self) -> JsonObject:
        version = self._of.version
        return self._facet("processing_engine", name="firn", version=version, openlineageAdapterVersion=version)

    def _tags(self, event: Event) -> JsonObject:
        tags = {"firn.run.id": event.run, **self._of.tags}
        return self._facet("tags", tags=[{"key": key, "value": value, "source": "FIRN"} for key, value in tags.items()])

    def _error(self, event: Event | None) -> JsonObject:
        if event is None or event.error is None:
            return {}
        message = f"{event.error.code}: {event.error.message} ({event.whole_place})"
        return self._facet("errorMessage", message=message, programmingLanguage="FIRN")

    def _type(self, type: str) -> JsonObject:
        return self._facet("jobType", processingType="BATCH", integration="FIRN", jobType=type)

    def _facet(self, key: str, **values: Json) -> JsonObject:
        version, name = _FACETS[key]
        url = f"https://openlineage.io/spec/facets/{version}/{name}.json#/$defs/{name}"
        return {key: {"_producer": self._producer, "_schemaURL": url, **values}}


_STATES = frozenset(["run.started", "run.finished", "step.started", "step.finished"])


def _named(dataset: Dataset) -> JsonObject:
    return {"namespace": dataset.namespace, "name": dataset.name}


class LineageCarrier:
    """Sends OpenLineage events, each in a request of its own."""

    def __init__(self, endpoint: object) -> None:
        self._receiver = Receiver(endpoint, "lineage_endpoint")

    def deliver(self, events: list[bytes]) -> None:
        """Send events as JSON, and take those that arrived from the list; raise Undelivered."""
        refused: Undelivered | None = None
        while events:
            try:
                self._receiver.post("/api/v1/lineage", events[0], "application/json")
            except Undelivered as error:
                if error.again:
                    raise
                refused = refused or error
            events.pop(0)
        if refused is not None:
            raise refused

    def close(self) -> None:
        """Let go of the connection."""
        self._receiver.close()
