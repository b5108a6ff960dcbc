"""Which of many files are laid out alike, told by a look at their heads: only one of each has to be described."""

import re
from collections.abc import Iterable
from pathlib import Path

from firn_runtime.connectors.files.dataset import Found
from firn_runtime.engine import Session
from firn_runtime.identifiers import literal
from firn_schemas.steps.data import FormatOptions

_HEADER = 1 << 16
"""Bytes of a header that are compared, at most."""
_WILD = re.compile(r"[*?[]")
"""What would be a pattern again to the engine."""


def layouts(session: Session, found: Found, options: FormatOptions) -> list[str]:
    """Return the name of the first file of each layout, in order; two that are alike may both be there."""
    first: dict[object, str] = {}
    if found.format.kind == "parquet":
        names = dict(zip(map(str, found.files), found.names, strict=True))
        described = f"SELECT file_name, list((name, type, num_children)) FROM parquet_schema({listed(found.files)})"
        for file, layout in sorted(session.execute(f"{described} GROUP BY file_name")):
            first.setdefault(str(layout), names[file])
        return list(first.values())
    if found.format.compression != "uncompressed" or options.encoding == "utf-16":
        return list(found.names)  # a byte of a line's end may be anything there
    for name, file in zip(found.names, found.files, strict=True):
        first.setdefault(_header(file, options.quote.encode()) or name, name)
    return list(first.values())


def _header(file: Path, quote: bytes) -> bytes:
    """Return the first line of a CSV file; none where a quoted name may go on in the next, or it is too long."""
    with open(file, "rb") as opened:
        line = opened.readline(_HEADER)
    return line if line.endswith(b"\n") and not (quote and quote in line) else b""


def listed(files: Iterable[Path]) -> str:
    """Return the engine's list of files that are called just so."""
    return "[" + ", ".join(literal(_WILD.sub(r"[\g<0>]", str(file))) for file in files) + "]"
