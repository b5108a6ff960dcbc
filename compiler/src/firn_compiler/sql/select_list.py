"""Items of a select list: which of them are several columns, and which columns those are."""

from collections.abc import Mapping, Set
from typing import Any

from sqlglot import exp

from firn_compiler.sql.relations import Column, Relation


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
