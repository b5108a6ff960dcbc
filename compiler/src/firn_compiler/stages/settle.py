"""From names to resources: short forms spelled out, aliases resolved, and the flow's settings over the platform's."""

from collections.abc import Iterator

from firn_compiler.document import BUILT_IN, Mapping, Node, Scalar, text_at
from firn_compiler.model.project import Flow, Platform, Settled
from firn_compiler.stages.defaults import with_defaults, with_spellings
from firn_compiler.stages.merge import merged, without_nulls
from firn_schemas.connectors import COMPUTE, CONNECTORS, STORAGE

EMPTY = Mapping({}, {}, BUILT_IN)
LOGICAL = ("storage", "compute")
"""Names that a flow's steps may use as resources without declaring them."""


def connector_names() -> dict[str, tuple[str, str]]:
    """Return every word by which `type` may name a connector: its driver, or its kind where that has one driver."""
    kinds = [kind for kind, _ in CONNECTORS]
    alone = {kind: (kind, driver) for kind, driver in CONNECTORS if kinds.count(kind) == 1}
    return alone | {row[1]: row for row in CONNECTORS}


def family(node: Mapping) -> tuple[str, str] | None:
    """Return the (kind, driver) that a connector or inline resource names, or None."""
    word = text_at(node, "type")
    if word is not None:
        return connector_names().get(word)
    row = (text_at(node, "kind") or "", text_at(node, "driver") or "")
    return row if row in CONNECTORS else None


def resource(flow: Flow, platform: Platform | None, name: str) -> Settled | None:
    """Return the resource that the flow's steps call `name`, settled; None where a reference to it is broken."""
    if name in flow.resources:
        return _declared(flow.resources[name], platform)
    if name == "storage":
        return _storage(flow, platform)
    if name == "compute":
        return _compute(flow, platform)
    return None


def _declared(node: Mapping, platform: Platform | None) -> Settled | None:
    profile = text_at(node, "profile")
    lower: Node = EMPTY
    if profile is not None:
        found = platform.root.entries.get("connectors") if platform else None
        lower = found.entries.get(profile, EMPTY) if isinstance(found, Mapping) else EMPTY
    source = lower if profile is not None else node
    row = family(source) if isinstance(source, Mapping) else None
    if row is None or not isinstance(source, Mapping):
        return None
    config, options = (
        merged(part(source, key, row), part(node, key, row)) if source is not node else part(node, key, row)
        for key in ("config", "options")
    )
    return _settled(row, config, options, node)


def part(node: Mapping, key: str, row: tuple[str, str]) -> Node:
    """Return `config` or `options` of a connector in its own spelling; `params` is short for `config`."""
    found = node.entries.get(key)
    if key == "config" and found is None:
        found = node.entries.get("params")
    record = CONNECTORS[row].config if key == "config" else CONNECTORS[row].options
    return with_spellings(record, found) if isinstance(found, Mapping) else Mapping({}, {}, node.span)


def _settled(row: tuple[str, str], config: Node, options: Node, node: Node) -> Settled:
    schema = CONNECTORS[row]
    return Settled(
        *row,
        with_defaults(schema.config, without_nulls(config)),
        with_defaults(schema.options, without_nulls(options)),
        node.span,
    )


def logical(flow: Flow, platform: Platform | None, section: str) -> Mapping | None:
    """Return the platform's entry for the flow's logical `storage` or `compute`, or None."""
    found = platform.root.entries.get(section) if platform else None
    named = found.entries.get(text_at(flow.root, section) or "default") if isinstance(found, Mapping) else None
    return named if isinstance(named, Mapping) else None


def _storage(flow: Flow, platform: Platform | None) -> Settled | None:
    node = logical(flow, platform, "storage")
    row = STORAGE.get(text_at(node, "type") or "")
    if node is None or row is None:
        return None
    schema = CONNECTORS[row]
    spelled = with_spellings(schema.config, with_spellings(schema.options, node))
    assert isinstance(spelled, Mapping)
    options = set(_keys(schema.options))
    return _settled(row, _pick(spelled, options | {"type"}, out=True), _pick(spelled, options, out=False), node)


def _compute(flow: Flow, platform: Platform | None) -> Settled | None:
    node = logical(flow, platform, "compute")
    if node is None:
        return Settled("compute", "duckdb", EMPTY, EMPTY, flow.root.span)  # the same engine in every environment
    driver = text_at(node, "type") or ""
    if driver not in COMPUTE:
        return None
    properties = node.entries.get("properties", Mapping({}, {}, node.span))
    return Settled("compute", driver, with_defaults(COMPUTE[driver], without_nulls(properties)), EMPTY, node.span)


def _keys(record: type) -> Iterator[str]:
    yield from record.__dataclass_fields__  # type: ignore[attr-defined]  # every row of the table is a record


def _pick(node: Mapping, names: set[str], *, out: bool) -> Mapping:
    entries = {key: item for key, item in node.entries.items() if (key in names) is not out}
    return Mapping(entries, {key: node.keys[key] for key in entries}, node.span, node.prior)


def secret_of(node: Node) -> dict[str, str] | None:
    """Return the reference that a mapping spells, as text; None where it is something else."""
    if not isinstance(node, Mapping) or "secret_ref" not in node.entries:
        return None
    return {
        key: item.value
        for key, item in node.entries.items()
        if isinstance(item, Scalar) and isinstance(item.value, str)
    }
