"""The folders in which secrets are looked up, in this order: the artifact's, Docker's, systemd's."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

DOCKER = Path("/run/secrets")
SYSTEMD = "CREDENTIALS_DIRECTORY"


class Mount(NamedTuple):
    """A folder that holds secrets."""

    path: Path
    flat: bool = False
    """Docker's or systemd's: a key may be a file of its own, and modes are theirs."""

    def places(self, ref: str, key: str | None) -> tuple[str, ...]:
        """Return where a secret may lie in it, in order."""
        if key is None:
            return (ref,)
        return (f"{ref}/{key}", f"{ref}_{key}") if self.flat else (f"{ref}/{key}",)


def mounts_of(folders: Iterable[Path], environ: Mapping[str, str], docker: Path = DOCKER) -> tuple[Mount, ...]:
    """Return the artifact's folders, absolute by now, and those that the machine gives; each folder once."""
    given = {os.path.realpath(path): path for path in (docker, Path(environ.get(SYSTEMD, ""))) if path.is_absolute()}
    named = {os.path.realpath(path): path for path in folders}
    mounts = {real: Mount(path, flat=real in given) for real, path in named.items()}
    for real, path in given.items():
        if _ours(real):
            mounts.setdefault(real, Mount(path, flat=True))
    return tuple(mounts.values())


def _ours(path: str) -> bool:
    """Whether it may be entered: nobody named it, so it is no mistake if it is another user's."""
    return not os.path.exists(path) or os.access(path, os.X_OK)
