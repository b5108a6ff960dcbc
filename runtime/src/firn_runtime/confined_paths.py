"""Names of files below a folder: their one spelling, and where they lie. None of them leads out of the folder."""

import os
from pathlib import Path, PurePosixPath

from firn_runtime.errors import ConnectorError

_HELP = "write it relative, without `..`"


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
