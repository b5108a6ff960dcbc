"""The edge: which files a command means, and their bytes. Everything else works on what this module has read."""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from firn_compiler.assembly import Request, encoding
from firn_compiler.closest import closest
from firn_compiler.diagnostics import Diagnostic, suggestion
from firn_compiler.document import beginning, printable
from firn_compiler.installed import installed_plugins
from firn_compiler.yaml_source import MAX_BYTES, Source
from firn_schemas.base import Json
from firn_schemas.visible import os_reason

FLOW_NAMES = ("flow.yaml", "flow.yml")
PLATFORM_NAME = "platform.yaml"
PLATFORM_NAMES = (PLATFORM_NAME, "platform.yml")
_YAML = (".yaml", ".yml")
MADE = frozenset(["target", "logs", "dbt_packages", "dbt_modules", "__pycache__"])
MAX_FILES, MAX_FOLDER_BYTES = 20_000, 64 * 1024 * 1024


def project_request(
    paths: Iterable[str], platform: str | None, env: str | None, variables: dict[str, Json]
) -> tuple[Request, list[Diagnostic]]:
    """Read what the command names; what cannot be found or read is a finding."""
    found: list[Diagnostic] = []
    files = list(dict.fromkeys(file for path in paths for file in flow_files(Path(path), found)))
    flows = [source for file in files if (source := _read(file, found))]
    source, environment = None, env or ""
    if platform == "-":
        source = Source("-", sys.stdin.buffer.read(MAX_BYTES + 1))
    elif platform is not None or env is not None:
        place = Path(platform) if platform is not None else platform_file(files, str(env), found)
        if place is not None and os.path.isdir(place):
            place = place / PLATFORM_NAME
        source = _read(place, found, but=files) if place is not None else None
        environment = printable(env or (place.resolve().parent.name if place else ""))
    return Request(
        tuple(flows), source, environment, variables, read_beside, read_folder, installed_plugins, today=today()
    ), found


def today() -> str:
    """Return the day by the clock of the world (UTC), as a date of ISO 8601."""
    return datetime.now(UTC).date().isoformat()


def flow_files(path: Path, found: list[Diagnostic]) -> list[Path]:
    """Return the flows that a path means: the file itself, or every `flow.yaml` below a folder, in order."""
    if not os.path.isdir(path):  # `Path.is_dir` raises where it cannot be looked at
        return [path]
    files = _below(path, (*FLOW_NAMES, *(f"*.{name}" for name in FLOW_NAMES)))
    if not files:
        help = "name a flow file, or a folder that holds `flow.yaml`"
        found.append(Diagnostic("E108", f"there is no flow below `{path}`", help=help))
    return files


def _below(folder: Path, names: Iterable[str]) -> list[Path]:
    """Return the files of these names below a folder, in order; none of a folder that begins with a dot."""
    return sorted(
        file
        for name in names
        for file in folder.rglob(name)
        if not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )


def platform_file(flows: list[Path], env: str, found: list[Diagnostic]) -> Path | None:
    """Return `platform/ENV/platform.yaml` of the first flow's folder or the nearest folder above that has it."""
    start = _start(flows)
    nearest: Path | None = None
    for folder in (start, *start.parents):
        place = folder / "platform" / env / PLATFORM_NAME
        if _may_be(place):
            return shown(place)
        nearest = nearest or (folder / "platform" if os.path.isdir(folder / "platform") else None)
    known = [one.parent.name for one in sorted(nearest.glob(f"*/{PLATFORM_NAME}"))] if nearest else []
    help = (
        suggestion(env, known, "platforms beside the flow:")
        if known
        else f"expected `platform/{env}/{PLATFORM_NAME}` beside the flow"
    )
    found.append(Diagnostic("E309", f"there is no platform for the environment `{env}`", help=help))
    return None


def _may_be(place: Path) -> bool:
    """Return whether a file is there, or cannot be looked at, as in a folder of somebody else: to read it says why."""
    try:
        return place.is_file()
    except OSError:
        return True


def environments(paths: Iterable[str]) -> list[str]:
    """Return the names of the platforms beside the first flow, or in the nearest folder above, ordered."""
    start = _start([file for path in paths for file in flow_files(Path(path), [])])
    for folder in (start, *start.parents):
        files = [file for one in sorted(folder.glob("platform/*")) if _may_be(file := one / PLATFORM_NAME)]
        if files:
            return [file.parent.name for file in _without_parents(files)]
    return []


def _start(flows: list[Path]) -> Path:
    """Return the folder from which upwards platforms are looked for."""
    return flows[0].resolve().parent if flows else Path.cwd()


def _without_parents(platforms: list[Path]) -> list[Path]:
    """Leave out what names no environment and only serves others as their `extends`."""
    texts = {file: _text(file) for file in platforms}
    parents = {(file.parent / found[1]).resolve() for file, text in texts.items() if (found := _EXTENDS.search(text))}
    return [file for file in platforms if file.resolve() not in parents or _ENVIRONMENT.search(texts[file])]


_EXTENDS = re.compile(r"^extends:\s*[\"']?([^\s\"'#]+)", re.MULTILINE)
_ENVIRONMENT = re.compile(r"^environment:\s*\S", re.MULTILINE)


def _text(file: Path) -> str:
    return (_beginning(file, MAX_BYTES) or b"").decode("utf-8", "replace")


