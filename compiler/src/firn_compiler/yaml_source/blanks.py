"""Spaces that are text to YAML and look like indentation: a no-break space, as text that is copied from a page has it.

A file with such is read as it looks, and one finding says so for all of them.
"""

import re
from collections.abc import Iterator

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.document import Mapping, Node, Scalar, Sequence, Span

_BLANK = "\u00a0\u2000-\u200a\u202f\u205f\u3000"
_HEAD = re.compile(rf"^(?=.*[{_BLANK}])[ {_BLANK}]*(?:-[ {_BLANK}]+)*(?:[\w.-]+:(?=[ {_BLANK}])[ {_BLANK}]+)?", re.M)
"""What stands before the value of a line that holds such a space."""
_SPACES = re.compile(f"[{_BLANK}]")


def as_seen(text: str) -> str:
    """Return a text with plain spaces in the places of others, before the values of its lines."""
    return _HEAD.sub(lambda head: _SPACES.sub(" ", head[0]), text)


def odd_spaces(file: str, text: str, seen: str, root: Node | None) -> Diagnostic | None:
    """Return a finding for the spaces that are not plain, outside the texts of several lines; None without any."""
    inside = {line for start, end in _texts(root) for line in range(start + 1, end + 1)}
    written = text.splitlines()
    lines = enumerate(zip(written, seen.splitlines(), strict=True), start=1)
    places = [(line, _first(one, other)) for line, (one, other) in lines if one != other and line not in inside]
    if not places:
        return None
    (line, column), more = places[0], len(places) - 1
    code = ord(written[line - 1][column - 1])
    help = "write a plain space" + (f", here and in {more} more lines" if more else "")
    where = Span(file, line, column, line, column + 1)
    return Diagnostic("E106", f"this is no plain space but U+{code:04X}, which is text to YAML", where, help)


def _first(one: str, other: str) -> int:
    return next(column for column, (a, b) in enumerate(zip(one, other, strict=True), start=1) if a != b)


def _texts(node: Node | None) -> Iterator[tuple[int, int]]:
    """Yield the first and last line of every text that has several."""
    if isinstance(node, Scalar) and node.span.end_line > node.span.line:
        yield node.span.line, node.span.end_line
    for item in node.entries.values() if isinstance(node, Mapping) else ():
        yield from _texts(item)
    for item in node.items if isinstance(node, Sequence) else ():
        yield from _texts(item)
