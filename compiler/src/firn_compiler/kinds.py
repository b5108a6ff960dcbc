"""Kinds of values: which the engine takes side by side, and which of its functions take which.

A kind stands for the engine's types that go everywhere together: all whole numbers are one. Where a kind is not known
(nested types, JSON, texts written out, which become what is needed), nothing is said.
"""

import re
from calendar import monthrange
from collections.abc import Mapping, Set
from typing import Final

_NAMES: Mapping[str, str] = {
    "boolean": "bool boolean logical",
    "whole number": """
        bigint hugeint int int1 int128 int16 int2 int32 int4 int64 int8 integer integral long short signed smallint
        tinyint ubigint uhugeint uint uint128 uint16 uint32 uint64 uint8 uinteger usmallint utinyint
    """,
    "decimal": "dec decimal numeric",
    "double": "double float float4 float8 real",
    "text": "bpchar char character nvarchar string text varchar",
    "binary": "binary blob bytea varbinary",
    "date": "date",
    "time": "time",
    "timestamp": "datetime timestamp timestamp_ms timestamp_ns timestamp_s timestamp_us timestampntz",
    "timestamp with time zone": "timestamptz",
    "interval": "interval",
    "UUID": "guid uuid",
}
_WORDS: Mapping[str, str] = {
    "character varying": "text",
    "double precision": "double",
    "time without time zone": "time",
    "timestamp with time zone": "timestamp with time zone",
    "timestamp without time zone": "timestamp",
}
_KINDS = {**{name: kind for kind, names in _NAMES.items() for name in names.split()}, **_WORDS}


def kind_of(type_: str) -> str:
    """Return the kind of a type's values, by the name SQL has for it; empty where it is none of these."""
    name, bracket, rest = type_.lower().partition("(")
    return _KINDS.get(name.strip(), "") if not bracket or rest.rstrip().endswith(")") else ""


NUMBERS: Final = frozenset(["whole number", "decimal", "double"])
MOMENTS: Final = frozenset(["date", "timestamp", "timestamp with time zone"])
TIMES: Final = frozenset([*MOMENTS, "time", "interval"])
TEXTS: Final = frozenset(["text"])
ALL: Final = frozenset(_NAMES)
_COUNTABLE = frozenset(["boolean", "whole number"])
_RANK = ("boolean", "whole number", "decimal", "double", "date", "timestamp", "timestamp with time zone")
"""Of two that go together the later is what both become."""


def common(left: str, right: str) -> str:
    """Return what two kinds become side by side; empty where they do not go together."""
    pair = {left, right}
    if left == right:
        return left
    return max(pair, key=_RANK.index) if any(pair <= one for one in (NUMBERS, MOMENTS, _COUNTABLE)) else ""


def united(left: str, right: str) -> str:
    """Return what two kinds become in one column of a set operation; empty where they become nothing, or who knows."""
    pair = {left, right}
    return "text" if "text" in pair and pair.isdisjoint(["", "binary", "UUID"]) else common(left, right)


def equal(left: str, right: str) -> bool:
    """Whether the engine compares two kinds by `=`: what can be cast at all is cast."""
    pair = {left, right}
    return bool(common(left, right)) or "text" in pair or pair <= NUMBERS | {"boolean"}


def castable(kind: str, to: str) -> bool:
    """Whether the engine casts values of one kind to another, at least where they fit."""
    return equal(kind, to) or (kind, to) == ("timestamp", "time") or {kind, to} == {"binary", "UUID"}


CONDITIONS: Final = frozenset(["boolean", "text", *NUMBERS])
"""Kinds whose values may stand where a condition does."""


_SUMS: Mapping[tuple[str, str, str], str] = {
    ("+", "date", "interval"): "timestamp",
    ("+", "date", "time"): "timestamp",
    ("+", "date", "whole number"): "date",
    ("-", "date", "interval"): "timestamp",
    ("-", "date", "whole number"): "date",
    ("-", "date", "date"): "whole number",
    ("/", "interval", "whole number"): "interval",
    ("/", "interval", "decimal"): "interval",
    ("/", "interval", "double"): "interval",
    **{(sign, one, "interval"): one for sign in "+-" for one in TIMES - {"date"}},
    **{("-", one, other): "interval" for one in MOMENTS for other in MOMENTS if {one, other} != {"date"}},
    **{("*", "interval", one): "interval" for one in NUMBERS},
}


def computed(sign: str, left: str, right: str) -> str:
    """Return the kind that `+`, `-`, `*`, `/` or `%` makes of two; empty where it takes none of the two together."""
    if {left, right} <= NUMBERS:
        return "double" if sign == "/" else common(left, right)
    found = _SUMS.get((sign, left, right), "")
    return found or (_SUMS.get((sign, right, left), "") if sign in "+*" else "")


