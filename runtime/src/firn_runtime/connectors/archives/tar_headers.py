"""The headers of a tar archive: POSIX.1-2017 (`pax`, "ustar Interchange Format"), and GNU's long names.

`tarfile` reads a header of any size into memory, and follows links and holes; here only files and folders pass.
"""

from collections.abc import Iterator
from typing import NamedTuple

from firn_runtime.connectors.archives.bad import CUT_OFF, BadArchive, member
from firn_runtime.connectors.archives.meter import Meter
from firn_runtime.connectors.archives.streams import Reader

_BLOCK = 512
_LARGEST_HEADER = 1024 * 1024
"""Bytes of one extended header; names, which are all that is used of it, are much shorter."""
_SPECIAL = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a FIFO",
    b"K": "a link",
    b"S": "a file with holes",
}
_DAMAGED = "a header is damaged"


class Member(NamedTuple):
    """A file or folder; its data comes next."""

    name: str
    size: int
    folder: bool


def members(reader: Reader, meter: Meter) -> Iterator[Member]:
    """Yield the members. The caller takes as much of each one's data as it wants before it goes on."""
    told: dict[str, str] = {}
    while (block := _block(reader)).strip(b"\0"):
        kind, size = _checked(block), _number(block[124:136])
        if kind in b"xgL":
            said = _extended(kind, _header(reader, size))
            if said.keys() & told.keys() or (kind == b"g" and said):
                raise BadArchive("several headers describe one member")
            meter.member(kind == b"g")
            told |= said
            continue
        meter.member()
        found = _member(block, kind, size, told)
        told = {}
        begin = reader.position
        yield found
        reader.skip(begin + _padded(found.size) - reader.position)
    if told:
        raise BadArchive(_DAMAGED)
    for piece in reader.rest():
        if bytes(piece).strip(b"\0"):
            raise BadArchive("something comes after its end")
    if reader.position % _BLOCK:  # what the last member lacks was taken from the zero bytes behind it
        raise BadArchive(CUT_OFF)


def _block(reader: Reader) -> bytes:
    """Return the next block; what ends before its first one may be anything, such as one compressed file."""
    first = not reader.position
    try:
        return reader.take(_BLOCK)
    except BadArchive as bad:
        raise BadArchive("it is no tar archive, or is cut off") if first and bad.reason == CUT_OFF else bad from None


def _checked(block: bytes) -> bytes:
    """Return the type of a header whose checksum is right."""
    if _number(block[148:156]) != sum(block) - sum(block[148:156]) + 8 * ord(" "):
        raise BadArchive("it is no tar archive, or a header is damaged")
    return block[156:157]


def _number(field: bytes) -> int:
    """Return a number in octal digits, or in GNU's binary form."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big") ^ (0x80 << 8 * (len(field) - 1))
        if value >= 1 << 62:
            raise BadArchive(_DAMAGED)
        return value
    digits = field.strip(b" \0")
    if not digits:
        return 0
    if digits.strip(b"01234567"):
        raise BadArchive(_DAMAGED)
    return int(digits, 8)


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _header(reader: Reader, size: int) -> bytes:
    if size > _LARGEST_HEADER:
        raise BadArchive(f"it has a header of {size:,} bytes")
    return reader.take(_padded(size))[:size]


def _extended(kind: bytes, content: bytes) -> dict[str, str]:
    """Return what an extended header says that is used: path and size; and that it was there."""
    if kind == b"L":
        return {"path": _text(content.rstrip(b"\0")), "L": ""}
    said = dict(_records(content))
    if any(key.startswith("GNU.sparse") for key in said):
        raise BadArchive("it holds a file with holes")
    used = {key: value for key, value in said.items() if key in ("path", "size")}
    return used if kind == b"g" else used | {"x": ""}


def _records(content: bytes) -> Iterator[tuple[str, str]]:
    """Yield the records of a pax header, each `LENGTH KEY=VALUE` and the end of a line."""
    at = 0
    while at < len(content):
        length, _, _ = content[at : at + 20].partition(b" ")
        end = at + int(length) if length.isdigit() else at
        record = content[at + len(length) + 1 : end]
        key, sign, value = record.partition(b"=")
        if end > len(content) or not sign or not value.endswith(b"\n"):
            raise BadArchive(_DAMAGED)
        name = key.decode(errors="replace")
        yield name, _text(value[:-1]) if name in ("path", "size") else ""
        at = end


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise BadArchive("it has a name that is not UTF-8") from None


def _member(block: bytes, kind: bytes, size: int, told: dict[str, str]) -> Member:
    name = told["path"] if "path" in told else _name(block)
    if "size" in told:
        if not (told["size"].isascii() and told["size"].isdigit() and len(told["size"]) < 19):
            raise BadArchive(_DAMAGED)
        size = int(told["size"])
    if kind not in (b"0", b"\0", b"7", b"5"):
        help = "links are not unpacked" if kind in b"12K" else ""
        raise BadArchive(f"{member(name)} is {_SPECIAL.get(kind, 'neither a file nor a folder')}", help)
    folder = kind == b"5" or name.endswith("/")
    if folder and size:
        raise BadArchive(f"{member(name)} is a folder with content")
    return Member(name.removeprefix("./"), size, folder)


def _name(block: bytes) -> str:
    """Return the name in the header itself; only POSIX's form has the field for its beginning."""
    name, prefix = (block[begin:end].partition(b"\0")[0] for begin, end in ((0, 100), (345, 500)))
    posix = block[257:263] == b"ustar\0"
    return _text(prefix + b"/" + name if posix and prefix else name)
