"""How texts of CSV and JSON files become values of a type: the value that is written there, or an error.

The engine's own casts round, guess the order of day and month, and take what they cannot read for NULL or for 1900.
"""

import re
from collections.abc import Sequence

from firn_runtime.identifiers import identifier, literal

_WHOLE = frozenset(f"{unsigned}{size}INT" for unsigned in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE"))
_WHOLE |= {"INTEGER", "UINTEGER"}
_AS_THEY_ARE = ("VARCHAR", "JSON", "ENUM", "STRUCT", "MAP", "UNION")
"""Beginnings of the types whose values the engine reads right."""

_WHOLE_EXACT = (
    r"NOT ((contains({0}, '.') AND NOT regexp_full_match({0}, '\s*[+-]?\d+\.0*\s*'))"
    " OR (contains({0}, '-') AND (contains({0}, 'e-') OR contains({0}, 'E-'))))"
)
_MICROSECONDS = r"(length({0}) <= 15 OR NOT regexp_matches({0}, '\.\d{{6}}\d*[1-9]'))"
_YEAR = "(strpos({0}, '-') > 4 OR contains({0}, 'infinity'))"
_DAY = rf"(length({{0}}) = 10 OR regexp_full_match({{0}}, '\s*(\d+-\d+-\d+( BC| \(BC\))?|-?infinity)\s*')) AND {_YEAR}"
_HOUR = r"(strlen({0}) <= 8 AND NOT contains({0}, '+') AND NOT contains({0}, '-'))"
_HOUR = rf"({_HOUR} OR regexp_full_match({{0}}, '\s*\d+:\d+(:\d+(\.\d+)?)?\s*'))"
_UTC = r"NOT regexp_matches({0}, ':\d+(\.\d+)?\s*[+-][\d:]*[1-9]')"
_NANOSECONDS = r"NOT regexp_matches({0}, '\.\d{{9}}\d*[1-9]')"
_NOT_ENDLESS = "(contains(lower({{0}}), 'inf') OR NOT isinf(TRY_CAST({{0}} AS {0})))"
_COARSE = "TRY_CAST({{0}} AS {0})::TIMESTAMP IS NOT DISTINCT FROM TRY_CAST({{0}} AS TIMESTAMP)"
_EXACT = dict.fromkeys(_WHOLE, _WHOLE_EXACT) | {
    "DATE": _DAY,
    "DOUBLE": _NOT_ENDLESS.format("DOUBLE"),
    "FLOAT": _NOT_ENDLESS.format("FLOAT"),
    "TIME": f"{_MICROSECONDS} AND {_HOUR}",
    "TIMESTAMP": f"{_MICROSECONDS} AND {_YEAR} AND {_UTC}",
    "TIMESTAMP WITH TIME ZONE": f"{_MICROSECONDS} AND {_YEAR}",
    "TIMESTAMP_MS": f"{_MICROSECONDS} AND {_YEAR} AND {_UTC} AND {_COARSE.format('TIMESTAMP_MS')}",
    "TIMESTAMP_NS": f"{_NANOSECONDS} AND {_YEAR} AND {_UTC}",
    "TIMESTAMP_S": f"{_MICROSECONDS} AND {_YEAR} AND {_UTC} AND {_COARSE.format('TIMESTAMP_S')}",
    "TIME_NS": f"{_NANOSECONDS} AND {_HOUR}",
}
"""When the engine's cast of a text is the value, by type; NULL is none of it."""

_DIGITS = r"rtrim(ltrim(regexp_replace(split_part(lower({0}), 'e', 1), '[^0-9]', '', 'g'), '0'), '0')"

_PLAIN_WHOLE = "NOT contains({0}, '.') AND NOT contains({0}, '-')"
_PLAIN_MOMENT = "strlen({0}) <= 21 AND strpos({0}, '-') > 4"
_PLAIN_UTC = "NOT contains({0}, '+') AND NOT contains(substr({0}, 9), '-')"
_PLAIN_REAL = "strlen({0}) <= 15 AND NOT contains({0}, 'e') AND NOT contains({0}, 'E')"
_PLAIN = (
    dict.fromkeys(_WHOLE, _PLAIN_WHOLE)
    | {
        "DATE": "strlen({0}) = 10 AND strpos({0}, '-') > 4",
        "DOUBLE": _PLAIN_REAL,
        "FLOAT": _PLAIN_REAL,
        "TIME": "strlen({0}) <= 15 AND NOT contains({0}, '+') AND NOT contains({0}, '-')",
        "TIMESTAMP": f"{_PLAIN_MOMENT} AND {_PLAIN_UTC}",
        "TIMESTAMP WITH TIME ZONE": _PLAIN_MOMENT,
    }
    | dict.fromkeys(("TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP_S", "TIME_NS"), "false")
)
"""When a look is enough to see that the engine's cast is the value, as it is for most texts: these are cast at once."""

_DOUBLE_EXACT = (
    f"(length({{0}}) <= 15 OR length({_DIGITS}) <= 15 OR NOT regexp_matches({{0}}, '[0-9]')"
    f" OR {_DIGITS} = {_DIGITS.format('TRY_CAST({0} AS DOUBLE)::VARCHAR')}"
    f" OR {_DIGITS} = {_DIGITS.format(chr(39).join(('format(', '{{:.17g}}', ', TRY_CAST({0} AS DOUBLE))')))})"
)
"""A number that nobody called a DOUBLE is one only where no digit is lost."""

BEFORE_CHRIST = r"if({0} LIKE '% BC', regexp_replace({0}, '^(\S+)(.*) BC$', '\1 (BC)\2'), {0})"
"""A date or timestamp as PostgreSQL and others spell it, as the engine reads it."""
DATED = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")

_JSON_REAL = "(NOT (contains({0}, '.') OR contains({0}, 'e')) OR abs(TRY_CAST({0} AS DOUBLE)) < {1})"
_JSON_HELD = 2**53
"""The engine's JSON reader has a number with a fraction as a DOUBLE before it is a decimal."""


def _exact(kind: str) -> list[str]:
    """Return when the engine's cast of a text to this type is the value: it rounds decimals."""
    if kind.startswith("DECIMAL"):
        return [f"({_plain_decimal(kind)} OR {_DIGITS} = {_DIGITS.format(f'TRY_CAST({{0}} AS {kind})::VARCHAR')})"]
    return [_EXACT[kind]] if kind in _EXACT else []


def _plain(kind: str) -> str:
    """Return when a look is enough; nothing where it never is."""
    return _plain_decimal(kind) if kind.startswith("DECIMAL") else _PLAIN.get(kind, "")


def _plain_decimal(kind: str) -> str:
    few = f"(NOT contains({{0}}, '.') OR strlen({{0}}) - strpos({{0}}, '.') <= {_scale(kind)})"
    return f"({few} AND NOT contains({{0}}, 'e') AND NOT contains({{0}}, 'E'))"


def _scale(kind: str) -> int:
    return int(kind.rstrip(")").rpartition(",")[2])


def is_text_first(kind: str) -> bool:
    """Return whether values of this type, or of lists of it, are to be read as text, and made of it here."""
    return not (kind.startswith(_AS_THEY_ARE) or kind == '"NULL"')


_LISTS = re.compile(r"(.*?)((?:\[\d*\])+)\Z")
_WITHOUT_SIGNS = (*_WHOLE, "DECIMAL", "DOUBLE", "FLOAT", "BOOLEAN", "BLOB")
"""Types of values whose text in JSON is read as it stands: the engine's JSON has doubles for numbers with a point."""


def elements(kind: str) -> tuple[str, int]:
    """Return the type of the values of a list and how many lists are within each other: none for what is no list."""
    found = _LISTS.match(kind)
    return (found[1], found[2].count("[")) if found else (kind, 0)


def each(lists: str, depth: int, value: str) -> str:
    """Return SQL that makes `value` of every `x` in lists; these may be NULL."""
    for _ in range(depth - 1):
        value = f"list_transform(x, lambda x: {value})"
    return f"list_transform({lists}, lambda x: {value})"


def list_of_text(text: str, kind: str, error: str, more: Sequence[str] = (), *, is_json: bool = False) -> str:
    """Return a text, the engine's own or JSON, as a list of values; `error` is SQL that fails where it is none."""
    element, depth = elements(kind)
    texts = f"TRY_CAST({text} AS JSON)" if is_json and not element.startswith(_WITHOUT_SIGNS) else text
    lists = f"coalesce(TRY_CAST({texts} AS VARCHAR{'[]' * depth}), {error})"
    made = each(lists, depth, _checked("x", element, error, [*_exact(element), *more]))
    nothing = f"{text} IS NULL OR {text} = 'null'" if is_json else f"{text} IS NULL"
    return of_length(f"CASE WHEN {nothing} THEN NULL ELSE {made} END", kind, error)


def of_length(lists: str, kind: str, error: str) -> str:
    """Return lists as the arrays that `kind` has for them, if it has: these hold as many values as it says."""
    length = kind.rpartition("[")[2].rstrip("]")
    if length:
        lists = f"if(len({lists}) <> {length}, {error}, {lists})"
    return f"CAST({lists} AS {kind})" if re.search(r"\[\d", kind) else lists


def from_csv(name: str, kind: str, place: str, nulls: Sequence[str], *, point: str, found: bool) -> str:
    """Return a column of texts as values of a type; `found` says that the type was detected.

    `place` is SQL for the words that say where, `nulls` are the texts that mean NULL, `point` precedes fractions.
    """
    column = identifier(name)
    text = f"nullif({column}, {literal(nulls[0])})" if nulls else column
    if len(nulls) > 1:
        text = f"if({column} IN ({', '.join(map(literal, nulls))}), NULL, {column})"
    if elements(kind)[1]:
        return list_of_text(text, kind, _error(name, kind, place))
    exact = _exact(kind)
    if kind == "DOUBLE" and found:
        exact.append(_DOUBLE_EXACT)
    if kind == "BLOB":
        text = column
    if point != "." and kind.startswith(("DOUBLE", "FLOAT", "DECIMAL")):
        exact.append("NOT contains({0}, '.')".replace("{0}", column))
        text = f"replace({text}, {literal(point)}, '.')"
    more = ", or has more digits than one" if _DOUBLE_EXACT in exact else ""
    error = _error(name, kind, place, more)
    value = _checked(text, kind, error, exact)
    doubtful = kind.startswith(("BLOB", "BOOLEAN")) or point != "." or any(map(str.isdigit, "".join(nulls)))
    return value if doubtful else _quick(column, kind, value)


def _quick(column: str, kind: str, value: str) -> str:
    """Cast plain texts at once, and take `value` for all others; a text that means NULL is no plain one."""
    cast = f"coalesce(TRY_CAST({column} AS {kind}), {value})"
    plain = f"WHEN {_plain(kind).format(column)} THEN {cast} ELSE {value}" if _plain(kind) else f"ELSE {cast}"
    return f"CASE WHEN {column} IS NULL THEN NULL {plain} END"


def from_json(name: str, kind: str, place: str) -> str:
    """Return a column of texts, which were JSON's texts, numbers and lists, as values of a type."""
    column, (element, depth), error = identifier(name), elements(kind), _error(name, kind, place)
    more = [_JSON_REAL.replace("{1}", repr(_JSON_HELD / 10 ** _scale(element)))] if "DECIMAL" in element else []
    if depth:
        return list_of_text(column, kind, error, more, is_json=True)
    return _checked(column, kind, error, [*_exact(kind), *more])


def finite_json(name: str, place: str) -> str:
    """Return a column of JSON's numbers as the DOUBLE they were read as, which is infinite where they are too large."""
    return f"if(isinf({identifier(name)}), {_error(name, 'DOUBLE', place)}, {identifier(name)})"


def _error(name: str, kind: str, place: str, more: str = "") -> str:
    said = literal(f" holds what is no {kind}{more}: give it another type in `schema`")
    return f"error({literal(f'the column `{name}`')} || {place} || {said})"


def of_text(text: str, kind: str, error: str) -> str:
    """Return a text as a value of a type; `error` is SQL that fails where it is none."""
    return list_of_text(text, kind, error) if elements(kind)[1] else _checked(text, kind, error, _exact(kind))


def _checked(text: str, kind: str, error: str, exact: Sequence[str]) -> str:
    spelled = BEFORE_CHRIST.format(text) if kind in DATED else text
    cast = f"coalesce(TRY_CAST({spelled} AS {kind}), {error})"
    checked = f"WHEN NOT ({' AND '.join(rule.format(text) for rule in exact)}) THEN {error} " if exact else ""
    return f"CASE WHEN {text} IS NULL THEN NULL {checked}ELSE {cast} END"
