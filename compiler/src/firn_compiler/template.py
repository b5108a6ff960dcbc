"""The two small languages inside YAML text: `{{ path }}` templates and `when` conditions.

Both are parsed here, at compile time, and lowered to typed nodes of the artifact; the runtime never sees their text.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from firn_compiler.document import Deferred
from firn_schemas.base import Json, JsonObject

ROOTS = {
    "env": "`env.NAME`",
    "flow": "`flow.name` or `flow.version`",
    "jobs": "`jobs.ID.outputs.KEY`",
    "result": "`result.KEY`",
    "run": "`run.id` or `run.started_at`",
    "steps": "`steps.ID.outputs.KEY`",
    "var": "`var.NAME`",
}
"""Every root of a path, with the shape of its paths."""

_SHAPES = {
    "env": re.compile(r"env\.[A-Za-z_][A-Za-z0-9_]*\Z"),
    "flow": re.compile(r"flow\.(?:name|version)\Z"),
    "jobs": re.compile(r"jobs\.[A-Za-z][\w-]*\.outputs\.[A-Za-z_][\w-]*(?:\[\d+\]|\.[A-Za-z_][\w-]*)*\Z"),
    "result": re.compile(r"result\.[A-Za-z_][\w-]*(?:\[\d+\]|\.[A-Za-z_][\w-]*)*\Z"),
    "run": re.compile(r"run\.(?:id|started_at)\Z"),
    "steps": re.compile(r"steps\.[A-Za-z][\w-]*\.outputs\.[A-Za-z_][\w-]*(?:\[\d+\]|\.[A-Za-z_][\w-]*)*\Z"),
    "var": re.compile(r"var\.[A-Za-z_][\w-]*\Z"),
}
_FOREIGN = (
    (re.compile(r"\$\{"), "`${…}` is not a template of this language", "write `{{ env.NAME }}` or `{{ var.NAME }}`"),
    (re.compile(r"\{%"), "`{% %}` is not allowed: templates hold no logic", "use `when:` on a job"),
    (re.compile(r"\{#"), "`{# #}` is not allowed", "use a YAML comment"),
)
_TEMPLATE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


class TemplateError(Exception):
    """What is wrong with a template or condition; `ordinal` says which `{{` of the text it is in (from 0)."""

    def __init__(self, code: str, message: str, help: str = "", ordinal: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help
        self.ordinal = ordinal


class Constants(NamedTuple):
    """What is known at compile time."""

    variables: Mapping[str, Json]
    flow: Mapping[str, Json]


def might_be_template(text: str) -> bool:
    """Whether `text` holds anything that `expand` would look at."""
    return "{{" in text or "${" in text or "{%" in text or "{#" in text


def expand(text: str, constants: Constants) -> Json | Deferred:
    """Replace what is known and lower the rest; a template that is the whole text keeps its value's type."""
    for pattern, message, help in _FOREIGN:
        if pattern.search(text):
            raise TemplateError("E401", message, help)
    parts: list[Json | Deferred] = []
    end = 0
    for ordinal, match in enumerate(_TEMPLATE.finditer(text)):
        parts.append(text[end : match.start()])
        parts.append(_evaluate(match[1], constants, ordinal))
        end = match.end()
    parts.append(text[end:])
    if "{{" in text[end:]:
        raise TemplateError("E401", "the template is not closed", "end it with `}}`", len(parts) // 2)
    kept = [part for part in parts if part != ""]
    if len(kept) == 1:
        return kept[0]
    return _concatenate(kept)


def _concatenate(parts: list[Json | Deferred]) -> Json | Deferred:
    joined: list[Json] = []
    roots: frozenset[str] = frozenset()
    for part in parts:
        if isinstance(part, Deferred):
            joined.append(part.node)
            roots |= part.roots
            continue
        word = _as_text(part)
        if joined and isinstance(joined[-1], str):
            joined[-1] += word
        else:
            joined.append(word)
    return Deferred({"$concat": joined}, roots) if roots else "".join(map(str, joined))


def _as_text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, (list, dict)):
        raise TemplateError("E405", "null, a list or a mapping cannot become part of a text", "use it alone")
    return str(value)


def _evaluate(inside: str, constants: Constants, ordinal: int) -> Json | Deferred:
    path, colon, default = inside.partition(":")
    try:
        return resolve(path.strip(), constants, default.strip() if colon else None)
    except TemplateError as error:
        error.ordinal = ordinal
        raise


