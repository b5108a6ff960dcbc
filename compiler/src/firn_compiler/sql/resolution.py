"""Names in a query: which tables and columns they mean, what comes out, and from which columns it is computed.

Only what is certain is reported: a column is unknown where every relation it could belong to has known columns. Where
anything is not understood (a table function, a pivot, a macro), the columns are unknown and nothing is said.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from sqlglot import exp

from firn_compiler.diagnostics import suggestion
from firn_compiler.sql.analysis import Analysis, Problem
from firn_compiler.sql.grouping import grouping
from firn_compiler.sql.reading import place

Origin = frozenset[tuple[str, str]]
"""Pairs of (relation, column) outside the query."""
NOWHERE: Origin = frozenset()
PSEUDO = frozenset(
    "rowid filename file_row_number ctid tableoid user current_user session_user current_role current_catalog"
    " current_schema".split()
)
"""Columns that a relation has without declaring them, and words that SQL reads as values."""


class Column(NamedTuple):
    """A column of a relation: its name as written, and what it is computed from."""

    name: str
    origin: Origin


class Relation(NamedTuple):
    """What stands in a FROM: its columns by their names in lower case, in order."""

    columns: dict[str, Column]
    open: bool = False
    """Whether it may have further columns."""
    base: str = ""
    """The table outside the query, where it is one."""

    def origin(self, name: str) -> Origin:
        """Return what a column is computed from."""
        found = self.columns.get(name.lower())
        if found is not None:
            return found.origin
        return frozenset([(self.base, name)]) if self.base and self.open else NOWHERE


UNKNOWN = Relation({}, open=True)


class Scope(NamedTuple):
    """What a query sees: its own relations by alias, and those of the query around it."""

    relations: dict[str, Relation]
    outer: "Scope | None"
    aliases: dict[str, Origin]
    """Names that the select list gives, usable anywhere in the query."""
    joined: set[str]
    """Columns that several relations share by USING or NATURAL: their names mean one column."""
    hidden: set[str]
    """Relations that only filter (SEMI, ANTI)."""


Ctes = Mapping[str, Relation]


def resolve(
    tree: exp.Expr, tables: Mapping[str, tuple[str, ...] | None], *, closed: bool, checked: bool = True
) -> Analysis:
    """Return what is known of a parsed query; `checked` also by the engine's rules of grouping."""
    resolver = _Resolver(tables, closed=closed, checked=checked)
    result = resolver.query(tree, None, {})
    known = None if result.open else tuple(column.name for column in result.columns.values())
    lineage = {column.name: tuple(sorted(column.origin)) for column in result.columns.values() if column.origin}
    return Analysis(
        tuple(resolver.problems),
        tuple(sorted(resolver.read)),
        columns=known,
        lineage=lineage,
    )


