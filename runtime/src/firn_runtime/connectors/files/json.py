"""What the engine reads of JSON files, so that it leaves out no record of them, and none ends the process."""

import gzip
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from os.path import basename
from pathlib import Path

from firn_runtime.connectors.files.dataset import Found
from firn_runtime.connectors.files.layouts import listed
from firn_runtime.connectors.files.selects import (
    in_order,
    misspelt,
    of_the_files,
    partition_options,
    place_of,
    scan_of,
    struct_of,
    types_of,
)
from firn_runtime.connectors.values.made import mark_for, valued
from firn_runtime.connectors.values.projection import engine_types, projected, refuse_other_case
from firn_runtime.connectors.values.texts import DATED, finite_json, from_json, is_text_first
from firn_runtime.engine import Relation, Session
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import literal
from firn_schemas.steps.data import ReadInputs

_AT_ONCE = 1 << 24
"""Bytes of a file that the engine has in one buffer, at least."""

_TYPED = 32
"""Lists and objects within each other that make types; what lies within these is JSON. The engine's own types of more
than a hundred are too much for its queries."""
_DEEPEST = 1 << 12
"""Lists and objects within each other of one record, at most: the engine looks for types by recursion, and ends the
process at some ten thousand."""
_ALL_BUT_BRACKETS = r'(?s)"(\\.|[^"\\])*"|[^"\[\]{}]+'

_FIRST = 1000
"""Records whose keys are compared with those of a `schema`."""

_SIGNED = re.compile(r'("(?:[^"]|"")*")|\bHUGEINT(?=[\[,)]|\Z)')
"""What the engine makes of whole numbers of both signs, wherever it stands in a type; and names, which stay."""
_MADE_NAME = re.compile(r"_\d+\Z|\AC\d+\Z", re.IGNORECASE)
"""How the engine names a column whose key has no name, or that of another column in another case."""


def json_rows(session: Session, found: Found, inputs: ReadInputs) -> Relation:
    """Return the rows of the files; raise ConnectorError."""
    laid_out = _json_options(session, found)
    options = [*laid_out, *partition_options(found, inputs)]
    options += ["records = true", "map_inference_threshold = -1", "maximum_sample_files = 2147483647"]
    schema = of_the_files(found, inputs)
    told = engine_types(session, schema)
    finds = not told or any(name not in told and name not in found.keys for name in inputs.columns or ())
    if finds:
        _refuse_deep(session, found, laid_out)
    if told:
        refuse_other_case(told, _first_keys(session, found, laid_out))
    looking = _found_types() if finds else [f"columns = {types_of(schema)}"]
    known = _of_records(session, scan_of("json", found, [*options, *looking]), str(inputs.path))
    if finds:
        _refuse_lost_keys(session, found, known, laid_out)
    known |= told
    own = {name: kind for name, kind in known.items() if name not in found.keys}
    own |= {name: _SIGNED.sub(lambda found: found[1] or "BIGINT", own[name]) for name in own.keys() - told.keys()}
    dated = {name: kind for name, kind in own.items() if name not in told and kind in DATED}
    as_texts = scan_of("json", found, [*options, f"columns = {struct_of(dict.fromkeys(dated, 'VARCHAR'))}"])
    own |= dict.fromkeys(misspelt(session, as_texts, dated), "VARCHAR")
    text = {name: kind for name, kind in own.items() if _is_text_in_json(kind, known[name], found=name not in told)}
    read = own | dict.fromkeys(text, "VARCHAR")
    mark = mark_for(known)
    place = place_of(found, known, mark)
    values = {name: from_json(name, kind, f"{mark}{n}", place) for n, (name, kind) in enumerate(text.items())}
    values |= {
        name: finite_json(name, kind, place) for name, kind in own.items() if "DOUBLE" in kind and name not in told
    }
    rows = valued(scan_of("json", found, [*options, f"columns = {struct_of(read)}"]), known, values, mark, place)
    return Relation(projected(in_order(session, rows, found, inputs), inputs.columns))


def _of_records(session: Session, scan: str, path: str) -> dict[str, str]:
    """Return the columns of JSON files; raise ConnectorError where nothing shows them."""
    try:
        return session.described(Relation(f"from {scan}"))
    except ConnectorError as error:
        if "expected records" not in error.message:
            raise
        said = f"`{path}` holds no record, or one that is no object, so its columns are unknown"
        raise ConnectorError("data", said, "say them with `schema:`") from None


def _first_keys(session: Session, found: Found, options: Sequence[str]) -> set[str]:
    """Return the keys of the first records."""
    scan = scan_of("json_objects", found, [*options, "hive_partitioning = false"])
    return {
        key for (key,) in session.execute(f"SELECT DISTINCT unnest(json_keys(json)) FROM (FROM {scan} LIMIT {_FIRST})")
    }


