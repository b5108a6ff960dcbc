"""A share as files that file steps list, fetch, put and delete; each thread has a session of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from firn_runtime.cancel import current
from firn_runtime.confined_paths import shown
from firn_runtime.connector import StoredFile
from firn_runtime.connectors.smb.errors import DENIED, NOT_FOUND, Refused
from firn_runtime.connectors.smb.link import (
    BEGIN,
    GO_ON,
    LIST,
    LOOK,
    MAKE,
    MOVE,
    READ,
    Handle,
    Link,
    Place,
    Told,
)
from firn_runtime.connectors.smb.names import native
from firn_runtime.errors import ConnectorError
from firn_runtime.fetching import changed, continued, counted
from firn_runtime.publication import Leftovers, staged_name

_BLOCK = 1 << 20
_DEEPEST = 64
"""Folders within folders that are listed."""


class ShareStore:
    """The files below a folder of a share: see firn_runtime.connector.FileStore. A version is size and time."""

    def __init__(self, place: Place, root: str) -> None:
        self._place, self._root = place, root
        self._idle: list[Link] = []
        self._lock = threading.Lock()
        self._leftovers = Leftovers(self._staged)

    def open(self) -> None:
        """Log in; what is opened is kept for the first use."""
        with self._linked():
            pass

    def close(self) -> None:
        """Let go of every session."""
        with self._lock:
            links, self._idle = self._idle, []
        for link in links:
            link.close()

    def list(self, folder: str, *, recursive: bool) -> Iterator[StoredFile]:
        """Yield the files of a folder. Links are neither listed nor followed."""
        waiting = [folder]
        with self._linked() as link:
            for at, one in counted((inner, one) for inner in _popped(waiting) for one in self._entries(link, inner)):
                current().check()
                name = f"{at}/{one.name}" if at else one.name
                if one.is_link:
                    continue
                if not one.is_folder:
                    yield StoredFile(name, one.size, one.version)
                elif recursive:
                    waiting.append(_not_too_deep(name))

    def stat(self, name: str) -> StoredFile | None:
        """Return size and time of a file; None for anything else."""
        with self._linked() as link:
            try:
                with link.opened(self._path(name), LOOK) as handle:
                    told = handle.told()
            except Refused as error:
                if error.status not in NOT_FOUND:
                    raise
                self._look_for_root(link)
                return None
        return None if told.is_folder or told.is_link else StoredFile(name, told.size, told.version)

    def get(self, file: StoredFile, target: Path) -> None:
        """Fetch what `target` lacks; raise ConnectorError where the file was changed, also meanwhile."""
        path, token = self._path(file.name), current()
        with self._linked() as link, link.opened(path, READ) as handle, continued(target, file.size) as opened:
            _refuse_changed(handle.told(), file)
            at = opened.tell()
            while at < file.size:
                token.check()
                at += opened.write(handle.read(at, min(_BLOCK, file.size - at)))
            with link.opened(path, LOOK) as again:
                _refuse_changed(again.told(), file)

    def put(self, source: Path, name: str, mark: str, still_ours: Callable[[], None]) -> StoredFile:
        """Send what the staged file lacks, compare the sizes, and rename it."""
        folder, slash, base = name.rpartition("/")
        own = staged_name(base, mark)
        path, part = self._path(name), self._path(f"{folder}{slash}{own}")
        with self._leftovers.of(folder, base, mark) as leftovers, self._linked() as link:
            for left in leftovers:
                if left.lower() != own.lower():
                    _removed(link, self._path(f"{folder}{slash}{left}"))
            self._make(link, folder)
            _send(link, source, part)
            with link.opened(part, MOVE) as handle:
                told = handle.told()
                if told.size != source.stat().st_size:
                    raise ConnectorError("conflict", f"`{name}` was changed while it was sent")
                still_ours()
                _rename(handle, path, name)
        return StoredFile(name, told.size, told.version)

    def delete(self, name: str, version: str | None = None) -> bool:
        """Remove a file, or the link that has its name; what is compared is the very file that is removed."""
        with self._linked() as link:
            removed = _removed(link, self._path(name), version)
            if not removed:
                self._look_for_root(link)
            return removed

    def _path(self, name: str) -> str:
        return native(f"{self._root}/{name}" if self._root and name else self._root or name)

    @contextmanager
    def _linked(self) -> Iterator[Link]:
        """Lend a session; it is kept for the next use where this one went well."""
        token = current()
        token.check()
        link = self._kept() or Link(self._place)
        try:
            with token.interrupting(link.stop):
                if not link.is_open:
                    link.open()
                yield link
        except GeneratorExit:  # nobody wants the rest of a listing
            self._keep(link)
            raise
        except BaseException as error:
            link.close()
            if isinstance(error, ConnectorError):
                token.check()
            raise
        self._keep(link)

    def _keep(self, link: Link) -> None:
        with self._lock:
            self._idle.append(link)

    def _kept(self) -> Link | None:
        with self._lock:
            while self._idle:
                link = self._idle.pop()
                if link.is_open:
                    return link
                link.close()
        return None

    def _entries(self, link: Link, folder: str, pattern: str = "*") -> Iterator[Told]:
        try:
            with link.opened(self._path(folder), LIST) as handle:
                if handle.told().is_link:
                    raise ConnectorError("data", f"the folder `{shown(folder)}` leads elsewhere by a link")
                yield from (one for one in counted(handle.entries(pattern)) if one.name not in (".", ".."))
        except Refused as error:
            if error.status not in NOT_FOUND:
                raise
            self._look_for_root(link)

    def _look_for_root(self, link: Link) -> None:
        """Raise ConnectorError where the root is not there: that is a wrong setting, and no empty folder."""
        try:
            with link.opened(self._path(""), LOOK):
                pass
        except Refused as error:
            if error.status not in NOT_FOUND:
                raise
            message = f"the share has no folder `{shown(self._root)}`"
            raise ConnectorError("connection", message, "it is the resource's `root`") from None

    def _make(self, link: Link, folder: str) -> None:
        """Make a folder of the root, and those above it."""
        parts = folder.split("/") if folder else []
        for end in range(1, len(parts) + 1):
            name = "/".join(parts[:end])
            with link.opened(self._path(name), MAKE) as handle:
                if handle.told().is_link:
                    raise ConnectorError("data", f"the folder `{shown(name)}` leads elsewhere by a link")

    def _staged(self, folder: str, mark: str) -> Iterator[str]:
        """Yield what is staged in a folder; raise ConnectorError where the root is not there."""
        with self._linked() as link:
            yield from (one.name for one in self._entries(link, folder, staged_name("*", f"{mark}*")))


def _popped(waiting: list[str]) -> Iterator[str]:
    """Yield what waits, and what comes to wait meanwhile."""
    while waiting:
        yield waiting.pop()


def _send(link: Link, source: Path, part: str) -> None:
    token, size = current(), source.stat().st_size
    with link.opened(part, GO_ON) as handle:
        told = handle.told()
    if told.is_link or told.is_folder:
        raise ConnectorError("conflict", "what was staged is no file any more")
    at = told.size if told.size <= size else 0
    with link.opened(part, GO_ON if at else BEGIN) as handle, source.open("rb") as opened:
        opened.seek(at)
        while block := opened.read(_BLOCK):
            view = memoryview(block)
            while view:
                token.check()
                sent = handle.write(view, at)
                view, at = view[sent:], at + sent
        handle.flush()


def _rename(handle: Handle, path: str, name: str) -> None:
    try:
        handle.rename(path)
    except Refused as error:
        if error.status != DENIED:
            raise
        help = "it may be a folder, read-only or open in another program"
        raise ConnectorError("conflict", f"the server lets nobody replace `{shown(name)}`", help) from None


def _removed(link: Link, path: str, version: str | None = None) -> bool:
    try:
        with link.opened(path, MOVE) as handle:
            if version is not None and handle.told().version != version:
                raise ConnectorError("conflict", "another file took its place")
            handle.remove()
            return True
    except Refused as error:
        if error.status in NOT_FOUND:
            return False
        raise


def _refuse_changed(told: Told, file: StoredFile) -> None:
    if told.is_link or told.is_folder or (told.size, told.version) != (file.size, file.version):
        raise changed(file.name)


def _not_too_deep(name: str) -> str:
    if name.count("/") >= _DEEPEST:
        raise ConnectorError("data", f"there are more than {_DEEPEST} folders within each other", "name one of them")
    return name
