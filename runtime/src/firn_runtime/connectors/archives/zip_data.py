"""The data of a ZIP archive's members: each is what the directory says, in its local header (APPNOTE 4.3.7) too."""

import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator

from firn_runtime.connectors.archives.bad import DAMAGED, BadArchive, PasswordNeeded, member
from firn_runtime.connectors.archives.zip_directory import AES, ENCRYPTED, LATER, UTF8, Entry, widened

_LOCAL = struct.Struct("<4s2B4HL2L2H")
_STORED, _DEFLATED = 0, 8
_DESCRIPTOR = 24
"""Bytes of what stands behind the data at most (4.3.9): too few for a member that no directory names."""
BLOCK = 1024 * 1024

Hidden = tuple[Iterator[bytes], int, int]
"""Data, method and checksum of what an encrypted member hides; the checksum is below 0 where there is none."""


def unpacked(file: int, entry: Entry, opened: Callable[[Entry, Iterator[bytes]], Hidden]) -> Iterator[bytes]:
    """Yield a member's bytes; raise BadArchive where they are not those that the directory promises."""
    data, method, crc = _packed(file, entry), entry.method, entry.crc
    if entry.flags & ENCRYPTED or method == AES:
        data, method, crc = opened(entry, data)
    if method not in (_STORED, _DEFLATED):
        help = "`deflate` and `stored` can be read"
        raise BadArchive(f"{member(entry.name)} is compressed in a way that is not supported", help)
    blocks = _inflated(data) if method == _DEFLATED else data
    yield from _checked(blocks, entry, crc)


def no_password(entry: Entry, data: Iterator[bytes]) -> Hidden:
    """Refuse what is encrypted."""
    del data
    help = "the driver `pyzipper` opens archives that are encrypted with AES"
    raise PasswordNeeded(f"{member(entry.name)} is encrypted", help)


def _packed(file: int, entry: Entry) -> Iterator[bytes]:
    head = os.pread(file, min(BLOCK, entry.limit - entry.offset), entry.offset)
    begin = _data_begin(head, entry)
    left = entry.packed
    behind = entry.limit - (entry.offset + begin + left)
    if behind < 0:
        raise BadArchive("its members overlap")
    if behind > (_DESCRIPTOR if entry.flags & LATER else 0):
        raise BadArchive(f"something lies behind {member(entry.name)} that belongs to none")
    block, at = head[begin : begin + left], entry.offset + begin
    while True:
        left -= len(block)
        at += len(block)
        yield block
        if not left:
            return
        block = os.pread(file, min(BLOCK, left), at)
        if not block:
            raise BadArchive("it became shorter while it was read")


def _data_begin(head: bytes, entry: Entry) -> int:
    """Return where the data begins in what begins with the local header; raise BadArchive where that differs."""
    if len(head) < _LOCAL.size or not head.startswith(b"PK\3\4"):
        raise BadArchive(f"{member(entry.name)} is not where the directory says")
    _, _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack_from(head)
    names: int = _LOCAL.size + name_length
    raw, extra = head[_LOCAL.size : names], head[names : names + extra_length]
    if not flags & LATER:
        size, packed = widened(extra, size, packed)
    sizes_agree = flags & LATER or (crc, packed, size) == (entry.crc, entry.packed, entry.size)
    flags_agree = not (flags ^ entry.flags) & (ENCRYPTED | LATER | UTF8)
    if raw != entry.raw or method != entry.method or not flags_agree or not sizes_agree:
        raise BadArchive(f"{member(entry.name)} is described in two ways that differ")
    return names + int(extra_length)


def _inflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in pieces:
            left = piece
            while left and not stream.eof:
                yield stream.decompress(left, BLOCK)
                left = stream.unconsumed_tail
            if left and stream.eof:
                raise BadArchive(DAMAGED)
        yield stream.flush()
    except zlib.error:
        raise BadArchive(DAMAGED) from None
    if not stream.eof or stream.unused_data:
        raise BadArchive(DAMAGED)


def _checked(blocks: Iterable[bytes], entry: Entry, crc: int) -> Iterator[bytes]:
    """Yield the blocks, never more bytes than the directory says; `crc` below 0 is not compared."""
    size = found = 0
    for block in blocks:
        size += len(block)
        if size > entry.size:
            raise BadArchive(f"{member(entry.name)} holds more than it says")
        found = zlib.crc32(block, found)
        yield block
    if size != entry.size:
        raise BadArchive(f"{member(entry.name)} holds less than it says")
    if crc >= 0 and found != crc:
        raise BadArchive(f"the checksum of {member(entry.name)} is wrong")
