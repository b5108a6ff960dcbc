r"""A text as it stands, and with its escapes undone: `%70`, `\x70`, `\160`, `\u0070`, `&#112;`, `0x70`, `01110000`.

One view for all escapes, and not one form of each secret for each of them: a text may escape any part of a secret.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator

_ROUNDS = 3
"""JSON inside JSON inside a URL; deeper ones are no longer written by anything that logs."""

_ESCAPE = re.compile(
    r"""[%\\&0](?:
      (?<=%) (?: u(?P<wide>[0-9A-Fa-f]{4}) | (?P<percent>[0-9A-Fa-f]{2}) )
    | (?<=\\) (?: x(?P<byte>[0-9A-Fa-f]{2}) | u(?P<unit>[0-9A-Fa-f]{4}) | U(?P<point>[0-9A-Fa-f]{8})
                | [ux]\{(?P<braced>[0-9A-Fa-f]{1,6})\} | (?P<octal>[0-3]?[0-7]{1,2}) | (?P<letter>[abefnrtv]|[^\w\s]) )
    | (?<=&) (?: \#(?P<decimal>[0-9]{1,7}); | \#[xX](?P<entity>[0-9A-Fa-f]{1,6}); | (?P<name>[A-Za-z]{2,8}); )
    | (?<=0) (?: x(?P<listed>[0-9A-Fa-f]{2}) (?![0-9A-Fa-f]) | (?P<bits>[01]{7}) (?![0-9]) )
    )""",
    re.VERBOSE,
)
_SPELLED_OUT = re.compile(r"(?<![^\W_])[^\W_][\W_]{1,4}(?=[^\W_](?![^\W_]))")
_LETTERS = dict(zip("abefnrtv", "\a\b\x1b\f\n\r\t\v", strict=True))
_BASES = {"bits": 2, "octal": 8, "decimal": 10}


def _meant(escape: re.Match[str]) -> str:
    """Return the one character that an escape stands for."""
    kind = escape.lastgroup or ""
    digits = escape[kind]
    if kind == "letter":
        return _LETTERS.get(digits, digits)
    if kind == "name":
        from html import unescape

        return unescape(escape[0])[0]
    number = int(digits, _BASES.get(kind, 16))
    return chr(number) if number <= 0x10FFFF else "\ufffd"


class View:
    """A text to search, that knows where its characters stand in the text that was given."""

    def __init__(self, text: str, below: "View | None" = None, marks: tuple[tuple[int, int, int], ...] = ()) -> None:
        self.text, self._below, self._marks = text, below, marks

    def unescaped(self) -> "View | None":
        """Return the view with each escape undone; None where there is none."""
        return self._with(_ESCAPE, _meant)

    def joined(self) -> "View | None":
        """Return the view with lone characters joined, as in `p a s s` or `['p', 'a']`; None where there are none."""
        return self._with(_SPELLED_OUT, lambda place: place[0][0])

    def _with(self, pattern: re.Pattern[str], meant: Callable[[re.Match[str]], str]) -> "View | None":
        """Return the view with one character in each place of the pattern."""
        if pattern.search(self.text) is None:
            return None
        marks: list[tuple[int, int, int]] = []
        shorter = 0

        def replace(place: re.Match[str]) -> str:
            nonlocal shorter
            marks.append((place.start() - shorter, place.start(), place.end()))
            shorter += place.end() - place.start() - 1
            return meant(place)

        return View(pattern.sub(replace, self.text), self, tuple(marks))

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return where the characters from `start` to before `end` stand in the text that was given."""
        if self._below is None:
            return start, end
        return self._below.origin(self._place(start)[0], self._place(end - 1)[1])

    def _place(self, at: int) -> tuple[int, int]:
        index = bisect_right(self._marks, at, key=lambda mark: mark[0]) - 1
        if index < 0:
            return at, at + 1
        here, start, end = self._marks[index]
        return (start, end) if here == at else (end + at - here - 1, end + at - here)


def views(text: str) -> Iterator[View]:
    """Yield the text, then the text with its escapes undone once, twice, …, as long as there are any."""
    view: View | None = View(text)
    for _ in range(_ROUNDS + 1):
        if view is None:
            return
        yield view
        view = view.unescaped()
