"""A distribution checked file by file before any of it is imported: `enterprise` runs nothing else.

1. Its RECORD gives the digest that the artifact allows. 2. Every file has the hash that RECORD says. 3. Its folders
hold nothing more that Python could import. What was read here is what is executed later: the files are not read again.
"""

import os
from collections.abc import Iterator
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES, all_suffixes
from pathlib import Path
from typing import NamedTuple

from firn_runtime.own_folders import own
from firn_runtime.plain_file import plain_content
from firn_runtime.plugins.installed import Installed, refused
from firn_schemas.installed_files import digest, outside

LARGEST = 256 * 1024 * 1024
_IMPORTED = (*all_suffixes(), ".pth")


class Module(NamedTuple):
    """A module that may be imported."""

    file: Path
    package: bool
    source: bytes | None
    """None for an extension module, which the system loads from its file."""


class Verified(NamedTuple):
    """What may be imported of a distribution."""

    name: str
    sha256: str
    modules: dict[str, Module]
    data: dict[str, bytes]
    """The content of its JSON files at the top of packages, by path: the manifest is among them."""

    @property
    def tops(self) -> frozenset[str]:
        """The names that are its own at the top level."""
        return frozenset(name.partition(".")[0] for name in self.modules)


def verified(one: Installed, allowed: str) -> Verified:
    """Return a distribution whose files are those that the artifact allows; raise ArtifactRefused R111."""
    files = one.files()
    found = digest(files)
    if not files or found != allowed.removeprefix("sha256:"):
        raise refused(one.name, f"it is not the build that the artifact allows: its `sha256` is {found}", _BUILD)
    for path in _among_others(one):
        raise refused(one.name, f"it brings `{path}`, which lies among the modules of others")
    modules: dict[str, Module] = {}
    data: dict[str, bytes] = {}
    for path, expected in files.items():
        content = _content(one, path, expected)
        if path.count("/") == 1 and path.endswith(".json"):
            data[path] = content
        name, package = _module(path)
        if name:
            modules[name] = Module(one.folder / path, package, content if path.endswith(".py") else None)
        elif path.endswith((".pth", ".pyc")):
            raise refused(one.name, f"it brings `{path}`, which is not imported as what was checked")
    whole = Verified(one.name, found, modules, data)
    for top in sorted(whole.tops):
        if top not in modules:
            raise refused(one.name, f"`{top}` is a namespace package, which others can add modules to")
        for path in _beside(one.folder, top, files):
            raise refused(one.name, f"`{path}` lies in its folder and is none of its files")
    return whole


_BUILD = "install the build that the platform allows, or allow this one and compile again"


def _among_others(one: Installed) -> Iterator[str]:
    """Yield what leads out of its folder to where the interpreter looks for modules: the digest does not cover it."""
    folders = [os.path.realpath(folder) for folder in own()]
    for path in outside(one.record):
        folder, name = os.path.split(one.folder / path)
        place = Path(os.path.realpath(folder), name)  # what a link there leads to is no matter
        if any(place.is_relative_to(folder) for folder in folders):
            yield path


def _content(one: Installed, path: str, expected: str) -> bytes:
    """Return a file's content; raise ArtifactRefused R111 where it is not what RECORD says."""
    try:
        content = plain_content(one.folder / path, LARGEST)
    except OSError as error:
        raise refused(one.name, f"its file `{path}` cannot be read ({error.strerror})") from None
    if content is None or sha256(content).hexdigest() != expected:
        raise refused(one.name, f"its file `{path}` is not the one that was installed")
    return content


def _module(path: str) -> tuple[str, bool]:
    """Return the dotted name of the module that a file is, and whether it is a package; no name where it is none."""
    suffix = next((one for one in (*EXTENSION_SUFFIXES, ".py") if path.endswith(one)), None)
    if suffix is None:
        return "", False
    parts = path.removesuffix(suffix).split("/")
    package = parts[-1] == "__init__" and len(parts) > 1
    return ".".join(parts[:-1] if package else parts), package


def _beside(folder: Path, top: str, files: dict[str, str]) -> Iterator[str]:
    """Yield what Python could import from a package's folder and is none of its files; byte code is never read."""
    for place, folders, names in os.walk(folder / top):
        below = os.path.relpath(place, folder).replace(os.sep, "/")
        folders[:] = sorted(one for one in folders if one != "__pycache__")
        yield from (f"{below}/{one}" for one in folders if os.path.islink(os.path.join(place, one)))
        yield from (
            f"{below}/{one}" for one in sorted(names) if one.endswith(_IMPORTED) and f"{below}/{one}" not in files
        )
