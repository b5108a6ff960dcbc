"""Placeholders in the SQL of servers: found between its texts, names and comments, when a query is checked and run."""

import re
from collections.abc import Mapping
from functools import cache

_TOKENS: Mapping[str, str] = {
    "mysql": r"""
    '(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*"     # texts
    | `(?:[^`]|``)*`                                # a name
    | --(?=\s|\Z)[^\n]* | \#[^\n]* | /\*.*?\*/      # comments
    | @{0,2}[^\W\d][\w$]*                           # a word or a variable, which may hold `$`
    | \$(?P<place>\w+) | (?P<mark>\?)
    | (?P<end>;)(?=(?:\s|--\s[^\n]*|\#[^\n]*|/\*.*?\*/)*\Z)
    """,
    "postgres": r"""
    [eE]'(?:[^'\\]|\\.|'')*'            # a text with backslashes
    | '(?:[^']|'')*' | "(?:[^"]|"")*"   # a text, a name
    | --[^\n]* | /\*.*?\*/              # comments
    | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$
    | [^\W\d][\w$]*                     # a word, which may hold `$`
    | \$(?P<place>\w+) | (?P<mark>\?)(?![|&?])
    | (?P<end>;)(?=(?:\s|--[^\n]*|/\*.*?\*/)*\Z)
    """,
}
"""A comment within a comment ends too early here. What is put in place of a placeholder never holds a value: the worst
is an error of the server."""


DIALECTS = frozenset(_TOKENS)


@cache
def tokens(dialect: str) -> re.Pattern[str]:
    """Return what matches the tokens that matter: `place` is the name after a `$`, `mark` a `?`, `end` the last `;`."""
    return re.compile(_TOKENS[dialect], re.VERBOSE | re.DOTALL)


def placeholders(sql: str, dialect: str) -> tuple[str, ...]:
    """Return the names of a query's placeholders, in order; `?` has none."""
    found = (one["place"] or one["mark"] for one in tokens(dialect).finditer(sql))
    return tuple(name for name in found if name)
