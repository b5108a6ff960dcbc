"""How texts become values of a type: the value that is written there, or an error.

The engine's own casts round, guess the order of day and month, and take what they cannot read for NULL or for 1900.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from firn_runtime.connectors.values.lists import each, elements, of_length
from firn_runtime.identifiers import identifier, literal
from firn_schemas.visible import visible

WHOLE = frozenset(f"{unsigned}{size}INT" for unsigned in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE"))
WHOLE |= {"INTEGER", "UINTEGER"}
_AS_THEY_ARE = ("VARCHAR", "JSON", "ENUM", "STRUCT", "MAP", "UNION")
"""Beginnings of the types whose values the engine reads right."""

_WHOLE_EXACT = r"regexp_full_match({0}, '\s*([+-]?[0-9_]+(\.0*)?([eE]\+?[0-9]+)?|0[xX][0-9a-fA-F_]+|0[bB][01_]+)\s*')"
_MICROSECONDS = r"(length({0}) <= 15 OR NOT regexp_matches({0}, '\.\d{{6}}\d*[1-9]'))"
_NANOSECONDS = r"NOT regexp_matches({0}, '\.\d{{9}}\d*[1-9]')"
_YEAR = "(strpos({0}, '-') > 4 OR contains({0}, 'infinity'))"
_DAY = rf"regexp_full_match({{0}}, '\s*(\d+-\d+-\d+( BC| \(BC\))?|-?infinity)\s*') AND {_YEAR}"
_UTC = r"NOT regexp_matches({0}, ':[0-9.]+\s*[+-][\d:]*[1-9]')"
_FINITE = "(isfinite({1}) OR contains(lower({0}), 'n'))"
_COARSE = "{1}::TIMESTAMP IS NOT DISTINCT FROM TRY_CAST({0} AS TIMESTAMP)"
_EXACT = dict.fromkeys(WHOLE, _WHOLE_EXACT) | {
    "DATE": _DAY,
    "DOUBLE": _FINITE,
    "FLOAT": _FINITE,
    "TIME": r"regexp_full_match({0}, '\s*\d+:\d+(:\d+(\.\d{{0,6}}0*)?)?\s*')",
    "TIME_NS": r"regexp_full_match({0}, '\s*\d+:\d+(:\d+(\.\d{{0,9}}0*)?)?\s*')",
    "TIMESTAMP": f"{_MICROSECONDS} AND {_YEAR} AND {_UTC}",
    "TIMESTAMP WITH TIME ZONE": f"{_MICROSECONDS} AND {_YEAR}",
    "TIMESTAMP_MS": f"{_MICROSECONDS} AND {_YEAR} AND {_UTC} AND {_COARSE}",
    "TIMESTAMP_NS": f"{_NANOSECONDS} AND {_YEAR} AND {_UTC}",
    "TIMESTAMP_S": f"{_MICROSECONDS} AND {_YEAR} AND {_UTC} AND {_COARSE}",
}
"""When the engine's cast `{1}` of a text `{0}` is the value, by type; NULL is none of it."""

