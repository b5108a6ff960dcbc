"""From settled flows to the payload of the artifact, and beside it the place of every value."""

from collections.abc import Mapping as Map
from dataclasses import fields, is_dataclass
from functools import reduce
from typing import Any, NamedTuple, get_args

from firn_compiler.document import Deferred, Mapping, Node, Path, Scalar, Sequence, mapping_at, text_at
from firn_compiler.model.graph import ordered
from firn_compiler.model.names import is_duration, seconds
from firn_compiler.model.project import Flow, Job, Platform, Settled, Step
from firn_compiler.model.shapes import LockShape, RetryShape
from firn_compiler.stages.defaults import as_node, with_defaults, with_spellings
from firn_compiler.stages.merge import merged, without_nulls
from firn_compiler.stages.settle import secret_of
from firn_schemas.base import Json, JsonObject
from firn_schemas.decode import hints, spelling
from firn_schemas.steps import STEPS


class Lowered(NamedTuple):
    """A flow without its fingerprints."""

    name: str
    head: JsonObject
    jobs: list[JsonObject]
    resources: dict[str, JsonObject]


class Extras(NamedTuple):
    """What other checks and files add to a flow's steps."""

    sql: Map[Path, str]
    """Text of the step's `sql_file`, by the step's path."""
    of: Map[Path, JsonObject]
    """Further values of a step, by its path: what is known of its columns, and the digest of its files."""


def lower_node(node: Node) -> Json:
    """Return the artifact's value of a node: typed nodes for secrets and templates, `$` keys escaped."""
    if isinstance(node, Scalar):
        value = node.value
        if isinstance(value, Deferred):
            return value.node
        return int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(node, Mapping):
        secret = secret_of(node)
        if secret is not None and "secret_ref" in secret:
            kept = {"ref": secret["secret_ref"]} | ({"key": secret["key"]} if "key" in secret else {})
            return {"$secret": dict(kept)}
        lowered = {key: lower_node(item) for key, item in node.entries.items()}
        return {"$literal": lowered} if any(key.startswith("$") for key in lowered) else lowered
    return [lower_node(item) for item in node.items]


def lower_flow(flow: Flow, platform: Platform, resources: dict[str, JsonObject], extras: Extras) -> Lowered:
    """Return the flow's values; jobs in an order in which each follows those it depends on."""
    head: JsonObject = {"version": text_at(flow.root, "version") or ""}
    head |= _words(flow.root, "description", "owner")
    for key in INHERITED:
        node = inherited(flow, platform, key)
        if node is not None:
            head[key] = lower_node(without_nulls(node))
    head |= _lowered(flow_operation(flow))
    jobs = [_job(job, extras) for job in ordered(flow.jobs)]
    return Lowered(flow.name, head, jobs, resources)


OF_A_FLOW = ("lock", "max_parallel")
"""How a flow's runs go about their work."""


def flow_operation(flow: Flow) -> dict[str, Node]:
    """Return how the flow's runs go about their work, with what holds where it does not say."""
    unsaid = as_node({"lock": {"key": f"flow:{flow.name}", "ttl_seconds": 60}, "max_parallel": 4})
    assert isinstance(unsaid, Mapping)
    return unsaid.entries | operation(flow.root, *OF_A_FLOW)


INHERITED = ("observability", "governance")
"""What a flow says over the platform, key by key."""


def inherited(flow: Flow, platform: Platform | None, key: str) -> Node | None:
    """Return the flow's part over the platform's, with the nulls that remove; None where neither says any."""
    roots = [one.root for one in (platform, flow) if one is not None]
    layers: list[Node] = [node for root in roots if (node := mapping_at(root, key))]
    return reduce(merged, layers) if layers else None


def _words(node: Mapping, *keys: str) -> JsonObject:
    return {key: word for key in keys if (word := text_at(node, key)) is not None}


def _job(job: Job, extras: Extras) -> JsonObject:
    lowered: dict[str, Any] = {"id": job.id, "depends_on": sorted({name for name, _ in job.depends_on})}
    own = job.node if job.path else None
    if own is not None:
        lowered |= _words(own, "description") | _lowered(operation(own, "timeout", "lock"))
    if job.when is not None:
        lowered["when"] = job.when
    lowered["steps"] = [_step(step, own, extras) for step in job.steps]
    return lowered


def operation(node: Mapping, *keys: str) -> dict[str, Node]:
    """Return how the work is done: durations in seconds, defaults written out."""
    settled: dict[str, Node] = {}
    for key in keys:
        found = node.entries.get(key)
        if isinstance(found, Mapping):
            whole = with_defaults(RECORDS[key], found)
            assert isinstance(whole, Mapping)
            entries = {name: _timed(one) if name in DURATIONS else one for name, one in whole.entries.items()}
            settled[key] = Mapping(entries, whole.keys, whole.span, whole.prior)
        elif isinstance(found, Scalar) and found.value is not None:
            settled[key] = _timed(found)
    return settled


RECORDS = {"retry": RetryShape, "lock": LockShape}
DURATIONS = frozenset(["backoff", "max_backoff", "ttl_seconds"])


