"""An answer's body as it unfolds: never more in memory than is allowed, and whole or an error."""

import zlib
from collections.abc import Callable, Iterable

from firn_runtime.errors import ConnectorError

_PIECE = 256 * 1024
_WINDOW = {"deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS), "gzip": (zlib.MAX_WBITS | 16,)}
"""zlib's words for each content coding; what is called `deflate` comes with or without zlib's own frame."""


def whole(chunks: Iterable[bytes], coding: str, limit: int, name: str) -> bytes:
    """Return a call's decoded body; raise ConnectorError beyond `limit` bytes, and where it is damaged or cut off."""
    content = bytearray()
    for piece in chunks if coding in ("", "identity") else _unfolded(chunks, coding, name):
        content += piece
        if len(content) > limit:
            raise ConnectorError(
                "data", f"{name}: the answer is larger than `max_response_bytes`", f"it is {limit:,} bytes"
            )
    return bytes(content)


def _unfolded(chunks: Iterable[bytes], coding: str, name: str) -> Iterable[bytes]:
    if coding not in _WINDOW:
        raise ConnectorError("data", f"{name}: the answer is in a content coding that was not asked for")
    unfold = None
    for chunk in chunks:
        unfold = unfold or _decoder(coding, chunk)
        yield from _pieces(unfold, chunk, name)
    if unfold is not None and not unfold.eof:
        raise ConnectorError("connection", f"{name}: the answer's {coding} is cut off")


def _pieces(unfold: "zlib._Decompress", chunk: bytes, name: str) -> Iterable[bytes]:
    """Yield what a chunk unfolds to, piece by piece: a thousandth of it may be all that came over the wire."""
    try:
        while chunk and not unfold.eof:
            yield unfold.decompress(chunk, _PIECE)
            chunk = unfold.unconsumed_tail
    except zlib.error:
        raise ConnectorError("connection", f"{name}: the answer's compressed body is damaged") from None


def _decoder(coding: str, beginning: bytes) -> "zlib._Decompress":
    make: Callable[[int], zlib._Decompress] = zlib.decompressobj
    framed, *bare = _WINDOW[coding]
    is_framed = not bare or (beginning[0] & 0x0F == 8 and beginning[0] >> 4 <= 7)
    return make(framed if is_framed else bare[0])
