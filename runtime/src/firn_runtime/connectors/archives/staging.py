"""Where members become files: in a hidden folder first, beside the one they are for, then there all at once.

No member's mode, owner or time is taken over, and nothing is a link, so that what is staged is plain files.
"""

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from firn_runtime.cancel import current
from firn_runtime.confined_paths import placed
from firn_runtime.durable import make_durable, make_names_durable
from firn_runtime.errors import ConnectorError

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE = 0o644
_BLOCK = 1024 * 1024
_EACH = 64
"""Of more files than this, all that the machine has not yet written is written in one go: that takes less time."""


def hidden(target: Path, mark: str) -> Path:
    """Return where something lies beside its place until it is published."""
    return target.with_name(f".{target.name[:40]}.{mark}.part")


@contextmanager
def staging(root: Path, dest: str, mark: str) -> Iterator["Staging"]:
    """Lend an empty hidden folder beside `dest`; what is left in it is removed. What a killed attempt left too."""
    target = placed(root, dest)
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = hidden(target, mark)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    try:
        yield Staging(root, dest, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Staging:
    """Files below a hidden folder, not yet where they belong."""

    def __init__(self, root: Path, dest: str, folder: Path) -> None:
        self._root, self._dest, self._folder = root, dest, folder
        self._check = current().check
        self._made = {""}
        self._names: list[str] = []

    def add(self, name: str, blocks: Iterable[bytes | memoryview]) -> None:
        """Write a member; its name was checked."""
        parent = name.rpartition("/")[0]
        if parent not in self._made:
            os.makedirs(self._folder / parent, exist_ok=True)
            self._made.add(parent)
        file = os.open(f"{self._folder}/{name}", _NEW, _MODE)
        try:
            for block in blocks:
                self._check()
                left = memoryview(block)
                while left:
                    left = left[os.write(file, left) :]
        finally:
            os.close(file)
        self._names.append(name)

    def settle(self) -> None:
        """Return when what was staged would survive a loss of power."""
        self._settle(self._folder)

    def publish(self, kept: Iterable[Path]) -> list[str]:
        """Put the files where they belong, and return their names below the root; none may replace one of `kept`.

        A folder that is not there comes into being with all of its files. In one that is, each file is there at once,
        what is equal is left as it is, and what is not is replaced.
        """
        target = placed(self._root, self._dest)
        names = sorted(self._names)
        if not os.path.lexists(target):
            os.rename(self._folder, target)
            make_names_durable(target.parent)
        else:
            self._merge(target, names, {_identity(os.stat(one)) for one in kept})
        return [f"{self._dest}/{name}" for name in names]

    def _merge(self, target: Path, names: list[str], kept: set[tuple[int, int]]) -> None:
        if not target.is_dir():
            raise ConnectorError("conflict", f"`{self._dest}` is there, and is no folder")
        parents = sorted(self._made)
        for parent in filter(None, parents):
            placed(self._root, f"{self._dest}/{parent}")
        for name in names:
            self._refuse_to_replace(target / name, name, kept)
        for parent in parents:
            (target / parent).mkdir(parents=True, exist_ok=True)
        for name in names:
            staged, file = self._folder / name, target / name
            if not _equal(staged, file):
                os.replace(staged, file)
        self._settle(target)

    def _refuse_to_replace(self, file: Path, name: str, kept: set[tuple[int, int]]) -> None:
        try:
            found = _look(file)
        except NotADirectoryError:
            message = f"a member is `{self._dest}/{name}`, and there is a file where its folder would be"
            raise ConnectorError("conflict", message) from None
        if found is not None and stat.S_ISDIR(found.st_mode):
            raise ConnectorError("conflict", f"`{self._dest}/{name}` is a folder, and a member is a file of that name")
        if found is not None and _identity(found) in kept:
            message = f"a member would replace the archive `{self._dest}/{name}`"
            raise ConnectorError("conflict", message, "unpack it elsewhere")

    def _settle(self, folder: Path) -> None:
        if len(self._names) + len(self._made) > _EACH:
            os.sync()
            return
        for name in self._names:
            if (folder / name).is_file():
                make_durable(folder / name)
        for parent in self._made:
            make_names_durable(folder / parent)


def _look(file: Path) -> os.stat_result | None:
    """Return what is there, without following a link."""
    try:
        return os.lstat(file)
    except FileNotFoundError:
        return None


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _equal(staged: Path, file: Path) -> bool:
    """Say whether a regular file is there that holds the same."""
    found = _look(file)
    if found is None or not stat.S_ISREG(found.st_mode) or found.st_size != staged.stat().st_size:
        return False
    with open(staged, "rb") as one, open(file, "rb") as other:
        while block := one.read(_BLOCK):
            if block != other.read(_BLOCK):
                return False
    return True
