"""The one door to ruamel.yaml: bytes in, a tree with places or findings out.

Values are built straight from the C parser's events by the YAML 1.2 core schema, so that a limit stops a hostile file
before it costs anything. Timestamps stay text; tags, merge keys, directives and further documents are refused.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Iterable
from typing import Any, NamedTuple
from unicodedata import category, is_normalized, normalize

from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]  # re-exported from the C extension
from ruamel.yaml.error import YAMLError
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
from firn_compiler.document import UNKNOWN, Deferred, Document, Mapping, Node, Scalar, Sequence, Span, beginning
from firn_compiler.recovery import Mended, after_lost, mended
from firn_compiler.syntax import COLON, MAX_KEY, Trouble, syntax_finding, told_once
from firn_schemas.base import Json
from firn_schemas.canonical import MAX_INTEGER

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 40
MAX_NODES = 100_000
MAX_EXPANDED = 200_000
MAX_DIGITS = 1000
MAX_FOUND = 100

_WORDS: dict[str, Json] = {"": None, "~": None}
_WORDS.update(dict.fromkeys(("null", "Null", "NULL")))
_WORDS.update(dict.fromkeys(("true", "True", "TRUE"), True))
_WORDS.update(dict.fromkeys(("false", "False", "FALSE"), False))
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_MAYBE_NUMBER = frozenset("0123456789+-.")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_INVISIBLE = re.compile("[\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")
_SEPARATOR = re.compile("[\x85\u2028\u2029]")  # line breaks in YAML 1.1 and in libyaml, text in YAML 1.2
_REFUSED = (
    (_UNPRINTABLE, "a control character"),
    (_INVISIBLE, "an invisible character"),
    (_SEPARATOR, "a line separator"),
)
_MERGE = "\0<<"
"""Stands for a plain `<<` among keys; no file can hold it."""
_NOT_IN_KEYS = frozenset(["Cc", "Cf", "Zl", "Zp", "Zs"])


class Source(NamedTuple):
    """A file's name, as messages show it, and its bytes."""

    file: str
    content: bytes


class _Stop(Exception):
    """Ends the parse with one finding."""

    def __init__(self, code: str, message: str, span: Span, help: str = "") -> None:
        super().__init__(message)
        self.finding = Diagnostic(code, message, span, help)


class _Misplaced(Exception):
    """The sign for what is lost became a part of a longer text."""


class Parsed(NamedTuple):
    """What became of a file: its document where its structure could be read, and what is wrong with it."""

    document: Document | None
    found: tuple[Diagnostic, ...] = ()
    read: str = ""
    lost: str = ""
    """Where parts of the text are not YAML: the text without them, and those parts alone, each on its lines."""


class _Unread(NamedTuple):
    """A text that is not YAML: its first mistake, and what was found before it."""

    finding: Diagnostic
    found: tuple[Diagnostic, ...]
    colon: bool
    """Whether libyaml only minds a `:` inside a word."""


def parse(source: Source) -> Parsed:
    """Parse a file whose root is a mapping; what is not allowed in it does not hide the rest."""
    try:
        text = _decode(source)
    except _Stop as stop:
        return Parsed(None, (stop.finding,))
    read = _read(source.file, text)
    return read if isinstance(read, Parsed) else _rest(source.file, text, read)


def _rest(file: str, text: str, read: Parsed | _Unread) -> Parsed:
    """Parse a text that is not YAML without the parts that are wrong, as far as that costs no more than a long file."""
    unknown = next((sign for sign in _STAND_INS if sign not in text), "")
    written = text.splitlines(keepends=True)
    lines, lost, found = written, ["\n"] * len(written), list[Diagnostic]()
    allowance = MAX_BYTES if unknown else 0
    while isinstance(read, _Unread):
        cause = told_once(read.finding)
        if cause is None or cause not in map(told_once, found):
            found.append(read.finding)
        for ways in mended(lines, read.finding.span.line, unknown):
            allowance -= len(text) * len(ways)
            best = _best(file, ways, unknown) if allowance >= 0 else None
            if best is not None or allowance < 0:
                break
        else:
            best = None
        if best is None:
            return Parsed(None, (*read.found, *found))
        (lines, start, end), read = best
        lost[start:end] = written[start:end]
    document = read.document._replace(text=text) if read.document is not None else None
    rest = (one for one in read.found if one.code != "E105" or not after_lost(written, lost, one.span.line))
    return Parsed(document, (*found, *rest), "".join(lines), "".join(lost))


