"""How the engine spells a dataset's values as literals of MySQL, and which of them it refuses.

Refused is what a server would change without a word: some servers round, cut or take for zero what others refuse.
"""

import re
from collections.abc import Callable, Iterator

from firn_runtime.connectors.databases.schema_policy import TableColumn
from firn_runtime.connectors.mysql.types import is_nested
from firn_runtime.identifiers import failing, identifier

_NUMBER = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL\(\d+,\d+\)|DOUBLE)\Z")
_FLOATS = re.compile(r"\b(DOUBLE|FLOAT)\b")
_YEARS = "{0} < '0001-01-01' or {0} >= '10000-01-01'", "days outside of the years 1 to 9999"
_ENDLESS = "NaN or infinity"
_REFUSED = {
    "DATE": _YEARS,
    "DOUBLE": ("not isfinite({0})", _ENDLESS),
    "FLOAT": ("not isfinite({0})", _ENDLESS),
    "TIMESTAMP": _YEARS,
    "TIMESTAMP_MS": _YEARS,
    "TIMESTAMP_NS": ("not isfinite({0}) or epoch_ns({0}) % 1000 <> 0", "nanoseconds"),
    "TIMESTAMP_S": _YEARS,
    "TIMESTAMP WITH TIME ZONE": _YEARS,
}
"""By the engine's type: what is true of values that no server keeps, and what they are."""
_UNQUOTED = r"""regexp_replace({0}::varchar, '"(\\.|[^"\\])*"', '""', 'g')"""
"""JSON without what stands in its texts."""
_MORE_DIGITS = (
    rf"(regexp_matches({_UNQUOTED}, '\d{{{{20}}}}|-\d{{{{19}}}}|\d[eE]')"
    rf" or len(list_filter(regexp_extract_all({_UNQUOTED}, '\d+\.\d+'), lambda x: length(x) > 16)) > 0)"
)
"""MySQL's own JSON has whole numbers of 64 bits, and parses others without care for the last bits of a double."""


def in_insert(name: str, kind: str, column: TableColumn) -> str:
    """Return the SQL by which the engine spells a value as the server's literal, on one line."""
    spelled = _spelling(kind)(identifier(name))
    for wrong, values in _refused(kind, column):
        refused = failing(f"`{name}` is {kind} and holds {values}, which {column.declared} in the table cannot hold")
        spelled = f"if({wrong.format(identifier(name))}, {refused}, {spelled})"
    if column.is_nullable:
        return f"coalesce({spelled}, 'NULL')"
    missing = failing(f"the dataset has NULL in `{name}`, and the table's column `{column.name}` takes none")
    return f"coalesce({spelled}, {missing})"


def _refused(kind: str, column: TableColumn) -> Iterator[tuple[str, str]]:
    """Yield what is true of values that the column would change without a word, and what they are."""
    if kind in _REFUSED:
        yield _REFUSED[kind]
    if is_nested(kind) and _FLOATS.search(kind):
        yield f"regexp_matches({_UNQUOTED.replace('{0}', 'to_json({0})')}, 'NaN|Infinity')", _ENDLESS
    if column.declared == "json":
        yield _MORE_DIGITS, "numbers of more digits than MySQL's JSON keeps"
    if column.declared.startswith("char("):
        yield "suffix({0}::varchar, ' ')", "texts that end in a space"  # they are cut off when it is read


def _spelling(kind: str) -> Callable[[str], str]:
    if _NUMBER.match(kind):
        return "{0}::varchar".format
    if is_nested(kind):
        return lambda name: _text(f"to_json({name})::varchar")
    return _SPELLINGS.get(kind, lambda name: _text(f"{name}::varchar"))


def _text(value: str) -> str:
    r"""Return a text between quotes, with what ends a text or a line escaped; the server's mode knows `\`.

    Most texts hold nothing of that, and are not copied three times.
    """
    ends = ("'\\'", "''''", "chr(10)")
    some = " or ".join(f"contains({value}, {end})" for end in ends)
    escaped = f"""replace(replace(replace({value}, '\\', '\\\\'), '''', ''''''), chr(10), '\\n')"""
    return f"""'''' || if({some}, {escaped}, {value}) || ''''"""


_SPELLINGS: dict[str, Callable[[str], str]] = {
    "BLOB": "'x''' || hex({0}) || ''''".format,
    "BOOLEAN": "if({0} is null, null, if({0}, '1', '0'))".format,
    "DATE": "'''' || {0}::varchar || ''''".format,
    "FLOAT": "{0}::double::varchar".format,  # in full: the greatest one is rounded up otherwise
    "TIME": "'''' || {0}::varchar || ''''".format,
    "TIMESTAMP": "'''' || {0}::varchar || ''''".format,
    "TIMESTAMP WITH TIME ZONE": "'''' || left({0}::varchar, -3) || ''''".format,
    '"NULL"': "null::varchar".format,
}
"""By the engine's type; the session's time zone is UTC, and a timestamp with one ends in `+00`."""
