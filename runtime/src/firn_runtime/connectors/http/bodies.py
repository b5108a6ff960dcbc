"""An answer's body as it unfolds: never more in memory than is allowed, and whole or an error."""

import zlib
from collections.abc import Callable, Iterable

from firn_runtime.errors import ErrorClass

_PIECE = 256 * 1024
_WINDOW = {"deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS), "gzip": (zlib.MAX_WBITS | 16,)}
"""zlib's words for each content coding; what is called `deflate` comes with or without zlib's own frame."""


class TooLarge(Exception):
    """The decoded body is larger than is allowed."""


class Damaged(Exception):
    """The body cannot be decoded; the text says why."""

    def __init__(self, error_class: ErrorClass, reason: str) -> None:
        super().__init__(reason)
        self.error_class = error_class


def whole(chunks: Iterable[bytes], coding: str, limit: int) -> bytes:
    """Return the decoded body; raise TooLarge beyond `limit` bytes, and Damaged."""
    content = bytearray()
    for piece in chunks if coding in ("", "identity") else _unfolded(chunks, coding):
        content += piece
        if len(content) > limit:
            raise TooLarge
    return bytes(content)


def _unfolded(chunks: Iterable[bytes], coding: str) -> Iterable[bytes]:
    if coding not in _WINDOW:
        raise Damaged("data", "the answer is in a content coding that was not asked for")
    unfold = None
    for chunk in chunks:
        while chunk:
            if unfold is None or (unfold.eof and coding == "gzip"):  # which may have several members (RFC 1952)
                unfold = _decoder(coding, chunk)
            yield from _pieces(unfold, chunk)
            chunk = unfold.unused_data if coding == "gzip" else b""
    if unfold is not None and not unfold.eof:
        raise Damaged("connection", f"the answer's {coding} is cut off")


def _pieces(unfold: "zlib._Decompress", chunk: bytes) -> Iterable[bytes]:
    """Yield what a chunk unfolds to, piece by piece: a thousandth of it may be all that came over the wire."""
    try:
        while chunk and not unfold.eof:
            yield unfold.decompress(chunk, _PIECE)
            chunk = unfold.unconsumed_tail
    except zlib.error:
        raise Damaged("connection", "the answer's compressed body is damaged") from None


def _decoder(coding: str, beginning: bytes) -> "zlib._Decompress":
    make: Callable[[int], zlib._Decompress] = zlib.decompressobj
    framed, *bare = _WINDOW[coding]
    is_framed = not bare or (beginning[0] & 0x0F == 8 and beginning[0] >> 4 <= 7)
    return make(framed if is_framed else bare[0])
