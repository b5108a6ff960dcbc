"""A YAML file as a tree whose every node knows where it stands, and a merged tree that knows what it replaced."""

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from firn_schemas.base import Json, JsonObject

Path: TypeAlias = tuple[str | int, ...]
"""Leads from a document's root to one of its values: mapping keys and list indexes."""


class Span(NamedTuple):
    """A stretch of a file; lines and columns count from 1, the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def opening(self) -> "Span":
        """Its first character."""
        return self._replace(end_line=self.line, end_column=self.column + 1)


def beginning(file: str) -> Span:
    """Return the first character of a file."""
    return Span(file, 1, 1, 1, 2)


BUILT_IN = Span("", 0, 0, 0, 0)
COMMAND_LINE = Span("--var", 0, 0, 0, 0)
"""The place of what no file says: a connector's or a step's own default."""


class Deferred(NamedTuple):
    """A value that is known only at run time, already lowered to a typed node of the artifact."""

    node: JsonObject
    roots: frozenset[str]


UNKNOWN = Deferred({"$ref": "var"}, frozenset(["var"]))
"""A value that another finding refuses, or that only a platform would say: it may be anything."""


class Scalar:
    """One value that holds no others."""

    __slots__ = ("plain", "prior", "source", "span", "value")

    def __init__(
        self,
        value: "Json | Deferred",
        span: Span,
        prior: "tuple[Node, ...]" = (),
        *,
        plain: bool = False,
        source: str | None = None,
    ) -> None:
        self.value = value
        self.span = span
        self.prior = prior
        self.plain = plain
        self.source = source
        """The text as the file has it, where templates in it were replaced."""


class Mapping:
    """Text keys to nodes, in file order; `keys` tells where each key stands."""

    __slots__ = ("entries", "keys", "prior", "removed", "span")

    def __init__(
        self,
        entries: "dict[str, Node]",
        keys: dict[str, Span],
        span: Span,
        prior: "tuple[Node, ...]" = (),
        *,
        removed: bool = False,
    ) -> None:
        self.entries = entries
        self.keys = keys
        self.span = span
        self.prior = prior
        self.removed = removed
        """Whether the last layer of a merge is a null; it stands at every entry too, whose history goes on."""


EMPTY = Mapping({}, {}, BUILT_IN)
"""A mapping that no file holds and that says nothing."""


class Sequence:
    """Nodes in order."""

    __slots__ = ("items", "prior", "span")

    def __init__(self, items: "list[Node]", span: Span, prior: "tuple[Node, ...]" = ()) -> None:
        self.items = items
        self.span = span
        self.prior = prior


Node: TypeAlias = Scalar | Mapping | Sequence


class Document(NamedTuple):
    """One parsed file: its name as messages show it, its text, and its root."""

    file: str
    text: str
    root: Mapping
    has_empty: bool = False
    """Whether nothing stands behind one of its keys."""

    @property
    def lines(self) -> list[str]:
        """The text's lines, as the parser counts them."""
        return _lines(self.text)


@lru_cache(maxsize=8)
def _lines(text: str) -> list[str]:
    return text.splitlines()


@lru_cache(maxsize=8)
def _line_starts(text: str) -> tuple[int, ...]:
    return (0, *(match.end() for match in re.finditer("\n", text)))


def place_in_text(span: Span, text: str, start: int, end: int) -> Span:
    """Return where `text[start:end]` stands, of a text that begins where `span` does; its lines end with `\\n`."""
    return Span(span.file, *_after(span, text, start), *_after(span, text, end))


def _after(span: Span, text: str, offset: int) -> tuple[int, int]:
    starts = _line_starts(text)
    line = bisect_right(starts, offset) - 1
    return span.line + line, offset - starts[line] + (span.column if line == 0 else 1)