def _best(file: str, ways: Iterable[Mended], unknown: str) -> tuple[Mended, Parsed | _Unread] | None:
    """Return the way in which a text can be read, or else read farthest beyond the part; None where there is none."""
    farthest: tuple[Mended, Parsed | _Unread] | None = None
    line = 0
    for way in ways:
        read = _read(file, "".join(way.lines), unknown)
        if isinstance(read, Parsed):
            return way, read
        if read.finding.span.line > max(way.end, line):
            farthest, line = (way, read), read.finding.span.line
    return farthest


def _read(file: str, text: str, unknown: str = "") -> Parsed | _Unread:
    """Parse a text in which the sign `unknown`, where there is one, stands for keys and values that are lost."""
    read = _parsed(file, text, unknown)
    if isinstance(read, Parsed) or not read.colon:
        return read
    # libyaml takes a `:` inside plain text in brackets for a mistake, which YAML 1.2 allows: another sign stands for it
    stand_in = next((sign for sign in _STAND_INS if sign not in text), "")
    again = _parsed(file, text, unknown, stand_in) if stand_in else read
    return read if isinstance(again, _Unread) and again.colon else again


def _parsed(file: str, text: str, unknown: str, stand_in: str = "") -> Parsed | _Unread:
    """Parse a text, in which `stand_in` stands for each `:` inside a word."""
    builder = _Builder(file, _COLON_INSIDE.sub(stand_in, text) if stand_in else text, stand_in, unknown)
    try:
        root = builder.build()
    except _Stop as stop:
        return Parsed(None, (*builder.found, stop.finding))
    except _Misplaced:
        return _Unread(Diagnostic("E101", ""), (), colon=False)
    except YAMLError as error:
        trouble = _trouble(error, builder.quoted)
        wrong = syntax_finding(file, text.splitlines(), trouble)
        same_line = (one for one in builder.found if one.span.line == wrong.span.line)
        return _Unread(next(same_line, wrong), tuple(builder.found), COLON in trouble.problem)
    found = tuple(builder.found)
    if isinstance(root, Mapping):
        return Parsed(Document(file, text, root), found)
    return Parsed(None, found or (Diagnostic("E202", "the file must be a mapping of keys to values", root.span),))


def _trouble(error: YAMLError, quoted: Span | None) -> Trouble:
    problem, context = getattr(error, "problem", None), getattr(error, "context", None)
    at, since = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    return Trouble(
        str(problem or "the text cannot be read"),
        (at.line + 1, at.column + 1) if at else (1, 1),
        str(context or ""),
        (since.line + 1, since.column + 1) if since else None,
        quoted,
    )


_COLON_INSIDE = re.compile(r"""(?<=[^\s"'\]},\[{]):(?=[^\s,\[\]{}])""")
_STAND_INS = "\ue000\ue001\ue002"


def _decode(source: Source) -> str:
    start = beginning(source.file)
    if len(source.content) > MAX_BYTES:
        raise _Stop("E107", f"the file is larger than {MAX_BYTES // 2**20} MiB", start)
    content = source.content.removeprefix(BOM_UTF8)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        help = "save the file as UTF-8; UTF-16 and Latin-1 are not read"
        raise _Stop("E103", "the file is not UTF-8", _at(source.file, before, len(before)), help) from None
    for pattern, what in _REFUSED:
        if (pattern is _UNPRINTABLE or not text.isascii()) and (found := pattern.search(text)):
            code = ord(found[0])
            escape = f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
            help = "" if pattern is _UNPRINTABLE else f'remove it, or write it as "{escape}" in double quotes'
            where = _at(source.file, text, found.start())
            raise _Stop("E106", f"the file holds {what} (U+{code:04X})", where, help)
    if not text.strip():
        raise _Stop("E102", "the file is empty", start)
    return text


