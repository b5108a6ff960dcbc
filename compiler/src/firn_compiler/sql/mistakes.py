"""Mistakes that the words of a query show before it is parsed: the parser would pass them, or say less of them."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from sqlglot.tokenizer_core import Token, TokenType

from firn_compiler.sql.analysis import Problem
from firn_compiler.sql.functions import FUNCTIONS
from firn_compiler.sql.spelling import QUOTED, meant, shown

MAX_DEPTH = 60
MAX_OPERATORS = 2000


def depth(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report nesting that would take more than a reasonable stack, and brackets that do not fit."""
    open_: list[Token] = []
    chain, merges = 0, any(one.token_type is TokenType.MERGE for one in tokens)  # a MERGE has WHEN too
    for at, token in enumerate(tokens):
        kind = token.token_type
        if kind in _OPERANDS_ALONE:
            continue
        chain = 0 if kind is TokenType.COMMA else chain + 1
        if kind in _CASES and at and tokens[at - 1].token_type in NAMING:
            continue  # after AS and a dot, CASE and END are names
        inside = CLOSING.get(kind) or (None if merges else _OF_CASE.get(kind))
        if inside is not None and (not open_ or inside is not open_[-1].token_type):
            within = any(one.token_type is inside for one in open_)
            yield _left_open(open_[-1], tokens[:at]) if within else _without(tokens, at)
            return
        if kind in CLOSING:
            open_.pop()
        elif kind in OPENING:
            open_.append(token)
        if len(open_) > MAX_DEPTH or chain > MAX_OPERATORS:
            help = "split it into several steps"
            yield Problem("E501", "the query is nested too deep", help, token.start, token.end + 1)
            return
    if open_:
        yield _left_open(open_[-1], tokens)


def _left_open(token: Token, until: Sequence[Token]) -> Problem:
    """Return what is wrong with something that has not ended, or where its end is misspelt."""
    ends = (one for one in until if one.start > token.start and one.token_type is TokenType.VAR)
    for end in ends if token.token_type is TokenType.CASE else ():
        if help := meant(end.text, _END):
            return Problem("E501", f"{shown(end)} is not expected here", help, end.start, end.end + 1)
    what = {"(": "a parenthesis", "[": "a bracket", "{": "a brace"}.get(token.text, "`case`")
    close = {"(": ")", "[": "]", "{": "}"}.get(token.text, "end")
    return Problem("E501", f"{what} is not closed", f"end it with `{close}`", token.start, token.end + 1)


def _without(tokens: Sequence[Token], at: int) -> Problem:
    """Return what is wrong with the end of something that has not begun, or with a WHEN without CASE."""
    token, before = tokens[at], tokens[at - 1]
    if token.token_type in CLOSING:
        return Problem("E501", f"`{token.text}` closes nothing", "remove it", token.start, token.end + 1)
    if at and before.token_type is TokenType.VAR and (help := meant(before.text, frozenset(["CASE"]))):
        return Problem("E501", f"{shown(before)} is not expected here", help, before.start, before.end + 1)
    message = f"`{token.text}` is no part of a `case`"
    return Problem("E501", message, "begin it with `case`", token.start, token.end + 1)


_END = frozenset(["END"])
_OPERANDS_ALONE = frozenset([TokenType.VAR, TokenType.NUMBER, TokenType.STRING, TokenType.IDENTIFIER])
_CASES = frozenset([TokenType.CASE, TokenType.END, TokenType.WHEN, TokenType.THEN, TokenType.ELSE])
NAMING = frozenset([TokenType.ALIAS, TokenType.DOT])
CLOSING = {
    TokenType.R_PAREN: TokenType.L_PAREN,
    TokenType.R_BRACKET: TokenType.L_BRACKET,
    TokenType.R_BRACE: TokenType.L_BRACE,
    TokenType.END: TokenType.CASE,
}
"""What closes something, and what opens it."""
_OF_CASE = dict.fromkeys((TokenType.WHEN, TokenType.THEN, TokenType.ELSE), TokenType.CASE)
OPENING = frozenset(CLOSING.values())
BRACKETS = OPENING - {TokenType.CASE}
BRACKETS_END = CLOSING.keys() - {TokenType.END}


