"""A query as it was meant: where a word keeps it from being read, the help is followed, so that the rest is checked."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from firn_compiler.sql.analysis import Problem

MAX_REPAIRS = 6
MAX_TEXT = 32 * 1024
"""A text that is longer is read once: nobody has written it by hand."""

_HELPS: tuple[tuple[re.Pattern[str], Callable[[str, str], str]], ...] = (
    (re.compile(r"did you mean `([^`…]+)`\?"), lambda _, word: word),
    (re.compile(r"write `([^`…]+)`(, and its value in `params`)?"), lambda _, word: word),
    (re.compile(r"write `(as)` in its place"), lambda _, word: f" {word}"),
    (re.compile(r"(remove it)"), lambda _, __: " "),
    (re.compile(r"(is a comma missing before it\?)"), lambda old, _: f", {old}"),
    (re.compile(r"is `(from)` missing before it\?"), lambda old, word: f" {word} {old}"),
    (re.compile(r"queries after `with` are separated by (commas)"), lambda old, _: f", {old}"),
)
"""Helps that say what to write in the place of what is wrong, and what that makes of it."""


class _Edit(NamedTuple):
    """Where a text was changed, and how long the old and the new part are."""

    start: int
    old: int
    new: int

    def back(self, offset: int) -> int:
        """Return where an offset of the changed text was before."""
        if offset <= self.start:
            return offset
        return max(self.start, offset - self.new + self.old) if offset >= self.start + self.new else self.start


class Repaired(NamedTuple):
    """A query that can be read, and what was wrong with it, at its places in the text that was written."""

    text: str
    problems: tuple[Problem, ...]
    edits: tuple[_Edit, ...]

    def placed(self, problem: Problem) -> Problem:
        """Return a problem of this text at its place in the text that was written."""
        start, end = problem.start, problem.end
        for edit in reversed(self.edits):
            start, end = edit.back(start), edit.back(end)
        return problem._replace(start=start, end=max(end, start + 1))


Read = Callable[[str], Sequence[Problem] | None]
"""Returns what keeps a text from being read, or None."""


def repaired(text: str, problems: Sequence[Problem], read: Read) -> Repaired | None:
    """Return a query with its problems' helps followed until it can be read; None where that does not lead there."""
    done = Repaired(text, (), ())
    for _ in range(MAX_REPAIRS if len(text) <= MAX_TEXT else 0):
        edited = _followed(done.text, problems[0]) if problems else None
        if edited is None:
            return None
        after, edit = edited
        problem = done.placed(problems[0])
        told = any(one.start == problem.start for one in done.problems)
        done = Repaired(after, done.problems if told else (*done.problems, problem), (*done.edits, edit))
        found = read(done.text)
        if found is None:
            return done
        problems = found
    return None


def _followed(text: str, problem: Problem) -> tuple[str, _Edit] | None:
    for pattern, change in _HELPS:
        match = pattern.fullmatch(problem.help) if problem.code == "E501" else None
        if match is not None:
            new = change(text[problem.start : problem.end], match[1])
            edit = _Edit(problem.start, problem.end - problem.start, len(new))
            return text[: problem.start] + new + text[problem.end :], edit
    return None
