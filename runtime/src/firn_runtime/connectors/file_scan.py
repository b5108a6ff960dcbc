"""What the engine reads of local files that are one dataset: CSV, Parquet, NDJSON and JSON, below one folder.

Columns are matched by their names, never by their places, and a type that was detected holds for every row: the engine
by itself would drop columns that the first file lacks, and round what it took for whole numbers.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from firn_runtime.connectors.file_dataset import Found, one_dataset
from firn_runtime.connectors.file_formats import delimiter
from firn_runtime.connectors.file_json import found_types, json_options, refuse_deep
from firn_runtime.connectors.file_layouts import layouts, listed
from firn_runtime.connectors.file_paths import partition_keys
from firn_runtime.connectors.file_plain import is_plain
from firn_runtime.connectors.file_wholeness import refuse_broken
from firn_runtime.connectors.file_zstd import ending_in_a_line
from firn_runtime.connectors.projection import engine_types, projected, retyped, sql_type
from firn_runtime.connectors.text_values import WHOLE, Made, finite_json, from_csv, from_json, is_text_first, of_text
from firn_runtime.engine import Relation, Session, identifier, literal
from firn_runtime.errors import ConnectorError
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
_SMALL = 1 << 22
"""Bytes of CSV that may be read twice for the sake of a better message."""
_SEEN = 1 << 15
"""Bytes of CSV that were all looked at when types were detected."""

_SIGNED = re.compile(r'("(?:[^"]|"")*")|\bHUGEINT(?=[\[,)]|\Z)')
"""What the engine makes of whole numbers of both signs, wherever it stands in a type; and names, which stay."""
_MADE_NAME = re.compile(r"_\d+\Z|\AC\d+\Z", re.IGNORECASE)
"""How the engine names a column whose key has no name, or that of another column in another case."""


def relation(session: Session, root: Path, names: Sequence[str], inputs: ReadInputs, compression: str) -> Relation:
    """Return the rows of the files `names` below `root`, in this order; raise ConnectorError.

    `compression` is the connector's. Heads of the files are read, and compressed ones whole.
    """
    found = one_dataset(root, names, inputs, compression)
    lasts = {
        name: refuse_broken(file, name, found.format, inputs.format_options)
        for name, file in zip(found.names, found.files, strict=True)
    }
    found = found._replace(ended=frozenset(name for name, last in lasts.items() if last == b"\n"))
    if found.format.kind in ("csv", "parquet") and len(found.names) > 1:
        _refuse_other_columns(session, found, inputs)
    return _SELECTS[found.format.kind](session, found, inputs)


def _options(inputs: ReadInputs) -> FormatOptions:
    return inputs.format_options or FormatOptions()


def _refuse_other_columns(session: Session, found: Found, inputs: ReadInputs) -> None:
    """Raise ConnectorError where files differ in the names of their columns; in whatever order these are."""
    if _options(inputs).union_by_name and (found.format.kind == "parquet" or _options(inputs).header):
        return
    first: list[str] = []
    for name in layouts(session, found, _options(inputs)):
        columns = _columns(session, found._replace(names=[name], keys=()), inputs)
        first = first or columns
        if sorted(columns) != sorted(first):
            differing = sorted(set(columns) ^ set(first))[0]
            raise ConnectorError(
                "data",
                f"`{name}` has other columns than `{found.names[0]}`: `{differing}` is in one of them alone",
                "`format_options: {union_by_name: true}` reads NULL where a file lacks a column",
            )


def _columns(session: Session, found: Found, inputs: ReadInputs) -> list[str]:
    if found.format.kind == "parquet":
        scan = _scan("parquet", found, ["hive_partitioning = false"])
    else:
        options = ["all_varchar = true", "sample_size = 1", "hive_partitioning = false"]
        scan = _scan("csv", found, [*_csv(found, inputs), *_CAREFUL, *options])
    return list(session.described(Relation(f"from {scan}")))


def _parquet(session: Session, found: Found, inputs: ReadInputs) -> Relation:
    scan = _scan("parquet", found, ["union_by_name = true", *_partitions(found, inputs)])
    united = session.described(Relation(f"from {scan}"))
    if any("DOUBLE" in kind for kind in united.values()):
        _refuse_wide_decimals(session, found)
    if len(found.names) > 1:
        _refuse_narrowed(session, found, inputs, united)
    return retyped(
        session, Relation(_in_order(session, scan, found, inputs)), inputs.columns, _of_the_files(found, inputs)
    )


def _refuse_narrowed(session: Session, found: Found, inputs: ReadInputs, united: Mapping[str, str]) -> None:
    """Raise ConnectorError where the engine's type for the files together rounds the values of one of them."""
    for name in layouts(session, found, _options(inputs)):
        scan = _scan("parquet", found._replace(names=[name], keys=()), ["hive_partitioning = false"])
        for column, kind in session.described(Relation(f"from {scan}")).items():
            all_of_it = united.get(column, kind)
            is_number = all_of_it.startswith(("DECIMAL", "DOUBLE", "FLOAT"))
            if (kind in WHOLE and all_of_it == "FLOAT") or (is_number and _fraction(kind) > _fraction(all_of_it)):
                said = f"`{column}` is {kind} in `{name}`, and would be {all_of_it} in all of the files, which rounds"
                raise ConnectorError("data", said, "have it written with one type, or read the files by two steps")


