"""How texts of CSV and JSON files become values of a type: the value that is written there, or an error.

The engine's own casts round, guess the order of day and month, and take what they cannot read for NULL or for 1900.
"""

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
_EXACT = dict.fromkeys(_WHOLE, _WHOLE_EXACT) | {
    "DATE": _DAY,
    "TIME": _MICROSECONDS,
    "TIMESTAMP": f"{_MICROSECONDS} AND {_YEAR}",
    "TIMESTAMP WITH TIME ZONE": f"{_MICROSECONDS} AND {_YEAR}",
}
"""When the engine's cast of a text is the value, by type; NULL is none of it."""

_PLAIN_WHOLE = "NOT contains({0}, '.') AND NOT contains({0}, '-')"
_PLAIN_MOMENT = "strlen({0}) <= 21 AND strpos({0}, '-') > 4"
_PLAIN = dict.fromkeys(_WHOLE, _PLAIN_WHOLE) | {
    "DATE": "strlen({0}) = 10 AND strpos({0}, '-') > 4",
    "DOUBLE": "strlen({0}) <= 16",
    "TIME": "strlen({0}) <= 15",
    "TIMESTAMP": _PLAIN_MOMENT,
    "TIMESTAMP WITH TIME ZONE": _PLAIN_MOMENT,
}
"""When a look is enough to see that the engine's cast is the value, as it is for most texts: these are cast at once."""

_DIGITS = r"rtrim(ltrim(regexp_replace(split_part(lower({0}), 'e', 1), '[^0-9]', '', 'g'), '0'), '0')"
_DOUBLE_EXACT = (
    f"(length({{0}}) <= 16 OR length({_DIGITS}) <= 15 OR NOT regexp_matches({{0}}, '[0-9]')"
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


def is_text_first(kind: str) -> bool:
    """Return whether values of this type are to be read as text, and made of it here."""
    return kind == "BLOB[]" or not (kind.startswith(_AS_THEY_ARE) or kind.endswith("]") or kind == '"NULL"')


def from_csv(name: str, kind: str, place: str, nulls: Sequence[str], *, point: str, found: bool) -> str:
    """Return a column of texts as values of a type; `found` says that the type was detected.

    `place` is SQL for the words that say where, `nulls` are the texts that mean NULL, `point` precedes fractions.
    """
    column = identifier(name)
    text = f"nullif({column}, {literal(nulls[0])})" if nulls else column
    if len(nulls) > 1:
        text = f"if({column} IN ({', '.join(map(literal, nulls))}), NULL, {column})"
    exact = [_EXACT[kind]] if kind in _EXACT else []
    if kind == "DOUBLE" and found:
        exact.append(_DOUBLE_EXACT)
    if kind == "BLOB":
        text = column
    if point != "." and kind.startswith(("DOUBLE", "FLOAT", "DECIMAL")):
        exact.append("NOT contains({0}, '.')".replace("{0}", column))
        text = f"replace({text}, {literal(point)}, '.')"
    value = _value(name, kind, place, text, exact)
    doubtful = kind.startswith(("BLOB", "BOOLEAN")) or point != "." or any(map(str.isdigit, "".join(nulls)))
    return value if doubtful else _quick(column, kind, value)


def _quick(column: str, kind: str, value: str) -> str:
    """Cast plain texts at once, and take `value` for all others; a text that means NULL is no plain one."""
    cast = f"coalesce(TRY_CAST({column} AS {kind}), {value})"
    plain = f"WHEN {_PLAIN[kind].format(column)} THEN {cast} ELSE {value}" if kind in _PLAIN else f"ELSE {cast}"
    return f"CASE WHEN {column} IS NULL THEN NULL {plain} END"


def from_json(name: str, kind: str, place: str) -> str:
    """Return a column of texts, which were JSON's texts and numbers, as values of a type."""
    exact = [_EXACT[kind]] if kind in _EXACT else []
    if kind.startswith("DECIMAL"):
        scale = int(kind.rstrip(")").rpartition(",")[2])
        exact.append(_JSON_REAL.replace("{1}", repr(_JSON_HELD / 10**scale)))
    return _value(name, kind, place, identifier(name), exact)


def _value(name: str, kind: str, place: str, text: str, exact: Sequence[str]) -> str:
    named, wrong = literal(f"the column `{name}`"), f" holds what is no {kind}: give it another type in `schema`"
    if _DOUBLE_EXACT in exact:
        wrong = " holds what is no DOUBLE, or has more digits than one: give it another type in `schema`"
    error = f"error({named} || {place} || {literal(wrong)})"
    spelled = BEFORE_CHRIST.format(text) if kind in DATED else text
    cast = f"coalesce(TRY_CAST({spelled} AS {kind}), {error})"
    checked = f"WHEN NOT ({' AND '.join(rule.format(text) for rule in exact)}) THEN {error} " if exact else ""
    return f"CASE WHEN {text} IS NULL THEN NULL {checked}ELSE {cast} END"
