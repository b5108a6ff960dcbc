"""Patterns of names: as a shell matches them, `**` for folders, and nothing hidden unless the pattern says so."""

import re
from collections.abc import Callable, Iterable, Sequence
from glob import has_magic
from pathlib import PurePosixPath

from firn_runtime.errors import ConnectorError


def is_pattern(path: str) -> bool:
    """Say whether a path may match several files."""
    return has_magic(path)


def folder_of(pattern: str) -> str:
    """Return the folders that a pattern begins with, which hold no wildcard; empty for the root."""
    parts = PurePosixPath(pattern).parts[:-1]
    fixed = next((at for at, part in enumerate(parts) if has_magic(part)), len(parts))
    return "/".join(parts[:fixed])


def in_any_folder(pattern: str) -> str:
    """Return a pattern that matches at any depth, where it names no folder by itself."""
    return pattern if "/" in pattern else f"**/{pattern}"


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the names that a pattern matches, sorted: as a shell does, `**` for folders, without hidden parts."""
    return sorted(filter(matcher(pattern), names))


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what says of a name whether the pattern matches it; raise ConnectorError for no pattern."""
    try:
        matches = re.compile(_expression(pattern)).fullmatch
    except re.error:
        help = "a range in brackets ends before it begins; `[a-z]` is one"
        raise ConnectorError("data", f"`{pattern}` is no pattern of names", help) from None
    return lambda name: matches(name) is not None


def _expression(pattern: str) -> str:
    *before, last = _between(PurePosixPath(pattern).parts, "**")
    if before and not last:  # at the end it stands for files too
        last = ["?*"]
    return _in_turn(
        ["".join(f"{_part(part)}/" for part in one) for one in before], "/".join(map(_part, last)), _FOLDERS
    )


def _part(part: str) -> str:
    words = ["*" if word.startswith("*") else word for word in _WORDS.findall(part)]
    *before, last = ["".join(map(_character, one)) for one in _between(words, "*")]
    shown = "" if part.startswith(".") else r"(?!\.)"
    return shown + _in_turn(before, last, "[^/]*")


_FOLDERS = r"(?:(?!\.)[^/]++/)*"
_SET = r"\[!?+\]?+[^\]]*\]"
_WORDS = re.compile(rf"{_SET}|\*+|.", re.DOTALL)


def _between(words: Sequence[str], star: str) -> list[list[str]]:
    """Return what stands between the stars; each of it has a fixed length of characters, or of parts."""
    found: list[list[str]] = [[]]
    for word in words:
        if word == star:
            found.append([])
        else:
            found[-1].append(word)
    return found


def _in_turn(before: list[str], last: str, gap: str) -> str:
    """Return an expression for all of these, with a gap between two of them.

    Each between the first and the last is taken where it comes first, and never tried elsewhere: that leaves most room
    for what follows. Tried everywhere, five stars and a name of 255 characters, which outsiders choose, take a minute.
    """
    if not before:
        return last
    first, *middle = before
    return first + "".join(f"(?>{gap}?{one})" for one in middle) + gap + last


def _character(word: str) -> str:
    if word == "?":
        return "[^/]"
    if re.fullmatch(_SET, word):
        chosen = word[1:-1]
        return f"(?!/)[{'^' * chosen.startswith('!')}{_escaped(chosen.removeprefix('!'))}]"
    return re.escape(word)


def _escaped(characters: str) -> str:
    return re.sub(r"([\\\]\[^&~|]|(?<=-)-)", r"\\\1", characters)
