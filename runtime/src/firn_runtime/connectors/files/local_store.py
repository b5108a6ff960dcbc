"""A folder of this machine as files that file steps list, fetch, put and delete."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from firn_runtime.cancel import current
from firn_runtime.confined_paths import placed, shown
from firn_runtime.connector import StoredFile
from firn_runtime.durable import make_durable, make_names_durable
from firn_runtime.errors import ConnectorError
from firn_runtime.fetching import changed, continued
from firn_runtime.publication import STAGED, Leftovers, staged_in, staged_name
from firn_schemas.visible import os_reason

_BLOCK = 1 << 20


class LocalStore:
    """The files below a root: see firn_runtime.connector.FileStore. Nothing leads out of it, symbolic links neither."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._leftovers = Leftovers(lambda folder, mark: staged_in(Path(folder), mark, STAGED))
        self._settled: set[Path] = set()
        """Folders whose names, and those of the folders above, have outlived a failure of the machine."""

    def list(self, folder: str, *, recursive: bool) -> Iterator[StoredFile]:
        """Yield the files of a folder, those that links name too; folders that links name are not looked into."""
        for entry in self._entries(folder):
            name = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from self.list(name, recursive=True) if recursive else ()
                continue
            own = partial(entry.stat, follow_symlinks=False)
            found = self.stat(name) if entry.is_symlink() else _looked_at(name, own)
            if found is not None:
                yield found

    def _entries(self, folder: str) -> Sequence["os.DirEntry[str]"]:
        try:
            with os.scandir(placed(self._root, folder) if folder else self._root) as entries:
                return list(entries)
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise _refused(error, "list", folder or ".") from None

    def stat(self, name: str) -> StoredFile | None:
        """Return size and version: its number in the file system, its size and when it was changed."""
        return _looked_at(name, lambda: placed(self._root, name).stat())

    def get(self, file: StoredFile, target: Path) -> None:
        """Copy what `target` lacks; raise ConnectorError where the file was changed, also while it was copied."""
        with (
            _failing("read", file.name),
            _opened(self._root, file.name) as source,
            continued(target, file.size) as part,
        ):
            start = source.seek(part.tell())
            _refuse_changed(source, file)
            _copy(source, part, file.size - start)
            _refuse_changed(source, file)

    def put(self, source: Path, name: str, mark: str, still_ours: Callable[[], None]) -> StoredFile:
        """Copy beside the target, make it durable and rename it; what killed attempts left is removed."""
        target = placed(self._root, name)
        part = target.with_name(staged_name(target.name, mark))
        with _failing("write", name):
            if target.is_dir():
                raise ConnectorError("data", f"`{name}` is a folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            with self._leftovers.of(str(target.parent), target.name, mark) as leftovers:
                for left in leftovers:
                    target.with_name(left).unlink(missing_ok=True)
            try:
                with source.open("rb") as opened, part.open("wb") as staged:
                    _copy(opened, staged, os.fstat(opened.fileno()).st_size)
                make_durable(part)
                _refuse_short(part, source, name)
                told = _told(name, part.stat())
                still_ours()
                os.replace(part, target)
            finally:
                part.unlink(missing_ok=True)
            self._settle(target.parent)
        return told

    def _settle(self, folder: Path) -> None:
        """Make the name of a file durable; those of its folders once, since an earlier attempt may have made them."""
        make_names_durable(folder)
        if folder not in self._settled:
            for above in folder.parents:
                if above.is_relative_to(self._root):
                    make_names_durable(above)
            self._settled.add(folder)

    def delete(self, name: str, version: str | None = None) -> bool:  # noqa: ARG002  # a place that compares nothing
        """Remove a file, or the link that names it; the folder is durable then."""
        path = placed(self._root, name)
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except IsADirectoryError:
            message = f"cannot delete `{shown(name)}`: it is a folder"
            raise ConnectorError("data", message, "files alone are deleted") from None
        except OSError as error:
            raise _refused(error, "delete", name) from None
        make_names_durable(path.parent)
        return True


def _looked_at(name: str, look: Callable[[], os.stat_result]) -> StoredFile | None:
    try:
        found = look()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _refused(error, "look at", name) from None
    return _told(name, found) if stat.S_ISREG(found.st_mode) else None


def _told(name: str, found: os.stat_result) -> StoredFile:
    return StoredFile(name, found.st_size, f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}")


def _opened(root: Path, name: str) -> BinaryIO:
    try:
        return placed(root, name).open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise ConnectorError("conflict", f"`{shown(name)}` is no longer there") from None


def _copy(source: BinaryIO, target: BinaryIO, left: int) -> None:
    """Copy so many bytes, and none of those by which the file grows meanwhile."""
    token = current()
    while block := source.read(min(left, _BLOCK)):
        token.check()
        left -= target.write(block)
    target.flush()


def _refuse_changed(source: BinaryIO, file: StoredFile) -> None:
    if _told(file.name, os.fstat(source.fileno())) != file:
        raise changed(file.name)


def _refuse_short(part: Path, source: Path, name: str) -> None:
    if part.stat().st_size != source.stat().st_size:
        raise ConnectorError("conflict", f"`{name}` was changed while it was sent")


@contextmanager
def _failing(verb: str, name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _refused(error, verb, name) from None


def _refused(error: OSError, verb: str, name: str) -> ConnectorError:
    reason = os_reason(error)
    return ConnectorError("connection", f"cannot {verb} `{shown(name)}`: {reason}")
