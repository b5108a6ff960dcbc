"""The `extends` chain: every file in the schema's own spelling first, so that two words for one key still merge."""

from collections.abc import Sequence
from functools import reduce

from firn_compiler.document import Mapping, Node, mapping_at, text_at
from firn_compiler.stages.defaults import with_spellings
from firn_compiler.stages.merge import merged
from firn_compiler.stages.settle import SHORT, TYPES, family
from firn_schemas.connectors import CONNECTORS

Row = tuple[str, str] | None


def merged_chain(roots: Sequence[Mapping]) -> Mapping:
    """Return the files' roots merged, base first; nulls are kept until they have removed what they are to remove."""
    whole = _merged(roots)
    return whole if len(roots) == 1 else _merged([_spelled(root, whole) for root in roots])


def _merged(roots: Sequence[Mapping]) -> Mapping:
    nodes: list[Node] = [*roots]
    found = reduce(merged, nodes)
    assert isinstance(found, Mapping)
    return found


def _spelled(root: Mapping, whole: Mapping) -> Mapping:
    """Return a file's root with the names of its systems' settings spelled as in the schemas that the chain names."""
    changed: dict[str, Node] = {}
    section = mapping_at(root, "connectors")
    if section is not None:
        known = mapping_at(whole, "connectors")
        entries = {name: _connector(node, family(mapping_at(known, name))) for name, node in section.entries.items()}
        changed["connectors"] = Mapping(entries, section.keys, section.span)
    for key, types in TYPES.items():
        section, known = mapping_at(root, key), mapping_at(whole, key)
        if section is not None:
            rows = {name: types.get(text_at(mapping_at(known, name), "type") or "") for name in section.entries}
            entries = {name: _flat(node, rows[name]) for name, node in section.entries.items()}
            changed[key] = Mapping(entries, section.keys, section.span)
    return Mapping(root.entries | changed, root.keys, root.span)


def _flat(node: Node, row: Row) -> Node:
    if row is None:
        return node
    return with_spellings(CONNECTORS[row].config, with_spellings(CONNECTORS[row].options, node))


def _connector(node: Node, row: Row) -> Node:
    if not isinstance(node, Mapping):
        return node
    entries: dict[str, Node] = {}
    keys = {}
    for word, item in node.entries.items():
        key = SHORT[word] if word in SHORT and SHORT[word] not in node.entries else word
        record = {"config": CONNECTORS[row].config, "options": CONNECTORS[row].options}.get(key) if row else None
        entries[key] = with_spellings(record, item) if record else item
        keys[key] = node.keys[word]
    return Mapping(entries, keys, node.span)
