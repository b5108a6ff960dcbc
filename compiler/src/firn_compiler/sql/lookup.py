"""What a name in a query means: a column or a relation of this query or of one around it; and what to say of none.

Only what is certain is reported: a column is unknown where every relation it could belong to has known columns.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from typing import Any

from sqlglot import exp

from firn_compiler.closest import alike, misspelt
from firn_compiler.diagnostics import suggestion
from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.reading import place
from firn_compiler.sql.relations import NOTHING, UNKNOWN, Column, Relation, Scope
from firn_compiler.sql.vocabulary import OF_PARTS, PARTS
from firn_schemas.visible import listing

_PSEUDO = frozenset(
    "rowid filename file_row_number ctid tableoid user current_user session_user current_role current_catalog"
    " current_schema".split()
)
"""Columns that a relation has without declaring them, and words that SQL reads as values."""
_APART = (exp.Identifier, exp.Literal, exp.Query, exp.Lambda, exp.Comprehension, exp.Star)
"""What holds no column without a table, or columns of its own."""
_VALUES = frozenset(["current_date", "current_timestamp", "distinct", "false", "interval", "null", "true"])
"""Words that stand where a column may."""


_CURLY = frozenset("‘’“”„")
"""Quotes of a word processor, which SQL takes for letters of a name."""


class Lookup:
    """Looks columns up, and adds to `problems` those that cannot exist or could be several."""

    def __init__(
        self,
        problems: list[Problem],
        misspelt: Mapping[str, str],
        named: Callable[[str], Collection[str]],
        *,
        fields: bool = True,
    ) -> None:
        self._problems = problems
        self._misspelt = misspelt
        """Tables by the names that were meant: those that stand in FROM, of which another finding says that."""
        self._named = named
        """Returns the columns of the table of a name, in lower case."""
        self._fields = fields
        """Whether a column may stand before a dot, as a record whose field is meant."""
        self._meant: dict[int, str] = {}
        """Of columns that are not there, by their names' nodes, which are meant; empty where nobody can tell."""

    def column(self, node: exp.Column, scope: Scope, bound: frozenset[str]) -> Column:
        """Return a column, or what it is a part of: then its kind is not known; report one that cannot exist."""
        parts = node.parts
        first = parts[0].name
        if first.lower() in bound or (len(parts) == 1 and first.lower() in _PSEUDO):
            return NOTHING
        if len(parts) > 1:
            owner = qualified(first, scope, parts[1].name)
            if owner is None and first.lower() in self._misspelt:
                owner = qualified(self._misspelt[first.lower()], scope)
            if owner is None and len(parts) > 2:
                owner = qualified(parts[-2].name, scope)
                return owner.column(parts[-1].name) if owner is not None else NOTHING
            if owner is UNKNOWN:
                self._twins(parts, scope)
            if owner is not None:
                found = self._member(owner, parts[0].name, parts[1], scope)
                return found if len(parts) == 2 else found._replace(kind="")
            if first.lower() == "alias" and parts[1].name.lower() in scope.aliases:
                return scope.aliases[parts[1].name.lower()]
            if first.lower().startswith("unnamed_subquery") or _whole(parts, scope):
                return NOTHING
            if not self._fields and len(parts) == 2:
                return self._no_table(parts[0], scope)
            return self._bare(node, scope, is_qualified=True)._replace(kind="")
        return self._bare(node, scope, is_qualified=False)

    def row(self, star: exp.Column, scope: Scope) -> Relation:
        """Return what `t.*` stands for where no relation is called so: fields of a record, if of anything."""
        if len(star.parts) == 2:
            self._bare(star, scope, is_qualified=True)
        return UNKNOWN

    def _member(self, owner: Relation, alias: str, part: Any, scope: Scope) -> Column:
        name = part.name
        if owner.may_have(name) or name.lower() in _PSEUDO:
            return owner.column(name)
        if alias.lower() == "alias" and name.lower() in scope.aliases:
            return scope.aliases[name.lower()]  # DuckDB's word for the select list
        if _find(alias.lower(), scope) is not None:
            return NOTHING  # a column of that name, whose field is meant
        known = owner.names()
        start, end = place(part)
        self._meant[id(part)] = alike(name, known) or ""
        help = self._comma(scope, alias, name) or suggested(name, known, f"columns of `{alias}`:")
        self._problems.append(Problem("E503", f"`{alias}` has no column `{name}`", help, start, end))
        return NOTHING

    def _twins(self, parts: list[Any], scope: Scope) -> None:
        """Report a column of two relations that are called the same."""
        table, column = (one.name.lower() for one in parts[:2])
        twins = [scope.relations[name] for name in (table, f"{table}'") if name in scope.relations]
        same = len({one.base for one in twins}) == 1 and twins[0].base  # whatever its columns are
        if len(parts) == 2 and len(twins) == 2 and (same or all(column in one.columns for one in twins)):
            message = f"`{parts[0].name}` is ambiguous: two tables of this query are called so"
            help = "give each a name of its own, such as `… as a`"
            self._problems.append(Problem("E503", message, help, *place(parts[0])))

    def _bare(self, node: exp.Column, scope: Scope, *, is_qualified: bool) -> Column:
        part = node.parts[0]
        name = part.name
        found = _find(name.lower(), scope)
        if found is not None:
            return found
        known: list[str] = []
        for level in scope.levels:
            open_ = [one for one in level.relations.values() if one.may_have(name)]
            if name.lower() in level.relations:
                return NOTHING  # the whole row
            if open_:
                alone = len(open_) == 1 and level is scope
                return open_[0].column(name) if alone else NOTHING
            known += [one for relation in level.relations.values() for one in relation.names()]
        if (part.args.get("quoted") or name[:1] in _CURLY) and not is_qualified:
            message = f"no table of this query has a column `{name}`"
            help = "text stands in single quotes; double quotes are for names"
            help = "text stands in straight single quotes: `'…'`" if name[:1] in _CURLY else help
            known += scope.aliases
            if name and (meant := (misspelt if _beside_a_column(node) else alike)(name, known)):
                self._meant[id(part)] = meant
                help = suggestion(name, dict.fromkeys(known), "columns:", meant)
            self._problems.append(Problem("E503", message, help, *place(part)))
        elif is_qualified:
            self._no_table(part, scope)
        else:
            known += scope.aliases
            self._meant[id(part)] = alike(name, known) or ""
            if _is_part(node):
                message = f"no table of this query has a column `{name}`"
                help = f"a part of a date stands in quotes: `'{name.lower()}'`"
                self._problems.append(Problem("E503", message, help, *place(part)))
            else:
                self.unknown_column(name, known, place(part), help=self._comma(scope, "", name))
        return NOTHING

    def _no_table(self, part: Any, scope: Scope) -> Column:
        tables = {alias.strip("'") for level in scope.levels for alias in level.relations}
        if self._fields or "" not in tables:  # a function in FROM may have a name that is not known here
            message = f"there is no table `{part.name}` in this query"
            help = self._comma(scope, part.name) or suggested(part.name, tables - {""}, "tables:")
            self._problems.append(Problem("E503", message, help, *place(part)))
        return NOTHING

    def _comma(self, scope: Scope, table: str, column: str = "") -> str:
        """Return help where a table has the name of another one, and what is not there is one of the two."""
        for level in scope.levels:
            for alias, relation in level.relations.items():
                columns = self._named(alias) if relation.base and relation.base != alias else ()
                of_it = column.lower() in columns and table.lower() in ("", alias)
                if of_it or (columns and not column and relation.base == table.lower()):
                    return f"is a comma missing before `{alias}`? it is a table too"
        return ""

    def spelled(self, projection: exp.Column, scope: Scope) -> str:
        """Return a column's name as its relation spells it: so the engine names the result."""
        if meant := self._meant.get(id(projection.parts[-1])):
            return meant
        key = projection.name.lower()
        named = scope.relations.get(projection.table.lower()) if projection.table else None
        owners = [one for one in ([named] if named else scope.relations.values()) if key in one.columns]
        return owners[0].columns[key].name if len(projection.parts) < 3 and owners else str(projection.name)

    def unnameable(self, projection: exp.Expr) -> bool:
        """Whether a projection is a column that is not there, in the place of which any other may be meant."""
        column = projection.unnest()
        return isinstance(column, exp.Column) and self._meant.get(id(column.parts[-1])) == ""

    def ambiguous(self, nodes: Iterable[Any], scope: Scope) -> None:
        """Report bare columns that more than one relation has: a name that the select list gives does not decide."""
        for node in nodes:
            for column in _bare_columns(node):
                name = column.name.lower()
                level = _level_of(name, scope)
                owners = [alias for alias, one in level.relations.items() if name in one.columns]
                if len(owners) > 1 and name not in level.joined:
                    listed = listing(f"{alias.strip(chr(39))}.{column.name}" for alias in owners)
                    message = f"`{column.name}` is ambiguous: {len(owners)} tables have it"
                    other = ", or give the value of the select list another name" if name in level.aliases else ""
                    help = f"write one of {listed}{other}"
                    self._problems.append(Problem("E503", message, help, *place(column.parts[0])))

    def used(self, column: Any, left: list[Relation], right: list[Relation], joined: Set[str]) -> None:
        """Report a column of USING that one of the sides does not have, or the left one more than once."""
        owners = [one for one in left if column.name.lower() in one.columns]
        if len(owners) > 1 and column.name.lower() not in joined:
            message = f"`{column.name}` is ambiguous: {len(owners)} tables before the join have it"
            self._problems.append(Problem("E503", message, "write `on` with the tables' names", *place(column)))
        if not all(any(one.may_have(column.name) for one in side) for side in (left, right)):
            known = [name for one in (*left, *right) for name in one.names()]
            self.unknown_column(column.name, known, place(column), "both sides of the join need a column")

    def unknown_column(
        self, name: str, known: list[str], spot: tuple[int, int], what: str = "", help: str = ""
    ) -> None:
        """Report a column that none of those is which are known."""
        message = f"{what or 'no table of this query has a column'} `{name}`"
        help = help or suggested(name, dict.fromkeys(known), "columns:")
        self._problems.append(Problem("E503", message, help, *spot))


