"""From the C parser's events to a tree with places, by the YAML 1.2 core schema.

Every limit is checked as the events arrive, so that it stops a hostile file before that costs anything. Timestamps stay
text; tags, merge keys, directives and further documents are refused.
"""

import re
from typing import Any
from unicodedata import category, is_normalized, normalize

from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]  # re-exported from the C extension
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.document import UNKNOWN, Deferred, Mapping, Node, Scalar, Sequence, Span, beginning, is_empty
from firn_compiler.scalars import MAX_KEY, MAYBE_NUMBER, NO_COLON, NO_SIGN, WORDS, NoNumber, colon, number_or_text
from firn_schemas.base import Json

MAX_DEPTH = 40
MAX_NODES = 100_000
MAX_EXPANDED = 200_000
MAX_FOUND = 100

UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_MERGE = "\0<<"
"""Stands for a plain `<<` among keys; no file can hold it."""
_NOT_IN_KEYS = frozenset(["Cc", "Cf", "Zl", "Zp", "Zs"])
_CLOSED_BY = {"“": ("”",), "„": ("“", "”"), "‘": ("’",), "«": ("»",)}
"""Quotes of books, which are text to YAML, by the first."""
_LONE_END = re.compile(
    r"""(?:\{\{[^{}'"]*\}\}|[^\s'"{])*(?<![\s\d'"])['"] | [\w.*/,\ -]*[\w*]\] | [\w.*/,:\ -]*[\w*]\}""", re.VERBOSE
)
"""A word that a quote ends, where behind a digit it may be one of inches; words that a bracket ends."""
_OPENED = re.compile(rf"([\w.-]+)(?: +| *({NO_SIGN}) *)([{{\[])")
"""A key that lacks its colon before a bracket."""
_COLON_INSIDE = re.compile(r"""(?<=[^\s"'\]},\[{]):(?=[^\s,\[\]{}])""")
"""A `:` inside a word."""


class Stop(Exception):
    """Ends the parse with one finding."""

    def __init__(self, code: str, message: str, span: Span, help: str = "") -> None:
        super().__init__(message)
        self.finding = Diagnostic(code, message, span, help)


class Misplaced(Exception):
    """The sign for what is lost became a part of a longer text."""


def free_sign(text: str) -> str:
    """Return a sign that a text does not hold, so that it may stand for something; empty where it holds all of them."""
    return next((sign for sign in "\ue000\ue001\ue002" if sign not in text), "")


