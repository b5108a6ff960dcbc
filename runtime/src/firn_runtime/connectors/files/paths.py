"""Names of files below a root, the same for every place that holds files: what is confined and partitioned."""

import os
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


def partition_keys(name: str) -> tuple[str, ...]:
    """Return the columns that a file's folders name as `column=value`, in their order; a value has `=` as `%3D`."""
    return tuple(folder.partition("=")[0] for folder in _partitions(name))


def partition_values(name: str) -> tuple[str, ...]:
    """Return the values of these columns, as they are spelled there."""
    return tuple(folder.partition("=")[2] for folder in _partitions(name))


def _partitions(name: str) -> list[str]:
    return [folder for folder in PurePosixPath(name).parts[:-1] if folder.count("=") == 1 and folder[0] != "="]


def local_name(key: str) -> str:
    """Return an object's key as a path that stays below a folder; raise ConnectorError for one that cannot be."""
    parts = key.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise ConnectorError("data", "an object's key is no path of a file", _NO_PATH)
    if any(len(os.fsencode(part)) > _LONGEST for part in parts):
        raise ConnectorError("data", f"a part of an object's key is longer than {_LONGEST} bytes")
    return key


_NO_PATH = "a part between two `/` is empty, `.` or `..`: name the objects by a narrower `path`"
