"""What a record's own defaults add, so that the artifact says everything and a newer runtime cannot change it."""

from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, NamedTuple, get_args

from firn_compiler.document import BUILT_IN, Mapping, Node, Scalar, Sequence, text_at
from firn_schemas.base import Json
from firn_schemas.decode import hints, spelling, tag


class _Plan(NamedTuple):
    """What is the same for every mapping of a record."""

    own: dict[str, str]
    """Aliases, with the name that each stands for."""
    inner: dict[str, tuple[type, ...]]
    """Fields that hold records, one or a list, with those that may stand there."""
    defaults: tuple[tuple[str, Node], ...]
    """Fields whose default is something."""


@cache
def _plan(record: type) -> _Plan:
    known = [(spelling(field), field) for field in fields(record)]
    own = {alias: key for key, field in known for alias in field.metadata.get("aliases", ())}
    inner = {key: _records(hints(record)[field.name]) for key, field in known}
    values = [(key, _default(field)) for key, field in known]
    defaults = tuple((key, as_node(value)) for key, value in values if value not in (None, {}, []))
    return _Plan(own, {key: records for key, records in inner.items() if records}, defaults)


def _records(kind: Any) -> tuple[type, ...]:
    return tuple(one for one in (kind, *get_args(kind)) if isinstance(one, type) and is_dataclass(one))


def with_spellings(record: type, node: Node) -> Node:
    """Return the mapping with every alias replaced by its field's own name, in nested records too."""
    if not isinstance(node, Mapping):
        return node
    own, inner, _ = _plan(record)
    if own.keys().isdisjoint(node.entries) and inner.keys().isdisjoint(node.entries):
        return node
    entries: dict[str, Node] = {}
    keys = {}
    for key, item in node.entries.items():
        name = own.get(key, key)
        if name in entries or (name != key and name in node.entries):
            name = key  # both spellings stand there: the shape check reports the alias as unknown
        entries[name] = _deep(inner[name], item, with_spellings) if name in inner else item
        keys[name] = node.keys[key]
    return Mapping(entries, keys, node.span, node.prior)


def with_defaults(record: type, node: Node) -> Node:
    """Return the mapping with the defaults of every field it does not set; fields whose default is nothing stay out."""
    if not isinstance(node, Mapping):
        return node
    _, inner, defaults = _plan(record)
    entries = {
        key: _deep(inner[key], item, with_defaults) if key in inner else item for key, item in node.entries.items()
    }
    keys = dict(node.keys)
    for key, default in defaults:
        if key not in entries:
            entries[key] = default
            keys[key] = BUILT_IN
        else:
            entries[key] = _over(default, entries[key])
    return Mapping(entries, keys, node.span, node.prior)


def _over(default: Node, node: Node) -> Node:
    """Return a scalar or list with the default that it replaces as its lowest layer; a mapping is left alone."""
    if isinstance(node, Mapping):
        return node
    prior = (default, *node.prior)
    if isinstance(node, Sequence):
        return Sequence(node.items, node.span, prior)
    return Scalar(node.value, node.span, prior, plain=node.plain, source=node.source)


def as_node(value: Json) -> Node:
    """Return `value` as a tree that no file holds."""
    if isinstance(value, dict):
        return Mapping({k: as_node(v) for k, v in value.items()}, dict.fromkeys(value, BUILT_IN), BUILT_IN)
    if isinstance(value, list):
        return Sequence([as_node(item) for item in value], BUILT_IN)
    return Scalar(value, BUILT_IN)


def _default(field: "Field[Any]") -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default


def _deep(records: tuple[type, ...], node: Node, change: Any) -> Node:
    """Apply `change` where the field is a record, one of several records told apart by `type`, or a list of them."""
    if isinstance(node, Sequence):
        return Sequence([_deep(records[:1], item, change) for item in node.items], node.span, node.prior)
    if not isinstance(node, Mapping):
        return node
    chosen = next((one for one in records if _tagged(one, node)), records[0])
    changed: Node = change(chosen, node)
    return changed


def _tagged(record: type, node: Mapping) -> bool:
    found = tag(record)
    return found is not None and text_at(node, found[0]) == found[1]