def _fraction(kind: str) -> int:
    """Return how many digits a decimal has after the point; 0 for every other type."""
    return int(kind[:-1].rpartition(",")[2]) if kind.startswith("DECIMAL") and kind.endswith(")") else 0


def _refuse_wide_decimals(session: Session, found: Found) -> None:
    """Raise ConnectorError for decimals of more digits than the engine has: it makes other numbers of them."""
    files = f"parquet_schema({listed(found.files)})"
    wide = f"SELECT name, precision, scale FROM {files} WHERE precision > 38 LIMIT 1"
    for name, precision, scale in session.execute(wide):
        said = f"the column `{name}` is DECIMAL({precision},{scale}), and decimals have 38 digits at most"
        raise ConnectorError("data", said, "have it written with fewer digits, or as text")


def _text(session: Session, found: Found, inputs: ReadInputs) -> Relation:
    laid_out = json_options(session, found)
    options = [*laid_out, *_partitions(found, inputs)]
    options += ["records = true", "map_inference_threshold = -1", "maximum_sample_files = 2147483647"]
    schema = _of_the_files(found, inputs)
    looking = [f"columns = {_types(schema)}"] if schema else found_types()
    if not schema:
        refuse_deep(session, found, laid_out)
    known = _of_records(session, _scan("json", found, [*options, *looking]), str(inputs.path))
    if not schema:
        _refuse_lost_keys(session, found, known, laid_out)
    own = {name: kind for name, kind in known.items() if name not in found.keys}
    if not schema:
        own = {name: _SIGNED.sub(lambda found: found[1] or "BIGINT", kind) for name, kind in own.items()}
    text = {name: kind for name, kind in own.items() if _is_text_in_json(kind, known[name], found=not schema)}
    read = own | dict.fromkeys(text, "VARCHAR")
    mark = _mark(known)
    place = _place(found, known, mark)
    values = {name: from_json(name, kind, f"{mark}{n}", place) for n, (name, kind) in enumerate(text.items())}
    if not schema:
        values |= {name: finite_json(name, kind, place) for name, kind in own.items() if "DOUBLE" in kind}
    rows = _valued(_scan("json", found, [*options, f"columns = {_struct(read)}"]), known, values, mark, place)
    return Relation(projected(_in_order(session, rows, found, inputs), inputs.columns))


def _of_records(session: Session, scan: str, path: str) -> dict[str, str]:
    """Return the columns of JSON files; raise ConnectorError where nothing shows them."""
    try:
        return session.described(Relation(f"from {scan}"))
    except ConnectorError as error:
        if "expected records" not in error.message:
            raise
        said = f"`{path}` holds no record, or one that is no object, so its columns are unknown"
        raise ConnectorError("data", said, "say them with `schema:`") from None


def _refuse_lost_keys(session: Session, found: Found, columns: Iterable[str], options: Sequence[str]) -> None:
    """Raise ConnectorError where the engine has named a column otherwise than its key: it would be NULL in every row.

    Only names such as the engine makes are doubtful, so the records are hardly ever read for this.
    """
    doubtful = [name for name in columns if _MADE_NAME.search(name)]
    if not doubtful:
        return
    scan = _scan("json_objects", found, [*options, "hive_partitioning = false"])
    keys = {str(key) for (key,) in session.execute(f"SELECT DISTINCT unnest(json_keys(json)) FROM {scan}")}
    if not keys.issuperset(name for name in doubtful if name not in found.keys):
        said = f"`{found.names[0]}` has keys that cannot be columns of one table: empty, or different in case alone"
        raise ConnectorError("data", said, "say the columns to read with `schema:`")


