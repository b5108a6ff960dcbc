"""What the parser could not read, in the words of the person who wrote it."""

from collections.abc import Collection, Sequence
from itertools import pairwise

from sqlglot.errors import ParseError
from sqlglot.tokenizer_core import Token, TokenType

from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.misplaced import misplaced, separated
from firn_compiler.sql.spelling import (
    ENDS_A_VALUE,
    QUOTED,
    begins_a_value,
    counted_words,
    ends_a_value,
    keyword,
    shown,
)

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
    if "keyword: 'to' missing" in description and tokens[at - 1].token_type is TokenType.COMMA:
        comma = tokens[at - 1]
        return Problem("E501", "`,` is not expected here", "write `as` in its place", comma.start, comma.end + 1)
    if tokens[at].text == "`":
        at = next(index for index, token in enumerate(tokens) if token.text == "`")
    at, help = _near(tokens, at, known)
    if tokens[at].text in (".", "(") and at > 1 and not help and ends_a_value(tokens, at - 2):
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
    if before is not None and _listed(tokens, at) and ends_a_value(tokens, at - 1) and begins_a_value(tokens, at):
        return Problem("E501", message, separated(tokens, at, known), token.start, min(token.end + 1, len(text)))
    if found := misplaced(tokens, known):
        return found
    if "Required keyword" in description or "Expected table name" in description:
        last = at == len(tokens) - 1 or "Required keyword" in description
        message = f"something is missing after {shown_}" if last else message
    elif description.startswith("Expecting )"):
        message = f"a parenthesis should be closed after {shown_}"
    elif "END after CASE" in description:
        message, help = "`case` is not closed", "end it with `end`"
    return Problem("E501", message, help, token.start, min(token.end + 1, len(text)))


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
            if tokens[at - 1].token_type not in (*ENDS_A_VALUE, TokenType.L_PAREN) or not name.text.isidentifier():
                return None
            message = f"`{name.text}` is given too {'many' if many else 'few'} arguments"
            return Problem("E501", message, "", name.start, name.end + 1)
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
    names = counted_words(tokens)
    for near in (at - 1, at, at + 1, at - 2):
        if 0 <= near < len(tokens) and (help := keyword(tokens[near], names, known)):
            return near, help
    return at, ""


_FIRST_HALVES = dict.fromkeys(("ORDER", "GROUP", "PARTITION"), "by") | dict.fromkeys(
    ("FULL", "INNER", "LEFT", "RIGHT"), "join"
)
"""Words that mean nothing without the next one."""


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
