"""A plug-in's step as the run sees it: what it is lent, and what of its result is believed."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from firn_runtime.cancel import current
from firn_runtime.errors import ConnectorError
from firn_runtime.plugins.connector_edge import PluginConnector
from firn_runtime.plugins.exchange import Given, handed, handed_file, taken
from firn_runtime.plugins.outcome import are_texts, asked, counted, shown
from firn_runtime.step import StepContext, StepResult
from firn_runtime.steps.results import made
from firn_schemas.base import Json
from firn_schemas.steps import StepType
from firn_schemas.steps.data import ReadInputs


class PluginContext:
    """What the run lends to a plug-in's step."""

    def __init__(self, plugin: str, context: StepContext) -> None:
        self._plugin, self._context = plugin, context
        self.made = False
        """Whether the step has made its dataset."""

    @property
    def id(self) -> str:
        """The step's id, and the name of the dataset that it may make."""
        return self._context.id

    @property
    def scratch(self) -> Path:
        """A folder of this step alone, removed after the run."""
        return self._context.scratch

    @property
    def files(self) -> Path:
        """The run's own folder of files, which its steps share; removed after the run."""
        return self._context.files

    @property
    def started_at(self) -> datetime:
        """When the run began."""
        return self._context.started_at

    @property
    def mark(self) -> str:
        """A short word for this step of this run, the same in all of its attempts: it makes an effect recognisable."""
        return self._context.publication.mark

    def check(self) -> None:
        """Raise where the step shall end; called between pieces of long work."""
        current().check()

    def still_ours(self) -> None:
        """Raise where the run has lost its lease; called last before what publishes."""
        self._context.still_ours()

    def resource(self, name: str) -> Any:
        """Return the connector of a resource, connected: of the same plug-in, the author's own object."""
        connector = self._context.resource(name)
        own = isinstance(connector, PluginConnector) and connector.plugin == self._plugin
        return connector.inner if own else connector

    def rows(self, dataset: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of an earlier dataset; decimals, large integers, dates and times are text."""
        return handed(self._context.session, dataset, self.scratch / f"of-{dataset}.ndjson")

    def file(self, dataset: str, name: str) -> Path:
        """Write an earlier dataset to a file of this name, such as `rows.parquet`, and return its place."""
        place = self.scratch / Path(name).name
        handed_file(self._context.session, dataset, place)
        return place

    def dataset(self, given: Given, schema: Mapping[str, str] | None = None) -> StepResult:
        """Make the dataset named after the step of rows, or of a file in `scratch`; return `rows` and `columns`."""
        inputs = ReadInputs(resource="", schema=dict(schema) if schema else None)
        relation = taken(self._plugin, "its step", given, inputs, self._context.session, self.scratch)
        self.made = True
        return made(self._context, relation, None)


def performed(
    plugin: str, row: StepType, run: Callable[[Any, PluginContext], Any], inputs: Any, context: StepContext
) -> StepResult:
    """Run a plug-in's step and return its result; raise ConnectorError."""
    lent = PluginContext(plugin, context)
    try:
        result = asked(plugin, "its step", lambda: _copied(run(inputs, lent)))
    except ConnectorError:
        context.still_ours()  # where the run cannot go on, that is the reason
        raise
    problem = _problem(row, result) or ("made no dataset" if row.makes_dataset and not lent.made else "")
    if problem:
        raise ConnectorError(
            "process", f"the step of the plug-in `{plugin}` {problem}", "its manifest says what it gives"
        )
    return StepResult(*result)._replace(warnings=shown(result.warnings))


def _copied(given: Any) -> Any:
    """Return a result whose parts are Python's own: looking at them runs nothing of the plug-in's afterwards."""
    if not isinstance(given, StepResult) or not isinstance(given.results, Mapping):
        return None
    return StepResult(dict(given.results.items()), given.rows, given.warnings, given.bytes, given.no_data)


def _problem(row: StepType, result: StepResult | None) -> str:
    """Say what keeps a result from being one; nothing where nothing does."""
    if result is None:
        return "did not give a `StepResult`"
    own = {"rows", "columns", "bytes"} if row.makes_dataset else set()
    for name, value in result.results.items():
        said = row.results.get(name, row.results.get("*", "any" if name in own else ""))
        if not isinstance(name, str) or not said:
            return "gave a result that it does not declare"
        if not _is(value, said):
            return f"gave the result `{name}` in another type than it declares"
    if not (counted(result.rows) and counted(result.bytes)) or type(result.no_data) is not bool:
        return "counted its rows or bytes with something else than a number"
    return "" if are_texts(result.warnings) else "gave a warning that is no text"


_TYPES: dict[str, tuple[type, ...]] = {
    "array": (list, tuple),
    "boolean": (bool,),
    "integer": (int,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


def _is(value: Json, said: str) -> bool:
    return value is None or said not in _TYPES or type(value) in _TYPES[said]
