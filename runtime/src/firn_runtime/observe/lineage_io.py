"""What each step reads and writes outside its flow, as the artifact knows it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from firn_runtime.observe.datasets import Dataset
from firn_runtime.step import innermost
from firn_schemas.artifact import Flow, Job, Step
from firn_schemas.base import Json

Locate = Callable[[str, Json], Dataset | None]
"""Returns the dataset at a place of a resource, by the flow's name of it; None where it cannot be named."""
_LONGEST_SQL = 100_000
_MOST = 1000
"""Datasets of one step on each side."""


class InputField(NamedTuple):
    """A column outside the flow."""

    dataset: Dataset
    column: str


class StepIo(NamedTuple):
    """What one step reads and writes; columns as far as they are known."""

    inputs: tuple[Dataset, ...]
    outputs: tuple[Dataset, ...]
    columns: tuple[str, ...]
    """Of the dataset that is read or written."""
    types: Mapping[str, str]
    """Types of columns, where the flow declares them."""
    lineage: Mapping[str, tuple[InputField, ...]]
    """From columns that are written to those that they are computed from."""
    sql: str | None
    """The query that is sent, or that made what is written."""
    dialect: str


def steps_with_datasets(flow: Flow, locate: Locate) -> dict[tuple[str, str], StepIo]:
    """Return by (job, step) those steps of which a dataset outside the flow is known."""
    queries = {(job.id, step.id): step for job in flow.jobs for step in job.steps}
    found = {(job.id, step.id): _io(job, step, queries, locate) for job in flow.jobs for step in job.steps}
    return {place: io for place, io in found.items() if io.inputs or io.outputs}


def _io(job: Job, step: Step, steps: Mapping[tuple[str, str], Step], locate: Locate) -> StepIo:
    type, inputs = innermost(step.type, step.inputs)
    lineage = _lineage(step, locate)
    sources = dict.fromkeys(one.dataset for fields in lineage.values() for one in fields)
    outputs = _places(_WRITTEN.get(type, ()), inputs, locate)
    read = _places(_READ.get(type, ()), inputs, locate)
    if type == "read" or outputs:
        read = tuple(dict.fromkeys((*read, *sources)))
    query = step if type in ("read", "sql") else _maker(job, inputs.get("from"), steps)
    sql, dialect = _sql(query)
    declared = inputs.get("schema")
    types = {key: str(type) for key, type in declared.items()} if isinstance(declared, dict) else {}
    return StepIo(
        inputs=read[:_MOST],
        outputs=outputs[:_MOST],
        columns=tuple(step.columns or ()),
        types=types,
        lineage=lineage if outputs else {},
        sql=sql,
        dialect=dialect,
    )


def _places(keys: Sequence[str], inputs: Mapping[str, Any], locate: Locate) -> tuple[Dataset, ...]:
    resource = inputs.get("resource")
    if not isinstance(resource, str):
        return ()
    values = [value for key in keys if (value := inputs.get(key)) is not None]
    places = [one for value in values for one in (value if isinstance(value, list) else [value])]
    request = inputs.get("request") if "request" in keys else None
    places = [place for place in places if place is not request] + ([request.get("path")] if request else [])
    return tuple(dict.fromkeys(found for place in places if (found := locate(resource, place)) is not None))


_READ = {"download": ("files",), "read": ("table", "path", "request")}
_WRITTEN = {"export": ("path",), "upload": ("dest_path",), "write": ("table", "path")}
"""Inputs that say where, by the step's type."""


def _lineage(step: Step, locate: Locate) -> dict[str, tuple[InputField, ...]]:
    known = {
        column: tuple(
            InputField(dataset, one.column)
            for one in sources
            if (dataset := locate(one.resource, one.dataset)) is not None
        )
        for column, sources in step.lineage.items()
    }
    return {column: fields for column, fields in known.items() if fields}


def _maker(job: Job, name: Any, steps: Mapping[tuple[str, str], Step]) -> Step | None:
    """Return the step whose dataset is written: of the same job, or of one before it."""
    places = [(one, name) for one in (job.id, *reversed(job.depends_on))]
    return next((steps[place] for place in places if place in steps), None)


def _sql(step: Step | None) -> tuple[str | None, str]:
    if step is None:
        return None, ""
    type, inputs = innermost(step.type, step.inputs)
    sql = inputs.get("sql")
    return (sql[:_LONGEST_SQL] if isinstance(sql, str) else None), ("duckdb" if type == "sql" else "")
