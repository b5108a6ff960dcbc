"""What the engine reads of CSV files: by several threads, and by one where these could cut rows wrong.

A type that was detected holds for every row: the engine by itself would round what it took for whole numbers.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from firn_runtime.connectors.files.dataset import Found
from firn_runtime.connectors.files.formats import delimiter, null_values
from firn_runtime.connectors.files.plain import is_plain
from firn_runtime.connectors.files.selects import (
    format_options,
    in_order,
    list_of,
    misspelt,
    of_the_files,
    partition_options,
    place_of,
    scan_of,
    struct_of,
    types_of,
)
from firn_runtime.connectors.files.zstd import ending_in_a_line
from firn_runtime.connectors.values.made import mark_for, valued
from firn_runtime.connectors.values.projection import projected, sql_type
from firn_runtime.connectors.values.texts import from_csv, is_text_first
from firn_runtime.engine import Relation, Session
from firn_runtime.engine.errors import is_unlike
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier, literal
from firn_schemas.steps.data import FormatOptions, ReadInputs

_ROW, _QUICK_ROW = 1 << 24, 1 << 21
"""Bytes of one row of CSV, at most: the engine's own 2 MB are less than what people keep in a text, and buffers of more
than 16 MB do not fit in 100 MB of memory. A file is read with the lower limit first: it is also what a thread reads at
a time, and more rows at a time than a row group holds make a DuckDB file be written twice."""
_QUICK = (f"max_line_size = {_QUICK_ROW}", f"buffer_size = {_QUICK_ROW}")
_CAREFUL = (f"max_line_size = {_ROW}", f"buffer_size = {_ROW}")
_ALONE = ("parallel = false",)
"""One thread that begins at the beginning never takes a line of a quoted field for a row, and tells every row that is
too long; but it leaves out a last field whose quotes are not closed."""

_CSV_FIXED = (
    "strict_mode = true",
    "null_padding = false",
    "ignore_errors = false",
    "skip = 0",
    "comment = ''",
    "dateformat = '%Y-%m-%d'",
)
"""What the engine would otherwise guess: lines to leave out, missing fields, the order of day and month."""

_WHOLE = _QUICK_ROW // 2
"""Bytes of a file that one thread reads, whatever its encoding: UTF-8 may take twice as many."""
_NO_DELIMITER = "\x1c"
"""What stands in no file."""
_LOOKED_AT = 100_000
"""Rows that are surely looked at before it is known how a file is laid out."""
_WIDTHS = (1 << 6, 1 << 11, 1 << 16)
"""Fields of a row that are looked for: where there are fewer, the engine counts them; where there are more, it does
not, and many cost time."""
_OF_A_ROW = "CSV Error on Line: "
_OF_THE_FIRST = re.compile(r"CSV Error on Line: 1; Expected Number of Columns: \d+ Found: (\d+)")
_ABOUT_COLUMNS = ("header", "types", "names", "union_", "all_varchar", "sample_size")
"""Beginnings of options that say more than how rows are told apart."""
_SMALL = 1 << 22
"""Bytes of CSV that may be read twice for the sake of a better message."""
_SEEN = 1 << 15
"""Bytes of CSV that were all looked at when types were detected."""


def csv_rows(session: Session, found: Found, inputs: ReadInputs) -> Relation:
    """Return the rows of the files; raise ConnectorError."""
    schema = of_the_files(found, inputs)
    given = format_options(inputs)
    options = [*_csv(found, inputs), *partition_options(found, inputs)]
    if given.header and len(found.names) > 1:
        options.append("union_by_name = true")
    elif schema and not given.header:
        options.append(f"names = {list_of(_by_place(schema, inputs))}")
    typed = [*options, *_CAREFUL, *([f"types = {types_of(schema)}"] if schema else [])]
    known = _described(session, found, typed)
    spelt = {name.lower(): name for name in known}
    schema = {spelt.get(name.lower(), name): text for name, text in schema.items()}
    is_one = len(found.names) == 1 and not found.keys
    if is_one:
        options = [one for one in options if not one.startswith("names = ")]
    detected = {name: kind for name, kind in known.items() if name not in schema and name not in found.keys}
    as_texts = _columns(dict.fromkeys(known, "VARCHAR")) if is_one else ["all_varchar = true"]
    texts = scan_of("csv", found, [*options, *as_texts, *_CAREFUL, *_ALONE])
    known |= dict.fromkeys(misspelt(session, texts, detected, given.null_values), "VARCHAR")
    text = {name: kind for name, kind in known.items() if is_text_first(kind) and name not in found.keys}
    read = {name: sql_type(name, kind) for name, kind in schema.items()} | dict.fromkeys(text, "VARCHAR")
    if is_one:
        options += _columns(known | read)
    elif read:
        options.append(f"types = {struct_of(read)}")
    mark, nulls, point = mark_for(known), given.null_values, given.decimal_separator
    place = place_of(found, known, mark)
    values = {
        name: from_csv(name, kind, f"{mark}{n}", place, nulls, point=point, found=name not in schema)
        for n, (name, kind) in enumerate(text.items())
    }
    quick, careful = (
        valued(scan_of("csv", found, [*options, "allow_quoted_nulls = false", *limits]), known, values, mark, place)
        for limits in (_QUICK, (*_CAREFUL, *_ALONE))
    )
    if text and (schema or _size(found) > _SEEN) and _size(found) <= _SMALL:
        _tell_lines(session, careful, scan_of("csv", found, typed), text)
    sql, slower = (projected(in_order(session, rows, found, inputs), inputs.columns) for rows in (quick, careful))
    if not _is_long(found) and given.escape in ("", given.quote):
        return Relation(sql)
    return Relation(slower) if _is_ambiguous(session, found, given) else Relation(sql, careful=slower)


def _columns(types: Mapping[str, str]) -> list[str]:
    """Return the options that say all columns of a file, so that the engine detects none."""
    return ["auto_detect = false", f"columns = {struct_of(types)}"]


def csv_columns(session: Session, found: Found, inputs: ReadInputs) -> list[str]:
    """Return the names of the columns of a file."""
    options = ["all_varchar = true", "sample_size = 1", "hive_partitioning = false"]
    return list(_described(session, found, [*_csv(found, inputs), *_CAREFUL, *options]))


def _by_place(schema: Mapping[str, str], inputs: ReadInputs) -> list[str]:
    """Return the columns of a file without a header: an artifact sorts the keys of `schema`, its order is `columns`."""
    return [name for name in inputs.columns or schema if name in schema]


def _is_long(found: Found) -> bool:
    """Return whether a thread may begin in the middle of one of these files."""
    return found.format.compression != "uncompressed" or any(file.stat().st_size > _WHOLE for file in found.files)


def _is_ambiguous(session: Session, found: Found, options: FormatOptions) -> bool:
    """Return whether only one thread can cut the files into rows; raise ConnectorError where none can."""
    packed = found.format.compression != "uncompressed"
    others = [
        name for name, file in zip(found.names, found.files, strict=True) if packed or not is_plain(file, options)
    ]
    if not others:
        return False
    from firn_runtime.connectors.files.quotes import is_ambiguous  # most files do without

    looked = [is_ambiguous(name, _pieces(session, found, name, options), options) for name in others]
    return any(looked) or packed  # what is compressed is unpacked by one thread anyway


def _pieces(session: Session, found: Found, name: str, options: FormatOptions) -> Iterator[str]:
    """Yield the text of a file; that of a zstd file is the engine's lines, as nobody else here unpacks it."""
    from firn_runtime.connectors.files.quotes import pieces

    if found.format.compression != "zstd":
        yield from pieces(found.root / name, found.format, options)
        return
    line = ["auto_detect = false", "columns = {'line': 'VARCHAR'}", "header = false", "quote = ''", "escape = ''"]
    line += [f"delim = {literal(_NO_DELIMITER)}", f"encoding = {literal(options.encoding)}", "compression = 'zstd'"]
    with ending_in_a_line(found.root / name, session.engine.spill) as copied:
        one = found._replace(root=copied.parent, names=[copied.name])
        scan = scan_of("csv", one, [*line, *_CAREFUL, *_ALONE, "strict_mode = false"])
        yield from session.lines(f"SELECT line FROM {scan}")


