"""Keys of records as they were meant: each that is misspelt is reported, and taken for what it surely stands for."""

import re
from collections.abc import Collection
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_origin

from firn_compiler.closest import closest, misspelt
from firn_compiler.diagnostics import Diagnostic, finding, suggestion
from firn_compiler.document import (
    UNKNOWN,
    Deferred,
    Mapping,
    Node,
    Path,
    Scalar,
    Sequence,
    Span,
    dotted,
    stands_alone,
    text_at,
    with_entry,
)
from firn_compiler.model.closed import alternatives
from firn_compiler.scalars import NO_SIGN, colon, plain_value
from firn_schemas.base import Json
from firn_schemas.decode import hints, keys, spelling, tag, words


class Keys:
    """Looks at the keys of mappings, and notes what is found."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []
        self.renamed: set[str] = set()
        """Paths of the values whose keys were words for another, as messages spell them: they may be others, too."""

    def whole(self, record: type, node: Mapping, path: Path) -> Mapping:
        """Return a record with its keys, and those of every record inside of it, as they were meant."""
        return self.parts(record, self.keys_of(record, node, path), path)

    def parts(self, record: type, node: Mapping, path: Path) -> Mapping:
        """Return a mapping with the keys of every record inside of a record, whose keys it has, as they were meant."""
        for key, kind in _parts(record):
            if isinstance(inner := node.entries.get(key), (Mapping, Sequence)):
                node = with_part(node, key, self.inside(kind, inner, (*path, key)))
        return node

    def inside(self, kind: Any, node: Node, path: Path) -> Node:
        """Return what should be of a type, if that is known, with the keys of its records as they were meant."""
        if kind is None or kind is Any:
            return node
        kinds = alternatives(kind)
        if isinstance(node, Sequence):
            item = next((get_args(one)[0] for one in kinds if get_origin(one) is list), None)
            items = [self.inside(item, one, (*path, index)) for index, one in enumerate(node.items)]
            return Sequence(items, node.span, node.prior)
        if not isinstance(node, Mapping):
            return node
        records: list[Any] = [one for one in kinds if is_dataclass(one)]
        if len(records) > 1:
            node, records = self.tagged(records, node, path)
        if len(records) == 1:
            return self.whole(records[0], node, path)
        value = next((get_args(one)[1] for one in kinds if get_origin(one) is dict), None)
        entries = {key: self.inside(value, one, (*path, key)) for key, one in node.entries.items()}
        return Mapping(entries, node.keys, node.span, node.prior)

    def tagged(self, records: list[Any], node: Mapping, path: Path) -> tuple[Mapping, list[Any]]:
        """Return a mapping with the keys that several records share, and which of them it is by the one that tells."""
        tags = [found for one in records if (found := tag(one)) is not None]
        if len({key for key, _ in tags}) != 1:
            return node, []
        key = tags[0][0]
        shared = set.intersection(*(set(keys(one)) for one in records))
        node = self.known_keys(shared, frozenset().union(*map(words, records)), node, path)
        word = word_meant(node, key, [one for _, one in tags])
        return node, [one for one in records if tag(one) == (key, word)]

    def keys_of(self, record: type, node: Mapping, path: Path) -> Mapping:
        """Return one mapping with the record's own keys where others were surely meant to be those."""
        return self.known_keys(keys(record), words(record), node, path)

    def known_keys(self, own: Collection[str], known: Collection[str], node: Mapping, path: Path) -> Mapping:
        """Return one mapping with these keys, which have further spellings that are `known`, where they were meant."""
        if node.entries.keys() <= {*known}:
            return node
        node = self.in_braces(node, known, path)
        names: dict[str, str] = {}
        free = set(own) - node.entries.keys()
        for key in node.entries:
            meant = closest(key, free) if key not in known else None
            if meant in _LISTS:
                meant = _list_meant(node.entries[key], meant, free)
            if meant is not None:
                names[key] = meant
                if misspelt(key, [meant]) is None:
                    self.renamed.add(dotted((*path, meant)))
                free.discard(meant)
                help = suggestion(key, own, meant=meant)
                where = (*path, key)
                self.found.append(finding("E201", f"`{key}` is not a known key", node.keys[key], help, where))
        return renamed(node, names)

    def in_braces(self, node: Mapping, known: Collection[str], path: Path) -> Mapping:
        """Return a mapping in braces with what lacks a colon, or the quotes around a comma, as it was meant."""
        entries: dict[str, Node] = {}
        keys: dict[str, Span] = {}
        last = cut = ""
        for key in node.entries:
            place, value = node.keys[key], entries.get(last)
            head, sign, rest = _split(key)
            if key in known or not stands_alone(node, key):
                entries[key], keys[key], last = node.entries[key], place, key
            elif rest and head in known and head not in node.entries:
                help = f"write a space after `{head}:`" if sign == ":" else colon(head, sign)
                self.found.append(finding("E201", f"`{key}` is not a known key", place, help, (*path, key)))
                begins = place.column + len(key) - len(rest)
                entries[head] = Scalar(_written(rest), place._replace(column=begins))
                keys[head], last = place._replace(end_column=place.column + len(head)), head
            elif isinstance(value, Scalar) and value.value is UNKNOWN:
                continue  # the rest of a text in quotes
            elif isinstance(value, Scalar) and isinstance(value.value, str) and value.plain:
                if cut != last:
                    help = "in braces a comma ends a value: quote the text that holds it"
                    self.found.append(finding("E201", f"`{key}` is not a known key", place, help, (*path, key)))
                cut, whole = last, value.span._replace(end_line=place.end_line, end_column=place.end_column)
                entries[last] = Scalar(f"{value.value}, {key}", whole, plain=True)
            else:
                entries[key], keys[key], last = node.entries[key], place, key
        return Mapping(entries, keys, node.span, node.prior)


