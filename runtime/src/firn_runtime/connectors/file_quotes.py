"""Whether CSV files end outside of quotes: a last field that does not is dropped by the engine's careful reading."""

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from firn_runtime.cancel import current
from firn_runtime.connectors.file_formats import Format, delimiter
from firn_schemas.steps.data import FormatOptions

_LONGEST = 1 << 24
"""Characters of one field."""
_ROWS = 1 << 14
"""Rows between two looks at whether the step shall end."""


def all_closed(files: Sequence[Path], format: Format, options: FormatOptions) -> bool:
    """Return whether every file can be cut into rows from its beginning to its end; bounded memory, 50 MB a second."""
    return format.compression in ("uncompressed", "gzip") and all(_is_closed(one, format, options) for one in files)


def _is_closed(file: Path, format: Format, options: FormatOptions) -> bool:
    before = csv.field_size_limit(_LONGEST)
    try:
        with _opened(file, format, options) as text:
            doubled = options.escape == options.quote
            rows = csv.reader(
                text,
                delimiter=delimiter(file.name, options),
                quotechar=options.quote,
                doublequote=doubled,
                escapechar=None if doubled else options.escape,
                strict=True,
            )
            for count, _ in enumerate(rows):
                if count % _ROWS == 0:
                    current().check()
    except (csv.Error, TypeError, ValueError, OSError, EOFError):
        return False
    finally:
        csv.field_size_limit(before)
    return True


def _opened(file: Path, format: Format, options: FormatOptions) -> TextIO:
    """Open a file as text; what is no text of its encoding is for the engine to tell."""
    if format.compression == "gzip":
        return gzip.open(file, "rt", encoding=options.encoding, errors="replace", newline="")
    return file.open("r", encoding=options.encoding, errors="replace", newline="")
