"""Where in files secrets stand: every value, key, comment and anchor of a document, and every line of other text."""

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from firn_compiler.document import Document, Mapping, Node, Path, Scalar, Sequence, Span
from firn_compiler.scalar_text import place_in
from firn_compiler.scan.engine import leaks
from firn_compiler.scan.found import Text
from firn_compiler.yaml_source import parse_loosely

Sort = Literal["value", "key", "comment", "other", "text"]


class Piece(NamedTuple):
    """A text of a file that is looked at: where it stands and what it is."""

    text: Text
    path: Path
    span: Span
    sort: Sort = "value"


class Located(NamedTuple):
    """A secret that stands in a file."""

    rule: str
    kind: str
    path: Path
    span: Span
    sort: Sort
    secret: str
    written: str
    """The stretch of the text that holds it, which may be an encoded form."""


def in_document(document: Document) -> list[Located]:
    """Return the secrets of a parsed file, in its order."""
    return _in_trees(document.file, document.text, [document.root])


def in_expanded(document: Document, root: Node) -> list[Located]:
    """Return the secrets that templates have put together in a document's tree: no text of the file holds them."""
    if "{{" not in document.text:
        return []
    return located(
        [piece for piece in _of_node(root, (), "", "", expanded=True) if piece.sort == "value"], document.lines
    )


def in_file(file: str, text: str) -> list[Located]:
    """Return the secrets of a file of any tool: as YAML or JSON where it is that, else line by line."""
    roots = parse_loosely(file, text) if file.lower().endswith(_TREES) else None
    return in_text(file, text) if roots is None else _in_trees(file, text, roots)


_TREES = (".yaml", ".yml", ".json")


def _in_trees(file: str, text: str, roots: Iterable[Node]) -> list[Located]:
    pieces = [piece for root in roots for piece in _of_node(root, (), "", "")]
    return located([*pieces, *_beside_values(file, text)], text.splitlines())


def in_text(file: str, text: str) -> list[Located]:
    """Return the secrets of any other text: each line by itself, for what it assigns, and the whole for its shapes.

    Their path is the file's name.
    """
    lines = text.splitlines()
    return located([*_of_lines(file, lines)], lines)


def located(pieces: list[Piece], lines: list[str]) -> list[Located]:
    """Look at pieces of one file, and say where in it secrets stand; what overlaps is said once."""
    found = []
    for leak in leaks(piece.text for piece in pieces):
        piece = pieces[leak.number]
        written = piece.text.text[leak.start : leak.end]
        span = _place(piece, lines, leak.start, leak.end)
        found.append(Located(leak.rule, leak.kind, piece.path, span, piece.sort, leak.secret, written))
    values = [one for one in found if one.sort in ("value", "key")]
    return [one for one in found if one in values or not any(_within(one.span, other.span) for other in values)]


def _within(inner: Span, outer: Span) -> bool:
    start, end = (outer.line, outer.column), (outer.end_line, outer.end_column)
    return start <= (inner.line, inner.column) < end or (inner.line, inner.column) <= start < (
        inner.end_line,
        inner.end_column,
    )


def _place(piece: Piece, lines: list[str], start: int, end: int) -> Span:
    span = piece.span
    if piece.sort == "value" and span.file:
        return place_in(lines, span, piece.text.text, start, end)
    if piece.sort in ("comment", "text"):
        before = piece.text.text[:start]
        line = span.line + before.count("\n")
        column = start - (before.rfind("\n") + 1) + (span.column if "\n" not in before else 1)
        return Span(span.file, line, column, line, column + max(end - start, 1))
    return span


# --- documents ---


def _of_node(node: Node, path: Path, key: str, above: str, *, expanded: bool = False) -> Iterator[Piece]:
    """Yield what a tree holds; of one in which templates were replaced, the values that were put together."""
    kind = type(node)
    if kind is Scalar:
        text = _said(node)  # type: ignore[arg-type]  # narrowed by the exact type above
        if text and (not expanded or node.source is not None):  # type: ignore[union-attr]  # as above
            elsewhere = not expanded and node.source is not None  # type: ignore[union-attr]  # as above
            yield Piece(Text(text, "" if elsewhere else key, above), path, node.span)
    elif kind is Mapping:
        assert isinstance(node, Mapping)
        named = _named(node)
        inside = f"{above}.{key}" if key else above
        for name, item in node.entries.items():
            yield Piece(Text(name, "", inside), (*path, name), node.keys[name], "key")
            yield from _of_node(item, (*path, name), named.get(name, name), inside, expanded=expanded)
    else:
        assert isinstance(node, Sequence)
        yield from _of_items(node, path, key, above, expanded=expanded)


