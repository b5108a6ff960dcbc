"""Words of DuckDB's SQL that do not exist: misspelt functions and types, and joins without a condition."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from firn_compiler.closest import alike, closest, misspelt
from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.functions import FUNCTIONS, OF_OTHERS
from firn_compiler.sql.keywords import NO_COLUMNS, RESERVED
from firn_compiler.sql.nodes import Nodes
from firn_compiler.sql.reading import OUTSIDE, place
from firn_compiler.sql.spelling import QUOTED
from firn_schemas.sql_types import SQL_TYPES, WIDEST

_WITHOUT = frozenset(["CROSS", "NATURAL", "POSITIONAL"])
"""Joins that take no condition."""


_LONG = "year month day hour minute second millisecond microsecond quarter week decade".split()
_SHORT = "y mon mons w d hr hrs h min mins m sec secs s msec msecs ms usec usecs us".split()
_SHORT += "msecond mseconds usecond useconds yr yrs c cent mil mils dec decs".split()
_SHORT += "millenium millenniums dayofmonth weekofyear".split()
WORDS = frozenset([*_LONG, *(f"{one}s" for one in _LONG), *"century centuries millennium millennia".split()])
"""Units of an interval that stand behind its number: words of the grammar."""
UNITS = WORDS | {*_SHORT}
"""Units within the quotes of an interval."""


PARTS = UNITS | frozenset(
    (
        "dow doy dayofweek dayofyear epoch era isodow isoyear jd julian timezone timezone_hour timezone_minute weekday"
        " yearweek"
    ).split()
)
"""Parts of a date."""
OF_PARTS = frozenset(["date_part", "date_sub", "datepart", "datesub"])
"""Functions of them that the parser does not know by name."""


_TOLD = FUNCTIONS.union(OF_OTHERS, OUTSIDE)
"""Functions that there are, and those that another finding tells."""


_NOT_CALLED = _TOLD.union(SQL_TYPES, RESERVED, ["array"])
"""Words before a bracket that call nothing, beside these."""


def vocabulary(nodes: Nodes, text: str, *, closed: bool) -> Iterator[Problem]:
    """Report what the engine would not know.

    In a `closed` query are functions and types of the engine alone; a database file may have others, and a name is
    wrong where one is near it.
    """
    for node in nodes.of(*_CHECKS):
        for check in _checks(node.__class__):
            found = check(node, text)
            yield from found if closed else (one for one in found if "did you mean" in one.help)


@cache
def _checks(kind: type) -> "tuple[_Check, ...]":
    return tuple(check for one, check in _CHECKS.items() if issubclass(kind, one))


def _function(call: Any, text: str) -> Iterator[Problem]:
    name = str(call.name).lower()
    if name in OF_PARTS and call.expressions:
        yield from _misspelt_part(call.expressions[0], call, text)
    if name in _TOLD or not name.isidentifier():  # operators stand in quotes
        return
    start, meant = place(call)[0], misspelt(name, _CALLED)
    if meant or not isinstance(call.parent, exp.Table):
        help = f"did you mean `{meant}`?" if meant else "only DuckDB's own can be called"
        yield Problem("E508", f"there is no function `{name}`", help, start, start + len(name))


_CALLED = (*FUNCTIONS, "cube", "rollup")
"""What a misspelt function may be meant for."""


def unknown(nodes: Nodes, tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report functions that the parser knows, of some other database, and the engine does not have."""
    names = {name.lower() for kind in nodes.kinds(exp.Func) for name in kind.sql_names()} - _NOT_CALLED
    for token, after in pairwise(tokens) if names else ():
        name = token.text.lower()
        if after.token_type is TokenType.L_PAREN and name in names and token.token_type not in QUOTED:
            help = "only DuckDB's own can be called"
            yield Problem("E508", f"there is no function `{name}`", help, token.start, token.end + 1)


