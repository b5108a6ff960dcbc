"""Names of files below a folder: their one spelling, and where they lie. None of them leads out of the folder."""

import os
import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from firn_runtime.errors import ConnectorError

_HELP = "write it relative, without `..`"
_LONGEST = 4096
"""Characters of a path that an outsider lists: none of a file system is longer."""
_SHOWN = 120
"""Characters of an outsider's name in a message."""


def no_folder(root: str) -> ConnectorError:
    """Return the error of a resource whose folder is not there."""
    help = "it is the resource's `root`; a relative one begins at the base folder, `--base-dir` or the current one"
    return ConnectorError("connection", f"there is no folder `{root}`", help)


def confined(path: str) -> str:
    """Return the path in its one spelling; raise ConnectorError for one that could lead out of the root."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\0" in path or not parts.parts:
        raise ConnectorError("data", "a path must stay below the resource's root", _HELP)
    return str(parts)


def placed(folder: Path, name: str) -> Path:
    """Return where a file of that name lies below the folder, whether it is there or not.

    Raises ConnectorError where it would lie elsewhere, also by a symbolic link.
    """
    path = folder / confined(name)
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise ConnectorError("data", f"`{name}` leads out of its folder by a symbolic link")
    return path


def present(folder: Path, name: str) -> Path:
    """Return a regular file below the folder; raise ConnectorError where there is none."""
    path = placed(folder, name)
    if not path.is_file():
        raise ConnectorError("data", f"there is no file `{name}` in the run's folder of files")
    return path


def leads_out(path: str) -> bool:
    """Say whether a path or the path of a URL could lead out of what it begins with, for whoever reads it."""
    steps = re.split(r"[/\\?#;]", unquote(path))  # in a URL a step ends before its query, fragment and parameters too
    return ".." in steps or any(ord(char) < 32 for char in path)


def told(folder: str, name: str) -> str:
    """Return a name that a place told of a file below `folder`; raise ConnectorError where it is none of those.

    Servers are outsiders: what they list is not taken for a path before it was looked at.
    """
    if len(name) > _LONGEST:
        message = f"`{shown(name)}` is listed, whose name has more than {_LONGEST:,} characters"
        raise ConnectorError("data", message, "rename the file, or name a folder without it")
    parts = name.split("/")
    strange = any(part in ("", ".", "..") or "\0" in part for part in parts)
    if strange or (folder and not name.startswith(f"{folder}/")):
        message = f"`{shown(name)}` is listed, which is no path of a file below the folder that was asked for"
        raise ConnectorError("data", message, "a part between two `/` is empty, `.` or `..`, or it lies elsewhere")
    return name


def shown(name: str) -> str:
    """Return an outsider's name as a message may show it: short, on one line, without what a terminal obeys."""
    short = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
    return "".join(one if one.isprintable() and one != "`" else "\ufffd" for one in short)
