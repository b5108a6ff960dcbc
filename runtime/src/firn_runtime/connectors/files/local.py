"""Files below one folder of this machine: CSV, Parquet, NDJSON and JSON, read and written by the engine itself.

A path never leads out of the root, whatever globs and symlinks say. What becomes visible is docs/publication.md's.
"""

import glob
import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from firn_runtime.cancel import current
from firn_runtime.confined_paths import confined, no_folder, placed
from firn_runtime.connector import ConnectorBase, FileStore, ReadContext, Rows, WriteContext, Written
from firn_runtime.connectors.files.paths import relative
from firn_runtime.connectors.files.publication import MODES, Target
from firn_runtime.connectors.files.scan import relation
from firn_runtime.connectors.files.writing import written_format
from firn_runtime.engine import Places
from firn_runtime.errors import ConnectorError, NoMatch
from firn_runtime.patterns import folder_of, is_pattern, matcher
from firn_schemas.connectors.files import LocalFilesConfig, LocalFilesOptions
from firn_schemas.steps.data import ReadInputs, WriteInputs
from firn_schemas.visible import os_reason

if TYPE_CHECKING:
    from firn_runtime.probing import Seen, Use

C = TypeVar("C")


class FolderFiles(ConnectorBase[C, LocalFilesOptions]):
    """A folder of files; a subclass says which."""

    @property
    @abstractmethod
    def root(self) -> Path:
        """The folder, without symlinks."""

    @property
    @abstractmethod
    def shown(self) -> str:
        """How a message calls the folder."""

    def places(self) -> Places:
        """Return the root."""
        return Places(directories=(self.root,))

    def close(self) -> None:
        """Nothing is held."""

    def store(self) -> FileStore:
        """Return the files below the root."""
        from firn_runtime.connectors.files.local_store import LocalStore

        return LocalStore(self.root)

    def read(self, inputs: ReadInputs, context: ReadContext) -> Rows:
        """Read every file that the path matches as one dataset, in the order of their names."""
        files = self._matches(relative(inputs.path, "read"))
        names = [str(file.relative_to(self.root)) for file in files]
        seen = [_seen(file) for file in files]

        def unchanged() -> None:
            for name, file, before in zip(names, files, seen, strict=True):
                if before is None or _seen(file) != before:
                    help = "`retry` with `on: [conflict]` reads it anew"
                    raise ConnectorError(
                        "conflict", f"`{name}` was changed or removed while it was read", help
                    ) from None

        with context.session.of_sources(unchanged):
            rows = relation(context.session, self.root, names, inputs, self.options.compression)
        return Rows(rows._replace(unchanged=unchanged), sum(one[1] for one in seen if one is not None))

    def _matches(self, path: str) -> list[Path]:
        name = confined(path)
        found = _named(self.root, name) if is_pattern(name) else [name]
        files = [self.root / name for name in sorted(set(found)) if os.path.isfile(self.root / name)]
        for file in files:
            if not Path(os.path.realpath(file)).is_relative_to(self.root):
                raise ConnectorError("data", f"`{path}` leads out of the resource's root")
        if not files:
            raise NoMatch(path, f"looked below {self.shown}")
        return files

    def write(self, inputs: WriteInputs, context: WriteContext) -> Written:
        """Write beside the target, then rename: readers see an old file or a new one, never half."""
        name = relative(inputs.path, "written")
        target = self.root / name
        if not Path(os.path.realpath(target.parent)).is_relative_to(self.root):
            raise ConnectorError("data", f"`{inputs.path}` is not a file below the resource's root")
        format = written_format(inputs, name, self.options.compression)
        try:
            return MODES[inputs.mode](inputs, context, Target(self.root, name, format))
        except OSError as error:
            raise ConnectorError("connection", f"cannot write `{inputs.path}`: {os_reason(error)}") from None


def _seen(file: Path) -> tuple[int, int, int] | None:
    """Return what tells a file from another in its place, and from itself before a change; None where it is gone."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _named(root: Path, pattern: str) -> Iterable[str]:
    """Yield the names below the root that a pattern matches.

    `**` enters no folder that is a link: one that leads back would give each file forty times, and two of them no end.
    """
    if "**" not in pattern.split("/"):
        yield from glob.glob(pattern, root_dir=root)
        return
    folder, matches = folder_of(pattern), matcher(pattern)
    for place, _, files in os.walk(placed(root, folder) if folder else root):
        current().check()
        below = os.path.normpath(os.path.join(folder, os.path.relpath(place, root / folder)))
        names = files if below == "." else [f"{below}/{one}" for one in files]
        yield from filter(matches, names)


class LocalFiles(FolderFiles[LocalFilesConfig]):
    """A folder that the platform names."""

    @property
    def root(self) -> Path:
        """The folder, without symlinks."""
        return Path(os.path.realpath(self.config.root))

    @property
    def shown(self) -> str:
        """The folder as it is configured."""
        return self.config.root

    def connect(self) -> None:
        """Refuse a folder that is not there, unless a write may make it."""
        if not self.written and not os.path.isdir(self.config.root):
            raise no_folder(self.config.root)

    def probe(self, uses: "Sequence[Use]") -> "Iterator[Seen]":
        """Look for the files that are read, and at the folders of those that are written."""
        from firn_runtime.connectors.files.probe import probed

        self.connect()
        yield from probed(self.root, self._matches, uses)
