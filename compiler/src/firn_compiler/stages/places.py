"""Where every value stood in its source, what it replaced, and what was removed: the history beside the payload."""

import re
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Map
from typing import NamedTuple

from firn_compiler.document import BUILT_IN, COMMAND_LINE, Mapping, Node, Scalar, Sequence, Span, entries_at, value_of
from firn_compiler.model.graph import ordered
from firn_compiler.model.project import Flow, Job, Platform, Settled, Step
from firn_compiler.stages.defaults import with_defaults
from firn_compiler.stages.lower import (
    INHERITED,
    flow_operation,
    inherited,
    is_repeatable,
    lower_node,
    operation,
    settled_inputs,
    step_operation,
)
from firn_compiler.stages.merge import without_nulls
from firn_compiler.stages.policy import sections
from firn_compiler.stages.settle import LOGICAL, OWN_NAMES, home_of_layer, logical, profile_of, resource, secret_of
from firn_schemas.base import Json
from firn_schemas.compute import COMPUTE
from firn_schemas.steps import STEPS


class Layer(NamedTuple):
    """One layer's value; a connector's own default stands in no file."""

    span: Span
    value: Json


class Place(NamedTuple):
    """A value's history."""

    pointer: str
    """JSON pointer (RFC 6901) below `payload`."""
    name: str
    """The same as people write it: jobs and steps by their ids."""
    span: Span
    value: Json
    replaced: tuple[Layer, ...]
    """Lowest layer first."""
    written: str = ""
    """The text that stands there, where the value is not simply that: templates, durations, a file's name."""
    removed: bool = False
    """Whether the last layer is a null that removed the key."""


def flow_places(flow: Flow, platform: Platform | None) -> Iterator[Place]:
    """Yield the history of every value of the flow that the payload holds."""
    pointer, name = f"/flows/{flow.name}", f"flows.{flow.name}"
    yield from _said(pointer, name, flow.root, "version", "description", "owner")
    before = platform._replace(root=platform.merged) if platform else None
    for key in INHERITED:
        node = inherited(flow, platform, key)
        if node is not None:
            yield from _history(f"{pointer}/{key}", f"{name}.{key}", without_nulls(node), inherited(flow, before, key))
    yield from _all(pointer, name, flow_operation(flow))
    for position, job in enumerate(ordered(flow.jobs)):
        yield from _job(f"{pointer}/jobs/{position}", f"{name}.jobs.{job.id}", job)
    for key in sorted(flow.resource_names) if platform else ():
        settled = resource(flow, platform, key)
        if settled is not None:
            at, called = f"{pointer}/resources/{key}", f"{name}.resources.{key}"
            yield from _family(at, called, flow, platform, key, settled)
            yield from _settings(at, called, settled, resource(flow, before, key) or settled)


def _job(pointer: str, name: str, job: Job) -> Iterator[Place]:
    own = job.node if job.path else None
    if own is None:
        yield Place(f"{pointer}/id", f"{name}.id", BUILT_IN, job.id, ())
    else:
        yield from _said(pointer, name, own, "id", "description")
        yield from _all(pointer, name, operation(own, "timeout", "lock"))
        if job.when is not None:
            node = own.entries["when"]
            written = node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""
            yield Place(f"{pointer}/when", f"{name}.when", node.span, job.when, (), written)
    before = sorted(dict(reversed(job.depends_on)).items())
    for index, (other, span) in enumerate(before):
        yield Place(f"{pointer}/depends_on/{index}", f"{name}.depends_on[{index}]", span, other, ())
    if not before:
        yield Place(f"{pointer}/depends_on", f"{name}.depends_on", BUILT_IN, [], ())
    for index, step in enumerate(job.steps):
        at, called = f"{pointer}/steps/{index}", f"{name}.steps.{step.id}"
        if "id" not in step.node.entries:
            yield Place(f"{at}/id", f"{called}.id", BUILT_IN, step.id, ())
        yield from _said(at, called, step.node, "id")
        if not is_repeatable(step):
            yield Place(f"{at}/repeatable", f"{called}.repeatable", BUILT_IN, False, ())
        yield from _step(at, called, step, own)


