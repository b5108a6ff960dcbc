"""Words that the parser takes for more than the engine does: where they are names, they are made names again."""

from collections.abc import Mapping, Sequence, Set
from itertools import pairwise

from sqlglot.tokenizer_core import Token, TokenType

_OBJECTS = frozenset([TokenType.INTO, TokenType.TABLE, TokenType.VIEW])
_STATEMENTS = (TokenType.ALTER, TokenType.DROP, TokenType.FORCE, TokenType.GRANT, TokenType.INSERT, TokenType.INSTALL)
_MORE = (TokenType.LOCK, TokenType.REVOKE, TokenType.ROLLBACK, TokenType.UNCACHE)
_BEFORE: Mapping[TokenType, Set[TokenType]] = {
    **dict.fromkeys((*_STATEMENTS, *_MORE), _OBJECTS),
    TokenType.MAP: frozenset([TokenType.L_PAREN, TokenType.L_BRACE]),
}
"""By a word, what it stands before where it is no name."""
_DIRECTIONS = frozenset([TokenType.ASC, TokenType.DESC])


def names_again(tokens: Sequence[Token]) -> None:
    """Make names of DuckDB's words that are some where they stand: `sum(force)`, `map.id`, `order by interval desc`."""
    for token, after in pairwise([*tokens, tokens[-1]]):
        kind = token.token_type
        named = kind in _BEFORE and after.token_type not in _BEFORE[kind]
        if named or (kind is TokenType.INTERVAL and after.token_type in _DIRECTIONS):
            token.token_type = TokenType.IDENTIFIER  # of plain words the parser takes `map` for a call
