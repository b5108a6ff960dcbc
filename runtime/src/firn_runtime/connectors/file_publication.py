"""A file published once: staged beside its target, made durable, announced in the step's scratch folder, renamed.

A file system keeps no fence: the run asks whether it still holds its lease right before the rename, and not after.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from firn_runtime.connector import WriteContext, Written
from firn_runtime.durable import make_durable, make_names_durable
from firn_runtime.publication import Publication

INTENT = "intent.json"


def once(context: WriteContext, root: Path, target: Path, stage: Callable[[Path], int]) -> Written:
    """Publish what `stage` writes to the path that it is given, unless it stands at `target` already.

    `stage` returns its number of rows. Folders from `root` down to the target are made and are durable with the file.
    """
    publication, intent = context.publication, context.scratch / INTENT
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(publication, target)
    written = _published(publication, target, intent)
    if written is None:
        part = target.with_name(f"{_staged(publication, target)}{uuid4().hex[:8]}.part")
        try:
            written = Written(stage(part), part.stat().st_size)
            make_durable(part)
            intent.write_text(json.dumps(_announcement(publication, part, written.rows)))
            context.still_ours()
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    for folder in _folders(root, target):
        make_names_durable(folder)
    return written


def _staged(publication: Publication, target: Path) -> str:
    """Return how the names of the publication's staged files begin. A reader's glob does not find hidden files."""
    return f".{target.name}.{publication.mark}-"


def _remove_stale(publication: Publication, target: Path) -> None:
    """Remove what killed attempts of the same publication left; another attempt that still writes cannot rename it."""
    beginning = _staged(publication, target)
    for entry in os.scandir(target.parent):
        if entry.name.startswith(beginning) and entry.name.endswith(".part"):
            Path(entry.path).unlink(missing_ok=True)


def _announcement(publication: Publication, file: Path, rows: int) -> dict[str, object]:
    """Return what recognises the file at its target. No device: it differs where another pod mounts the same volume."""
    found = file.stat()
    return {
        "publication": publication.mark,
        "inode": found.st_ino,
        "size": found.st_size,
        "mtime_ns": found.st_mtime_ns,
        "rows": rows,
    }


def _published(publication: Publication, target: Path, intent: Path) -> Written | None:
    """Return what an earlier attempt announced and then renamed; an announcement that was cut off is none."""
    try:
        announced = json.loads(intent.read_text())
        if announced != _announcement(publication, target, announced["rows"]):
            return None
    except (FileNotFoundError, ValueError):
        return None
    return Written(announced["rows"], announced["size"])


def _folders(root: Path, target: Path) -> list[Path]:
    """Return the folders from the target's own up to the root: each may be new, and so unknown to the one above."""
    return [folder for folder in target.parents if folder.is_relative_to(root)]
