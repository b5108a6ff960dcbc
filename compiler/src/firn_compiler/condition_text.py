"""The `when` of a job: a boolean expression over the outputs of earlier jobs, parsed at compile time.

Recursive descent: or, and, not, comparison, operand.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from firn_compiler.condition import CONNECTIVES, Term
from firn_compiler.document import Deferred
from firn_compiler.scalars import out_of_range
from firn_compiler.template import OUT_OF_RANGE, Constants, TemplateError, resolve
from firn_schemas.base import Json

_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?)(?![\w.])|(?P<text>'[^']*'|\"[^\"]*\")|(?P<sign>[=!]=(?!=)|[<>]=|<(?!>)|>|\(|\))"
    r"|(?P<word>(?i:is\s+not\b)|[A-Za-z_][\w-]*(?:\.[\w-]+|\[\d+\])*))"
)
_COMPARISONS = frozenset(["==", "!=", "<", "<=", ">", ">="])
_LITERALS: dict[str, Json] = {"true": True, "false": False, "null": None}
_MISTAKEN = {
    "===": "==",
    "!==": "!=",
    "=>": ">=",
    "=<": "<=",
    "<>": "!=",
    "=": "==",
    "&&": "and",
    "||": "or",
    "!": "not",
}
"""Signs of other languages, longer ones first, and the right form of each."""
_WORDS = {word: word for word in (*CONNECTIVES, *_LITERALS)} | {
    "is": "==",
    "is not": "!=",
    "nil": "null",
    "none": "null",
}
"""Words in lower case, and the right form of each."""
_HELP = "known: `and or not == != < <= > >=`, parentheses, numbers, quoted text, true, false, null and paths"
_BRACES = re.compile(r"\{\{\s*(.*?)\s*\}\}")
MAX_TOKENS = 500
MAX_DEPTH = 30
"""How deep operations may stand inside each other: each takes three of the artifact's levels."""


def parse_condition(text: str, constants: Constants) -> Term:
    """Return the condition as a tree; raises the first TemplateError, with its place."""
    tree, errors = read_condition(text, constants)
    if tree is None or errors:
        raise min(errors, key=lambda error: error.start)
    return tree


def read_condition(text: str, constants: Constants) -> tuple[Term | None, list[TemplateError]]:
    """Return the condition as a tree, None where it has no end; and every mistake that could be read past."""
    errors: list[TemplateError] = []
    try:
        return _tree(text, constants, errors), errors
    except TemplateError as error:
        return None, [*errors, error]


def _tree(text: str, constants: Constants, errors: list[TemplateError]) -> Term:
    if "{{" in text:
        at = text.index("{{")
        help = f"write `{_BRACES.sub(lambda one: one[1], text).strip()}`"
        raise TemplateError("E404", "a condition names its paths without braces", help, at, at + 2)
    parser = _Parser(text, _tokens(text, errors), constants, errors)
    tree = parser.either()
    if parser.at < len(parser.tokens):
        raise parser.unexpected()
    if tree.height > MAX_DEPTH:
        raise _too_deep(text)
    return tree


class _Token(NamedTuple):
    kind: str
    word: str
    start: int
    end: int


def _tokens(text: str, errors: list[TemplateError]) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    stripped = text.rstrip()
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if match and match.lastgroup:
            token = _Token(match.lastgroup, match[match.lastgroup], *match.span(match.lastgroup))
        else:
            token = _sign(stripped, at)
        tokens.append(_corrected(token, errors))
        at = token.end
        if len(tokens) > MAX_TOKENS:
            raise TemplateError("E404", "the condition is too long", "compute it in a `query` step", 0, len(text))
    return tokens


def _sign(text: str, at: int) -> _Token:
    """Return the operator of another language that stands here; raises TemplateError where there is none."""
    at += len(text[at:]) - len(text[at:].lstrip())
    wrong = next((sign for sign in _MISTAKEN if text.startswith(sign, at)), None)
    if wrong is not None:
        return _Token("sign", wrong, at, at + len(wrong))
    if text[at] in "'\"":
        raise TemplateError("E404", "a quote is not closed", "close it with the same quote", at, len(text))
    raise TemplateError("E404", "the condition cannot be read from here", _HELP, at, at + 1)


