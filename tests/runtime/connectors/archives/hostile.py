"""ZIP and tar archives byte by byte, so that each of their fields can lie."""

import struct
import zlib
from typing import NamedTuple

SYMLINK, FIFO, SOCKET, BLOCK_DEVICE = 0o120777, 0o010644, 0o140755, 0o060644


class Packed(NamedTuple):
    """A member of a ZIP archive. What is None follows from the content; a `local` field is the local header's alone."""

    name: str | bytes
    content: bytes = b""
    mode: int = 0o100644
    method: int = 8
    flags: int = 0
    crc: int | None = None
    size: int | None = None
    packed_size: int | None = None
    data: bytes | None = None
    """The packed bytes."""
    local_name: bytes | None = None
    local_method: int | None = None
    local_size: int | None = None
    offset: int | None = None
    extra: bytes = b""


def deflated(content: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(content) + stream.flush()


def _known(given: int | None, own: int) -> int:
    return own if given is None else given


def zipped(*members: Packed, count: int | None = None, comment: bytes = b"", gap: bytes = b"") -> bytes:
    """Return an archive; `gap` lies between its directory and its end."""
    body, directory = b"", b""
    for one in members:
        raw = one.name if isinstance(one.name, bytes) else one.name.encode()
        data = one.data if one.data is not None else deflated(one.content) if one.method == 8 else one.content
        crc, size = _known(one.crc, zlib.crc32(one.content)), _known(one.size, len(one.content))
        packed = _known(one.packed_size, len(data))
        local = raw if one.local_name is None else one.local_name
        flags = one.flags | 0x800
        common = (flags, _known(one.local_method, one.method), 0, 33, crc, packed, _known(one.local_size, size))
        offset = _known(one.offset, len(body))
        body += struct.pack("<4s5H3L2H", b"PK\3\4", 20, *common, len(local), len(one.extra)) + local + one.extra + data
        own = (flags, one.method, 0, 33, crc, packed, size, len(raw), len(one.extra), 0, 0, 0, one.mode << 16, offset)
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", 20 | 3 << 8, 20, *own) + raw + one.extra
    number = _known(count, len(members)) & 0xFFFF
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, number, number, len(directory), len(body), len(comment))
    return body + directory + gap + end + comment


def header(
    name: str | bytes,
    size: int = 0,
    kind: bytes = b"0",
    mode: int = 0o644,
    link: bytes = b"",
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
) -> bytes:
    """Return the header of a member of a tar archive, with a checksum that is right."""
    raw = name if isinstance(name, bytes) else name.encode()
    digits = b"%011o\0" % size if size < 8**11 else b"\x80" + size.to_bytes(11, "big")
    fields = (raw, b"%07o\0" % mode, b"%07o\0" % 0, b"%07o\0" % 0, digits, b"%011o\0" % 0, b" " * 8, kind, link)
    block = struct.pack("100s8s8s8s12s12s8s1s100s8s", *fields, magic).ljust(345, b"\0") + prefix
    block = block.ljust(512, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def tarred(name: str | bytes, content: bytes = b"", kind: bytes = b"0", **fields: bytes) -> bytes:
    """Return a member with its content."""
    head = header(name, len(content), kind, **fields)  # type: ignore[arg-type]  # whichever fields they are
    return head + content + bytes(-len(content) % 512)


def pax(**records: str) -> bytes:
    """Return an extended header."""
    return tarred("pax", pax_records(records), b"x")


def pax_records(records: dict[str, str]) -> bytes:
    content = b""
    for key, value in records.items():
        record = f" {key}={value}\n".encode()
        length = len(record) + 1
        while len(str(length)) + len(record) != length:
            length = len(str(length)) + len(record)
        content += str(length).encode() + record
    return content


END = bytes(1024)
"""How a tar archive ends."""
