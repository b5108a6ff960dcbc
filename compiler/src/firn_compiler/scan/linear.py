"""The one door to RE2: many patterns over a text in one pass, in time linear in the text, whatever it holds."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import re2

Spans: TypeAlias = list[tuple[int, int]]
"""Where a match lies, and then where each of its groups does, as bytes from the text's start; -1 for no group."""

_END = b"\0\1end"
"""Stands after every text and matches always: a pass that does not report it ran out of memory and says nothing."""


CHUNK = 64
"""How many patterns share an automaton: its states multiply with them."""


class Patterns:
    """Patterns that are looked for together; they hold neither look-around nor back-references.

    Of each may be given a part that all its matches hold: the less is looked for, the sooner the search can begin.
    """

    def __init__(self, patterns: Iterable[tuple[str, str]]) -> None:
        rows = tuple(patterns)
        self._patterns = tuple(pattern.encode() for pattern, _ in rows)
        weaker = [weakened((part or pattern).encode()) for pattern, part in rows]
        self._sets = [_set([*weaker[at : at + CHUNK], _END]) for at in range(0, len(weaker), CHUNK)]

    def present(self, text: bytes, before: int | None = None) -> list[int]:
        """Return the numbers, ascending, of all patterns that match anywhere in `text`, and of some that do not.

        Those from the number `before` on are left out, roughly.
        """
        found: list[int] = []
        for chunk, one in enumerate(self._sets[: None if before is None else -(-before // CHUNK)]):
            first, size = chunk * CHUNK, min(CHUNK, len(self._patterns) - chunk * CHUNK)
            seen = set(one.Match(text + _END) or ())
            found += sorted(first + at for at in (seen - {size} if size in seen else range(size)))
        return found

    def matches(self, number: int, text: bytes) -> Iterator[Spans]:
        """Yield where one pattern matches; a match may begin with the last byte of the one before it."""
        pattern = re2.compile(self._patterns[number], _options())
        at = 0
        while (found := pattern.search(text, at)) is not None:
            yield [found.span(group) for group in range(pattern.groups + 1)]
            at = max(found.end() - 1, found.start() + 1)


class Words:
    """Texts that are replaced wherever they stand; of those that begin at one place, the first is."""

    def __init__(self, words: Iterable[str]) -> None:
        escaped = [re2.escape(word.encode("utf-8", "replace")) for word in words]
        self._pattern = re2.compile(b"|".join(escaped), _options()) if escaped else None

    def replaced(self, text: str, by: Callable[[str], str]) -> str:
        """Return `text` with `by` of every word instead of it."""
        whole, at, pieces = text.encode("utf-8", "replace"), 0, []
        for found in self._pattern.finditer(whole) if self._pattern else ():
            pieces += [
                whole[at : found.start()].decode("utf-8", "replace"),
                by(found.group().decode("utf-8", "replace")),
            ]
            at = found.end()
        return "".join(pieces) + whole[at:].decode("utf-8", "replace") if at else text


_COUNT = re.compile(rb"\{(\d+),?\d*\}")


def weakened(pattern: bytes) -> bytes:
    """Return a pattern that matches wherever `pattern` does and needs fewer states: what is counted may go on."""
    return _COUNT.sub(lambda count: b"{%d,}" % min(int(count[1]), 2), pattern)


def _set(patterns: Iterable[bytes]) -> "re2.Set":
    one = re2.Set.SearchSet(_options())
    for pattern in patterns:
        one.Add(pattern)
    one.Compile()
    return one


def _options() -> "re2.Options":
    options = re2.Options()
    options.max_mem = 256 * 1024 * 1024
    options.log_errors = False
    return options
