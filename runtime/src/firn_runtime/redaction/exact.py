"""Finds what must stand as it is: common words, numbers, and values of a few characters."""

import re
from typing import NamedTuple

_SHORT = 5
_WORDS = re.compile(r"(?:[A-Za-z][ _.-]*){1,13}")
_NUMBER = re.compile(r"[+(]*(?:[0-9][ ()./:-]*){1,15}")


def needs_bounds(value: str) -> bool:
    """Return whether ordinary text may hold the value by chance: a word or two, a number, fewer than 5 characters."""
    return len(value) < _SHORT or any(form.fullmatch(value) for form in (_WORDS, _NUMBER))


class _Value(NamedTuple):
    text: str
    pattern: re.Pattern[str]


class Exact:
    """Values that are found in their own spelling; bounded ones only where no letter or digit touches them."""

    def __init__(self) -> None:
        self._values: tuple[_Value, ...] = ()

    def __bool__(self) -> bool:
        return bool(self._values)

    def add(self, text: str, *, bounded: bool) -> None:
        """Find the text from now on."""
        if any(one.text == text for one in self._values):
            return
        form = rf"(?<![^\W_]){re.escape(text)}(?![^\W_])" if bounded else re.escape(text)
        self._values = (*self._values, _Value(text, re.compile(form)))

    def find(self, text: str) -> list[tuple[int, int]]:
        """Return the places of all values, as (start, end)."""
        return [place.span() for value in self._values if value.text in text for place in value.pattern.finditer(text)]
