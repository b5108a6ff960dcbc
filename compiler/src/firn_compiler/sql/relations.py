"""What stands in a FROM, and what a query sees of it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlglot import exp

Origin = frozenset[tuple[str, str]]
"""Pairs of (relation, column) outside the query."""
NOWHERE: Origin = frozenset()


class Column(NamedTuple):
    """A column of a relation: its name as written, and what it is computed from."""

    name: str
    """Empty where the engine makes one up that is not known here; it never is a plain word."""
    origin: Origin
    kind: str = ""
    """Of its values (`kinds`); empty where it is not known."""


NOTHING = Column("", NOWHERE)


class Relation(NamedTuple):
    """Columns by their names in lower case, in order; one whose name is not known has a key that no name can be."""

    columns: dict[str, Column]
    open: bool = False
    """Whether it may have further columns."""
    base: str = ""
    """The table outside the query, where it is one."""

    def may_have(self, name: str) -> bool:
        """Whether a column may be called this."""
        made_up = not name.isidentifier() and any(not column.name for column in self.columns.values())
        return self.open or made_up or name.lower() in self.columns

    def names(self) -> list[str]:
        """Return the names that are known."""
        return [column.name for column in self.columns.values() if column.name]

    def column(self, name: str) -> Column:
        """Return a column; of one that is not known only what it is computed from, if that."""
        found = self.columns.get(name.lower())
        if found is not None:
            return found
        return Column(name, frozenset([(self.base, name)])) if self.base and self.open else NOTHING


UNKNOWN = Relation({}, open=True)
Ctes = Mapping[str, Relation]


class Scope(NamedTuple):
    """What a query sees: its own relations by alias, and those of the query around it."""

    relations: dict[str, Relation]
    outer: "Scope | None"
    aliases: dict[str, Column]
    """Values that the select list gives names, usable anywhere in the query."""
    nearer: dict[str, Column]
    """Of these, those whose names mean no column of a table: in HAVING all that are not grouped by."""
    joined: set[str]
    """Columns that several relations share by USING or NATURAL: their names mean one column."""
    merged: set[tuple[str, str]]
    """Of these, by their relations and keys, those that `*` leaves out."""
    conditions: list[tuple[exp.Join, "Scope"]]
    """Joins, with what their conditions see: not what only stands after them."""

    @property
    def levels(self) -> "Iterator[Scope]":
        """The query's own scope, and those of the queries around it."""
        level: Scope | None = self
        while level is not None:
            yield level
            level = level.outer


def scope_of(relations: dict[str, Relation], outer: Scope | None) -> Scope:
    """Return a scope in which nothing else is known yet."""
    return Scope(relations, outer, {}, {}, set(), set(), [])


def keyed(columns: Iterable[Column]) -> dict[str, Column]:
    """Return columns by their keys; a name's second column gets a number, as the engine gives it (`id`, `id_1`)."""
    made: dict[str, Column] = {}
    taken: dict[str, int] = {}
    """By a name the numbers that are surely taken."""
    for column in columns:
        name, number = column.name, taken.get(column.name.lower(), 0)
        while name and name.lower() in made:
            number += 1
            name = f"{column.name}_{number}"
        taken[column.name.lower()] = number
        made[name.lower() if name else f"\0{len(made)}"] = column._replace(name=name)
    return made


def renamed(relation: Relation, names: list[str]) -> Relation:
    """Return a relation whose first columns have other names."""
    if not names:
        return relation
    columns = [*relation.columns.values()]
    first = [
        columns[at]._replace(name=name) if at < len(columns) and not relation.open else Column(name, NOWHERE)
        for at, name in enumerate(names)
    ]
    rest = columns[len(names) :] if not relation.open else []
    return Relation(keyed([*first, *rest]), relation.open and bool(relation.base or relation.columns))


def computed(relation: Relation, origin: Origin) -> Relation:
    """Return what a function in FROM makes: all of its columns are computed from what it is given."""
    columns = {key: column._replace(origin=origin) for key, column in relation.columns.items()}
    return relation._replace(columns=columns) if origin else relation


def unpivoted(node: exp.Pivot, source: Relation) -> Relation:
    """Return the result of an UNPIVOT of plain columns; of any other form nothing is known."""
    into = node.args.get("into")
    if source.open or not all(isinstance(one, exp.Column) for one in node.expressions):
        return UNKNOWN
    listed = {one.name.lower() for one in node.expressions}
    origin = frozenset(pair for key in listed for pair in source.column(key).origin)
    names = [into.this.name, *(one.name for one in into.expressions)] if into is not None else ["name", "value"]
    new = [Column(name, origin if at else NOWHERE) for at, name in enumerate(names)]
    return Relation(keyed([*(column for key, column in source.columns.items() if key not in listed), *new]))


def column_aliases(node: Any) -> list[str]:
    """Return the names that an alias gives to columns: `t(a, b)`."""
    alias = node.args.get("alias")
    return [one.name for one in alias.args.get("columns") or ()] if isinstance(alias, exp.TableAlias) else []


def children(value: Any) -> list[Any]:
    """Return the nodes of one argument of a node."""
    if isinstance(value, exp.Expr):
        return [value]
    return [one for one in value if isinstance(one, exp.Expr)] if isinstance(value, list) else []


def inside(node: Any) -> Any:
    """Return the first relation of a join in parentheses; any other node is itself."""
    while isinstance(node, exp.Subquery) and isinstance(node.this, (exp.Table, exp.Subquery)):
        joined = node.this.args.get("joins") or isinstance(node.this, exp.Table)
        if node.args.get("pivots") or column_aliases(node) or (node.alias and not joined):
            return node
        node = node.this
    return node


def joins_of(item: Any) -> list[Any]:
    """Return the joins that stand inside an item of FROM: those of its parentheses."""
    found: list[Any] = []
    node = item if isinstance(item, exp.Lateral) else item.this
    last = inside(node)
    while node is not last:
        found = [*(node.args.get("joins") or ()), *found]
        node = node.this
    return [*(last.args.get("joins") or ()), *found]


def alias_of_joined(item: Any) -> str | None:
    """Return the name that joins in parentheses have together: `(a join b using (id)) as t`."""
    node = item.this
    named = isinstance(node, exp.Subquery) and node.alias and inside(node) is not node
    return str(node.alias).lower() if named else None


def together(relations: Collection[Relation]) -> Relation:
    """Return the columns of joined relations under one name; where two have one, nobody knows what it is called."""
    columns = {key: column for one in relations for key, column in one.columns.items()}
    twice = len(columns) < sum(len(one.columns) for one in relations)
    return UNKNOWN if twice else Relation(columns, open=any(one.open for one in relations))


def is_comma(join: exp.Join) -> bool:
    """Whether a join is written as a comma."""
    return not any(join.args.get(key) for key in ("kind", "method", "on", "side", "using"))
