"""Names in a query: which tables and columns they mean, what comes out, and from which columns it is computed.

Only what is certain is reported: a column is unknown where every relation it could belong to has known columns. Where
anything is not understood (a table function, a pivot, a macro), the columns are unknown and nothing is said.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from functools import lru_cache
from typing import Any

from sqlglot import exp

from firn_compiler.closest import alike, misspelt
from firn_compiler.diagnostics import suggestion
from firn_compiler.sql.analysis import Analysis, Problem
from firn_compiler.sql.grouping import grouping
from firn_compiler.sql.names import Names
from firn_compiler.sql.reading import place
from firn_compiler.sql.relations import (
    NOWHERE,
    UNKNOWN,
    Column,
    Ctes,
    Origin,
    Relation,
    Scope,
    children,
    column_aliases,
    inside,
    is_comma,
    joins_of,
    keyed,
    renamed,
    scope_of,
)
from firn_compiler.sql.select_list import may_be_several, star_of, starred
from firn_schemas.sql_functions import TABLE_FUNCTIONS

PSEUDO = frozenset(
    "rowid filename file_row_number ctid tableoid user current_user session_user current_role current_catalog"
    " current_schema".split()
)
"""Columns that a relation has without declaring them, and words that SQL reads as values."""


def resolve(
    tree: exp.Expr,
    tables: Mapping[str, tuple[str, ...] | None],
    *,
    closed: bool,
    checked: bool = True,
    names: Names | None = None,
) -> Analysis:
    """Return what is known of a parsed query; `checked` also by DuckDB's own rules.

    `names` says what DuckDB calls a column without a name; where it is absent, such a column may be called anything.
    """
    resolver = _Resolver(tables, closed=closed, checked=checked, names=names)
    result = resolver.query(tree, None, {})
    known = None if result.open else tuple(column.name for column in result.columns.values())
    named = [column for column in result.columns.values() if column.name]
    lineage = {column.name: tuple(sorted(column.origin)) for column in named if column.origin}
    return Analysis(
        tuple(resolver.problems),
        tuple(sorted(resolver.read)),
        columns=known,
        lineage=lineage,
    )


class _Resolver:
    def __init__(
        self, tables: Mapping[str, tuple[str, ...] | None], *, closed: bool, checked: bool, names: Names | None
    ) -> None:
        self.checked = checked
        self.engine_names = names
        self.tables = tables
        self.closed = closed
        self.problems: list[Problem] = []
        self.read: set[str] = set()
        self.meant: dict[int, str] = {}
        """Of columns that are not there, by their names' nodes, which are meant; empty where nobody can tell."""

    def query(self, node: Any, outer: Scope | None, ctes: Ctes) -> Relation:
        """Return the result of a query, whatever its form."""
        ctes = self.with_(node, outer, ctes)
        if isinstance(node, exp.Subquery):
            return self.query(node.this, outer, ctes) if not _altered(node) else self.altered(node, outer, ctes)
        if isinstance(node, exp.SetOperation):
            return self.set_operation(node, outer, ctes)
        if isinstance(node, exp.Select):
            return self.select(node, outer, ctes)
        if isinstance(node, exp.Values):
            width = len(node.expressions[0].expressions) if node.expressions else 0
            return Relation({f"col{at}": Column(f"col{at}", NOWHERE) for at in range(width)})
        if isinstance(node, exp.Table):
            return self.table(node, ctes)
        for inner in node.find_all(exp.Table):
            self.table(inner, ctes)
        return UNKNOWN

    def altered(self, node: exp.Subquery, outer: Scope | None, ctes: Ctes) -> Relation:
        self.query(node.this, outer, ctes)
        return UNKNOWN

    def with_(self, node: Any, outer: Scope | None, ctes: Ctes) -> Ctes:
        """Return the common table expressions that a query sees, with its own."""
        clause = node.args.get("with_")
        for cte in clause.expressions if clause is not None else ():
            name = cte.alias.lower()
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
            sides.append(self.query(one.expression, outer, ctes))
            result = self.joined(one, result, sides[-1])
            self.order_of_set(one, sides, outer, ctes)
        return result

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

    def joined(self, node: Any, left: Relation, right: Relation) -> Relation:
        """Return two sides as one: by name, or by position under the names of the left."""
        if node.args.get("by_name"):
            columns = dict(left.columns)
            for key, column in right.columns.items():
                mine = columns.get(key, column)
                columns[key] = Column(mine.name, mine.origin | column.origin)
            return Relation(columns, left.open or right.open)
        others = [column.origin for column in right.columns.values()]
        columns = {
            key: Column(column.name, column.origin | (others[at] if at < len(others) else NOWHERE))
            for at, (key, column) in enumerate(left.columns.items())
        }
        if not left.open and not right.open and len(left.columns) != len(right.columns):
            self.widths(node, len(left.columns), len(right.columns))
        return Relation(columns, left.open)

    def widths(self, node: Any, left: int, right: int) -> None:
        start, end = place(node.expression)
        message = f"one side has {left} column{'s' if left != 1 else ''}, the other {right}"
        self.problems.append(Problem("E503", message, "both sides of a set operation are equally wide", start, end))

    def select(self, node: exp.Select, outer: Scope | None, ctes: Ctes) -> Relation:
        scope = scope_of({}, outer)
        items = [
            *children(node.args.get("from_")),
            *children(node.args.get("joins")),
            *children(node.args.get("laterals")),
        ]
        group: dict[str, Relation] = {}
        for item in items:
            self.source(item, scope, ctes, group)
        origins: list[Origin] = []
        for projection in node.expressions:
            value = projection.this if isinstance(projection, exp.Alias) else projection
            origins.append(self.expressions([value], scope, ctes))
            if isinstance(projection, exp.Alias):
                scope.aliases[projection.alias.lower()] = origins[-1]  # for what stands after it
        self.ambiguous([*node.expressions, *children(node.args.get("where")), *children(node.args.get("group"))], scope)
        for join, sees in scope.conditions:
            self.ambiguous(children(join.args.get("on")), sees)
        order = [one.this for one in node.args["order"].expressions] if node.args.get("order") else []
        given = {one.unnest().alias_or_name.lower() for one in node.expressions}
        self.ambiguous([one for one in order if isinstance(one, exp.Column) and one.name.lower() not in given], scope)
        if self.checked:
            listed = starred(scope.relations, scope.merged)
            names = () if any(one.open for one in scope.relations.values()) else tuple(one.name for one in listed)
            self.problems.extend(grouping(node, lambda column: self.owns(column, scope), names))
        result = self.projections(node, origins, scope, ctes)
        rest = [value for key, value in node.args.items() if key not in _HANDLED]
        self.expressions([one for value in rest for one in children(value)], scope, ctes)
        for join, sees in scope.conditions:
            self.expressions(children(join.args.get("on")), sees, ctes)
        return result if not node.args.get("pivots") else UNKNOWN

    def ambiguous(self, nodes: Iterable[Any], scope: Scope) -> None:
        """Report bare columns of the select list, WHERE and ON that more than one relation has."""
        for node in nodes:
            for column in _bare_columns(node):
                name = column.name.lower()
                level = _level_of(name, scope)
                owners = [alias for alias, one in level.relations.items() if name in one.columns]
                if len(owners) > 1 and name not in level.joined and name not in level.aliases:
                    listed = ", ".join(f"`{alias.strip(chr(39))}.{column.name}`" for alias in owners)
                    message = f"`{column.name}` is ambiguous: {len(owners)} tables have it"
                    self.problems.append(Problem("E503", message, f"write one of {listed}", *place(column.parts[0])))

    def owns(self, column: exp.Column, scope: Scope) -> bool:
        """Whether a column is certainly one of the scope's own relations."""
        if isinstance(column.this, exp.Star):
            return False
        if len(column.parts) > 1:
            owner = scope.relations.get(column.parts[0].name.lower())
            return owner is not None and owner.may_have(column.parts[1].name)
        return any(column.name.lower() in one.columns for one in scope.relations.values())

    def source(self, item: Any, scope: Scope, ctes: Ctes, group: dict[str, Relation]) -> None:
        """Add one item of a FROM to the scope, with the joins that stand inside it; `group` is what it is joined to."""
        inner: dict[str, Relation] = {}
        name, relation = self.relation(item if isinstance(item, exp.Lateral) else inside(item.this), scope, ctes)
        while name in scope.relations:
            name += "'"  # a name that stands twice: neither can be told from the other by it
        scope.relations[name] = inner[name] = relation
        for join in joins_of(item):
            self.source(join, scope, ctes, inner)
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
            self.used(column, [*left.values()], [*right.values()], scope.joined)
        scope.joined.update(keys)
        scope.merged.update((name, key) for name in right for key in keys)
        sees = {**left, **right}
        before = {name: one for name, one in scope.relations.items() if name not in sees}
        outer = scope_of(before, scope.outer)
        scope.conditions.append((item, scope_of(sees, outer)._replace(joined={*scope.joined})))

    def used(self, column: Any, left: list[Relation], right: list[Relation], joined: Set[str]) -> None:
        """Report a column of USING that one of the sides does not have, or the left one more than once."""
        owners = [one for one in left if column.name.lower() in one.columns]
        if len(owners) > 1 and column.name.lower() not in joined:
            message = f"`{column.name}` is ambiguous: {len(owners)} tables before the join have it"
            self.problems.append(Problem("E503", message, "write `on` with the tables' names", *place(column)))
        if not all(any(one.may_have(column.name) for one in side) for side in (left, right)):
            known = [name for one in (*left, *right) for name in one.names()]
            self.unknown_column(column.name, known, place(column), "both sides of the join need a column")

    def relation(self, node: Any, scope: Scope, ctes: Ctes) -> tuple[str, Relation]:
        """Return the name and the columns of what stands in a FROM."""
        name = (node.alias_or_name or "").lower()
        if isinstance(node, exp.Table):
            found = self.table(node, ctes)
            if not isinstance(node.this, exp.Identifier) and not self.refused(node.this):
                self.expressions([node.this], scope, ctes)
        elif isinstance(node, exp.Lateral):
            found = self.query(node.this, scope, ctes) if isinstance(node.this, exp.Query) else UNKNOWN
            if found is UNKNOWN:
                self.expressions(children(node.this), scope, ctes)
        elif isinstance(node, (exp.Query, exp.Values)):
            found = self.query(node, scope, ctes)  # the engine lets it see what stands before it
        else:
            found = UNKNOWN
            self.expressions(list(node.args.get("expressions") or ()), scope, ctes)
        if node.args.get("pivots") or (isinstance(node, exp.Subquery) and isinstance(node.this, exp.Subquery)):
            found = UNKNOWN
        if node.args.get("ordinality") or any(one.args.get("offset") for one in (node, *children(node.this))):
            return name, renamed(found, column_aliases(node))._replace(open=True)
        return name, renamed(found, column_aliases(node))

    def refused(self, call: Any) -> bool:
        """Whether a function in FROM is refused: what it takes may be anything."""
        return self.closed and isinstance(call, exp.Anonymous) and call.name.lower() not in TABLE_FUNCTIONS

    def table(self, node: exp.Table, ctes: Ctes) -> Relation:
        """Return a table: a common table expression, one that was given, or one that nobody knows."""
        if not isinstance(node.this, exp.Identifier):
            return UNKNOWN
        name = node.name.lower()
        if name in ctes and node.db.lower() in ("", "recurring"):
            return ctes[name]
        full = ".".join(part.name.lower() for part in node.parts)
        if full in self.tables:
            columns = self.tables[full]
            self.read.add(full)
            return Relation({}, open=True, base=full) if columns is None else _given(full, columns)
        if self.closed:
            start, end = place(node.parts[-1]) if node.parts else place(node)
            start = min(start, place(node.parts[0])[0])
            shown = ".".join(part.name for part in node.parts)
            names = [given for given in self.tables if ("." in given) == ("." in shown)]
            help = suggested(shown, [*names, *ctes], "datasets:")
            self.problems.append(Problem("E502", f"no earlier step makes the table `{shown}`", help, start, end))
            return UNKNOWN
        self.read.add(".".join(part.name for part in node.parts))
        return Relation({}, open=True, base=".".join(part.name for part in node.parts))

    def projections(self, node: exp.Select, origins: list[Origin], scope: Scope, ctes: Ctes) -> Relation:
        """Return the columns of a select list, whose items are computed from these."""
        columns: list[Column] = []
        open_ = False
        for projection, origin in zip(node.expressions, origins, strict=True):
            star = star_of(projection)
            if star is not None:
                more, unknown = self.star(projection, star, scope, ctes)
                open_ |= unknown
                columns += more
                continue
            if projection.find(exp.Columns) is not None or may_be_several(projection) or self.unnameable(projection):
                open_ = True
            else:
                columns.append(Column(self.name(projection, scope), origin))
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
            return "" if signed else self.spelled(projection, scope)
        return names.of(projection) if names is not None else ""

    def unnameable(self, projection: exp.Expr) -> bool:
        """Whether a projection is a column that is not there, in the place of which any other may be meant."""
        column = projection.unnest()
        return isinstance(column, exp.Column) and self.meant.get(id(column.parts[-1])) == ""

    def spelled(self, projection: exp.Column, scope: Scope) -> str:
        """Return a column's name as its relation spells it: so the engine names the result."""
        if meant := self.meant.get(id(projection.parts[-1])):
            return meant
        key = projection.name.lower()
        named = scope.relations.get(projection.table.lower()) if projection.table else None
        owners = [one for one in ([named] if named else scope.relations.values()) if key in one.columns]
        return owners[0].columns[key].name if len(projection.parts) < 3 and owners else str(projection.name)

    def star(self, projection: Any, star: exp.Star, scope: Scope, ctes: Ctes) -> tuple[list[Column], bool]:
        """Return what `*` or `t.*` stands for, and whether that may be more."""
        owner = projection.args.get("table") if isinstance(projection, exp.Column) else None
        if star.args.get("ilike"):
            return [], True
        relations, merged = scope.relations, scope.merged
        if owner is not None:
            relations, merged = {"": self.qualified(owner, scope) or UNKNOWN}, set()
        open_ = any(relation.open for relation in relations.values()) or not relations
        columns = starred(relations, merged)
        for one in star.args.get("except_") or ():
            alone = relations.get(one.args["table"].name.lower()) if one.args.get("table") else None
            gone = [*alone.columns.values()] if alone is not None and one.name.lower() not in scope.joined else columns
            left = [column for column in columns if column.name.lower() != one.name.lower() or column not in gone]
            if len(left) == len(columns) and not open_ and not one.args.get("table"):
                known = [name for relation in relations.values() for name in relation.names()]
                self.unknown_column(one.name, known, place(one))
            columns = left
        replaced = {one.alias.lower(): one for one in star.args.get("replace") or ()}
        made = {key: Column(one.alias, self.expressions([one.this], scope, ctes)) for key, one in replaced.items()}
        columns = [made.get(column.name.lower(), column) for column in columns]
        new = {one.this.name.lower(): one.alias for one in star.args.get("rename") or ()}
        columns = [column._replace(name=new.get(column.name.lower(), column.name)) for column in columns]
        return columns, open_

    def qualified(self, owner: exp.Expr, scope: Scope, member: str = "") -> Relation | None:
        """Return the relation that `owner.` names, in this query or one around it: the first that has the member."""
        level: Scope | None = scope
        nearest: Relation | None = None
        while level is not None:
            found = level.relations.get(owner.name.lower())
            if found is not None and f"{owner.name.lower()}'" in level.relations:
                return UNKNOWN
            if found is not None and (not member or found.may_have(member)):
                return found
            nearest = nearest or found
            level = level.outer
        return nearest

    def whole(self, parts: list[Any], scope: Scope) -> bool:
        """Whether a name is that of a relation with its schema before it: the whole row is meant."""
        full = ".".join(part.name.lower() for part in parts)
        return any(one.base == full for one in scope.relations.values())

    def expressions(self, nodes: Iterable[Any], scope: Scope, ctes: Ctes) -> Origin:
        """Resolve every column in some expressions, queries inside them too; return what they are computed from."""
        origins: set[tuple[str, str]] = set()
        waiting: list[tuple[Any, frozenset[str], Scope]] = [
            (one, frozenset(), scope) for one in nodes if one is not None
        ]
        while waiting:
            node, bound, scope = waiting.pop()
            if isinstance(node, exp.Column):
                if not isinstance(node.this, exp.Star):
                    origins |= self.column(node, scope, bound)
                continue
            if isinstance(node, _LEAVES):
                continue
            if isinstance(node, _QUERIES) and not isinstance(node, exp.Table):
                inner = self.query(node, scope, ctes)
                self.width(node, inner)
                origins |= {pair for column in inner.columns.values() for pair in column.origin}
                continue
            if isinstance(node, exp.Lambda):
                bound |= {one.name.lower() for one in node.expressions}
            elif isinstance(node, exp.Comprehension):
                names = (node.args["expression"], *children(node.args.get("position")))
                bound |= {found.name.lower() for one in names for found in one.find_all(exp.Identifier)}
            elif isinstance(node, exp.Star):
                continue
            elif isinstance(node, exp.AggFunc) and not isinstance(
                node.find_ancestor(exp.Window, exp.Select), exp.Window
            ):
                scope = scope._replace(aliases={}) if self.checked else scope  # DuckDB looks for none of them there
            elif isinstance(node, exp.Collate):
                waiting.append((node.this, bound, scope))  # what follows names a collation
                continue
            waiting += [(one, bound, scope) for one in node.iter_expressions()]
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

    def column(self, node: exp.Column, scope: Scope, bound: frozenset[str]) -> Origin:
        """Return what a column is computed from; report one that cannot exist."""
        parts = node.parts
        first = parts[0].name
        if first.lower() in bound or (len(parts) == 1 and first.lower() in PSEUDO):
            return NOWHERE
        if len(parts) > 1:
            owner = self.qualified(parts[0], scope, parts[1].name)
            if owner is None and len(parts) > 2:
                owner = self.qualified(parts[-2], scope)
                return owner.origin(parts[-1].name) if owner is not None else NOWHERE
            if owner is not None:
                return self.member(owner, parts[0].name, parts[1], scope)
            if first.lower() == "alias" and parts[1].name.lower() in scope.aliases:
                return scope.aliases[parts[1].name.lower()]
            if first.lower().startswith("unnamed_subquery") or self.whole(parts, scope):
                return NOWHERE
        return self.bare(node, scope, qualified=len(parts) > 1)

    def member(self, owner: Relation, alias: str, part: Any, scope: Scope) -> Origin:
        name = part.name
        if owner.may_have(name) or name.lower() in PSEUDO:
            return owner.origin(name)
        if alias.lower() == "alias" and name.lower() in scope.aliases:
            return scope.aliases[name.lower()]  # DuckDB's word for the select list
        if self.find(alias.lower(), scope) is not None:
            return NOWHERE  # a column of that name, whose field is meant
        known = owner.names()
        start, end = place(part)
        self.meant[id(part)] = alike(name, known) or ""
        help = suggested(name, known, f"columns of `{alias}`:")
        self.problems.append(Problem("E503", f"`{alias}` has no column `{name}`", help, start, end))
        return NOWHERE

    def bare(self, node: exp.Column, scope: Scope, *, qualified: bool) -> Origin:
        part = node.parts[0]
        name = part.name
        found = self.find(name.lower(), scope)
        if found is not None:
            return found
        level: Scope | None = scope
        known: list[str] = []
        while level is not None:
            open_ = [one for one in level.relations.values() if one.may_have(name)]
            if name.lower() in level.relations:
                return NOWHERE  # the whole row
            if open_:
                alone = len(open_) == 1 and level is scope
                return open_[0].origin(name) if alone else NOWHERE
            known += [one for relation in level.relations.values() for one in relation.names()]
            level = level.outer
        if part.args.get("quoted") and not qualified:
            message = f"no table of this query has a column `{name}`"
            help = "text stands in single quotes; double quotes are for names"
            self.problems.append(Problem("E503", message, help, *place(part)))
        elif qualified:
            tables = {alias.strip("'") for alias in _aliases(scope) if alias}
            message, help = f"there is no table `{name}` in this query", suggested(name, tables, "tables:")
            self.problems.append(Problem("E503", message, help, *place(part)))
        else:
            known += scope.aliases
            self.meant[id(part)] = alike(name, known) or ""
            self.unknown_column(name, known, place(part))
        return NOWHERE

    def find(self, name: str, scope: Scope) -> Origin | None:
        """Return the origin of a column by its name alone: of this query's relations, its aliases, or those around."""
        level: Scope | None = scope
        while level is not None:
            owners = [one for one in level.relations.values() if name in one.columns]
            if owners:
                return frozenset(pair for one in owners for pair in one.columns[name].origin)
            if name in level.aliases:
                return level.aliases[name]
            level = level.outer
        return None

    def unknown_column(self, name: str, known: list[str], spot: tuple[int, int], what: str = "") -> None:
        message = f"{what or 'no table of this query has a column'} `{name}`"
        self.problems.append(Problem("E503", message, suggested(name, dict.fromkeys(known), "columns:"), *spot))


