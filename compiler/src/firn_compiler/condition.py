"""The `when` of a job: a boolean expression over the outputs of earlier jobs, parsed and type-checked at compile time.

Recursive descent: or, and, not, comparison, operand. Lowered to literals, typed nodes and `$op` nodes.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from firn_compiler.document import Deferred
from firn_compiler.scalars import out_of_range
from firn_compiler.template import OUT_OF_RANGE, Constants, TemplateError, literal, resolve
from firn_schemas.base import Json

_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?)(?![\w.])|(?P<text>'[^']*'|\"[^\"]*\")|(?P<sign>[=!]=(?!=)|[<>]=|<(?!>)|>|\(|\))"
    r"|(?P<word>[A-Za-z_][\w-]*(?:\.[\w-]+|\[\d+\])*))"
)
_COMPARISONS = frozenset(["==", "!=", "<", "<=", ">", ">="])
_CONNECTIVES = frozenset(["and", "or", "not"])
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
_WORDS = {word: word for word in (*_CONNECTIVES, *_LITERALS)} | {"is": "==", "nil": "null", "none": "null"}
"""Words in lower case, and the right form of each."""
_HELP = "known: `and or not == != < <= > >=`, parentheses, numbers, quoted text, true, false, null and paths"
MAX_TOKENS = 500
MAX_DEPTH = 30
"""How deep operations may stand inside each other: each takes three of the artifact's levels."""

Types = Callable[[str], str]
"""From a path to the type of its value, in the words of JSON Schema; `any` where it is not known."""


class Term(NamedTuple):
    """A part of a condition: an operation over others, a path, or a literal; and where it stands."""

    start: int
    end: int
    operator: str = ""
    arguments: "tuple[Term, ...]" = ()
    path: str = ""
    value: Json = None
    wrong: bool = False
    """Whether it could not be read: it may be anything."""

    def lowered(self) -> Json:
        """Return the artifact's form."""
        if self.operator:
            return {"$op": {"name": self.operator, "args": [one.lowered() for one in self.arguments]}}
        return self.value if self.path else literal(self.value)

    @property
    def height(self) -> int:
        """How many operations stand inside each other."""
        return max((one.height for one in self.arguments), default=0) + bool(self.operator)

    @property
    def paths(self) -> "Iterator[Term]":
        """Every path in it that is known only at run time."""
        if self.path:
            yield self
        for one in self.arguments:
            yield from one.paths


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
        help = "write `jobs.a.outputs.n > 0`"
        raise TemplateError("E404", "a condition names its paths without braces", help, at, at + 2)
    parser = _Parser(text, _tokens(text, errors), constants, errors)
    tree = parser.either()
    if parser.at < len(parser.tokens):
        raise parser.unexpected()
    if tree.height > MAX_DEPTH:
        raise _too_deep(text)
    return tree


def constant(tree: Term) -> bool | None:
    """Return what the condition always is; None where it depends on the run."""
    if tree.operator == "not":
        inner = constant(tree.arguments[0])
        return None if inner is None else not inner
    if tree.operator in ("and", "or"):
        values = [constant(one) for one in tree.arguments]
        decisive = tree.operator == "or"
        if decisive in values:
            return decisive
        return None if None in values else not decisive
    if tree.operator and not any(one.path or one.operator for one in tree.arguments):
        return _compared(tree.operator, tree.arguments[0].value, tree.arguments[1].value)
    return tree.value if isinstance(tree.value, bool) and not tree.path and not tree.operator else None


def _compared(operator: str, left: Json, right: Json) -> bool | None:
    if operator in ("==", "!="):
        return (left == right) is (operator == "==")
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]
    return None


def type_errors(tree: Term, types: Types) -> Iterator[TemplateError]:
    """Yield where an operator is given what it cannot take, and a condition that is neither true nor false."""
    yield from _errors_within(tree, types)
    found = type_of(tree, types)
    if found not in ("boolean", "any") and not tree.operator:
        help = "compare it: `… > 0`, `… == 'done'`"
        raise_at = (tree.start, tree.end)
        yield TemplateError("E406", f"the condition is {_A[found]}, neither true nor false", help, *raise_at)


def _errors_within(tree: Term, types: Types) -> Iterator[TemplateError]:
    for one in tree.arguments:
        yield from _errors_within(one, types)
    kinds = [type_of(one, types) for one in tree.arguments]
    if tree.operator in _CONNECTIVES:
        for one, kind in zip(tree.arguments, kinds, strict=True):
            if kind not in ("boolean", "any"):
                message = f"`{tree.operator}` takes conditions, not {_A[kind]}"
                yield TemplateError("E406", message, "compare it with something", one.start, one.end)
    elif tree.operator and not _comparable(tree.operator, *kinds):
        message = f"`{tree.operator}` cannot compare {_A[kinds[0]]} with {_A[kinds[1]]}"
        help = "numbers compare with numbers, text with text" + (
            "; remove the quotes" if set(kinds) == {"number", "string"} else ""
        )
        yield TemplateError("E406", message, help, tree.start, tree.end)


def _comparable(operator: str, left: str, right: str) -> bool:
    if "any" in (left, right):
        return {left, right} & {"array", "object"} == set()
    if operator in ("==", "!="):
        return left == right not in ("array", "object") or "null" in (left, right)
    return left == right and left in ("number", "string")


_A = {
    "any": "a value",
    "array": "a list",
    "boolean": "true or false",
    "null": "null",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}


def type_of(tree: Term, types: Types) -> str:
    """Return the type of a term's value."""
    if tree.operator:
        return "boolean"
    if tree.wrong:
        return "any"
    if tree.path:
        found = types(tree.path)
        return "number" if found == "integer" else found
    return type_of_value(tree.value)


def type_of_value(value: Json) -> str:
    """Return the type of a literal, in the words of JSON Schema."""
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


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
    right = forms.get(token.word.lower(), token.word)
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
        if self.at >= len(self.tokens) or self.tokens[self.at].word in _CONNECTIVES | {")"} | _COMPARISONS:
            raise self.unexpected()
        token = self.tokens[self.at]
        self.at += 1
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