def split_paths(paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return flows and folders, and beside them the platforms: files named so."""
    found = [*paths]
    platforms = [one for one in found if Path(one).name in PLATFORM_NAMES]
    return [one for one in found if one not in platforms], platforms


def platforms_below(paths: Iterable[str]) -> list[str]:
    """Return the platforms of folders that hold no flow; none where a flow is among the paths."""
    folders = [Path(path) for path in paths]
    if any(flow_files(folder, []) for folder in folders):
        return []
    return [str(file) for folder in folders for file in _without_parents(_below(folder, PLATFORM_NAMES))]


def shown(path: Path) -> Path:
    """Return the path as messages show it: from the current folder where it lies below."""
    here = Path.cwd().resolve()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _read(path: Path, found: list[Diagnostic], limit: int = MAX_BYTES, but: Iterable[Path] = ()) -> Source | None:
    """Read a file; one that is not there is a finding that names those beside it, `but` what is something else."""
    if path.suffix in _YAML and os.path.splitext(os.path.realpath(path))[1] not in _YAML:
        message = f"`{path}` is a link to a file of another kind"  # whose lines findings would show
        found.append(Diagnostic("E108", message, help="link to a file that ends in `.yaml` or `.yml`"))
        return None
    try:
        with path.open("rb") as file:
            return Source(str(path), file.read(limit + 1))
    except FileNotFoundError:
        found.append(Diagnostic("E108", f"there is no file `{path}`", help=_beside(path, but)))
    except OSError as error:
        found.append(Diagnostic("E108", f"cannot read `{path}`: {os_reason(error)}"))
    return None


def _beside(path: Path, but: Iterable[Path]) -> str:
    """Return help for a file that is not there: the YAML files of its folder, and which was meant."""
    others = {one.resolve() for one in but}
    near = [one for one in path.parent.glob("*.y*ml") if one.resolve() not in others] if path.parent.is_dir() else []
    stems = {one.stem: one.name for one in sorted(near)}
    meant = stems.get(closest(path.stem, stems) or "", "")
    return suggestion(path.name, [one.name for one in near], "here:", meant) if near else ""


def _folder_of(file: str) -> Path:
    """Return the folder from which a file names others; standard input does so from the current one."""
    return Path.cwd() if file == "-" else Path(file).parent


def read_beside(file: str, path: str) -> Source | None:
    """Read the file that another file names, from that file's folder; None where it cannot be read."""
    try:
        resolved = (_folder_of(file) / path).resolve()
        with resolved.open("rb") as opened:
            return Source(str(shown(resolved)), opened.read(MAX_BYTES + 1))
    except (OSError, ValueError):
        return None


def read_folder(file: str, path: str) -> tuple[Source, ...] | None:
    """Read every file below a folder that another file names; None where there is none, it holds too much, or a file
    cannot be read.

    What a tool makes by itself is left out: `target`, `logs`, `dbt_packages`, and whatever begins with a dot. Links are
    not followed.
    """
    base = _folder_of(file) / path
    files: list[Source] = []
    size = 0
    for folder, folders, names in os.walk(base):
        folders[:] = sorted(one for one in folders if one not in MADE and not one.startswith("."))
        for name in sorted(names):
            place = Path(folder) / name
            if name.startswith(".") or place.is_symlink() or not place.is_file():
                continue
            content = _beginning(place, MAX_FOLDER_BYTES - size)
            if content is None:
                return None
            size += len(content)
            if len(files) >= MAX_FILES or size > MAX_FOLDER_BYTES:
                return None
            files.append(Source(place.relative_to(base).as_posix(), content))
    return tuple(sorted(files)) if base.is_dir() else None


def _beginning(file: Path, limit: int) -> bytes | None:
    """Return a file's bytes, of a larger one `limit` and one more; None where it cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(limit + 1)
    except OSError:
        return None


SCANNED = (".yaml", ".yml", ".json", ".sql", ".env", ".toml", ".ini", ".cfg", ".conf", ".properties", ".tf", ".tfvars")
NOT_SCANNED = frozenset([".git", ".venv", "venv", "node_modules", "__pycache__", ".firn", ".mypy_cache", ".ruff_cache"])
MAX_SCANNED = 32 * 1024 * 1024


def files_to_scan(paths: Iterable[str], found: list[Diagnostic]) -> Iterator[Source]:
    """Read the files that paths mean, ordered: those named, and of folders those with settings in them.

    Links are not followed, nor are folders that tools make. What is too large is a finding; what holds no text is
    left out.
    """
    for path in map(Path, paths):
        for file in _settings_below(path) if os.path.isdir(path) else [path]:
            source = _read(file, found, MAX_SCANNED)
            if source is not None and len(source.content) > MAX_SCANNED:
                message = f"the file is larger than {MAX_SCANNED // 2**20} MiB"
                found.append(Diagnostic("E107", message, beginning(source.file)))
            elif source is not None and "\0" not in source.content[:8192].decode(encoding(source.content), "replace"):
                yield source


def _settings_below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if one not in NOT_SCANNED)
        for name in sorted(names):
            file = Path(place) / name
            if (file.suffix.lower() in SCANNED or name.startswith(".env")) and file.is_file() and not file.is_symlink():
                yield file
