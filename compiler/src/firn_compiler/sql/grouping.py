"""Grouping: what a SELECT computes for each row, and what for each group; only what is certain is reported."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import Any

from sqlglot import ErrorLevel, exp

from firn_compiler.diagnostics import counted
from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.functions import FUNCTIONS
from firn_compiler.sql.reading import place
from firn_compiler.sql.select_list import star_of
from firn_compiler.sql.vocabulary import OF_WINDOWS

Owns = Callable[[exp.Column], bool]
"""Says whether a column is one of the query's own tables, and not of a query around it."""
_OPAQUE = (
    exp.Query,
    exp.Window,
    exp.Anonymous,
    exp.IgnoreNulls,
    exp.Filter,
    exp.WithinGroup,
    exp.Grouping,
    exp.Columns,
    exp.Lambda,
    exp.Comprehension,
    exp.Star,
)
"""What is not looked into: what it holds follows rules of its own."""


def grouping(select: exp.Select, owns: Owns, starred: Sequence[str], aliases: Set[str]) -> Iterator[Problem]:
    """Report aggregates and windows where none can stand, ordinals of no column, and values of no single group.

    `starred` are the columns that `*` stands for, where they are known; `aliases` the names that the select list gives
    and that surely are no columns.
    """
    yield from _ordinals(select)
    if select.find(exp.AggFunc, exp.Window, exp.Group, exp.Having) is None:
        return  # most queries
    for key, what, help in (
        ("where", "`where`", "write it in `having`"),
        ("group", "`group by`", "compute it in a step, or a subquery, before"),
    ):
        clause = select.args.get(key)
        inside = select.find_ancestor(exp.Select) is not None  # there an aggregate may be of the query around it
        yield from _aggregates(clause, what, help) if clause is not None and not inside else ()
    for join in select.args.get("joins") or ():
        on = join.args.get("on")
        yield from _aggregates(on, "the condition of a join", "compute it in a subquery before") if on else ()
    yield from _named(select, owns, aliases)
    yield from _nested(select)
    yield from _ungrouped(select, owns, starred)


def _aggregates(clause: exp.Expr, what: str, help: str) -> Iterator[Problem]:
    if clause.find(exp.AggFunc, exp.Window) is None:
        return
    for node in _within(clause, (exp.AggFunc, exp.Window)):
        windowed = isinstance(node, exp.Window)
        kind = "a window" if windowed else "an aggregate"
        start, end = place(node.this if windowed else node)
        help = "write it in `qualify`" if windowed and what == "`where`" else help
        yield Problem("E507", f"{kind} cannot stand in {what}", help, start, end)


def _named(select: exp.Select, owns: Owns, aliases: Set[str]) -> Iterator[Problem]:
    """Report names and ordinals of aggregates and windows where none of these can stand."""
    values = {one.alias.lower(): one.this for one in select.expressions if isinstance(one, exp.Alias)}
    named = {name: value for name, value in values.items() if name in aliases and _computed(value)}
    for column in _within(select.args["where"], (exp.Column,)) if named and select.args.get("where") else ():
        if len(column.parts) == 1 and column.name.lower() in named:
            windowed = _computed(named[column.name.lower()]) is exp.Window
            kind, help = ("a window", "`qualify`") if windowed else ("an aggregate", "`having`")
            message = f"`{column.name}` is {kind}: it cannot stand in `where`"
            yield Problem("E507", message, f"write it in {help}", *place(column))
    for item in select.args["group"].expressions if select.args.get("group") else ():
        plain = isinstance(item, exp.Literal) or item.name.lower() in named
        if plain and _computed(_key(item, select, owns)):
            message = f"`{item.name}` is computed of a group: it cannot stand in `group by`"
            yield Problem("E507", message, "group by what the groups are to be", *place(item))


def _computed(value: Any) -> type | None:
    """Return of a value which holds an aggregate or a window that it does; None for all others."""
    found = next(_within(value, (exp.AggFunc, exp.Window)), None)
    return None if found is None else exp.Window if isinstance(found, exp.Window) else exp.AggFunc


