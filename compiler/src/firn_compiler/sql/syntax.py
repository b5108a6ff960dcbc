"""What the parser could not read, in the words of the person who wrote it."""

import re
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from itertools import pairwise

from sqlglot.errors import ParseError
from sqlglot.tokenizer_core import Token, TokenType

from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.functions import FUNCTIONS
from firn_compiler.sql.keywords import KEYWORDS as WORDS
from firn_compiler.sql.mistakes import QUOTED

KEYWORDS = frozenset(
    (
        "ALL AND ANTI AS ASC BETWEEN BY CASE CROSS DESC DISTINCT ELSE END EXCEPT EXCLUDE EXISTS FILTER FROM FULL"
        " GROUP HAVING ILIKE IN INNER INTERSECT INTERVAL IS JOIN LATERAL LEFT LIKE LIMIT NATURAL NOT NULL OFFSET ON OR"
        " ORDER OUTER OVER PARTITION QUALIFY RANGE RECURSIVE REPLACE RIGHT ROWS SELECT SEMI THEN UNION USING VALUES"
        " WHEN WHERE WINDOW WITH"
    ).split()
)
"""Words that somebody may have misspelt."""
_SIGNS = {
    "`": "names that are no plain words stand in double quotes",
    "=>": "write `>=`",
    "#": "a placeholder is `?` or `$name`, and its value stands in `params`",
    "@": "a placeholder is `?` or `$name`, and its value stands in `params`",
    "::": "write `value::type`",
    "!": "write `not`",
}


def syntax(error: ParseError, tokens: Sequence[Token], text: str, known: Collection[str]) -> Problem:
    """Say the parser's finding; `known` are names that stand for themselves."""
    first = error.errors[0] if error.errors else {}
    at = _token_at(tokens, first.get("line") or 1, first.get("col") or 1)
    description = str(first.get("description") or "")
    if called := _arguments(description, tokens, at):
        return called
    if swapped := _swapped(tokens, at):
        return swapped
    if "keyword: 'to' missing" in description and tokens[at - 1].token_type is TokenType.COMMA:
        comma = tokens[at - 1]
        return Problem("E501", "`,` is not expected here", "write `as` in its place", comma.start, comma.end + 1)
    if tokens[at].text == "`":
        at = next(index for index, token in enumerate(tokens) if token.text == "`")
    at, help = _near(tokens, at, known)
    if tokens[at].text in (".", "(") and at > 1 and not help and _ends_a_value(tokens, at - 2):
        at -= 1  # the parser took the name before it for an alias
    token, before = tokens[at], tokens[at - 1] if at else None
    shown_ = shown(token)
    message = f"{shown_} is not expected here"
    help = help or _SIGNS.get(token.text, "")
    if token.text.upper() == "TOP" or (before is not None and before.text.upper() == "TOP"):
        help = "write `limit` at the query's end"
    elif token.text == "-" or (before is not None and before.text == "-"):
        help = help or 'a name that holds `-` stands in double quotes, such as `"my-step"`'
    if help:
        return Problem("E501", message, help, token.start, min(token.end + 1, len(text)))
    if before is not None and _listed(tokens, at) and _ends_a_value(tokens, at - 1) and _begins_a_value(tokens, at):
        return Problem("E501", message, "is a comma missing before it?", token.start, min(token.end + 1, len(text)))
    if "Required keyword" in description or "Expected table name" in description:
        last = at == len(tokens) - 1 or "Required keyword" in description
        message = f"something is missing after {shown_}" if last else message
    elif description.startswith("Expecting )"):
        message = f"a parenthesis should be closed after {shown_}"
    elif "END after CASE" in description:
        message, help = "`case` is not closed", "end it with `end`"
    return Problem("E501", message, help, token.start, min(token.end + 1, len(text)))


