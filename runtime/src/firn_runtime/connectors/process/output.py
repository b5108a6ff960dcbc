"""What a program says on one of its two ways out: its first lines, its last one, and whether a text was in it.

Only whole lines are kept: a secret that was cut in two would not be recognised, and so not masked.
"""

import orjson

KEPT = 16 * 1024
"""Bytes of JSON that are kept at most, of what a person looks at."""

_TAIL = 4096
_LINE = 300
"""Characters of a last line that is worth showing."""

_UNSEEN = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n\r"}
"""Control characters: a terminal would obey them, and JSON spells each of them with six."""


class Output:
    """Takes any amount of bytes, and holds few of them."""

    def __init__(self, limit: int, marker: str | None) -> None:
        self.marker_seen = False
        self._limit = min(limit, KEPT)
        self._marker = marker.encode() if marker is not None else None
        self._head, self._tail, self._size = bytearray(), b"", 0

    def take(self, chunk: bytes) -> None:
        """Hear the next bytes."""
        self._size += len(chunk)
        self._head += chunk[: self._limit - len(self._head)]
        recent = self._tail + chunk
        self.marker_seen = self.marker_seen or (self._marker is not None and self._marker in recent)
        self._tail = recent[-max(_TAIL, len(self._marker or b"")) :]

    def text(self) -> str:
        """Return as many of the first lines as are kept, and how many bytes were left out."""
        kept, room, left_out = [], KEPT, self._size
        for line in self._whole_lines():
            text = _readable(line)
            room -= len(orjson.dumps(text)) - 2
            if room < 0:
                break
            kept.append(text)
            left_out -= len(line)
        return "".join(kept) + (f"[{left_out:,} bytes left out]" if left_out else "")

    def last_line(self) -> str:
        """Return the last line that says something; nothing where it is too long to be shown whole."""
        lines = self._tail.strip().splitlines()
        whole = len(lines) > 1 or len(self._tail) == self._size
        line = _readable(lines[-1]).strip() if lines and whole else ""
        return line if len(line) <= _LINE else ""

    def _whole_lines(self) -> list[bytes]:
        lines = bytes(self._head).splitlines(keepends=True)
        return lines if len(self._head) == self._size or self._head.endswith(b"\n") else lines[:-1]


def _readable(line: bytes) -> str:
    return line.decode("utf-8", "replace").translate(_UNSEEN)
