"""Calls and operators whose words alone show that the engine has no such one, or takes another number of values.

The parser turns functions of other databases into the engine's own, and forgets how many values were given.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from sqlglot.tokenizer_core import Token, TokenType

from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.functions import COUNTS, OF_OTHERS
from firn_compiler.sql.mistakes import BRACKETS, BRACKETS_END, MAX_DEPTH
from firn_compiler.sql.spelling import QUOTED


def of_others(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report functions that only other databases have."""
    calls = [one for one, after in pairwise(tokens) if after.token_type is TokenType.L_PAREN]
    others = [one for one in calls if one.text.lower() in OF_OTHERS and one.token_type is not TokenType.STRING]
    if not others:
        return
    called = {one.start for one in calls}
    uncalled = {one.text.lower() for one in tokens if one.start not in called}
    for token in others:
        name = token.text.lower()
        if name not in uncalled:  # else it names a relation, and what follows are its columns
            help = f"did you mean `{OF_OTHERS[name]}`?"
            yield Problem("E508", f"there is no function `{name}`", help, token.start, token.end + 1)


def miscounted(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report calls of the engine's functions with too few values, or too many."""
    for at, (token, after) in enumerate(pairwise(tokens)):
        if after.token_type is not TokenType.L_PAREN:
            continue
        name = token.text.lower()
        counts = COUNTS.get(name)
        if not counts or token.token_type in QUOTED or (at and tokens[at - 1].token_type in _BEFORE_A_NAME):
            continue
        given = _given(tokens, at + 2)
        if given is not None and not fits(given, counts):
            help = f"{given} {'is' if given == 1 else 'are'} given"
            yield Problem("E508", f"`{name}` takes {_spelled(counts)}", help, token.start, token.end + 1)


def operators(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report what the parser takes after `is`, `in` and `*`, and the engine does not."""
    for at, (token, after) in enumerate(pairwise(tokens)):
        kind = token.token_type
        written = after.token_type in (TokenType.STRING, TokenType.NUMBER)
        if kind is TokenType.IS or (kind is TokenType.NOT and at and tokens[at - 1].token_type is TokenType.IS):
            first, sign = (tokens[at - 1], "<>") if kind is TokenType.NOT else (token, "=")
            if written:
                message = "`is` compares with null, true and false alone"
                yield Problem("E501", message, f"write `{sign}`", first.start, token.end + 1)
        elif kind is TokenType.IN and written:
            message = "`in` takes a list of values in parentheses"
            yield Problem("E501", message, "write `in (…)`", token.start, token.end + 1)
        elif kind is TokenType.EXCEPT and at > 1 and after.token_type is TokenType.L_PAREN:
            inside = tokens[at + 2].token_type if at + 2 < len(tokens) else None
            if tokens[at - 1].token_type is TokenType.STAR and inside in (TokenType.VAR, TokenType.IDENTIFIER):
                message = "`except` is not expected here"
                yield Problem("E501", message, "write `exclude`", token.start, token.end + 1)


_BEFORE_A_NAME = QUOTED | {TokenType.ALIAS, TokenType.DOT, TokenType.R_PAREN, TokenType.VAR}
"""What stands before a clause, the names of a relation's columns, or a call that has its first value before it."""
_UNCOUNTED = frozenset(
    [TokenType.ALIAS, TokenType.FROM, TokenType.FOR, TokenType.IN, TokenType.STAR, TokenType.COLON_EQ, TokenType.FARROW]
)
"""What stands between values in a grammar of its own, or for several of them."""


def _given(tokens: Sequence[Token], begin: int) -> int | None:
    """Return how many values stand from there to the end of the call; None where commas do not tell."""
    depth, commas, at, order = 0, 0, begin, 0
    for at in range(begin, len(tokens)):
        kind = tokens[at].token_type
        if depth == 0 and kind in BRACKETS_END:
            break
        if depth > MAX_DEPTH:
            return None
        if depth == 0 and (kind in _UNCOUNTED or tokens[at].text.lower() == "lambda"):
            return None
        order = order or (at if depth == 0 and kind is TokenType.ORDER_BY else 0)
        depth += (kind in BRACKETS) - (kind in BRACKETS_END)
        commas += depth == 0 and not order and kind is TokenType.COMMA
    behind = [one.text.lower() for one in tokens[at + 1 : at + 3]]
    if behind == ["as", "("] or behind[:1] == ["within"]:
        return None
    return commas + 1 if (order or at) > begin else 0


def fits(given: int, counts: str) -> bool:
    """Say whether a function that takes so many values, as the table spells it, takes these."""
    numbers = [int(one) for one in counts.rstrip("+").split(",")]
    return given in numbers or (counts.endswith("+") and given > numbers[-1])


def _spelled(counts: str) -> str:
    """Spell how many values are taken."""
    if counts.endswith("+"):
        return f"at least {_values(counts.rstrip('+').split(',')[:1])}"
    return _values(counts.split(","))


def _values(numbers: list[str]) -> str:
    if numbers == ["0"]:
        return "no value"
    several = " or ".join([", ".join(numbers[:-1]), numbers[-1]] if numbers[1:] else numbers)
    return f"{several} {'value' if numbers == ['1'] else 'values'}"
