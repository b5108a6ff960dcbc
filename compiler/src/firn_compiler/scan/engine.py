"""Finds secrets in texts: one pass of all rules over everything, then each rule that matched where it did.

The pass looks for the rules' own patterns or parts of them, so that it cannot drop what they would report.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import NamedTuple

from firn_compiler.scan.found import Found, Text
from firn_compiler.scan.linear import Patterns
from firn_compiler.scan.rules import NAMED, RULES
from firn_compiler.scan.vendors import FORMATS
from firn_compiler.scan.views import View, views
from firn_compiler.scan.worth import worth

ROOM = 1024 * 1024
"""How many characters may be decoded from a text, over four times its own: what would be more is refused."""
TOO_MUCH = "too-much-encoded"


class Leak(NamedTuple):
    """A secret that was found: in which text and where, in characters, and by which rule."""

    number: int
    """Which of the texts holds it."""
    start: int
    end: int
    rule: str
    kind: str
    """Completes "this is …"."""
    secret: str
    """For comparing and for hiding alone; it is shown to nobody."""


def leaks(texts: Iterable[Text]) -> list[Leak]:
    """Return every secret, ordered by text and place; of those that overlap, what the most exact rule found."""
    given = list(texts)
    found = [*_look(given)]
    inside: list[tuple[int, View]] = []
    for number, text in enumerate(given):
        room = 4 * len(text.text) + ROOM
        for view in views(text):
            room -= len(view.text.text)
            inside.append((number, view))
            if room < 0:
                found.append(
                    Leak(number, 0, len(text.text), TOO_MUCH, "a text with more encoded in it than is read", "")
                )
                break
    for leak in _look([view.text for _, view in inside]):
        number, view = inside[leak.number]
        start, end = _where(leak.secret, given[number].text, view)
        found.append(leak._replace(number=number, start=start, end=end))
    return _apart(found)


def _where(secret: str, text: str, view: View) -> tuple[int, int]:
    """Return where a text holds what a view of it showed: the view's whole stretch unless it stands there as it is."""
    start = text.find(secret, view.start, view.end)
    return (start, start + len(secret)) if start >= 0 else (view.start, view.end)


def published_in(content: bytes) -> Iterator[tuple[str, str, str]]:
    """Yield rule, kind and text of the tokens of published formats in the bytes of a file, whatever its form."""
    for number in _patterns().present(content, len(FORMATS)):
        rule = RULES[number]
        for spans in _patterns().matches(number, content) if number < len(FORMATS) else ():
            start, end = spans[-1]
            secret = content[start:end].decode("utf-8", "replace")
            if rule.judge(Found((secret,), Text(secret), 0, len(secret))):
                yield rule.name, rule.kind, secret


def _look(texts: Sequence[Text]) -> Iterator[Leak]:
    yield from _by_key(texts)
    yield from _by_shape(texts)


def _by_key(texts: Sequence[Text]) -> Iterator[Leak]:
    for index, text in enumerate(texts):
        if worth(text.text.strip(), text.key, text.above):
            yield Leak(index, 0, len(text.text), NAMED.name, NAMED.kind, text.text.strip())


def _by_shape(texts: Sequence[Text]) -> Iterator[Leak]:
    """Look for the rules' shapes in every text at once, each after its key; equal ones are looked at once."""
    places: dict[tuple[str, str], list[int]] = {}
    for index, text in enumerate(texts):
        places.setdefault((text.prefix, text.text), []).append(index)
    pieces = [text.encode("utf-8", "replace") for _, text in places]
    prefixes = [prefix.encode("utf-8", "replace") for prefix, _ in places]
    whole = b"\0".join(map(bytes.__add__, prefixes, pieces))
    starts = [0, *accumulate(len(prefix) + len(piece) + 1 for prefix, piece in zip(prefixes, pieces, strict=True))]
    rows = list(places.values())
    for number in _patterns().present(whole):
        rule = RULES[number]
        known = (-1, 0, 0)  # a row, and how many characters its first bytes are
        for spans in _patterns().matches(number, whole):
            present = [span for span in spans[1:] if span[0] >= 0]
            groups = tuple(whole[start:end].decode("utf-8", "replace") for start, end in present)
            row = bisect_right(starts, present[-1][0]) - 1
            first = present[-1][0] - starts[row] - len(prefixes[row])
            if first < 0:
                continue  # in the key, which is a text of its own
            _, byte, char = known if known[0] == row and known[1] <= first else (row, 0, 0)
            start = char + len(pieces[row][byte:first].decode("utf-8", "replace"))
            known = (row, first, start)
            for index in rows[row]:
                if rule.judge(Found(groups, texts[index], start, start + len(groups[-1]))):
                    yield Leak(index, start, start + len(groups[-1]), rule.name, rule.kind, groups[-1])


@cache
def _patterns() -> Patterns:
    return Patterns((rule.pattern, rule.part) for rule in RULES)


_RANK = {rule.name: rank for rank, rule in reversed([*enumerate(RULES)])} | {TOO_MUCH: -1}


def _apart(found: Iterable[Leak]) -> list[Leak]:
    """Leave out what overlaps with what a more exact rule found."""
    kept: list[Leak] = []
    taken: dict[int, tuple[list[int], list[int]]] = {}
    for leak in sorted(found, key=lambda one: (_RANK[one.rule], one.number, one.start, one.end)):
        starts, ends = taken.setdefault(leak.number, ([], []))
        at = bisect_right(starts, leak.start)
        if not (at and ends[at - 1] > leak.start) and not (at < len(starts) and starts[at] < leak.end):
            starts.insert(at, leak.start)
            ends.insert(at, leak.end)
            kept.append(leak)
    return sorted(kept)
