"""The SQL that a text becomes once its templates are replaced, and where in a file each part of it stands."""

import re
from collections.abc import Callable
from typing import NamedTuple

from firn_compiler.document import Deferred, Span
from firn_compiler.template import Constants, as_text, pieces

_REF = re.compile(r"""\{\{\s*ref\(\s*['"](\w+)['"]\s*\)\s*\}\}""")
"""The template of another tool that names a dataset, and means it."""


class Text(NamedTuple):
    """A piece of SQL: the query, and how an offset in it becomes a place in a file."""

    query: str
    place: Callable[[int, int], Span]
    guessed: frozenset[int] = frozenset()
    """Offsets of what stands for templates that cannot be read: nothing is said of it, nor of what it makes."""
    templates: frozenset[tuple[int, int]] = frozenset()
    """From where to where the values of templates stand."""


class _Stretch(NamedTuple):
    """A part of a query: where it begins, its text, and what it is in the text that holds templates."""

    begin: int
    text: str
    first: int
    stop: int
    literal: bool
    guessed: bool


def text_of(source: str, constants: Constants, at: Callable[[int, int], Span], stand_in: str = "") -> Text:
    """Return the SQL that a text becomes once its templates are replaced; `at` says where a part of the text stands."""
    rows: list[_Stretch] = []
    begin = 0
    for piece in pieces(source, constants)[0]:
        literal = piece.value == source[piece.start : piece.end]
        if isinstance(piece.value, (Deferred, list, dict)):
            named = _REF.fullmatch(source, piece.start, piece.end)
            text = named[1] if named else stand_in
        else:
            text = as_text(piece.value)
        rows.append(_Stretch(begin, text, piece.start, piece.end, literal, isinstance(piece.value, Deferred)))
        begin += len(text)

    def place(start: int, end: int) -> Span:
        return at(_back(rows, start, last=False), _back(rows, end, last=True))

    guessed = frozenset(offset for row in rows if row.guessed for offset in range(row.begin, row.begin + len(row.text)))
    templates = frozenset((row.begin, row.begin + len(row.text)) for row in rows if not row.literal)
    return Text("".join(row.text for row in rows), place, guessed, templates)


def _back(rows: list[_Stretch], offset: int, *, last: bool) -> int:
    for row in rows:
        end = row.begin + len(row.text)
        if offset < end or (last and offset == end):
            return row.first + offset - row.begin if row.literal else row.stop if last else row.first
    return rows[-1].stop if rows else 0
