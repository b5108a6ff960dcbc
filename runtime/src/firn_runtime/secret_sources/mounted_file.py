"""Secrets as files below a mount: a Kubernetes Secret volume (`..data` symlinks), or plain files.

A path never leaves its mount, whatever a symlink says; only regular files are read.
"""

import os
import stat
from pathlib import Path

from firn_runtime.secret_sources.value import MAX_BYTES, Unusable, secret_of
from firn_schemas.secret import Secret


def from_mount(mount: Path, ref: str, key: str | None) -> Secret | None:
    """Return the secret `<mount>/<ref>/<key>` or `<mount>/<ref>`; None where there is none; raise Unusable."""
    place = mount / ref / key if key is not None else mount / ref
    try:
        real, home = place.resolve(strict=True), mount.resolve(strict=True)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, RuntimeError):
        raise Unusable(f"`{place}` cannot be reached") from None
    if not real.is_relative_to(home):
        raise Unusable(f"`{place}` leads out of its mount")
    if real.is_dir():
        keys = ", ".join(f"`{name}`" for name in sorted(os.listdir(real)) if not name.startswith("."))
        raise Unusable(f"`{place}` is a folder: name one of its keys ({keys})")
    try:
        return secret_of(_content(real, place))
    except Unusable as error:
        raise Unusable(f"in `{place}`, {error}") from None


def _content(real: Path, shown: Path) -> bytes:
    try:
        handle = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise Unusable("it is not a regular file")
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Unusable(f"`{shown}` cannot be read ({error.strerror})") from None
