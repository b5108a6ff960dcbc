"""What names one write, so that it is published once: whoever meets it again recognises it."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from firn_runtime.errors import ConnectorError

STAGED = ".part"
"""Ends the name of what is staged."""
_LONGEST, _KEPT = 200, 160
"""Bytes of a name that is staged whole, and of one that is cut."""


class Publication(NamedTuple):
    """One step's write in one run. Its attempts and every resumption of the run are the same publication."""

    flow: str
    run: str
    job: str
    step: str
    fingerprint: str
    """The step's data fingerprint: another one is another publication."""
    artifact: str
    """Digest of the artifact that publishes."""
    attempt: int = 1
    fence: int = 0
    """Token of the lease under which the run works, 0 without one; a sink that knows a higher one of this flow
    refuses."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What is published once: one step of one run."""
        return self.flow, self.run, self.job, self.step

    @property
    def mark(self) -> str:
        """A short word for the publication, the same in all of its attempts, that may stand in a file's name."""
        return sha256("\0".join((*self.key, self.fingerprint)).encode()).hexdigest()[:16]

    def mark_of(self, file: Path) -> str:
        """Return a word for what this publication stages of a local file: another one as soon as it is rewritten.

        So what a killed attempt has staged is gone on with by these very bytes alone. Up to `-` it is `mark`: what
        else is staged under that for the same target is of no use any more.
        """
        found = file.stat()
        told = f"{found.st_ino} {found.st_size} {found.st_mtime_ns}"
        return f"{self.mark}-{sha256(told.encode()).hexdigest()[:8]}"


def staged_in(folder: Path, mark: str, ending: str) -> Iterator[str]:
    """Yield the names in a folder of this machine that hold a mark and end so."""
    with os.scandir(folder) as entries:
        yield from (entry.name for entry in entries if f".{mark}" in entry.name and entry.name.endswith(ending))


class Leftovers:
    """What killed attempts have staged in folders for files: each folder is looked through once, not for every file.

    Threads may share it.
    """

    def __init__(self, staged: Callable[[str, str], Iterable[str]]) -> None:
        """`staged` lists the names of a folder that are staged under marks of this beginning, or more names."""
        self._staged, self._lock = staged, Lock()
        self._found: dict[tuple[str, str], list[str]] = {}

    @contextmanager
    def of(self, folder: str, name: str, mark: str) -> Iterator[list[str]]:
        """Yield the names that are staged for a file of a folder by the publication of a mark.

        Where the block fails, and may leave something, the folders are looked through anew.
        """
        beginning = mark.partition("-")[0]
        with self._lock:
            if (folder, beginning) not in self._found:
                self._found[folder, beginning] = [*self._staged(folder, beginning)]
            found = self._found[folder, beginning]
        own = staged_name(name, beginning).removesuffix(STAGED).lower()
        try:
            yield [one for one in found if one.lower().startswith(own)]
        except BaseException:
            with self._lock:
                self._found = {}
            raise


def staged_name(name: str, mark: str) -> str:
    """Return what a file is called beside its place until it has its name: a long name is cut, and told by its digest.

    File systems take 255 bytes, and servers answer more with anything.
    """
    raw = name.encode(errors="surrogateescape")
    if len(raw) > _LONGEST:
        name = f"{raw[:_KEPT].decode(errors='ignore')}~{sha256(raw).hexdigest()[:16]}"
    return f".{name}.{mark}{STAGED}"


class TakenOver(ConnectorError):
    """A younger run of the flow has published to the same sink: this one must not."""

    def __init__(self) -> None:
        super().__init__(
            "conflict",
            "another run of the flow has taken over: the target knows a younger lease",
            "this run lost its lock while it was paused or cut off; let the other one finish",
        )
