"""Objects moved in parts, several at the same time, in bounded memory: down into a folder, up out of a file."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from firn_runtime.cancel import current
from firn_runtime.connectors.files.paths import local_name
from firn_runtime.connectors.s3.bucket import Bucket, Listed, Piece
from firn_runtime.errors import ConnectorError
from firn_runtime.fetching import continued
from firn_runtime.parallel import each
from firn_runtime.publication import staged_name
from firn_schemas.visible import os_reason

_PIECE = 4
"""Sizes of a part that are asked for at once: a broken connection costs no more."""
_PARTS = 10_000
"""Parts of an upload, at most."""
NOTE = ".upload"
"""Ends the name of a file that says which upload has begun."""
Last = Callable[[], None]


class Moves(NamedTuple):
    """How objects are moved."""

    bucket: Bucket
    part_size: int
    at_once: int


def download(moves: Moves, objects: Mapping[str, Listed], folder: Path) -> None:
    """Put objects into a folder that is made here, under their names; raise ConnectorError."""
    _refuse_clashes(objects)
    try:
        for name, one in objects.items():
            _make(folder / local_name(name), one.size)
        each(moves.at_once, lambda work: _fetch(moves.bucket, *work), _pieces(moves, objects, folder))
    except OSError as error:
        reason = os_reason(error)
        raise ConnectorError("process", f"cannot keep the objects in the workspace: {reason}") from None


def _refuse_clashes(names: Iterable[str]) -> None:
    """Raise ConnectorError where an object's name is a folder of another's: a file system has one of them."""
    known = set(names)
    for name in known:
        parts = name.split("/")
        above = next((one for end in range(1, len(parts)) if (one := "/".join(parts[:end])) in known), None)
        if above is not None:
            raise ConnectorError("data", f"`{above}` is an object and a folder", "read them by two steps")


def _make(file: Path, size: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("xb") as opened:
            opened.truncate(size)
    except FileExistsError:
        raise ConnectorError("data", f"two objects would be the one file `{file.name}` here") from None


def _pieces(moves: Moves, objects: Mapping[str, Listed], folder: Path) -> Iterator[tuple[Listed, Piece]]:
    for name, one in objects.items():
        yield from _of_object(moves, one, folder / name)


def _of_object(moves: Moves, one: Listed, file: Path, start: int = 0) -> Iterator[tuple[Listed, Piece]]:
    step = _PIECE * moves.part_size
    for place in range(start, one.size, step):
        yield one, Piece(file, place, min(step, one.size - place))


def resume(moves: Moves, one: Listed, file: Path) -> None:
    """Fetch of an object what a file, which holds its beginning or is not there, lacks; one piece after the other."""
    with continued(file, one.size) as opened:
        start = opened.tell()
    for work in _of_object(moves, one, file, start):
        _fetch(moves.bucket, *work)


def _fetch(bucket: Bucket, one: Listed, piece: Piece) -> None:
    token = current()

    def sink(blocks: Iterator[bytes]) -> None:
        place, end = piece.start, piece.start + piece.length
        with piece.file.open("r+b", buffering=0) as opened:
            for block in blocks:
                token.check()
                os.pwrite(opened.fileno(), block[: end - place], place)
                place += len(block)
                if place > end:  # it may have no end at all
                    break
        if place != end:
            raise ConnectionError

    bucket.get(one, piece, sink)


def upload(
    moves: Moves,
    file: Path,
    key: str,
    headers: Mapping[str, str],
    conditions: Mapping[str, str],
    last: Last,
    mark: str = "",
) -> str:
    """Make an object of a file; it appears at once and whole, and `last` is called right before. Return its etag.

    The upload is noted beside the file, so that the next attempt can give it up; `mark` is in the note's name.
    """
    size = file.stat().st_size
    if size <= moves.part_size:
        last()
        return moves.bucket.put(key, Piece(file, 0, size), {**headers, **conditions})
    step = max(moves.part_size, -(-size // _PARTS))
    pieces = [Piece(file, start, min(step, size - start)) for start in range(0, size, step)]
    id = moves.bucket.begin(key, headers)
    note = file.with_name(f"{staged_name(file.name, mark)}{NOTE}")
    note.write_text(json.dumps({"key": key, "upload": id}))

    def put(numbered: tuple[int, Piece]) -> str:
        return moves.bucket.put_part(key, id, *numbered)

    try:
        etags = each(moves.at_once, put, enumerate(pieces, 1))
        last()
        etag = moves.bucket.complete(key, id, etags, conditions)
    except BaseException:
        with suppress(Exception):
            moves.bucket.abort(key, id)
            note.unlink()
        raise
    note.unlink()
    return etag


def give_up(bucket: Bucket, notes: Iterable[Path]) -> None:
    """Give up the uploads that a killed attempt has noted. A note that was cut off is none."""
    for note in list(notes):
        with suppress(ValueError, KeyError, FileNotFoundError):
            noted = json.loads(note.read_text())
            bucket.abort(noted["key"], noted["upload"])
        note.unlink(missing_ok=True)
