"""What the engine reads of records that lie in a file, each as JSON on a line of its own."""

from pathlib import Path

from firn_runtime.connectors.rest.types import Types
from firn_runtime.connectors.values.made import mark_for, valued
from firn_runtime.connectors.values.texts import from_double, from_json, is_text_first
from firn_runtime.identifiers import literal

_LEAST = 1 << 20
"""Bytes of one record that the engine has room for, at least."""


def record_rows(spool: Path, longest: int, seen: Types) -> str:
    """Return the records of a file, which `seen` has taken in, as a table of the engine.

    Its own reader would bend values to the types that a `schema` gives: these columns are read as text, and made of it
    here, but for those that hold numbers or truth values alone. `longest` is the length of the longest record, in
    bytes.
    """
    columns = seen.columns()
    text = {name: kind for name, kind in seen.given.items() if is_text_first(kind) and name not in seen.own}
    exact = {name: kind for name, kind in seen.given.items() if kind.startswith("DECIMAL") and name in seen.own}
    mark = mark_for(columns)
    values = {name: from_double(name, kind, f"{mark}{n}") for n, (name, kind) in enumerate(exact.items())}
    values |= {
        name: from_json(name, kind, f"{mark}{n}", literal(""), has_exact_numbers=True)
        for n, (name, kind) in enumerate(text.items(), len(exact))
    }
    read = {**columns, **dict.fromkeys(text, "VARCHAR"), **dict.fromkeys(exact, "DOUBLE")}
    types = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in read.items())
    scan = (
        f"read_json({literal(str(spool))}, format = 'newline_delimited', compression = 'uncompressed', "
        f"maximum_object_size = {max(_LEAST, 2 * longest)}, columns = {{{types}}})"
    )
    return valued(scan, columns, values, mark)