class _Resolver:
    def __init__(self, tables: Mapping[str, tuple[str, ...] | None], *, closed: bool, checked: bool) -> None:
        self.checked = checked
        self.tables = tables
        self.closed = closed
        self.problems: list[Problem] = []
        self.read: set[str] = set()

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
            ctes = {**ctes, name: _renamed(self.query(cte.this, outer, seen), _column_aliases(cte))}
        return ctes

    def set_operation(self, node: Any, outer: Scope | None, ctes: Ctes) -> Relation:
        """Return the result of a chain of set operations; it leans to the left, however long it is."""
        chain = [node]
        while isinstance(chain[-1].this, exp.SetOperation) and not chain[-1].this.args.get("with_"):
            chain.append(chain[-1].this)
        result = self.query(chain[-1].this, outer, ctes)
        for one in reversed(chain):
            result = self.joined(one, result, self.query(one.expression, outer, ctes))
            order = one.args.get("order")
            if order is not None:
                self.expressions([order], Scope({"": result}, outer, {}, set(), set()), ctes)
        return result

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
        scope = Scope({}, outer, {}, set(), set())
        source = node.args.get("from_")
        joins = [
            *_nodes(source.this.args.get("joins") if source is not None else None),
            *(node.args.get("joins") or []),
        ]
        for item in [source, *joins, *(node.args.get("laterals") or [])]:
            if item is not None:
                self.source(item, scope, ctes)
        for projection in node.expressions:
            if isinstance(projection, exp.Alias):
                scope.aliases[projection.alias.lower()] = NOWHERE
        for projection in node.expressions:
            if isinstance(projection, exp.Alias):
                scope.aliases[projection.alias.lower()] = self.expressions([projection.this], scope, ctes)
        self.ambiguous([*node.expressions, *_nodes(node.args.get("where"))], scope)
        self.ambiguous([one for join in joins for one in _nodes(join.args.get("on"))], scope)
        if self.checked:
            self.problems.extend(grouping(node, lambda column: self.owns(column, scope)))
        result = self.projections(node, scope, ctes)
        rest = [value for key, value in node.args.items() if key not in _HANDLED]
        self.expressions([one for value in rest for one in _nodes(value)], scope, ctes)
        self.expressions([one for join in joins for one in _nodes(join.args.get("on"))], scope, ctes)
        return result if not node.args.get("pivots") else UNKNOWN

    def ambiguous(self, nodes: Iterable[Any], scope: Scope) -> None:
        """Report bare columns of the select list, WHERE and ON that more than one relation has."""
        for node in nodes:
            for column in _bare_columns(node):
                name = column.name.lower()
                owners = [
                    alias for alias, one in scope.relations.items() if name in one.columns and alias not in scope.hidden
                ]
                if len(owners) > 1 and name not in scope.joined and name not in scope.aliases:
                    listed = ", ".join(f"`{alias.strip(chr(39))}.{column.name}`" for alias in owners)
                    message = f"`{column.name}` is ambiguous: {len(owners)} tables have it"
                    self.problems.append(Problem("E503", message, f"write one of {listed}", *place(column.parts[0])))

    def owns(self, column: exp.Column, scope: Scope) -> bool:
        """Whether a column is certainly one of the scope's own relations."""
        if isinstance(column.this, exp.Star):
            return False
        if len(column.parts) > 1:
            return column.parts[0].name.lower() in scope.relations
        known = any(column.name.lower() in one.columns for one in scope.relations.values())
        return known and column.name.lower() not in scope.aliases

    def source(self, item: Any, scope: Scope, ctes: Ctes) -> None:
        """Add one relation of a FROM or JOIN to the scope."""
        node = item if isinstance(item, exp.Lateral) else item.this
        name, relation = self.relation(node, scope, ctes)
        if isinstance(item, exp.Join):
            scope.joined.update(one.name.lower() for one in item.args.get("using") or ())
            if item.args.get("method") == "NATURAL":
                scope.joined.update(
                    key for other in scope.relations.values() for key in relation.columns if key in other.columns
                )
            if item.args.get("kind") in ("SEMI", "ANTI"):
                scope.hidden.add(name)
            for column in item.args.get("using") or ():
                self.used(column, [*scope.relations.values()], relation)
        while name in scope.relations:
            name += "'"  # a name that stands twice: neither can be told from the other by it
        scope.relations[name] = relation

    def used(self, column: Any, left: list[Relation], right: Relation) -> None:
        """Report a column of USING that one of the sides does not have."""
        key = column.name.lower()
        sides = (any(one.open or key in one.columns for one in left), right.open or key in right.columns)
        if not all(sides):
            known = [one.name for relation in (*left, right) for one in relation.columns.values()]
            self.unknown_column(column.name, known, place(column), "both sides of the join need a column")

    def relation(self, node: Any, scope: Scope, ctes: Ctes) -> tuple[str, Relation]:
        """Return the name and the columns of what stands in a FROM."""
        name = (node.alias_or_name or "").lower()
        if isinstance(node, exp.Table):
            found = self.table(node, ctes)
            if not isinstance(node.this, exp.Identifier):
                self.expressions([node.this], scope, ctes)
        elif isinstance(node, exp.Lateral):
            found = self.query(node.this, scope, ctes) if isinstance(node.this, exp.Query) else UNKNOWN
            if found is UNKNOWN:
                self.expressions(_nodes(node.this), scope, ctes)
        elif isinstance(node, (exp.Query, exp.Values)):
            found = self.query(node, scope, ctes)  # the engine lets it see what stands before it
        else:
            found = UNKNOWN
            self.expressions(list(node.args.get("expressions") or ()), scope, ctes)
        if node.args.get("pivots"):
            found = UNKNOWN
        return name, _renamed(found, _column_aliases(node))

    def table(self, node: exp.Table, ctes: Ctes) -> Relation:
        """Return a table: a common table expression, one that was given, or one that nobody knows."""
        if not isinstance(node.this, exp.Identifier):
            return UNKNOWN
        name = node.name.lower()
        if not node.db and name in ctes:
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
            help = suggestion(shown, [*names, *ctes], "datasets:")
            self.problems.append(Problem("E502", f"no earlier step makes the table `{shown}`", help, start, end))
            return UNKNOWN
        self.read.add(".".join(part.name for part in node.parts))
        return Relation({}, open=True, base=".".join(part.name for part in node.parts))

    def projections(self, node: exp.Select, scope: Scope, ctes: Ctes) -> Relation:
        """Return the columns of a select list."""
        columns: dict[str, Column] = {}
        open_ = False
        for projection in node.expressions:
            star = _star(projection)
            if star is not None:
                more, unknown = self.star(projection, star, scope, ctes)
                open_ |= unknown or any(column.name.lower() in columns for column in more)
                for column in more:
                    columns.setdefault(column.name.lower(), column)
                continue
            origin = (
                scope.aliases[projection.alias.lower()]
                if isinstance(projection, exp.Alias)
                else self.expressions([projection], scope, ctes)
            )
            name = _output_name(projection)
            if name is None or name.lower() in columns or projection.find(exp.Columns) is not None:
                open_ = True  # the engine makes a name up
            else:
                spelled = self.spelled(projection, scope) if isinstance(projection, exp.Column) else name
                columns[name.lower()] = Column(spelled, origin)
        return Relation(columns, open_)

    def spelled(self, projection: exp.Column, scope: Scope) -> str:
        """Return a column's name as its relation spells it: so the engine names the result."""
        key = projection.name.lower()
        owners = [one for one in scope.relations.values() if key in one.columns]
        return owners[0].columns[key].name if len(projection.parts) < 3 and owners else str(projection.name)

    def star(self, projection: Any, star: exp.Star, scope: Scope, ctes: Ctes) -> tuple[list[Column], bool]:
        """Return what `*` or `t.*` stands for, and whether that may be more."""
        owner = projection.args.get("table") if isinstance(projection, exp.Column) else None
        relations = [one for name, one in scope.relations.items() if name not in scope.hidden]
        if owner is not None:
            named = self.qualified(owner, scope)
            relations = [named] if named is not None else [UNKNOWN]
        columns: dict[str, Column] = {}
        open_ = any(relation.open for relation in relations)
        for relation in relations:
            for key, column in relation.columns.items():
                if key in columns and key in scope.joined and owner is None:
                    columns[key] = Column(column.name, columns[key].origin | column.origin)
                else:
                    open_ |= key in columns  # the engine makes another name up for the second
                    columns.setdefault(key, column)
        for one in star.args.get("except_") or ():
            gone = columns.pop(one.name.lower(), None)
            if gone is None and not open_ and relations:
                known = [column.name for relation in relations for column in relation.columns.values()]
                self.unknown_column(one.name, known, place(one))
        for one in star.args.get("replace") or ():
            origin = self.expressions([one.this], scope, ctes)
            columns[one.alias.lower()] = Column(one.alias, origin)
        for one in star.args.get("rename") or ():
            key = one.this.name.lower()
            made = Column(one.alias, columns[key].origin if key in columns else NOWHERE)
            pairs = [(made.name.lower(), made) if name == key else (name, column) for name, column in columns.items()]
            columns = dict(pairs)
        return list(columns.values()), open_ or not relations

    def qualified(self, owner: exp.Expr, scope: Scope) -> Relation | None:
        """Return the relation that `owner.` names, in this query or one around it."""
        level: Scope | None = scope
        while level is not None:
            found = level.relations.get(owner.name.lower())
            if found is not None:
                return found if f"{owner.name.lower()}'" not in level.relations else UNKNOWN
            level = level.outer
        return None

    def expressions(self, nodes: Iterable[Any], scope: Scope, ctes: Ctes) -> Origin:
        """Resolve every column in some expressions, queries inside them too; return what they are computed from."""
        origins: set[tuple[str, str]] = set()
        waiting: list[tuple[Any, frozenset[str]]] = [(node, frozenset()) for node in nodes if node is not None]
        while waiting:
            node, bound = waiting.pop()
            if isinstance(node, exp.Column):
                if not isinstance(node.this, exp.Star):
                    origins |= self.column(node, scope, bound)
                continue
            if isinstance(node, _LEAVES):
                continue
            if isinstance(node, _QUERIES) and not isinstance(node, exp.Table):
                inner = self.query(node, scope, ctes)
                origins |= {pair for column in inner.columns.values() for pair in column.origin}
                continue
            if isinstance(node, exp.Lambda):
                bound |= {one.name.lower() for one in node.expressions}
            elif isinstance(node, exp.Comprehension):
                bound |= {one.name.lower() for one in node.args["expression"].find_all(exp.Identifier)}
            elif isinstance(node, exp.Star):
                continue
            waiting += [(one, bound) for one in node.iter_expressions()]
        return frozenset(origins)

    def column(self, node: exp.Column, scope: Scope, bound: frozenset[str]) -> Origin:
        """Return what a column is computed from; report one that cannot exist."""
        parts = node.parts
        first = parts[0].name
        if first.lower() in bound or (len(parts) == 1 and first.lower() in PSEUDO):
            return NOWHERE
        if len(parts) > 1:
            owner = self.qualified(parts[0], scope)
            if owner is None and len(parts) > 2:
                owner = self.qualified(parts[-2], scope)
                return owner.origin(parts[-1].name) if owner is not None else NOWHERE
            if owner is not None:
                return self.member(owner, parts[0].name, parts[1], scope)
        return self.bare(node, scope, qualified=len(parts) > 1)

    def member(self, owner: Relation, alias: str, part: Any, scope: Scope) -> Origin:
        name = part.name
        if owner.open or name.lower() in owner.columns or name.lower() in PSEUDO:
            return owner.origin(name)
        if self.find(alias.lower(), scope) is not None:
            return NOWHERE  # a column of that name, whose field is meant
        known = [one.name for one in owner.columns.values()]
        start, end = place(part)
        help = suggestion(name, known, f"columns of `{alias}`:")
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
            open_ = [one for one in level.relations.values() if one.open]
            if name.lower() in level.relations:
                return NOWHERE  # the whole row
            if open_:
                alone = len(open_) == 1 and level is scope
                return open_[0].origin(name) if alone else NOWHERE
            known += [column.name for one in level.relations.values() for column in one.columns.values()]
            level = level.outer
        if part.args.get("quoted") and not qualified:
            message = f"no table of this query has a column `{name}`"
            help = "text stands in single quotes; double quotes are for names"
            self.problems.append(Problem("E503", message, help, *place(part)))
        elif qualified:
            tables = [alias.strip("'") for alias in scope.relations if alias]
            message, help = f"there is no table `{name}` in this query", suggestion(name, tables, "tables:")
            self.problems.append(Problem("E503", message, help, *place(part)))
        elif known or scope.relations:
            self.unknown_column(name, [*known, *scope.aliases], place(part))
        else:
            self.unknown_column(name, [*scope.aliases], place(part))
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
        self.problems.append(Problem("E503", message, suggestion(name, dict.fromkeys(known), "columns:"), *spot))


