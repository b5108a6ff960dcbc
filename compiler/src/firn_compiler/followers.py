"""Findings that only follow from parts of a text that could not be read: what is said to be missing may stand there."""

import re
from collections.abc import Iterable, Iterator

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


_OF_ABSENCE = ("E203", "E205", "E3", "E403", "E502", "E503", "E506", "E7", "W3")


def _about(one: Diagnostic, lost: frozenset[str]) -> bool:
    told = [one.message, *re.findall("(?:add|give it) `[^`]*`", one.help)]
    told += [one.help] if one.code.startswith(("E205", "E7")) else []
    words = {word for name in re.findall("`([^`]*)`", " ".join(told)) for word in names_in(name)}
    if one.code == "E203":
        words |= {word for word in lost if closest(word, words)}  # another word for the same key
    return one.code == "W302" or not words or not words.isdisjoint(lost)