def _timed(node: Node) -> Node:
    """Return a duration in seconds, its text kept as what was written; the shape check has seen what is none."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or not is_duration(node.value):
        return node
    return Scalar(seconds(node.value), node.span, node.prior, source=node.source or node.value)


def step_operation(step: Step, job: Mapping | None) -> dict[str, Node]:
    """Return how a step's work is done; its `retry` is the job's where it has none of its own."""
    inherited = operation(job, "retry") if job is not None else {}
    return inherited | operation(step.node, "retry", "timeout", "lock")


def _lowered(nodes: dict[str, Node]) -> JsonObject:
    return {key: lower_node(node) for key, node in nodes.items()}


def settled_inputs(step: Step) -> Node:
    """Return the step's inputs in the schema's own spelling, with its defaults."""
    record = STEPS[step.type].inputs
    settled = with_defaults(record, with_spellings(record, _with_columns(step)))
    inner = step.inner
    if inner is None or not isinstance(settled, Mapping):
        return settled
    node = Mapping(inner.node.entries | {"inputs": settled_inputs(inner)}, inner.node.keys, inner.node.span)
    return Mapping(settled.entries | {"step": node}, settled.keys, settled.span)


def _with_columns(step: Step) -> Mapping:
    """Return the inputs of a read whose `schema` names all its columns with those as its `columns`, in their order."""
    schema = mapping_at(step.inputs, "schema") if step.type == "read" else None
    if schema is None or not schema.entries or "columns" in step.inputs.entries:
        return step.inputs
    columns = Sequence([Scalar(name, schema.keys[name]) for name in schema.entries], schema.span)
    keys = step.inputs.keys | {"columns": step.inputs.keys["schema"]}
    return Mapping(step.inputs.entries | {"columns": columns}, keys, step.inputs.span)


def held(record: Any, value: Any) -> Any:
    """Add to what is made of run-time values what the run holds it to.

    A path, URL or table name keeps its literal beginning; a program's argument that begins with a result is no option.
    """
    if not is_dataclass(record) or not isinstance(value, dict):
        return value
    changed: dict[str, Any] = {}
    for field in fields(record):
        item = value.get(spelling(field))
        if isinstance(item, dict) and "$concat" in item and field.metadata["place"]:
            changed[spelling(field)] = item | {"prefix": item["$concat"][0]}
        elif isinstance(item, list) and field.metadata["arguments"]:
            free = item.index("--") if "--" in item else len(item)
            changed[spelling(field)] = [*map(_operand, item[:free]), *item[free:]]
        elif isinstance(item, dict):
            kinds = (hints(record)[field.name], *get_args(hints(record)[field.name]))
            inner = next((kind for kind in kinds if is_dataclass(kind)), None)
            changed[spelling(field)] = held(inner, item)
    return value | changed


def _operand(item: Any) -> Any:
    """Mark an argument that begins with a result: a program must not take it for an option (POSIX, section 12.2)."""
    parts = item.get("$concat", [item]) if isinstance(item, dict) else [item]
    begins = isinstance(parts[0], dict) and "$ref" in parts[0]
    return {"$concat": parts, "operand": True} if begins else item


def _step(step: Step, job: Mapping | None, extras: Extras) -> JsonObject:
    inputs: Any = held(STEPS[step.type].inputs, lower_node(settled_inputs(step)))
    if step.inner is not None:
        inner = _step(step.inner, None, extras)
        inputs["step"] = {key: value for key, value in inner.items() if key not in ("id", "repeatable")}
    if "sql_file" in inputs:
        del inputs["sql_file"]
        inputs["sql"] = extras.sql[step.path]
    lowered: JsonObject = {"id": step.id, "type": step.type, "inputs": inputs}
    if step.outputs.entries:
        lowered["outputs"] = lower_node(step.outputs)
    lowered |= _lowered(step_operation(step, job))
    lowered |= {} if is_repeatable(step) else {"repeatable": False}
    word = text_at(step.node, "on_no_data")
    lowered |= {"on_no_data": word} if word not in (None, "continue") else {}
    return lowered | extras.of.get(step.path, {}) | _words(step.node, "description")


def is_repeatable(step: Step) -> bool:
    """Say whether doing the step twice is as good as once."""
    inner = step.innermost
    row = STEPS.get(inner.type)
    if row is None or row.repeatable or text_at(inner.inputs, "method") in SAFE_METHODS:
        return True
    given = inner.inputs.entries.get(row.key_makes_repeatable)
    if isinstance(given, Mapping):
        return text_at(given, "strategy") != "none"
    return given is not None


SAFE_METHODS = frozenset(["GET", "HEAD", "PUT", "DELETE"])
"""Idempotent methods (RFC 9110, section 9.2.2)."""


def lower_resource(settled: Settled) -> JsonObject:
    """Return the resource's values."""
    return {
        "kind": settled.kind,
        "driver": settled.driver,
        "config": lower_node(settled.config),
        "options": lower_node(settled.options),
    } | ({"decode": list(settled.decode)} if settled.decode else {})
