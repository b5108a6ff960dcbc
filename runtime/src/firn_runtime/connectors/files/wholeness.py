"""Whether files are whole, where the engine does not look: it takes a compressed file that was cut off for a short one.

Bounded memory: a file is looked at in pieces.
"""

import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from firn_runtime.cancel import current
from firn_runtime.connectors.files.formats import Format
from firn_runtime.errors import ConnectorError
from firn_schemas.steps.data import FormatOptions
from firn_schemas.visible import os_reason

_PIECE = 1 << 20


def refuse_broken(file: Path, name: str, format: Format, options: FormatOptions | None) -> bytes:
    """Return the last byte of a compressed text, where it has to be unpacked to look at it.

    Raises ConnectorError where a file was cut off, or is not encoded as it should be; `name` is said of it.
    """
    check = _COMPRESSED.get(format.compression) if format.kind != "parquet" else None
    try:
        with file.open("rb") as opened:
            wrong, last = check(opened) if check else ("", b"")
            if options is not None and options.encoding == "utf-16" and check is None:
                wrong = _utf_16(opened)
    except OSError as error:
        reason = os_reason(error)
        raise ConnectorError("connection", f"cannot read `{name}`: {reason}") from None
    if wrong:
        raise ConnectorError("data", f"`{name}` {wrong}")
    return last


def _gzip(file: BinaryIO) -> tuple[str, bytes]:
    """Decode every member: only so are the length and the checksum at its end compared (RFC 1952)."""
    decoder, piece, members, last = zlib.decompressobj(wbits=31), file.read(_PIECE), 0, b""
    try:
        while piece:
            current().check()
            last = decoder.decompress(piece, _PIECE)[-1:] or last
            piece = decoder.unconsumed_tail
            if decoder.eof:
                piece, members = decoder.unused_data or file.read(_PIECE), members + 1
                decoder = zlib.decompressobj(wbits=31)
            else:
                piece = piece or file.read(_PIECE) or _end(decoder)
    except EOFError:
        return _CUT, last
    except zlib.error:
        return _CHANGED if _begins(file, b"\x1f\x8b") else "is broken: it is not what gzip wrote", last
    return "" if members else _CUT, last


def _end(decoder: "zlib._Decompress") -> bytes:
    """Return nothing more to decode; raise EOFError where the member has not ended, and nothing is kept back."""
    decoder.flush()
    if not decoder.eof:
        raise EOFError
    return b""


def _begins(file: BinaryIO, magic: bytes) -> bool:
    file.seek(0)
    return file.read(len(magic)) == magic


def _utf_16(file: BinaryIO) -> str:
    """Look for the upper half of a letter of ASCII, which every table has: the engine would find no rows at all."""
    if _begins(file, b"\xfe\xff"):
        return "is big-endian UTF-16, which the engine cannot read"
    if _begins(file, b"\xff\xfe"):
        return ""
    file.seek(0)
    return "" if b"\0" in file.read(_PIECE)[1::2] else "is not little-endian UTF-16"


_CUT = "is broken: it was cut off"
_CHANGED = "is broken: its content is not what was compressed"
_MAGIC, _SKIPPABLE = 0xFD2FB528, range(0x184D2A50, 0x184D2A60)
_RAW, _REPEATED, _RESERVED = 0, 1, 3


def _zstd(file: BinaryIO) -> tuple[str, bytes]:
    """Step from block to block by their lengths, without decoding (RFC 8878, section 3.1)."""
    return _frames(file), b""


def _frames(file: BinaryIO) -> str:
    size = os.fstat(file.fileno()).st_size
    while file.tell() < size:
        magic = int.from_bytes(file.read(4), "little")
        if file.tell() < 4:
            return _CUT
        if magic in _SKIPPABLE:
            file.seek(int.from_bytes(file.read(4), "little"), os.SEEK_CUR)
        elif magic != _MAGIC:
            return "is broken: it is not what zstd wrote" if file.tell() <= 4 else _CHANGED
        elif not _frame(file, size):
            return _CUT
    return "" if 0 < size == file.tell() else _CUT


def _frame(file: BinaryIO, size: int) -> bool:
    """Step over one frame's header and blocks; say whether it ends within the file."""
    (descriptor,) = file.read(1) or b"\0"
    single, checksum, dictionary = descriptor >> 5 & 1, descriptor >> 2 & 1, (0, 1, 2, 4)[descriptor & 3]
    content = (single, 2, 4, 8)[descriptor >> 6]
    file.seek((1 - single) + dictionary + content, os.SEEK_CUR)
    while True:
        current().check()
        header = file.read(3)
        block = int.from_bytes(header, "little")
        if len(header) < 3 or block >> 1 & 3 == _RESERVED:
            return False
        file.seek(1 if block >> 1 & 3 == _REPEATED else block >> 3, os.SEEK_CUR)
        if block & 1:
            file.seek(4 * checksum, os.SEEK_CUR)
            return file.tell() <= size


_COMPRESSED: dict[str, Callable[[BinaryIO], tuple[str, bytes]]] = {"gzip": _gzip, "zstd": _zstd}
