"""How texts of CSV and JSON files become values of a type: the value that is written there, or an error.

The engine's own casts round, guess the order of day and month, and take what they cannot read for NULL or for 1900.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from firn_runtime.identifiers import identifier, literal

_WHOLE = frozenset(f"{unsigned}{size}INT" for unsigned in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE"))
_WHOLE |= {"INTEGER", "UINTEGER"}
_AS_THEY_ARE = ("VARCHAR", "JSON", "ENUM", "STRUCT", "MAP", "UNION")
"""Beginnings of the types whose values the engine reads right."""

_WHOLE_EXACT = r"regexp_full_match({0}, '\s*([+-]?[0-9_]+(\.0*)?([eE]\+?[0-9]+)?|0[xX][0-9a-fA-F_]+|0[bB][01_]+)\s*')"
_MICROSECONDS = r"(length({0}) <= 15 OR NOT regexp_matches({0}, '\.\d{{6}}\d*[1-9]'))"
_YEAR = "(strpos({0}, '-') > 4 OR contains({0}, 'infinity'))"
_DAY = rf"regexp_full_match({{0}}, '\s*(\d+-\d+-\d+( BC| \(BC\))?|-?infinity)\s*') AND {_YEAR}"
_NO_OFFSET = r"NOT regexp_matches({0}, ':[0-9.]+\s*[+-]')"
_FINITE = "(isfinite({1}) OR contains(lower({0}), 'n'))"
_EXACT = dict.fromkeys(_WHOLE, _WHOLE_EXACT) | {
    "DATE": _DAY,
    "DOUBLE": _FINITE,
    "FLOAT": _FINITE,
    "TIME": r"regexp_full_match({0}, '\s*\d+:\d+(:\d+(\.\d{{0,6}}0*)?)?\s*')",
    "TIMESTAMP": f"{_MICROSECONDS} AND {_YEAR} AND {_NO_OFFSET}",
    "TIMESTAMP WITH TIME ZONE": f"{_MICROSECONDS} AND {_YEAR}",
}
"""When the engine's cast of a text is the value, by type; NULL is none of it."""

_DIGITS_ALONE = "{1} >> (53 * strlen({0}) - 53 >> 4) > 0"
"""The number has as many digits as its text has signs, so that no digit was lost: a fraction takes a point and a digit
at least, an exponent that is negative takes more. 2 ** (53 (n - 1) // 16) lies between 10 ** (n - 2) and 10 ** (n - 1)
for n from 2 to 19."""
_NO_FRACTION = (
    "NOT contains({0}, '.') AND NOT contains({0}, 'e') AND NOT contains({0}, 'E')"
    " AND {1} IS NOT NULL AND ({1} <> 0 OR contains({0}, '0'))"
)
"""The engine takes a sign alone for 0."""
_SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_PLAIN = (
    dict.fromkeys(_WHOLE, (_NO_FRACTION,))
    | dict.fromkeys(_SIGNED, (_DIGITS_ALONE, _NO_FRACTION))
    | {
        "BLOB": (),
        "BLOB[]": (),
        "BOOLEAN": (),
        "DATE": ("{1}::VARCHAR = {0}",),
        "DOUBLE": ("strlen({0}) <= 15 AND isfinite({1})",),
        "FLOAT": ("isfinite({1})",),
        "TIME": ("{1}::VARCHAR = {0}",),
        "TIMESTAMP": ("strlen({0}) <= 21 AND {0} LIKE '____-__-_____:__:__%' AND {1} IS NOT NULL",),
        "TIMESTAMP WITH TIME ZONE": ("strlen({0}) <= 21 AND strpos({0}, '-') > 4 AND {1} IS NOT NULL",),
    }
)
"""Looks at a text and the engine's cast of it, each enough to see that this is the value, the cheapest first: one that
holds for all rows at hand, as it does for most, costs next to nothing more."""
_CAST = ("{1} IS NOT NULL",)
_LIKE_A_VALUE = re.compile(r"\d|infinity", re.IGNORECASE)
"""Where a text that means NULL is of this kind, no look is enough."""

