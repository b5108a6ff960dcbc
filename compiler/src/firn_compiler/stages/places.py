"""Where every value stood in its source, what it replaced, and what was removed: the history beside the payload."""

from collections.abc import Iterator
from typing import NamedTuple

from firn_compiler.document import BUILT_IN, Mapping, Node, Scalar, Sequence, Span
from firn_compiler.model.graph import ordered
from firn_compiler.model.project import Flow, Platform
from firn_compiler.stages.lower import lower_node, settled_inputs
from firn_compiler.stages.settle import resource, secret_of
from firn_schemas.base import Json
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
    """The text with its templates, where it has any."""
    removed: bool = False
    """Whether the last layer is a null that removed the key."""


def flow_places(flow: Flow, platform: Platform | None) -> Iterator[Place]:
    """Yield the history of every leaf of the flow that the payload holds."""
    yield from _steps(flow)
    for name in sorted(flow.resource_names) if platform else ():
        yield from _resource(flow, platform, name)


def _steps(flow: Flow) -> Iterator[Place]:
    for position, job in enumerate(ordered(flow.jobs)):
        for index, step in enumerate(job.steps):
            if step.type not in STEPS:
                continue
            pointer = f"/flows/{flow.name}/jobs/{position}/steps/{index}"
            name = f"flows.{flow.name}.jobs.{job.id}.steps.{step.id}"
            yield from leaves(f"{pointer}/inputs", f"{name}.inputs", settled_inputs(step))
            yield from leaves(f"{pointer}/outputs", f"{name}.outputs", step.outputs)


def _resource(flow: Flow, platform: Platform | None, name: str) -> Iterator[Place]:
    settled = resource(flow, platform, name)
    if settled is None:
        return
    pointer, dotted = f"/flows/{flow.name}/resources/{name}", f"flows.{flow.name}.resources.{name}"
    final = {"config": settled.config, "options": settled.options}
    for key, node in final.items():
        yield from leaves(f"{pointer}/{key}", f"{dotted}.{key}", node)
    for key, node in zip(final, settled.merged, strict=False):
        yield from _removed(f"{pointer}/{key}", f"{dotted}.{key}", node, final[key])


def platform_places(platform: Platform) -> Iterator[Place]:
    """Yield the history of every leaf of the platform after its `extends` chain."""
    for key, node in platform.root.entries.items():
        yield from leaves(f"/{key}", key, node)
    yield from _removed("", "", platform.merged, platform.root)


def leaves(pointer: str, name: str, node: Node) -> Iterator[Place]:
    """Yield the history of every leaf below `pointer`, in order."""
    if isinstance(node, Mapping) and secret_of(node) is None and node.entries:
        for key, item in node.entries.items():
            yield from leaves(_below(pointer, key), f"{name}.{key}", item)
    elif isinstance(node, Sequence) and node.items:
        for index, item in enumerate(node.items):
            yield from leaves(f"{pointer}/{index}", f"{name}[{index}]", item)
    elif node.span.file or node.prior or node.span == BUILT_IN:
        written = (node.source or "") if isinstance(node, Scalar) else ""
        yield Place(pointer, name, node.span, lower_node(node), _layers(node), written)


def _removed(pointer: str, name: str, node: Node, final: Node | None) -> Iterator[Place]:
    """Yield the history of keys that a null removed; `final` is what holds there now, which may be a default."""
    if isinstance(node, Mapping):
        for key, item in node.entries.items():
            below = final.entries.get(key) if isinstance(final, Mapping) else None
            yield from _removed(_below(pointer, key), f"{name}.{key}".lstrip("."), item, below)
    elif isinstance(node, Scalar) and node.value is None and node.prior:
        value = None if final is None else lower_node(final)
        yield Place(pointer, name, node.span, value, _layers(node), removed=True)


def _below(pointer: str, key: str) -> str:
    return f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"


def _layers(node: Node) -> tuple[Layer, ...]:
    return tuple(Layer(layer.span, lower_node(layer)) for layer in node.prior)
