"""How often a query goes through the relations that it reads."""

from collections import Counter

from sqlglot import exp

from firn_compiler.sql.nodes import Nodes


def scanned_once(nodes: Nodes) -> tuple[str, ...]:
    """Return the relations, in lower case and ordered, that the query goes through once, from beginning to end.

    They stand in the FROM of its outermost SELECT and nowhere else. Of a query with CTEs nothing is said: whether one
    of them is made once or for each use is for the engine to decide.
    """
    tree = nodes.tree
    if not isinstance(tree, exp.Select) or nodes.of(exp.With):
        return ()
    tables = nodes.of(exp.Table)
    times = Counter(table.name.lower() for table in tables)
    outermost = (table for table in tables if isinstance(table.parent, (exp.From, exp.Join)))
    found = (table for table in outermost if table.parent is not None and table.parent.parent is tree)
    return tuple(sorted(table.name.lower() for table in found if not table.db and times[table.name.lower()] == 1))
