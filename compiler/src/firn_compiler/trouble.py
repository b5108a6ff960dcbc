"""Where libyaml could not go on in a text, and what stands there and in the lines above."""

import re
from typing import NamedTuple

from firn_compiler.document import Span

At = tuple[int, int]
"""A line and a column, from 1."""
CLOSES = {"]": "[", "}": "{"}
"""Brackets that end something, and those that begin it."""


class Trouble(NamedTuple):
    """Where and why libyaml could not go on."""

    problem: str
    at: At
    context: str = ""
    """What it was reading, such as `while parsing a flow mapping`."""
    since: At | None = None
    """Where that began."""
    quoted: Span | None = None
    """The last text in quotes before it that goes on over lines."""


class Seen(NamedTuple):
    """A text with the place `at` which it cannot be read from."""

    file: str
    lines: list[str]
    at: At
    trouble: Trouble

    @property
    def here(self) -> str:
        """The line where it could not go on."""
        return self.lines[self.at[0] - 1]

    @property
    def before(self) -> str:
        """What stands before it in this line."""
        return self.here[: self.at[1] - 1]

    @property
    def sign(self) -> str:
        """The character at which it could not go on."""
        return self.here[self.at[1] - 1 : self.at[1]]

    def span(self, at: At, length: int = 1) -> Span:
        """Return a stretch of one line, of one character at least."""
        return Span(self.file, at[0], at[1], at[0], at[1] + max(length, 1))

    def line_above(self) -> At | None:
        """Return where the text of the nearest line above begins that is neither empty nor a comment."""
        for number in range(self.at[0] - 1, 0, -1):
            text = self.lines[number - 1]
            if text.strip() and not text.lstrip().startswith("#"):
                return number, indentation(text) + 1
        return None

    def word(self, at: At) -> str:
        """Return the text of a line from a place on, up to a comment."""
        return self.lines[at[0] - 1][at[1] - 1 :].partition(" #")[0].rstrip()


def indentation(line: str) -> int:
    """Return how many spaces a line begins with."""
    return len(line) - len(line.lstrip(" "))


def begins_block(line: str) -> bool:
    """Whether the lines below are the text of a block: `key: |`."""
    return re.search(r"(?:^|[:\s])[|>][-+0-9]{0,2}\s*(?:#.*)?$", line) is not None