def _size(found: Found) -> int:
    return sum(file.stat().st_size for file in found.files)


def _tell_lines(session: Session, rows: str, typed: str, columns: Iterable[str]) -> None:
    """Raise the engine's own error where values do not fit, if it finds them too: it names lines; ours does not."""
    values = ", ".join(f"count({identifier(name)})" for name in columns)
    try:
        session.execute(f"SELECT {values} FROM {rows}")
    except ConnectorError:
        session.execute(f"SELECT {values} FROM {typed}")


def _described(session: Session, found: Found, options: Sequence[str]) -> dict[str, str]:
    """Return the columns of CSV files; where that fails, the error is that of one file: only then is it named."""
    try:
        return session.described(Relation(f"from {scan_of('csv', found, options)}"))
    except ConnectorError as error:
        for name in found.names if len(found.names) > 1 else ():
            _described(session, found._replace(names=[name]), [one for one in options if not one.startswith("union_")])
        if is_unlike(error):
            _tell_row(session, found, [one for one in options if not one.startswith(_ABOUT_COLUMNS)])
        raise


def _tell_row(session: Session, found: Found, options: Sequence[str]) -> None:
    """Raise the engine's own error about the first row that is not as long as the first of all, if it finds one: who
    only looks how files are laid out names no row."""
    wide = (_first_row(session, found, options, width) for width in _WIDTHS)
    width = next((row.fields for row, most in zip(wide, _WIDTHS, strict=True) if row.fields <= most), 0)
    error = _first_row(session, found, options, width).error if width else None
    if error and error.message.startswith(_OF_A_ROW):
        raise error


class _Unlike(NamedTuple):
    error: ConnectorError | None
    fields: int
    """Of the first row, or one more than were looked for."""


def _first_row(session: Session, found: Found, options: Sequence[str], width: int) -> _Unlike:
    """Return what the engine says of the first row that has not `width` fields."""
    columns = struct_of({f"c{number}": "VARCHAR" for number in range(width)})
    fixed = ["header = false", "auto_detect = false", f"columns = {columns}", *_ALONE]
    try:
        session.execute(f"SELECT c0 FROM {scan_of('csv', found, [*options, *fixed])} LIMIT {_LOOKED_AT}")
    except ConnectorError as error:
        first = _OF_THE_FIRST.match(error.message)
        return _Unlike(error, int(first[1]) if first else width)
    return _Unlike(None, width)


def _csv(found: Found, inputs: ReadInputs) -> list[str]:
    options = format_options(inputs)
    return [
        f"compression = {literal(found.format.compression)}",
        f"header = {str(options.header).lower()}",
        f"delim = {literal(delimiter(found.names[0], options))}",
        f"quote = {literal(options.quote)}",
        f"escape = {literal(options.escape)}",
        f"nullstr = {list_of(null_values(options))}",
        f"encoding = {literal(options.encoding)}",
        f"decimal_separator = {literal(options.decimal_separator)}",
        *_CSV_FIXED,
    ]
