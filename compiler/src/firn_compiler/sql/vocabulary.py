"""Words of DuckDB's SQL that do not exist: misspelt functions and types, and joins without a condition."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlglot import exp

from firn_compiler.closest import misspelt
from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.functions import FUNCTIONS
from firn_compiler.sql.reading import place
from firn_schemas.sql_types import SQL_TYPES

_WITHOUT = frozenset(["CROSS", "NATURAL", "POSITIONAL"])
"""Joins that take no condition."""


_LONG = "year month day hour minute second millisecond microsecond quarter week decade".split()
_SHORT = "y mon mons w d hr hrs h min mins m sec secs s msec msecs ms usec usecs us".split()
_SHORT += "century centuries millennium millennia".split()
UNITS = frozenset([*_LONG, *(f"{one}s" for one in _LONG), *_SHORT])
"""Units of an interval."""


def vocabulary(tree: exp.Expr) -> Iterator[Problem]:
    """Report what the engine would not know. An extension may bring functions: a name is wrong where one is near it."""
    for node in tree.find_all(*_CHECKS):
        for kind, check in _CHECKS.items():
            if isinstance(node, kind):
                yield from check(node)


def _function(call: Any) -> Iterator[Problem]:
    name = str(call.name).lower()
    meant = misspelt(name, FUNCTIONS) if name not in FUNCTIONS else None
    if meant is not None:
        start, _ = place(call)
        help = f"did you mean `{meant}`?"
        yield Problem("E508", f"there is no function `{name}`", help, start, start + len(name))


def _unit(interval: Any) -> Iterator[Problem]:
    unit = interval.args.get("unit")
    word = unit.name.lower() if isinstance(unit, exp.Var) else ""
    meant = misspelt(word, UNITS) if word and word not in UNITS else None
    if meant is not None:
        yield Problem("E508", f"there is no unit `{word}`", f"did you mean `{meant}`?", *place(interval))


def _type(cast: Any) -> Iterator[Problem]:
    kind = cast.args.get("to")
    name = str(kind.args.get("kind") or "") if isinstance(kind, exp.DataType) else ""
    if not name or kind.this is not exp.DataType.Type.USERDEFINED or name.lower() in SQL_TYPES:
        return
    meant = misspelt(name, SQL_TYPES)
    help = f"did you mean `{meant}`?" if meant else "write such as `bigint`, `decimal(18,2)` or `varchar`"
    yield Problem("E508", f"there is no type `{name}`", help, *place(cast))


def _condition(join: Any) -> Iterator[Problem]:
    """Report a JOIN without ON or USING; a comma, which is a join too, has no word of its own in the tree."""
    words = {str(join.args.get(key) or "") for key in ("kind", "method")}
    spelled = "pivots" in join.args or join.args.get("side") or join.args.get("kind")
    given = join.args.get("on") or join.args.get("using") or isinstance(join.this, (exp.Unnest, exp.Lateral))
    if spelled and words.isdisjoint(_WITHOUT) and not given:
        help = "add `on …` or `using (…)`, or write `cross join`"
        yield Problem("E501", "the join has no condition", help, *place(join.this))


_CHECKS: dict[Any, Callable[[Any], Iterator[Problem]]] = {
    exp.Anonymous: _function,
    exp.Cast: _type,
    exp.Interval: _unit,
    exp.Join: _condition,
}
"""By a kind of node, what may be wrong with it."""