def _is_text_in_json(kind: str, detected: str, *, found: bool) -> bool:
    """Return whether a column of JSON is to be text first: what is a number or a truth value there, is what it is."""
    native = ("BOOLEAN", "DOUBLE", "BIGINT", "UBIGINT") if found else ("DOUBLE",)
    return is_text_first(kind) and detected not in native and not (found and kind.endswith("]"))


def _delimited(session: Session, found: Found, inputs: ReadInputs) -> Relation:
    schema = _of_the_files(found, inputs)
    given = _options(inputs)
    options = [*_csv(found, inputs), *_partitions(found, inputs)]
    if given.header and len(found.names) > 1:
        options.append("union_by_name = true")
    elif schema and not given.header:
        options.append(f"names = {_list(_by_place(schema, inputs))}")
    typed = [*options, *_CAREFUL, *([f"types = {_types(schema)}"] if schema else [])]
    known = _described(session, found, typed)
    text = {name: kind for name, kind in known.items() if is_text_first(kind) and name not in found.keys}
    read = {name: sql_type(name, kind) for name, kind in schema.items()} | dict.fromkeys(text, "VARCHAR")
    if len(found.names) == 1 and not found.keys:
        detected = ["auto_detect = false", f"columns = {_struct(known | read)}"]
        options = [*(one for one in options if not one.startswith("names = ")), *detected]
    elif read:
        options.append(f"types = {_struct(read)}")
    mark, nulls, point = _mark(known), given.null_values, given.decimal_separator
    place = _place(found, known, mark)
    values = {
        name: from_csv(name, kind, f"{mark}{n}", place, nulls, point=point, found=name not in schema)
        for n, (name, kind) in enumerate(text.items())
    }
    quick, careful = (
        _valued(_scan("csv", found, [*options, "allow_quoted_nulls = false", *limits]), known, values, mark, place)
        for limits in (_QUICK, (*_CAREFUL, *_ALONE))
    )
    if text and (schema or _size(found) > _SEEN) and _size(found) <= _SMALL:
        _tell_lines(session, careful, _scan("csv", found, typed), text)
    sql, slower = (projected(_in_order(session, rows, found, inputs), inputs.columns) for rows in (quick, careful))
    if not _is_long(found):
        return Relation(sql)
    return Relation(slower) if _is_ambiguous(session, found, given) else Relation(sql, careful=slower)


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
    from firn_runtime.connectors.file_quotes import is_ambiguous  # most files do without

    looked = [is_ambiguous(name, _pieces(session, found, name, options), options) for name in others]
    return any(looked) or packed  # what is compressed is unpacked by one thread anyway


def _pieces(session: Session, found: Found, name: str, options: FormatOptions) -> Iterator[str]:
    """Yield the text of a file; that of a zstd file is the engine's lines, as nobody else here unpacks it."""
    from firn_runtime.connectors.file_quotes import pieces

    if found.format.compression != "zstd":
        yield from pieces(found.root / name, found.format, options)
        return
    line = ["auto_detect = false", "columns = {'line': 'VARCHAR'}", "header = false", "quote = ''", "escape = ''"]
    line += [f"delim = {literal(_NO_DELIMITER)}", f"encoding = {literal(options.encoding)}", "compression = 'zstd'"]
    with ending_in_a_line(found.root / name, session.engine.spill) as copied:
        one = found._replace(root=copied.parent, names=[copied.name])
        scan = _scan("csv", one, [*line, *_CAREFUL, *_ALONE, "strict_mode = false"])
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


def _mark(columns: Iterable[str]) -> str:
    """Return what no column's name begins with, as a name that needs no quotes."""
    return "_" * (1 + max(map(len, columns), default=0))


