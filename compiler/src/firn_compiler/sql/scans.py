"""How often a query goes through the relations that it reads, whether it gives all rows, and columns of one name."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from firn_compiler.sql.mistakes import BRACKETS, BRACKETS_END
from firn_compiler.sql.nodes import Nodes
from firn_compiler.sql.reading import place


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


_CUTS = (TokenType.LIMIT, TokenType.OFFSET, TokenType.FETCH)


def cut(nodes: Nodes, tokens: Sequence[Token]) -> tuple[int, int] | None:
    """Return where the query itself says how many of its rows it gives, as `limit` and `offset` do."""
    if not (nodes.tree.args.get("limit") or nodes.tree.args.get("offset")):
        return None
    open_ = 0
    for token in tokens:
        open_ += (token.token_type in BRACKETS) - (token.token_type in BRACKETS_END)
        if not open_ and token.token_type in _CUTS:
            return token.start, token.end + 1
    return None


def twins(nodes: Nodes) -> tuple[tuple[int, int], ...]:
    """Return where the select list, or the first of several, says a name that an earlier item of it has, too."""
    tree: Any = nodes.tree
    while isinstance(tree, (exp.SetOperation, exp.Subquery)):
        tree = tree.this
    named = [item for item in tree.expressions if _says_its_name(item)] if isinstance(tree, exp.Select) else []
    first: dict[str, Any] = {}
    again = [item for item in named if first.setdefault(item.output_name.lower(), item) is not item]
    return tuple(place(item.args["alias"] if isinstance(item, exp.Alias) else item.this) for item in again)


def _says_its_name(item: Any) -> bool:
    return isinstance(item, exp.Alias) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Identifier))
