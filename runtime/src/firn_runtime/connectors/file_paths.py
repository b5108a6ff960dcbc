"""Names of files below a root, the same for every place that holds files: what is confined, matched and partitioned."""

import os
import re
from collections.abc import Iterable
from glob import has_magic
from pathlib import PurePosixPath

from firn_runtime.confined_paths import confined
from firn_runtime.errors import ConnectorError

_LONGEST = 255
"""Bytes in one part of a path that file systems take."""


def relative(path: str | None, verb: str) -> str:
    """Return where files are read or written; raise ConnectorError where a step names anything but a path."""
    if path is None:
        raise ConnectorError("data", f"files are {verb} by `path`")
    return confined(path)


def is_pattern(path: str) -> bool:
    """Say whether a path may match several files."""
    return has_magic(path)


def folder_of(pattern: str) -> str:
    """Return the folders that a pattern begins with, which hold no wildcard; empty for the root."""
    parts = PurePosixPath(pattern).parts[:-1]
    fixed = next((at for at, part in enumerate(parts) if has_magic(part)), len(parts))
    return "/".join(parts[:fixed])


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the names that a pattern matches, sorted: as a shell does, `**` for folders, without hidden parts."""
    matches = re.compile(_expression(pattern)).fullmatch
    return sorted(name for name in names if matches(name))


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


def partition_keys(name: str) -> tuple[str, ...]:
    """Return the columns that a file's folders name as `column=value`, in their order."""
    folders = PurePosixPath(name).parts[:-1]
    return tuple(folder.partition("=")[0] for folder in folders if folder.partition("=")[1] and folder[0] != "=")


def local_name(key: str) -> str:
    """Return an object's key as a path that stays below a folder; raise ConnectorError for one that cannot be."""
    parts = key.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise ConnectorError("data", "an object's key is no path of a file", _NO_PATH)
    if any(len(os.fsencode(part)) > _LONGEST for part in parts):
        raise ConnectorError("data", f"a part of an object's key is longer than {_LONGEST} bytes")
    return key


_NO_PATH = "a part between two `/` is empty, `.` or `..`: name the objects by a narrower `path`"
