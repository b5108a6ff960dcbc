"""Objects published once: each says whose it is, and appears at once and whole when its upload is completed.

An object store keeps no fence: the run asks whether it still holds its lease right before. Where the service can, the
upload is completed only if the object is still the one that was there when the write began.
"""

import json
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeGuard

from firn_runtime.connector import WriteContext, Written
from firn_runtime.connectors.files.formats import Format
from firn_runtime.connectors.files.writing import added_name, partitions, write_file, write_partitions, written_format
from firn_runtime.connectors.s3.bucket import Bucket, Head
from firn_runtime.connectors.s3.transfer import NOTE, Last, Moves, give_up, upload
from firn_runtime.errors import ConnectorError
from firn_runtime.parallel import each
from firn_runtime.publication import Publication
from firn_schemas.steps.data import WriteInputs

INTENT = "intent.json"
_META, _MARK, _ROWS = "x-amz-meta-", "firn-publication", "firn-rows"


class Target(NamedTuple):
    """Where a step writes."""

    moves: Moves
    prefix: str
    """Empty, or ending in `/`."""
    name: str
    compression: str
    """The connector's."""
    conditional: bool

    def format(self, inputs: WriteInputs) -> Format:
        """Return the format to write; raise ConnectorError for what files cannot be asked."""
        return written_format(inputs, self.name, self.compression)


def replace(inputs: WriteInputs, context: WriteContext, target: Target) -> Written:
    """Put one object in the place of another: readers see the old one or the new."""
    return _one_object(inputs, context, target, target.name)


def append(inputs: WriteInputs, context: WriteContext, target: Target) -> Written:
    """Add an object to a folder, named after the publication."""
    name = added_name(target.name, context.publication, target.format(inputs))
    return _one_object(inputs, context, target, name)


def _one_object(inputs: WriteInputs, context: WriteContext, target: Target, name: str) -> Written:
    format, key = target.format(inputs), f"{target.prefix}{name}"
    give_up(target.moves.bucket, context.scratch.rglob(f"*{NOTE}"))
    before = target.moves.bucket.head(key)
    if is_own(before, context.publication.mark):
        return Written(int(before.metadata.get(_ROWS, 0)), before.size)
    file = context.scratch / "object"
    rows = write_file(context.session, inputs, format, name, file)
    written = Written(rows, file.stat().st_size)
    conditions = unchanged(before) if target.conditional else {}
    _upload(target.moves, file, key, _told(context.publication.mark, rows), conditions, context.still_ours)
    file.unlink()
    return written


def _upload(
    moves: Moves, file: Path, key: str, told: Mapping[str, str], conditions: Mapping[str, str], last: Last
) -> None:
    """Make an object of a file, which says what `told` says; one that appeared without an answer is as good."""
    try:
        upload(moves, file, key, told, conditions, last)
    except ConnectorError:
        if appeared(moves.bucket, key, told[f"{_META}{_MARK}"]) is None:
            raise


def is_own(head: Head | None, mark: str) -> TypeGuard[Head]:
    """Say whether an object says that it is what was published under this mark."""
    return head is not None and head.metadata.get(_MARK) == mark


def appeared(bucket: Bucket, key: str, mark: str) -> Head | None:
    """Return the object if it was published under this mark although its upload was refused: an answer may be lost."""
    with suppress(ConnectorError):
        head = bucket.head(key)
        return head if is_own(head, mark) else None
    return None


def marked(mark: str) -> Mapping[str, str]:
    """Return the headers by which an object says what it was published under."""
    return {f"{_META}{_MARK}": mark}


def _told(mark: str, rows: int) -> Mapping[str, str]:
    return {**marked(mark), f"{_META}{_ROWS}": str(rows)}


def unchanged(before: Head | None) -> Mapping[str, str]:
    """Return the condition that the object is still the one that was there, or that there still is none."""
    return {"if-match": before.etag} if before is not None else {"if-none-match": "*"}


def insert_overwrite(inputs: WriteInputs, context: WriteContext, target: Target) -> Written:
    """Put objects in the place of those of the same partitions; then remove what else these hold."""
    format, intent, folder = target.format(inputs), context.scratch / INTENT, context.scratch / "partitions"
    give_up(target.moves.bucket, context.scratch.rglob(f"*{NOTE}"))
    written = _recorded(intent, context.publication)
    if written is None:
        shutil.rmtree(folder, ignore_errors=True)
        rows = write_partitions(context.session, inputs, format, target.name, folder)
        found = partitions(folder)
        size = sum((folder / name).stat().st_size for names in found.values() for name in names)
        _replace_partitions(context, target, folder, found)
        intent.write_text(json.dumps({"publication": context.publication.mark, "rows": rows, "bytes": size}))
        shutil.rmtree(folder, ignore_errors=True)
        written = Written(rows, size)
    return written


def _recorded(intent: Path, publication: Publication) -> Written | None:
    """Return what an attempt that came to its end has noted; a note that was cut off is none."""
    try:
        noted = json.loads(intent.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return Written(noted["rows"], noted["bytes"]) if noted["publication"] == publication.mark else None


def _replace_partitions(
    context: WriteContext, target: Target, folder: Path, found: Mapping[str, Sequence[str]]
) -> None:
    """Large ones one after the other, in parts; small ones some at a time.

    The mark is of this attempt alone: what an earlier one has left may hold other rows.
    """
    told = _told(f"{context.publication.mark}-{secrets.token_hex(8)}", 0)
    limit = target.moves.part_size
    small = [one for one in found if all((folder / name).stat().st_size <= limit for name in found[one])]

    def replace_one(partition: str, moves: Moves, last: Last) -> None:
        for name in found[partition]:
            _upload(moves, folder / name, f"{target.prefix}{target.name}/{name}", told, {}, last)
        _remove_others(target, partition, found[partition])

    for partition in found.keys() - set(small):
        replace_one(partition, target.moves, context.still_ours)
    for start in range(0, len(small), target.moves.at_once):
        context.still_ours()
        batch = small[start : start + target.moves.at_once]

        def act(partition: str) -> None:
            replace_one(partition, target.moves, lambda: None)

        each(target.moves.at_once, act, batch)


def _remove_others(target: Target, partition: str, names: Sequence[str]) -> None:
    """Remove the objects right below a partition that readers see and that are not the new ones."""
    above = f"{target.prefix}{target.name}/{partition}/"
    kept = {f"{target.prefix}{target.name}/{name}" for name in names}
    for one in target.moves.bucket.list(above):
        name = one.key.removeprefix(above)
        if one.key not in kept and name and "/" not in name and not name.startswith("."):
            target.moves.bucket.delete(one.key)


MODES: dict[str, Callable[[WriteInputs, WriteContext, Target], Written]] = {
    "replace": replace,
    "append": append,
    "insert_overwrite": insert_overwrite,
    "upsert": replace,
}
"""What each mode of a write does to objects; what files cannot do is refused with the format."""
