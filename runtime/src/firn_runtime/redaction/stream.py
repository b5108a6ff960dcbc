"""Masks what comes in chunks: only whole lines are given on, so that a secret split between two chunks is seen."""

from codecs import getincrementaldecoder
from typing import Protocol

LONGEST_LINE = 64 * 1024
"""Characters that are held back where no line ends; of more, about half is given on."""

_Decoder = getincrementaldecoder("utf-8")


class Mask(Protocol):
    """What masks: one redactor, or all that guard the process."""

    def text(self, text: str) -> str:
        """Return the text with every secret masked."""

    def places(self, text: str) -> list[tuple[int, int]]:
        """Return where secrets are in the text, as (start, end)."""


class TextStream:
    """Holds back the last, unfinished line until it ends, `flush` is called or it is too long."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held: list[str] = []
        self._size = 0

    def feed(self, chunk: str) -> str:
        """Return what can be given on, masked."""
        self._held.append(chunk)
        self._size += len(chunk)
        ended = "\n" in chunk or "\r" in chunk
        if not ended and self._size <= LONGEST_LINE:
            return ""
        text = "".join(self._held)
        cut = max(text.rfind("\n"), text.rfind("\r")) + 1 if ended else self._seam(text)
        self._held, self._size = [text[cut:]], len(text) - cut
        return self._mask.text(text[:cut])

    def flush(self) -> str:
        """Return what was held back, masked."""
        text = "".join(self._held)
        self._held, self._size = [], 0
        return self._mask.text(text)

    def _seam(self, text: str) -> int:
        """Return a place near the middle that is inside no secret."""
        cut = len(text) // 2
        for start, end in sorted(self._mask.places(text), reverse=True):
            if start < cut < end:
                cut = start or end
        return cut


class ByteStream:
    """The same for the output of a process; bytes that are not UTF-8 stay as they are."""

    def __init__(self, mask: Mask) -> None:
        self._text = TextStream(mask)
        self._decoder = _Decoder("surrogateescape")

    def feed(self, chunk: bytes) -> bytes:
        """Return what can be given on, masked."""
        return self._text.feed(self._decoder.decode(chunk)).encode("utf-8", "surrogateescape")

    def flush(self) -> bytes:
        """Return what was held back, masked."""
        rest = self._text.feed(self._decoder.decode(b"", final=True)) + self._text.flush()
        self._decoder.reset()
        return rest.encode("utf-8", "surrogateescape")
