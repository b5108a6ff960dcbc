"""What of a query or condition is a text or a comment, and may be a secret: it is hidden wherever a line is shown."""

import re
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from firn_compiler.document import Span


class Held(NamedTuple):
    """How YAML holds an expression: in which quote, if any, and what of it stands above the line that is shown."""

    quote: str = ""
    before: str = ""
    condition: bool = False


def held(lines: Sequence[str], span: Span, path: str) -> Held:
    """Look how the expression is held in which a finding stands: its key is on the same line, or above."""
    key = path.rpartition(".")[2]
    named = re.compile(rf"""(?:^|[{{,]|-\s|\?\s)\s*["']?{re.escape(key)}["']?:(?=\s|["']|$)""")
    here = lines[span.line - 1][: span.column - 1]
    for number in range(span.line - 1, -1, -1):
        line = here if number == span.line - 1 else lines[number]
        for match in reversed([*named.finditer(line)]):
            return _held("\n".join([*lines[number : span.line - 1], here])[match.end() :], key)
    return Held(before="\n".join([*lines[: span.line - 1], ""]))  # a file of its own


def _held(text: str, key: str) -> Held:
    """Look into the text from behind the key to the finding."""
    begin = _TO_VALUE.match(text)
    assert begin is not None  # it matches nothing as well
    above, line_break, _ = text[begin.end() :].rpartition("\n")
    return Held(begin["quote"] or "", above + line_break, key == "when")


_TO_VALUE = re.compile(r"""(?:\s|[&!]\S*|\#[^\n]*)*(?:[|>][-+0-9]*[ \t]*(?:\#[^\n]*)?|(?P<quote>["']))?""")
"""What stands between a key and its text: anchor and comments, and the sign of a block or the quote."""


def without_texts(before: str, token: str, after: str, held: Held) -> tuple[str, str, str]:
    """Return the parts of one line around a finding, each with `…` for the texts and comments in it."""
    parts = [_unquoted(part, held) for part in (held.before, before, token, after)]
    whole = "".join(parts)
    hidden = [match.span(kind) for match in _TEXT.finditer(whole) for kind in _HIDDEN if match[kind]]
    ends = [*accumulate(map(len, parts))]
    first, second, third = (_visible(whole, start, end, hidden) for start, end in pairwise(ends))
    if token.startswith("{{"):
        second = token  # a template may stand in a text
    return _quoted(first, held), _quoted(second, held), _quoted(third, held)


def _unquoted(text: str, held: Held) -> str:
    """Undo what YAML makes of a quote; in a condition both quotes hold texts."""
    text = text.replace("''", "'") if held.quote == "'" else text
    return text.replace('"', "'") if held.condition else text


def _quoted(text: str, held: Held) -> str:
    return text.replace("'", "''") if held.quote == "'" else text


def _visible(whole: str, start: int, end: int, hidden: Sequence[tuple[int, int]]) -> str:
    shown = ""
    for first, last in hidden:
        if start < last and first < end:
            shown += whole[start:first] + "…"
            start = last
    return shown + whole[start:end]


_TEXT = re.compile(
    r"""'(?P<text>(?:[^']|'')*)'?
    | --\ ?(?P<comment>[^\n]*)
    | /\*\ ?(?P<block>(?s:.*?))(?:\ ?\*/|\Z)
    | (?P<dollars>(?P<dollar>\$\w*\$)(?s:.*?)(?:(?P=dollar)|\Z))""",
    re.VERBOSE,
)
_HIDDEN = ("text", "comment", "block", "dollars")
