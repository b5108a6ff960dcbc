"""Whether a CSV file is of the ordinary kind, in which every line end is the end of a row: told by a look at its bytes.

In such a file a thread that begins anywhere finds the next row. Any other file is looked at letter by letter.
"""

from pathlib import Path

from firn_runtime.cancel import current
from firn_runtime.connectors.files.formats import delimiter
from firn_schemas.steps.data import FormatOptions

_BLOCK = 1 << 19
"""Bytes in which a row ends at least once: none is longer than two of them."""


def is_plain(file: Path, options: FormatOptions) -> bool:
    """Return whether no quotes of a file that is not compressed hold a line end, and all of its rows are short.

    Of a block only quotes and line ends are left. Those of a row stand side by side then, and are even in number where
    all are closed in it.
    """
    between, quote, escape = (one.encode() for one in (delimiter(file.name, options), options.quote, options.escape))
    if options.encoding == "utf-16" or max(len(between), len(quote), len(escape)) > 1:
        return False
    others = bytes(set(range(256)) - {*quote, *b"\r\n"})
    left = b""
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK):
            current().check()
            has_quote = bool(quote) and quote in block
            if (len(block) == _BLOCK and b"\n" not in block and b"\r" not in block) or (
                has_quote and escape != quote and escape in block
            ):
                return False
            if has_quote or left:
                left = (left + block.translate(None, others)).replace(quote * 2, b"")
                if quote in left.rstrip(quote):
                    return False
                left = left[len(left.rstrip(quote)) :]
    return not left
