"""What shall outlive the machine's failure, and not only the process's end."""

import os
from contextlib import suppress
from pathlib import Path


def make_durable(path: Path) -> None:
    """Return when the file's content would survive a loss of power; raise OSError."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def make_names_durable(folder: Path) -> None:
    """The same for the names in a folder; some file systems cannot, and say so."""
    with suppress(OSError):
        make_durable(folder)