def side_by_side(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report two texts of a line with nothing between them: other databases make them one."""
    for before, token in pairwise(tokens):
        if before.token_type is token.token_type is TokenType.STRING and before.line == token.line:
            help = "is a comma missing before it?"
            yield Problem("E501", "this text is not expected here", help, token.start, token.end + 1)


def _reserved(column: Any, _: str) -> Iterator[Problem]:
    """Report a column that is called as a word of SQL."""
    name = column.parts[0]
    words = RESERVED if len(column.parts) > 1 else RESERVED | NO_COLUMNS
    if isinstance(name, exp.Identifier) and not name.args.get("quoted") and name.name.lower() in words:
        message = f"`{name.name}` is a word of SQL"
        yield Problem("E501", message, f'a column of that name stands in quotes: `"{name.name}"`', *place(name))


def _word(word: str, node: Any, text: str) -> tuple[int, int]:
    """Return where a word of a node stands: the tree has no place of it."""
    start, end = place(node)
    found = [one.span() for one in re.finditer(rf"\b{re.escape(word)}\b", text, re.I)]
    return next((one for one in found if one[0] >= start), found[-1] if found else (start, end))


def _unit(interval: Any, text: str) -> Iterator[Problem]:
    """Report what is no unit: behind the number it is a word of the grammar, within quotes one of several."""
    unit, value = interval.args.get("unit"), interval.this
    if isinstance(unit, exp.Var):
        word = unit.name.lower()
        for bare in _BARE.finditer(text):
            if _WHOLE.get(bare[1].upper(), "").lower() == word:  # the parser has spelled it out
                yield from _no_unit(bare[1].lower(), WORDS, *bare.span(1))
        start, end = _word(word, interval, text)
        quoted = text[end : end + 1] == "'"
        if quoted or text[:start].rstrip()[-1:].isdigit() or misspelt(word, WORDS):  # else it may be an alias
            yield from _no_unit(word, UNITS if quoted else WORDS, start, end)
    elif unit is None and isinstance(value, exp.Literal) and value.is_string:
        begin = text.find(f"'{value.name}'", place(interval)[0])
        for one in _AMOUNTS.finditer(value.name) if begin >= 0 else ():
            yield from _no_unit(one[1].lower(), UNITS, *(begin + 1 + at for at in one.span(1)))


_WHOLE: Mapping[str, str] = exp.TimeUnit.UNABBREVIATED_UNIT_NAME
"""What the parser makes of a short unit, wherever it stands."""
_BARE = re.compile(r"\binterval\s+\d+\s+([A-Za-z]+)\b", re.I)
"""An interval without quotes, and its unit."""
_AMOUNTS = re.compile(r"\d\s*([A-Za-z]+)")
"""A number and its unit in the text of an interval."""


def _no_unit(word: str, known: Collection[str], start: int, end: int) -> Iterator[Problem]:
    if word not in known:
        yield Problem("E508", f"there is no unit `{word}`", _like(word, known), start, end)


def _like(word: str, known: Collection[str]) -> str:
    meant = _WHOLE.get(word.upper(), "").lower() or misspelt(word, known) or alike(word, _LONG)
    return f"did you mean `{meant}`?" if meant else "write such as `year`, `month`, `day` or `hour`"


def _not_negative(clause: Any, text: str) -> Iterator[Problem]:
    """Report `limit` and `offset` of fewer rows than none."""
    if isinstance(clause.expression, exp.Neg) and isinstance(clause.expression.this, exp.Literal):
        message = f"`{clause.key}` cannot be negative"
        yield Problem("E509", message, "remove the sign", *_word(clause.key, clause, text))


def _part(call: Any, text: str) -> Iterator[Problem]:
    """Report a part of a date that there is none of; what is not quoted may be a column, but for EXTRACT."""
    part = call.this if isinstance(call, exp.Extract) else call.args.get("unit")
    if isinstance(call, exp.Extract) or (part is not None and f"'{part.name}'".lower() in text.lower()):
        yield from _misspelt_part(part, call, text)


def _misspelt_part(part: Any, call: Any, text: str) -> Iterator[Problem]:
    quoted = isinstance(part, exp.Literal) and part.is_string
    word = part.name.lower() if quoted or isinstance(part, exp.Var) else ""
    if word and word not in PARTS:
        yield Problem("E508", f"a date has no part `{word}`", _like(word, PARTS), *_word(word, call, text))


def _decimal(kind: Any) -> Iterator[Problem]:
    """Report digits that a decimal cannot have."""
    digits = [one.name for one in kind.expressions]
    if kind.this is not exp.DataType.Type.DECIMAL or not digits or not all(one.isdecimal() for one in digits):
        return
    width, scale = int(digits[0]), int(digits[1]) if len(digits) > 1 else 0
    if not 1 <= width <= WIDEST or scale > width:
        message = f"there is no type `decimal({','.join(digits)})`"
        help = f"`decimal(18,2)` has 18 digits, 2 of them after the point; {WIDEST} digits are the most"
        yield Problem("E508", message, help, *place(kind))


def _type(cast: Any, text: str) -> Iterator[Problem]:
    kind = cast.args.get("to")
    if isinstance(kind, exp.DataType):
        yield from _decimal(kind)
    name = str(kind.args.get("kind") or "") if isinstance(kind, exp.DataType) else ""
    if not name or kind.this is not exp.DataType.Type.USERDEFINED or name.lower() in SQL_TYPES:
        return
    meant = misspelt(name, SQL_TYPES)
    help = f"did you mean `{meant}`?" if meant else "write such as `bigint`, `decimal(18,2)` or `varchar`"
    yield Problem("E508", f"there is no type `{name}`", help, *_word(name, cast, text))


def _count(call: Any, _: str) -> Iterator[Problem]:
    """Report a COUNT of several columns, which other databases have."""
    distinct = isinstance(call.this, exp.Distinct)
    counted = call.this.expressions if distinct else [call.this, *call.expressions]
    if len(counted) > 1:
        columns = ", ".join("…" for _ in counted)
        start = place(call)[0]
        help = f"count records: `count(distinct ({columns}))`"
        yield Problem("E508", "`count` takes one value", help, start, start + len("count"))


def _window(call: Any, _: str) -> Iterator[Problem]:
    """Report the name of a window that its SELECT does not have."""
    named = call.args.get("alias")
    query = call.find_ancestor(exp.Query)
    if named is None or not isinstance(query, exp.Select):
        return
    known = [one.name for one in query.args.get("windows") or ()]
    if named.name.lower() not in {name.lower() for name in known}:
        meant = closest(named.name, known)
        help = f"did you mean `{meant}`?" if meant else f"add `window {named.name} as (…)`, or write `over (…)`"
        yield Problem("E508", f"there is no window `{named.name}`", help, *place(named))


def _frame(frame: Any, _: str) -> Iterator[Problem]:
    """Report a bound of a window's frame that does not say on which side it is."""
    for key in ("start", "end"):
        bound = frame.args.get(key)
        if isinstance(bound, exp.Expr) and not frame.args.get(f"{key}_side"):
            help = "write such as `1 preceding`, `1 following` or `current row`"
            yield Problem("E501", "this bound of the frame has no side", help, *place(bound))


def _alone(call: Any, _: str) -> Iterator[Problem]:
    """Report a function of windows that has none."""
    around = call.parent
    while isinstance(around, (exp.IgnoreNulls, exp.RespectNulls, exp.Filter)):
        around = around.parent
    if not isinstance(around, (exp.Window, exp.WithinGroup)):
        name = OF_WINDOWS[type(call)]
        start = place(call)[0]
        help = f"write `{name}(…) over (order by …)`"
        yield Problem("E507", f"`{name}` is computed over a window", help, start, start + len(name))


def _windowless(clause: Any, _: str) -> Iterator[Problem]:
    """Report a QUALIFY where nothing is computed over a window."""
    select = clause.parent
    if not any(one.find(exp.Window) for one in (clause, *select.expressions)):
        help = "write `where`, or `having` behind `group by`"
        yield Problem("E507", "`qualify` filters by a window, and there is none", help, *place(clause))


def _sorted(order: Any, _: str) -> Iterator[Problem]:
    """Report a text that a query shall be sorted by: it is the same in every row, and refused."""
    for one in order.expressions if isinstance(order.parent, exp.Query) else ():
        if isinstance(one.this, exp.Literal) and one.this.is_string:
            help = "write the column without quotes, or in double ones"
            yield Problem("E503", "rows are not sorted by a text", help, *place(one.this))


OF_WINDOWS = {
    exp.CumeDist: "cume_dist",
    exp.DenseRank: "dense_rank",
    exp.FirstValue: "first_value",
    exp.Lag: "lag",
    exp.LastValue: "last_value",
    exp.Lead: "lead",
    exp.NthValue: "nth_value",
    exp.Ntile: "ntile",
    exp.PercentRank: "percent_rank",
    exp.Rank: "rank",
    exp.RowNumber: "row_number",
}
"""Functions that nothing but a window has."""


def _condition(join: Any, text: str) -> Iterator[Problem]:
    """Report a JOIN without ON or USING; a comma, which is a join too, has no word of its own in the tree."""
    words = {str(join.args.get(key) or "") for key in ("kind", "method")}
    spelled = "pivots" in join.args or join.args.get("side") or join.args.get("kind")
    if "CROSS" in words and join.args.get("on"):
        help = "remove it, or write `join` without `cross`"
        yield Problem("E501", "a cross join takes no condition", help, *place(join.args["on"]))
    shared = join.args.get("using") or []
    if shared and not text[: place(shared[0])[0]].rstrip().endswith("("):
        yield Problem("E501", "columns after `using` stand in parentheses", "write `using (…)`", *place(shared[0]))
    given = join.args.get("on") or shared or isinstance(join.this, (exp.Unnest, exp.Lateral))
    if spelled and words.isdisjoint(_WITHOUT) and not given:
        help = "add `on …` or `using (…)`, or write `cross join`"
        yield Problem("E501", "the join has no condition", help, *place(join.this))


_Check = Callable[[Any, str], Iterator[Problem]]
_CHECKS: dict[Any, _Check] = {
    exp.Anonymous: _function,
    exp.Cast: _type,
    exp.Column: _reserved,
    exp.Count: _count,
    exp.DateDiff: _part,
    exp.Extract: _part,
    exp.Interval: _unit,
    exp.Join: _condition,
    exp.Limit: _not_negative,
    exp.Offset: _not_negative,
    exp.Order: _sorted,
    exp.Qualify: _windowless,
    exp.TimestampTrunc: _part,
    exp.Window: _window,
    exp.WindowSpec: _frame,
    **dict.fromkeys(OF_WINDOWS, _alone),
}
"""By a kind of node, what may be wrong with it."""