def _level_of(name: str, scope: Scope) -> Scope:
    """Return the query, this one or one around it, in which a name is looked up with some result."""
    while scope.outer is not None and name not in scope.aliases:
        if any(one.may_have(name) for one in scope.relations.values()):
            return scope
        scope = scope.outer
    return scope


def _aliases(scope: Scope | None) -> Iterator[str]:
    """Yield the names of the relations that a query sees."""
    while scope is not None:
        yield from scope.relations
        scope = scope.outer


def suggested(name: str, known: Iterable[str], what: str) -> str:
    """Return help for a name that is none of these; names in a query are not other tools' words for them."""
    names = [*known]
    meant = alike(name, names)
    word = misspelt(name, _VALUES) if meant is None and "." not in name else None
    return f"did you mean `{word}`?" if word else suggestion(name, names, what, meant or "")


_VALUES = frozenset(["current_date", "current_timestamp", "distinct", "false", "interval", "null", "true"])
"""Words that stand where a column may."""


@lru_cache(maxsize=256)
def _given(name: str, columns: tuple[str, ...]) -> Relation:
    """Return a table outside the query; one is often read by several queries."""
    return Relation(keyed(Column(one, frozenset([(name, one)] if one else [])) for one in columns), base=name)


def _bare_columns(node: Any) -> Iterator[exp.Column]:
    """Yield columns without a table; not those of queries inside, nor what a lambda binds."""
    if isinstance(node, exp.Column):
        if len(node.parts) == 1 and not isinstance(node.this, exp.Star):
            yield node
    elif not isinstance(node, _APART):
        for one in node.iter_expressions():
            yield from _bare_columns(one)


_LEAVES = (exp.Identifier, exp.Literal)
_QUERIES = (exp.Query, exp.Values)
_APART = (*_LEAVES, exp.Query, exp.Lambda, exp.Comprehension, exp.Star)
_HANDLED = frozenset(["expressions", "from_", "joins", "laterals", "with_", "pivots", "kind", "limit", "offset"])
"""Parts of a SELECT that are resolved apart, or hold no columns."""


def _altered(node: exp.Subquery) -> bool:
    return bool(node.args.get("pivots"))