_DIGITS_ALONE = "{1} >> (53 * strlen({0}) - 53 >> 4) > 0"
"""The number has as many digits as its text has signs, so that no digit was lost: a fraction takes a point and a digit
at least, an exponent that is negative takes more. 2 ** (53 (n - 1) // 16) lies between 10 ** (n - 2) and 10 ** (n - 1)
for n from 2 to 19."""
_BELOW_ZERO = "{0} < '0' AND (-1 - {1}) >> (53 * strlen({0}) - 106 >> 4) > 0"
_NO_EXPONENT = "NOT contains({0}, 'e') AND NOT contains({0}, 'E')"
_NO_FRACTION = (
    f"NOT contains({{0}}, '.') AND {_NO_EXPONENT} AND {{1}} IS NOT NULL AND ({{1}} <> 0 OR contains({{0}}, '0'))"
)
"""The engine takes a sign alone for 0."""
_NO_ZEROS_FIRST = "({0} >= '1' OR {0} < '00')"
_SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_NEVER = ("BLOB", "BOOLEAN", "TIME_NS", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP_S")
_PLAIN: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(WHOLE, (_NO_FRACTION,)),
    **dict.fromkeys(_SIGNED, (f"{{0}} >= '1' AND {_DIGITS_ALONE}", "{0} = '0'", _BELOW_ZERO)),
    **dict.fromkeys(_NEVER, ()),
    "DATE": ("{1}::VARCHAR = {0}",),
    "DOUBLE": (f"strlen({{0}}) <= 15 AND isfinite({{1}}) AND {_NO_ZEROS_FIRST}",),
    "FLOAT": ("isfinite({1})",),
    "TIME": ("{1}::VARCHAR = {0}",),
    "TIMESTAMP": ("strlen({0}) <= 21 AND {0} LIKE '____-__-_____:__:__%' AND {1} IS NOT NULL",),
    "TIMESTAMP WITH TIME ZONE": ("strlen({0}) <= 21 AND strpos({0}, '-') > 4 AND {1} IS NOT NULL",),
}
"""Looks at a text and the engine's cast of it, each enough to see that this is the value, the cheapest first: one that
holds for all rows at hand, as it does for most, costs next to nothing more."""
_CAST = ("{1} IS NOT NULL",)
_LIKE_A_VALUE = re.compile(r"\d|infinity", re.IGNORECASE)
"""Where a text that means NULL is of this kind, no look is enough."""

_DIGITS = r"trim(regexp_replace({0}, '[eE].*|[^0-9]', '', 'g'), '0')"
_SHORTEST, _LONGEST, _SAVED = (
    _DIGITS.format(text) for text in ("{1}::VARCHAR", "format('{{:.17g}}', {1})", "format('{{:.18e}}', {1})")
)
_DOUBLE_EXACT = f"(length({_DIGITS}) <= 15 OR {_DIGITS} IN ({_SHORTEST}, {_LONGEST}, {_SAVED}))"
"""A number that nobody called a DOUBLE is one only where no digit is lost. NumPy's `savetxt` writes 19 of a DOUBLE."""

BEFORE_CHRIST = r"if(contains({0}, ' BC'), regexp_replace({0}, '^(\s*\S+)(.*) BC\s*$', '\1 (BC)\2'), {0})"
"""A date or timestamp as PostgreSQL and others spell it, as the engine reads it."""
DATED = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
_NUMBER = r"NOT regexp_matches({0}, '^\s*(\+|0[0-9_xXbB])|_')"
_TRUTH = "lower(trim({0})) IN ('true', 'false')"
_FOUND = {
    "BIGINT": ([_NUMBER], ", or begins with zeros"),
    "BOOLEAN": ([_TRUTH], ", which is `true` or `false`"),
    "DOUBLE": ([_NUMBER, _DOUBLE_EXACT], ", or begins with zeros or has more digits than one"),
}
"""Rules for texts of a column whose type was detected, where they are more than the type's own, and what their error
says of them."""
_SPELLED = {"BOOLEAN": _TRUTH, "DATE": _DAY, "TIMESTAMP": _YEAR, "TIMESTAMP WITH TIME ZONE": _YEAR}
"""How texts are spelled for which these types may be detected: not as `yes`, `2026/11/23` or `1-2-3`."""

_JSON_REAL = "(NOT (contains({0}, '.') OR contains({0}, 'e')) OR abs(TRY_CAST({0} AS DOUBLE)) < {2})"
_JSON_HELD = 2**53
"""The engine's JSON reader has a number with a fraction as a DOUBLE before it is a decimal."""
_JSON_TEXT = r'"(\\.|[^"\\])*"'
_WITHOUT_SIGNS = (*WHOLE, "DECIMAL", "DOUBLE", "FLOAT", "BOOLEAN", "BLOB")
"""Types of values whose text in JSON is read as it stands: the engine's JSON has doubles for numbers with a point."""


class Made(NamedTuple):
    """How a column of texts becomes one of values, in two steps of SQL: the second looks at what the first has made."""

    cast: str
    value: str