def _said(node: Scalar) -> str:
    """Return what a scalar says, as text; numbers too may be passwords."""
    value = node.value
    if isinstance(value, str):
        return value
    return str(value) if type(value) in (int, float) else ""


_NAMES = (
    "name",
    "key",
    "id",
    "variable",
    "var",
    "header",
    "parameter",
    "param",
    "option",
    "setting",
    "field",
    "Name",
    "Key",
)
_VALUES = ("value", "default", "content", "data", "text", "val", "Value", "defaultValue", "defaultValues")


def _named(node: Mapping) -> dict[str, str]:
    """Return under which key a value stands that is named beside itself: `{name: DB_PASSWORD, value: …}`."""
    values = [key for key in _VALUES if key in node.entries]
    if not values:
        return {}
    for key in _NAMES:
        name = node.entries.get(key)
        if isinstance(name, Scalar) and isinstance(name.value, str):
            return dict.fromkeys(values, name.value)
    return {}


def _of_items(node: Sequence, path: Path, key: str, above: str, *, expanded: bool) -> Iterator[Piece]:
    """Yield a list's items: one after an option, `--token`, stands under its name; a command is looked at whole too."""
    before = ""
    said = []
    for index, item in enumerate(node.items):
        yield from _of_node(item, (*path, index), before or key, above, expanded=expanded)
        text = item.value if type(item) is Scalar and isinstance(item.value, str) else ""
        before = text.lstrip("-") if text.startswith("--") and "=" not in text else ""
        said.append(text)
    if any(text.startswith("-") for text in said):
        yield Piece(Text(" ".join(filter(None, said)), "", above), path, node.span, "other")


_COMMENT = re.compile(r"(?:^|(?<=\s))#(.*(?:\n[ \t]*#.*)*)", re.MULTILINE)
"""Comments on lines that follow each other are one text."""
_NEXT = re.compile(r"(\n[ \t]*)#")
_ANCHOR = re.compile(r"(?:^|(?<=[\s,\[{(]))[&*!%]([^\s,\[\]{}]{6,})", re.MULTILINE)


def _beside_values(file: str, text: str) -> Iterator[Piece]:
    """Yield what a document holds that is no value: comments, and the names of anchors, tags and directives."""
    for pattern, sort in ((_COMMENT, "comment"), (_ANCHOR, "other")):
        line = at = 0
        for match in pattern.finditer(text):
            line += text.count("\n", at, match.start())
            at = match.start()
            column = match.start(1) - (text.rfind("\n", 0, match.start(1)) + 1) + 1
            span = Span(file, line + 1, column, line + 1, column + len(match[1]))
            text_ = _NEXT.sub(r"\1 ", match[1]) if sort == "comment" else match[1]
            yield Piece(Text(text_), (), span, sort)  # type: ignore[arg-type]  # the two words above


# --- other texts ---

_ASSIGNED = re.compile(
    r"\s*(?:-\s+|export\s+|set\s+|ENV\s+|ARG\s+)*[\"']?([\w.-]+)[\"']?\s*[:=]\s*[\"']?(.*?)[\"']?[;,]?\s*$"
)


def _of_lines(file: str, lines: list[str]) -> Iterator[Piece]:
    whole, path = "\n".join(lines), (file.replace("\\", "/").rpartition("/")[2],)
    if whole.strip():
        yield Piece(Text(whole), path, Span(file, 1, 1, max(len(lines), 1), 1), "text")
    for number, line in enumerate(lines, 1):
        match = _ASSIGNED.match(line)
        if match and match[2]:
            span = Span(file, number, match.start(2) + 1, number, match.end(2) + 1)
            yield Piece(Text(match[2], match[1]), path, span, "text")


def said_of(value: object, path: Path = (), key: str = "", above: str = "") -> Iterator[Piece]:
    """Yield the texts of plain JSON values, as pieces without a place."""
    if isinstance(value, str):
        yield Piece(Text(value, key, above), path, Span("", 0, 0, 0, 0))
    elif isinstance(value, dict):
        inside = f"{above}.{key}" if key else above
        for name, item in value.items():
            yield Piece(Text(name, "", inside), (*path, name), Span("", 0, 0, 0, 0), "key")
            yield from said_of(item, (*path, name), name, inside)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from said_of(item, (*path, index), key, above)
