"""Where in files secrets stand: every value, key, comment and anchor of a document, and every line of other text."""

import re
from collections.abc import Iterable, Iterator, Set
from collections.abc import Mapping as Map
from typing import Literal, NamedTuple

from firn_compiler.document import (
    BUILT_IN,
    Document,
    Mapping,
    Node,
    Path,
    Scalar,
    Sequence,
    Span,
    place_in_text,
    text_at,
)
from firn_compiler.scalar_text import place_in
from firn_compiler.scan.engine import Leak, leaks
from firn_compiler.scan.found import Text
from firn_compiler.scan.words import saying, sort_of
from firn_compiler.yaml_source import Parsed
from firn_schemas.attestation import PAYLOAD_TYPE

Sort = Literal["value", "key", "comment", "text", "other"]
"""What a text is in its file; `other` stands for what has no place of its own: an anchor's name, a whole command."""

Lines = Map[str, list[str]]
"""The lines of files, by their names."""


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
    """Completes "this is …"."""
    path: Path
    span: Span
    sort: Sort
    secret: str
    written: str
    """The stretch of the text that holds it, up to signs that end a word; it may be an encoded form."""


def in_source(file: str, text: str, parsed: Parsed) -> list[Located]:
    """Return the secrets of a flow or platform: of one with mistakes, also what the compiler leaves out."""
    if parsed.document is not None and not parsed.found:
        return _in_trees(file, text, [parsed.document.root])
    if parsed.document is not None and parsed.lost:
        return [*in_yaml(file, parsed.read), *in_text(file, parsed.lost)]
    shown = max((one.span.end_line for one in parsed.found), default=0)
    begin = sum(map(len, text.splitlines(keepends=True)[:shown]))
    return in_yaml(file, text[: max(begin, MAX_UNREAD)])


MAX_UNREAD = 512 * 1024
"""Characters that are looked at of a file that could not be read, and further to the last line that is shown of it.

It is refused as it is; a large one is answered soon all the same.
"""


def in_expanded(documents: Iterable[Document], root: Node, written: Iterable[Located]) -> list[Located]:
    """Return the secrets that templates have put together in the tree of some documents, but for those `written`."""
    lines = {one.file: one.lines for one in documents if "{{" in one.text}
    if not lines:
        return []
    written = list(written)
    said = {(one.rule, one.path, one.secret) for one in written}
    found = [one for one in _in_values(root, lines, expanded=True) if (one.rule, one.path, one.secret) not in said]
    return [one for one in _apart([*written, *found]) if one in found]


def in_file(file: str, text: str) -> list[Located]:
    """Return the secrets of a file of any tool: as YAML or JSON where it is that, else line by line."""
    return in_yaml(file, text) if file.lower().endswith(_TREES) else in_text(file, text)


def in_yaml(file: str, text: str) -> list[Located]:
    """Return the secrets of any YAML or JSON; of what is neither, line by line."""
    from firn_compiler.yaml_source.loose import parse_loosely  # hardly a compilation needs it

    roots = parse_loosely(file, text)
    if roots is None:
        return in_text(file, text)
    found = _in_trees(file, text, roots)
    signed = any(text_at(root, "payloadType") == PAYLOAD_TYPE for root in roots)
    return [one for one in found if not (signed and _is_signature(one))]


def _is_signature(one: Located) -> bool:
    """Whether it is a signature of an envelope, which is for everybody: only its key `sig` makes it a secret's name."""
    return one.rule == "named" and one.path[:1] == ("signatures",) and one.path[2:] == ("sig",)


_TREES = (".yaml", ".yml", ".json")


def in_text(file: str, text: str) -> list[Located]:
    """Return the secrets of any other text: each line by itself, for what it assigns, and the whole for its shapes.

    Their path is the file's name.
    """
    lines = text.splitlines()
    return _apart(_located(list(_of_lines(file, lines)), {file: lines}))


def in_values(values: Iterable[tuple[Path, str, object]]) -> list[Located]:
    """Return the secrets of plain values, each with its path and the key that it stands under; they have no place."""
    texts = [Piece(Text(value, key), path, BUILT_IN) for path, key, value in values if isinstance(value, str)]
    return _located(texts, {})


def _in_trees(file: str, text: str, roots: Iterable[Node]) -> list[Located]:
    lines = {file: text.splitlines()}
    found = [one for root in roots for one in _in_values(root, lines)]
    return _apart([*found, *_located(list(_beside_values(file, text)), lines)])