def is_text_first(kind: str) -> bool:
    """Return whether values of this type, or of lists of it, are to be read as text, and made of it here."""
    return not (kind.startswith(_AS_THEY_ARE) or kind == '"NULL"')


def is_misspelt(name: str, kind: str, nulls: Sequence[str] = ()) -> str:
    """Return SQL that says whether a column of texts has one that is not spelled as values of its detected type are.

    Empty for the types that are detected by no other spelling. `nulls` are the texts that mean NULL.
    """
    column = identifier(name)
    rule = _SPELLED.get(kind, "").format(column)
    return f"bool_or({column} IS NOT NULL AND NOT ({_means(column, nulls)} OR {rule}))" if rule else ""


def from_csv(name: str, kind: str, cast: str, place: str, nulls: Sequence[str], *, point: str, found: bool) -> Made:
    """Return a column of texts as values of a type; `found` says that the type was detected.

    `cast` is what the first step calls its column, `place` is SQL for the words that say where, `nulls` are the texts
    that mean NULL, `point` precedes fractions.
    """
    column = identifier(name)
    means_null = _means(column, nulls)
    if elements(kind)[1]:
        return _alone(list_of_text(f"if({means_null}, NULL, {column})", kind, _error(name, kind, place)))
    exact, text = _exact(kind), column
    rules, more = _FOUND.get(kind, ([], "")) if found else ([], "")
    exact += rules
    if point != "." and kind.startswith(("DOUBLE", "FLOAT", "DECIMAL")):
        exact.append(f"NOT contains({column.replace('{', '{{').replace('}', '}}')}, '.')")
        text = f"replace({column}, {literal(point)}, '.')"
    error = _error(name, kind, place, more)
    doubtful = point != "." or any(_LIKE_A_VALUE.search(text) for text in nulls)
    plain = "" if doubtful else _plain(column, kind, cast)
    nothing = f"WHEN {means_null} THEN NULL " if nulls and kind != "BLOB" else ""
    careful = _branches(text, kind, cast, error, exact)
    return Made(_tried(text, kind), f"CASE {plain} WHEN {column} IS NULL THEN NULL {nothing}{careful} END")


def from_json(name: str, kind: str, cast: str, place: str, *, has_exact_numbers: bool = False) -> Made:
    """Return a column of texts, which were JSON's texts, numbers and lists, as values of a type.

    `has_exact_numbers` says that somebody has looked at JSON's own numbers, which are told from texts no longer here.
    """
    column, (element, depth), error = identifier(name), elements(kind), _error(name, kind, place)
    is_doubtful = "DECIMAL" in element and not has_exact_numbers
    more = [_JSON_REAL.replace("{2}", repr(exact_below(element)))] if is_doubtful else []
    if depth:
        return _alone(list_of_text(column, kind, error, more, is_json=True))
    careful = _branches(column, kind, cast, error, [*_exact(kind), *more])
    plain = "" if is_doubtful else _plain(column, kind, cast)
    return Made(_tried(column, kind), f"CASE {plain} WHEN {column} IS NULL THEN NULL {careful} END")


def from_double(name: str, kind: str, cast: str) -> Made:
    """Return a column of doubles below an eighth of `exact_below` as decimals, of which none has more digits."""
    column, error = identifier(name), _error(name, kind, literal(""))
    return Made(
        _tried(column, kind), f"CASE WHEN {column} IS NULL OR {cast}::DOUBLE = {column} THEN {cast} ELSE {error} END"
    )


def exact_below(decimal: str) -> float:
    """Return where numbers with a fraction begin of which a double has not every digit that a decimal has."""
    return _JSON_HELD / float(10 ** _scale(decimal))


def finite_json(name: str, kind: str, place: str) -> Made:
    """Return a column of JSON's numbers as the DOUBLE they were read as, which is infinite where they are too large."""
    column = identifier(name)
    endless = f"isinf({column})" if kind == "DOUBLE" else holds_number(column, "Infinity")
    return _alone(f"if({endless}, {_error(name, 'DOUBLE', place)}, {column})")


