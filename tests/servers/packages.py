"""Debian's packages without installing them: fetched and checked by apt, unpacked, and kept for the next session."""

import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CACHE = Path(__file__).parents[2] / ".cache"


@contextmanager
def alone(name: str) -> Iterator[Path]:
    """Give the folder `name` of the cache to one process of the tests at a time, until the block ends."""
    _CACHE.mkdir(exist_ok=True)
    with (_CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield _CACHE / name


def unpacked(name: str, program: str, *packages: str) -> Path:
    """Return the folder `name` of the cache below which the packages lie; `program` is a file of theirs."""
    with alone(name) as folder:
        if not (folder / program).exists():
            _unpack(folder, packages)
    return folder


def _unpack(folder: Path, names: tuple[str, ...]) -> None:
    """Fetch the packages and unpack them, whole or not at all."""
    if shutil.which("apt-get") is None:
        raise RuntimeError(f"the tests need the programs of Debian's packages {', '.join(names)}: install them")
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        packages, whole = Path(made) / "packages", Path(made) / "whole"
        packages.mkdir()
        subprocess.run(["apt-get", "-qq", "download", *names], cwd=packages, check=True, stderr=subprocess.DEVNULL)
        for package in packages.iterdir():
            subprocess.run(["dpkg-deb", "-x", package, whole], check=True)
        whole.rename(folder)
