"""Files published once: staged beside their target, made durable, announced in the step's scratch folder, renamed.

A file system keeps no fence: the run asks whether it still holds its lease right before a rename, and not after.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from firn_runtime.connector import WriteContext, Written
from firn_runtime.connectors.files.formats import Format
from firn_runtime.connectors.files.writing import (
    added_name,
    partitions,
    write_file,
    write_partitions,
)
from firn_runtime.durable import make_durable, make_names_durable
from firn_runtime.errors import ConnectorError
from firn_runtime.publication import Publication
from firn_schemas.steps.data import WriteInputs

INTENT = "intent.json"


class Target(NamedTuple):
    """Where a step writes."""

    root: Path
    name: str
    """Below the root."""
    format: Format

    def path(self, name: str) -> Path:
        """Return where a file lies; raise ConnectorError where symlinks lead out, or it is a folder."""
        path = self.root / name
        if not Path(os.path.realpath(path.parent)).is_relative_to(self.root) or path.is_dir():
            raise ConnectorError("data", f"`{name}` is not a file below the resource's root")
        return path


class Staged(NamedTuple):
    """What waits beside its targets."""

    rows: int
    moves: Mapping[Path, Path]
    """Where each file is to go, and where it is."""
    replaced: tuple[Path, ...] = ()
    """What the targets' folders hold besides, and shall no longer."""


def replace(inputs: WriteInputs, context: WriteContext, target: Target) -> Written:
    """Put one file in the place of another: readers see the old one or the new."""
    return _one_file(inputs, context, target, target.name)


def append(inputs: WriteInputs, context: WriteContext, target: Target) -> Written:
    """Add a file to a folder, named after the publication."""
    if (target.root / target.name).is_file():
        raise ConnectorError("data", f"`{target.name}` is a file", "`append` adds files to a folder: name one")
    return _one_file(inputs, context, target, added_name(target.name, context.publication, target.format))


def insert_overwrite(inputs: WriteInputs, context: WriteContext, target: Target) -> Written:
    """Put files in the place of those of the same partitions, one partition after the other."""

    def stage(part: Path) -> Staged:
        rows = write_partitions(context.session, inputs, target.format, target.name, part)
        found = [name for names in partitions(part).values() for name in names]
        moves = {target.path(f"{target.name}/{name}"): part / name for name in found}
        return Staged(rows, moves, tuple(_others(moves)))

    return _publish(context, target.root, target.path(f"{target.name}/_").parent, stage)


def _one_file(inputs: WriteInputs, context: WriteContext, target: Target, name: str) -> Written:
    path = target.path(name)

    def stage(part: Path) -> Staged:
        return Staged(write_file(context.session, inputs, target.format, name, part), {path: part})

    return _publish(context, target.root, path, stage)


def _publish(context: WriteContext, root: Path, anchor: Path, stage: Callable[[Path], Staged]) -> Written:
    """Publish what `stage` makes at the path that it is given, beside the anchor, unless it was published before.

    Folders from `root` down to the targets are made and are durable with the files.
    """
    publication, intent = context.publication, context.scratch / INTENT
    anchor.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(publication, anchor)
    announced = _published(publication, root, intent)
    if announced is None:
        part = anchor.with_name(f"{_staged(publication, anchor)}{uuid4().hex[:8]}.part")
        try:
            staged = stage(part)
            for file in staged.moves.values():
                make_durable(file)
            announced = _announcement(publication, root, staged)
            intent.write_text(json.dumps(announced))
            _move(context, staged.moves)
        finally:
            _remove(part)
    targets = [root / name for name in announced["files"]]
    for name in announced["replaced"]:
        (root / name).unlink(missing_ok=True)
    for folder in dict.fromkeys(folder for target in targets for folder in _folders(root, target)):
        make_names_durable(folder)
    return Written(announced["rows"], sum(size for _, size, _ in announced["files"].values()))


def _move(context: WriteContext, moves: Mapping[Path, Path]) -> None:
    """Rename folder by folder; the run that has lost its lease stops between two of them."""
    for folder, targets in groupby(moves, key=lambda target: target.parent):
        folder.mkdir(parents=True, exist_ok=True)
        context.still_ours()
        for target in targets:
            os.replace(moves[target], target)


def _others(moves: Mapping[Path, Path]) -> Iterator[Path]:
    """Yield what readers see in the targets' folders and is not to be replaced by a rename."""
    for folder in dict.fromkeys(target.parent for target in moves):
        for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
            if entry not in moves and entry.is_file() and not entry.name.startswith("."):
                yield entry


def _staged(publication: Publication, anchor: Path) -> str:
    """Return how the names of the publication's staged files begin. A reader's glob does not find hidden files."""
    return f".{anchor.name}.{publication.mark}-"


def _remove_stale(publication: Publication, anchor: Path) -> None:
    """Remove what killed attempts of the same publication left; another attempt that still writes cannot rename it."""
    beginning = _staged(publication, anchor)
    for entry in os.scandir(anchor.parent):
        if entry.name.startswith(beginning) and entry.name.endswith(".part"):
            _remove(Path(entry.path))


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part)
    else:
        part.unlink(missing_ok=True)


def _announcement(publication: Publication, root: Path, staged: Staged) -> dict[str, Any]:
    return {
        "publication": publication.mark,
        "rows": staged.rows,
        "files": {str(target.relative_to(root)): _told_by(file) for target, file in staged.moves.items()},
        "replaced": [str(path.relative_to(root)) for path in staged.replaced],
    }


def _told_by(file: Path) -> list[int]:
    """Return what recognises a file at its target. No device: it differs where a pod mounts the same volume."""
    found = file.stat()
    return [found.st_ino, found.st_size, found.st_mtime_ns]


def _published(publication: Publication, root: Path, intent: Path) -> dict[str, Any] | None:
    """Return what an earlier attempt announced and then renamed; an announcement that was cut off is none."""
    try:
        announced: dict[str, Any] = json.loads(intent.read_text())
        there = all(_told_by(root / name) == told for name, told in announced["files"].items())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return announced if there and announced["publication"] == publication.mark else None


def _folders(root: Path, target: Path) -> list[Path]:
    """Return the folders from the target's own up to the root: each may be new, and so unknown to the one above."""
    return [folder for folder in target.parents if folder.is_relative_to(root)]


MODES: dict[str, Callable[[WriteInputs, WriteContext, Target], Written]] = {
    "replace": replace,
    "append": append,
    "insert_overwrite": insert_overwrite,
}
"""What each mode of a write does to files."""
