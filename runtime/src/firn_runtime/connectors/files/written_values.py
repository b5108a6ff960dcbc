"""What a file's format cannot hold of the engine's types: written in another form of the same value, or refused."""

import re
from collections.abc import Callable, Mapping
from functools import partial

from firn_runtime.connectors.files.formats import Format
from firn_runtime.connectors.values.lists import refuse_nameless
from firn_runtime.connectors.values.texts import holds_number
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import failing, identifier, literal

_NAMED = re.compile(r'"(?:[^"]|"")*"')
_UNFIT = {
    "parquet": ("Parquet", re.compile(r"\b(INTERVAL|TIME WITH TIME ZONE|UNION)\b|\bU?HUGEINT\b(?!$)")),
    "csv": ("CSV", re.compile(r"\bUNION\b")),
}
"""Types that are not read back as they were: Parquet has milliseconds of intervals, and times in UTC alone."""
_FLOATS = re.compile(r"\b(DOUBLE|FLOAT)\b")
_HELP = "cast it in a `sql` step before, such as to text"
_HELD = 2**53
"""Whole numbers up to this one are what a JSON number is to most programs, and to the engine's reader."""


def selected(columns: Mapping[str, str], format: Format, unquoted: str = "") -> str:
    """Return what is selected of a dataset with these columns for a file; raise ConnectorError for types it lacks.

    `unquoted` is the delimiter of a CSV file without quotes.
    """
    name, unfit = _UNFIT.get(format.kind, ("", None))
    for column, kind in columns.items():
        if unfit is not None and unfit.search(_NAMED.sub("", kind)):
            raise ConnectorError("data", f"`{column}` is {kind}, which {name} cannot hold without a change", _HELP)
        if format.kind != "csv":
            refuse_nameless(column, kind)
    value = partial(_without_quotes, unquoted) if unquoted else _VALUES.get(format.kind, _as_it_is)
    changed = {column: value(column, kind) for column, kind in columns.items()}
    return ", ".join(f"{sql} AS {identifier(column)}" for column, sql in changed.items())


def _as_it_is(name: str, kind: str) -> str:
    del kind
    return identifier(name)


def _without_quotes(delimiter: str, name: str, kind: str) -> str:
    del kind
    column, text = identifier(name), f"{identifier(name)}::VARCHAR"
    error = failing(f"`{name}` holds a delimiter or a line end, which is written in quotes alone")
    held = " OR ".join(f"contains({text}, {one})" for one in (literal(delimiter), "chr(10)", "chr(13)"))
    return f"if({held}, {error}, {column})"


def _in_parquet(name: str, kind: str) -> str:
    """Sums of whole numbers are HUGEINT, which the engine would write as DOUBLE."""
    column = identifier(name)
    if kind not in ("HUGEINT", "UHUGEINT"):
        return column
    error = failing(f"`{name}` is {kind} and holds numbers of more than the 38 digits that Parquet can hold")
    return f"if({column} IS NULL, NULL, coalesce(TRY_CAST({column} AS DECIMAL(38,0)), {error}))"


def _in_json(name: str, kind: str) -> str:
    column = identifier(name)
    endless = failing(f"`{name}` is {kind} and holds NaN or infinity, which JSON cannot hold")
    digits = failing(f"`{name}` is {kind} and holds decimals of more digits than JSON's numbers keep")
    if kind in ("DOUBLE", "FLOAT"):
        return f"if(isfinite({column}) IS false, {endless}, {column})"
    if kind.startswith("DECIMAL") and not kind.endswith("]"):
        scale = int(kind[:-1].rpartition(",")[2])
        return f"if(abs({column}::DOUBLE) > {_HELD / 10**scale!r}, {digits}, {column})" if scale else column
    inner = _NAMED.sub("", kind)
    if "DECIMAL" in inner:
        column = f"if(TRY_CAST(to_json({column}) AS {kind}) IS DISTINCT FROM {column}, {digits}, {column})"
    if _FLOATS.search(inner):
        is_endless = " OR ".join(holds_number(identifier(name), word) for word in ("NaN", "Infinity"))
        column = f"if({is_endless}, {endless}, {column})"
    return column


_VALUES: dict[str, Callable[[str, str], str]] = {"parquet": _in_parquet, "json": _in_json, "ndjson": _in_json}
