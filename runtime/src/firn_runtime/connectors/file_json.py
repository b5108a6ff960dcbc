"""How JSON files are to be read, so that the engine leaves out no record of them, and none ends the process."""

from os.path import basename
from pathlib import Path

from firn_runtime.connectors.file_dataset import Found
from firn_runtime.connectors.file_layouts import listed
from firn_runtime.engine import Session, literal
from firn_runtime.errors import ConnectorError

_AT_ONCE = 1 << 24
"""Bytes of a file that the engine has in one buffer, at least."""

_TYPED = 32
"""Lists and objects within each other that make types; what lies within these is JSON. The engine's own types of more
than a hundred are too much for its queries."""
_DEEPEST = 1 << 12
"""Lists and objects within each other of one record, at most: the engine looks for types by recursion, and ends the
process at some ten thousand."""
_ALL_BUT_BRACKETS = r'(?s)"(\\.|[^"\\])*"|[^"\[\]{}]+'


def json_options(session: Session, found: Found) -> list[str]:
    """Return the options that say how JSON files are laid out; raise ConnectorError where they are not alike."""
    return [f"compression = {literal(found.format.compression)}", f"format = {literal(_form(session, found))}"]


def found_types() -> list[str]:
    """Return the options for finding the types of every record."""
    return ["sample_size = -1", "union_by_name = true", f"maximum_depth = {_TYPED}"]


def refuse_deep(session: Session, found: Found, options: list[str]) -> None:
    """Raise ConnectorError for a record whose types cannot be looked for.

    Brackets without anything in them are taken away as often as types are deep, which leaves nothing of most records.
    """
    brackets = f"regexp_replace(json, {literal(_ALL_BUT_BRACKETS)}, '', 'g')"
    for _ in range(_TYPED):
        brackets = rf"regexp_replace({brackets}, '\[\]|\{{\}}', '', 'g')"
    named = ", ".join([*options, "hive_partitioning = false", "filename = true"])
    scan = f"read_json_objects({listed(found.files)}, {named})"
    deep = f"CASE WHEN strlen(json) > {2 * _DEEPEST} THEN strlen({brackets}) > {2 * _DEEPEST} END"
    for (file,) in session.execute(f"SELECT filename FROM {scan} WHERE {deep} LIMIT 1"):
        said = f"a record of `{basename(str(file))}` is nested too deep for its types to be found"
        raise ConnectorError("data", said, "say the columns with `schema:`")


def _form(session: Session, found: Found) -> str:
    """Return the engine's word for how the records follow each other.

    Where a last line has no line end, and a buffer ends within it, the engine takes it for broken or leaves it out:
    such files are read record by record, which one thread does for each file.
    """
    files = zip(found.names, found.files, strict=True)
    if not any(_may_end_within_a_line(file, found) for name, file in files if name not in found.ended):
        return "newline_delimited" if found.format.kind == "ndjson" else "auto"
    if found.format.kind == "ndjson":
        return "unstructured"
    lists = {name: _is_list(session, file, found) for name, file in zip(found.names, found.files, strict=True)}
    if len(set(lists.values())) > 1:
        first = {is_list: name for name, is_list in reversed(lists.items())}
        said = f"`{first[True]}` is a list of records, and `{first[False]}` is not"
        raise ConnectorError("data", said, "read them by two steps")
    return "array" if lists[found.names[0]] else "unstructured"


def _may_end_within_a_line(file: Path, found: Found) -> bool:
    """Return whether a file has more than one buffer, and no line end at its end, as far as it is known."""
    if found.format.compression != "uncompressed":
        return True
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