def _beside_a_column(node: exp.Column) -> bool:
    """Whether a name is compared with a column: then a text in the wrong quotes is likely."""
    parent = node.parent
    around = parent.iter_expressions() if isinstance(parent, exp.Predicate) else ()
    return any(isinstance(one, exp.Column) and one is not node for one in around)


def _is_part(node: exp.Column) -> bool:
    """Whether a word that is no column stands where the part of a date may be meant."""
    call = node.parent
    named = isinstance(call, exp.Anonymous) and call.name.lower() in OF_PARTS
    return node.name.lower() in PARTS and (named or isinstance(call, (exp.DateDiff, exp.TimestampTrunc)))


def _find(name: str, scope: Scope) -> Column | None:
    """Return a column by its name alone: of this query's relations, its aliases, or those around."""
    for level in scope.levels:
        if name in level.nearer:
            return level.nearer[name]
        owners = [one.columns[name] for one in level.relations.values() if name in one.columns]
        if len(owners) == 1:
            return owners[0]
        if owners:
            kinds = {one.kind for one in owners}
            origin = owners[0].origin.union(*(one.origin for one in owners[1:]))
            return Column(name, origin, kinds.pop() if len(kinds) == 1 else "")
        if name in level.aliases:
            return level.aliases[name]
    return None


