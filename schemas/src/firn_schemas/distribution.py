"""What an installed distribution says of itself: data of an outsider, which `importlib.metadata` trusts to be sound."""

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+!-]*[A-Za-z0-9])?")
"""A name (PyPA, names and normalization) or a version (PyPA, version specifiers), as far as it can be shown."""


def normalized(name: str) -> str:
    """Return the one spelling of a name: case, and which of `-`, `_` and `.` divides it, mean nothing (PyPA)."""
    return re.sub(r"[-_.]+", "-", name).lower()


class Announced(NamedTuple):
    """A distribution, and what its entry points announce."""

    name: str
    version: str
    entries: tuple["EntryPoint", ...]


def announced(one: "Distribution") -> Announced | None:
    """Return what a distribution says of itself; None where its metadata are damaged, or name nothing."""
    try:
        found = Announced(one.name, one.version, tuple(one.entry_points))
    except Exception:  # it raises whatever its parsers meet
        return None
    words = (found.name, found.version)
    return found if all(isinstance(word, str) and _WORD.fullmatch(word) for word in words) else None


def record_of(one: "Distribution") -> str:
    """Return its RECORD; an empty text where it has none, or none in UTF-8."""
    try:
        return one.read_text("RECORD") or ""
    except ValueError:
        return ""
