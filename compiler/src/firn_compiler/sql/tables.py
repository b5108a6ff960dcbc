"""The tables of a query: common table expressions, tables that were given, and those that nobody knows."""

from collections.abc import Mapping
from functools import lru_cache

from sqlglot import exp

from firn_compiler.sql.analysis import Kinds, Problem
from firn_compiler.sql.lookup import suggested
from firn_compiler.sql.reading import place
from firn_compiler.sql.relations import UNKNOWN, Column, Ctes, Relation, keyed


class Tables:
    """What one query may read. `closed`: nothing but the `given` tables, of which some columns may be unknown."""

    def __init__(
        self, given: Mapping[str, tuple[str, ...] | None], kinds: Kinds, problems: list[Problem], *, closed: bool
    ) -> None:
        self._given = given
        self._kinds = kinds
        self._problems = problems
        self._closed = closed
        self.read: set[str] = set()
        """Those that the query has read so far."""

    def relation(self, node: exp.Table, ctes: Ctes) -> Relation:
        """Return what a name in FROM stands for."""
        if not isinstance(node.this, exp.Identifier):
            return UNKNOWN
        name = node.name.lower()
        if name in ctes and node.db.lower() in ("", "recurring"):
            return ctes[name]
        spelled = ".".join(part.name for part in node.parts)
        full = spelled.lower()
        if full in self._given:
            self.read.add(full)
            columns, kinds = self._given[full], self._kinds.get(full, {})
            if columns is None:
                return Relation({}, open=True, base=full)
            return _table(full, columns, tuple(kinds.get(one.lower(), "") for one in columns))
        if self._closed:
            self._unknown(node, spelled, ctes)
            return UNKNOWN
        self.read.add(spelled)
        return Relation({}, open=True, base=spelled)

    def _unknown(self, node: exp.Table, spelled: str, ctes: Ctes) -> None:
        start, end = place(node.parts[-1]) if node.parts else place(node)
        start = min(start, place(node.parts[0])[0])
        names = [given for given in self._given if ("." in given) == ("." in spelled)]
        help = suggested(spelled, [*names, *ctes], "datasets:")
        self._problems.append(Problem("E502", f"no earlier step makes the table `{spelled}`", help, start, end))


@lru_cache(maxsize=256)
def _table(name: str, columns: tuple[str, ...], kinds: tuple[str, ...]) -> Relation:
    """Return a table outside the query; one is often read by several queries."""
    made = (
        Column(one, frozenset([(name, one)] if one else []), kind) for one, kind in zip(columns, kinds, strict=True)
    )
    return Relation(keyed(made), base=name)
