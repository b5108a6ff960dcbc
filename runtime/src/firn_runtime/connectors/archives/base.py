"""What the archive connectors have in common: where their files lie, and how an archive is opened and made.

An archive is an outsider's. It is unpacked whole or not at all, and nothing of it but the content of its files is used.
"""

import os
from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from firn_runtime.cancel import current
from firn_runtime.confined_paths import confined, no_folder, placed
from firn_runtime.connector import ConnectorBase
from firn_runtime.connectors.archives.bad import BadArchive, PasswordNeeded
from firn_runtime.connectors.archives.meter import Meter
from firn_runtime.connectors.archives.names import Names
from firn_runtime.connectors.archives.staging import hidden, staging
from firn_runtime.durable import make_durable, make_names_durable
from firn_runtime.errors import ConnectorError, ErrorClass
from firn_schemas.connectors.archive import ArchiveOptions
from firn_schemas.visible import os_reason

_BLOCK = 1024 * 1024
_ROOT = (
    "the resource's `root`; files of `download` and `export` lie in the run's folder, which an archive connector takes"
    " that has no `root`"
)


class Found(NamedTuple):
    """A member of an archive, in its order."""

    name: str
    folder: bool
    blocks: Iterable[bytes | memoryview]
    """Its content. Taken or left before the next member."""


class Source(NamedTuple):
    """A file that becomes a member."""

    name: str
    path: Path
    seen: os.stat_result
    """What it was before it was read."""

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.seen.st_size


class Archives(ConnectorBase[Any, ArchiveOptions]):
    """A folder in which archives are made and opened; without `root` it is the run's folder of files."""

    @abstractmethod
    def members(self, file: IO[bytes], meter: Meter) -> Generator[Found]:
        """Yield the members of an archive, counted by `meter`; raise BadArchive."""

    @abstractmethod
    def write(self, file: IO[bytes], path: str, sources: Sequence[Source], compression: str | None) -> None:
        """Write an archive, the same bytes for the same files; `path` is what it will be called."""

    def connect(self) -> None:
        """Refuse a folder that is not there."""
        if self.config.root is not None and not os.path.isdir(self.config.root):
            raise no_folder(self.config.root)

    def close(self) -> None:
        """Nothing is held."""

    @property
    def root(self) -> Path:
        """The folder, without symlinks."""
        folder = self.facts.files if self.config.root is None else Path(self.config.root)
        return Path(os.path.realpath(folder))

    def unpack(
        self,
        archives: Sequence[str],
        dest: str,
        wanted: Callable[[str], bool],
        mark: str,
        still_ours: Callable[[], None],
    ) -> list[str]:
        """Unpack the members that are wanted, of all archives or of none; return the files' names below the root."""
        files = [self._present(one) for one in archives]
        taken = Names(self.options.max_files, "is in another archive of the step")
        with _failing(f"unpack into `{dest}`"), staging(self.root, confined(dest), mark) as staged:
            for archive, file in zip(archives, files, strict=True):
                with _refusing(archive), open(file, "rb") as opened, closing(self._checked(opened, wanted)) as found:
                    for name, blocks in found:
                        taken.add(name)
                        staged.add(name, blocks)
            staged.settle()
            still_ours()
            return staged.publish(files)

    def _checked(
        self, file: IO[bytes], wanted: Callable[[str], bool]
    ) -> Generator[tuple[str, Iterable[bytes | memoryview]]]:
        """Yield the files that are wanted; raise BadArchive for any member that may not be, wanted or not."""
        meter, names = Meter(self.options, os.fstat(file.fileno()).st_size), Names(self.options.max_files)
        check = current().check
        with closing(self.members(file, meter)) as members:
            for one in members:
                check()
                name = one.name.removeprefix("./")
                if not one.folder:
                    names.add(name)
                    if wanted(name):
                        yield name, one.blocks
                elif name:
                    names.add_folder(name.removesuffix("/"))

    def pack(
        self, files: Sequence[str], dest: str, compression: str | None, mark: str, still_ours: Callable[[], None]
    ) -> int:
        """Make an archive that is there whole or not at all; return its bytes."""
        dest = confined(dest)
        sources = self._sources(files, dest)
        target = placed(self.root, dest)
        part = hidden(target, mark)
        with _failing(f"make the archive `{dest}`"):
            target.parent.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            try:
                with open(part, "xb") as file:
                    self.write(file, dest, sources, compression)
                make_durable(part)
                size = part.stat().st_size
                still_ours()
                os.replace(part, target)
            finally:
                part.unlink(missing_ok=True)
            make_names_durable(target.parent)
        return size

    def _sources(self, files: Sequence[str], dest: str) -> list[Source]:
        """Return the files in the order of their names, which have to be such that they can be unpacked again."""
        named = sorted({confined(one) for one in files})
        if dest in named:
            raise ConnectorError("data", f"the archive `{dest}` cannot hold itself")
        names = Names(self.options.max_files)
        with _refusing(dest):
            for one in named:
                names.add(one)
        paths = [self._present(one) for one in named]
        return [Source(name, path, path.stat()) for name, path in zip(named, paths, strict=True)]

    def _present(self, name: str) -> Path:
        path = placed(self.root, name)
        if not path.is_file():
            where = _ROOT if self.config.root is not None else "the run's folder of files"
            raise ConnectorError("data", f"there is no file `{confined(name)}`", f"looked in {where}")
        return path


def content(source: Source) -> Iterator[bytes]:
    """Yield a file's bytes, as many as were counted; raise ConnectorError where it is another one by then.

    Take the end, too: only there is it known.
    """
    check = current().check
    left = source.size
    with _unchanged(source), open(source.path, "rb") as file:
        while block := file.read(min(_BLOCK, left)):
            check()
            left -= len(block)
            yield block
        found = os.fstat(file.fileno())
        if (found.st_size, found.st_mtime_ns) != (source.size, source.seen.st_mtime_ns):
            raise FileNotFoundError


@contextmanager
def _unchanged(source: Source) -> Iterator[None]:
    """Tell of a file that is no more what it was."""
    try:
        yield
    except FileNotFoundError:
        help = "others write to the folder; `retry` with `on: [conflict]` tries again"
        raise ConnectorError("conflict", f"the file `{source.name}` was changed while it was packed", help) from None


@contextmanager
def _refusing(archive: str) -> Iterator[None]:
    """Tell of an archive that is refused."""
    try:
        yield
    except BadArchive as bad:
        kind: ErrorClass = "auth" if isinstance(bad, PasswordNeeded) else "data"
        raise ConnectorError(kind, f"the archive `{archive}` is refused: {bad.reason}", bad.help) from None


@contextmanager
def _failing(what: str) -> Iterator[None]:
    """Tell of what the machine did not do."""
    try:
        yield
    except OSError as error:
        raise ConnectorError("process", f"cannot {what}: {os_reason(error)}") from None
