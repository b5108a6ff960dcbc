"""Findings that only follow from parts of a text that could not be read: what is said to be missing may stand there."""

import re
from collections.abc import Iterable, Iterator, Sequence

from firn_compiler.closest import closest
from firn_compiler.diagnostics import Diagnostic


def names_in(text: str) -> frozenset[str]:
    """Return the words of a part that may be names."""
    return frozenset(re.findall(r"[\w-]+", text))


def without_followers(found: Iterable[Diagnostic], lost: frozenset[str]) -> Iterator[Diagnostic]:
    """Leave out findings about what is missing where a part that could not be read may hold it."""
    for one in found:
        if not (lost and one.code.startswith(_OF_ABSENCE) and _about(one, lost)):
            yield one


def without_unsure(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Leave out what may only follow.

    That nothing uses an output, where a reference that cannot be followed may be meant to; and what a word would need
    where its resource does not do that.
    """
    impossible = {one.span for one in found if one.code == "E313"}
    wrong = [one for one in found if one.code in _OF_REFERENCES]
    told = {word for one in wrong for name in _QUOTED.findall(_meant(one)) for word in names_in(name)}
    unreadable = any(one.code == "E401" and "is not a path of" not in one.message for one in wrong)
    return [
        one
        for one in found
        if (one.code != "W303" or not (unreadable or told.intersection(_QUOTED.findall(one.message))))
        and (one.code != "E203" or one.span not in impossible)
    ]


def _meant(one: Diagnostic) -> str:
    """Return what is wrong, with the name that is meant; where nobody can tell, with all that may be."""
    return f"{one.message} {one.help.rpartition('did you mean')[2]}"


_QUOTED = re.compile("`([^`]*)`")
_OF_REFERENCES = ("E305", "E306", "E401", "E402")
_OF_NAMES = ("E301", "E302", "E303", "E305", "E306", "E313", "E316", "E320")
_OF_ABSENCE = ("E203", "E205", *_OF_NAMES, "E403", "E502", "E503", "E506", "E7", "W3")


def _about(one: Diagnostic, lost: frozenset[str]) -> bool:
    told = [one.message, *re.findall(r"\b(?:add|give it|a|says) `[^`]*`", one.help)]
    told += [one.help] if one.code.startswith(("E205", "E7")) else []
    words = {word for name in _QUOTED.findall(" ".join(told)) for word in names_in(name)}
    if one.code == "E203":
        words |= {word for word in lost if closest(word, words)}  # another word for the same key
    return one.code == "W302" or not words or not words.isdisjoint(lost)
