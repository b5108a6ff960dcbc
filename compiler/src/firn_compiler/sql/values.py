"""The values of a query by their kinds: what is said of those that the engine would not take."""

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any

from sqlglot import exp

from firn_compiler.kinds import (
    CONDITIONS,
    NUMBERS,
    TEXTS,
    TIMES,
    article,
    castable,
    common,
    computed,
    equal,
    how_to,
    how_to_meet,
    how_to_recast,
    kind_of,
    readable,
    takes_text,
    written,
)
from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.reading import place
from firn_compiler.sql.signatures import CALLS, FURTHER, MILLISECONDS, OTHERS, SECONDS, Call

_SIGNS: Mapping[type[exp.Expr], str] = {
    **dict.fromkeys((exp.Add, exp.DateAdd), "+"),
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
}
_ORDERED: Mapping[type[exp.Expr], str] = {exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_EQUAL: Mapping[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.NullSafeEQ: "is not distinct from",
    exp.NullSafeNEQ: "is distinct from",
}
_GIVEN: Mapping[type[exp.Expr], str] = {
    **dict.fromkeys((exp.Is, exp.Exists, exp.Boolean), "boolean"),
    **dict.fromkeys((exp.Concat, exp.ConcatWs), "text"),
    **dict.fromkeys((exp.Count, exp.RowNumber, exp.Rank, exp.DenseRank), "whole number"),
    **dict.fromkeys((exp.CurrentDate, exp.DateFromParts), "date"),
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

    def column_kind(self, value: Any) -> str:
        """Return the kind that a column made of a value has: there a text that is written out stays one."""
        return "text" if _is_text(value) else self.kind(value)

    def is_of(self, column: exp.Expr, kind: str) -> None:
        """Note of which kind the values of a column are, or of a query."""
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
        """Return the kind that a value is cast to; report a value that is never cast to it."""
        to, kind = node.args["to"], self.kind(node.this)
        named = isinstance(to, exp.DataType) and not to.args.get("nested") and not isinstance(to.this, exp.Interval)
        made = kind_of(str(to.this.value)) if named else ""
        if isinstance(node, exp.TryCast) or not made:
            return made
        if kind and not castable(kind, made):
            self._say(node, f"{article(kind)} cannot be cast to {article(made)}", how_to_recast(kind, made))
        self._fits(node.this, made)
        return made

    def _given(self, node: Any) -> str:
        return _GIVEN[type(node)]

    def _epoch(self, node: exp.UnixToTime) -> str:
        return self._call(node, SECONDS if node.args.get("scale") is None else MILLISECONDS)

    def _call(self, node: Any, call: Call | None = None) -> str:
        """Return what a function gives; report a value that it does not take."""
        call, value = call or CALLS[type(node)], node.this
        kind = self.kind(value)
        if kind and kind not in call:
            self._say(value, f"`{self._word(node)}` does not take {article(kind)}", how_to(call.keys()))
        for name, taken in FURTHER.get(type(node), {}).items():
            self._further(node, node.args.get(name), taken)
        if value is None or not value.find(exp.Column) or value.find(exp.Null):
            return ""  # a constant may be a null, which is of every type
        if node.args.get("count") is not None:
            return ""  # a list of so many
        gives = {*call.values()}
        return call.get(kind, "") or (gives.pop() if len(gives) == 1 else "")

    def _further(self, node: Any, value: Any, taken: Set[str]) -> None:
        """Report a further value of a function that it does not take."""
        kind = self.kind(value)
        is_part = value is not None and (value.arg_key == "unit" or (value.index == 0 and taken is TEXTS))
        if kind and kind not in taken and is_part:
            self._say(value, f"`{self._word(node)}` takes the part of a date first", "begin with such as `'month'`")
        elif kind and kind not in taken:
            self._say(value, f"`{self._word(node)}` does not take {article(kind)} here", how_to(taken))
        elif taken <= NUMBERS:
            self._fits(value, "whole number")

    def _other(self, node: exp.Func) -> str:
        """Return what a function gives that the parser does not know; report values that it does not take."""
        taken, gives = OTHERS.get(node.name.lower(), ((), ""))
        for value, kinds in zip(node.expressions, taken, strict=False):
            self._further(node, value, kinds)
        return gives

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

    def _arithmetic(self, node: Any) -> str:
        sign, left, right = _SIGNS[type(node)], self.kind(node.this), self.kind(node.expression)
        found = computed(sign, left, right) if left and right else ""
        if left and right and not found:
            help = how_to_meet(left, right)
            if not TIMES.isdisjoint([left, right]) and "text" not in (left, right):
                help = _INTERVAL
            elif sign == "+" and not TEXTS.isdisjoint([left, right]) and TIMES.isdisjoint([left, right]):
                help = _JOINED
            word = self._word(node) if isinstance(node, exp.Func) else sign
            self._say(node, f"`{word}` does not take {article(left)} and {article(right)}", help)
        elif _is_text(node.this) or _is_text(node.expression):
            self._with_text(node, sign, left or right)
        return found

    def _with_text(self, node: Any, sign: str, kind: str) -> None:
        """Report arithmetic with a text that is written out, and cannot become a value for it."""
        if kind == "text" or (_is_text(node.this) and _is_text(node.expression)):
            self._say(node, f"`{sign}` does not take texts", _JOINED if sign == "+" else how_to(NUMBERS))
        elif kind and not takes_text(sign, kind, first=_is_text(node.this)):
            help = _INTERVAL if kind in TIMES else "write a number without quotes"
            self._say(node, f"`{sign}` does not take {article(kind)} and a text", help)
        elif kind in NUMBERS:
            self._fits(node.this, kind)
            self._fits(node.expression, kind)

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
        self._side_by_side(node, "`in` does not compare", node.this, [node.args.get("query")])
        return "boolean"

    def _nullif(self, node: exp.Nullif) -> str:
        self._side_by_side(node, "`nullif` does not compare", node.this, [node.expression], equal)
        return self._call(node)

    def _moved(self, node: Any) -> str:
        """Return what LAG and LEAD give, which is what stands in the place of a row that is missing, too."""
        kind, default = self.kind(node.this), node.args.get("default")
        second = self.kind(default)
        if kind and second and not castable(second, kind):
            self._say(default, f"{article(second)} cannot stand for {article(kind)}", how_to_recast(second, kind))
        self._fits(default, kind)
        return self._call(node)

    def _logic(self, node: Any) -> str:
        for one in (node.this, node.args.get("expression")):
            self.condition(one)
        return "boolean"

    def _clause(self, node: Any) -> str:
        self.condition(node.this)
        return ""

    def condition(self, node: Any) -> None:
        """Report a value in the place of a condition that cannot be one."""
        kind = self.kind(node)
        if kind and kind not in CONDITIONS:
            self._say(node, f"{article(kind)} is no condition", "compare it with something, such as `… is not null`")

    def _side_by_side(
        self, node: Any, says: str, left: Any, others: Iterable[Any], together: Callable[[str, str], object] = common
    ) -> None:
        """Report values that are not compared, and texts that cannot become what they are compared with."""
        kind = self.kind(left)
        for other in others:
            second = self.kind(other)
            if kind and second and not together(kind, second):
                self._say(node, f"{says} {article(kind)} with {article(second)}", how_to_meet(kind, second))
                return
            self._fits(other, kind)
            self._fits(left, second)

    def _fits(self, value: Any, kind: str) -> None:
        """Report a text written out that cannot become a value of this kind."""
        if _is_text(value) and not readable(value.name, kind):
            help = (
                f"write {written(kind)}" if value.name.strip() else "what is missing is `null`, which `is null` finds"
            )
            self._say(value, f"this text cannot be read as {article(kind)}", help)

    def _coalesce(self, node: Any) -> str:
        return self._mixed(self._word(node), [node.this, *node.expressions])

    def _overlapping(self, node: exp.ArrayOverlaps) -> str:
        for side in (node.this, node.expression):
            if kind := self.column_kind(side):
                help = "it compares lists; conditions are joined by `and`"
                self._say(node, f"`&&` does not take {article(kind)}", help)
                break
        return ""

    def _joined(self, node: exp.DPipe) -> str:
        sides = (node.this, node.expression)
        if any(isinstance(one.unnest(), exp.Null) for one in sides):
            return ""
        kinds = {self.column_kind(one) for one in sides}
        return "binary" if kinds == {"binary"} else "text" if kinds - {"", "binary"} else ""

    def _if(self, node: exp.If) -> str:
        if not isinstance(node.parent, exp.Case) or node.parent.this is None:
            self.condition(node.this)
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
        if given and not others:
            return "text"
        kind = self.kind(others[0]) if others and all(self.kind(one) for one in others) else ""
        for one in others if kind else ():
            before, kind = kind, common(kind, self.kind(one))
            if not kind:
                second = self.kind(one)
                help = how_to_meet(before, second)
                self._say(one, f"`{word}` does not mix {article(before)} and {article(second)}", help)
                return ""
        for one in given if kind else ():
            self._fits(one, kind)
        return kind

    def _say(self, node: Any, message: str, help: str) -> None:
        self._problems.append(Problem("E509", message, help, *place(node)))


_INTERVAL = "write an interval, such as `interval 1 day`"
_JOINED = "texts are put together by `||`"
_WORDS: Mapping[type[exp.Expr], str] = {
    exp.AtTimeZone: "at time zone",
    exp.Glob: "glob",
    exp.ILike: "ilike",
    exp.Like: "like",
    exp.Neg: "-",
    exp.SimilarTo: "similar to",
    exp.UnixToTime: "to_timestamp",
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
    **dict.fromkeys((exp.And, exp.Or, exp.Not), Values._logic),
    **dict.fromkeys((exp.Where, exp.Having, exp.Qualify), Values._clause),
    **dict.fromkeys((exp.Lag, exp.Lead), Values._moved),
    exp.Anonymous: Values._other,
    exp.ArrayOverlaps: Values._overlapping,
    exp.Between: Values._between,
    exp.Case: Values._case,
    exp.DPipe: Values._joined,
    exp.Distinct: Values._distinct,
    exp.Extract: Values._extract,
    exp.If: Values._if,
    exp.In: Values._in,
    exp.Literal: Values._literal,
    exp.Nullif: Values._nullif,
    exp.UnixToTime: Values._epoch,
}
