"""From settled flows to the payload of the artifact, and beside it the place of every value."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from firn_compiler.document import Deferred, Mapping, Node, Scalar, Span, text_at
from firn_compiler.model.project import Flow, Job, Settled, Step
from firn_compiler.stages.defaults import with_defaults, with_spellings
from firn_compiler.stages.settle import secret_of
from firn_schemas.base import Json, JsonObject
from firn_schemas.steps import STEPS


class Place(NamedTuple):
    """Where a value of the payload was written, and what it replaced, lowest layer first."""

    pointer: str
    span: Span
    replaced: tuple[tuple[Span, Json], ...]


class Lowered(NamedTuple):
    """A flow without its fingerprints."""

    name: str
    head: JsonObject
    jobs: list[JsonObject]
    resources: dict[str, Settled]


def lower_node(node: Node) -> Json:
    """Return the artifact's value of a node: typed nodes for secrets and templates, `$` keys escaped."""
    if isinstance(node, Scalar):
        value = node.value
        if isinstance(value, Deferred):
            return value.node
        return int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(node, Mapping):
        secret = secret_of(node)
        if secret is not None:
            kept = {"ref": secret["secret_ref"]} | ({"key": secret["key"]} if "key" in secret else {})
            return {"$secret": dict(kept)}
        lowered = {key: lower_node(item) for key, item in node.entries.items()}
        return {"$literal": lowered} if any(key.startswith("$") for key in lowered) else lowered
    return [lower_node(item) for item in node.items]


def lower_flow(flow: Flow, resources: dict[str, Settled], sql_files: dict[str, str]) -> Lowered:
    """Return the flow's values; jobs in an order in which each follows those it depends on."""
    head: JsonObject = {"version": text_at(flow.root, "version") or ""}
    head |= _words(flow.root, "description", "owner")
    jobs = [_job(job, sql_files) for job in ordered(flow.jobs)]
    return Lowered(flow.name, head, jobs, resources)


def ordered(jobs: tuple[Job, ...]) -> list[Job]:
    """Return the jobs so that dependencies come first; among equals, the order of the file."""
    done: list[Job] = []
    waiting = list(jobs)
    while waiting:
        names = {job.id for job in done}
        ready = next((job for job in waiting if all(name in names for name, _ in job.depends_on)), waiting[0])
        waiting.remove(ready)
        done.append(ready)
    return done


def _words(node: Mapping, *keys: str) -> JsonObject:
    return {key: word for key in keys if (word := text_at(node, key)) is not None}


def _job(job: Job, sql_files: dict[str, str]) -> JsonObject:
    lowered: dict[str, Any] = {"id": job.id, "depends_on": sorted({name for name, _ in job.depends_on})}
    if job.path:
        lowered |= _words(job.node, "description")
    if job.when is not None:
        lowered["when"] = job.when
    lowered["steps"] = [_step(step, sql_files) for step in job.steps]
    return lowered


def settled_inputs(step: Step) -> Node:
    """Return the step's inputs in the schema's own spelling, with its defaults."""
    record = STEPS[step.type].inputs
    return with_defaults(record, with_spellings(record, step.inputs))


def _step(step: Step, sql_files: dict[str, str]) -> JsonObject:
    inputs: Any = lower_node(settled_inputs(step))
    if "sql_file" in inputs:
        inputs["sql"] = sql_files[inputs.pop("sql_file")]
    lowered: JsonObject = {"id": step.id, "type": step.type, "inputs": inputs}
    if step.outputs.entries:
        lowered["outputs"] = lower_node(step.outputs)
    return lowered | _words(step.node, "description")


def lower_resource(settled: Settled) -> JsonObject:
    """Return the resource's values."""
    return {
        "kind": settled.kind,
        "driver": settled.driver,
        "config": lower_node(settled.config),
        "options": lower_node(settled.options),
    }


def places(pointer: str, node: Node) -> Iterator[Place]:
    """Yield the place of every leaf below `pointer`, in order."""
    if isinstance(node, Mapping) and secret_of(node) is None and node.entries:
        for key, item in node.entries.items():
            yield from places(f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}", item)
    elif not isinstance(node, (Scalar, Mapping)) and node.items:
        for index, item in enumerate(node.items):
            yield from places(f"{pointer}/{index}", item)
    elif node.span.file or node.prior:
        yield Place(pointer, node.span, tuple((layer.span, lower_node(layer)) for layer in node.prior))