def _split(key: str) -> tuple[str, str, str]:
    """Return the key that one may begin with which lacks its colon, what stands in its place, and the rest."""
    found = re.match(rf"([\w.-]+)(:(?!=)| *(?:{NO_SIGN}) *| +)(.*)", key, re.DOTALL)
    return (found[1], found[2].strip(), found[3]) if found else (key, "", "")


def _written(text: str) -> "Json | Deferred":
    """Return what stands behind a key without its colon; of a text in quotes, a comma may have cut off the rest."""
    if text[0] not in "'\"":
        return plain_value(text)
    return text[1:-1] if len(text) > 1 and text.endswith(text[0]) else UNKNOWN


def key_meant(record: type, root: Mapping, key: str) -> str:
    """Return the key by which a file says what one says in its record: that, or an unknown one that is meant to be it.

    For what must be known before the rest can be looked at.
    """
    known = words(record)
    others = (one for one in root.entries if key not in root.entries and one not in known)
    return next((one for one in others if closest(one, known) == key), key)


@cache
def _parts(record: type) -> list[tuple[str, Any]]:
    """Return the keys of a record under which there are others, each with what it may be."""
    kinds = ((spelling(field), hints(record)[field.name]) for field in fields(record))
    return [(key, kind) for key, kind in kinds if _holds_records(kind)]


def _holds_records(kind: Any) -> bool:
    return any(is_dataclass(one) or any(map(_holds_records, get_args(one))) for one in alternatives(kind))


_LISTS = ("jobs", "steps")


def _list_meant(node: Node, meant: str, free: Collection[str]) -> str | None:
    """Return what a list is that another tool calls so: steps, jobs with steps of their own, or neither."""
    items = node.items if isinstance(node, Sequence) else []
    if items and not any(isinstance(item, Mapping) for item in items):
        return None
    steps = any(isinstance(item, Mapping) and "type" in item.entries for item in items)
    return "steps" if meant == "jobs" and steps and "steps" in free else meant


def renamed(node: Mapping, names: dict[str, str]) -> Mapping:
    """Return a mapping with other names for some of its keys."""
    entries = {names.get(key, key): item for key, item in node.entries.items()}
    keys: dict[str, Span] = {names.get(key, key): span for key, span in node.keys.items()}
    return Mapping(entries, keys, node.span, node.prior)


def with_part(node: Mapping, key: str, value: Node | None) -> Mapping:
    """Return a mapping with this under a key, unless it is what is there or nothing."""
    return node if value is None or value is node.entries.get(key) else with_entry(node, key, value)


def word_meant(node: Node | None, key: str, known: Collection[str]) -> str | None:
    """Return the word under a key, or the known one that it surely is a misspelling of."""
    word = text_at(node, key)
    return word if word is None or word in known else misspelt(word, known) or word
