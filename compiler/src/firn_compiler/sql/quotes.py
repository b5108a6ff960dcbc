"""Quotes and comments that are never closed, and where somebody forgot to."""

import re

from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.spelling import KEYWORDS


def unclosed(text: str) -> Problem:
    """Find the quote or comment that is never closed, or the one at which all behind it began to be taken wrongly."""
    at = 0
    while at < len(text):
        match = _OPENING.search(text, at)
        if match is None:
            break
        opening, start = match[0], match.start()
        closing = "*/" if opening == "/*" else "\n" if opening == "--" else opening
        end = text.find(closing, match.end())
        if opening in "'\"" and not _begins(text, start):
            help = f"begin the text with `{opening}`"
            return Problem("E501", "a quote is not opened", help, start, start + 1)
        if opening != "--" and (end < 0 or (opening in "'\"" and _GOES_ON.match(text, end + 1))):
            what = "a comment" if opening == "/*" else "a quote"
            return Problem("E501", f"{what} is not closed", f"close it with `{closing}`", start, start + len(opening))
        at = end + len(closing) if end >= 0 else len(text)
    return Problem("E501", "the query cannot be read", "", 0, len(text))


def _begins(text: str, start: int) -> bool:
    """Whether a text can begin at a quote: behind a word only one that is a keyword, or that says what the text is."""
    before = _BEFORE.search(text, max(start - 40, 0), start)
    return before is None or before[0].upper() in BEFORE_A_TEXT


_OPENING = re.compile(r"'|\"|`|/\*|--|\$[A-Za-z_]*\$")
_GOES_ON = re.compile(r"[\w%(#@$]")
"""What stands behind no text: where it does, the quote that seems to be its last was another one's first."""
_BEFORE = re.compile(r"(\w+|[)%\]])$")
"""What stands before a text only as a word that says what it is."""
BEFORE_A_TEXT = KEYWORDS | frozenset("B DATE E INTERVAL JSON N R TIME TIMESTAMP TIMESTAMPTZ UUID X".split())
"""Words that may stand right before a text."""
