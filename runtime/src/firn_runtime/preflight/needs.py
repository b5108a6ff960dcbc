"""What a flow does with its resources, as far as the artifact says it before the run."""

from collections.abc import Iterator, Mapping
from typing import Any

from firn_runtime.probing import Access, Use
from firn_runtime.resolve import Scope, Unresolved
from firn_schemas.artifact import Flow
from firn_schemas.base import Json
from firn_schemas.steps import STEPS

_ACCESS: Mapping[str, Access] = {
    "export": "write",
    "query": "read",
    "read": "read",
    "upload": "write",
    "write": "write",
}

_STARTING = frozenset(["dbt", "http", "python", "run_process"])
"""Steps that start what is not the flow's own; those of plug-ins may too."""


def uses(flow: Flow, resource: str, environ: Mapping[str, str]) -> list[Use]:
    """Return what the steps do with a resource, each thing once, in their order."""
    scope = Scope(environ, {})
    found: list[Use] = []
    unsure: set[str] = set()
    started = False
    for job in flow.jobs:
        if job.when is not None or unsure.intersection(job.depends_on):
            unsure.add(job.id)
        for step in job.steps:
            wanted = _of(step.type, step.inputs, resource, scope, certain=job.id not in unsure)
            found += (use._replace(after_program=started) for use in wanted)
            started = started or _starts(step.type, step.inputs)
    return list(dict.fromkeys(found))


def lock_keys(flow: Flow) -> set[str]:
    """Return the locks that the flow, its jobs and its steps take."""
    steps = [step for job in flow.jobs for step in job.steps]
    named = [flow.lock, *(job.lock for job in flow.jobs), *(step.lock for step in steps)]
    inner = {key for step in steps for key in _inner_locks(step.type, step.inputs)}
    return inner | {lock.key for lock in named if lock is not None}


def _of(type: str, inputs: Mapping[str, Any], resource: str, scope: Scope, *, certain: bool) -> Iterator[Use]:
    if type == "with_lock":
        yield from _of(inputs["step"]["type"], inputs["step"]["inputs"], resource, scope, certain=certain)
    elif type in _ACCESS and inputs.get("resource") == resource:
        place, mode = ("dest_path", "append") if type == "upload" else ("path", str(inputs.get("mode", "replace")))
        path, table = (_known(inputs.get(name), scope) for name in (place, "table"))
        yield Use(_ACCESS[type], path, table, certain, mode)


def _starts(type: str, inputs: Mapping[str, Any]) -> bool:
    if type == "with_lock":
        return _starts(inputs["step"]["type"], inputs["step"]["inputs"])
    return type in _STARTING or type not in STEPS


def _known(value: Json, scope: Scope) -> str | None:
    """Return a text that is known before the run."""
    try:
        found = scope.resolve(value)
    except Unresolved:
        return None
    return found if isinstance(found, str) else None


def _inner_locks(type: str, inputs: Mapping[str, Any]) -> Iterator[str]:
    if type == "with_lock":
        yield from (key for key in [inputs["key"]] if isinstance(key, str))
        yield from _inner_locks(inputs["step"]["type"], inputs["step"]["inputs"])
