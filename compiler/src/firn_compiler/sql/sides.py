"""The two sides of a set operation as one relation, and what is wrong with them beside each other."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from sqlglot import exp

from firn_compiler.diagnostics import counted
from firn_compiler.kinds import article, castable, equal, united
from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.reading import place
from firn_compiler.sql.relations import NOTHING, Column, Origin, Relation


def joined(node: exp.SetOperation, left: Relation, right: Relation) -> Relation:
    """Return two sides as one: by name, or by position under the names of the left."""
    columns = dict(left.columns)
    if node.args.get("by_name"):
        for key, column in right.columns.items():
            mine = columns.get(key, column)
            columns[key] = Column(mine.name, mine.origin | column.origin, united(mine.kind, column.kind))
        return Relation(columns, left.open or right.open)
    others = [*right.columns.values()]
    sure = not left.open and not right.open
    for at, (key, column) in enumerate(left.columns.items()):
        other = others[at] if at < len(others) else NOTHING
        kind = (column.kind if is_recursive(node) else united(column.kind, other.kind)) if sure else ""
        columns[key] = Column(column.name, column.origin | other.origin, kind)
    return Relation(columns, left.open)


def unlike(node: exp.SetOperation, left: Relation, right: Relation, *, kinds: bool) -> Iterator[Problem]:
    """Yield what is wrong with two sides by position: `kinds` that no cast makes one, and other widths."""
    if node.args.get("by_name") or left.open or right.open:
        return
    for at, (one, other) in enumerate(zip(left.columns.values(), right.columns.values(), strict=False)):
        if kinds and not _fit(node, one.kind, other.kind):
            message = f"one side has {article(one.kind)} here, the other {article(other.kind)}"
            yield Problem("E509", message, "cast one of them", *_item(node.expression, at))
    widths = len(left.columns), len(right.columns)
    if widths[0] != widths[1]:
        message = f"one side has {counted(widths[0], 'column')}, the other {widths[1]}"
        help = "both sides of a set operation are equally wide"
        yield Problem("E503", message, help, *place(node.expression))


def marked(first: Relation, mark: str) -> Relation:
    """Return what a recursive query takes from itself: the columns of its first side, which come from `mark`."""
    columns = {key: one._replace(origin=frozenset([(mark, key)])) for key, one in first.columns.items()}
    return Relation(columns, first.open)


def settled(first: Relation, second: Relation, mark: str) -> Relation:
    """Return the second side of a recursive query, with what its columns come from after however many rounds."""
    sides = zip_longest(first.columns.items(), second.columns.values())
    steps = {pair[0]: pair[1].origin | (other or NOTHING).origin for pair, other in sides if pair}

    def sources(origin: Origin) -> Origin:
        found, left = set[tuple[str, str]](), [*origin]
        while left:
            one = left.pop()
            if one not in found:
                found.add(one)
                left += steps.get(one[1], ()) if one[0] == mark else ()
        return frozenset(one for one in found if one[0] != mark)

    columns = {key: one._replace(origin=sources(one.origin)) for key, one in second.columns.items()}
    return second._replace(columns=columns)


def _fit(node: exp.SetOperation, left: str, right: str) -> bool:
    """Whether values of two kinds can stand in one column; what is not known may."""
    if not left or not right:
        return True
    return castable(right, left) if is_recursive(node) else bool(united(left, right)) or equal(left, right)


def _item(side: Any, at: int) -> tuple[int, int]:
    """Return where a column of a side is written; where that is not known, the side."""
    items = side.selects
    return place(items[at] if at < len(items) and not any(one.is_star for one in items) else side)


def is_recursive(node: exp.SetOperation) -> bool:
    """Whether a set operation is that of a recursive query: what follows is cast to the types that it begins with."""
    cte = node.parent
    return isinstance(cte, exp.CTE) and isinstance(cte.parent, exp.With) and bool(cte.parent.args.get("recursive"))