def _nested(select: exp.Select) -> Iterator[Problem]:
    for projection in select.expressions:
        for outer in _within(projection, (exp.AggFunc,)):
            for inner in _within_children(outer, (exp.AggFunc, exp.Window)):
                windowed = isinstance(inner, exp.Window)
                message = "a window cannot stand inside an aggregate" if windowed else _TWICE
                help = "compute the inner one in a subquery before"
                yield Problem("E507", message, help, *place(inner.this if windowed else inner))


_TWICE = "an aggregate cannot stand inside another"


def _ordinals(select: exp.Select) -> Iterator[Problem]:
    width = len(select.expressions)
    clauses = [clause for key in ("group", "order") if (clause := select.args.get(key)) is not None]
    wrong = list(out_of_list([item for clause in clauses for item in clause.expressions], width))
    if not any(star_of(one) or one.find(exp.Columns, exp.Unnest, exp.Explode) for one in select.expressions):
        yield from wrong  # else one of them may be several columns


def out_of_list(items: Iterable[Any], width: int) -> Iterator[Problem]:
    """Report numbers in an ORDER BY or GROUP BY that are those of no column of the select list."""
    values = [item.this if isinstance(item, exp.Ordered) else item for item in items]
    numbers = [one for one in values if isinstance(one, exp.Literal) and not one.is_string and one.name.isdecimal()]
    for number in numbers:
        if not 1 <= int(number.name) <= width:
            help = f"the select list has {counted(width, 'column')}"
            yield Problem("E507", f"there is no column {number.name}", help, *place(number))


def _ungrouped(select: exp.Select, owns: Owns, starred: Sequence[str]) -> Iterator[Problem]:
    """Report columns that have many values in a group."""
    group = select.args.get("group")
    sorted_by = select.args["order"].expressions if select.args.get("order") else []
    aggregates = [found for one in (*select.expressions, *sorted_by) for found in _within(one, (exp.AggFunc,))]
    aggregated = any(_counts(found, owns) for found in aggregates)
    if group is None and not aggregated and select.args.get("having") is None:
        return
    if group is not None and any(value for key, value in group.args.items() if key != "expressions"):
        yield from _of_all(select, owns) if group.args.get("all") else ()
        return  # ROLLUP, CUBE and GROUPING SETS
    keys = _keys(select, owns)
    if keys is None:
        return
    for projection in select.expressions:
        value = projection.this if isinstance(projection, exp.Alias) else projection
        if isinstance(projection, exp.Star) and not any(projection.args.values()):
            grouped = {key.name.lower() for key in keys if isinstance(key, exp.Column)}
            loose = [name for name in starred if name and name.lower() not in grouped]
            if loose:
                help = "name the columns that are meant, and group by them"
                message = f"`{loose[0]}`, which `*` stands for too, is neither grouped nor aggregated"
                yield Problem("E507", message, help, *place(projection))
        yield from _loose(value, keys, owns)
    values = [one.unalias() for one in select.expressions]
    named = {one.alias.lower() for one in select.expressions if isinstance(one, exp.Alias)}

    def source(column: exp.Column) -> bool:
        return owns(column) and not (column.name.lower() in named and column.table.lower() in ("", "alias"))

    for key in ("having", "order"):
        clause = select.args.get(key)
        for item in clause.args.values() if clause is not None else ():
            for one in item if isinstance(item, list) else [item]:
                yield from _loose(one, [*keys, *values], source) if isinstance(one, exp.Expr) else ()


def _of_all(select: exp.Select, owns: Owns) -> Iterator[Problem]:
    """Report what GROUP BY ALL cannot do: group by values that mix groups with rows, or by windows over rows."""
    help = "name what is grouped by: `group by …`"
    if qualify := select.args.get("qualify"):
        yield Problem("E507", "`qualify` cannot stand beside `group by all`", help, *place(qualify))
    for projection in select.expressions:
        value = projection.unalias()
        windows = [*_within(value, (exp.Window,))]
        parts = [value, *(part for one in windows for part in _parts(one))]
        found = [one for part in parts for one in _within(part, (exp.Column, exp.AggFunc, *_OPAQUE))]
        rows = [one for one in found if isinstance(one, exp.Column) and owns(one)]
        if rows and any(isinstance(one, exp.AggFunc) for one in found):
            message = f"`{rows[0].name}` stands beside an aggregate: `group by all` groups by whole values alone"
            yield Problem("E507", message, help, *place(rows[0].parts[-1]))
        elif rows and windows:
            yield Problem("E507", "`group by all` cannot group by a window", help, *place(windows[0].this))