def _step(pointer: str, name: str, step: Step, job: Mapping | None) -> Iterator[Place]:
    node = step.node
    yield from _said(pointer, name, node, "type", "description")
    yield from _all(pointer, name, step_operation(step, job))
    word = node.entries.get("on_no_data")
    if isinstance(word, Scalar) and word.value not in (None, "continue"):
        yield from leaves(f"{pointer}/on_no_data", f"{name}.on_no_data", word)
    if step.outputs.entries:
        yield from leaves(f"{pointer}/outputs", f"{name}.outputs", step.outputs)
    if step.type not in STEPS:
        return
    settled = settled_inputs(step)
    assert isinstance(settled, Mapping)
    pointer, name = f"{pointer}/inputs", f"{name}.inputs"
    if not settled.entries:
        yield Place(pointer, name, BUILT_IN, {}, ())
    for key, item in settled.entries.items():
        if key == "step" and step.inner is not None:
            yield from _step(f"{pointer}/step", f"{name}.step", step.inner, None)
        elif key == "sql_file" and isinstance(item, Scalar):  # its text is the payload's `sql`
            (file,) = leaves(f"{pointer}/sql", f"{name}.sql_file", item)
            yield file._replace(written=file.written or str(file.value))
        else:
            yield from leaves(below(pointer, key), f"{name}.{key}", item)


def _family(
    pointer: str, name: str, flow: Flow, platform: Platform | None, key: str, settled: Settled
) -> Iterator[Place]:
    """Yield where a resource says which system it is; of a layer, where its storage or catalog does."""
    node = flow.resources.get(key)
    source = profile_of(node, platform) if node and "profile" in node.entries else node
    if source is None and key in LOGICAL:
        source = logical(flow, platform, key)
    elif source is None and key not in OWN_NAMES:
        _, source = home_of_layer(platform, key)
    for word, value in (("kind", settled.kind), ("driver", settled.driver)):
        said = (source.entries.get(word) or source.entries.get("type")) if source else None
        span = said.span if said else BUILT_IN if key in OWN_NAMES else settled.place
        written = said.value if isinstance(said, Scalar) and said.value != value else ""
        yield Place(f"{pointer}/{word}", f"{name}.{word}", span, value, _layers(said) if said else (), str(written))


def _settings(pointer: str, name: str, settled: Settled, whole: Settled) -> Iterator[Place]:
    """Yield the history of a resource's settings; `whole` still has the chain's nulls."""
    row = settled.row
    records = (row.config, row.options) if row else (COMPUTE[settled.driver],)
    nulls = [with_defaults(*one) for one in zip(records, whole.merged, strict=False)]
    for key, final in (("config", settled.config), ("options", settled.options)):
        if isinstance(final, Mapping) and not final.entries:
            yield Place(f"{pointer}/{key}", f"{name}.{key}", BUILT_IN, {}, ())
        else:
            yield from leaves(f"{pointer}/{key}", f"{name}.{key}", final, nulls[0] if nulls else None)
        if nulls:
            yield from _removed(f"{pointer}/{key}", f"{name}.{key}", nulls.pop(0), final)


def policy_places(platform: Platform) -> Iterator[Place]:
    """Yield the history of what the payload holds of the platform alone."""
    if "environment" not in platform.root.entries:
        yield Place("/environment", "environment", BUILT_IN, platform.environment, ())
    yield from _parts(platform, platform.root.entries | sections(platform), (*sections(platform), "environment"))


def platform_places(platform: Platform, but: Iterable[str]) -> Iterator[Place]:
    """Yield the history of what the platform says after its `extends` chain, apart from variables and some parts."""
    yield from policy_places(platform)
    told = {"environment", "variables", *sections(platform), *but}
    yield from _parts(platform, platform.root.entries, [key for key in platform.merged.entries if key not in told])


def _parts(platform: Platform, final: Map[str, Node], keys: Iterable[str]) -> Iterator[Place]:
    for key in keys:
        yield from _history(f"/{key}", key, final.get(key), platform.merged.entries.get(key))


def variable_places(flows: Iterable[Flow], platform: Platform | None, given: Map[str, Json]) -> Iterator[Place]:
    """Yield the history of every variable: the flow's own, the platform's over it, `--var` over both.

    What a flow defines is told as the flow's, with all that is over it; everything else once.
    """
    line: Map[str, Node] = {key: Scalar(value, COMMAND_LINE) for key, value in given.items()}
    over: list[Map[str, Node]] = [entries_at(platform.root if platform else None, "variables"), line]
    told: set[str] = set()
    for flow in flows:
        own = entries_at(flow.root, "variables")
        told |= own.keys()
        yield from _chains(f"/flows/{flow.name}/variables", f"flows.{flow.name}.variables", own, [own, *over])
    if platform is not None and "variables" in platform.merged.entries:
        yield from _removed("/variables", "variables", platform.merged.entries["variables"], None)
    others = {key: node for one in over for key, node in one.items() if key not in told}
    yield from _chains("/variables", "variables", others, over)


def used_variables(places: list[Place], flow: Flow, platform: Platform | None, given: Map[str, Json]) -> list[Place]:
    """Return the history of the variables whose values are in those of a flow."""
    names = {name for place in places for name in variables_in(place.written)}
    return [one for one in variable_places([flow], platform, given) if variable_of(one) in names]


