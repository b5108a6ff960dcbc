"""The values of a query by their kinds: what is said of those that the engine would not take."""

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any

from sqlglot import exp

from firn_compiler.kinds import (
    ALL,
    MOMENTS,
    NUMBERS,
    TEXTS,
    TIMES,
    article,
    common,
    computed,
    equal,
    how_to,
    kind_of,
    readable,
    written,
)
from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.reading import place

Call = Mapping[str, str]
"""What a function takes as its value, by kind, and the kind of what it gives then; empty where that is not known."""


def _giving(kind: str, taken: Set[str]) -> Call:
    return dict.fromkeys(taken, kind)


_ANY: Call = {kind: kind for kind in ALL}
_NUMBER: Call = {kind: kind for kind in NUMBERS}
_SUM: Call = {**_NUMBER, "boolean": "whole number"}
_AVERAGE: Call = {**_giving("double", NUMBERS), **{kind: kind for kind in TIMES}, "date": "timestamp"}
_ROUNDED: Call = {**_NUMBER, "whole number": "double"}
_TRUNCATED: Call = {**{kind: kind for kind in (*MOMENTS, "interval")}, "date": "timestamp"}
_CONDITION: Set[str] = frozenset(["boolean"])

_FUNCTIONS: tuple[tuple[Call, str], ...] = (
    (_ANY, "Min Max Mode First Last ArgMax ArgMin Lag Lead FirstValue LastValue NthValue AnyValue Nullif"),
    (_giving("whole number", ALL), "Count ApproxDistinct Ntile"),
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
)
CALLS: Mapping[type[exp.Expr], Call] = {
    getattr(exp, name): call for call, names in _FUNCTIONS for name in names.split()
}
"""Functions by what they take as their first value."""

