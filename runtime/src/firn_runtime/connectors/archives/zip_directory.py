"""The central directory of a ZIP archive, as PKWARE's APPNOTE 6.3.10 says (4.3.12 to 4.3.16): checked, then believed.

`zipfile` reads a directory of any size, drops `..` from names, and takes an archive for one that only ends like it.
Here nothing is read that the limits do not allow, and nothing may be where two readers could see two archives.
"""

import os
import stat
import struct
import zlib
from typing import NamedTuple

from firn_runtime.connectors.archives.bad import CUT_OFF, BadArchive, member
from firn_runtime.connectors.archives.meter import Meter

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s4B4HL2L5H2L")
_COMMENT = 0xFFFF
_ABSENT = 0xFFFFFFFF
_ROOM = 4096
"""Bytes of the directory for each member, on average and at most."""
ENCRYPTED, UTF8, AES = 0x1, 0x800, 99
"""Two flags, and the method that stands for encryption by WinZip's AES."""
LATER = 0x8
"""Flag: sizes and checksum stand behind the data."""
_UNICODE = 0x7075
"""Number of the extra field for a name in UTF-8."""
_PATCHED, _STRONG, _MASKED = 0x20, 0x40, 0x2000
_NO_ZIP = "it is no whole ZIP archive: its end is missing, or something comes after it"


class Entry(NamedTuple):
    """A member as the directory describes it."""

    name: str
    raw: bytes
    """The name's bytes."""
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    limit: int
    """Where the next member or the directory begins."""
    extra: bytes
    folder: bool


class _End(NamedTuple):
    members: int
    size: int
    offset: int


def directory(file: int, meter: Meter) -> list[Entry]:
    """Return the members in the order of the directory; raise BadArchive. `file` is a descriptor."""
    end = _end(file)
    meter.member(end.members)
    if end.size > _ROOM * (end.members + 1):
        raise BadArchive("its directory is too large for its members")
    content = os.pread(file, end.size, end.offset)
    if len(content) != end.size:
        raise BadArchive(CUT_OFF)
    entries = []
    at = 0
    for _ in range(end.members):
        entry, at = _entry(content, at)
        entries.append(entry)
    if at != len(content):
        raise BadArchive("its directory holds more than it counts")
    _measure(entries, meter)
    return _limited(entries, end.offset)


def _end(file: int) -> _End:
    """Return where the directory lies; it ends where its end record begins, so that nothing hides between."""
    length = os.fstat(file).st_size
    tail_at = max(0, length - _END.size - _COMMENT)
    tail = os.pread(file, _END.size + _COMMENT, tail_at)
    found = [at for at in _signatures(tail) if at + _END.size + _comment(tail, at) == len(tail)]
    if len(found) != 1:
        raise BadArchive(_NO_ZIP)
    (at,) = found
    _, disk, first_disk, here, count, size, offset, _ = _END.unpack_from(tail, at)
    at += tail_at
    end = _End(count, size, offset)
    wide = _end64(file, at, end)
    if wide is None and (disk or first_disk or here != count):
        raise BadArchive("it is a part of a split archive")
    begins, end = wide or (at, end)
    if end.offset + end.size != begins:
        raise BadArchive(_NO_ZIP)
    return end


def _signatures(tail: bytes) -> list[int]:
    found, at = [], tail.find(b"PK\5\6")
    while at >= 0 and at + _END.size <= len(tail):
        found.append(at)
        at = tail.find(b"PK\5\6", at + 1)
    return found


def _comment(tail: bytes, at: int) -> int:
    return int.from_bytes(tail[at + 20 : at + 22], "little")


def _end64(file: int, at: int, end: _End) -> tuple[int, _End] | None:
    """Return the position and content of the ZIP64 end record, where there is one."""
    locator = os.pread(file, _LOCATOR.size, at - _LOCATOR.size) if at >= _LOCATOR.size + _END64.size else b""
    if not locator.startswith(b"PK\6\7"):
        return None
    begins = at - _LOCATOR.size - _END64.size
    sign, _, _, _, disk, first_disk, here, count, size, offset = _END64.unpack(os.pread(file, _END64.size, begins))
    _, _, place, disks = _LOCATOR.unpack(locator)
    narrow = zip(end, (count, size, offset), (0xFFFF, _ABSENT, _ABSENT), strict=True)
    agrees = all(one in (other, absent) for one, other, absent in narrow)
    if sign != b"PK\6\6" or place != begins or disks > 1 or disk or first_disk or here != count or not agrees:
        raise BadArchive(_NO_ZIP)
    return begins, _End(count, size, offset)


