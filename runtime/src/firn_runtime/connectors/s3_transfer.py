"""Objects moved in parts, several at the same time, in bounded memory: down into a folder, up out of a file."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from firn_runtime.cancel import Token, current
from firn_runtime.connectors.file_paths import local_name
from firn_runtime.connectors.s3_bucket import Bucket, Listed, Piece
from firn_runtime.errors import ConnectorError

T = TypeVar("T")
R = TypeVar("R")

_PIECE = 4
"""Sizes of a part that are asked for at once: a broken connection costs no more."""
_PARTS = 10_000
"""Parts of an upload, at most."""
_NOTE = ".upload"
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
        each(moves.at_once, lambda work, token: _fetch(moves.bucket, *work, token), _pieces(moves, objects, folder))
    except OSError as error:
        reason = (error.strerror or "").lower()
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
    step = _PIECE * moves.part_size
    for name, one in objects.items():
        for start in range(0, one.size, step):
            yield one, Piece(folder / name, start, min(step, one.size - start))


def _fetch(bucket: Bucket, one: Listed, piece: Piece, token: Token) -> None:
    def sink(blocks: Iterator[bytes]) -> None:
        place, end = piece.start, piece.start + piece.length
        with piece.file.open("r+b", buffering=0) as opened:
            for block in blocks:
                token.check()
                os.pwrite(opened.fileno(), block[: max(end - place, 0)], place)
                place += len(block)
        if place != end:
            raise ConnectionError

    bucket.get(one, piece, sink, token)


def upload(
    moves: Moves, file: Path, key: str, headers: Mapping[str, str], conditions: Mapping[str, str], last: Last
) -> None:
    """Make an object of a file; it appears at once and whole, and `last` is called right before.

    The upload is noted beside the file, so that the next attempt can give it up.
    """
    size = file.stat().st_size
    if size <= moves.part_size:
        last()
        moves.bucket.put(key, Piece(file, 0, size), {**headers, **conditions})
        return
    step = max(moves.part_size, -(-size // _PARTS))
    pieces = [Piece(file, start, min(step, size - start)) for start in range(0, size, step)]
    id = moves.bucket.begin(key, headers)
    note = file.with_name(f"{file.name}{_NOTE}")
    note.write_text(json.dumps({"key": key, "upload": id}))

    def put(numbered: tuple[int, Piece], token: Token) -> str:
        return moves.bucket.put_part(key, id, *numbered, token)

    try:
        etags = each(moves.at_once, put, enumerate(pieces, 1))
        last()
        moves.bucket.complete(key, id, etags, conditions)
    except BaseException:
        with suppress(Exception):
            moves.bucket.abort(key, id)
            note.unlink()
        raise
    note.unlink()


def give_up(bucket: Bucket, folder: Path) -> None:
    """Give up the uploads that a killed attempt has noted below a folder; a note that was cut off is none."""
    for note in folder.rglob(f"*{_NOTE}"):
        with suppress(ValueError, KeyError):
            noted = json.loads(note.read_text())
            bucket.abort(noted["key"], noted["upload"])
        note.unlink()


def each(at_once: int, act: Callable[[T, Token], R], items: Iterable[T]) -> list[R]:
    """Do something with every item, some at the same time; return the results in order, or raise the first error."""
    token = current()
    with ThreadPoolExecutor(at_once, "firn-s3") as pool:
        futures = [pool.submit(act, item, token) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
