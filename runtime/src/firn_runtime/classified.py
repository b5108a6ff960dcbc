"""Which columns of a dataset may not be shown: those that the flow classifies, and those that may come of such.

Where a flow classifies anything, only what is known to come from elsewhere is shown.
"""

from collections.abc import Sequence

from firn_runtime.resources import upstream
from firn_runtime.step import innermost
from firn_schemas.artifact import Flow, Job, Step

_Origin = tuple[str, str, str]
"""A column outside the flow: resource, dataset, column; the latter in lower case."""


def hidden(flow: Flow, job: Job, dataset: str, columns: Sequence[str]) -> frozenset[str]:
    """Return the columns of a dataset, as the job sees it, that are classified or may be computed from such."""
    named = {name.lower() for name in flow.governance.classifications} if flow.governance else set()
    if not named:
        return frozenset()
    maker = _maker(flow, job, dataset)
    origins = _classified(flow, named)
    words = {name.rpartition(".")[2] for name in named}
    return frozenset(column for column in columns if not _is_clean(column, dataset, maker, named, words, origins))


def _is_clean(
    column: str, dataset: str, maker: Step | None, named: set[str], words: set[str], origins: set[_Origin]
) -> bool:
    """Say whether a column is known to come from nothing classified; a column of a classified one's name is not."""
    lower = column.lower()
    if f"{dataset}.{column}".lower() in named or lower in words or maker is None:
        return False
    own = _origins(maker, lower)
    if not own:
        return _is_read(maker)
    return own.isdisjoint(origins) and not any(_is_named(origin, named) for origin in own)


def _maker(flow: Flow, job: Job, dataset: str) -> Step | None:
    """Return the step that makes a dataset, of the job itself or of the nearest job upstream."""
    jobs = {one.id: one for one in flow.jobs}
    parents = {one.id: one.depends_on for one in flow.jobs}
    for name in (job.id, *upstream(parents, job)):
        for step in jobs[name].steps:
            if step.id.lower() == dataset.lower():
                return step
    return None


def _classified(flow: Flow, named: set[str]) -> set[_Origin]:
    """Return the columns outside the flow from which a classified column of a dataset is computed."""
    pairs = [name.rpartition(".") for name in named]
    return {
        origin
        for dataset, _, column in pairs
        for job in flow.jobs
        for step in job.steps
        if dataset in (step.id.lower(), f"{job.id}.{step.id}".lower())
        for origin in _origins(step, column)
    }


def _is_read(step: Step) -> bool:
    return innermost(step.type, step.inputs)[0] == "read"


def _origins(step: Step, column: str) -> set[_Origin]:
    """Return where a column comes from; what is read as it is comes from the column of its own name."""
    inputs = innermost(step.type, step.inputs)[1]
    place = inputs.get("table") or inputs.get("path") or (inputs.get("request") or {}).get("path")
    if _is_read(step) and not step.lineage and isinstance(place, str):
        return {(str(inputs.get("resource")), place.lower(), column)}
    return {
        (one.resource, one.dataset.lower(), one.column.lower())
        for name, origins in step.lineage.items()
        if name.lower() == column
        for one in origins
    }


def _is_named(origin: _Origin, named: set[str]) -> bool:
    """Say whether a classification names a column outside the flow, by its table with or without the schema."""
    _, dataset, column = origin
    return f"{dataset}.{column}" in named or f"{dataset.rpartition('.')[2]}.{column}" in named
