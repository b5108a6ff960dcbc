"""Avro object container files, written as Iceberg's manifests are: the other half of `avro`."""

import os
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from firn_runtime.connectors.iceberg.avro import MAGIC, Key, key_of

Write = Callable[[bytearray, Any], None]
_BLOCK = 1 << 20
"""Bytes of records in one block, about."""


def written(schema: Any, metadata: Mapping[str, str | bytes], records: Iterable[Mapping[Key, Any]]) -> bytes:
    """Return a file, compressed by `deflate`."""
    sync, encode, content = os.urandom(16), writer(schema), bytearray(MAGIC)
    known = {**metadata, "avro.schema": orjson.dumps(schema), "avro.codec": b"deflate"}
    _put_map(_put_bytes)(content, {name: one.encode() if isinstance(one, str) else one for name, one in known.items()})
    content += sync
    block, count = bytearray(), 0
    for record in records:
        encode(block, record)
        count += 1
        if len(block) > _BLOCK:
            _put_block(content, block, count, sync)
            block, count = bytearray(), 0
    if count:
        _put_block(content, block, count, sync)
    return bytes(content)


def _put_block(content: bytearray, block: bytearray, count: int, sync: bytes) -> None:
    fold = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    folded = fold.compress(bytes(block)) + fold.flush()
    _put_long(content, count)
    _put_bytes(content, folded)
    content += sync


def writer(schema: Any) -> Write:
    """Return what encodes a value of a schema that `reader` takes."""
    if isinstance(schema, list):
        return _put_union([(one == "null", writer(one)) for one in schema])
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(kind, (dict, list)):
        return writer(kind)
    if kind == "record":
        return _put_record([(key_of(one), writer(one["type"])) for one in schema["fields"]])
    if kind == "array":
        return _put_array(writer(schema["items"]))
    if kind == "map":
        return _put_map(writer(schema["values"]))
    return _put_raw if kind == "fixed" else _WRITES[kind]


def _put_long(out: bytearray, value: int) -> None:
    left = (value << 1) ^ (value >> 63)
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)


def _put_bytes(out: bytearray, value: bytes) -> None:
    _put_long(out, len(value))
    out += value


def _put_text(out: bytearray, value: str) -> None:
    _put_bytes(out, value.encode())


def _put_raw(out: bytearray, value: bytes) -> None:
    out += value


def _put_packed(form: str) -> Write:
    def encode(out: bytearray, value: float) -> None:
        out += struct.pack(form, value)

    return encode


_WRITES: dict[str, Write] = {
    "boolean": lambda out, value: out.append(bool(value)),
    "bytes": _put_bytes,
    "double": _put_packed("<d"),
    "float": _put_packed("<f"),
    "int": _put_long,
    "long": _put_long,
    "null": lambda *_: None,
    "string": _put_text,
}


def _put_union(members: list[tuple[bool, Write]]) -> Write:
    """A union of Iceberg's is null and one other."""
    nothing = next((at for at, (is_null, _) in enumerate(members) if is_null), -1)
    other, encode = next((at, one) for at, (is_null, one) in enumerate(members) if not is_null)

    def put(out: bytearray, value: Any) -> None:
        _put_long(out, nothing if value is None else other)
        if value is not None:
            encode(out, value)

    return put


def _put_record(fields: list[tuple[Key, Write]]) -> Write:
    def put(out: bytearray, value: Mapping[Key, Any]) -> None:
        for key, encode in fields:
            encode(out, value.get(key))

    return put


def _put_array(item: Write) -> Write:
    def put(out: bytearray, value: list[Any]) -> None:
        if value:
            _put_long(out, len(value))
            for one in value:
                item(out, one)
        _put_long(out, 0)

    return put


def _put_map(value: Write) -> Write:
    def put(out: bytearray, found: Mapping[str, Any]) -> None:
        if found:
            _put_long(out, len(found))
            for key, one in found.items():
                _put_text(out, key)
                value(out, one)
        _put_long(out, 0)

    return put
