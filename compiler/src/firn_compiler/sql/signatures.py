"""What functions take and give, by the kinds of values: rows that the tests hold against the engine."""

from collections.abc import Mapping, Set

from sqlglot import exp

from firn_compiler.kinds import ALL, MOMENTS, NUMBERS, TEXTS, TIMES

Call = Mapping[str, str]
"""What a function takes as its value, by kind, and the kind of what it gives then; empty where that is not known."""


def _giving(kind: str, taken: Set[str]) -> Call:
    return dict.fromkeys(taken, kind)


_ANY: Call = {kind: kind for kind in ALL}
_NUMBER: Call = {kind: kind for kind in NUMBERS}
_SUM: Call = {**_NUMBER, "boolean": "whole number"}
_AVERAGE: Call = {**_giving("double", NUMBERS), **{kind: kind for kind in TIMES}, "date": "timestamp"}
_ROUNDED: Call = {**_NUMBER, "whole number": "double"}
_POINTS: Set[str] = MOMENTS | {"time"}
_TRUNCATED: Call = {**{kind: kind for kind in (*MOMENTS, "interval")}, "date": "timestamp"}
SECONDS: Call = _giving("timestamp with time zone", NUMBERS)
MILLISECONDS: Call = {**_giving("whole number", TIMES), "whole number": "timestamp"}
"""What `to_timestamp` and `epoch_ms` take and give."""
_CONDITION: Set[str] = frozenset(["boolean"])

_FUNCTIONS: tuple[tuple[Call, str], ...] = (
    (_ANY, "Min Max Mode First Last ArgMax ArgMin FirstValue LastValue NthValue AnyValue"),
    (_ANY, "Lag Lead Nullif"),
    (_giving("whole number", ALL), "ApproxDistinct Ntile"),
    (_giving("text", ALL), "GroupConcat JSONExtractScalar"),
    (_SUM, "Sum"),
    (_AVERAGE, "Avg"),
    (_giving("double", NUMBERS), "Stddev StddevPop StddevSamp Variance VariancePop Skewness Kurtosis Corr CovarPop"),
    (_giving("double", NUMBERS), "CovarSamp Sqrt Cbrt Exp Ln Sin Cos Pow"),
    (_NUMBER, "Abs Round Trunc"),
    (_ROUNDED, "Ceil Floor"),
    (_giving("whole number", NUMBERS), "Sign"),
    ({**_NUMBER, "interval": "interval"}, "Neg"),
    (_giving("boolean", _CONDITION), "LogicalAnd LogicalOr"),
    (_giving("whole number", _CONDITION), "CountIf"),
    (_giving("text", TEXTS), "Upper Lower Trim Reverse Substring Left Right Pad Replace SplitPart RegexpReplace"),
    (_giving("text", TEXTS), "RegexpExtract Translate"),
    (_giving("text", TEXTS | {"binary"}), "MD5 SHA SHA2"),
    (_giving("", TEXTS), "Split RegexpExtractAll"),
    (_giving("whole number", TEXTS), "Length StrPosition Unicode Levenshtein"),
    (_giving("timestamp", TEXTS), "StrToTime"),
    (_giving("boolean", TEXTS), "Like ILike SimilarTo Glob RegexpLike RegexpFullMatch StartsWith EndsWith Contains"),
    (_giving("text", MOMENTS), "TimeToStr Dayname Monthname"),
    (_giving("date", MOMENTS), "LastDay"),
    (_TRUNCATED, "TimestampTrunc"),
    (_giving("whole number", MOMENTS | {"interval"}), "Year Month Day Quarter Week DayOfWeek DayOfYear DayOfWeekIso"),
    (_giving("whole number", TIMES), "Hour Minute Second"),
    (_giving("double", TIMES), "TimeToUnix"),
    (_giving("whole number", _POINTS), "DateDiff"),
    (_giving("", {"interval"}), "DateBin"),
    ({**dict.fromkeys(MOMENTS, "timestamp with time zone"), "timestamp with time zone": "timestamp"}, "AtTimeZone"),
    ({}, "Explode"),
)
CALLS: Mapping[type[exp.Expr], Call] = {
    getattr(exp, name): call for call, names in _FUNCTIONS for name in names.split()
}
"""Functions by what they take as their first value."""

FURTHER: Mapping[type[exp.Expr], Mapping[str, Set[str]]] = {
    exp.DateBin: {"expression": MOMENTS},
    exp.DateDiff: {"unit": TEXTS, "expression": _POINTS},
    exp.Left: {"expression": NUMBERS},
    exp.Pad: {"expression": NUMBERS, "fill_pattern": TEXTS},
    exp.RegexpExtract: {"expression": TEXTS},
    exp.RegexpReplace: {"expression": TEXTS, "replacement": TEXTS},
    exp.Replace: {"expression": TEXTS, "replacement": TEXTS},
    exp.Right: {"expression": NUMBERS},
    exp.Round: {"decimals": NUMBERS},
    exp.Split: {"expression": TEXTS},
    exp.SplitPart: {"delimiter": TEXTS, "part_index": NUMBERS},
    exp.StrPosition: {"substr": TEXTS},
    exp.Substring: {"start": NUMBERS, "length": NUMBERS},
    exp.TimestampTrunc: {"unit": TEXTS},
}
"""What functions take as their further values."""

OTHERS: Mapping[str, tuple[tuple[Set[str], ...], str]] = {
    "age": ((MOMENTS, MOMENTS), "interval"),
    "date_part": ((TEXTS, TIMES), ""),
    "date_sub": ((TEXTS, _POINTS, _POINTS), "whole number"),
    "datepart": ((TEXTS, TIMES), ""),
    "datesub": ((TEXTS, _POINTS, _POINTS), "whole number"),
    "get_current_timestamp": ((), "timestamp with time zone"),
    "now": ((), "timestamp with time zone"),
    "transaction_timestamp": ((), "timestamp with time zone"),
    "yearweek": ((MOMENTS | {"interval"},), "whole number"),
}
"""Of functions that the parser does not know by name: what they take in turn, and give."""
