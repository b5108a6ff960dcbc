"""Words and signs that the parser takes for others than the engine does: they are made names and placeholders again."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from itertools import pairwise

from sqlglot.tokenizer_core import Token, TokenType

from firn_compiler.sql.keywords import RESERVED

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


def tokenized(text: str, tokenize: Callable[[str], list[Token]]) -> list[Token]:
    """Return the tokens of a text; `tokenize` takes a sign behind a number such as `1e3` for a part of it."""
    masked = _SIGNED.sub(_without_exponent, text)
    tokens = tokenize(masked)
    for token in tokens if masked != text else ():
        own = text[token.start : token.end + 1]
        if own != masked[token.start : token.end + 1]:
            if token.token_type is not TokenType.NUMBER:
                return tokenize(text)  # it stands within quotes of another kind
            token.text = own
    return tokens


_SIGNED = re.compile(
    r"""'[^']*'|"[^"]*"|--.*|(?<![\w.])(?P<whole>\d[\d_]*(\.[\d_]*)?)[eE](?P<power>\d+)(?=[+-]\.?\d)"""
)
"""A number with an exponent before a sign and another one; or what stands in quotes, and comments."""


def _without_exponent(found: re.Match[str]) -> str:
    whole = found["whole"]
    return found[0] if whole is None else f"{whole}{'0' if '.' in whole else '.'}{found['power']}"


def names_again(tokens: Sequence[Token]) -> None:
    """Make names of DuckDB's words that are some where they stand: `sum(force)`, `map.id`, `interval / 2`, `if = 1`."""
    for token, after in pairwise([*tokens, tokens[-1]]):
        kind = token.token_type
        named = kind in _BEFORE and after.token_type not in _BEFORE[kind]
        condition = kind is TokenType.VAR and token.text.upper() == "IF"
        operand = (kind is TokenType.INTERVAL or condition) and after.token_type in _AFTER_A_NAME
        if named or operand or (condition and after.token_type in _COMPARING):
            token.token_type = TokenType.IDENTIFIER  # of plain words the parser takes `map` for a call


def aliases_again(tokens: Sequence[Token]) -> None:
    """Make names of words after AS that can be nothing else: `id as order, name as end from customers`."""
    for before, token, after in zip(tokens, tokens[1:], [*tokens[2:], None], strict=False):
        ends = after is None or after.token_type in _AFTER_AN_ALIAS
        if before.token_type is TokenType.ALIAS and ends and token.text.lower() in RESERVED:
            token.token_type = TokenType.IDENTIFIER


_AFTER_AN_ALIAS = frozenset([TokenType.COMMA, TokenType.FROM, TokenType.R_PAREN, TokenType.SEMICOLON])
_NAMED = re.compile(r"\$\w+")


def placeholders_again(tokens: Iterable[Token], dialect: str) -> Iterator[Token]:
    """Yield tokens with placeholders in `?::date`, and in MySQL for `$since`: they are no operator and no name."""
    for token in tokens:
        kind, start = token.token_type, token.start
        if kind is TokenType.QDCOLON:
            yield _part(token, TokenType.PLACEHOLDER, start, start)
            yield _part(token, TokenType.DCOLON, start + 1, token.end)
        elif dialect == "mysql" and kind is TokenType.VAR and _NAMED.fullmatch(token.text):
            yield _part(token, TokenType.PARAMETER, start, start)
            yield _part(token, TokenType.VAR, start + 1, token.end)
        else:
            yield token


_OPERATORS = frozenset(
    (
        "<#> <+> <~> <%> <<= >>= |>> <<| &<| |&> ~= ~<~ ~>~ ~<=~ ~>=~ <% %> <<% %>> ## ?# ?-| ?|| ^<@ ?@> *= *<> *< *>"
        " *<= *>= @@@ |=|"
    ).split()
)
"""Of PostgreSQL and its extensions, such as pg_trgm, pgvector and PostGIS: those that the parser has not."""
_SIGNS = frozenset("+-*/<>=~!@#%^&|?")
_OF_TEXTS = frozenset(
    "box cidr circle jsonpath line lseg macaddr macaddr8 pg_lsn pg_snapshot polygon tsquery tsvector xid8".split()
)
"""Types of PostgreSQL that the parser does not know before a text: `cidr '10.0.0.0/8'`."""


def of_postgres(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield tokens with comparisons for PostgreSQL's further operators, and without types before texts."""
    at = 0
    while at < len(tokens):
        token, end = tokens[at], at + 1
        while (
            end < len(tokens) and tokens[end].start == tokens[end - 1].end + 1 and _is_sign(tokens[end - 1 : end + 1])
        ):
            end += 1
        signs = "".join(one.text for one in tokens[at:end])
        if end > at + 1 and signs in _OPERATORS:
            last = tokens[end - 1]
            yield Token(TokenType.EQ, signs, last.line, last.col, token.start, last.end, last.comments)
            at = end
            continue
        before_text = end < len(tokens) and tokens[end].token_type is TokenType.STRING
        if not (before_text and token.token_type is TokenType.VAR and token.text.lower() in _OF_TEXTS):
            yield token
        at += 1


def _is_sign(tokens: Iterable[Token]) -> bool:
    quoted = (TokenType.IDENTIFIER, TokenType.STRING)
    return all(_SIGNS.issuperset(one.text) and one.token_type not in quoted for one in tokens)


def _part(token: Token, kind: TokenType, start: int, end: int) -> Token:
    text = token.text[start - token.start : end + 1 - token.start]
    return Token(kind, text, token.line, token.col - token.end + end, start, end, token.comments)
