"""Installed distributions as files: found by name, their entry points read, nothing imported."""

from collections.abc import Sequence
from importlib.metadata import Distribution, EntryPoint, MetadataPathFinder
from pathlib import Path
from typing import NamedTuple

from firn_runtime.errors import ArtifactRefused
from firn_schemas.artifact import RequiredPlugin
from firn_schemas.distribution import announced, record_of
from firn_schemas.installed_files import BadRecord, digest, own_files
from firn_schemas.plugins import GROUP


class Installed(NamedTuple):
    """A distribution in a folder of packages."""

    name: str
    version: str
    folder: Path
    entries: tuple[EntryPoint, ...]
    record: str
    """Its RECORD; empty where it has none."""

    def files(self) -> dict[str, str]:
        """Return its own files with their SHA-256, see firn_schemas.installed_files; raise ArtifactRefused R111."""
        try:
            return own_files(self.record)
        except BadRecord as error:
            raise refused(self.name, f"its RECORD {error}") from None

    @property
    def sha256(self) -> str | None:
        """The digest over its files; None where its RECORD does not tell."""
        try:
            return digest(own_files(self.record)) if self.record else None
        except BadRecord:
            return None

    @property
    def is_editable(self) -> bool:
        """Whether it says by a `.pth` file where its modules lie, and does not hold them."""
        return any(line.partition(",")[0].endswith(".pth") for line in self.record.splitlines())


def refused(name: str, why: str, help: str = "") -> ArtifactRefused:
    """Return what refuses a plug-in that is not the one of the artifact."""
    help = help or f"install `{name}` again from its wheel"
    return ArtifactRefused("R111", f"the plug-in `{name}` cannot be used: {why}", help)


def find(wanted: RequiredPlugin, folders: Sequence[str]) -> Installed:
    """Return the plug-in as the first of the folders has it; raise ArtifactRefused R111."""
    name, help = wanted.name, f"pip install {wanted.name}=={wanted.version}"
    for folder in folders:
        found = [_named(name, one, folder) for one in _distributions(folder, name)]
        if len(found) > 1:
            raise refused(name, f"it is installed twice in `{folder}`", f"pip uninstall {name}, and install it again")
        if found and found[0].version != wanted.version:
            why = f"it is installed in version {found[0].version}; the artifact was compiled with {wanted.version}"
            raise refused(name, why, help)
        if found:
            return found[0]
    raise refused(name, "it is not installed", help)


def every(folders: Sequence[str]) -> list[Installed]:
    """Return all distributions that announce a plug-in, by name; of two with one name the first."""
    found: dict[str, Installed] = {}
    for folder in folders:
        for one in _distributions(folder):
            said = announced(one)
            if said is not None and any(entry.group == GROUP for entry in said.entries):
                found.setdefault(
                    said.name, Installed(said.name, said.version, Path(folder), said.entries, record_of(one))
                )
    return [found[name] for name in sorted(found)]


def _distributions(folder: str, name: str | None = None) -> list[Distribution]:
    context = (
        MetadataPathFinder.Context(path=[folder])
        if name is None
        else MetadataPathFinder.Context(name=name, path=[folder])
    )
    return list(MetadataPathFinder.find_distributions(context))


def _named(name: str, one: Distribution, folder: str) -> Installed:
    said = announced(one)
    if said is None:
        raise refused(name, "its metadata are damaged")
    return Installed(said.name, said.version, Path(folder), said.entries, record_of(one))
