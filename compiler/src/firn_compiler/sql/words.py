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
_AFTER_A_NAME = frozenset([TokenType.ASC, TokenType.DESC, TokenType.SLASH, TokenType.MOD, TokenType.DPIPE])
_COMPARING = frozenset([TokenType.EQ, TokenType.NEQ, TokenType.GT, TokenType.GTE, TokenType.LT, TokenType.LTE])
"""What no interval, and no condition, begins with."""


def names_again(tokens: Sequence[Token]) -> None:
    """Make names of DuckDB's words that are some where they stand: `sum(force)`, `map.id`, `interval / 2`, `if = 1`."""
    for token, after in pairwise([*tokens, tokens[-1]]):
        kind = token.token_type
        named = kind in _BEFORE and after.token_type not in _BEFORE[kind]
        condition = kind is TokenType.VAR and token.text.upper() == "IF"
        operand = (kind is TokenType.INTERVAL or condition) and after.token_type in _AFTER_A_NAME
        if named or operand or (condition and after.token_type in _COMPARING):
            token.token_type = TokenType.IDENTIFIER  # of plain words the parser takes `map` for a call
