"""Whether lines of CSV files are longer than what a thread of the engine reads at a time.

Where threads share a file, the engine leaves its last row out without a word if that row, outside of quotes, is longer
than two such pieces.
"""

import gzip
from pathlib import Path

from firn_runtime.cancel import current

_PIECE = 1 << 21


def has_long_line(file: Path, compression: str) -> bool:
    """Return whether a line may be longer than a piece; one of two pieces is found wherever it begins.

    Of a file that is not compressed, hardly more than a page of each piece is read. zstd is not decoded here.
    """
    with gzip.open(file) if compression == "gzip" else file.open("rb") as opened:
        start = 0
        while line := opened.readline(_PIECE):
            if len(line) == _PIECE:
                return True
            current().check()
            start += _PIECE
            opened.seek(start)
    return False
