"""The edge of provenance: what a compilation reads is noted while it is read, with clock, commit and packages."""

import hashlib
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from firn_compiler.assembly import Request
from firn_compiler.document import printable
from firn_compiler.pipeline import Compilation
from firn_compiler.plugins import Plugin
from firn_compiler.provenance import Build, Material
from firn_compiler.work_tree import work_tree
from firn_compiler.yaml_source import Source
from firn_schemas.canonical import bytes_digest

SOURCE_DATE_EPOCH = "SOURCE_DATE_EPOCH"
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REF = re.compile(r"ref: (refs(?:/(?!\.)[^\s/\\]+)+)")
MAX_GIT_FILE = 16 * 1024 * 1024


class BadEpoch(ValueError):
    """`SOURCE_DATE_EPOCH` is not a number of seconds since 1970 (specification of reproducible-builds.org)."""


class Materials:
    """Everything that was read for a request, in its exact bytes. A name begins at the work tree or current folder."""

    def __init__(self) -> None:
        self._root, self._git = work_tree(Path.cwd())
        self._found: list[Material] = []

    def noted(self, request: Request) -> Request:
        """Return a request that reads the same, and of which nothing is read unnoticed."""
        for kind, sources in (("flow", request.flows), ("platform", (request.platform,))):
            for source in sources:
                self._note(kind, source)

        def read(file: str, path: str) -> Source | None:
            source = request.read(file, path)
            self._note("file", source)
            return source

        def read_folder(file: str, path: str) -> tuple[Source, ...] | None:
            found = request.read_folder(file, path)
            base = (Path.cwd() if file == "-" else Path(file).parent) / path
            for one in found or ():
                self._note("file", one._replace(file=str(base / one.file)))
            return found

        def plugins(folders: tuple[str, ...]) -> tuple[Plugin, ...]:
            found = request.plugins(folders)
            self._found += [Material("plugin", _package(one.name, one.version), *_sha256(one.digest)) for one in found]
            return found

        return request._replace(read=read, read_folder=read_folder, plugins=plugins)

    def build(self, request: Request, compilation: Compilation, started: datetime, finished: datetime) -> Build:
        """Return the compilation as it is seen from outside."""
        versions = package_versions()
        more = [Material("package", _package(name, versions[name]), "dirHash", _folder(name)) for name in versions]
        commit = checked_out(self._git) if self._git is not None else None
        more += [Material("commit", "HEAD", "gitCommit", commit)] if commit is not None else []
        return Build(
            flows=tuple(self._name(one.file) for one in request.flows),
            platform=self._name(request.platform.file) if request.platform is not None else "",
            environment=compilation.environment,
            variables=tuple(sorted(request.variables)),
            materials=(*self._found, *more),
            versions=versions,
            started=_written(started),
            finished=_written(finished),
        )

    def _note(self, kind: str, source: Source | None) -> None:
        if source is not None:
            self._found.append(Material(kind, self._name(source.file), *_sha256(bytes_digest(source.content))))

    def _name(self, file: str) -> str:
        """Return a file's name in the work tree; of one outside, its own name alone, since folders tell too much."""
        if file == "-":
            return "-"
        place = Path(os.path.abspath(file))
        return printable(place.relative_to(self._root).as_posix() if place.is_relative_to(self._root) else place.name)


def now(environ: Mapping[str, str]) -> datetime:
    """Return the time: `SOURCE_DATE_EPOCH` where it is set, else the clock's; raise BadEpoch."""
    text = environ.get(SOURCE_DATE_EPOCH)
    if not text:
        return datetime.now(UTC)
    if not (text.isascii() and text.isdecimal()):
        raise BadEpoch
    try:
        return datetime.fromtimestamp(int(text[:20]), UTC)
    except (OverflowError, ValueError, OSError):
        raise BadEpoch from None


def checked_out(git: Path) -> str | None:
    """Return the commit that `HEAD` names, without asking git; None where its files say none.

    What a reference names is looked up as gitrepository-layout has it: its own file, then `packed-refs`.
    """
    try:
        folder = git if git.is_dir() else git.parent / _text(git).removeprefix("gitdir: ")
        head = _text(folder / "HEAD")
        named = _REF.fullmatch(head)
        if named is None:
            return head if _COMMIT.fullmatch(head) else None
        common = folder / _text(folder / "commondir") if (folder / "commondir").exists() else folder
        commit = _text(common / named[1]) if (common / named[1]).is_file() else _packed(common, named[1])
    except (OSError, ValueError):
        return None
    return commit if commit is not None and _COMMIT.fullmatch(commit) else None


def _packed(git: Path, ref: str) -> str | None:
    rows = (line.partition(" ") for line in _text(git / "packed-refs").splitlines())
    return next((commit for commit, _, name in rows if name == ref), None)


def _text(file: Path) -> str:
    with file.open("rb") as opened:
        return opened.read(MAX_GIT_FILE).decode("utf-8", "replace").strip()


def package_versions() -> dict[str, str]:
    """Return the versions of what compiles, by distribution."""
    from firn_compiler import __version__  # of one release, all three

    return {"firn-compiler": __version__, "firn-schemas": __version__}


def _folder(distribution: str) -> str:
    """Return the digest of a package's source as it runs (`dirHash` of in-toto's digest sets: Go's dirhash `h1`)."""
    import firn_schemas

    own = {"firn-compiler": Path(__file__).parent, "firn-schemas": Path(str(firn_schemas.__file__)).parent}
    root = own[distribution]
    files = {one.relative_to(root).as_posix(): one for one in root.rglob("*.py")}
    lines = (f"{hashlib.sha256(files[name].read_bytes()).hexdigest()}  {name}\n" for name in sorted(files))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _sha256(digest: str) -> tuple[str, str]:
    return "sha256", digest.removeprefix("sha256:")


def _package(name: str, version: str) -> str:
    return f"pkg:pypi/{name.lower()}@{version}"


def _written(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
