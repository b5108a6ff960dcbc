"""Whether files can be made in a folder that may not be there yet; nothing is made, and nothing stays."""

import os
from pathlib import Path

from firn_schemas.visible import os_reason


def nearest(path: Path) -> Path:
    """Return the path, or the nearest one above it that is there."""
    return next(one for one in (path, *path.parents) if os.path.lexists(one))


def refusal(folder: Path) -> str:
    """Say why no file can be made in a folder, going by the modes of what is there; nothing where one can."""
    found = nearest(folder.absolute())
    if not os.path.isdir(found):
        return f"`{found}` is not a folder"
    return "" if os.access(found, os.W_OK | os.X_OK) else f"`{found}` is not writable"


def trial(folder: Path) -> str:
    """Say why no file can be made in a folder, after making one that has no name, or has it for a moment."""
    from tempfile import TemporaryFile

    reason = refusal(folder)
    if reason:
        return reason
    found = nearest(folder.absolute())
    try:
        with TemporaryFile(dir=found) as file:
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return f"`{found}` takes no file ({os_reason(error)})"
    return ""
