"""A bucket's objects as files that file steps list, fetch, put and delete."""

from collections.abc import Callable, Iterator
from pathlib import Path

from firn_runtime.connector import StoredFile
from firn_runtime.connectors.s3.bucket import Listed
from firn_runtime.connectors.s3.publication import appeared, is_own, marked, unchanged
from firn_runtime.connectors.s3.transfer import NOTE, Moves, give_up, resume, upload
from firn_runtime.errors import ConnectorError
from firn_runtime.publication import Leftovers, staged_in


class BucketStore:
    """The objects below a prefix: see firn_runtime.connector.FileStore. A version is an etag."""

    def __init__(self, moves: Moves, prefix: str, *, conditional: bool) -> None:
        self._moves, self._prefix, self._conditional = moves, prefix, conditional
        self._leftovers = Leftovers(lambda folder, mark: staged_in(Path(folder), mark, NOTE))

    def list(self, folder: str, *, recursive: bool) -> Iterator[StoredFile]:
        """Yield the objects below a folder; what only marks a folder is left out."""
        beginning = f"{self._prefix}{folder}/" if folder else self._prefix
        for one in self._moves.bucket.list(beginning, deep=recursive):
            if not one.key.endswith("/"):
                yield _told(one.key.removeprefix(self._prefix), one.size, one.etag)

    def stat(self, name: str) -> StoredFile | None:
        """Return what an object tells of itself."""
        head = self._moves.bucket.head(f"{self._prefix}{name}")
        return _told(name, head.size, head.etag) if head is not None else None

    def get(self, file: StoredFile, target: Path) -> None:
        """Fetch what `target` lacks; the service compares the etag."""
        resume(self._moves, Listed(f"{self._prefix}{file.name}", file.size, file.version), target)

    def put(self, source: Path, name: str, mark: str, still_ours: Callable[[], None]) -> StoredFile:
        """Make an object of a file, unless it was made under this mark before; it appears at once and whole."""
        with self._leftovers.of(str(source.parent), source.name, mark) as leftovers:
            give_up(self._moves.bucket, map(source.with_name, leftovers))
            return self._put(source, name, mark, still_ours)

    def _put(self, source: Path, name: str, mark: str, still_ours: Callable[[], None]) -> StoredFile:
        bucket, key, size = self._moves.bucket, f"{self._prefix}{name}", source.stat().st_size
        before = bucket.head(key)
        if is_own(before, mark) and before.size == size:
            return _told(name, size, before.etag)
        conditions = unchanged(before) if self._conditional else {}
        try:
            etag = upload(self._moves, source, key, marked(mark), conditions, still_ours, mark)
        except ConnectorError:
            head = appeared(bucket, key, mark)
            if head is None:
                raise
            etag = head.etag
        return _told(name, size, etag)

    def delete(self, name: str, version: str | None = None) -> bool:
        """Remove an object; the service itself compares the etag, and does not say whether the object was there."""
        bucket, key = self._moves.bucket, f"{self._prefix}{name}"
        there = version is not None or bucket.head(key) is not None
        if there:
            bucket.delete(key, {"if-match": version} if version and self._conditional else {})
        return there


def _told(name: str, size: int, etag: str) -> StoredFile:
    """Spell the etag with its quotes (RFC 9110, section 8.8.3): some services leave them out of their listings."""
    return StoredFile(name, size, f'"{etag}"' if etag and not etag.endswith('"') else etag)
