"""What each step reads and writes outside its flow, as the artifact knows it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from firn_runtime.observe.datasets import Dataset
from firn_runtime.step import innermost
from firn_schemas.artifact import Flow, Job, Step
from firn_schemas.base import Json

Locate = Callable[[str, Json], Dataset | None]
"""Returns the dataset at a place of a resource, by the flow's name of it; None where it cannot be named."""
_LONGEST_SQL = 10_000
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


class StepsIo:
    """Says of each step of a flow what it reads and writes; asked when the step begins, so that nothing is made ahead.

    `clean` masks secrets in a text: what is named or queried may be made of the environment.
    """

    def __init__(self, flow: Flow, locate: Locate, clean: Callable[[str], str]) -> None:
        self._jobs = {job.id: job for job in flow.jobs}
        self._steps = {(job.id, step.id): step for job in flow.jobs for step in job.steps}
        self._locate, self._clean = locate, clean

    def __call__(self, job: str, step: str) -> StepIo | None:
        """Return what the step reads and writes; None where no dataset outside the flow is known."""
        one = self._steps.get((job, step))
        io = self._io(self._jobs[job], one) if one is not None else None
        return io if io is not None and (io.inputs or io.outputs) else None

    def _io(self, job: Job, step: Step) -> StepIo:
        type, inputs = innermost(step.type, step.inputs)
        lineage = self._lineage(step)
        sources = dict.fromkeys(one.dataset for fields in lineage.values() for one in fields)
        outputs = _places(_WRITTEN.get(type, ()), inputs, self._locate)
        read = _places(_READ.get(type, ()), inputs, self._locate)
        if type == "read" or outputs:
            read = tuple(dict.fromkeys((*read, *sources)))
        sql, dialect = _sql(step if type == "read" else self._maker(job, inputs.get("from")))
        declared = inputs.get("schema")
        types = declared.items() if isinstance(declared, dict) else ()
        return StepIo(
            inputs=read[:_MOST],
            outputs=outputs[:_MOST],
            columns=tuple(map(self._clean, step.columns or ())),
            types={self._clean(key): self._clean(str(type)) for key, type in types},
            lineage=lineage if outputs else {},
            sql=self._clean(sql) if sql is not None else None,
            dialect=dialect,
        )

    def _lineage(self, step: Step) -> dict[str, tuple[InputField, ...]]:
        known = {
            self._clean(column): tuple(
                InputField(dataset, self._clean(one.column))
                for one in sources
                if (dataset := self._locate(one.resource, one.dataset)) is not None
            )
            for column, sources in step.lineage.items()
        }
        return {column: fields for column, fields in known.items() if fields}

    def _maker(self, job: Job, name: Any) -> Step | None:
        """Return the step whose dataset is written: of the same job, or of one before it."""
        places = [(one, name) for one in (job.id, *reversed(job.depends_on))]
        return next((self._steps[place] for place in places if place in self._steps), None)


def _places(keys: Sequence[str], inputs: Mapping[str, Any], locate: Locate) -> tuple[Dataset, ...]:
    resource = inputs.get("resource")
    if not isinstance(resource, str):
        return ()
    values = [_place(inputs.get(key)) for key in keys]
    places = [one for value in values for one in (value if isinstance(value, list) else [value])]
    found = (locate(resource, place) for place in places if place is not None)
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _place(value: Any) -> Any:
    """Return the place that an input names: a request's is its path."""
    return value.get("path") if isinstance(value, dict) and "path" in value else value


_READ = {"download": ("files",), "read": ("table", "path", "request")}
_WRITTEN = {"export": ("path",), "upload": ("dest_path",), "write": ("table", "path")}
"""Inputs that say where, by the step's type."""


def _sql(step: Step | None) -> tuple[str | None, str]:
    if step is None:
        return None, ""
    type, inputs = innermost(step.type, step.inputs)
    sql = inputs.get("sql")
    return (sql[:_LONGEST_SQL] if isinstance(sql, str) else None), ("duckdb" if type == "sql" else "")