def resolve(path: str, constants: Constants, default: str | None = None) -> Json | Deferred:
    """Return the value that `path` names, or the typed node that finds it at run time."""
    root = path.partition(".")[0]
    if root not in _SHAPES:
        shapes = ", ".join(ROOTS.values())
        raise TemplateError(
            "E402",
            f"`{path}` does not begin with a known root" if path else "the template is empty",
            f"known: {shapes}",
        )
    if not _SHAPES[root].match(path):
        raise TemplateError("E401", f"`{path}` is not a path of `{root}`", f"write {ROOTS[root]}")
    name = path.partition(".")[2]
    if root == "var":
        if name in constants.variables:
            return constants.variables[name]
        if default is not None:
            return default
        known = ", ".join(f"`{word}`" for word in sorted(constants.variables)) or "none"
        raise TemplateError(
            "E403", f"there is no variable `{name}`", f"defined: {known}; or give it with `--var {name}=…`"
        )
    if root == "flow" and name in constants.flow:
        return constants.flow[name]
    if root == "env":
        node: JsonObject = {"name": name} if default is None else {"name": name, "default": default}
        return Deferred({"$env": node}, frozenset(["env"]))
    reference: JsonObject = {"$ref": path} if default is None else {"$ref": path, "default": default}
    return Deferred(reference, frozenset([root]))


_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?)(?![\w.])|(?P<text>'[^']*'|\"[^\"]*\")|(?P<sign>==|!=|<=|>=|<|>|\(|\))"
    r"|(?P<word>[A-Za-z_][\w-]*(?:\.[\w-]+|\[\d+\])*))"
)
_COMPARISONS = frozenset(["==", "!=", "<", "<=", ">", ">="])
_LITERALS: dict[str, Json] = {"true": True, "false": False, "null": None}


def parse_condition(text: str, constants: Constants) -> Json:
    """Lower a `when` condition to an expression tree of literals, typed nodes and `$op` nodes."""
    if "{{" in text:
        raise TemplateError("E404", "a condition names its paths without braces", "write `jobs.a.outputs.n > 0`")
    tokens = _tokens(text)
    parser = _Condition(tokens, constants)
    tree = parser.either()
    if parser.at < len(tokens):
        raise TemplateError("E404", f"`{tokens[parser.at][1]}` is not expected here", _CONDITION_HELP)
    if not isinstance(tree, (bool, dict)):
        raise TemplateError("E404", "the condition is neither true nor false", _CONDITION_HELP)
    return tree


_CONDITION_HELP = "known: `and or not == != < <= > >=`, parentheses, numbers, quoted text, true, false, null and paths"


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    stripped = text.rstrip()
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if not match or match.lastgroup is None:
            raise TemplateError("E404", "the condition cannot be read", _CONDITION_HELP)
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    if len(tokens) > 500:
        raise TemplateError("E404", "the condition is too long", "compute it in a `query` step")
    return tokens


class _Condition:
    """Recursive descent: or, and, not, comparison, operand."""

    def __init__(self, tokens: list[tuple[str, str]], constants: Constants) -> None:
        self.tokens = tokens
        self.constants = constants
        self.at = 0
        self.depth = 0

    def take(self, *words: str) -> str | None:
        if self.at < len(self.tokens) and self.tokens[self.at][1] in words and self.tokens[self.at][0] != "text":
            self.at += 1
            return self.tokens[self.at - 1][1]
        return None

    def either(self) -> Json:
        return self.chain("or", self.both)

    def both(self) -> Json:
        return self.chain("and", self.negation)

    def chain(self, word: str, operand: Any) -> Json:
        arguments = [operand()]
        while self.take(word):
            arguments.append(operand())
        return arguments[0] if len(arguments) == 1 else _operation(word, arguments)

    def negation(self) -> Json:
        self.depth += 1
        if self.depth > 50:
            raise TemplateError("E404", "the condition is nested too deep", "compute it in a `query` step")
        tree = _operation("not", [self.negation()]) if self.take("not") else self.comparison()
        self.depth -= 1
        return tree

    def comparison(self) -> Json:
        left = self.operand()
        sign = self.take(*_COMPARISONS)
        return left if sign is None else _operation(sign, [left, self.operand()])

    def operand(self) -> Json:
        if self.take("("):
            tree = self.either()
            if not self.take(")"):
                raise TemplateError("E404", "a parenthesis is not closed", "end it with `)`")
            return tree
        if self.at >= len(self.tokens):
            raise TemplateError("E404", "the condition ends too early", _CONDITION_HELP)
        kind, word = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return float(word) if "." in word else int(word)
        if kind == "text":
            return word[1:-1]
        if word in _LITERALS:
            return _LITERALS[word]
        if kind == "sign" or word in ("and", "or", "not"):
            raise TemplateError("E404", f"`{word}` is not expected here", _CONDITION_HELP)
        value = resolve(word, self.constants)
        return value.node if isinstance(value, Deferred) else value


def _operation(name: str, arguments: list[Json]) -> JsonObject:
    return {"$op": {"name": name, "args": arguments}}
