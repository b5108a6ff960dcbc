"""The pages of one read, kept in the step's scratch folder: what an attempt has fetched, the next one finds.

`records.ndjson` holds the records, `pages.jsonl` says of each page how many of its bytes they are, their digest, and
where the next page is. What a kill or a loss of power cut off does not fit its digest: it is left out and asked for
again. Pages of another request are left out too.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson

from firn_runtime.connectors.rest.pagination import Place

_SPOOL, _JOURNAL = "records.ndjson", "pages.jsonl"


class Kept(NamedTuple):
    """A page of which the records are in the spool."""

    size: int
    """Bytes of its records."""
    records: int
    longest: int
    """Bytes of its longest record."""
    digest: str
    next: Place | None
    """None: it was the last."""


class Pages:
    """The pages so far. `see` is shown the records of each one, also of those that an earlier attempt left."""

    def __init__(
        self, folder: Path, request: str, start: Place, see: Callable[[bytes], None], *, resume: bool = True
    ) -> None:
        self.spool, self._journal = folder / _SPOOL, folder / _JOURNAL
        self._request, self._start, self._see = request, start, see
        self._files: list[BinaryIO] = []
        try:
            self._open(self._whole() if resume else iter(()))
        except OSError:
            self.close()  # from Python 3.13 on, what is let go of without being written out shows a traceback
            raise

    def add(self, lines: bytes, page: Kept) -> None:
        """Keep a page's records, each on a line, and then where the next page is."""
        self._see(lines)
        self._keep(lines, page)
        for file in self._files:
            file.flush()

    def close(self) -> None:
        """Let go of the files; they stay."""
        with ExitStack() as files:  # each of them, also where another cannot be written out
            for file in self._files:
                files.callback(file.close)

    def _open(self, pages: Iterator[tuple[bytes, Kept]]) -> None:
        """Copy whole pages to new files, which then take the places of the old: a process that lost its run may still
        write to those."""
        self.place: Place | None = self._start
        self.count = self.records = self.longest = self.bytes = 0
        self.asked = {self._start.mark}
        """The marks of the pages that were asked for, and of the next."""
        self.last = ""
        """The digest of the last page."""
        fresh = [path.with_name(f"{path.name}.new") for path in (self.spool, self._journal)]
        self._files = [path.open("wb") for path in fresh]
        self._files[1].write(orjson.dumps({"request": self._request}) + b"\n")
        for lines, page in pages:
            self._see(lines)
            self._keep(lines, page)
        for file, path, place in zip(self._files, fresh, (self.spool, self._journal), strict=True):
            file.flush()
            os.replace(path, place)

    def _keep(self, lines: bytes, page: Kept) -> None:
        self._files[0].write(lines)
        self._files[1].write(orjson.dumps(_spelled(page)) + b"\n")
        self.place, self.last = page.next, page.digest
        self.count, self.records, self.bytes = self.count + 1, self.records + page.records, self.bytes + page.size
        self.longest = max(self.longest, page.longest)
        self.asked |= {page.next.mark} if page.next else set()

    def _whole(self) -> Iterator[tuple[bytes, Kept]]:
        """Yield the pages of the same request that an earlier attempt kept, up to the first that is not whole."""
        try:
            with self._journal.open("rb") as journal, self.spool.open("rb") as spool:
                if _read(journal.readline()).get("request") != self._request:
                    return
                for line in journal:
                    page = _page(_read(line))
                    lines = spool.read(page.size) if page else b""
                    if page is None or digest_of(lines) != page.digest:
                        return
                    yield lines, page
        except FileNotFoundError:
            return


def digest_of(lines: bytes) -> str:
    """Return what tells the records of a page from others."""
    return sha256(lines).hexdigest()


def _spelled(page: Kept) -> dict[str, Any]:
    return page._asdict() | {"next": page.next and page.next._asdict()}


def _read(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}


def _page(found: Any) -> Kept | None:
    """Return what a line of the journal says; None where the line is not whole."""
    try:
        return Kept(**found | {"next": found["next"] and Place(**found["next"])})
    except (KeyError, TypeError):
        return None
