"""Standard output and error that mask what a library prints; what it writes to the descriptor itself goes past them."""

from _thread import RLock
from typing import Any

from firn_runtime.redaction.stream import ByteStream, Mask, TextStream


class MaskedText:
    """Stands in the place of `sys.stdout`; a line is held until it ends or is flushed, as line buffering does."""

    def __init__(self, inner: Any, mask: Mask) -> None:
        self.inner = inner
        self._stream = TextStream(mask)
        self._mask = mask
        self._lock = RLock()
        self._buffer: MaskedBuffer | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    @property
    def buffer(self) -> Any:
        """Return the binary layer below, masked too; AttributeError where there is none."""
        if self._buffer is None:
            self._buffer = MaskedBuffer(self.inner.buffer, self._mask)
        return self._buffer

    def write(self, text: str) -> int:
        """Write the lines that are complete."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        with self._lock:
            ready = self._stream.feed(text)
            if ready:
                self.inner.write(ready)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each of them."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write what was held, too."""
        with self._lock:
            rest = self._stream.flush()
            if rest:
                self.inner.write(rest)
            if self._buffer is not None:
                self._buffer.flush()
            self.inner.flush()

    def __enter__(self) -> "MaskedText":
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()

    def __iter__(self) -> Any:
        return iter(self.inner)


class MaskedBuffer:
    """Stands in the place of `sys.stdout.buffer`."""

    def __init__(self, inner: Any, mask: Mask) -> None:
        self.inner = inner
        self._stream = ByteStream(mask)
        self._lock = RLock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def write(self, content: Any) -> int:
        """Write the lines that are complete."""
        octets = bytes(memoryview(content))  # a text is refused, as by every binary stream
        with self._lock:
            ready = self._stream.feed(octets)
            if ready:
                self.inner.write(ready)
        return len(octets)

    def flush(self) -> None:
        """Write what was held, too."""
        with self._lock:
            rest = self._stream.flush()
            if rest:
                self.inner.write(rest)
            self.inner.flush()