def _parts(window: exp.Window) -> Iterator[exp.Expr]:
    """Yield what a window is computed from: what its function takes, its partitions and its order."""
    order = window.args.get("order")
    yield from window.this.iter_expressions()
    yield from window.args.get("partition_by") or ()
    yield from order.expressions if order is not None else ()


def _counts(aggregate: Any, owns: Owns) -> bool:
    """Whether an aggregate is this query's: one of columns around the query is computed there.

    A function of windows without a window is none: that is another finding.
    """
    if isinstance(aggregate, tuple(OF_WINDOWS)):
        return False
    columns = [*_within_children(aggregate, (exp.Column,))]
    return not columns or any(owns(column) for column in columns)


def _keys(select: exp.Select, owns: Owns) -> list[Any] | None:
    """Return what a query is grouped by; None where that is not known, or another finding says that it cannot be."""
    group = select.args.get("group")
    listed = group.expressions if group is not None else []
    items = [one for item in listed for one in (item.expressions if isinstance(item, exp.Tuple) else [item])]
    keys = [_key(item, select, owns) for item in items]
    sets = (exp.Star, exp.Rollup, exp.Cube, exp.GroupingSets, exp.Literal)
    if any(isinstance(key, sets) or _computed(key) or _is_unknown(key) for key in keys):
        return None
    strange = any(not owns(column) for key in keys for column in key.find_all(exp.Column))
    return None if strange else keys


def _is_unknown(key: Any) -> bool:
    """Whether a key is the value of a function that there is none of: it may be a misspelt ROLLUP."""
    return isinstance(key, exp.Anonymous) and key.name.lower() not in FUNCTIONS


def _key(item: Any, select: exp.Select, owns: Owns) -> Any:
    """Return what a key of GROUP BY stands for: an ordinal, and a name of no column, are a value of the select list."""
    item = item.unnest() if isinstance(item, exp.Paren) else item
    if isinstance(item, exp.Literal) and not item.is_string and item.name.isdecimal():
        at = int(item.name) - 1
        found = select.expressions[at] if 0 <= at < len(select.expressions) else item
        return found.this.unnest() if isinstance(found, exp.Alias) else found.unnest()
    if isinstance(item, exp.Column) and len(item.parts) == 1 and not owns(item):
        for one in select.expressions:
            if isinstance(one, exp.Alias) and one.alias.lower() == item.name.lower():
                return one.this.unnest()
    return item


def _loose(node: Any, keys: list[Any], owns: Owns) -> Iterator[Problem]:
    if isinstance(node, (*_OPAQUE, exp.AggFunc)) or any(_same(node, key) for key in keys):
        return
    if isinstance(node, exp.Column):
        if owns(node):
            name = node.name
            help = f"add it to `group by`, or write such as `any_value({name})`"
            yield Problem("E507", f"`{name}` is neither grouped nor aggregated", help, *place(node.parts[-1]))
        return
    for one in node.iter_expressions():
        yield from _loose(one, keys, owns)


def _same(node: Any, key: Any) -> bool:
    """Whether a value is the key; the table of a column may be named or not."""
    if isinstance(node, exp.Column) and isinstance(key, exp.Column):
        tables = {one.table.lower() for one in (node, key)} - {""}
        return bool(node.name.lower() == key.name.lower()) and len(tables) < 2
    return bool(node == key) or _bare(node) == _bare(key)


def _bare(node: Any) -> str:
    """Return a value as text, without the tables of its columns."""
    plain = node.transform(lambda one: exp.column(one.name) if isinstance(one, exp.Column) else one)
    return str(plain.sql(unsupported_level=ErrorLevel.IGNORE)).lower()


def _within(node: Any, kinds: tuple[Any, ...]) -> Iterator[Any]:
    """Yield the outermost nodes of these kinds; queries inside have clauses of their own."""
    if isinstance(node, kinds):
        yield node
    elif not isinstance(node, _ELSEWHERE):
        yield from _within_children(node, kinds)


_ELSEWHERE = (exp.Query, exp.Window, exp.Identifier, exp.Literal)


def _within_children(node: Any, kinds: tuple[Any, ...]) -> Iterator[Any]:
    for one in node.iter_expressions():
        yield from _within(one, kinds)