def gaps(tokens: Sequence[Token], dialect: str) -> Iterator[Problem]:
    """Report words that something should follow and nothing does, and commas that stand where none can."""
    for at, token in enumerate(tokens):
        kind = token.token_type
        if kind is TokenType.VAR and _new_cte(tokens, at):
            help = "queries after `with` are separated by commas"
            yield Problem("E501", f"a comma is missing before `{token.text}`", help, token.start, token.end + 1)
        if kind is TokenType.NUMBER and at and tokens[at - 1].token_type is TokenType.NUMBER:
            message = f"`{token.text}` is not expected here"
            yield Problem("E501", message, "is a comma missing before it?", token.start, token.end + 1)
        if kind not in _TELLING:
            continue
        after = tokens[at + 1] if at + 1 < len(tokens) else None
        ends = after is None or after.token_type in (TokenType.R_PAREN, TokenType.SEMICOLON)
        following = after.text.upper() if after is not None and after.token_type not in QUOTED else ""
        if kind is TokenType.COMMA and (ends or following in _AFTER_A_COMMA or _join(tokens, at + 1)):
            last = trailing(tokens, at) or (following == ")" and _may_end_in_a_comma(tokens, at))
            if not (dialect == "duckdb" and last):
                yield Problem("E501", "a comma separates nothing here", "remove it", token.start, token.end + 1)
        elif kind is TokenType.LIMIT and dialect != "mysql" and _kinds(tokens, at, 2) == _TWO:
            help = f"write `limit … offset {tokens[at + 1].text}`"
            yield Problem("E501", "`limit` takes one number", help, tokens[at + 2].start, tokens[at + 2].end + 1)
        elif following == "," and kind in _BEFORE_NO_COMMA and after is not None:
            yield Problem("E501", "a comma separates nothing here", "remove it", after.start, after.end + 1)
        elif kind in _NEEDING and (ends or following in _NEEDING[kind]) and not _names(tokens, at):
            message = f"`{token.text.lower()}` is followed by nothing"
            yield Problem("E501", message, "complete it, or remove it", token.start, token.end + 1)
        elif kind in _WITH and _kinds(tokens, at, 3) == _BARE_CTE:
            name = tokens[at + 1]
            help = f"write `{name.text} as (select …)`"
            yield Problem("E501", f"`as` is missing after `{name.text}`", help, name.start, name.end + 1)


