"""Rows that a server spelled as CSV, in a file of the workspace, as the engine reads them."""

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from firn_runtime.identifiers import literal

NULL = "\\N"
"""NULL in CSV; a text that reads so is quoted."""
MOST = 100_001
"""One row more than a `query` step may ask for."""
_ROW = 1 << 25
"""Bytes of one row in CSV, at most: the engine's own 2 MB are less than what people keep in a document."""
_BLOCK = 1 << 20


def opened(file: Path) -> BinaryIO:
    """Open a spool to be filled, as a file of its own; raise OSError.

    A session that was paused past its lease may have one of this name open, and write on when it wakes.
    """
    file.unlink(missing_ok=True)
    return file.open("xb", buffering=_BLOCK)


def scan(file: Path, types: Mapping[str, str], values: Mapping[str, str], quote: str = '"') -> str:
    """Return the rows of a file: its columns in order with what each is read as, and what each is selected as.

    The engine would take a carriage return in a text for the end of a line, were it not told what ends one.
    """
    columns = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in types.items())
    spelled = (
        f"""new_line = '\\n', delim = ',', quote = {literal(quote)}, escape = {literal(quote)}, nullstr = '{NULL}'"""
    )
    options = f"auto_detect = false, header = false, allow_quoted_nulls = false, {spelled}"
    return (
        f"(select {', '.join(values.values())} from read_csv({literal(str(file))}, {options}, "
        f"max_line_size = {_ROW}, buffer_size = {_ROW}, columns = {{{columns}}}))"
    )