_DIGITS = r"rtrim(ltrim(regexp_replace(split_part(lower({0}), 'e', 1), '[^0-9]', '', 'g'), '0'), '0')"
_SHORTEST, _LONGEST = (_DIGITS.format(text) for text in ("{1}::VARCHAR", "format('{{:.17g}}', {1})"))
_DOUBLE_EXACT = (
    f"(length({{0}}) <= 15 OR length({_DIGITS}) <= 15 OR NOT regexp_matches({{0}}, '[0-9]')"
    f" OR {_DIGITS} IN ({_SHORTEST}, {_LONGEST}))"
)
"""A number that nobody called a DOUBLE is one only where no digit is lost."""

BEFORE_CHRIST = r"if({0} LIKE '% BC', regexp_replace({0}, '^(\S+)(.*) BC$', '\1 (BC)\2'), {0})"
"""A date or timestamp as PostgreSQL and others spell it, as the engine reads it."""
DATED = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")

_JSON_REAL = "(NOT (contains({0}, '.') OR contains({0}, 'e')) OR abs(TRY_CAST({0} AS DOUBLE)) < {2})"
_JSON_HELD = 2**53
"""The engine's JSON reader has a number with a fraction as a DOUBLE before it is a decimal."""


def is_text_first(kind: str) -> bool:
    """Return whether values of this type are to be read as text, and made of it here."""
    return kind == "BLOB[]" or not (kind.startswith(_AS_THEY_ARE) or kind.endswith("]") or kind == '"NULL"')


class Made(NamedTuple):
    """How a column of texts becomes one of values, in two steps of SQL: the second looks at what the first has made."""

    cast: str
    value: str


def from_csv(name: str, kind: str, cast: str, place: str, nulls: Sequence[str], *, point: str, found: bool) -> Made:
    """Return a column of texts as values of a type; `found` says that the type was detected.

    `cast` is what the first step calls its column, `place` is SQL for the words that say where, `nulls` are the texts
    that mean NULL, `point` precedes fractions.
    """
    column = identifier(name)
    exact = _exact(kind)
    if kind == "DOUBLE" and found:
        exact.append(_DOUBLE_EXACT)
    text = column
    if point != "." and kind.startswith(("DOUBLE", "FLOAT", "DECIMAL")):
        exact.append("NOT contains({0}, '.')".replace("{0}", column))
        text = f"replace({column}, {literal(point)}, '.')"
    made = _made(name, kind, cast, place, text, exact)
    means_null = f"WHEN {column} IN ({', '.join(map(literal, nulls))}) THEN NULL " if nulls and kind != "BLOB" else ""
    doubtful = point != "." or any(_LIKE_A_VALUE.search(text) for text in nulls)
    looks = () if doubtful else _PLAIN.get(kind, _CAST)
    plain = " ".join(f"WHEN {look.format(column, cast)} THEN {cast}" for look in looks)
    return made._replace(value=f"CASE {plain} WHEN {column} IS NULL THEN NULL {means_null}{made.value} END")


def from_json(name: str, kind: str, cast: str, place: str) -> Made:
    """Return a column of texts, which were JSON's texts and numbers, as values of a type."""
    exact = _exact(kind)
    if kind.startswith("DECIMAL"):
        scale = int(kind.rstrip(")").rpartition(",")[2])
        exact.append(_JSON_REAL.replace("{2}", repr(_JSON_HELD / 10**scale)))
    made = _made(name, kind, cast, place, identifier(name), exact)
    return made._replace(value=f"CASE WHEN {identifier(name)} IS NULL THEN NULL {made.value} END")


def _exact(kind: str) -> list[str]:
    return [_EXACT[kind]] if kind in _EXACT else []


def _made(name: str, kind: str, cast: str, place: str, text: str, exact: Sequence[str]) -> Made:
    """Return the cast, and the last branches of a CASE: the exact value of a text, or an error."""
    named, wrong = literal(f"the column `{name}`"), f" holds what is no {kind}: give it another type in `schema`"
    if _DOUBLE_EXACT in exact:
        wrong = " holds what is no DOUBLE, or has more digits than one: give it another type in `schema`"
    value = f"TRY_CAST({BEFORE_CHRIST.format(text)} AS {kind})" if kind in DATED else cast
    rules = " AND ".join([f"{value} IS NOT NULL", *(rule.format(text, cast) for rule in exact)])
    error = f"error({named} || {place} || {literal(wrong)})"
    return Made(f"TRY_CAST({text} AS {kind})", f"WHEN {rules} THEN {value} ELSE {error}")