_WITH_TEXT: Mapping[str, tuple[Set[str], Set[str]]] = {
    "+": (NUMBERS | MOMENTS - {"date"}, NUMBERS | MOMENTS - {"date"}),
    "-": (NUMBERS | MOMENTS, NUMBERS | {"time", "interval"}),
    "*": (frozenset(["whole number"]), frozenset(["whole number"])),
    "/": (frozenset(["whole number"]), NUMBERS | {"interval"}),
    "%": (NUMBERS, NUMBERS),
}
"""By sign, the kinds before which a text may stand that is written out, and those behind which it may.

Of whole numbers it depends on their width.
"""


def takes_text(sign: str, kind: str, *, first: bool) -> bool:
    """Whether a text that is written out becomes a value that can be computed with one of this kind."""
    before, behind = _WITH_TEXT[sign]
    return kind in (before if first else behind)


def article(kind: str) -> str:
    """Return a kind's name as a sentence has it: `a date`."""
    return f"{'an' if kind == 'interval' else 'a'} {kind}"


_NUMBER = re.compile(r"\s*[-+]?((\d[\d_]*\.?\d*|\.\d+)(e[-+]?\d+)?|0[xb][\da-f]+|nan|inf|infinity)\s*", re.I)
_MOMENT = re.compile(r"\s*((-?\d+)([-/ \\])(\d\d?)\3(\d\d?)(?!\d).*|epoch|[-+]?inf(inity)?)\s*", re.I | re.S | re.A)
_FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "boolean": (re.compile(r"\s*(true|false|t|f|yes|no|y|n|1|0)\s*", re.I), "`true` or `false`"),
    **dict.fromkeys(NUMBERS, (_NUMBER, "a number without quotes")),
    **dict.fromkeys(MOMENTS, (_MOMENT, "such as `'2026-01-31'`")),
}


def readable(text: str, kind: str) -> bool:
    """Whether the engine may read a text as a value of this kind."""
    found = _FORMS[kind][0].fullmatch(text) if kind in _FORMS else None
    return kind not in _FORMS or (found is not None and (kind not in MOMENTS or _is_day(*found.group(2, 4, 5))))


def _is_day(year: str | None, month: str, day: str) -> bool:
    """Whether a date is one of the calendar; one without a year is a word for a day."""
    if year is None:
        return True
    return 1 <= int(month) <= 12 and 1 <= int(day) <= monthrange(int(year[-4:]) % 400 + 400, int(month))[1]


def written(kind: str) -> str:
    """Say how a value of this kind is written beside a column of it."""
    return _FORMS[kind][1] if kind in _FORMS else "a text in quotes"


_MEETING: tuple[tuple[Set[str], Set[str], str], ...] = (
    (TEXTS, NUMBERS, "cast the text to a number, such as `cast(… as decimal(18, 2))`"),
    (TEXTS, TIMES, "cast the text, such as `cast(… as date)`, or read it by a form: `strptime(…, '%d.%m.%Y')`"),
    (
        frozenset(["interval"]),
        NUMBERS,
        "between dates are days, such as `7`; between timestamps is such as `interval 7 day`",
    ),
    (MOMENTS, NUMBERS, "write a date as `date '2026-01-31'`"),
)


def how_to_meet(left: str, right: str) -> str:
    """Return help for values of two kinds that do not go together."""
    found = [help for one, other, help in _MEETING if any(x in one and y in other for x, y in _both(left, right))]
    return found[0] if found else "cast one of them, such as `cast(… as varchar)`"


def _both(left: str, right: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return (left, right), (right, left)


_RECASTS: tuple[tuple[Set[str], Set[str], str], ...] = (
    (NUMBERS, frozenset(["date"]), "read its digits by a form: `strptime(cast(… as varchar), '%Y%m%d')`"),
    (NUMBERS, MOMENTS, "seconds since 1970 become one by `to_timestamp(…)`, milliseconds by `epoch_ms(…)`"),
    (MOMENTS, NUMBERS, "take its part, such as `year(…)`, or seconds since 1970: `epoch(…)`"),
    (frozenset(["interval"]), NUMBERS, "take its seconds: `epoch(…)`"),
)


def how_to_recast(kind: str, to: str) -> str:
    """Return help for a value of a kind that is not cast to another."""
    return next(
        (help for one, other, help in _RECASTS if kind in one and to in other), "nothing casts one to the other"
    )


CASTS: Mapping[str, str] = {
    "text": "cast it to a text: `cast(… as varchar)`",
    **dict.fromkeys(NUMBERS, "cast it to a number, such as `cast(… as decimal(18, 2))`"),
    **dict.fromkeys(TIMES, "cast it, such as `cast(… as date)`, or read it by a form: `strptime(…, '%d.%m.%Y')`"),
    "boolean": "write a condition, such as `… > 0`",
}
"""How a value becomes one of a kind."""


def how_to(taken: Set[str]) -> str:
    """Return help for a value that is none of the kinds which are taken."""
    return next(
        (help for kind, help in CASTS.items() if kind in taken), "make a list, such as by `string_split(…, ',')`"
    )