_SIGNS: Mapping[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
_ORDERED: Mapping[type[exp.Expr], str] = {exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_EQUAL: Mapping[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.NullSafeEQ: "is not distinct from",
    exp.NullSafeNEQ: "is distinct from",
}
_GIVEN: Mapping[type[exp.Expr], str] = {
    **dict.fromkeys((exp.And, exp.Or, exp.Not, exp.Is, exp.Exists, exp.Boolean), "boolean"),
    **dict.fromkeys((exp.Concat, exp.ConcatWs), "text"),
    **dict.fromkeys((exp.RowNumber, exp.Rank, exp.DenseRank, exp.DateDiff), "whole number"),
    exp.CurrentDate: "date",
    exp.CurrentTimestamp: "timestamp with time zone",
    exp.Interval: "interval",
    exp.Pi: "double",
    exp.Rand: "double",
}
"""What is of one kind, whatever it is made of."""
_INSIDE = (exp.Paren, exp.Window, exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.Alias, exp.Ordered)
"""What has the value of the node inside."""


class Values:
    """Finds the kinds of a query's values, and adds to `problems` what the engine would not take."""

    def __init__(self, text: str, problems: list[Problem]) -> None:
        self._text, self._problems = text, problems
        self._kinds: dict[int, str] = {}
        """By node; the tree lives as long as this."""

    def kind(self, value: Any) -> str:
        """Return the kind of a value that was looked at; empty where it is not known."""
        return self._kinds.get(id(value), "")

    def is_of(self, column: exp.Column, kind: str) -> None:
        """Note of which kind a column's values are."""
        if kind:
            self._kinds[id(column)] = kind

    def look(self, nodes: Iterable[exp.Expr]) -> None:
        """Find the kinds of some nodes, the inner ones first, and report what does not go together in them."""
        for node in nodes:
            rule = _RULES.get(type(node))
            if rule is not None and (kind := rule(self, node)):
                self._kinds[id(node)] = kind

    def _inside(self, node: Any) -> str:
        return self.kind(node.this)

    def _distinct(self, node: exp.Distinct) -> str:
        return self.kind(node.expressions[0]) if len(node.expressions) == 1 else ""

    def _literal(self, node: exp.Literal) -> str:
        if node.is_string:
            return ""
        return "whole number" if node.is_int else "double" if "e" in node.name.lower() else "decimal"

    def _cast(self, node: exp.Cast) -> str:
        to = node.args["to"]
        return kind_of(str(to.this.value)) if isinstance(to, exp.DataType) and not to.args.get("nested") else ""

    def _given(self, node: Any) -> str:
        return _GIVEN[type(node)]

    def _call(self, node: Any) -> str:
        """Return what a function gives; report a value that it does not take."""
        call, value = CALLS[type(node)], node.this
        kind = self.kind(value)
        if kind and kind not in call:
            self._say(value, f"`{self._word(node)}` does not take {article(kind)}", how_to(call.keys()))
        gives = {*call.values()}
        if value is None or not value.find(exp.Column) or value.find(exp.Null):
            return ""  # a constant may be a null, which is of every type
        return call.get(kind, "") or (gives.pop() if len(gives) == 1 else "")

    def _word(self, node: Any) -> str:
        """Return a function as the query spells it."""
        meta = node.meta
        if "start" in meta and (word := self._text[meta["start"] : meta["end"] + 1]).isidentifier():
            return word.lower()
        return _WORDS.get(type(node)) or str(node.sql_name()).lower()

    def _extract(self, node: exp.Extract) -> str:
        kind = self.kind(node.expression)
        if kind and kind not in TIMES:
            self._say(node.expression, f"`extract` does not take {article(kind)}", how_to(TIMES))
        return "double" if node.name.lower() == "epoch" else "whole number"

    def _arithmetic(self, node: exp.Binary) -> str:
        sign, left, right = _SIGNS[type(node)], self.kind(node.left), self.kind(node.right)
        found = computed(sign, left, right) if left and right else ""
        if left and right and not found:
            help = "texts are put together by `||`" if sign == "+" and "text" in (left, right) else _CAST
            self._say(node, f"`{sign}` does not take {article(left)} and {article(right)}", help)
        elif "text" in (left, right) and (_is_text(node.left) or _is_text(node.right)):
            self._say(node, f"`{sign}` does not take texts", "texts are put together by `||`")
        return found

    def _ordered(self, node: exp.Binary) -> str:
        self._side_by_side(node, f"`{_ORDERED[type(node)]}` does not compare", node.left, [node.right])
        return "boolean"

    def _between(self, node: exp.Between) -> str:
        bounds = [node.args["low"], node.args["high"]]
        self._side_by_side(node, "`between` does not compare", node.this, bounds)
        return "boolean"

    def _same(self, node: exp.Binary) -> str:
        self._side_by_side(node, f"`{_EQUAL[type(node)]}` does not compare", node.left, [node.right], equal)
        return "boolean"

    def _in(self, node: exp.In) -> str:
        self._side_by_side(node, "`in` does not compare", node.this, node.expressions, equal)
        return "boolean"

    def _side_by_side(
        self, node: Any, says: str, left: Any, others: Iterable[Any], together: Callable[[str, str], object] = common
    ) -> None:
        """Report values that are not compared, and texts that cannot become what they are compared with."""
        kind = self.kind(left)
        for other in others:
            second = self.kind(other)
            if kind and second and not together(kind, second):
                self._say(node, f"{says} {article(kind)} with {article(second)}", _CAST)
                return
            self._fits(other, kind)
            self._fits(left, second)

    def _fits(self, value: Any, kind: str) -> None:
        """Report a text written out that cannot become a value of this kind."""
        if _is_text(value) and not readable(value.name, kind):
            self._say(value, f"this text cannot be read as {article(kind)}", f"write {written(kind)}")

    def _coalesce(self, node: Any) -> str:
        return self._mixed(self._word(node), [node.this, *node.expressions])

    def _if(self, node: exp.If) -> str:
        if isinstance(node.parent, exp.Case):
            return self.kind(node.args.get("true"))
        return self._mixed("if", [node.args.get("true"), node.args.get("false")])

    def _case(self, node: exp.Case) -> str:
        whens = node.args["ifs"]
        if node.this is not None:
            self._side_by_side(node.this, "`case` does not compare", node.this, [one.this for one in whens], equal)
        return self._mixed("case", [*(one.args["true"] for one in whens), node.args.get("default")])

    def _mixed(self, word: str, values: Iterable[Any]) -> str:
        """Return what values in the same place become; report those that do not go together."""
        given = [one for one in values if one is not None and not isinstance(one, exp.Null)]
        others = [one for one in given if not _is_text(one)]
        kind = self.kind(others[0]) if others and all(self.kind(one) for one in others) else ""
        for one in others if kind else ():
            before, kind = kind, common(kind, self.kind(one))
            if not kind:
                self._say(one, f"`{word}` does not mix {article(before)} and {article(self.kind(one))}", _CAST)
                return ""
        for one in given if kind else ():
            self._fits(one, kind)
        return kind

    def _say(self, node: Any, message: str, help: str) -> None:
        self._problems.append(Problem("E509", message, help, *place(node)))


_CAST = "cast one of them, such as `cast(… as date)`"
_WORDS: Mapping[type[exp.Expr], str] = {
    exp.Glob: "glob",
    exp.ILike: "ilike",
    exp.Like: "like",
    exp.Neg: "-",
    exp.SimilarTo: "similar to",
}


def _is_text(node: Any) -> bool:
    """Whether a node is a text that is written out: it becomes what stands beside it."""
    return isinstance(node, exp.Literal) and bool(node.is_string)


_RULES: Mapping[type[exp.Expr], Callable[[Values, Any], str]] = {
    **dict.fromkeys(CALLS, Values._call),
    **dict.fromkeys(_GIVEN, Values._given),
    **dict.fromkeys(_INSIDE, Values._inside),
    **dict.fromkeys(_SIGNS, Values._arithmetic),
    **dict.fromkeys(_ORDERED, Values._ordered),
    **dict.fromkeys(_EQUAL, Values._same),
    **dict.fromkeys((exp.Coalesce, exp.Greatest, exp.Least), Values._coalesce),
    **dict.fromkeys((exp.Cast, exp.TryCast), Values._cast),
    exp.Between: Values._between,
    exp.Case: Values._case,
    exp.Distinct: Values._distinct,
    exp.Extract: Values._extract,
    exp.If: Values._if,
    exp.In: Values._in,
    exp.Literal: Values._literal,
}
