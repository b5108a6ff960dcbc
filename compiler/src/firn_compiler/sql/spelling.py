"""Words that somebody may have misspelt, and how words stand beside each other."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise

from sqlglot.tokenizer_core import Token, TokenType

from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.functions import FUNCTIONS
from firn_compiler.sql.keywords import KEYWORDS as WORDS

QUOTED = frozenset([TokenType.STRING, TokenType.IDENTIFIER])
KEYWORDS = frozenset(
    (
        "ALL AND ANTI AS ASC BETWEEN BY CASE CROSS DESC DISTINCT ELSE END EXCEPT EXCLUDE EXISTS FILTER FROM FULL"
        " GROUP HAVING ILIKE IN INNER INTERSECT INTERVAL IS JOIN LATERAL LEFT LIKE LIMIT NATURAL NOT NULL OFFSET ON OR"
        " ORDER OUTER OVER PARTITION QUALIFY RANGE RECURSIVE REPLACE RIGHT ROWS SELECT SEMI THEN UNION USING VALUES"
        " WHEN WHERE WINDOW WITH"
    ).split()
)
"""Words that somebody may have misspelt."""


def misjoined(tokens: Sequence[Token], known: Collection[str]) -> Iterator[Problem]:
    """Report a misspelt side of a join, which would be taken for the name of the table before it: `orders lef join`."""
    owners = {one.text.lower() for one, after in pairwise(tokens) if after.token_type is TokenType.DOT}
    for table, side, join in zip(tokens, tokens[1:], tokens[2:], strict=False):
        named = join.token_type in (TokenType.JOIN, TokenType.OUTER) and side.token_type is TokenType.VAR
        behind = ends_a_value([table], 0) or table.text.upper() in _SIDES
        taken = side.text.lower() in owners or side.text.lower() in known
        if named and behind and not taken and (help := meant(side.text, _SIDES)):
            yield Problem("E501", f"{shown(side)} is not expected here", help, side.start, side.end + 1)


_SIDES = frozenset(["CROSS", "FULL", "INNER", "LEFT", "NATURAL", "OUTER", "RIGHT"])


def keyword(token: Token, names: Mapping[str, int], known: Collection[str]) -> str:
    """Return help for a word that seems to be a misspelt keyword: one that stands once, and names nothing known."""
    word = token.text.lower()
    if token.token_type in QUOTED or word in known or word in WORDS or names[word] > 1:
        return ""
    return meant(token.text, KEYWORDS)


def counted_words(tokens: Sequence[Token]) -> Counter[str]:
    """Return how often each word stands there."""
    return Counter(one.text.lower() for one in tokens)


_APART = {f"{first}BY": f"{first.lower()} by" for first in ("ORDER", "GROUP", "PARTITION")}
"""Keywords of two words that people write as one."""
_IN_FULL = {"ASCENDING": "ASC", "DESCENDING": "DESC"}
"""Keywords that people write out."""


def meant(word: str, known: frozenset[str]) -> str:
    """Return help for a misspelt keyword."""
    upper = word.upper()
    if upper in known or not upper.isalpha():
        return ""
    if upper in _APART:
        return f"write `{_APART[upper]}`"
    if upper in _IN_FULL and _IN_FULL[upper] in known:
        return f"did you mean `{_IN_FULL[upper].lower()}`?"
    turned = [one for one in sorted(known) if len(one) > 2 and sorted(one) == sorted(upper)]
    close = turned or get_close_matches(upper, sorted(known), n=1, cutoff=0.74)
    return f"did you mean `{close[0].lower()}`?" if close else ""


def shown(token: Token) -> str:
    """Return a token for a message: words and signs as they are, texts never."""
    if token.token_type is TokenType.STRING:
        return "this text"
    return f"`{token.text if len(token.text) <= 30 else token.text[:29] + '…'}`"


ENDS_A_VALUE = (*QUOTED, TokenType.VAR, TokenType.NUMBER, TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.STAR)
_BEGINS_A_VALUE = (*QUOTED, TokenType.VAR, TokenType.NUMBER)


def ends_a_value(tokens: Sequence[Token], at: int) -> bool:
    """Whether a token may be a value's last: after a dot, each word is a name."""
    return tokens[at].token_type in ENDS_A_VALUE or (at > 0 and tokens[at - 1].text == ".")


def begins_a_value(tokens: Sequence[Token], at: int) -> bool:
    """Whether a token may be a value's first: also a function's name that is a word of SQL too, such as `list`."""
    called = at + 1 < len(tokens) and tokens[at + 1].token_type is TokenType.L_PAREN
    return tokens[at].token_type in _BEGINS_A_VALUE or (called and tokens[at].text.lower() in FUNCTIONS)