def _refuse_lost_keys(session: Session, found: Found, columns: Iterable[str], options: Sequence[str]) -> None:
    """Raise ConnectorError where the engine has named a column otherwise than its key: it would be NULL in every row.

    Only names such as the engine makes are doubtful, so the records are hardly ever read for this.
    """
    doubtful = [name for name in columns if _MADE_NAME.search(name)]
    if not doubtful:
        return
    scan = scan_of("json_objects", found, [*options, "hive_partitioning = false"])
    keys = {str(key) for (key,) in session.execute(f"SELECT DISTINCT unnest(json_keys(json)) FROM {scan}")}
    if not keys.issuperset(name for name in doubtful if name not in found.keys):
        first = {key.lower(): key for key in sorted(keys, reverse=True)}
        pairs = [f"`{first[key.lower()]}` and `{key}`" for key in sorted(keys) if first[key.lower()] != key]
        what = f"the keys {pairs[0]}, which differ in case alone" if pairs else "a key without a name"
        said = f"`{found.names[0]}` has {what}: that cannot be columns of one table"
        raise ConnectorError("data", said, "say the columns to read with `schema:`")


def _is_text_in_json(kind: str, detected: str, *, found: bool) -> bool:
    """Return whether a column of JSON is to be text first: what is a number or a truth value there, is what it is."""
    native = ("BOOLEAN", "DOUBLE", "BIGINT", "UBIGINT") if found else ("DOUBLE",)
    return is_text_first(kind) and detected not in native and not (found and kind.endswith("]"))


def _json_options(session: Session, found: Found) -> list[str]:
    """Return the options that say how JSON files are laid out; raise ConnectorError where they are not alike."""
    return [f"compression = {literal(found.format.compression)}", f"format = {literal(_form(session, found))}"]


def _found_types() -> list[str]:
    """Return the options for finding the types of every record."""
    return ["sample_size = -1", "union_by_name = true", f"maximum_depth = {_TYPED}"]


def _refuse_deep(session: Session, found: Found, options: list[str]) -> None:
    """Raise ConnectorError for a record whose types cannot be looked for.

    Brackets without anything in them are taken away as often as types are deep, which leaves nothing of most records.
    """
    brackets = f"regexp_replace(json, {literal(_ALL_BUT_BRACKETS)}, '', 'g')"
    for _ in range(_TYPED):
        brackets = rf"regexp_replace({brackets}, '\[\]|\{{\}}', '', 'g')"
    scan = scan_of("json_objects", found, [*options, "hive_partitioning = false", "filename = true"])
    deep = f"CASE WHEN strlen(json) > {2 * _DEEPEST} THEN strlen({brackets}) > {2 * _DEEPEST} END"
    for (file,) in session.execute(f"SELECT filename FROM {scan} WHERE {deep} LIMIT 1"):
        said = f"a record of `{basename(str(file))}` is nested too deep for its types to be found"
        raise ConnectorError("data", said, "say the columns with `schema:`")


def _form(session: Session, found: Found) -> str:
    """Return the engine's word for how the records follow each other.

    Where a last line has no line end, and a buffer ends within it, the engine takes it for broken or leaves it out, and
    a byte order mark for a record: such files are read record by record, which one thread does for each file.
    """
    files = zip(found.names, found.files, strict=True)
    if not any(_is_taken_amiss(file, found, name in found.ended) for name, file in files):
        return "newline_delimited" if found.format.kind == "ndjson" else "auto"
    if found.format.kind == "ndjson":
        return "unstructured"
    lists = {name: _is_list(session, file, found) for name, file in zip(found.names, found.files, strict=True)}
    if len(set(lists.values())) > 1:
        first = {is_list: name for name, is_list in reversed(lists.items())}
        said = f"`{first[True]}` is a list of records, and `{first[False]}` is not"
        raise ConnectorError("data", said, "read them by two steps")
    return "array" if lists[found.names[0]] else "unstructured"


def _is_taken_amiss(file: Path, found: Found, is_ended: bool) -> bool:
    """Return whether a file begins with a byte order mark, or may have several buffers and no line end at its end."""
    compression = found.format.compression
    if compression == "zstd":
        return True
    with gzip.open(file) if compression == "gzip" else file.open("rb") as opened:
        if opened.read(len(BOM_UTF8)) == BOM_UTF8:
            return True
    return not is_ended if compression == "gzip" else _ends_within_a_line(file)


def _ends_within_a_line(file: Path) -> bool:
    with file.open("rb") as opened:
        if opened.seek(0, 2) < _AT_ONCE:
            return False
        opened.seek(-1, 2)
        return opened.read(1) != b"\n"


def _is_list(session: Session, file: Path, found: Found) -> bool:
    """Return whether a file is one list. What is broken is none: it is told of when it is read."""
    options = f"compression = {literal(found.format.compression)}, format = 'array'"
    try:
        session.execute(f"SELECT 1 FROM read_json_objects({listed([file])}, {options}) LIMIT 1")
    except ConnectorError:
        return False
    return True