@lru_cache(maxsize=256)
def _given(name: str, columns: tuple[str, ...]) -> Relation:
    """Return a table outside the query; one is often read by several queries."""
    return Relation({one.lower(): Column(one, frozenset([(name, one)])) for one in columns}, base=name)


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


def _nodes(value: Any) -> list[Any]:
    if isinstance(value, exp.Expr):
        return [value]
    return [one for one in value if isinstance(one, exp.Expr)] if isinstance(value, list) else []


def _altered(node: exp.Subquery) -> bool:
    return bool(node.args.get("pivots"))


def _column_aliases(node: Any) -> list[str]:
    alias = node.args.get("alias")
    return [one.name for one in alias.args.get("columns") or ()] if isinstance(alias, exp.TableAlias) else []


def _renamed(relation: Relation, names: list[str]) -> Relation:
    """Return a relation whose first columns have other names."""
    if not names:
        return relation
    columns = [*relation.columns.values()]
    renamed = [
        Column(name, columns[at].origin if at < len(columns) and not relation.open else NOWHERE)
        for at, name in enumerate(names)
    ]
    rest = columns[len(names) :] if not relation.open else []
    made = {one.name.lower(): one for one in (*renamed, *rest)}
    return Relation(made, relation.open and bool(relation.base or relation.columns))


def _star(projection: Any) -> exp.Star | None:
    if isinstance(projection, exp.Star):
        return projection
    inner = projection.this if isinstance(projection, exp.Column) else None
    return inner if isinstance(inner, exp.Star) else None


def _output_name(projection: Any) -> str | None:
    """Return the name that a projection gives its column; None where the engine makes one up."""
    if isinstance(projection, exp.Alias):
        return str(projection.alias)
    if isinstance(projection, exp.Column):
        return str(projection.name)
    return None
