"""How often a query goes through the relations that it reads, and whether it gives all of its rows."""

from collections import Counter
from collections.abc import Sequence

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from firn_compiler.sql.mistakes import BRACKETS, BRACKETS_END
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
