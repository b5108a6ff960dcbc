"""The `extends` chain: every file in the schema's own spelling first, so that two words for one key still merge."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TypeAlias

from firn_compiler.document import EMPTY, Mapping, Node, Scalar, is_null, mapping_at, text_at
from firn_compiler.stages.defaults import with_spellings
from firn_compiler.stages.merge import merged
from firn_compiler.stages.settle import TYPES, changed, connector_names, each_in_full, family, served_by
from firn_schemas.connectors import CONNECTORS


def merged_chain(roots: Sequence[Mapping]) -> Mapping:
    """Return the files' roots merged, base first; nulls are kept until they have removed what they are to remove."""
    files = [each_in_full(root, "connectors") for root in roots]
    for changes in (NAMES, SPELLINGS) if len(files) > 1 else ():
        whole = _merged(files)
        for section, change in changes.items():
            files = [_each(file, whole, section, change) for file in files]
    return _merged(files)


def _merged(roots: Sequence[Mapping]) -> Mapping:
    nodes: list[Node] = [*roots]
    found = reduce(merged, nodes)
    assert isinstance(found, Mapping)
    return found


Change: TypeAlias = Callable[[Mapping, Mapping], Node]
"""From an entry of one file, and what the whole chain says under its name, to the entry in another spelling."""


def _each(root: Mapping, whole: Mapping, section: str, change: Change) -> Mapping:
    known = mapping_at(whole, section)
    return changed(root, section, lambda name, node: change(node, mapping_at(known, name) or EMPTY))


def _named(node: Mapping, known: Mapping) -> Mapping:
    """Return a connector with `kind` and `driver` in the place of its `type`, where another file names those."""
    other = ("kind", "driver")
    if "type" not in node.entries or not any(word in known.entries for word in other):
        return node
    if any(not is_null(node.entries[word]) for word in other if word in node.entries):
        return node  # this file names them itself: beside a `type` that is reported, beside a null it is meant
    word = node.entries["type"]
    row = connector_names().get(text_at(node, "type") or "")
    entries = node.entries | {key: Scalar(row and row[at], word.span) for at, key in enumerate(other)}
    if row is not None:
        del entries["type"]
    return Mapping(entries, node.keys | dict.fromkeys(other, node.keys["type"]), node.span)


def _connector(node: Mapping, known: Mapping) -> Node:
    row = family(known)
    if row is None:
        return node
    records = {"config": CONNECTORS[row].config, "options": CONNECTORS[row].options}
    entries = {
        key: with_spellings(records[key], item) if key in records else item for key, item in node.entries.items()
    }
    return Mapping(entries, node.keys, node.span)


def _flat(section: str) -> Change:
    def spelled(node: Mapping, known: Mapping) -> Node:
        row = served_by(section, known)
        return with_spellings(CONNECTORS[row].config, with_spellings(CONNECTORS[row].options, node)) if row else node

    return spelled


NAMES: dict[str, Change] = {"connectors": _named}
SPELLINGS: dict[str, Change] = {"connectors": _connector} | {section: _flat(section) for section in TYPES}
"""What is done to the entries of each section: once it is known by which word a type is named, and which it is."""
