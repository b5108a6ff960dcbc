"""What DuckDB calls a column that the query gives no name: `count(*)` is `count_star()`, `a+1` is `(a + 1)`.

The engine writes the expression anew; here that is done for calls, columns, numbers, texts and arithmetic. Of anything
else it is only known that the name is no plain word.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from firn_compiler.sql.functions import FUNCTIONS
from firn_compiler.sql.keywords import KEYWORDS
from firn_compiler.sql.mistakes import BRACKETS, BRACKETS_END

_REWRITTEN = frozenset(["ifnull", "try"])
"""Calls that the engine's parser turns into something else."""
_PRECEDENCE: Mapping[TokenType, int] = MappingProxyType(
    {TokenType.PLUS: 1, TokenType.DASH: 1, TokenType.STAR: 2, TokenType.SLASH: 2}
)
_BEFORE = frozenset([TokenType.SELECT, TokenType.DISTINCT, TokenType.COMMA])
_QUERY = frozenset([TokenType.SELECT, TokenType.FROM, TokenType.WITH])
_AFTER = frozenset(
    [
        TokenType.COMMA,
        TokenType.FROM,
        TokenType.R_PAREN,
        TokenType.SEMICOLON,
        TokenType.WHERE,
        TokenType.GROUP_BY,
        TokenType.ORDER_BY,
        TokenType.LIMIT,
        TokenType.UNION,
    ]
)
"""What may stand before and after an item of a select list; elsewhere it would be a part of one."""


class Names:
    """The names of one query's columns, out of its tokens: the tree has lost how a function was written."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens

    @cached_property
    def _at(self) -> dict[int, int]:
        return {token.start: at for at, token in enumerate(self._tokens)}

    @cached_property
    def _items(self) -> set[int]:
        """The tokens that may begin an item of a select list: no brackets but those of a query are around them."""
        found: set[int] = set()
        around = [True]
        for at, token in enumerate(self._tokens):
            if around[-1] and at and self._tokens[at - 1].token_type in _BEFORE:
                found.add(at)
            if token.token_type in BRACKETS:
                around.append(at + 1 < len(self._tokens) and self._tokens[at + 1].token_type in _QUERY)
            elif token.token_type in BRACKETS_END and len(around) > 1:
                around.pop()
        return found

    def signed(self, column: exp.Column) -> bool:
        """Whether a column stands after a `+`, of which the tree knows nothing."""
        at = self._at.get(column.parts[0].meta.get("start", -1), 0)
        return at > 0 and self._tokens[at - 1].token_type is TokenType.PLUS

    def of(self, projection: exp.Expr) -> str:
        """Return the name of a projection; empty where it is not known."""
        if isinstance(projection, exp.Null):
            return "NULL"
        starts = [one.meta["start"] for one in projection.walk() if "start" in one.meta]
        try:
            if isinstance(projection, exp.Literal):
                return _literal(projection)
            at = self._at.get(min(starts, default=-1), -1)
            if at not in self._items or not isinstance(projection, _READ) or projection.find(exp.Query):
                return ""
            name, end = self._sum(at, 1)
        except (_Unreadable, IndexError):
            return ""
        return name if end == len(self._tokens) or self._tokens[end].token_type in _AFTER else ""

    def _sum(self, at: int, least: int) -> tuple[str, int]:
        left, at = self._value(at)
        while at < len(self._tokens) and (strength := _PRECEDENCE.get(self._tokens[at].token_type, 0)) >= least:
            right, after = self._sum(at + 1, strength + 1)
            left, at = f"({left} {self._tokens[at].text} {right})", after
        return left, at

    def _value(self, at: int) -> tuple[str, int]:
        token = self._tokens[at]
        if token.token_type is TokenType.NUMBER and token.text.replace(".", "", 1).isdecimal():
            return _number(token.text), at + 1
        if token.token_type is TokenType.STRING and token.end - token.start == len(_text(token.text)) - 1:
            return _text(token.text), at + 1
        if token.token_type is TokenType.L_PAREN:
            inner, end = self._sum(at + 1, 1)
            return inner, self._passed(end, TokenType.R_PAREN)
        if self._is(at + 1, TokenType.L_PAREN):
            return self._call(at)
        return self._column(at)

    def _call(self, at: int) -> tuple[str, int]:
        name, at = self._tokens[at].text.lower(), at + 2
        if name not in FUNCTIONS or name in KEYWORDS or name in _REWRITTEN:
            raise _Unreadable
        if name == "count" and (self._is(at, TokenType.STAR) or self._is(at, TokenType.R_PAREN)):
            return "count_star()", self._passed(at + self._is(at, TokenType.STAR), TokenType.R_PAREN)
        distinct = "DISTINCT " if self._is(at, TokenType.DISTINCT) else ""
        at += bool(distinct)
        arguments: list[str] = []
        while not self._is(at, TokenType.R_PAREN):
            at = self._passed(at, TokenType.COMMA) if arguments else at
            one, at = self._sum(at, 1)
            arguments.append(one)
        return f"{name}({distinct}{', '.join(arguments)})", at + 1

    def _column(self, at: int) -> tuple[str, int]:
        parts: list[str] = []
        while True:
            token = self._tokens[at]
            if token.token_type is not TokenType.IDENTIFIER and (token.token_type is not TokenType.VAR):
                raise _Unreadable
            parts.append(_name(token.text))
            if not self._is(at + 1, TokenType.DOT):
                return ".".join(parts), at + 1
            at += 2

    def _is(self, at: int, kind: TokenType) -> bool:
        return at < len(self._tokens) and self._tokens[at].token_type is kind

    def _passed(self, at: int, kind: TokenType) -> int:
        if not self._is(at, kind):
            raise _Unreadable
        return at + 1


_READ: Any = (exp.Func, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IgnoreNulls)


class _Unreadable(Exception):
    """The rest is written as only the engine knows."""


def _literal(literal: exp.Literal) -> str:
    text = str(literal.this)
    if literal.is_string:
        return _text(text)
    plain = text.replace(".", "", 1).isdecimal() and not text.startswith("0.")  # it may have been written `.5`
    return _number(text) if plain else ""


def _number(text: str) -> str:
    """Return a number as the engine writes it: without zeros before it."""
    whole, point, rest = text.partition(".")
    if len(whole) > 18 or (point and not rest):
        raise _Unreadable
    return f"{int(whole) if whole else ''}{point}{rest}"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(text: str) -> str:
    plain = text.isascii() and text.isidentifier() and text.lower() not in KEYWORDS
    return text if plain else '"' + text.replace('"', '""') + '"'
