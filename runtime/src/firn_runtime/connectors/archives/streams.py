"""What lies under a tar archive: its bytes, decompressed by what they begin with, in blocks and within limits."""

import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import IO, Any

from firn_runtime.cancel import current
from firn_runtime.connectors.archives.bad import CUT_OFF, DAMAGED, BadArchive
from firn_runtime.connectors.archives.meter import Meter
from firn_runtime.errors import lacking

BLOCK = 1024 * 1024
_PACKED = 128 * 1024
_MEMORY = 256 * 1024 * 1024
"""Bytes that a header of xz may ask for; `xz -9` asks for a quarter of it. zstd's library has a limit of 128 MiB."""
_OR_TOO_WIDE = "or it takes more than 128 MiB (zstd) or 256 MiB (xz) to open: have it packed with a smaller window"


class _Gzip:
    """zlib in the shape of the other decompressors of the standard library."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._held = b""

    def decompress(self, data: bytes, limit: int) -> bytes:
        found = self._stream.decompress(self._held + data, limit)
        self._held = self._stream.unconsumed_tail
        return found

    @property
    def needs_input(self) -> bool:
        return not self._held

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data


def _bzip2() -> Any:
    from bz2 import BZ2Decompressor

    return BZ2Decompressor()


def _xz() -> Any:
    from lzma import FORMAT_XZ, LZMADecompressor

    return LZMADecompressor(FORMAT_XZ, _MEMORY)


def _zstd() -> Any:
    return zstd().ZstdDecompressor()


def zstd() -> Any:
    """Return the library for zstd: Python's own, which is there from 3.14 on, or its backport to earlier ones."""
    try:
        from compression import zstd as library
    except ImportError:
        return _backport()
    return library


def _backport() -> Any:
    try:
        from backports import zstd as library
    except ImportError:
        raise lacking("archives in zstd need backports.zstd", "archive") from None
    return library


_STREAMS: tuple[tuple[bytes, Callable[[], Any]], ...] = (
    (b"\x1f\x8b", _Gzip),
    (b"BZh", _bzip2),
    (b"\xfd7zXZ\0", _xz),
    (b"\x28\xb5\x2f\xfd", _zstd),
)
"""How a file begins, and what decompresses it."""


def blocks(file: IO[bytes], meter: Meter) -> Generator[bytes]:
    """Yield the bytes of a file, decompressed where it is compressed; raise BadArchive."""
    begin = file.read(8)
    file.seek(0)
    make = next((make for sign, make in _STREAMS if begin.startswith(sign)), None)
    check = current().check
    with closing(_plain(file) if make is None else _ahead(_decompressed(file, make, check))) as found:
        for block in found:
            check()
            meter.unpacked(len(block))
            yield block


def _plain(file: IO[bytes]) -> Generator[bytes]:
    while block := file.read(BLOCK):
        yield block


def _ahead(found: Iterator[bytes]) -> Generator[bytes]:
    """Yield the blocks; while one is taken a thread makes the next, for decompressing and writing take as long."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1, "firn-unpack") as pool:
        coming = pool.submit(next, found, b"")
        while block := coming.result():
            coming = pool.submit(next, found, b"")
            yield block


def _decompressed(file: IO[bytes], make: Callable[[], Any], check: Callable[[], None]) -> Iterator[bytes]:
    """Yield what one or several streams hold, one after the other, with zero bytes behind them as padding."""
    stream = make()
    while data := file.read(_PACKED):
        check()
        while data or (stream is not None and not stream.needs_input):
            if stream is None:
                data = data.lstrip(b"\0")
                if not data:
                    break
                stream = make()
            block, data = _some(stream, data), b""
            if stream.eof:
                data, stream = stream.unused_data, None
            if block:
                yield block
    if stream is not None:
        raise BadArchive(CUT_OFF)


def _some(stream: Any, data: bytes) -> bytes:
    try:
        found: bytes = stream.decompress(data, BLOCK)
    except Exception:  # each library has an error of its own, and none says more than this
        raise BadArchive(DAMAGED, _OR_TOO_WIDE) from None
    return found


class Reader:
    """Takes bytes off a stream in the portions that its format has."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._held = memoryview(b"")
        self.position = 0

    def take(self, count: int) -> bytes:
        """Return exactly so many bytes, which are few."""
        if count <= len(self._held):
            found = bytes(self._held[:count])
            self._held = self._held[count:]
            self.position += count
            return found
        return b"".join(self.pieces(count))

    def pieces(self, count: int) -> Iterator[memoryview]:
        """Yield exactly so many bytes."""
        while count:
            piece = self._piece(count)
            if not piece:
                raise BadArchive(CUT_OFF)
            count -= len(piece)
            yield piece

    def skip(self, count: int) -> None:
        """Leave bytes out."""
        for _ in self.pieces(count):
            pass

    def rest(self) -> Iterator[memoryview]:
        """Yield all that is left."""
        return iter(lambda: self._piece(BLOCK), memoryview(b""))

    def _piece(self, count: int) -> memoryview:
        if not self._held:
            self._held = memoryview(next(self._blocks, b""))
        found, self._held = self._held[:count], self._held[count:]
        self.position += len(found)
        return found
