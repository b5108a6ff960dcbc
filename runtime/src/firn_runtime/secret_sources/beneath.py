"""Paths that never leave a folder: each part is opened from the descriptor of the one before, links are read by hand.

So neither a symbolic link nor a change made meanwhile leads out, and nothing is opened that could make us wait.
"""

import errno
import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from firn_runtime.plain_file import plain_content
from firn_runtime.secret_sources.value import Unusable

DATA = "..data"
"""The link of a Kubernetes volume to its present content; an update renames another one over it."""

MAX_LINKS = 40
_PASS = getattr(os, "O_PATH", os.O_RDONLY)  # a folder that may be entered need not be one that may be listed
_FOLDER = _PASS | os.O_DIRECTORY | os.O_CLOEXEC


class Vanished(Unusable):
    """What a link or a folder led to is gone: replaced meanwhile, or never there."""


class Place(NamedTuple):
    """Where a path ends: the folders on the way from the root, as descriptors, and a name in the last of them.

    An empty name is the last folder itself.
    """

    folders: tuple[int, ...]
    name: str = ""


def root(folder: Path, opened: ExitStack) -> Place:
    """Open the folder that nothing may leave, following links on the way to it; raise OSError."""
    return Place((_keep(os.open(folder, _FOLDER), opened),))


def walk(start: Place, path: str, opened: ExitStack) -> Place:
    """Follow a relative path from a folder; raise Unusable, Vanished and OSError.

    FileNotFoundError: there is nothing of that name. Vanished: there is, but the link leads nowhere.
    """
    folders, todo, links = start.folders, _parts(path), 0
    try:
        while todo:
            part = todo.pop()
            mode = stat.S_IFDIR if part == ".." else os.lstat(part, dir_fd=folders[-1]).st_mode
            if part == "..":
                folders = _parent(folders)
            elif stat.S_ISLNK(mode):
                links += 1
                todo += _target(part, folders[-1], links)
            elif stat.S_ISDIR(mode):
                folders = (*folders, _keep(os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folders[-1]), opened))
            elif todo:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            else:
                return Place(folders, part)
    except FileNotFoundError:
        if links:
            raise Vanished("is a symbolic link that leads nowhere") from None
        raise
    return Place(folders)


def find(start: Place, path: str, opened: ExitStack) -> Place | None:
    """Return where a path ends, or None where nothing has its name; raises what `walk` does, but for that."""
    try:
        return walk(start, path, opened)
    except (FileNotFoundError, NotADirectoryError):
        return None


def published(folder: Place, opened: ExitStack) -> Place:
    """Return the present content of a Kubernetes volume, or the folder itself where it is none."""
    return find(folder, DATA, opened) or folder


def exposed(file: Place) -> bool:
    """Whether the modes of a file and of the folders on the way let its group or others read it.

    In a Kubernetes volume they do so by default, and the volume is the container's own: there it is always False.
    """
    if any(_holds(folder, DATA) for folder in file.folders):
        return False
    readable = os.lstat(file.name, dir_fd=file.folders[-1]).st_mode & 0o044
    for folder in file.folders:
        readable &= (os.fstat(folder).st_mode & 0o011) << 2  # whoever may enter it
    return readable != 0


def same(one: Place, other: Place) -> bool:
    """Whether two places are one."""
    return one.name == other.name and os.path.samestat(os.fstat(one.folders[-1]), os.fstat(other.folders[-1]))


def entries(place: Place) -> list[str]:
    """Return the names in a folder, in order; raise OSError."""
    handle = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place.folders[-1])
    try:
        return sorted(os.listdir(handle))
    finally:
        os.close(handle)


def content(place: Place, limit: int) -> bytes:
    """Return at most `limit` bytes of a file, and one more where it is larger; raise Unusable and OSError."""
    found = plain_content(place.name, limit, folder=place.folders[-1])
    if found is None:
        raise Unusable("is not a regular file")
    return found


def _keep(handle: int, opened: ExitStack) -> int:
    opened.callback(os.close, handle)
    return handle


def _holds(folder: int, name: str) -> bool:
    try:
        os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def _parts(path: str) -> list[str]:
    """Return the parts of a path, the first one last."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _parent(folders: tuple[int, ...]) -> tuple[int, ...]:
    if len(folders) == 1:
        raise Unusable("leads out of its mount")
    return folders[:-1]


def _target(link: str, folder: int, links: int) -> list[str]:
    target = os.readlink(link, dir_fd=folder)
    if links > MAX_LINKS:
        raise Unusable("is a loop of symbolic links")
    if target.startswith("/"):
        raise Unusable("leads out of its mount (an absolute symbolic link)")
    return _parts(target)
