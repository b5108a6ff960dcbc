"""Texts that zstd has compressed, with a line end: without one the engine leaves out a last line that is too long."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from firn_runtime.cancel import current

_PIECE = 1 << 20
_LINE_END = bytes.fromhex("28b52ffd 2001 090000") + b"\n"
"""A frame of one byte in one raw block (RFC 8878, section 3.1.1): frames one after the other are one text."""


@contextmanager
def ending_in_a_line(file: Path, folder: Path) -> Iterator[Path]:
    """Lend a copy of a compressed file of the same name, below `folder`, whose text ends with a line end."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as made:
        copied = Path(made) / file.name
        with file.open("rb") as source, copied.open("wb") as target:
            while piece := source.read(_PIECE):
                current().check()
                target.write(piece)
            target.write(_LINE_END)
        yield copied