def _in_values(root: Node, lines: Lines, *, expanded: bool = False) -> list[Located]:
    """Look at each different text of a tree once; for the places of those that hold secrets, go through it again."""
    every = _Texts(expanded=expanded)
    every.of(root, (), "", "")
    texts = list(every.seen)
    found: dict[Text, list[Leak]] = {}
    for leak in leaks(texts):
        found.setdefault(texts[leak.number], []).append(leak)
    if not found:
        return []
    again = _Texts(expanded=expanded, wanted=found.keys())
    again.of(root, (), "", "")
    return [_one(piece, leak, lines) for piece in again.pieces for leak in found[piece.text]]


def _located(pieces: list[Piece], lines: Lines) -> list[Located]:
    return [_one(pieces[leak.number], leak, lines) for leak in leaks([piece.text for piece in pieces])]


def _one(piece: Piece, leak: Leak, lines: Lines) -> Located:
    whole = piece.text.text
    near = whole[max(0, leak.start - 200) : leak.start]
    before, after = _NO_BEGINNING.match(near[::-1]), _NO_END.match(whole, leak.end)
    assert before is not None  # no sign at all is a stretch, too
    assert after is not None
    written = whole[leak.start - before.end() : after.end()]
    span = _place(piece, lines, leak.start, leak.end)
    return Located(leak.rule, leak.kind, piece.path, span, piece.sort, leak.secret, written)


_NO_BEGINNING = re.compile(r"[^\s\"'`,;<>{}()\[\]=]{0,200}")
_NO_END = re.compile(r"[^\s\"'`,;<>{}()\[\]]{0,200}")


def _apart(found: list[Located]) -> list[Located]:
    """Leave out of comments, lines and whole commands what a value, a key or a smaller stretch there says already."""
    kept: list[Located] = []
    lines: dict[int, list[Span]] = {}
    for one in sorted(found, key=lambda one: (one.sort not in ("value", "key"), _size(one.span))):
        near = [span for line in _lines_of(one.span) for span in lines.get(line, ())]
        if one.sort in ("value", "key") or not any(_overlap(one.span, span) for span in near):
            kept.append(one)
            for line in _lines_of(one.span):
                lines.setdefault(line, []).append(one.span)
    return sorted(kept, key=lambda one: one.span)


def _size(span: Span) -> tuple[int, int]:
    return span.end_line - span.line, span.end_column - span.column


def _lines_of(span: Span) -> range:
    return range(span.line, span.end_line + 1)


def _overlap(one: Span, other: Span) -> bool:
    end = max((one.end_line, one.end_column), (one.line, one.column + 1))
    return (one.line, one.column) < (other.end_line, other.end_column) and (other.line, other.column) < end


def _place(piece: Piece, lines: Lines, start: int, end: int) -> Span:
    span = piece.span
    if piece.sort == "value" and span.file in lines:
        return place_in(lines[span.file], span, piece.text.text, start, end)
    if piece.sort in ("comment", "text"):
        return place_in_text(span, piece.text.text, start, max(end, start + 1))
    return span


# --- documents ---

_NAMES = ("name", "key", "id", "variable", "var", "header", "parameter", "param", "option", "setting", "field")
_VALUES = ("value", "default", "content", "data", "text", "val", "defaultValue", "defaultValues")
_NAMED = frozenset([*_VALUES, "Value"])