def _at(file: str, text: str, offset: int) -> Span:
    """Return the place of one character; lines end where whoever shows them ends them."""
    lines = (text[:offset] + "x").splitlines()
    line, column = len(lines), len(lines[-1])
    return Span(file, line, column, line, column + 1)


class _Builder:
    """Builds the tree from events; every limit is checked as the events arrive."""

    def __init__(self, file: str, text: str, stand_in: str = "", unknown: str = "") -> None:
        self.file = file
        self.parser = CParser(text)
        self.stand_in = stand_in
        """What stands for a `:` in this text; empty: nothing."""
        self.unknown = unknown or None
        """What stands for a key or a value that is lost; None: nothing."""
        self.found: list[Diagnostic] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.open_anchors: set[str] = set()
        self.quoted: Span | None = None
        """The last text in quotes that goes on over lines."""
        self.nodes = 0
        self.expanded = 0

    def build(self) -> Node:
        parser = self.parser
        parser.get_event()  # the stream's start
        start = parser.get_event()
        if not isinstance(start, DocumentStartEvent):
            raise _Stop("E102", "the file is empty", beginning(self.file), "it holds only comments")
        if start.version or start.tags:
            self.refuse("directives (`%`) are not allowed", self.span(start), "remove the line")
        root = self.node(parser.get_event(), 1)
        parser.get_event()  # the document's end
        after = parser.get_event()
        if isinstance(after, DocumentStartEvent):
            self.refuse("the file holds more than one document", self.span(after), "keep one; remove `---`")
        if isinstance(root, Scalar) and root.value is None and not self.found and root.span.line == root.span.end_line:
            raise _Stop("E102", "the file is empty", beginning(self.file), "it holds only `---`")
        return root

    def span(self, event: Event) -> Span:
        start, end = event.start_mark, event.end_mark
        return Span(self.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def node(self, event: Any, depth: int) -> Node:
        self.nodes += 1
        self.expanded += 1
        if self.nodes > MAX_NODES or self.expanded > MAX_EXPANDED:
            raise _Stop("E107", "the file holds too many values", self.span(event), "split the flow")
        kind = type(event)
        if kind is AliasEvent:
            return self.alias(event)
        if event.tag is not None:
            self.refuse("tags (`!`) are not allowed", self.span(event).opening, "remove the tag")
        anchor, before = event.anchor, self.expanded
        if anchor is not None:
            self.refuse_anchor_again(anchor, event)
        if kind is ScalarEvent:
            built: Node = self.scalar(event)
        elif depth > MAX_DEPTH:
            raise _Stop("E107", f"values are nested deeper than {MAX_DEPTH}", self.span(event), "flatten it")
        elif kind is MappingStartEvent:
            built = self.mapping(event, depth)
        else:
            built = self.sequence(event, depth)
        if anchor is not None:
            self.open_anchors.discard(anchor)
            self.anchors[anchor] = (built, self.expanded - before + 1)
        return built

    def refuse_anchor_again(self, anchor: str, event: Any) -> None:
        if anchor in self.anchors or anchor in self.open_anchors:
            where = self.span(event).opening
            self.refuse(f"the anchor `{anchor[:60]}` is defined twice", where, "rename one of them")
        self.open_anchors.add(anchor)

    def alias(self, event: Any) -> Node:
        found = self.anchors.get(event.anchor)
        if found is None:
            open_ = event.anchor in self.open_anchors
            message = "the alias stands inside its own anchor" if open_ else "the alias has no anchor before it"
            self.refuse(message, self.span(event), "" if open_ else "define it with `&name` first")
            return Scalar(UNKNOWN, self.span(event))
        self.expanded += found[1]
        return found[0]

    def scalar(self, event: ScalarEvent) -> Scalar:
        start, end = event.start_mark, event.end_mark
        span = Span(self.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)
        text: str = event.value
        if self.stand_in:
            text = text.replace(self.stand_in, ":")
        if self.unknown and self.unknown in text and text != self.unknown:
            raise _Misplaced
        if event.tag is not None or text == self.unknown:
            return Scalar(UNKNOWN, span)
        if event.style:
            if span.line != span.end_line and event.style in "'\"":
                self.quoted = span
            return Scalar(self.checked(text, span), span)
        if text in _WORDS:
            return Scalar(_WORDS[text], span, plain=True)
        if text[0] in _MAYBE_NUMBER:
            return Scalar(self.number(text, span), span, plain=True)
        return Scalar(text, span, plain=True)

    def checked(self, text: str, span: Span) -> str | Deferred:
        if not text.isprintable() and (found := _UNPRINTABLE.search(text)):
            self.refuse(f"the text holds a control character (U+{ord(found[0]):04X})", span)
            return UNKNOWN
        return text

    def refuse(self, message: str, span: Span, help: str = "", code: str = "E106") -> None:
        if len(self.found) >= MAX_FOUND:
            raise _Stop(code, message, span, help)
        self.found.append(Diagnostic(code, message, span, help))

    def number(self, text: str, span: Span) -> Json | Deferred:
        if _INTEGER.match(text):
            return self.bounded(int(text) if len(text) <= MAX_DIGITS else MAX_INTEGER + 1, span)
        if _OCTAL.match(text) or _HEXADECIMAL.match(text):
            return self.bounded(int(text, 0), span)
        if _NOT_FINITE.match(text):
            self.refuse("NaN and infinity are not allowed", span, "quote it if it is meant as text")
            return UNKNOWN
        if _FLOAT.match(text):
            number = float(text)
            if number - number != 0 or (number.is_integer() and abs(number) > MAX_INTEGER):
                self.refuse("the number is outside ±9007199254740991", span, "quote it to keep it as text")
                return UNKNOWN
            return number
        return text

    def bounded(self, number: int, span: Span) -> int | Deferred:
        if abs(number) > MAX_INTEGER:
            self.refuse("the integer is outside ±9007199254740991", span, "quote it to keep it as text")
            return UNKNOWN
        return number

    def mapping(self, event: MappingStartEvent, depth: int) -> Node:
        start = event.start_mark
        entries: dict[str, Node] = {}
        keys: dict[str, Span] = {}
        brought: set[str] = set()
        broken = False
        next_event = self.parser.get_event
        while True:
            event = next_event()
            if isinstance(event, CollectionEndEvent):
                end = event.end_mark
                span = Span(self.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)
                if broken and not entries:
                    return Scalar(UNKNOWN, span)
                return Mapping(entries, keys, span)
            key, where = self.key(event, depth)
            value = self.node(next_event(), depth + 1)
            if key is None:
                broken = True
            elif key is _MERGE:
                brought |= self.merge(value, entries, keys)
            elif key in entries and key not in brought:
                help = f"the first is on line {keys[key].line}"
                self.refuse(f"the key `{key}` stands twice in this mapping", where, help, "E105")
            else:
                keys[key] = where
                entries[key] = value
                brought.discard(key)

    def merge(self, value: Node, entries: dict[str, Node], keys: dict[str, Span]) -> set[str]:
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

    def key(self, event: Any, depth: int) -> tuple[str | None, Span]:
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
        return self.plain_key(node.value, where), where

    def plain_key(self, key: str, where: Span) -> str:
        """Refuse a key that does not show what it is, or that has another spelling which looks the same."""
        if len(key) > MAX_KEY:
            raise _Stop("E107", f"a key is longer than {MAX_KEY} characters", where)
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
        start = event.start_mark
        items: list[Node] = []
        next_event = self.parser.get_event
        while True:
            event = next_event()
            if isinstance(event, CollectionEndEvent):
                end = event.end_mark
                span = Span(self.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)
                return Sequence(items, span)
            items.append(self.node(event, depth + 1))


class _Loose(_Builder):
    """Builds trees for looking alone: whatever libyaml can read is taken, and nothing is refused.

    A scalar's `source` is its tag: `!Ref`, `!vault` and their like say that it stands for something else.
    """

    def __init__(self, file: str, text: str, stand_in: str = "") -> None:
        super().__init__(file, text, stand_in)
        self.roots: list[Node] = []

    def read(self) -> list[Node]:
        """Return the roots of all documents, and keys that are no text as roots of their own."""
        while (event := self.parser.get_event()) is not None:
            if isinstance(event, DocumentStartEvent):
                self.roots.append(self.node(self.parser.get_event(), 1))
        return self.roots

    def refuse(self, message: str, span: Span, help: str = "", code: str = "E106") -> None:
        """Take what a compilation refuses."""

    def scalar(self, event: ScalarEvent) -> Scalar:
        value = event.value.replace(self.stand_in, ":") if self.stand_in else event.value
        return Scalar(value, self.span(event), plain=not event.style, source=_foreign(event.tag))

    def alias(self, event: Any) -> Node:
        """Return what an alias stands for where that is one value: anything else is seen where it is written."""
        node, _ = self.anchors.get(event.anchor, (None, 0))
        return node if isinstance(node, Scalar) else Scalar(None, self.span(event))

    def sequence(self, event: SequenceStartEvent, depth: int) -> Sequence:
        built = super().sequence(event, depth)
        if _foreign(event.tag):
            built.items = [
                Scalar(one.value, one.span, source=event.tag) if isinstance(one, Scalar) else one for one in built.items
            ]
        return built

    def mapping(self, event: MappingStartEvent, depth: int) -> Mapping:
        start = self.span(event)
        entries: dict[str, Node] = {}
        keys: dict[str, Span] = {}
        repeated = 0  # goes on over all keys, so that each name is tried once
        while not isinstance(event := self.parser.get_event(), CollectionEndEvent):
            where = self.span(event)
            name = event.value if isinstance(event, ScalarEvent) else "?"
            if name == "?":
                self.roots.append(self.node(event, depth + 1))
            written = name
            while name in entries:
                repeated += 1
                name = f"{written}'{repeated}"
            keys[name] = where
            entries[name] = self.node(self.parser.get_event(), depth + 1)
        end = self.span(event)
        return Mapping(entries, keys, start._replace(end_line=end.end_line, end_column=end.end_column))


def _foreign(tag: str | None) -> str | None:
    """Return a tag that gives its value another meaning: none of YAML's own."""
    return None if tag is None or tag.startswith("tag:yaml.org") else tag


def parse_loosely(file: str, text: str) -> list[Node] | None:
    """Return the roots of a YAML or JSON file of any tool; None where it is neither, or deeper than anyone writes."""
    for stand_in in ("", next((sign for sign in _STAND_INS if sign not in text), "")):
        try:
            return _Loose(file, _COLON_INSIDE.sub(stand_in, text) if stand_in else text, stand_in).read()
        except _Stop:
            return None
        except YAMLError as error:
            if COLON not in str(getattr(error, "problem", "")):
                return None
    return None


def out_of_range(text: str) -> bool:
    """Whether `text` spells a number that a file could not hold."""
    return _FLOAT.match(text) is not None and abs(float(text)) > MAX_INTEGER


def plain_value(text: str) -> Json:
    """Return what `text` means as a plain scalar: so are `--var NAME=VALUE` read. What is out of range stays text."""
    if text in _WORDS:
        return _WORDS[text]
    if out_of_range(text):
        return text
    if _INTEGER.match(text) and len(text) <= 17:
        return int(text)
    return float(text) if _FLOAT.match(text) and "." in text and len(text) <= 16 else text
