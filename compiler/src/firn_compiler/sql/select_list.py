"""Items of a select list: which of them are several columns, which columns those are, and what one is called."""

from collections.abc import Mapping, Set
from typing import Any

from sqlglot import exp

from firn_compiler.sql.names import Names
from firn_compiler.sql.relations import Column, Relation, Scope


def starred(relations: Mapping[str, Relation], merged: Set[tuple[str, str]]) -> list[Column]:
    """Return the columns of some relations in a row; what a join makes one stands where the first of them does."""
    columns: list[Column] = []
    last: dict[str, int] = {}
    for name, relation in relations.items():
        for key, column in relation.columns.items():
            if (name, key) in merged and key in last:
                one = columns[last[key]]
                columns[last[key]] = one._replace(origin=one.origin | column.origin)
            else:
                last[key] = len(columns)
                columns.append(column)
    return columns


_WORDS: tuple[type[exp.Func], ...] = (
    exp.CurrentDate,
    exp.CurrentTime,
    exp.CurrentTimestamp,
    exp.Localtime,
    exp.Localtimestamp,
    exp.CurrentUser,
    exp.CurrentRole,
    exp.CurrentCatalog,
    exp.CurrentSchema,
    exp.SessionUser,
)
"""Functions that may be written as plain words, and are called so then."""


def may_be_several(projection: Any) -> bool:
    """Whether an item of a select list may be several columns (UNNEST of a struct), or has a plain word as its name."""
    if isinstance(projection, exp.Dot) and isinstance(projection.expression, (exp.Star, exp.Identifier)):
        return True
    first = projection
    while isinstance(first, (exp.Alias, exp.Binary, exp.Escape, exp.Not)):
        first = first.this
    if isinstance(first, exp.Star) or (isinstance(first, exp.Column) and isinstance(first.this, exp.Star)):
        return True  # `* like 'a%'`
    return isinstance(projection, (exp.Unnest, exp.Explode, exp.PositionalColumn, *_WORDS))


def star_of(projection: Any) -> exp.Star | None:
    """Return the star of `*` and `t.*`; None for any other item."""
    if isinstance(projection, exp.Star):
        return projection
    inner = projection.this if isinstance(projection, exp.Column) else None
    return inner if isinstance(inner, exp.Star) else None


def called(projection: exp.Expr, scope: Scope, names: Names | None) -> str:
    """Return what a projection calls its column; empty where the engine makes a name up that is not known."""
    if isinstance(projection, exp.Alias):
        return str(projection.alias)
    if isinstance(projection, exp.Paren):
        return called(projection.unnest(), scope, names)
    if isinstance(projection, exp.Column):
        signed = names is not None and names.signed(projection)
        return "" if signed else _spelled(projection, scope)
    return names.of(projection) if names is not None else ""


def _spelled(projection: exp.Column, scope: Scope) -> str:
    """Return a column's name as its relation spells it: so the engine names the result."""
    key = projection.name.lower()
    named = scope.relations.get(projection.table.lower()) if projection.table else None
    owners = [one for one in ([named] if named else scope.relations.values()) if key in one.columns]
    return owners[0].columns[key].name if len(projection.parts) < 3 and owners else str(projection.name)
