"""What a query reads, what comes out, and from which columns it is computed; `lookup` says what a name in it means.

Where anything is not understood (a table function, a pivot, a macro), the columns are unknown and nothing is said.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sqlglot import exp

from firn_compiler.diagnostics import counted
from firn_compiler.sql.analysis import Analysis, Problem
from firn_compiler.sql.grouping import grouping, out_of_list
from firn_compiler.sql.lookup import Lookup, owns, qualified
from firn_compiler.sql.names import Names
from firn_compiler.sql.reading import place
from firn_compiler.sql.relations import (
    NOTHING,
    NOWHERE,
    UNKNOWN,
    Column,
    Ctes,
    Origin,
    Relation,
    Scope,
    alias_of_joined,
    children,
    column_aliases,
    computed,
    inside,
    is_comma,
    joins_of,
    keyed,
    renamed,
    scope_of,
    together,
    unpivoted,
)
from firn_compiler.sql.select_list import may_be_several, star_of, starred
from firn_compiler.sql.sides import is_recursive, joined, marked, settled, unlike
from firn_compiler.sql.tables import Tables
from firn_compiler.sql.values import Values
from firn_schemas.sql_functions import TABLE_FUNCTIONS


def resolve(
    tree: exp.Expr,
    tables: Tables,
    *,
    text: str = "",
    checked: bool = True,
    names: Names | None = None,
    fields: bool = True,
) -> Analysis:
    """Return what is known of a parsed query, whose text this is; `checked` also by DuckDB's own rules.

    `names` says what DuckDB calls a column without a name; where it is absent, such a column may be called anything.
    `fields` says whether a column may stand before a dot, as a record.
    """
    resolver = _Resolver(tables, text, checked=checked, names=names, fields=fields)
    result = resolver.query(tree, None, {})
    known = None if result.open else tuple(column.name for column in result.columns.values())
    named = [column for column in result.columns.values() if column.name]
    lineage = {column.name: tuple(sorted(column.origin)) for column in named if column.origin}
    return Analysis(
        tuple(resolver.problems),
        tuple(sorted(resolver.tables.read)),
        columns=known,
        lineage=lineage,
        kinds={column.name.lower(): column.kind for column in named if column.kind},
    )


class _Resolver:
    def __init__(
        self,
        tables: Tables,
        text: str,
        *,
        checked: bool,
        names: Names | None,
        fields: bool,
    ) -> None:
        self.checked = checked
        self.engine_names = names
        self.tables = tables
        self.problems = tables.problems
        self.lookup = Lookup(self.problems, tables.misspelt, tables.named, fields=fields)
        self.values = Values(text, self.problems)

    def query(self, node: Any, outer: Scope | None, ctes: Ctes) -> Relation:
        """Return the result of a query, whatever its form."""
        ctes = self.with_(node, outer, ctes)
        if isinstance(node, exp.Subquery):
            inner = self.query(node.this, outer, ctes)
            return UNKNOWN if node.args.get("pivots") else inner
        if isinstance(node, exp.SetOperation):
            return self.set_operation(node, outer, ctes)
        if isinstance(node, exp.Select):
            return self.select(node, outer, ctes)
        if isinstance(node, exp.Values):
            width = len(node.expressions[0].expressions) if node.expressions else 0
            for row in node.expressions:
                if len(row.expressions) != width:
                    message = f"this row has {counted(len(row.expressions), 'value')}, and the first one {width}"
                    help = "all rows of `values` have as many"
                    self.problems.append(Problem("E501", message, help, *place(row)))
            return Relation({f"col{at}": Column(f"col{at}", NOWHERE) for at in range(width)})
        if isinstance(node, exp.Table):
            return self.tables.relation(node, ctes)
        return self.pivoted(node, outer, ctes)

    def pivoted(self, node: exp.Pivot, outer: Scope | None, ctes: Ctes) -> Relation:
        """Return the result of a PIVOT, which its rows decide, or of an UNPIVOT; of what is no query nothing."""
        if not isinstance(node.this, exp.Expr):
            return UNKNOWN
        name, source = self.relation(inside(node.this), scope_of({}, outer), ctes)
        parts = [*node.expressions, *children(node.args.get("using")), *children(node.args.get("group"))]
        on = [one.this if isinstance(one, exp.In) else one for one in parts]
        self.expressions(on, scope_of({name: source}, outer), ctes)
        return unpivoted(node, source) if node.args.get("unpivot") else UNKNOWN

    def pivots(self, node: Any, source: Relation, ctes: Ctes) -> None:
        """Resolve what stands in the first PIVOT or UNPIVOT behind a relation; behind a join it may mean more."""
        select = node.find_ancestor(exp.Select)
        if isinstance(node.parent, exp.From) and not select.args.get("joins"):
            pivot = node.args["pivots"][0]
            fields = pivot.args.get("fields") or ()
            listed = [one for field in fields for one in field.expressions if isinstance(one, exp.Column)]
            on = [*pivot.expressions, *(field.this for field in fields), *children(pivot.args.get("group"))]
            self.expressions(listed if pivot.args.get("unpivot") else on, scope_of({"": source}, None), ctes)

    def with_(self, node: Any, outer: Scope | None, ctes: Ctes) -> Ctes:
        """Return the common table expressions that a query sees, with its own."""
        clause = node.args.get("with_")
        own: set[str] = set()
        for cte in clause.expressions if clause is not None else ():
            name = cte.alias.lower()
            if name in own:
                message = f"`{cte.alias}` stands twice after `with`"
                self.problems.append(Problem("E501", message, "rename one of them", *place(cte.args["alias"].this)))
            own.add(name)
            seen = {**ctes, name: UNKNOWN} if clause.args.get("recursive") else ctes
            ctes = {**ctes, name: renamed(self.query(cte.this, outer, seen), column_aliases(cte))}
        return ctes

    def set_operation(self, node: Any, outer: Scope | None, ctes: Ctes) -> Relation:
        """Return the result of a chain of set operations; it leans to the left, however long it is."""
        chain = [node]
        while isinstance(chain[-1].this, exp.SetOperation) and not chain[-1].this.args.get("with_"):
            chain.append(chain[-1].this)
        sides = [self.query(chain[-1].this, outer, ctes)]
        result = sides[0]
        for one in reversed(chain):
            sides.append(self.other_side(one, result, outer, ctes))
            self.problems.extend(unlike(one, result, sides[-1], kinds=self.checked))
            result = joined(one, result, sides[-1])
            self.order_of_set(one, sides, outer, ctes)
            if self.checked and not result.open and one.args.get("order"):
                self.problems.extend(out_of_list(one.args["order"].expressions, len(result.columns)))
        return result

    def other_side(self, node: Any, first: Relation, outer: Scope | None, ctes: Ctes) -> Relation:
        """Return the second side of a set operation; that of a recursive query reads what both of them give."""
        if not is_recursive(node):
            return self.query(node.expression, outer, ctes)
        name = node.parent.args["alias"].this
        mark = f"\0{place(name)[0]}"
        own = renamed(marked(first, mark), column_aliases(node.parent))
        return settled(first, self.query(node.expression, outer, {**ctes, name.name.lower(): own}), mark)

    def order_of_set(self, node: Any, sides: list[Relation], outer: Scope | None, ctes: Ctes) -> None:
        """Resolve the ORDER BY of a set operation: it may name what any of its queries does."""
        order = node.args.get("order")
        for item in order.expressions if order is not None else ():
            value = item.this if isinstance(item, exp.Ordered) else item
            if not isinstance(value, exp.Column) or len(value.parts) > 1:
                self.expressions([value], scope_of({"": UNKNOWN}, outer), ctes)
                continue
            name = value.name.lower()
            items = [one for select in node.find_all(exp.Select) for one in select.expressions]
            given = {word.lower() for one in items for word in (one.alias_or_name, one.unalias().name)}
            if not any(side.may_have(name) for side in sides) and name not in given:
                self.expressions([value], scope_of({"": sides[0]}, None), ctes)

    def select(self, node: exp.Select, outer: Scope | None, ctes: Ctes) -> Relation:
        """Return the result of a SELECT; its parts are resolved in the order in which they see each other."""
        scope = self.from_(node, outer, ctes)
        values = self.values_of(node, scope, ctes)
        self.names(node, scope)
        if self.checked:
            self.groups(node, scope)
        result = self.projections(node, values, scope, ctes)
        self.clauses(node, scope, ctes)
        return result if not node.args.get("pivots") else UNKNOWN

    def from_(self, node: exp.Select, outer: Scope | None, ctes: Ctes) -> Scope:
        """Return what a SELECT sees by its FROM."""
        scope = scope_of({}, outer)
        group: dict[str, Relation] = {}
        for key in ("from_", "joins", "laterals"):
            for item in children(node.args.get(key)):
                self.source(item, scope, ctes, group)
        return scope

    def values_of(self, node: exp.Select, scope: Scope, ctes: Ctes) -> list[Column]:
        """Return the items of a select list without their names; what stands after one may use its alias."""
        values: list[Column] = []
        for projection in node.expressions:
            value = projection.this if isinstance(projection, exp.Alias) else projection
            values.append(Column("", self.expressions([value], scope, ctes), self.values.kind(value)))
            if isinstance(projection, exp.Alias):
                scope.aliases[projection.alias.lower()] = values[-1]
            star = star_of(projection)
            for renaming in (star.args.get("rename") or ()) if star is not None else ():
                scope.aliases[renaming.alias.lower()] = NOTHING
        return values

    def names(self, node: exp.Select, scope: Scope) -> None:
        """Report names that several relations have, wherever they stand; ORDER BY takes those of the select list."""
        clauses = [one for key in ("where", "group", "having", "qualify") for one in children(node.args.get(key))]
        self.lookup.ambiguous([*node.expressions, *clauses], scope)
        for join, sees in scope.conditions:
            self.lookup.ambiguous(children(join.args.get("on")), sees)
        order = [one.this.unnest() for one in node.args["order"].expressions] if node.args.get("order") else []
        given = {one.unnest().alias_or_name.lower() for one in node.expressions}
        self.lookup.ambiguous(
            [one for one in order if not isinstance(one, exp.Column) or one.name.lower() not in given], scope
        )

    def groups(self, node: exp.Select, scope: Scope) -> None:
        """Report what is neither grouped nor aggregated."""
        tables = scope.relations.values()
        listed = () if any(one.open for one in tables) else starred(scope.relations, scope.merged)
        aliases = {name for name in scope.aliases if not any(one.may_have(name) for one in tables)}
        names = tuple(one.name for one in listed)
        self.problems.extend(grouping(node, lambda column: owns(column, scope), names, aliases))

    def clauses(self, node: exp.Select, scope: Scope, ctes: Ctes) -> None:
        """Resolve the clauses of a SELECT, and the conditions of its joins."""
        rest = [one for key, value in node.args.items() if key not in _HANDLED for one in children(value)]
        self.expressions(rest, scope, ctes)
        if having := node.args.get("having"):
            self.expressions([having], scope._replace(nearer=_nearer(node, scope)), ctes)
        for join, sees in scope.conditions:
            self.expressions(children(join.args.get("on")), sees, ctes)
            if self.checked:
                self.values.condition(join.args.get("on"))

    def source(self, item: Any, scope: Scope, ctes: Ctes, group: dict[str, Relation]) -> None:
        """Add one item of a FROM to the scope, with the joins that stand inside it; `group` is what it is joined to."""
        inner: dict[str, Relation] = {}
        name, relation = self.relation(item if isinstance(item, exp.Lateral) else inside(item.this), scope, ctes)
        while name in scope.relations:
            name += "'"  # a name that stands twice: neither can be told from the other by it
        scope.relations[name] = inner[name] = relation
        for join in joins_of(item):
            self.source(join, scope, ctes, inner)
        if (alias := alias_of_joined(item)) is not None:
            for name in inner:
                del scope.relations[name]
            inner = {alias: together(inner.values())}
            scope.relations.update(inner)
        if isinstance(item, exp.Join):
            if is_comma(item):
                group.clear()
            self.join(item, group, inner, scope)
        if isinstance(item, exp.Join) and item.args.get("kind") in ("SEMI", "ANTI"):
            for name in inner:
                del scope.relations[name]  # it only filters
        else:
            group.update(inner)

    def join(self, item: exp.Join, left: dict[str, Relation], right: dict[str, Relation], scope: Scope) -> None:
        """Note which columns a join makes one, and what its condition sees."""
        keys = {one.name.lower() for one in item.args.get("using") or ()}
        if item.args.get("method") == "NATURAL":
            keys = {
                key
                for one in left.values()
                for key in one.columns
                if any(key in other.columns for other in right.values())
            }
        for column in item.args.get("using") or ():
            self.lookup.used(column, [*left.values()], [*right.values()], scope.joined)
        scope.joined.update(keys)
        scope.merged.update((name, key) for name in right for key in keys)
        sees = {**left, **right}
        before = {name: one for name, one in scope.relations.items() if name not in sees}
        outer = scope_of(before, scope.outer)
        scope.conditions.append((item, scope_of(sees, outer)._replace(joined={*scope.joined})))

    def relation(self, node: Any, scope: Scope, ctes: Ctes) -> tuple[str, Relation]:
        """Return the name and the columns of what stands in a FROM."""
        name, made_of = (node.alias_or_name or "").lower(), NOWHERE
        if isinstance(node, exp.Table):
            found = self.tables.relation(node, ctes)
            if not isinstance(node.this, exp.Identifier) and not self.refused(node.this):
                made_of = self.expressions([node.this], scope, ctes)
        elif isinstance(node, exp.Lateral):
            found = self.query(node.this, scope, ctes) if isinstance(node.this, exp.Query) else UNKNOWN
            if found is UNKNOWN:
                made_of = self.expressions(children(node.this), scope, ctes)
        elif isinstance(node, (exp.Query, exp.Values)):
            found = self.query(node, scope, ctes)  # the engine lets it see what stands before it
        else:
            found = UNKNOWN
            made_of = self.expressions(list(node.args.get("expressions") or ()), scope, ctes)
        if node.args.get("pivots"):
            self.pivots(node, found, ctes)
        if node.args.get("pivots") or (isinstance(node, exp.Subquery) and isinstance(node.this, exp.Subquery)):
            found = UNKNOWN
        if node.args.get("ordinality") or any(one.args.get("offset") for one in (node, *children(node.this))):
            return name, computed(renamed(found, column_aliases(node)), made_of)._replace(open=True)
        return name, computed(renamed(found, column_aliases(node)), made_of)

    def refused(self, call: Any) -> bool:
        """Whether a function in FROM is refused: what it takes may be anything."""
        named = isinstance(call, exp.Anonymous) and call.name.lower() not in TABLE_FUNCTIONS
        return self.tables.closed and (named or isinstance(call, (exp.ReadCSV, exp.ReadParquet)))

    def projections(self, node: exp.Select, values: list[Column], scope: Scope, ctes: Ctes) -> Relation:
        """Return the columns of a select list, whose items are these without their names."""
        columns: list[Column] = []
        open_ = False
        for projection, value in zip(node.expressions, values, strict=True):
            star = star_of(projection)
            if star is not None:
                more, unknown = self.star(projection, star, scope, ctes)
                open_ |= unknown
                columns += more
                continue
            several = projection.find(exp.Columns) is not None or may_be_several(projection)
            if several or self.lookup.unnameable(projection):
                open_ = True
            else:
                kind = self.values.column_kind(projection.unalias())
                columns.append(value._replace(name=self.name(projection, scope), kind=kind))
        unnamed = self.engine_names is None and any(not column.name for column in columns)
        return Relation(keyed(column for column in columns if not open_ or column.name), open_ or unnamed)

    def name(self, projection: exp.Expr, scope: Scope) -> str:
        """Return what a projection calls its column; empty where the engine makes a name up that is not known."""
        if isinstance(projection, exp.Alias):
            return str(projection.alias)
        if isinstance(projection, exp.Paren):
            return self.name(projection.unnest(), scope)
        names = self.engine_names
        if isinstance(projection, exp.Column):
            signed = names is not None and names.signed(projection)
            return "" if signed else self.lookup.spelled(projection, scope)
        return names.of(projection) if names is not None else ""

    def star(self, projection: Any, star: exp.Star, scope: Scope, ctes: Ctes) -> tuple[list[Column], bool]:
        """Return what `*` or `t.*` stands for, and whether that may be more."""
        owner = projection.args.get("table") if isinstance(projection, exp.Column) else None
        if star.args.get("ilike"):
            return [], True
        relations, merged = scope.relations, scope.merged
        if owner is not None:
            relations, merged = {"": qualified(owner.name, scope) or self.lookup.row(projection, scope)}, set()
        open_ = any(relation.open for relation in relations.values()) or not relations
        columns = self.without(star, starred(relations, merged), relations, scope, open_=open_)
        columns = self.replaced(star, columns, scope, ctes, open_=open_)
        new = {one.this.name.lower(): one.alias for one in star.args.get("rename") or ()}
        return [column._replace(name=new.get(column.name.lower(), column.name)) for column in columns], open_

    def without(
        self, star: exp.Star, columns: list[Column], relations: Mapping[str, Relation], scope: Scope, *, open_: bool
    ) -> list[Column]:
        """Return the columns that `exclude` leaves."""
        for one in star.args.get("except_") or ():
            alone = relations.get(one.args["table"].name.lower()) if one.args.get("table") else None
            gone = [*alone.columns.values()] if alone is not None and one.name.lower() not in scope.joined else columns
            left = [column for column in columns if column.name.lower() != one.name.lower() or column not in gone]
            if len(left) == len(columns) and not open_ and not one.args.get("table"):
                known = [name for relation in relations.values() for name in relation.names()]
                self.lookup.unknown_column(one.name, known, place(one))
            columns = left
        return columns

    def replaced(self, star: exp.Star, columns: list[Column], scope: Scope, ctes: Ctes, *, open_: bool) -> list[Column]:
        """Return the columns with those that `replace` computes anew."""
        made: dict[str, Column] = {}
        for one in star.args.get("replace") or ():
            if not open_ and one.alias.lower() not in {column.name.lower() for column in columns}:
                self.lookup.unknown_column(one.alias, [column.name for column in columns], place(one.args["alias"]))
            origin = self.expressions([one.this], scope, ctes)
            made[one.alias.lower()] = Column(one.alias, origin, self.values.column_kind(one.this))
        return [made.get(column.name.lower(), column) for column in columns]

    def expressions(self, nodes: Iterable[Any], scope: Scope, ctes: Ctes) -> Origin:
        """Resolve every column in some expressions, queries inside them too; return what they are computed from."""
        origins: set[tuple[str, str]] = set()
        seen: list[Any] = []
        waiting: list[tuple[Any, frozenset[str], Scope]] = [
            (one, frozenset(), scope) for one in nodes if one is not None
        ]
        while waiting:
            node, bound, scope = waiting.pop()
            if _is_plain(node.__class__):
                seen.append(node)
                waiting += [(one, bound, scope) for one in node.iter_expressions()]
                continue
            if isinstance(node, exp.Column):
                if not isinstance(node.this, exp.Star):
                    column = self.lookup.column(node, scope, bound)
                    origins |= column.origin
                    self.values.is_of(node, column.kind)
                continue
            if isinstance(node, _QUERIES) and not isinstance(node, exp.Table):
                inner = self.query(node, scope, ctes)
                self.width(node, inner)
                if len(inner.columns) == 1 and not inner.open:
                    self.values.is_of(node, next(iter(inner.columns.values())).kind)
                origins |= {pair for column in inner.columns.values() for pair in column.origin}
                continue
            if isinstance(node, exp.Lambda):
                bound |= {one.name.lower() for one in node.expressions}
            elif isinstance(node, exp.Comprehension):
                names = (node.args["expression"], *children(node.args.get("position")))
                bound |= {found.name.lower() for one in names for found in one.find_all(exp.Identifier)}
            elif isinstance(node, (exp.Identifier, exp.Star)):
                continue
            elif isinstance(node, exp.AggFunc) and not isinstance(
                node.find_ancestor(exp.Window, exp.Select), exp.Window
            ):
                # DuckDB looks for none of them there
                scope = scope._replace(aliases={}, nearer={}) if self.checked else scope
            elif isinstance(node, exp.Window) and node.args.get("alias"):
                told = len(self.problems)
                origins |= self.expressions(_window_of(node), scope, ctes)
                del self.problems[told:]  # which are told where the window stands
            elif isinstance(node, exp.Collate):
                waiting.append((node.this, bound, scope))  # what follows names a collation
                continue
            seen.append(node)
            waiting += [(one, bound, scope) for one in node.iter_expressions()]
        if self.checked:
            self.values.look(reversed(seen))
        return frozenset(origins)

    def width(self, node: Any, inner: Relation) -> None:
        """Report a query that stands for one value, and gives several columns."""
        count, within = len(inner.columns), isinstance(node.parent, exp.In)
        rows = (exp.Exists, exp.Tuple, exp.Any, exp.All, exp.Array, exp.Lateral)
        several = not isinstance(node.parent.this, exp.Column) if within else isinstance(node.parent, rows)
        if self.checked and isinstance(node, exp.Subquery) and not several and not inner.open and count > 1:
            what = "a query after `in`" if within else "a query in the place of a value"
            message = f"{what} gives one column, and this gives {count}"
            spots = [place(one) for one in node.this.selects] or [place(node.this)]
            spot = min(start for start, _ in spots), max(end for _, end in spots)
            self.problems.append(Problem("E503", message, "select the one that is meant", *spot))


@cache
def _is_plain(kind: type) -> bool:
    """Whether the columns in nodes of a kind are those of what it is made of."""
    return not issubclass(kind, _OWN)


def _window_of(node: exp.Window) -> list[Any]:
    """Return the parts of the window that one names: `over w`."""
    select = node.find_ancestor(exp.Select)
    windows = select.args.get("windows") or () if select is not None else ()
    named = (one for one in windows if one is not node and one.name.lower() == node.args["alias"].name.lower())
    return [part for one in named for key in ("partition_by", "order") for part in children(one.args.get(key))]


_QUERIES = (exp.Query, exp.Values)
_NAMES = (exp.Collate, exp.Column, exp.Identifier, exp.Star)
_OWN = (*_NAMES, exp.AggFunc, exp.Comprehension, exp.Lambda, exp.Window, *_QUERIES)
"""Nodes with rules of their own for the columns in them."""
_HANDLED = frozenset(
    ["expressions", "from_", "having", "joins", "laterals", "with_", "pivots", "kind", "limit", "offset"]
)
"""Parts of a SELECT that are resolved apart, or hold no columns."""


def _nearer(node: exp.Select, scope: Scope) -> dict[str, Column]:
    """Return the values of the select list whose names HAVING takes for them, also where a table has such a column."""
    group = node.args.get("group")
    if group is None:
        return scope.aliases
    keys = {one.name.lower() for one in group.expressions}
    parts = {one.name.lower() for one in group.find_all(exp.Column)}  # such as of ROLLUP: which is meant is not known
    aliases = scope.aliases.items()
    return {name: NOTHING if name in parts else column for name, column in aliases if name not in keys}
