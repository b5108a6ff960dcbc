"""Keys with nothing behind them: they are as if they were not there, which is rarely what their writer means."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_origin

from firn_compiler.checks.shape import record_at
from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import (
    Mapping,
    Path,
    is_empty,
    lookup,
    mapping_at,
    mappings_at,
    stands_alone,
    text_at,
    walk,
)
from firn_compiler.model.closed import alternatives
from firn_compiler.model.project import Flow, Platform
from firn_compiler.model.shapes import FlowShape, PlatformShape
from firn_compiler.stages.settle import TYPES, family, resources, served_by
from firn_schemas.connectors import CONNECTORS
from firn_schemas.decode import hints, spelling
from firn_schemas.steps import STEPS


def flow_empties(flow: Flow, platform: Platform | None) -> Iterator[Diagnostic]:
    """Report the empty keys of a flow; those of a resource that take a setting of its platform away are meant."""
    yield from _empties([FlowShape], flow.root, ())
    for step in flow.steps:
        if step.type in STEPS:
            yield from _empties([STEPS[step.type].inputs], step.inputs, step.inputs_path)
    for name, settled in resources(flow, platform):
        node = flow.resources.get(name)
        for key in ("config", "options") if settled.row is not None and node is not None else ():
            assert node is not None
            below = ("connectors", text_at(node, "profile") or "", key)
            for one in _empties([getattr(settled.row, key)], mapping_at(node, key), ("resources", name, key)):
                path = (*below, *one.path.split(".")[3:])
                if platform is None or lookup(platform.merged, path) is None:
                    yield one


def platform_empties(platform: Platform) -> Iterator[Diagnostic]:
    """Report the empty keys of a platform; those that take away what a file below says are meant."""
    yield from _empties([PlatformShape], platform.merged, ())
    for name, node in mappings_at(platform.merged, "connectors").items():
        row = family(node)
        for key in ("config", "options") if row is not None else ():
            assert row is not None
            yield from _empties([getattr(CONNECTORS[row], key)], mapping_at(node, key), ("connectors", name, key))
    for section in TYPES:
        for name, node in mappings_at(platform.merged, section).items():
            row = served_by(section, node)
            records = [CONNECTORS[row].config, CONNECTORS[row].options] if row is not None else []
            yield from _empties(records, node, (section, name))


def _empties(records: list[type], root: Mapping | None, base: Path) -> Iterator[Diagnostic]:
    """Report the empty keys of a tree that one of these records describes, or several together."""
    for path, node in walk(root) if root is not None else ():
        assert root is not None
        parent = lookup(root, path[:-1]) if path and is_empty(node) and not node.prior else None
        if not isinstance(parent, Mapping) or stands_alone(parent, str(path[-1])):
            continue
        key = str(path[-1])
        owners = [owner for one in records if is_dataclass(owner := record_at(one, root, path[:-1]))]
        if owners and not any(_is_container(kind) for owner in owners for kind in _kinds(owner, key)):
            message, help = f"`{key}` has no value: it is as if it were not there", "write one, or remove the line"
            yield finding("W201", message, parent.keys[key], help, (*base, *path))


def _kinds(record: Any, key: str) -> list[Any]:
    """Return what may stand under a key of a record, by this or another name."""
    known = (one for one in fields(record) if key == spelling(one) or key in one.metadata.get("aliases", ()))
    return [kind for one in known for kind in alternatives(hints(record)[one.name])]


def _is_container(kind: Any) -> bool:
    """Whether it is a list or a mapping, which may well be left empty."""
    return is_dataclass(kind) or get_origin(kind) in (list, dict)