def _entry(content: bytes, at: int) -> tuple[Entry, int]:
    if len(content) - at < _CENTRAL.size or content[at : at + 4] != b"PK\1\2":
        raise BadArchive("its directory is damaged")
    parts = _CENTRAL.unpack_from(content, at)
    flags, method, crc, packed, size, raw_length, extra_length, comment_length, disk = (*parts[5:7], *parts[9:16])
    names = at + _CENTRAL.size
    after = names + raw_length + extra_length + comment_length
    if after > len(content) or disk not in (0, 0xFFFF):
        raise BadArchive("its directory is damaged")
    raw, extra = content[names : names + raw_length], content[names + raw_length : names + raw_length + extra_length]
    name = _told_beside(raw, extra) or _decoded(raw, flags)
    _refuse_special(name, parts[17], flags)
    size, packed, offset = widened(extra, size, packed, parts[18])
    folder = name.endswith("/")
    if folder and size:
        raise BadArchive(f"{member(name)} is a folder with content")
    return Entry(name, raw, flags, method, crc, packed, size, offset, 0, extra, folder), after


def _decoded(raw: bytes, flags: int) -> str:
    """Return a name: UTF-8, which many write without saying so, else what DOS had."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        if flags & UTF8:
            raise BadArchive("it has a name that is not UTF-8, as it says") from None
        return raw.decode("cp437")


def _told_beside(raw: bytes, extra: bytes) -> str:
    """Return the name that others read instead (4.6.9), where there is one for these bytes."""
    field = extras(extra).get(_UNICODE, b"") if struct.pack("<H", _UNICODE) in extra else b""
    if field[:5] != struct.pack("<BL", 1, zlib.crc32(raw)):
        return ""
    return _decoded(field[5:], UTF8)


def _refuse_special(name: str, attributes: int, flags: int) -> None:
    kind = stat.S_IFMT(attributes >> 16)
    if kind == stat.S_IFLNK:
        raise BadArchive(f"{member(name)} is a symbolic link", "links are not unpacked")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or (kind == stat.S_IFDIR) > name.endswith("/"):
        raise BadArchive(f"{member(name)} is neither a file nor a folder")
    if flags & (_PATCHED | _STRONG | _MASKED):
        raise BadArchive(f"{member(name)} is patched, or encrypted in a way that is not supported")


def extras(extra: bytes) -> dict[int, bytes]:
    """Return the extra fields by their numbers (4.5.1); what is too short for one is padding."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(extra):
        number, length = struct.unpack_from("<2H", extra, at)
        if at + 4 + length > len(extra) or number in found:
            raise BadArchive("its directory is damaged")
        found[number] = extra[at + 4 : at + 4 + length]
        at += 4 + length
    return found


def widened(extra: bytes, *numbers: int) -> list[int]:
    """Return sizes and offset, those that 32 bits do not hold from the ZIP64 field (4.5.3)."""
    if _ABSENT not in numbers:
        return list(numbers)
    wide = extras(extra).get(1, b"")
    if len(wide) < 8 * numbers.count(_ABSENT):
        raise BadArchive("its directory is damaged")
    values = iter(struct.unpack_from(f"<{numbers.count(_ABSENT)}Q", wide))
    return [next(values) if one == _ABSENT else one for one in numbers]


def _measure(entries: list[Entry], meter: Meter) -> None:
    """Refuse what says itself that it is too much; none may give more than it says."""
    for entry in entries:
        meter.content(entry.size)
        meter.unpacked(entry.size)
        meter.ratio(entry.packed, entry.size)


def _limited(entries: list[Entry], end: int) -> list[Entry]:
    """Return the entries with where each one has to end: overlapping ones are how a small file becomes a large one."""
    limits: dict[int, int] = {}
    limit = end
    for offset in sorted((one.offset for one in entries), reverse=True):
        if offset + 30 > limit:
            raise BadArchive("its members overlap")
        limits[offset] = limit
        limit = offset
    if limit:
        raise BadArchive("something lies before its first member")
    return [one._replace(limit=limits[one.offset]) for one in entries]
