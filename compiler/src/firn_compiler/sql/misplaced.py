"""Where a mistake of syntax was made: the parser stops where it can go on no more, often many lines behind it."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from sqlglot.tokenizer_core import Token, TokenType

from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.functions import FUNCTIONS
from firn_compiler.sql.mistakes import BRACKETS, BRACKETS_END, clauses_before
from firn_compiler.sql.quotes import BEFORE_A_TEXT
from firn_compiler.sql.spelling import KEYWORDS, QUOTED, begins_a_value, counted_words, ends_a_value, keyword, shown

_LOOKED_AT = 50
"""Words that are compared with keywords, which takes time."""
_COMMA = "is a comma missing before it?"
_BEGINS = frozenset(
    [
        TokenType.FROM,
        TokenType.GROUP_BY,
        TokenType.HAVING,
        TokenType.JOIN,
        TokenType.ON,
        TokenType.ORDER_BY,
        TokenType.QUALIFY,
        TokenType.SELECT,
        TokenType.WHERE,
    ]
)
_CONDITIONS = frozenset([TokenType.AND, TokenType.HAVING, TokenType.ON, TokenType.QUALIFY, TokenType.WHERE])
"""Words behind which nothing has a second name, and what is in brackets there (AND)."""
_LISTS = (TokenType.SELECT, TokenType.GROUP_BY, TokenType.ORDER_BY)
_NO_NAMES = KEYWORDS | frozenset(
    (
        "AT COLLATE DAY DAYS ESCAPE FILTER GLOB HOUR HOURS IGNORE ISNULL MICROSECOND MICROSECONDS MILLISECOND"
        " MILLISECONDS MINUTE MINUTES MONTH MONTHS NOTNULL NULLS PRECISION QUARTER QUARTERS REGEXP RESPECT RLIKE SECOND"
        " SECONDS SIMILAR VARYING WEEK WEEKS WITHIN WITHOUT YEAR YEARS ZONE"
    ).split()
)
"""Keywords, and words that may stand behind a value, which the parser takes for names."""


def misplaced(tokens: Sequence[Token], known: Collection[str]) -> Problem | None:
    """Return what can be no part of any query, the first of its kind, of one that the parser cannot read."""
    kinds = (_misspelt(tokens, known), _third(tokens, known), _side_by_side(tokens))
    return next((one for kind in kinds for one in kind), None)


def _misspelt(tokens: Sequence[Token], known: Collection[str]) -> Iterator[Problem]:
    """Yield misspelt keywords between two values, and behind a bracket before one: no name can stand there."""
    names = counted_words(tokens)
    for token in islice(_between(tokens), _LOOKED_AT):
        if help := keyword(token, names, known):
            yield Problem("E501", f"{shown(token)} is not expected here", help, token.start, token.end + 1)


def _between(tokens: Sequence[Token]) -> Iterator[Token]:
    for at in range(1, len(tokens) - 1):
        behind = tokens[at - 1].token_type is TokenType.L_PAREN or ends_a_value(tokens, at - 1)
        after = [one.token_type for one in tokens[at + 1 : at + 3]]
        query = after == [TokenType.L_PAREN, TokenType.SELECT] or begins_a_value(tokens, at + 1)
        if tokens[at].token_type is TokenType.VAR and (after[0] is TokenType.SELECT or (behind and query)):
            yield tokens[at]


def separated(tokens: Sequence[Token], at: int, known: Collection[str]) -> str:
    """Return what separates a value from the one before it: a comma, or `from` before a table of that name."""
    is_table = tokens[at].text.lower() in known and next(clauses_before(tokens, at), None) is TokenType.SELECT
    return "is `from` missing before it?" if is_table else _COMMA


def sourceless(tokens: Sequence[Token], known: Collection[str]) -> Iterator[Problem]:
    """Yield tables that would be taken for the name of the select list's last value: `select id orders where …`."""
    for at in range(2, len(tokens) - 1):
        named = ends_a_value(tokens, at - 1) and not (_is_name(tokens[at - 1]) and ends_a_value(tokens, at - 2))
        follows = tokens[at].token_type is TokenType.VAR and tokens[at + 1].token_type in _BEHIND_FROM
        if follows and named and "from" in separated(tokens, at, known):
            token = tokens[at]
            message = f"{shown(token)} is not expected here"
            yield Problem("E501", message, "is `from` missing before it?", token.start, token.end + 1)


_BEHIND_FROM = (TokenType.WHERE, TokenType.GROUP_BY, TokenType.JOIN, TokenType.LEFT)


def _third(tokens: Sequence[Token], known: Collection[str]) -> Iterator[Problem]:
    """Yield values right behind a second name: `a as b c`, `orders o o`."""
    for at, (first, name, token) in enumerate(zip(tokens, tokens[1:], tokens[2:], strict=False), 2):
        named = first.token_type is TokenType.ALIAS or _is_name(first)
        if named and _is_name(name) and (_is_name(token) or token.token_type in (TokenType.CASE, TokenType.NUMBER)):
            help = separated(tokens, at, known)
            yield Problem("E501", f"{shown(token)} is not expected here", help, token.start, token.end + 1)


def _is_name(token: Token) -> bool:
    """Whether a word is no keyword, in any place where the parser might take it for one."""
    return token.token_type is TokenType.VAR and token.text.upper() not in _NO_NAMES


def _side_by_side(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Yield values beside others in a condition, where nothing has a second name, and calls beside them anywhere."""
    levels: list[TokenType | None] = [None]
    for at, token in enumerate(tokens):
        kind = token.token_type
        if kind in BRACKETS:
            levels.append(TokenType.AND if levels[-1] in _CONDITIONS else None)
        elif kind in BRACKETS_END and len(levels) > 1:
            levels.pop()
        elif kind in _BEGINS:
            levels[-1] = kind
        elif kind is TokenType.COMMA and levels[-1] is TokenType.ON:
            levels[-1] = TokenType.FROM
        condition, help = levels[-1] in _CONDITIONS, ""
        if at and _is_beside(tokens, at):
            called = token.text.lower() in FUNCTIONS and levels[-1] in _LISTS
            help = "is an operator missing before it?" if condition else _COMMA if called else ""
        elif kind is TokenType.FARROW and condition:
            help = "write `>=`"
        elif kind is TokenType.COMMA and levels[-1] in (TokenType.WHERE, TokenType.HAVING):
            help = "conditions are joined with `and` or `or`"
        if help:
            yield Problem("E501", f"{shown(token)} is not expected here", help, token.start, token.end + 1)


def _is_beside(tokens: Sequence[Token], at: int) -> bool:
    before, token = tokens[at - 1], tokens[at]
    if not (ends_a_value(tokens, at - 1) and begins_a_value(tokens, at)) or before.token_type is TokenType.STAR:
        return False
    if token.text.upper() in _NO_NAMES:
        return False
    if before.text.upper() in BEFORE_A_TEXT and token.token_type is TokenType.STRING:
        return False
    return before.token_type not in QUOTED or token.token_type not in QUOTED
