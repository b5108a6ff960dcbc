"""Avro object container files (Avro specification 1.11), read as far as Iceberg's manifests need them.

Values are plain: a record is a dict by the field ids that Iceberg gives (by names where there are none), so that what
one version of its format has renamed is found all the same. Files are outsiders' work: nothing in one makes this module
take more memory than `LARGEST` bytes of content, or run without an end.
"""

import struct
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import orjson

LARGEST = 1 << 26
"""Bytes of the decoded content of one file."""
MOST = 250_000
"""Records of one file: each takes much more room here than there."""
MAGIC = b"Obj\x01"
_DEEPEST = 32

Read = Callable[[bytes, int], tuple[Any, int]]
Key = int | str


class Damaged(Exception):
    """The file is not one that this module reads; the text says why, and quotes nothing of it."""


class File(NamedTuple):
    """What a file holds."""

    metadata: Mapping[str, bytes]
    schema: Any
    records: list[dict[Key, Any]]


def read(content: bytes) -> File:
    """Return what a file holds; raise Damaged."""
    try:
        return _read(content)
    except (IndexError, KeyError, TypeError, ValueError, struct.error, zlib.error, RecursionError):
        raise Damaged("it is damaged, or no Avro file") from None


def _read(content: bytes) -> File:
    if not content.startswith(MAGIC):
        raise Damaged("it is no Avro file")
    metadata, at = _map(_bytes)(content, len(MAGIC))
    schema = orjson.loads(metadata["avro.schema"])
    unfolded = _CODECS.get(metadata.get("avro.codec", b"null"))
    if unfolded is None:
        raise Damaged("it is compressed by another method than `deflate`")
    sync, at = content[at : at + 16], at + 16
    decode, records, left = reader(schema), list[dict[Key, Any]](), LARGEST
    while at < len(content):
        count, at = _long(content, at)
        length, at = _long(content, at)
        if length < 0 or content[at + length : at + length + 16] != sync:
            raise Damaged("it is cut off")
        block = unfolded(content[at : at + length], left)
        at, left = at + length + 16, left - len(block)
        if len(records) + count > MOST:
            raise Damaged(f"it holds more than {MOST:,} records")
        records += _records(decode, block, count)
    return File(metadata, schema, records)


def _records(decode: Read, block: bytes, count: int) -> Iterable[dict[Key, Any]]:
    if not 0 <= count <= len(block):
        raise Damaged("it is damaged")
    place = 0
    for _ in range(count):
        one, place = decode(block, place)
        yield one
    if place != len(block):
        raise Damaged("it is damaged")


def _deflated(block: bytes, most: int) -> bytes:
    unfold = zlib.decompressobj(-zlib.MAX_WBITS)
    found = unfold.decompress(block, most + 1)
    if len(found) > most or not unfold.eof:
        raise Damaged(f"it is damaged, or holds more than {LARGEST >> 20} MiB")
    return found


def _plain(block: bytes, most: int) -> bytes:
    if len(block) > most:
        raise Damaged(f"it holds more than {LARGEST >> 20} MiB")
    return block


_CODECS: dict[bytes, Callable[[bytes, int], bytes]] = {b"deflate": _deflated, b"null": _plain}


def reader(schema: Any, depth: int = 0) -> Read:
    """Return what decodes a value of a schema; raise Damaged for a schema that manifests do not have."""
    if depth > _DEEPEST:
        raise Damaged("its schema is too deep")
    if isinstance(schema, list):
        return _union([reader(one, depth + 1) for one in schema])
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(kind, (dict, list)):
        return reader(kind, depth + 1)
    if kind == "record":
        return _record([(key_of(one), reader(one["type"], depth + 1)) for one in schema["fields"]])
    if kind == "array":
        return _array(reader(schema["items"], depth + 1))
    if kind == "map":
        return _map(reader(schema["values"], depth + 1))
    if kind == "fixed":
        return _fixed(int(schema["size"]))
    if kind not in _READS:
        raise Damaged("its schema has a type that manifests do not have")
    return _READS[kind]


def key_of(field: Mapping[str, Any]) -> Key:
    """Return by what a field of a record is found."""
    found = field.get("field-id", field["name"])
    if not isinstance(found, (int, str)):
        raise Damaged("its schema has a field without a name")
    return found


def _long(content: bytes, at: int) -> tuple[int, int]:
    shift = value = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
        if shift > 63:
            raise Damaged("it holds a number that is too long")


def _bytes(content: bytes, at: int) -> tuple[bytes, int]:
    length, at = _long(content, at)
    if not 0 <= length <= len(content) - at:
        raise Damaged("it is cut off")
    return content[at : at + length], at + length


def _text(content: bytes, at: int) -> tuple[str, int]:
    found, at = _bytes(content, at)
    return found.decode(), at


def _boolean(content: bytes, at: int) -> tuple[bool, int]:
    return content[at] != 0, at + 1


def _packed(form: str) -> Read:
    unpack, size = struct.Struct(form).unpack_from, struct.calcsize(form)
    return lambda content, at: (unpack(content, at)[0], at + size)


def _fixed(size: int) -> Read:
    def decode(content: bytes, at: int) -> tuple[bytes, int]:
        if not 0 <= size <= len(content) - at:
            raise Damaged("it is cut off")
        return content[at : at + size], at + size

    return decode


_READS: dict[str, Read] = {
    "boolean": _boolean,
    "bytes": _bytes,
    "double": _packed("<d"),
    "float": _packed("<f"),
    "int": _long,
    "long": _long,
    "null": lambda _, at: (None, at),
    "string": _text,
}


def _union(members: list[Read]) -> Read:
    def decode(content: bytes, at: int) -> tuple[Any, int]:
        which, at = _long(content, at)
        if not 0 <= which < len(members):
            raise Damaged("it is damaged")
        return members[which](content, at)

    return decode


def _record(fields: list[tuple[Key, Read]]) -> Read:
    def decode(content: bytes, at: int) -> tuple[dict[Key, Any], int]:
        found: dict[Key, Any] = {}
        for key, one in fields:
            found[key], at = one(content, at)
        return found, at

    return decode


def _counted(content: bytes, at: int) -> tuple[int, int]:
    """Return how many items a block of an array or map has: no more than there are bytes left."""
    count, at = _long(content, at)
    if count < 0:
        count, (_, at) = -count, _long(content, at)
    if count > len(content) - at:
        raise Damaged("it is cut off")
    return count, at


def _array(item: Read) -> Read:
    def decode(content: bytes, at: int) -> tuple[list[Any], int]:
        found: list[Any] = []
        count, at = _counted(content, at)
        while count:
            for _ in range(count):
                before = at
                one, at = item(content, at)
                if at == before:  # items without a byte would be as many as the file likes
                    raise Damaged("it is damaged")
                found.append(one)
            count, at = _counted(content, at)
        return found, at

    return decode


def _map(value: Read) -> Read:
    def entry(content: bytes, at: int) -> tuple[tuple[str, Any], int]:
        key, at = _text(content, at)
        one, at = value(content, at)
        return (key, one), at

    entries = _array(entry)

    def decode(content: bytes, at: int) -> tuple[dict[str, Any], int]:
        found, at = entries(content, at)
        return dict(found), at

    return decode