def misjoined(tokens: Sequence[Token], known: Collection[str]) -> Iterator[Problem]:
    """Report a misspelt side of a join, which would be taken for the name of the table before it: `orders lef join`."""
    owners = {one.text.lower() for one, after in pairwise(tokens) if after.token_type is TokenType.DOT}
    for table, side, join in zip(tokens, tokens[1:], tokens[2:], strict=False):
        named = join.token_type is TokenType.JOIN and side.token_type is TokenType.VAR
        behind = _ends_a_value([table], 0) or table.text.upper() in _SIDES
        taken = side.text.lower() in owners or side.text.lower() in known
        if named and behind and not taken and (help := meant(side.text, _SIDES)):
            yield Problem("E501", f"{shown(side)} is not expected here", help, side.start, side.end + 1)


_SIDES = frozenset(["CROSS", "FULL", "INNER", "LEFT", "NATURAL", "OUTER", "RIGHT"])


def unread(problem: Problem, tokens: Sequence[Token]) -> bool:
    """Whether a finding is of a form that the engine reads and the parser does not: then nothing is said."""
    if any(token.text.upper() in ("PIVOT", "UNPIVOT", "EXPORT_STATE") for token in tokens):
        return True  # the parser knows few forms of it
    if any(one.token_type is TokenType.FROM and two.token_type is TokenType.VALUES for one, two in pairwise(tokens)):
        return True  # it knows them in brackets alone
    at = next((at for at, token in enumerate(tokens) if token.start >= problem.start), len(tokens) - 1)
    around = {token.text.upper() for token in tokens[max(at - 2, 0) : at + 1]}
    blob = tokens[at].token_type is TokenType.STRING and tokens[at - 1].end + 1 == tokens[at].start
    lambda_ = "->" in {token.text for token in tokens[at : at + 2]}
    return lambda_ or (blob and tokens[at - 1].text.upper() in ("X", "B")) or bool(around & _UNKNOWN)


_UNKNOWN = frozenset(["ARRAY", "COLUMNS", "ESCAPE", "GROUPS", "RANGE", "SETOF"])
"""Words of which the parser knows fewer forms than the engine."""


def _arguments(description: str, tokens: Sequence[Token], at: int) -> Problem | None:
    """Say that a function is given too few or too many arguments, where that is what the parser found."""
    many = "number of provided arguments" in description
    if tokens[at].token_type is not TokenType.R_PAREN or not (many or "Required keyword" in description):
        return None
    level = 0
    for index in range(at, 0, -1):
        kind = tokens[index].token_type
        level += (kind is TokenType.R_PAREN) - (kind is TokenType.L_PAREN)
        if level == 0:
            name = tokens[index - 1]
            if tokens[at - 1].token_type not in (*_ENDS_A_VALUE, TokenType.L_PAREN) or not name.text.isidentifier():
                return None
            message = f"`{name.text}` is given too {'many' if many else 'few'} arguments"
            return Problem("E501", message, "", name.start, name.end + 1)
    return None


def _swapped(tokens: Sequence[Token], at: int) -> Problem | None:
    """Report the signs of a comparison in the wrong order: `=<`."""
    for first, second in pairwise(tokens[max(at - 2, 0) : at + 1]):
        if first.text + second.text in ("=<", "=!") and second.start == first.end + 1:
            message = f"`{first.text}{second.text}` is not expected here"
            return Problem("E501", message, f"write `{second.text}=`", first.start, second.end + 1)
    return None


def _near(tokens: Sequence[Token], at: int, known: Collection[str]) -> tuple[int, str]:
    """Return which of the tokens about an error is a misspelt keyword, and what it should be; or the error's own."""
    token, before = tokens[at], tokens[at - 1] if at else None
    if token.text.upper() in ("PARTITION BY", "ORDER BY") and before is not None and before.text.upper() == "OVER":
        return at, f"write `over ({token.text.lower()} …)`"
    if token.token_type is TokenType.SELECT and before is not None and before.text.upper() in ("AS", "IN", "EXISTS"):
        return at, f"a query stands in parentheses: `{before.text.lower()} (select …)`"
    for back in (1, 0):
        one = tokens[at - back] if at >= back else token
        if one.text.upper() in _FIRST_HALVES and one.token_type not in QUOTED:
            return at - back, f"write `{one.text.lower()} {_FIRST_HALVES[one.text.upper()]}`"
    for near in (at - 1, at, at + 1, at - 2):
        if 0 <= near < len(tokens) and (help := _keyword(tokens, near, known)):
            return near, help
    return at, ""