def _place(found: Found, columns: Iterable[str], mark: str) -> str:
    """Return SQL for the words that name a row's file; where there are several, and a column hides its name, none."""
    if len(found.names) == 1:
        return literal(f" of the file `{found.files[0].name}`")
    return (
        literal("") if "filename" in map(str.lower, columns) else f"' of the file `' || parse_filename({mark}) || '`'"
    )


def _valued(scan: str, columns: Iterable[str], values: Mapping[str, Made], mark: str, place: str) -> str:
    """Make values of texts: the inner SELECT casts each once, the outer one looks at the text and at the cast."""
    if not values:
        return scan
    inner = {f"{mark}{n}": made.cast for n, made in enumerate(values.values())}
    inner |= {mark: "filename"} if mark in place else {}
    casts = ", ".join(f"{cast} AS {name}" for name, cast in inner.items())
    looked = {name: made.value for name, made in values.items()}
    return f"({projected(f'(SELECT *, {casts} FROM {scan})', columns, looked)})"


def _described(session: Session, found: Found, options: Sequence[str]) -> dict[str, str]:
    """Return the columns of CSV files; where that fails, the error is that of one file: only then is it named."""
    try:
        return session.described(Relation(f"from {_scan('csv', found, options)}"))
    except ConnectorError:
        for name in found.names if len(found.names) > 1 else ():
            _described(session, found._replace(names=[name]), [one for one in options if not one.startswith("union_")])
        raise


_SELECTS = {"csv": _delimited, "parquet": _parquet, "ndjson": _text, "json": _text}


def _scan(function: str, found: Found, options: Sequence[str]) -> str:
    return f"read_{function}({listed(found.files)}, {', '.join(options)})"


def _csv(found: Found, inputs: ReadInputs) -> list[str]:
    options = _options(inputs)
    return [
        f"compression = {literal(found.format.compression)}",
        f"header = {str(options.header).lower()}",
        f"delim = {literal(delimiter(found.names[0], options))}",
        f"quote = {literal(options.quote)}",
        f"escape = {literal(options.escape)}",
        f"nullstr = {_list(options.null_values)}",
        f"encoding = {literal(options.encoding)}",
        f"decimal_separator = {literal(options.decimal_separator)}",
        *_CSV_FIXED,
    ]


def _partitions(found: Found, inputs: ReadInputs) -> list[str]:
    """Return the options that make columns of the folders, of types that fit every value; text where `schema` says one.

    The engine's own casts to the types of `schema` would round.
    """
    if not found.keys:
        return ["hive_partitioning = false"]
    texts = dict.fromkeys(_of_the_folders(found, inputs), "VARCHAR")
    return ["hive_partitioning = true", *([f"hive_types = {_types(texts)}"] if texts else [])]


def _of_the_folders(found: Found, inputs: ReadInputs) -> dict[str, str]:
    """Return the part of `schema` that is about what stands in the folders' names."""
    return {name: text for name, text in (inputs.schema or {}).items() if name in found.keys}


def _of_the_files(found: Found, inputs: ReadInputs) -> dict[str, str]:
    """Return the part of `schema` that is about what stands in the files."""
    return {name: text for name, text in (inputs.schema or {}).items() if name not in found.keys}


def _in_order(session: Session, scan: str, found: Found, inputs: ReadInputs) -> str:
    """Put the columns of the folders last, as the folders lie, without those of the folders above the root."""
    if not found.keys:
        return scan
    outer = [key for key in partition_keys(f"{found.root}/x") if key not in found.keys]
    kinds = engine_types(session, typed) if (typed := _of_the_folders(found, inputs)) else {}
    keys = ", ".join(_in_folders(key, kinds[key]) if key in kinds else identifier(key) for key in found.keys)
    left_out = ", ".join(map(identifier, [*found.keys, *outer]))
    return f"(SELECT * EXCLUDE ({left_out}), {keys} FROM {scan})"


def _in_folders(name: str, kind: str) -> str:
    said = f"the name of a folder holds for `{name}` what is no {kind}: give it another type in `schema`"
    return f"{of_text(identifier(name), kind, f'error({literal(said)})')} AS {identifier(name)}"


def _types(schema: Mapping[str, str]) -> str:
    return _struct({name: sql_type(name, text) for name, text in schema.items()})


def _struct(types: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in types.items()) + "}"


def _list(texts: Iterable[str]) -> str:
    return "[" + ", ".join(map(literal, texts)) + "]"
