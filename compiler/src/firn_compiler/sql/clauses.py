"""Clauses in the wrong order, and words without the other half that belongs to them: the parser passes both."""

from collections.abc import Iterator, Sequence

from sqlglot.tokenizer_core import Token, TokenType

from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.mistakes import CLOSING, NAMING, OPENING

_ORDER = (
    TokenType.WHERE,
    TokenType.GROUP_BY,
    TokenType.HAVING,
    TokenType.QUALIFY,
    TokenType.ORDER_BY,
    TokenType.LIMIT,
)
_RANK = {kind: rank for rank, kind in enumerate(_ORDER)}
_HALVES = {TokenType.BETWEEN: TokenType.AND, TokenType.WHEN: TokenType.THEN}
"""Words that wait for another one."""
_ANEW = frozenset([TokenType.SELECT, TokenType.FROM, TokenType.UNION, TokenType.INTERSECT, TokenType.EXCEPT])
"""Words after which the clauses begin again."""
_ENDS = frozenset([*_ORDER, *_ANEW, *CLOSING, TokenType.COMMA, TokenType.ELSE, TokenType.WHEN])
"""Words before which the other half must have come."""
_TELLING = _ENDS | OPENING | {*_HALVES, *_HALVES.values()}


class _Level:
    """What was met between two brackets: the last clause, and the words that wait for their other half."""

    def __init__(self) -> None:
        self.clause: Token | None = None
        self.waiting: list[Token] = []
        self.lost = False

    def see(self, token: Token) -> Iterator[Problem]:
        kind = token.token_type
        met = bool(self.waiting) and _HALVES[self.waiting[-1].token_type] is kind
        if self.waiting and not met and (kind in _ENDS or kind is TokenType.THEN):
            yield _half(self.waiting[-1])
            self.waiting.clear()  # those around it would only follow
            self.lost = True
        if met:
            self.waiting.pop()
        elif kind is TokenType.THEN and not self.lost:
            yield Problem("E501", "`then` has no `when`", "write `when … then …`", token.start, token.end + 1)
        elif kind in _HALVES:
            self.waiting.append(token)
        elif kind in _ANEW:
            self.clause = None
        elif kind in _RANK and self.clause is not None and _RANK[self.clause.token_type] > _RANK[kind]:
            other = self.clause.text.lower()
            message = f"`{token.text.lower()}` stands after `{other}`"
            yield Problem("E501", message, f"write it before `{other}`", token.start, token.end + 1)
        elif kind in _RANK:
            self.clause = token


def clauses(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report clauses that stand after one they belong before, BETWEEN without AND, and WHEN and THEN alone."""
    levels = [_Level()]
    for at, token in enumerate(tokens):
        kind = token.token_type
        before = tokens[at - 1].token_type if at else None
        if kind not in _TELLING or (before in NAMING and kind is not TokenType.L_PAREN):
            continue  # nothing of ours, or a name
        if kind is TokenType.FROM and before is TokenType.DISTINCT:
            continue  # an operator: `is distinct from`
        yield from levels[-1].see(token)
        if kind in OPENING:
            levels.append(_Level())
        elif kind in CLOSING and len(levels) > 1:
            levels.pop()
    yield from (_half(level.waiting[-1]) for level in levels if level.waiting)


def _half(token: Token) -> Problem:
    word, other = token.text.lower(), _HALVES[token.token_type].name.lower()
    message = f"`{word}` has no `{other}`"
    return Problem("E501", message, f"write `{word} … {other} …`", token.start, token.end + 1)