def qualified(owner: str, scope: Scope, member: str = "") -> Relation | None:
    """Return the relation that `owner.` names, in this query or one around it: the first that has the member."""
    nearest: Relation | None = None
    for level in scope.levels:
        found = level.relations.get(owner.lower())
        if found is not None and f"{owner.lower()}'" in level.relations:
            return UNKNOWN
        if found is not None and (not member or found.may_have(member)):
            return found
        nearest = nearest or found
    return nearest


def _whole(parts: list[Any], scope: Scope) -> bool:
    """Whether a name is that of a relation with its schema before it: the whole row is meant."""
    full = ".".join(part.name.lower() for part in parts)
    return any(one.base == full for one in scope.relations.values())


def owns(column: exp.Column, scope: Scope) -> bool:
    """Whether a column is certainly one of the scope's own relations."""
    if isinstance(column.this, exp.Star):
        return False
    if len(column.parts) > 1:
        owner = scope.relations.get(column.parts[0].name.lower())
        return owner is not None and owner.may_have(column.parts[1].name)
    name = column.name.lower()
    if any(name in one.columns for one in scope.relations.values()):
        return True
    taken = scope.outer is not None or name in scope.aliases or name in scope.relations or name in _PSEUDO | _VALUES
    return not taken and any(one.may_have(name) for one in scope.relations.values())


def _level_of(name: str, scope: Scope) -> Scope:
    """Return the query, this one or one around it, in which a name is looked up with some result."""
    while scope.outer is not None and name not in scope.aliases:
        if any(one.may_have(name) for one in scope.relations.values()):
            return scope
        scope = scope.outer
    return scope


def _bare_columns(node: Any) -> Iterator[exp.Column]:
    """Yield columns without a table; not those of queries inside, nor what a lambda binds."""
    if isinstance(node, exp.Column):
        if len(node.parts) == 1 and not isinstance(node.this, exp.Star):
            yield node
    elif not isinstance(node, _APART):
        for one in node.iter_expressions():
            yield from _bare_columns(one)


def suggested(name: str, known: Iterable[str], what: str) -> str:
    """Return help for a name that is none of these; names in a query are not other tools' words for them."""
    names = [*known]
    meant = alike(name, names)
    word = misspelt(name, _VALUES) if meant is None and "." not in name else None
    return f"did you mean `{word}`?" if word else suggestion(name, names, what, meant or "")