_FIRST_HALVES = dict.fromkeys(("ORDER", "GROUP", "PARTITION"), "by") | dict.fromkeys(
    ("FULL", "INNER", "LEFT", "RIGHT"), "join"
)
"""Words that mean nothing without the next one."""


def _keyword(tokens: Sequence[Token], at: int, known: Collection[str]) -> str:
    token = tokens[at]
    names = [one.text.lower() for one in tokens]
    word = token.text.lower()
    if token.token_type in QUOTED or word in known or word in WORDS or names.count(word) > 1:
        return ""
    return meant(token.text, KEYWORDS)


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
    close = get_close_matches(upper, sorted(known), n=1, cutoff=0.74)
    return f"did you mean `{close[0].lower()}`?" if close else ""


def shown(token: Token) -> str:
    """Return a token for a message: words and signs as they are, texts never."""
    if token.token_type is TokenType.STRING:
        return "this text"
    return f"`{token.text if len(token.text) <= 30 else token.text[:29] + '…'}`"


def unclosed(text: str) -> Problem:
    """Find the quote or comment that is never closed."""
    at, open_ = 0, 0
    while at < len(text):
        match = _QUOTE.match(text, at)
        if match is None:
            at += 1
            continue
        opening = match[0]
        closing = "*/" if opening == "/*" else "\n" if opening == "--" else opening
        end = text.find(closing, match.end())
        if end < 0 and opening != "--":
            open_ = at
            what = "a comment" if opening == "/*" else "a quote"
            return Problem("E501", f"{what} is not closed", f"close it with `{closing}`", open_, open_ + len(opening))
        at = end + len(closing) if end >= 0 else len(text)
    return Problem("E501", "the query cannot be read", "", open_, len(text))


_QUOTE = re.compile(r"'|\"|`|/\*|--|\$[A-Za-z_]*\$")
_ENDS_A_VALUE = (*QUOTED, TokenType.VAR, TokenType.NUMBER, TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.STAR)
_BEGINS_A_VALUE = (*QUOTED, TokenType.VAR, TokenType.NUMBER)


def _ends_a_value(tokens: Sequence[Token], at: int) -> bool:
    """Whether a token may be a value's last: after a dot, each word is a name."""
    return tokens[at].token_type in _ENDS_A_VALUE or (at > 0 and tokens[at - 1].text == ".")


def _begins_a_value(tokens: Sequence[Token], at: int) -> bool:
    """Whether a token may be a value's first: also a function's name that is a word of SQL too, such as `list`."""
    called = at + 1 < len(tokens) and tokens[at + 1].token_type is TokenType.L_PAREN
    return tokens[at].token_type in _BEGINS_A_VALUE or (called and tokens[at].text.lower() in FUNCTIONS)


def _listed(tokens: Sequence[Token], at: int) -> bool:
    """Whether a token stands where the items of a list do: after SELECT, or in brackets."""
    level = 0
    for token in reversed(tokens[:at]):
        kind = token.token_type
        level += (kind in (TokenType.R_PAREN, TokenType.R_BRACKET)) - (kind in (TokenType.L_PAREN, TokenType.L_BRACKET))
        if level < 0 or kind is TokenType.SELECT:
            return True
        if level == 0 and kind in (TokenType.FROM, TokenType.WHERE, TokenType.JOIN, TokenType.ON, TokenType.HAVING):
            return False
    return False


def _token_at(tokens: Sequence[Token], line: int, column: int) -> int:
    found = [at for at, token in enumerate(tokens) if (token.line, token.col) <= (line, column)]
    return found[-1] if found else 0