class Builder:
    """Builds the tree of one text."""

    def __init__(self, file: str, text: str, stand_in: str = "", unknown: str = "") -> None:
        self.file = file
        self.parser = CParser(_COLON_INSIDE.sub(stand_in, text) if stand_in else text)
        self.stand_in = stand_in
        """What stands for a `:` in this text; empty: nothing."""
        self.unknown = unknown or None
        """What stands for a key or a value that is lost; None: nothing."""
        self.found: list[Diagnostic] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.open_anchors: set[str] = set()
        self.quoted: Span | None = None
        """The last text in quotes that goes on over lines."""
        self.has_empty = False
        """Whether a value was none."""
        self.item = -1
        """Where the last item of a list begins."""
        self.before: list[Node] = []
        """Items of a list that ended where the `- ` of the next one is missing."""
        self.nodes = 0
        self.expanded = 0

    def build(self) -> Node:
        """Return the root of a file's one document."""
        parser = self.parser
        parser.get_event()  # the stream's start
        start = parser.get_event()
        if not isinstance(start, DocumentStartEvent):
            raise Stop("E102", "the file is empty", beginning(self.file), "it holds only comments")
        if start.version or start.tags:
            self.refuse("directives (`%`) are not allowed", self.span(start), "remove the line")
        root = self.node(parser.get_event(), 1)
        parser.get_event()  # the document's end
        after = parser.get_event()
        if isinstance(after, DocumentStartEvent):
            self.refuse("the file holds more than one document", self.span(after), "keep one; remove `---`")
        if isinstance(root, Scalar) and root.value is None and not self.found and root.span.line == root.span.end_line:
            raise Stop("E102", "the file is empty", beginning(self.file), "it holds only `---`")
        return root

    def span(self, event: Event) -> Span:
        """Return where an event's text stands."""
        return self._between(event.start_mark, event.end_mark)

    def _between(self, start: Any, end: Any) -> Span:
        return Span(self.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def node(self, event: Any, depth: int) -> Node:
        """Return the tree that begins with an event."""
        self.nodes += 1
        self.expanded += 1
        if self.nodes > MAX_NODES or self.expanded > MAX_EXPANDED:
            raise Stop("E107", "the file holds too many values", self.span(event), "split the flow")
        kind = type(event)
        if kind is AliasEvent:
            return self.alias(event)
        if event.tag is not None:
            self.refuse("tags (`!`) are not allowed", self.span(event).opening, "remove the tag")
        anchor, before = event.anchor, self.expanded
        if anchor is not None:
            self._refuse_anchor_again(anchor, event)
        if kind is ScalarEvent:
            built: Node = self.scalar(event)
        elif depth > MAX_DEPTH:
            raise Stop("E107", f"values are nested deeper than {MAX_DEPTH}", self.span(event), "flatten it")
        elif kind is MappingStartEvent:
            built = self.mapping(event, depth)
        else:
            built = self.sequence(event, depth)
        if anchor is not None:
            self.open_anchors.discard(anchor)
            self.anchors[anchor] = (built, self.expanded - before + 1)
        return built

    def _refuse_anchor_again(self, anchor: str, event: Any) -> None:
        if anchor in self.anchors or anchor in self.open_anchors:
            where = self.span(event).opening
            self.refuse(f"the anchor `{anchor[:60]}` is defined twice", where, "rename one of them")
        self.open_anchors.add(anchor)

    def alias(self, event: Any) -> Node:
        """Return what an alias stands for."""
        found = self.anchors.get(event.anchor)
        if found is None:
            open_ = event.anchor in self.open_anchors
            message = "the alias stands inside its own anchor" if open_ else "the alias has no anchor before it"
            self.refuse(message, self.span(event), "" if open_ else "define it with `&name` first")
            return Scalar(UNKNOWN, self.span(event))
        self.expanded += found[1]
        return found[0]

    def scalar(self, event: ScalarEvent) -> Scalar:
        """Return a scalar with its meaning."""
        start, end = event.start_mark, event.end_mark  # `_between`, without a call for each scalar
        span = Span(self.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)
        text: str = event.value
        if self.stand_in:
            text = text.replace(self.stand_in, ":")
        if self.unknown and self.unknown in text and text != self.unknown:
            raise Misplaced
        if event.tag is not None or text == self.unknown:
            return Scalar(UNKNOWN, span)
        if event.style:
            if span.line != span.end_line and event.style in "'\"":
                self.quoted = span
            return Scalar(self._checked(text, span), span)
        if text in WORDS:
            self.has_empty = self.has_empty or not text
            return Scalar(WORDS[text], span, plain=True)
        if text[0] in MAYBE_NUMBER:
            return Scalar(self._number(text, span), span, plain=True)
        if text[0] in _CLOSED_BY and text[1:].endswith(_CLOSED_BY[text[0]]):
            help = "write `'` or `\"`, or put the whole text in them"
            self.refuse(f"`{text[0]}` is not a quote of YAML", span, help, "E101")
            return Scalar(UNKNOWN, span)
        if text[-1] in "'\"]}" and _LONE_END.fullmatch(text):
            self.refuse(f"a `{text[-1]}` ends this, and nothing begins it", span, "write both, or none", "E101")
            return Scalar(UNKNOWN, span)
        return Scalar(text, span, plain=True)

    def _checked(self, text: str, span: Span) -> str | Deferred:
        if not text.isprintable() and (found := UNPRINTABLE.search(text)):
            self.refuse(f"the text holds a control character (U+{ord(found[0]):04X})", span)
            return UNKNOWN
        return text

    def refuse(self, message: str, span: Span, help: str = "", code: str = "E106") -> None:
        """Note what is not allowed; raise Stop where too much is."""
        if len(self.found) >= MAX_FOUND:
            raise Stop(code, message, span, help)
        self.found.append(Diagnostic(code, message, span, help))

    def _number(self, text: str, span: Span) -> Json | Deferred:
        try:
            return number_or_text(text)
        except NoNumber as wrong:
            self.refuse(wrong.message, span, wrong.help)
            return UNKNOWN

    def mapping(self, event: MappingStartEvent, depth: int) -> Node:
        """Return the mapping that begins here; what none of its keys can name is not known."""
        start = event.start_mark
        is_item = start.index == self.item and not event.flow_style
        entries: dict[str, Node] = {}
        keys: dict[str, Span] = {}
        brought: set[str] = set()
        broken = False
        next_event = self.parser.get_event
        while True:
            event = next_event()
            if isinstance(event, CollectionEndEvent):
                span = self._between(start, event.end_mark)
                if broken and not entries:
                    return Scalar(UNKNOWN, span)
                return Mapping(entries, keys, span)
            key, where = self._key(event, depth)
            value = self.node(next_event(), depth + 1)
            opened = _OPENED.match(key) if key and not key.isidentifier() else None
            if opened is not None and isinstance(event, ScalarEvent) and not event.style:
                key, value = opened[1], Scalar(UNKNOWN, value.span)
                where = where._replace(end_column=where.column + len(key))
                help = colon(key, opened[2]) if opened[2] else f"write `{key}: {opened[3]}`"
                self.found = [one for one in self.found if one.span != value.span]  # its bracket is the key's
                self.refuse(NO_COLON, where, help, "E101")
            if key is None:
                broken = True
            elif key is _MERGE:
                brought |= self._merge(value, entries, keys)
            elif key in entries and key not in brought:
                help = f"the first is on line {keys[key].line}"
                if begins := is_item and key == next(iter(entries)):
                    help += ", and each item of a list begins with `- `"
                self.refuse(f"the key `{key}` stands twice in this mapping", where, help, "E105")
                if is_empty(entries[key]):
                    entries[key] = value  # the line was begun twice
                if begins:  # the rest is the next item
                    self.before.append(Mapping(entries, keys, self._between(start, event.start_mark)))
                    entries, keys, brought = {key: value}, {key: where}, set()
            else:
                keys[key] = where
                entries[key] = value
                brought.discard(key)

    def _merge(self, value: Node, entries: dict[str, Node], keys: dict[str, Span]) -> set[str]:
        """Take what a merge key, which was refused, would have brought: the rest is checked as it was meant.

        Returns the keys that it brought, which others may replace.
        """
        before = set(entries)
        for one in value.items if isinstance(value, Sequence) else [value]:
            if isinstance(one, Mapping):
                self.expanded += len(one.entries)
                keys |= {key: span for key, span in one.keys.items() if key not in entries}
                entries |= {key: item for key, item in one.entries.items() if key not in entries}
        return entries.keys() - before

    def _key(self, event: Any, depth: int) -> tuple[str | None, Span]:
        """Return a key and its place; None for one that is not text."""
        where = self.span(event)
        if not isinstance(event, ScalarEvent):
            template = isinstance(event, MappingStartEvent) and event.flow_style
            help = "quote a template: `'{{ … }}'`" if template else "lists, mappings and aliases cannot be keys"
            self.refuse("a key must be plain text", where, help)
            if not isinstance(event, AliasEvent):
                told = len(self.found)
                self.node(event, depth + 1)
                del self.found[told:]
            return None, where
        if event.tag is not None or event.anchor is not None:
            self.refuse("a key can have neither tag nor anchor", where)
        node = self.scalar(event)
        if event.value == "<<" and node.plain:
            self.refuse("merge keys (`<<`) are not allowed", where, "write the keys out, or use `extends`")
            return _MERGE, where
        if node.value is UNKNOWN:
            return None, where
        if not isinstance(node.value, str):
            self.refuse("a key must be text", where, "quote it")
            return str(event.value), where
        return self._plain_key(node.value, where), where

    def _plain_key(self, key: str, where: Span) -> str:
        """Refuse a key that does not show what it is, or that has another spelling which looks the same."""
        if len(key) > MAX_KEY:
            raise Stop("E107", f"a key is longer than {MAX_KEY} characters", where)
        if key.isascii() and key.isprintable():
            return key
        shown = "".join(one for one in key if one == " " or category(one) not in _NOT_IN_KEYS)
        if shown != key:
            hidden = next(one for one in key if one != " " and category(one) in _NOT_IN_KEYS)
            self.refuse(f"the key holds an invisible character (U+{ord(hidden):04X})", where, "remove it")
        elif not is_normalized("NFC", key):
            self.refuse("the key is not in Unicode's normal form NFC", where, "type it again, or convert the file")
        return normalize("NFC", shown)

    def sequence(self, event: SequenceStartEvent, depth: int) -> Sequence:
        """Return the list that begins here."""
        start = event.start_mark
        items: list[Node] = []
        around, self.before = self.before, []
        next_event = self.parser.get_event
        while True:
            event = next_event()
            if isinstance(event, CollectionEndEvent):
                span = self._between(start, event.end_mark)
                self.before = around
                return Sequence(items, span)
            self.item = event.start_mark.index
            item = self.node(event, depth + 1)
            if self.before:
                items += self.before
                self.before = []
            items.append(item)
