"""The bytes of one file, in requests that overtake the answers: as many under way as keep the line busy.

Blocks are taken in their order, so that what was cut off is a beginning.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Iterator
from contextlib import aclosing, contextmanager
from errno import EACCES, EDQUOT, EFBIG, EIO, EISDIR, ENOENT, ENOSPC, ENOTDIR, EROFS
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

from asyncssh import SFTPClient, SFTPClientFile

from firn_runtime.errors import ConnectorError
from firn_runtime.fetching import continued
from firn_schemas.visible import os_reason

T = TypeVar("T")

_LARGEST = 255 * 1024
"""Bytes of a block: OpenSSH's server takes no more, and larger ones gain nothing."""
_SMALLEST = 32 * 1024
"""Bytes that every server takes (draft-ietf-secsh-filexfer-02, section 3)."""
_AHEAD = 16
"""Requests under way."""
UNDER_WAY = _LARGEST * (_AHEAD + 1)
"""Bytes before the end of a cut-off upload that a server may have written out of order."""


class Silence(NamedTuple):
    """How long an answer may take."""

    seconds: float

    async def bound(self, work: Awaitable[T]) -> T:
        """Return what the work returns; raise TimeoutError where it takes longer."""
        async with asyncio.timeout(self.seconds):
            return await work


async def fetch(client: SFTPClient, file: SFTPClientFile, size: int, target: Path, silence: Silence) -> None:
    """Bring `target`, which holds the beginning of the file, to exactly `size` bytes.

    Raises ConnectorError where the server gives more or less.
    """
    with _local(target), continued(target, size) as sink:
        end = sink.tell()
        step = _block_size(client.limits.max_read_len)
        blocks = (_block(file, *place) for place in _places(end, size, step))
        async with aclosing(_in_order(blocks, silence)) as found:
            async for block in found:
                end += len(block)
                if end > size:
                    raise ConnectorError("conflict", "the file is larger than the server said", _CHANGED)
                sink.write(block)
                if len(block) < step:  # the last one, or the file ends before its size
                    break
    if end < size:
        raise ConnectorError("conflict", "the file is smaller than the server said", _CHANGED)


async def send(client: SFTPClient, file: SFTPClientFile, source: Path, begin: int, silence: Silence) -> None:
    """Write what `source` holds from `begin` on."""
    with _local(source), source.open("rb") as content:
        content.seek(begin)
        blocks = _written(file, content, begin, _block_size(client.limits.max_write_len))
        async with aclosing(_in_order(blocks, silence)) as answers:
            async for _ in answers:
                pass


async def same(file: SFTPClientFile, source: Path, end: int, silence: Silence) -> bool:
    """Say whether the block before `end` is the same in both."""
    begin = max(0, end - _SMALLEST)
    with source.open("rb") as content:
        content.seek(begin)
        return await silence.bound(_block(file, begin, end - begin)) == content.read(end - begin)


_OF_A_DISK = frozenset([ENOSPC, EDQUOT, EFBIG, EIO, EROFS, EACCES, ENOENT, EISDIR, ENOTDIR])
_CHANGED = "somebody writes to it, or the server is not to be relied on; try again when it is whole"


def _block_size(limit: int) -> int:
    return max(_SMALLEST, min(limit, _LARGEST))


def _places(begin: int, size: int, step: int) -> Iterator[tuple[int, int, int]]:
    """Yield where blocks begin, how long they are, and how much more is asked for: a byte that should not be there."""
    while begin + step <= size:
        yield begin, step, 0
        begin += step
    if begin < size:
        yield begin, size - begin, 1


async def _block(file: SFTPClientFile, begin: int, length: int, more: int = 0) -> bytes:
    """Return a block, and what there is of `more`; less only where the file ends.

    A server may answer with less than it was asked for.
    """
    found = b""
    while len(found) < length:
        part: bytes = await file.read(length + more - len(found), begin + len(found))
        if not part:
            break
        found += part
    if len(found) > length + more:
        raise ConnectorError("connection", "the server sends more than it was asked for")
    return found


def _written(file: SFTPClientFile, content: BinaryIO, begin: int, step: int) -> Iterator[Coroutine[Any, Any, int]]:
    while block := content.read(step):
        yield file.write(block, begin)
        begin += len(block)


async def _in_order(works: Iterator[Coroutine[Any, Any, T]], silence: Silence) -> AsyncGenerator[T, None]:
    """Yield what the works return, in their order."""
    pending: deque[asyncio.Future[T]] = deque()
    try:
        for work in works:
            pending.append(asyncio.ensure_future(work))
            if len(pending) == _AHEAD:
                yield await silence.bound(pending.popleft())
        while pending:
            yield await silence.bound(pending.popleft())
    finally:
        for one in pending:
            one.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


@contextmanager
def _local(path: Path) -> Iterator[None]:
    """Tell the disk of this machine from the line to the server, which fails with an OSError too."""
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_A_DISK:
            raise
        reason = os_reason(error)
        raise ConnectorError("process", f"`{path.name}` cannot be kept in the workspace: {reason}") from None
