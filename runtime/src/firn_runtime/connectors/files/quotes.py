"""Whether CSV files can be read from several places at a time, and whether they can be cut into rows at all.

The engine's threads begin in the middle of a file and guess where a row begins: in quotes, in delimiters of several
bytes and in long rows they may guess wrong, and change or leave out rows without a word. One thread does not guess, but
leaves out a last field whose quotes are never closed, and a last row that is longer than its buffer. In quotes every
escape is left out, also one that is text itself, as in `"C:\\new"`, or stands for a sign, as in `"\\t"`.
"""

import gzip
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from firn_runtime.cancel import current
from firn_runtime.connectors.files.formats import Format, delimiter
from firn_runtime.errors import ConnectorError
from firn_schemas.steps.data import FormatOptions

_PIECE = 1 << 17
"""Characters that are looked at together: at most half a megabyte."""
_SHORT = 1 << 20
"""Bytes of a row that every thread gets hold of, wherever it begins."""
_BUFFER = 1 << 24
_LONGEST = _BUFFER - 4 * _PIECE
"""Bytes of a row, as they are counted when a piece ends within it."""
_BEFORE = 8
"""Characters that are kept of what was looked at: a delimiter and a space."""
_DOUBLED = (
    "have an escape that is text itself written twice, or read the lines as they are, and take them apart by `sql`"
)
_HELP = "`format_options` of the read names its `quote`, `escape` and `delimiter`"


def is_ambiguous(name: str, pieces: Iterable[str], options: FormatOptions) -> bool:
    """Return whether only one thread can cut a file into rows; raise ConnectorError where none can.

    `pieces` are its text. They are looked at one after the other.
    """
    between = delimiter(name, options)
    fields, is_wide, is_quoted = _fields(between, options), len(between.encode()) > 1, False
    text, at, row, line, size, is_escaped, ambiguous = "\n", 1, 1, 1, 0, False, is_wide
    for piece in pieces:
        current().check()
        left, is_open = max(0, row - _BEFORE), is_quoted and _is_open(text, at, options.quote)
        text, at, row, size = text[left:] + piece, at - left, row - left, size + len(piece.encode())
        has_quote = bool(options.quote and options.quote in piece)
        is_quoted = is_quoted or has_quote
        end = at if is_open else len(text)
        if is_quoted and (has_quote or not is_open) and (found := fields.match(text, at)):
            end, row = found.end(), max(row, found.end("end"))
            is_escaped = is_escaped or found["escaped"] is not None
            _refuse_lost(name, found, line)
        elif not is_quoted:
            row = max(row, text.rfind("\n") + 1, text.rfind("\r") + 1)
        line, at = line + _lines(text[at:end]), end
        longest = len(text[row:].encode())
        if longest > _LONGEST:
            raise ConnectorError("data", f"`{name}` has a row of more than 16 MB, or quotes not closed, in line {line}")
        ambiguous = ambiguous or is_quoted or longest > _SHORT
    last = fields.match(text + "\n", at) if is_quoted else None
    if last:
        _refuse_lost(name, last, line)
    if last and last.end() <= len(text):
        said = f"`{name}` has quotes that are not closed, or that more than a delimiter follows, from line {line} on"
        raise ConnectorError("data", said, _HELP)
    if is_wide and is_escaped and size > _BUFFER:
        said = f"`{name}` has quotes within fields and a delimiter of several bytes, which is read up to 16 MB alone"
        raise ConnectorError("data", said, "have it written with a delimiter of one byte, or in smaller files")
    return ambiguous


def _refuse_lost(name: str, found: re.Match[str], line: int) -> None:
    """Raise ConnectorError for an escape that the engine would leave out: `found` are fields that begin in `line`."""
    at = found.start("lost") if "lost" in found.re.groupindex else -1
    if at >= 0:
        line += _lines(found.string[found.pos : at])
        said = f"`{name}` has an escape before a letter or digit in line {line}, which would be lost"
        raise ConnectorError("data", said, _DOUBLED)


def _is_open(text: str, at: int, quote: str) -> bool:
    """Return whether a field that begins at `at` goes on until there is another quote: to look before is in vain."""
    tail = text[max(at + 1, len(text) - _BEFORE) :]
    return quote not in tail and tail.strip(" ") != ""


def _lines(text: str) -> int:
    return max(text.count("\n"), text.count("\r"))


def _fields(delimiter: str, options: FormatOptions) -> re.Pattern[str]:
    """Return what matches fields, of those in quotes only whole ones; the engine allows for a space before these."""
    quote, escape, between = re.escape(options.quote), re.escape(options.escape), re.escape(delimiter)
    plain = f"[^{quote}{escape}]*+"
    escaped = quote * 2 if escape == quote else rf"{escape}(?:(?P<lost>\w)|[\s\S])" if escape else r"\b\B"
    begins = [r"[\r\n]", between, r"[\r\n] ", f"{between} "]
    opening = "|".join(f"(?<={one})" for one in begins)
    elsewhere = "".join(f"(?<!{one})" for one in begins)
    field = rf"(?:{opening}){quote}{plain}(?:(?P<escaped>{escaped}){plain})*{quote}(?= *(?:{between}|[\r\n]))"
    return re.compile(rf"(?:[^{quote}\r\n]+|(?P<end>[\r\n])|{field}|{elsewhere}{quote})*")


def pieces(file: Path, format: Format, options: FormatOptions) -> Iterator[str]:
    """Yield the text of a file that is not compressed, or by gzip, without a byte order mark."""
    with _opened(file, format, "utf-16-le" if options.encoding == "utf-16" else options.encoding) as text:
        piece = text.read(_PIECE).removeprefix("\ufeff")
        while piece:
            yield piece
            piece = text.read(_PIECE)


def _opened(file: Path, format: Format, encoding: str) -> TextIO:
    """Open a file as text; what is no text of its encoding is for the engine to tell."""
    if format.compression == "gzip":
        return gzip.open(file, "rt", encoding=encoding, errors="replace", newline="")
    return file.open("r", encoding=encoding, errors="replace", newline="")