def unopened(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report what lacks its first parenthesis, of a query that has one too few."""
    for token, after in pairwise(tokens):
        kind, next_ = token.token_type, after.token_type
        if kind is TokenType.IN and next_ in (TokenType.STRING, TokenType.NUMBER):
            help = "write `in (…)`"
        elif kind is TokenType.OVER and next_ in (TokenType.PARTITION_BY, TokenType.ORDER_BY):
            help = f"write `over ({after.text.lower()} …)`"
        elif next_ is TokenType.SELECT and kind in _BEFORE_A_QUERY:
            help = f"a query stands in parentheses: `{token.text.lower()} (select …)`"
        else:
            continue
        yield Problem("E501", f"{shown(after)} is not expected here", help, after.start, after.end + 1)


def unended(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report lists and calls that lack their last parenthesis, of a query that has one too few."""
    open_: list[int] = []
    for at, token in enumerate(tokens):
        kind = token.token_type
        if kind in BRACKETS:
            open_.append(at)
        elif kind in BRACKETS_END and open_:
            open_.pop()
        elif open_ and kind in _IN_NO_CALL and _is_left(tokens, open_[-1], kind):
            yield _left_open(tokens[open_[-1]], ())
            return


def _is_left(tokens: Sequence[Token], at: int, kind: TokenType) -> bool:
    """Whether a parenthesis ended before a word of this kind, which its call or its list cannot hold."""
    before, first = tokens[at - 1] if at else tokens[at], tokens[at + 1]
    if before.token_type is TokenType.IN and first.token_type in (TokenType.STRING, TokenType.NUMBER):
        return True
    name = before.text.lower()
    called = before.token_type is TokenType.VAR and name in FUNCTIONS and name not in _WITH_WORDS
    return called and kind not in (TokenType.AND, TokenType.OR) and first.token_type is not kind


_WITH_WORDS = frozenset("cast extract overlay position row struct_pack substring trim try_cast".split())
"""Functions whose values are told apart by words, or have names."""
_BEFORE_A_QUERY = frozenset([TokenType.FROM, TokenType.JOIN, TokenType.IN, TokenType.EXISTS, TokenType.ALIAS])
_IN_NO_CALL = frozenset(
    [
        TokenType.ALIAS,
        TokenType.AND,
        TokenType.FROM,
        TokenType.GROUP_BY,
        TokenType.HAVING,
        TokenType.OR,
        TokenType.SELECT,
        TokenType.UNION,
        TokenType.WHERE,
    ]
)


def twice(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report words that stand twice, BETWEEN without AND, and the signs of a comparison in the wrong order: `=<`."""
    for word, low, high in zip(tokens, tokens[1:], tokens[2:], strict=False):
        plain = low.token_type in (TokenType.NUMBER, TokenType.STRING) and low.token_type is high.token_type
        if word.token_type is TokenType.BETWEEN and plain:
            help = "write `between … and …`"
            yield Problem("E501", f"{shown(high)} is not expected here", help, high.start, high.end + 1)
    for token, after in pairwise(tokens):
        if token.token_type is after.token_type and token.token_type in _ONCE:
            yield Problem("E501", f"{shown(after)} stands here twice", "remove it", after.start, after.end + 1)
        elif token.text + after.text in ("=<", "=!") and after.start == token.end + 1:
            message, help = f"`{token.text}{after.text}` is not expected here", f"write `{after.text}=`"
            yield Problem("E501", message, help, token.start, after.end + 1)


_ONCE = frozenset(
    [
        TokenType.ALIAS,
        TokenType.BETWEEN,
        TokenType.ELSE,
        TokenType.FROM,
        TokenType.GROUP_BY,
        TokenType.HAVING,
        TokenType.IN,
        TokenType.JOIN,
        TokenType.LIKE,
        TokenType.LIMIT,
        TokenType.ON,
        TokenType.ORDER_BY,
        TokenType.SELECT,
        TokenType.THEN,
        TokenType.UNION,
        TokenType.WHEN,
        TokenType.WHERE,
    ]
)


def _kinds(tokens: Sequence[Token], at: int, number: int) -> list[TokenType]:
    """Return the kinds of the next tokens after a place."""
    return [one.token_type for one in tokens[at + 1 : at + 1 + number]]


def trailing(tokens: Sequence[Token], at: int) -> bool:
    """Whether a token is a comma after the last item of a list that may end with one: SELECT, FROM and GROUP BY."""
    if tokens[at].token_type is not TokenType.COMMA:
        return False
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    ends = after is None or after.token_type in (TokenType.R_PAREN, TokenType.SEMICOLON)
    if not ends and (after is None or after.text.upper() not in _AFTER_A_LIST or after.token_type in QUOTED):
        return False
    clauses = list(clauses_before(tokens, at))
    return clauses[:1] in ([TokenType.SELECT], [TokenType.GROUP_BY], [TokenType.FROM]) and TokenType.SELECT in clauses


def clauses_before(tokens: Sequence[Token], at: int) -> Iterator[TokenType]:
    """Yield the words that begin the clauses of the query in which a token stands, the nearest first."""
    level = 0
    for token in reversed(tokens[:at]):
        kind = token.token_type
        level += (kind in BRACKETS_END) - (kind in BRACKETS)
        if level < 0:
            return
        if level == 0 and kind in _BEGINS:
            yield kind


def _may_end_in_a_comma(tokens: Sequence[Token], at: int) -> bool:
    """Whether the parenthesis around a comma holds a list that may end with one: not the arguments of a function."""
    level = 0
    for index in range(at - 1, 0, -1):
        kind = tokens[index].token_type
        level += (kind in BRACKETS_END) - (kind in BRACKETS)
        if level < 0:
            before = tokens[index - 1]
            return before.token_type is not TokenType.VAR or before.text.upper() in _LISTS
        if level == 0 and kind in (TokenType.ORDER_BY, TokenType.FROM):
            return False
    return True


def _names(tokens: Sequence[Token], at: int) -> bool:
    """Whether a word is a name here: after a dot or AS, or before a dot."""
    around = [*tokens[max(at - 1, 0) : at], *tokens[at + 1 : at + 2]]
    return any(one.token_type is TokenType.DOT for one in around) or (
        at > 0 and tokens[at - 1].token_type is TokenType.ALIAS
    )


def _join(tokens: Sequence[Token], at: int) -> bool:
    """Whether a join begins here: LEFT alone may be a function."""
    words = [one.text.upper() for one in tokens[at : at + 2] if one.token_type not in QUOTED]
    return words[:1] == ["JOIN"] or (words[:1] != [] and words[0] in _SIDES and words[1:] in (["JOIN"], ["OUTER"]))


def _new_cte(tokens: Sequence[Token], at: int) -> bool:
    if at == 0 or tokens[at - 1].token_type is not TokenType.R_PAREN:
        return False
    kinds = [token.token_type for token in tokens[at - 1 : at + 4]]
    shape = [TokenType.R_PAREN, TokenType.VAR, TokenType.ALIAS, TokenType.L_PAREN]
    return kinds[:4] == shape and kinds[4:5] in ([TokenType.SELECT], [TokenType.FROM], [TokenType.WITH])


_WITH = (TokenType.WITH, TokenType.RECURSIVE)
_BARE_CTE = [TokenType.VAR, TokenType.L_PAREN, TokenType.SELECT]
_TWO = [TokenType.NUMBER, TokenType.COMMA]
_LISTS = frozenset(["CUBE", "ROLLUP", "EXCLUDE", "REPLACE", "RENAME", "SETS"])
_ENDS = frozenset(["WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "QUALIFY", "UNION", "INTERSECT", "EXCEPT"])
_AFTER_A_LIST = _ENDS | {"FROM"}
_AFTER_A_COMMA = _AFTER_A_LIST | {",", "SELECT"}
_SIDES = frozenset(["CROSS", "FULL", "INNER", "LEFT", "RIGHT"])
_OPERANDS = _ENDS | {"FROM", "AND", "OR", "BETWEEN", "ILIKE", "IN", "IS", "LIKE", "=", "<", ">", "<=", ">=", "<>", "!="}
_BEGINS = {
    TokenType.SELECT: frozenset([*_ENDS, "FROM"]),
    TokenType.FROM: _ENDS,
    TokenType.WHERE: _OPERANDS,
    TokenType.GROUP_BY: _ENDS,
    TokenType.ORDER_BY: _ENDS,
    TokenType.HAVING: _OPERANDS,
    TokenType.LIMIT: _ENDS,
}
_NEEDING = {
    **_BEGINS,
    TokenType.ALIAS: frozenset(["WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "FROM", ","]),
    TokenType.AND: _OPERANDS,
    TokenType.DISTINCT: frozenset(),
    TokenType.NOT: _ENDS | {"FROM", "AND", "OR"},
    TokenType.OFFSET: _ENDS,
    TokenType.ON: _OPERANDS,
    TokenType.OR: _OPERANDS,
    TokenType.PLUS: _OPERANDS,
}
"""By a word, what cannot follow it."""
_BEFORE_NO_COMMA = (_BEGINS.keys() - {TokenType.LIMIT}) | {TokenType.DISTINCT, TokenType.L_PAREN, TokenType.L_BRACKET}
_TELLING = frozenset([TokenType.COMMA, *_WITH, *_NEEDING, *_BEFORE_NO_COMMA])
_FOREIGN = re.compile(r"(?<!:):[A-Za-z_]|\{\s*[A-Za-z_]\w*\s*\}|%[(s]")
"""What only other tools' placeholders look like; it may stand in a text too."""


def foreign(tokens: Sequence[Token], text: str) -> Iterator[Problem]:
    """Report placeholders in the spelling of other tools."""
    if not _FOREIGN.search(text):
        return
    depth = 0
    for before, token in pairwise(tokens):
        depth += before.token_type in _BRACES
        depth -= before.token_type in CLOSING and CLOSING[before.token_type] in _BRACES
        close = token.start == before.end + 1 and depth == 0  # inside, it is a slice, or a field's value
        if before.token_type is TokenType.COLON and close and token.token_type is TokenType.VAR:
            help = f"write `${token.text}`, and its value in `params`"
            yield Problem("E501", f"`:{token.text}` is no placeholder", help, before.start, token.end + 1)
    for opening, token, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        kinds = (opening.token_type, token.token_type, closing.token_type)
        if kinds == (TokenType.L_BRACE, TokenType.VAR, TokenType.R_BRACE):
            help = f"write `${token.text}` with `params`, or a template of two braces: `{{{{ var.{token.text} }}}}`"
            yield Problem("E501", f"`{{{token.text}}}` is no placeholder", help, opening.start, closing.end + 1)
    yield from _percent(tokens)


def _percent(tokens: Sequence[Token]) -> Iterator[Problem]:
    """Report `%s` and `%(name)s` where a value should stand; after one, `%` is the remainder of a division."""
    for before, token, after in zip([None, *tokens], tokens, tokens[1:], strict=False):
        value = before is not None and (before.token_type in _VALUES or before.token_type in BRACKETS_END)
        if token.token_type is not TokenType.MOD or value or after.start != token.end + 1:
            continue
        if after.text.lower() == "s":
            help = "write `?`, and its value in `params: [ … ]`"
            yield Problem("E501", "`%s` is no placeholder", help, token.start, after.end + 1)
        elif after.token_type is TokenType.L_PAREN:
            name, *rest = [one for one in tokens if one.start > after.start]
            end = rest[1].end + 1 if len(rest) > 1 and rest[1].text.lower() == "s" else name.end + 1
            help = f"write `${name.text}`, and its value in `params`"
            yield Problem("E501", f"`%({name.text})s` is no placeholder", help, token.start, end)


_BRACES = frozenset([TokenType.L_BRACKET, TokenType.L_BRACE])
_VALUES = frozenset([TokenType.NUMBER, TokenType.STRING, TokenType.IDENTIFIER, TokenType.VAR])
