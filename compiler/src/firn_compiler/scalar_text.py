"""Where a character of a scalar's value stands in its file: behind quotes and escapes, in folded and block scalars.

The value is aligned with the source again, chunk by chunk, only when a finding needs it: a chunk is the part of one
line that stands in the value as it is, and between two chunks of the value there is only what folding makes of a line
break (YAML 1.2.2, sections 7.3 and 8.1).
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from firn_compiler.document import Span

_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)")
_NAMED = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "t": "\t",
    "\t": "\t",
    "n": "\n",
    "v": "\v",
    "f": "\f",
    "r": "\r",
    "e": "\x1b",
    "N": "\x85",
    "_": "\xa0",
    "L": "\u2028",
    "P": "\u2029",
}
_SPACE = " \t"
"""What folding takes for indentation; every other space is a character (YAML 1.2.2, section 5.5)."""

_PROPERTIES = re.compile(r"(?:[&!]\S*(?:[ \t]+|$))+")
_NOTHING = re.compile(r"[ \t]*(?:#.*)?$")


class Mark(NamedTuple):
    """A place in a file: line and column from 1, and how many columns its character takes there."""

    line: int
    column: int
    width: int = 1


Chunk = list[tuple[str, Mark]]


def place_in(lines: Sequence[str], span: Span, value: str, start: int, end: int) -> Span:
    """Return where `value[start:end]` stands in the file; the whole scalar where that cannot be told."""
    marks = _marks(_Lines(lines, span), value)
    first = _at_or_after(marks, start)
    last = _before(marks, max(end, start + 1))
    if first is None or last is None or (last.line, last.column) < (first.line, first.column):
        return span
    return Span(span.file, first.line, first.column, last.line, last.column + last.width)


class _Lines:
    """The lines that a scalar spans, equal to those of the same scalar of the same text."""

    def __init__(self, lines: Sequence[str], span: Span) -> None:
        self.lines = lines
        self.span = span

    def __hash__(self) -> int:
        return hash(self.span)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Lines) and self.span == other.span and self.lines is other.lines


@lru_cache(maxsize=4)
def _marks(where: _Lines, value: str) -> "Sequence[Mark | None]":
    """Return the place of each character of a scalar; kept for the next template or query problem in the same one."""
    return _aligned(list(_chunks(where.lines, where.span, value)), value)


def _at_or_after(marks: "Sequence[Mark | None]", offset: int) -> Mark | None:
    known = next((at for at in range(offset, len(marks)) if marks[at]), None)
    return marks[known] if known is not None else _before(marks, len(marks))


def _before(marks: "Sequence[Mark | None]", offset: int) -> Mark | None:
    known = next((at for at in range(min(offset, len(marks)) - 1, -1, -1) if marks[at]), None)
    return marks[known] if known is not None else None


def _aligned(chunks: list[Chunk], value: str) -> list[Mark | None]:
    """Return the place of each character of the value; None for what folding made of line breaks."""
    marks: list[Mark | None] = [None] * len(value)
    at = 0
    for chunk in chunks:
        text = "".join(char for char, _ in chunk)
        found = value.find(text, at)
        if not text or found < 0 or value[at:found].strip(" \n"):
            continue
        for offset, (_, mark) in enumerate(chunk):
            marks[found + offset] = mark
        at = found + len(text)
    return marks


def _chunks(lines: Sequence[str], span: Span, value: str) -> Iterator[Chunk]:
    first, column = span.line - 1, span.column - 1
    if first >= len(lines):
        return
    if properties := _PROPERTIES.match(lines[first], column):
        column = properties.end()
        while first < span.end_line - 1 and _NOTHING.match(lines[first], column):
            first, column = first + 1, _indentation(lines[first + 1])
    opening = lines[first][column : column + 1]
    if opening in ("|", ">"):
        yield from _block(lines, first + 1, span.end_line, value)
        return
    quote = opening if opening in ("'", '"') else ""
    last, stop = span.end_line - 1, span.end_column - 1
    for number in range(first, min(last + 1, len(lines))):
        line = lines[number]
        begin = column + len(quote) if number == first else _indentation(line)
        finish = stop - len(quote) if number == last else _end(line, quote)
        yield list(_characters(line[:finish], begin, number + 1, quote))


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(_SPACE))


def _end(line: str, quote: str) -> int:
    """Return where a line's text ends that another follows: an escaped space is a character, an escaped break none."""
    end = len(line.rstrip(_SPACE))
    escaping = quote == '"' and (end - len(line[:end].rstrip("\\"))) % 2
    if not escaping:
        return end
    return end + 1 if end < len(line) else end - 1


def _block(lines: Sequence[str], first: int, end_line: int, value: str) -> Iterator[Chunk]:
    body = next((line for line in value.split("\n") if line.strip(" ")), "")
    own = len(body) - len(body.lstrip(" "))
    indent = -1
    for number in range(first, min(end_line, len(lines))):
        line = lines[number]
        if indent < 0 and line.strip(" "):
            indent = len(line) - len(line.lstrip(" ")) - own
        if line.strip(" "):
            yield [(char, Mark(number + 1, indent + at + 1)) for at, char in enumerate(line[indent:])]


def _characters(line: str, at: int, number: int, quote: str) -> Iterator[tuple[str, Mark]]:
    """Yield the characters that a stretch of a flow scalar's line stands for."""
    while at < len(line):
        if quote == '"' and (escape := _ESCAPE.match(line, at)):
            width = len(escape[0])
            yield _unescaped(escape[0]), Mark(number, at + 1, width)
        elif quote == "'" and line.startswith("''", at):
            width = 2
            yield "'", Mark(number, at + 1, width)
        else:
            width = 1
            yield line[at], Mark(number, at + 1)
        at += width


def _unescaped(escape: str) -> str:
    return chr(int(escape[2:], 16)) if escape[1] in "xuU" and len(escape) > 2 else _NAMED.get(escape[1], escape[1])
