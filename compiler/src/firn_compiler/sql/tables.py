"""The tables of a query: common table expressions, tables that were given, and those that nobody knows."""

from collections.abc import Collection, Mapping
from functools import lru_cache

from sqlglot import exp

from firn_compiler.closest import misspelt
from firn_compiler.diagnostics import suggestion
from firn_compiler.sql.analysis import NO_KINDS, Kinds, Problem
from firn_compiler.sql.lookup import suggested
from firn_compiler.sql.reading import place
from firn_compiler.sql.relations import UNKNOWN, Column, Ctes, Relation, keyed


class Tables:
    """What one query may read. `closed`: nothing but the `given` tables, of which some columns may be unknown.

    `kinds` are those of their columns; `others` are names that are no misspelt ones of theirs.
    """

    def __init__(
        self,
        given: Mapping[str, tuple[str, ...] | None],
        kinds: Kinds = NO_KINDS,
        others: Collection[str] = (),
        *,
        closed: bool,
    ) -> None:
        self._given = given
        self._kinds = kinds
        self._others = others
        self.closed = closed
        self.problems: list[Problem] = []
        self.read: set[str] = set()
        """Those that the query has read so far."""
        self.misspelt: dict[str, str] = {}
        """By the names that were meant, those that stand in FROM."""

    def named(self, name: str) -> tuple[str, ...]:
        """Return the columns of a given table, in lower case; none where they are not known."""
        return tuple(column.lower() for column in self._given.get(name.lower()) or ())

    def relation(self, node: exp.Table, ctes: Ctes) -> Relation:
        """Return what a name in FROM stands for."""
        if not isinstance(node.this, exp.Identifier):
            return UNKNOWN
        name = node.name.lower()
        if name in ctes and node.db.lower() in ("", "recurring"):
            return ctes[name]
        spelled = ".".join(part.name for part in node.parts)
        if spelled.lower() in self._given:
            return self._one_given(spelled.lower())
        if self.closed:
            return self._unknown(node, spelled, ctes)
        self.read.add(spelled)
        return Relation({}, open=True, base=spelled)

    def _one_given(self, full: str) -> Relation:
        self.read.add(full)
        columns, kinds = self._given[full], self._kinds.get(full, {})
        if columns is None:
            return Relation({}, open=True, base=full)
        return _table(full, columns, tuple(kinds.get(one.lower(), "") for one in columns))

    def _unknown(self, node: exp.Table, spelled: str, ctes: Ctes) -> Relation:
        """Report a table that there is none of; return the one that is surely meant, if there is one."""
        start, end = place(node.parts[-1]) if node.parts else place(node)
        start = min(start, place(node.parts[0])[0])
        names = [given for given in self._given if ("." in given) == ("." in spelled)]
        same = [name for name in names if name.rpartition(".")[2] == node.name.lower()] if node.db else []
        known = [*names, *ctes]
        help = suggestion(spelled, known, "datasets:", same[0]) if same else suggested(spelled, known, "datasets:")
        self.problems.append(Problem("E502", f"no earlier step makes the table `{spelled}`", help, start, end))
        if spelled.lower() in self._others:
            return UNKNOWN
        meant = same[0] if len(same) == 1 else misspelt(spelled, known) or ""
        if meant and not node.alias:
            self.misspelt[meant] = spelled.lower()
        if meant in ctes:
            return ctes[meant]
        return self._one_given(meant) if meant in self._given else UNKNOWN


@lru_cache(maxsize=256)
def _table(name: str, columns: tuple[str, ...], kinds: tuple[str, ...]) -> Relation:
    """Return a table outside the query; one is often read by several queries."""
    made = (
        Column(one, frozenset([(name, one)] if one else []), kind) for one, kind in zip(columns, kinds, strict=True)
    )
    return Relation(keyed(made), base=name)
