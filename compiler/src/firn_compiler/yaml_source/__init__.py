"""The one door to ruamel.yaml: bytes in, a tree with places or findings out.

A text that is not YAML is read without the parts that are wrong. What the tree may hold is `tree`'s.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from ruamel.yaml.error import YAMLError

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.document import Document, Mapping, Span, beginning
from firn_compiler.yaml_source.tree import UNPRINTABLE, Builder, Misplaced, Stop, free_sign

if TYPE_CHECKING:
    from firn_compiler.recovery import Mended
    from firn_compiler.trouble import Trouble

MAX_BYTES = 4 * 1024 * 1024
_MAX_LINES = 100_000
"""Of a text with a mistake in it, whose lines are looked at one by one for what can be read without it."""

_INVISIBLE = re.compile(
    "[\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
    "|(?<![^\0-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\0-\x7f])"
)
"""What does not show; joiners only beside ASCII, for other letters and signs are spelled with them."""
_SEPARATOR = re.compile("[\x85\u2028\u2029]")  # line breaks in YAML 1.1 and in libyaml, text in YAML 1.2
_REFUSED = (
    (UNPRINTABLE, "a control character"),
    (_INVISIBLE, "an invisible character"),
    (_SEPARATOR, "a line separator"),
)


class Source(NamedTuple):
    """A file's name, as messages show it, and its bytes."""

    file: str
    content: bytes


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
    except Stop as stop:
        return Parsed(None, (stop.finding,))
    if text.isascii():
        return _whole(source.file, text)
    from firn_compiler.yaml_source.blanks import as_seen, odd_spaces  # for spaces that are not plain

    seen = as_seen(text)
    parsed = _whole(source.file, seen)
    if seen == text:
        return parsed
    odd = odd_spaces(source.file, text, seen, parsed.document.root if parsed.document else None)
    if odd is None:
        return _whole(source.file, text)
    document = parsed.document._replace(text=text) if parsed.document is not None else None
    rest = (one for one in parsed.found if (one.code, one.span.line) != ("E101", odd.span.line))  # they shift it
    return parsed._replace(document=document, found=(odd, *rest))


def _whole(file: str, text: str) -> Parsed:
    read = _read(file, text)
    return read if isinstance(read, Parsed) else _rest(file, text, read)


def _rest(file: str, text: str, first: _Unread) -> Parsed:
    """Parse a text that is not YAML without the parts that are wrong, as far as that costs no more than a long file."""
    from firn_compiler.recovery import after_lost, mended  # most texts are YAML
    from firn_compiler.syntax import told_once

    unknown = free_sign(text) if text.count("\n") <= _MAX_LINES else ""
    if not unknown:
        return Parsed(None, (*first.found, first.finding))
    read: Parsed | _Unread = first
    written = text.splitlines(keepends=True)
    lines = [re.sub(r"\r\Z", "\n", line) for line in written]  # before a line feed it would end no line of its own
    lost, found = ["\n"] * len(written), list[Diagnostic]()
    allowance = MAX_BYTES
    while isinstance(read, _Unread):
        cause = told_once(read.finding)
        if cause is None or cause not in map(told_once, found):
            found.append(read.finding)
        for ways in mended(lines, read.finding, unknown):
            allowance -= len(text) * len(ways)
            best = _best(file, ways, unknown) if allowance >= 0 else None
            if best is not None or allowance < 0:
                break
        else:
            best = None
        if best is None:
            return Parsed(None, (*read.found, *found))
        (lines, start, end, _), read = best
        lost[start:end] = written[start:end]
    document = read.document._replace(text=text) if read.document is not None else None
    rest = (one for one in read.found if one.code != "E105" or not after_lost(written, lost, one.span.line))
    return Parsed(document, (*found, *rest), "".join(lines), "".join(lost))


def _best(file: str, ways: "Iterable[Mended]", unknown: str) -> "tuple[Mended, Parsed | _Unread] | None":
    """Return the way in which a text can be read, or else read farthest beyond the part; None where there is none."""
    farthest: tuple[Mended, Parsed | _Unread] | None = None
    line = 0
    for way in ways:
        read = _read(file, "".join(way.lines), unknown)
        if isinstance(read, Parsed):
            return way, read
        if read.finding.span.line > max(way.past or way.end, line):
            farthest, line = (way, read), read.finding.span.line
    return farthest


def _read(file: str, text: str, unknown: str = "") -> Parsed | _Unread:
    """Parse a text in which the sign `unknown`, where there is one, stands for keys and values that are lost."""
    read = _parsed(file, text, unknown)
    if isinstance(read, Parsed) or not read.colon:
        return read
    # libyaml takes a `:` inside plain text in brackets for a mistake, which YAML 1.2 allows: another sign stands for it
    stand_in = free_sign(text)
    again = _parsed(file, text, unknown, stand_in) if stand_in else read
    return read if isinstance(again, _Unread) and again.colon else again


def _parsed(file: str, text: str, unknown: str, stand_in: str = "") -> Parsed | _Unread:
    """Parse a text, in which `stand_in` stands for each `:` inside a word."""
    builder = Builder(file, text, stand_in, unknown)
    try:
        root = builder.build()
    except Stop as stop:
        return Parsed(None, (*builder.found, stop.finding))
    except Misplaced:
        return _Unread(Diagnostic("E101", ""), (), colon=False)
    except YAMLError as error:
        from firn_compiler.syntax import COLON, syntax_finding

        trouble = _trouble(error, builder.quoted)
        wrong = syntax_finding(file, text.splitlines(), trouble)
        same_line = (one for one in builder.found if one.span.line == wrong.span.line)
        return _Unread(next(same_line, wrong), tuple(builder.found), COLON in trouble.problem)
    found = tuple(builder.found)
    if isinstance(root, Mapping):
        return Parsed(Document(file, text, root, builder.has_empty), found)
    return Parsed(None, found or (Diagnostic("E202", "the file must be a mapping of keys to values", root.span),))


def _trouble(error: YAMLError, quoted: Span | None) -> "Trouble":
    from firn_compiler.trouble import Trouble

    problem, context = getattr(error, "problem", None), getattr(error, "context", None)
    at, since = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    return Trouble(
        str(problem or "the text cannot be read"),
        (at.line + 1, at.column + 1) if at else (1, 1),
        str(context or ""),
        (since.line + 1, since.column + 1) if since else None,
        quoted,
    )


def _decode(source: Source) -> str:
    start = beginning(source.file)
    if len(source.content) > MAX_BYTES:
        raise Stop("E107", f"the file is larger than {MAX_BYTES // 2**20} MiB", start)
    content = source.content.removeprefix(BOM_UTF8)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        help = "save the file as UTF-8; UTF-16 and Latin-1 are not read"
        raise Stop("E103", "the file is not UTF-8", _at(source.file, before, len(before)), help) from None
    for pattern, what in _REFUSED:
        if (pattern is UNPRINTABLE or not text.isascii()) and (found := pattern.search(text)):
            code = ord(found[0])
            escape = f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
            help = "" if pattern is UNPRINTABLE else f'remove it, or write it as "{escape}" in double quotes'
            where = _at(source.file, text, found.start())
            raise Stop("E106", f"the file holds {what} (U+{code:04X})", where, help)
    if not text.strip():
        raise Stop("E102", "the file is empty", start)
    return text


def _at(file: str, text: str, offset: int) -> Span:
    """Return the place of one character; lines end where whoever shows them ends them."""
    lines = (text[:offset] + "x").splitlines()
    line, column = len(lines), len(lines[-1])
    return Span(file, line, column, line, column + 1)