def variables_in(text: str) -> list[str]:
    """Return the variables that templates in a text name."""
    return _VARIABLE.findall(text)


_VARIABLE = re.compile(r"\{\{\s*var\.([\w-]+)")


def variable_of(place: Place) -> str:
    """Return the variable that a place is the history of, or of a part of; empty where it is none."""
    parts = place.pointer.split("/")[1:]
    parts = parts[2:] if parts[0] == "flows" else parts
    return parts[1] if parts[0] == "variables" and len(parts) > 1 else ""


def _chains(pointer: str, name: str, keys: Iterable[str], layers: list[Map[str, Node]]) -> Iterator[Place]:
    for key in keys:
        *lower, top = [one[key] for one in layers if key in one]
        over = tuple(layer for node in lower for layer in (*_layers(node), Layer(node.span, lower_node(node))))
        yield from leaves(f"{pointer}/{key}", f"{name}.{key}", top, over=over)


def _said(pointer: str, name: str, node: Mapping, *keys: str) -> Iterator[Place]:
    """Yield the history of those of the keys that say something."""
    for key in keys:
        item = node.entries.get(key)
        if isinstance(item, Scalar) and item.value is not None:
            yield from leaves(f"{pointer}/{key}", f"{name}.{key}", item)


def _all(pointer: str, name: str, nodes: Map[str, Node]) -> Iterator[Place]:
    for key, node in nodes.items():
        yield from leaves(below(pointer, key), f"{name}.{key}", node)


def _history(pointer: str, name: str, final: Node | None, whole: Node | None) -> Iterator[Place]:
    """Yield the history of what holds, and of what nulls removed: `whole` is the same with its nulls."""
    if final is not None:
        yield from leaves(pointer, name, final, whole)
    if whole is not None:
        yield from _removed(pointer, name, whole, final)


def leaves(
    pointer: str, name: str, node: Node, whole: Node | None = None, over: tuple[Layer, ...] = ()
) -> Iterator[Place]:
    """Yield the history of every leaf below `pointer`, in order.

    `whole` is the same with its nulls; `over` are layers in which something else stood in the place of all of it.
    """
    if whole is not None and len(whole.prior) > len(node.prior) and any(one.span != BUILT_IN for one in whole.prior):
        over = _default_first((*over, *_layers(whole)))
    elif node.prior:
        over = _default_first((*over, *_layers(node)))
    if isinstance(node, Scalar):
        yield Place(pointer, name, node.span, lower_node(node), over, node.source or "")
    elif isinstance(node, Mapping) and node.entries and secret_of(node) is None:
        kept = whole.entries if isinstance(whole, Mapping) else {}
        for key, item in node.entries.items():
            yield from leaves(below(pointer, key), f"{name}.{key}", item, kept.get(key), over)
    elif isinstance(node, Sequence) and node.items:
        for index, item in enumerate(node.items):
            yield from leaves(f"{pointer}/{index}", f"{name}[{index}]", item, None, over)
    else:
        yield Place(pointer, name, node.span, lower_node(node), over, _spelled(node))


def _spelled(node: Node) -> str:
    """Return a reference as it was written, where it holds templates."""
    items = node.entries.items() if isinstance(node, Mapping) else ()
    words = {key: item.source for key, item in items if isinstance(item, Scalar) and item.source}
    return "{" + ", ".join(f"{key}: {words.get(key) or value_of(item)}" for key, item in items) + "}" if words else ""


def _removed(pointer: str, name: str, node: Node, final: Node | None) -> Iterator[Place]:
    """Yield the history of keys that a null removed; `final` is what holds there now, which may be a default."""
    if isinstance(node, Mapping) and secret_of(node) is None:
        for key, item in node.entries.items():
            held = final.entries.get(key) if isinstance(final, Mapping) else None
            yield from _removed(below(pointer, key), f"{name}.{key}", item, held)
    elif isinstance(node, Scalar) and node.value is None and any(one.span != BUILT_IN for one in node.prior):
        value = None if final is None else lower_node(final)
        yield Place(pointer, name, node.span, value, _layers(node), removed=True)


def below(pointer: str, key: str) -> str:
    """Return the pointer to what stands under a key."""
    if "~" in key or "/" in key:
        key = key.replace("~", "~0").replace("/", "~1")
    return f"{pointer}/{key}"


def _default_first(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Return layers in their order, with the default below those in which something stood in the place of all."""
    return tuple(sorted(layers, key=lambda one: one.span != BUILT_IN))


def _layers(node: Node) -> tuple[Layer, ...]:
    return tuple(Layer(layer.span, lower_node(layer)) for layer in node.prior)