def _corrected(token: _Token, errors: list[TemplateError]) -> _Token:
    """Return the token as it was meant, where it is a word or operator of another language."""
    forms = {"sign": _MISTAKEN, "word": _WORDS}.get(token.kind, {})
    right = forms.get(" ".join(token.word.lower().split()), token.word)
    if right != token.word:
        what = "a value" if right in _LITERALS else "an operator"
        message, help = f"`{token.word}` is not {what}", f"write `{right}`"
        errors.append(TemplateError("E404", message, help, token.start, token.end))
    return token._replace(word=right)


def _too_deep(text: str) -> TemplateError:
    help = "compute it in a `query` step"
    return TemplateError("E404", "the condition is nested too deep", help, 0, len(text))


class _Parser:
    def __init__(self, text: str, tokens: list[_Token], constants: Constants, errors: list[TemplateError]) -> None:
        self.text = text
        self.tokens = tokens
        self.constants = constants
        self.errors = errors
        self.at = 0
        self.depth = 0

    def unexpected(self) -> TemplateError:
        if self.at >= len(self.tokens):
            end = len(self.text.rstrip())
            return TemplateError("E404", "the condition ends too early", _HELP, max(end - 1, 0), end)
        return self.not_here(self.tokens[self.at])

    def not_here(self, token: _Token, help: str = _HELP) -> TemplateError:
        return TemplateError("E404", f"`{token.word}` is not expected here", help, token.start, token.end)

    def refused(self, token: _Token, error: TemplateError) -> Term:
        """Note what is wrong with an operand, and go on."""
        self.errors.append(TemplateError(error.code, error.message, error.help, token.start, token.end))
        return Term(token.start, token.end, wrong=True)

    def take(self, *words: str) -> str | None:
        if self.at < len(self.tokens) and self.tokens[self.at].kind != "text":
            word = self.tokens[self.at].word
            if word in words:
                self.at += 1
                return word
        return None

    def either(self) -> Term:
        return self.chain("or", self.both)

    def both(self) -> Term:
        return self.chain("and", self.negation)

    def chain(self, word: str, operand: Callable[[], Term]) -> Term:
        terms = [operand()]
        while self.take(word):
            terms.append(operand())
        return terms[0] if len(terms) == 1 else Term(terms[0].start, terms[-1].end, word, tuple(terms))

    def negation(self) -> Term:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _too_deep(self.text)
        start = self.tokens[self.at].start if self.at < len(self.tokens) else 0
        if self.take("not"):
            inner = self.negation()
            tree = Term(start, inner.end, "not", (inner,))
        else:
            tree = self.comparison()
        self.depth -= 1
        return tree

    def comparison(self) -> Term:
        left = self.operand()
        sign = self.take(*_COMPARISONS)
        if sign is None:
            return left
        right = self.operand()
        end = right.end
        while self.take(*_COMPARISONS):
            self.errors.append(self.not_here(self.tokens[self.at - 1], "compare twice: `a < b and b < c`"))
            end = self.operand().end
        return Term(left.start, end, sign, (left, right))

    def operand(self) -> Term:
        if self.take("("):
            opening = self.tokens[self.at - 1]
            tree = self.either()
            if not self.take(")"):
                help = "end it with `)`"
                raise TemplateError("E404", "a parenthesis is not closed", help, opening.start, opening.end)
            return tree._replace(start=opening.start, end=self.tokens[self.at - 1].end)
        if self.at >= len(self.tokens) or self.tokens[self.at].word in CONNECTIVES | {")"} | _COMPARISONS:
            raise self.unexpected()
        token = self.tokens[self.at]
        self.at += 1
        if token.kind == "word" and self.take("("):
            raise TemplateError("E404", "a condition calls no functions", _HELP, token.start, token.end)
        return self.literal(token) if token.kind != "word" else self.word(token)

    def literal(self, token: _Token) -> Term:
        if token.kind == "text":
            return Term(token.start, token.end, value=token.word[1:-1])
        if out_of_range(token.word):
            help = "quote it to compare it as text"
            return self.refused(token, TemplateError("E404", f"the number {OUT_OF_RANGE}", help))
        value = float(token.word) if "." in token.word else int(token.word)
        return Term(token.start, token.end, value=value)

    def word(self, token: _Token) -> Term:
        if token.word in _LITERALS:
            return Term(token.start, token.end, value=_LITERALS[token.word])
        try:
            value = resolve(token.word, self.constants)
        except TemplateError as error:
            return self.refused(token, error)
        if isinstance(value, Deferred):
            return Term(token.start, token.end, path=token.word, value=value.node)
        return Term(token.start, token.end, value=value)