class _Texts:
    """The texts of a tree: each different one once, or, of those that are `wanted`, every place.

    Of a tree in which templates were replaced (`expanded`), only the values that were put together.
    """

    def __init__(self, *, expanded: bool, wanted: Set[Text] | None = None) -> None:
        self.expanded = expanded
        self.wanted = wanted
        self.seen: dict[Text, None] = {}
        self.pieces: list[Piece] = []

    def add(self, text: Text, path: Path, span: Span, sort: Sort) -> None:
        if self.wanted is None:
            self.seen[text] = None
        elif text in self.wanted:
            self.pieces.append(Piece(text, path, span, sort))

    def of(self, node: Node, path: Path, key: str, above: str) -> None:
        """Take everything at and below a node, that stands under `key`, and `above` over that."""
        kind = type(node)
        if kind is Scalar:
            self.of_scalar(node, path, key, above)  # type: ignore[arg-type]  # narrowed by the exact type above
        elif kind is Mapping:
            self.of_mapping(node, path, key)  # type: ignore[arg-type]  # as above
        else:
            self.of_items(node, path, key, above)  # type: ignore[arg-type]  # as above

    def of_scalar(self, node: Scalar, path: Path, key: str, above: str) -> None:
        value = node.value
        if not isinstance(value, str):
            if type(value) not in (int, float):
                return
            value = str(value)  # numbers too may be passwords
        if not self.expanded:
            self.add(Text(value, "" if node.source is not None else key, above), path, node.span, "value")
        elif node.source is not None:
            self.add(Text(value, key, above), path, node.span, "value")

    def of_mapping(self, node: Mapping, path: Path, key: str) -> None:
        entries, keys = node.entries, node.keys
        named = "" if _NAMED.isdisjoint(entries) else _name_of(entries)
        for name, item in entries.items():
            if not self.expanded:
                self.add(Text(name), (*path, name), keys[name], "key")
            self.of(item, (*path, name), named if named and name in _NAMED else name, key)

    def of_items(self, node: Sequence, path: Path, key: str, above: str) -> None:
        """Take a list's items: one after an option, `--token`, stands under its name; a whole command is taken too."""
        before, command = "", False
        for index, item in enumerate(node.items):
            self.of(item, (*path, index), before or key, above)
            text = item.value if isinstance(item, Scalar) and isinstance(item.value, str) else ""
            before = text.lstrip("-") if text.startswith("--") and "=" not in text else ""
            command = command or text.startswith("-")
        if command:
            said = [item.value for item in node.items if isinstance(item, Scalar) and isinstance(item.value, str)]
            self.add(Text(" ".join(said)), path, node.span, "other")


def _name_of(entries: dict[str, Node]) -> str:
    """Return under which key the value of a mapping stands that is named beside it: `{name: DB_PASSWORD, value: …}`."""
    for key in (*_NAMES, "Name", "Key"):
        name = entries.get(key)
        if isinstance(name, Scalar) and isinstance(name.value, str):
            return name.value
    return ""


_COMMENT = re.compile(r"#(?<!\S#)(.*(?:\n[ \t]*#.*)*)")
"""Comments on lines that follow each other are one text."""
_NEXT = re.compile(r"(\n[ \t]*)#")
_ANCHOR = re.compile(r"[&*!%](?<![^\s,\[{(][&*!%])([^\s,\[\]{}]{6,})")


def _beside_values(file: str, text: str) -> Iterator[Piece]:
    """Yield what a document holds that is no value: comments, and the names of anchors, tags and directives."""
    text = text.replace("\r\n", " \n").replace("\r", "\n")
    for pattern in (_COMMENT, _ANCHOR):
        line = at = 0
        for match in pattern.finditer(text):
            line += text.count("\n", at, match.start())
            at = match.start()
            column = match.start(1) - (text.rfind("\n", 0, match.start(1)) + 1) + 1
            span = Span(file, line + 1, column, line + 1, column + len(match[1]))
            said = _NEXT.sub(r"\1 ", match[1])
            yield Piece(Text(said), (), span, "comment" if pattern is _COMMENT else "other")


# --- other texts ---

_ASSIGNED = re.compile(
    r"(\s*)(?:-\s+|export\s+|set\s+|ENV\s+|ARG\s+)*[\"']?([\w.-]+)[\"']?\s*(?:=>|:=|[:=])\s*[\"']?(.*?)[\"']?[;,]?\s*$"
)
_REFERENCE = re.compile(r"[^\w{]*\{\s*[\"']?secret_ref[\"']?\s*:")
_OPENING = ("", "|", ">", "|-", ">-")
"""What stands for the value of a key of YAML whose value comes on the next lines."""


def _of_lines(file: str, lines: list[str]) -> Iterator[Piece]:
    whole, path = "\n".join(lines), (file.replace("\\", "/").rpartition("/")[2],)
    if whole.strip():
        yield Piece(Text(whole), path, Span(file, 1, 1, max(len(lines), 1), 1), "text")
    above, indent = "", -1
    for number, line in enumerate(lines, 1):
        if not line or line.isspace():
            continue
        deep = len(line) - len(line.lstrip())
        if deep <= indent:
            above, indent = "", -1
        match = _ASSIGNED.match(line)
        if match and match[3] in _OPENING:
            above, indent = (match[2], deep) if file.lower().endswith(_TREES) else ("", -1)
        elif match and _REFERENCE.match(match[3]):
            continue
        elif match and sort_of(saying(match[2], above)):  # other lines are looked at as a part of the whole
            span = Span(file, number, match.start(3) + 1, number, match.end(3) + 1)
            yield Piece(Text(match[3], match[2], above), path, span, "text")
        elif not match and above:
            yield Piece(Text(line.strip(), above), path, Span(file, number, deep + 1, number, len(line) + 1), "text")
