"""Where the files of tables may lie, and how they are fetched and put there.

A location is what catalog and manifests say: an outsider's word. A file is touched only below a place that the platform
has named, or, where the catalog gives keys and the platform names no bucket, below the table's own location.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from firn_runtime.confined_paths import shown
from firn_runtime.connector import FileStore, StoredFile
from firn_runtime.errors import ConnectorError
from firn_runtime.fetching import fetched, naming
from firn_runtime.parallel import each

_S3 = ("s3://", "s3a://", "s3n://")
_HELP = "the platform names them: `bucket` and `prefix`, or `root`, of the catalog"


class Place(NamedTuple):
    """Files below one address."""

    base: str
    """Such as `s3://bucket/prefix/` or `/folder/`; ends in `/`."""
    store: FileStore


class Wanted(NamedTuple):
    """A file to fetch, and its size where that is known."""

    location: str
    size: int | None = None


class Gone(ConnectorError):
    """A file of a table is not there."""


class Places:
    """The places of one table."""

    def __init__(self, places: Sequence[Place], at_once: int) -> None:
        self._places, self.at_once = places, at_once

    def find(self, location: str) -> tuple[FileStore, str]:
        """Return where a file is; raise ConnectorError for one outside of every place."""
        spelled = plain(location)
        for place in self._places:
            name = spelled.removeprefix(place.base)
            strange = (".", "..") if place.base.startswith("s3://") else ("", ".", "..")
            if spelled.startswith(place.base) and name and not any(part in strange for part in name.split("/")):
                return place.store, name
        said = f"`{shown(location)}` lies where this resource touches no files"
        raise ConnectorError("auth", said, _HELP)

    def fetch(self, wanted: Sequence[Wanted], folder: Path) -> Mapping[str, Path]:
        """Return where the whole files are, below a folder, by their locations; each once."""
        once = {one.location: one for one in wanted}
        found = each(self.at_once, lambda one: self._one(one, folder), once.values())
        return dict(zip(once, found, strict=True))

    def _one(self, wanted: Wanted, folder: Path) -> Path:
        store, name = self.find(wanted.location)
        target = folder / f"{sha256(wanted.location.encode(errors='surrogateescape')).hexdigest()[:32]}.file"
        if not target.exists():
            with naming(wanted.location):
                found = store.stat(name)
            there = _there(found, wanted)
            with naming(wanted.location):
                fetched(store, there, folder / "parts").rename(target)
        return target

    def content(self, wanted: Wanted, largest: int, folder: Path) -> bytes:
        """Return the content of a small file; raise ConnectorError where it is larger than that many bytes."""
        store, name = self.find(wanted.location)
        found = _there(store.stat(name), wanted)
        if found.size > largest:
            raise ConnectorError("data", f"`{shown(wanted.location)}` is larger than {largest >> 20} MiB")
        file = self._one(Wanted(wanted.location, found.size), folder)
        return file.read_bytes()

    def put(self, source: Path, location: str, mark: str, still_ours: Callable[[], None]) -> None:
        """Publish a file under a location that nothing has."""
        store, name = self.find(location)
        with naming(location):
            store.put(source, name, mark, still_ours)

    def delete(self, location: str) -> None:
        """Remove a file."""
        store, name = self.find(location)
        store.delete(name)


def _there(found: StoredFile | None, wanted: Wanted) -> StoredFile:
    if found is None:
        raise Gone("data", f"the table's file `{shown(wanted.location)}` is not there")
    if wanted.size is not None and found.size != wanted.size:
        raise ConnectorError(
            "data", f"the table's file `{shown(wanted.location)}` has not the size that the table says"
        )
    return found


def plain(location: str) -> str:
    """Return a location in one spelling: `s3://bucket/key`, or the path of a local file."""
    for scheme in _S3:
        if location.startswith(scheme):
            return f"s3://{location.removeprefix(scheme)}"
    for scheme in ("file://", "file:"):
        if location.startswith(scheme):
            return location.removeprefix(scheme)
    return location


def cleared(folder: Path) -> Path:
    """Return a folder that is there, and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