def holds_number(column: str, word: str) -> str:
    """Return SQL that says whether lists or records hold a number of this name; texts and keys do not count."""
    text = f"to_json({column})::VARCHAR"
    without_texts = f"regexp_replace({text}, {literal(_JSON_TEXT)}, '', 'g')"
    return f"(contains({text}, {literal(word)}) AND contains({without_texts}, {literal(word)}))"


def of_text(text: str, kind: str, error: str, more: Sequence[str] = ()) -> str:
    """Return a text as a value of a type; `error` is SQL that fails where it is none, `more` are further rules."""
    if elements(kind)[1]:
        return list_of_text(text, kind, error)
    careful = _branches(text, kind, _tried(text, kind), error, [*_exact(kind), *more])
    return f"CASE WHEN {text} IS NULL THEN NULL {careful} END"


def list_of_text(text: str, kind: str, error: str, more: Sequence[str] = (), *, is_json: bool = False) -> str:
    """Return a text, the engine's own or JSON, as a list of values; `error` is SQL that fails where it is none."""
    element, depth = elements(kind)
    texts = f"TRY_CAST({text} AS JSON)" if is_json and not element.startswith(_WITHOUT_SIGNS) else text
    lists = f"coalesce(TRY_CAST({texts} AS VARCHAR{'[]' * depth}), {error})"
    made = each(lists, depth, of_text("x", element, error, more))
    nothing = f"{text} IS NULL OR {text} = 'null'" if is_json else f"{text} IS NULL"
    return of_length(f"CASE WHEN {nothing} THEN NULL ELSE {made} END", kind, error)


def _means(column: str, nulls: Sequence[str]) -> str:
    return f"{column} IN ({', '.join(map(literal, nulls))})" if nulls else "false"


def _alone(value: str) -> Made:
    """Return what needs no cast before it."""
    return Made("NULL", value)


def _tried(text: str, kind: str) -> str:
    return f"TRY_CAST({text} AS {kind})"


def _branches(text: str, kind: str, cast: str, error: str, exact: Sequence[str]) -> str:
    """Return the last branches of a CASE: the exact value of a text, or an error; `cast` is the engine's cast of it."""
    rules = [rule.format(text, cast) for rule in exact]
    if kind in DATED:
        cast = f"coalesce({_tried(BEFORE_CHRIST.format(text), kind)}, {error})"
    else:
        rules.insert(0, f"{cast} IS NOT NULL")
    return f"WHEN {' AND '.join(rules)} THEN {cast} ELSE {error}"


def _exact(kind: str) -> list[str]:
    """Return when the engine's cast of a text to this type is the value: it rounds decimals."""
    if kind.startswith("DECIMAL"):
        return [f"({_plain_decimal(kind)} OR {_DIGITS} = {_SHORTEST})"]
    return [_EXACT[kind]] if kind in _EXACT else []


def _plain(text: str, kind: str, cast: str) -> str:
    """Return the first branches of a CASE: those by which most texts are seen to be the value."""
    return " ".join(f"WHEN {look.format(text, cast)} THEN {cast}" for look in _looks(kind))


def _looks(kind: str) -> tuple[str, ...]:
    if kind.startswith("DECIMAL"):
        return (f"{_plain_decimal(kind)} AND {{1}} IS NOT NULL",)
    return _PLAIN.get(kind, _CAST)


def _plain_decimal(kind: str) -> str:
    few = f"(NOT contains({{0}}, '.') OR strlen({{0}}) - strpos({{0}}, '.') <= {_scale(kind)})"
    return f"({few} AND {_NO_EXPONENT})"


def _scale(kind: str) -> int:
    return int(kind.rstrip(")").rpartition(",")[2])


def _error(name: str, kind: str, place: str, more: str = "") -> str:
    said = literal(f" holds what is no {kind}{more}: give it another type in `schema`")
    return f"error({literal(visible(f'the column `{name}`'))} || {place} || {said})"