def value_of(node: Node) -> Any:
    """Return the plain value; what is known only at run time stays a Deferred."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Mapping):
        return {key: value_of(item) for key, item in node.entries.items()}
    return [value_of(item) for item in node.items]


def lookup(node: Node, path: Path) -> Node | None:
    """Return the node at `path` below `node`, or None."""
    for part in path:
        if isinstance(node, Mapping) and isinstance(part, str):
            found = node.entries.get(part)
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            found = node.items[part]
        else:
            return None
        if found is None:
            return None
        node = found
    return node


def key_span(node: Node, path: Path) -> Span:
    """Return where the key that ends `path` stands; for a list item, the item itself; for nothing, the nearest node."""
    parent = lookup(node, path[:-1]) if path else None
    if isinstance(parent, Mapping) and path[-1] in parent.keys:
        return parent.keys[str(path[-1])]
    return nearest(node, path).span


def nearest(node: Node, path: Path) -> Node:
    """Return the deepest node on the way along `path`."""
    for part in path:
        deeper = lookup(node, (part,))
        if deeper is None:
            return node
        node = deeper
    return node


def stands_alone(node: Mapping, key: str) -> bool:
    """Whether no colon stands after a key, as in braces: `{a, b c}`."""
    found, place = node.entries[key], node.keys[key]
    return is_empty(found) and found.span[3:] == place[3:] != place[1:3]


def is_null(node: Node) -> bool:
    """Whether a node is a null."""
    return isinstance(node, Scalar) and node.value is None


def is_empty(node: Node) -> bool:
    """Whether nothing is written where a value could stand: a null that is no word."""
    return is_null(node) and node.span[1:3] == node.span[3:]


def text_at(node: Node | None, key: str) -> str | None:
    """Return the text under `key` of a mapping; None where there is none, or it is not text."""
    found = node.entries.get(key) if isinstance(node, Mapping) else None
    return found.value if isinstance(found, Scalar) and isinstance(found.value, str) else None


def mapping_at(node: Node | None, key: str | None) -> Mapping | None:
    """Return the mapping under `key` of a mapping; None where there is none."""
    found = node.entries.get(key) if isinstance(node, Mapping) and key is not None else None
    return found if isinstance(found, Mapping) else None


def entries_at(node: Node | None, key: str) -> dict[str, Node]:
    """Return the entries of the mapping under `key` of a mapping; none where there is no mapping."""
    found = mapping_at(node, key)
    return found.entries if found is not None else {}


def mappings_at(node: Node | None, key: str) -> dict[str, Mapping]:
    """Return those of the entries under `key` that are mappings themselves."""
    return {name: item for name, item in entries_at(node, key).items() if isinstance(item, Mapping)}


def items_at(node: Node | None, key: str) -> list[Node]:
    """Return the items of the list under `key` of a mapping; none where there is no list."""
    found = node.entries.get(key) if isinstance(node, Mapping) else None
    return found.items if isinstance(found, Sequence) else []


def each_at(node: Node | None, key: str) -> Iterator[tuple[Path, Node]]:
    """Yield what stands under `key` of a mapping, or each item of it where it is a list, with the path to it."""
    found = node.entries.get(key) if isinstance(node, Mapping) else None
    if isinstance(found, Sequence):
        yield from (((key, index), item) for index, item in enumerate(found.items))
    elif found is not None:
        yield (key,), found


def walk(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Yield every node with its path, parents first, in order."""
    waiting = [(path, node)]
    while waiting:
        path, node = waiting.pop()
        yield path, node
        if isinstance(node, Mapping):
            waiting += [((*path, key), item) for key, item in reversed(node.entries.items())]
        elif isinstance(node, Sequence):
            waiting += [((*path, index), item) for index, item in reversed([*enumerate(node.items)])]


def deferred(node: Node, path: Path = ()) -> Iterator[tuple[Path, Scalar, Deferred]]:
    """Yield every value that is known only at run time, with its path and its scalar's own, in order."""
    if isinstance(node, Scalar):
        if isinstance(node.value, Deferred):
            yield path, node, node.value
        return
    for key, item in node.entries.items() if isinstance(node, Mapping) else enumerate(node.items):
        if not isinstance(item, Scalar) or isinstance(item.value, Deferred):
            yield from deferred(item, (*path, key))


def with_entry(node: Mapping, key: str, value: Node, place: Span | None = None) -> Mapping:
    """Return a mapping in which another value stands under a key that it has, or under one whose place this is."""
    keys = node.keys if place is None else {key: place} | node.keys
    return Mapping(node.entries | {key: value}, keys, node.span, node.prior)


def filled(node: Mapping, other: Mapping) -> Mapping:
    """Return a mapping with those entries of another, before its own, whose keys it does not have."""
    return Mapping(other.entries | node.entries, other.keys | node.keys, node.span, node.prior)


def only(node: Mapping, keys: Collection[str]) -> Mapping:
    """Return a mapping with none but these of its keys."""
    entries = {key: item for key, item in node.entries.items() if key in keys}
    return Mapping(entries, {key: node.keys[key] for key in entries}, node.span, node.prior)


def without(node: Mapping, keys: Collection[str]) -> Mapping:
    """Return a mapping without these of its keys."""
    return only(node, node.entries.keys() - {*keys})


def rebuild(node: Node, change: Callable[[Scalar, Path], Node], path: Path = ()) -> Node:
    """Return the tree with `change` applied to every scalar; parts that do not change are shared."""
    if isinstance(node, Scalar):
        return change(node, path)
    if isinstance(node, Mapping):
        entries = {key: rebuild(item, change, (*path, key)) for key, item in node.entries.items()}
        if all(entries[key] is item for key, item in node.entries.items()):
            return node
        return Mapping(entries, node.keys, node.span, node.prior)
    items = [rebuild(item, change, (*path, index)) for index, item in enumerate(node.items)]
    if all(new is old for new, old in zip(items, node.items, strict=True)):
        return node
    return Sequence(items, node.span, node.prior)


def has_name(file: str) -> bool:
    """Whether a place's file is one on disk: it is "" where no file says it, and "-" for standard input."""
    return file not in ("", "-", COMMAND_LINE.file)


def printable(name: str) -> str:
    """Return a file's name, which may be no UTF-8, as text that every output can hold."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def dotted(path: Path) -> str:
    """Spell a path as messages and `explain` do: `jobs[0].steps[2].inputs.sql`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
