"""Patterns of names: as a shell matches them, `**` for folders, and nothing hidden unless the pattern says so."""

import re
from collections.abc import Callable, Iterable
from glob import has_magic
from pathlib import PurePosixPath


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
    """Return what says of a name whether the pattern matches it."""
    matches = re.compile(_expression(pattern)).fullmatch
    return lambda name: matches(name) is not None


def _expression(pattern: str) -> str:
    parts = PurePosixPath(pattern).parts
    inner = "".join(r"(?:(?!\.)[^/]+/)*" if part == "**" else f"{_part(part)}/" for part in parts[:-1])
    return inner + (r"(?:(?!\.)[^/]+/)*(?!\.)[^/]+" if parts[-1] == "**" else _part(parts[-1]))


def _part(part: str) -> str:
    words = re.split(r"(\[!?\]?[^\]]*\]|\*+|\?)", part)
    shown = "" if part.startswith(".") else r"(?!\.)"
    return shown + "".join(map(_word, words))


def _word(word: str) -> str:
    if word.startswith("*"):
        return "[^/]*"
    if word == "?":
        return "[^/]"
    if re.fullmatch(r"\[!?\]?[^\]]*\]", word):
        chosen = word[1:-1]
        return f"[{'^' * chosen.startswith('!')}{_escaped(chosen.removeprefix('!'))}]"
    return re.escape(word)


def _escaped(characters: str) -> str:
    return re.sub(r"([\\\]\[^&~|])", r"\\\1", characters)
