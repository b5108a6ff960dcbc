"""Files of a place found and brought here: under which names they can lie, and each whole before it has one."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import BinaryIO, TypeVar
from unicodedata import normalize

from firn_runtime.confined_paths import shown, told
from firn_runtime.connector import FileStore, StoredFile
from firn_runtime.errors import ConnectorError
from firn_runtime.patterns import matcher
from firn_schemas.visible import os_reason

T = TypeVar("T")

_LISTED = 1_000_000
"""Files that are looked at in one listing."""
_LONGEST = 255
"""Bytes in one part of a path that file systems take."""


def changed(name: str) -> ConnectorError:
    """Return the error of a file that is not what was listed."""
    message = f"`{shown(name)}` was changed while it was fetched"
    return ConnectorError("conflict", message, "let whoever writes it rename it into place when it is whole")


class Allowance:
    """What a step may still fetch of a resource: `most` bytes in all, `taken` of them already. Threads may share it."""

    def __init__(self, most: int | None, taken: int = 0) -> None:
        self._most, self._taken, self._lock = most, taken, Lock()

    def take(self, size: int) -> None:
        """Count a file by the size that it is listed with, which no store goes beyond; raise ConnectorError."""
        with self._lock:
            self._taken += size
            if self._most is not None and self._taken > self._most:
                message = f"the files of the step have more than {self._most:,} bytes together"
                raise ConnectorError("data", message, "raise the resource's `max_bytes`, or take them in several steps")


def counted(listed: Iterable[T]) -> Iterator[T]:
    """Yield what a place lists; raise ConnectorError where it does not come to an end."""
    for count, one in enumerate(listed):
        if count == _LISTED:
            raise ConnectorError("data", f"more than {_LISTED:,} files are listed", "name a folder with fewer files")
        yield one


def matched(store: FileStore, folder: str, pattern: str) -> list[StoredFile]:
    """Return the files below a folder whose names, from there on, match a pattern; sorted by name.

    Raises ConnectorError for a listing that no place of files would give, and for one without an end.
    """
    beginning = f"{folder}/" if folder else ""
    wanted, found = matcher(pattern), dict[str, StoredFile]()
    for file in counted(store.list(folder, recursive="/" in pattern or "**" in pattern)):
        if wanted(told(folder, file.name).removeprefix(beginning)):
            found[file.name] = file
    return [found[name] for name in sorted(found)]


def refuse_clashes(places: Mapping[str, str]) -> None:
    """Raise ConnectorError where not every file, by name, can have its place in one folder, on any file system.

    Some take `A` and `a`, or two spellings of the same letter, for one name; none has a file that is a folder too.
    """
    known: dict[str, str] = {}
    for name, place in places.items():
        if any(len(os.fsencode(part)) > _LONGEST for part in place.split("/")):
            raise ConnectorError("data", f"a part of `{shown(place)}` is longer than {_LONGEST} bytes")
        other = known.setdefault(_folded(place), name)
        if other != name:
            raise ConnectorError("data", f"`{shown(other)}` and `{shown(name)}` would be one file", _APART)
    for folded, name in known.items():
        parts = folded.split("/")
        above = next((one for end in range(1, len(parts)) if (one := "/".join(parts[:end])) in known), None)
        if above is not None:
            raise ConnectorError("data", f"`{shown(known[above])}` is a file, and a folder of `{shown(name)}`", _APART)


def _folded(name: str) -> str:
    return normalize("NFC", normalize("NFC", name).casefold())


_APART = "take them in two steps, to two folders"


def fetched(store: FileStore, file: StoredFile, parts: Path) -> Path:
    """Return where the file's whole content is, below the folder `parts`; to be renamed to where it belongs.

    What an earlier attempt was cut off in is gone on with, where it was of the same version.
    """
    parts.mkdir(parents=True, exist_ok=True)
    version = "\0".join((file.name, file.version, str(file.size)))
    part = parts / f"{sha256(version.encode(errors='surrogateescape')).hexdigest()[:32]}.part"
    store.get(file, part)
    if part.stat().st_size != file.size:
        part.unlink()
        raise ConnectorError("conflict", f"`{shown(file.name)}` has not the size with which it was listed")
    return part


def continued(part: Path, size: int) -> BinaryIO:
    """Open what an earlier attempt was cut off in, at its end; what is longer than `size` bytes is begun anew.

    What is written lies at a place of its own, not at the file's end: a process that stood still, and has lost its
    lease, may wake while another one goes on, and then writes the same bytes where they are already.
    """
    opened = os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b")
    if opened.seek(0, os.SEEK_END) > size:
        opened.truncate(0)
        opened.seek(0)
    return opened


def named_in(name: str, message: str) -> str:
    """Return a message that names a file."""
    return message if f"`{shown(name)}`" in message else f"`{shown(name)}`: {message}"


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Say in an error which file it is about; what this machine cannot keep is an error of the process."""
    try:
        yield
    except ConnectorError as error:
        raise ConnectorError(error.error_class, named_in(name, error.message), error.help) from None
    except OSError as error:
        reason = os_reason(error)
        raise ConnectorError("process", f"`{shown(name)}` cannot be kept in the workspace: {reason}") from None
