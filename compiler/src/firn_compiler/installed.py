"""Plug-ins that are installed: found through package metadata, and their manifests read; no code of theirs is run."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from firn_compiler.plugins import Plugin
from firn_schemas.plugins import FILE, GROUP, MAX_MANIFEST


def installed_plugins(folders: Iterable[str] = ()) -> tuple[Plugin, ...]:
    """Return the plug-ins that the interpreter has, and those of some folders, in the order of their names.

    `folders` are those of the platform, taken from the current folder as a run takes them from its base folder; what
    the interpreter itself has comes first.
    """
    from importlib.metadata import MetadataPathFinder

    from firn_schemas.distribution import announced, record_of  # only a plug-in needs it

    found: dict[str, Plugin] = {}
    for path in (sys.path, *([folder] for folder in folders)):
        for one in MetadataPathFinder.find_distributions(MetadataPathFinder.Context(path=path)):
            said = announced(one)
            for entry in said.entries if said else ():
                manifest = _manifest_of(entry.value, path) if entry.group == GROUP else None
                if said and manifest is not None and said.name not in found:
                    found[said.name] = Plugin(said.name, said.version, manifest, _digest_of(record_of(one)))
    return tuple(found[name] for name in sorted(found))


def _manifest_of(package: str, path: list[str]) -> bytes | None:
    """Read the manifest in a package's folder; finding a top-level package does not run it."""
    spec = _found(package, path) if package.isidentifier() else None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        try:
            with (Path(folder) / FILE).open("rb") as file:
                return file.read(MAX_MANIFEST)
        except OSError:
            continue
    return None


def _found(package: str, path: list[str]) -> Any:
    """Return where a package lies; that of an editable installation is known to other finders than the path's."""
    from importlib.machinery import PathFinder
    from importlib.util import find_spec

    return find_spec(package) if path is sys.path else PathFinder.find_spec(package, path)


def _digest_of(record: str) -> str | None:
    """Return the digest over a distribution's files, as its RECORD has them; None where there is no whole RECORD."""
    from firn_schemas.installed_files import BadRecord, digest, own_files  # only a plug-in needs it

    try:
        return digest(own_files(record)) if record else None
    except BadRecord:
        return None
