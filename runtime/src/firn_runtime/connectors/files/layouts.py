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
    if found.format.kind == "parquet":
        return [names[0] for names in alike(session, found)]
    first: dict[bytes | str, str] = {}
    if found.format.compression != "uncompressed" or options.encoding == "utf-16":
        return list(found.names)  # a byte of a line's end may be anything there
    for name, file in zip(found.names, found.files, strict=True):
        first.setdefault(_header(file, options.quote.encode()) or name, name)
    return list(first.values())


def alike(session: Session, found: Found) -> list[list[str]]:
    """Return the names of Parquet files of each layout, in order: all of them have the same columns of the same types.

    Decimals of other digits, and whole numbers without a sign, may be stored as the same type.
    """
    names = dict(zip(map(str, found.files), found.names, strict=True))
    told = "name, type, num_children, converted_type, precision, scale, logical_type"
    described = f"SELECT file_name, list(({told})) FROM parquet_schema({listed(found.files)}) GROUP BY file_name"
    of_a_layout: dict[str, list[str]] = {}
    for file, layout in sorted(session.execute(described)):
        of_a_layout.setdefault(str(layout), []).append(names[file])
    return list(of_a_layout.values())


def _header(file: Path, quote: bytes) -> bytes:
    """Return the first line of a CSV file; none where a quoted name may go on in the next, or it is too long."""
    with open(file, "rb") as opened:
        line = opened.readline(_HEADER)
    return line if line.endswith(b"\n") and not (quote and quote in line) else b""


def listed(files: Iterable[Path]) -> str:
    """Return the engine's list of files that are called just so."""
    return "[" + ", ".join(literal(_WILD.sub(r"[\g<0>]", str(file))) for file in files) + "]"
