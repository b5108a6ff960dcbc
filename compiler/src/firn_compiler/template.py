"""Templates inside YAML text: `{{ path }}` and `{{ path:default }}`, parsed here and never seen by the runtime.

What is known is replaced; what is known only at run time is lowered to typed nodes of the artifact.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from firn_compiler.closest import alike, misspelt
from firn_compiler.diagnostics import TYPES, suggestion, type_of
from firn_compiler.document import UNKNOWN, Deferred
from firn_compiler.scalars import out_of_range, plain_value
from firn_schemas.base import Json, JsonObject
from firn_schemas.canonical import MAX_INTEGER
from firn_schemas.visible import listing

ROOTS = {
    "env": "env.NAME",
    "flow": "flow.name",
    "jobs": "jobs.ID.outputs.KEY",
    "result": "result.KEY",
    "run": "run.id",
    "steps": "steps.ID.outputs.KEY",
    "var": "var.NAME",
}
"""Every root of a path, with the shape of its paths."""

_OUTPUTS = r"\.[A-Za-z][\w-]*\.outputs\.[A-Za-z_][\w-]*(?:\[\d+\]|\.[A-Za-z_][\w-]*)*\Z"
_SHAPES = {
    "env": re.compile(r"env\.[A-Za-z_][A-Za-z0-9_]*\Z"),
    "flow": re.compile(r"flow\.(?:name|version)\Z"),
    "jobs": re.compile(f"jobs{_OUTPUTS}"),
    "result": re.compile(r"result\.[A-Za-z_][\w-]*(?:\[\d+\]|\.[A-Za-z_][\w-]*)*\Z"),
    "run": re.compile(r"run\.(?:id|started_at)\Z"),
    "steps": re.compile(f"steps{_OUTPUTS}"),
    "var": re.compile(r"var\.[A-Za-z_][\w-]*\Z"),
}
_LISTED = {"flow": ("flow.name", "flow.version"), "run": ("run.id", "run.started_at")}
"""Of roots that have few paths, all of them."""
_WORDS = {word: path for paths in _LISTED.values() for path in paths for word in (path.partition(".")[2], path)}
"""These paths by what follows the root, which alone tells what was meant; and by all of them, for `flow.run_id`."""
_OF_STATUS = re.compile(r"jobs\.[\w-]+\.(?:status|state|success|succeeded)\Z")
_STATUS = "; a job of `depends_on` has always succeeded, and its status is no value"
_FOREIGN = {
    "${": ("`${…}` is not a template of this language", "write `{{ env.NAME }}` or `{{ var.NAME }}`"),
    "${{": ("`${{ … }}` is not a template of this language", "write `{{ … }}`, without the dollar sign"),
    "{%": ("`{% %}` is not allowed: templates hold no logic", "use `when:` on a job"),
    "{#": ("`{# #}` is not allowed", "use a YAML comment"),
    "{": ("a template begins with two braces", "write `{{`"),
    "": ("`}}` ends a template that nothing begins", "write `{{` before it"),
}
_OF_TWO = ("", "{", "${{")
"""Openings whose templates end in two braces."""
BOUND = 'bind the value: write `$name` in the SQL and `params: {name: "{{ … }}"}` in the step'
"""What is done in SQL with what only a run knows."""
_OF_A_RUN = re.compile(r"`(?:\{\{ )?(?:env|jobs|result|run|steps)\.")
OUT_OF_RANGE = f"is outside ±{MAX_INTEGER}"
_REFERENCE = "a secret is a reference in a sensitive setting, not a template: `{secret_ref: NAME}`"
_CALLS = {
    "config": "remove it: a `write` step says how the result is kept",
    "env_var": "write `{{ env.NAME }}`",
    "ref": "SQL names the dataset of an earlier step by its id: write that alone",
    "secret": _REFERENCE,
    "source": "read it with a `read` step, and name that step's id here",
    "var": "write `{{ var.NAME }}`",
}
"""Functions of other tools' templates, with what stands for them here."""
_ROOTS_ELSEWHERE = {
    "ds": "write `run.started_at`",
    "environ": "write `env.NAME`",
    "environment": "write `env.NAME`",
    "execution_date": "write `run.started_at`",
    "inputs": "write `var.NAME`",
    "job": "write `jobs.ID.outputs.KEY`, or `steps.ID.outputs.KEY` of the same job",
    "needs": "write `jobs.ID.outputs.KEY`",
    "no": "write `false`",
    "os": "write `env.NAME`",
    "off": "write `false`",
    "on": "write `true`",
    "outputs": "write `steps.ID.outputs.KEY`",
    "parameters": "write `var.NAME`",
    "params": "write `var.NAME`",
    "row_count": "write `result.row_count`, the step's own result, in its `outputs`",
    "rows": "write `result.rows`, the step's own result, in its `outputs`",
    "run_id": "write `run.id`",
    "secret": _REFERENCE,
    "secrets": _REFERENCE,
    "step": "write `steps.ID.outputs.KEY`",
    "tasks": "write `steps.ID.outputs.KEY`",
    "ts": "write `run.started_at`",
    "variables": "write `var.NAME`",
    "yes": "write `true`",
}
"""Words that begin other tools' paths, and those that lack their root."""
_ENDED = rf"(?:{'|'.join(ROOTS)})\.[\w.\[\]-]+(?: ?:[^{{}}\n]{{0,99}}| ?)\}}\}}"
_OPENING = re.compile(
    rf"\{{\{{|\$\{{\{{?|\{{%|\{{#|(?<![{{$])(?<!\{{ )\{{(?= ?{_ENDED})|(?<![^\s'\"])(?<!\{{ )(?={_ENDED})"
)
"""What begins a template: ours, another tool's, or ours without one of its two braces, or both."""
_REST = re.compile(r"[^{}\n]*[%#]?\}")
"""What follows the opening of another tool's template, up to its end."""
_PATH = re.compile(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*|\[\d+\])*")
_SPACE = re.compile(r"\s*")


class TemplateError(Exception):
    """What is wrong with a template or condition, and where: offsets in its text, the end exclusive.

    `after` is where the text goes on, if that is not the end.
    """

    def __init__(
        self, code: str, message: str, help: str = "", start: int = 0, end: int = 0, after: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help
        self.start = start
        self.end = end
        self.after = end if after is None else after


class Constants(NamedTuple):
    """What is known at compile time."""

    variables: Mapping[str, Json]
    flow: Mapping[str, Json]


class Placeholder(NamedTuple):
    """One template: the path it names, its default as written, and where it stands, braces included."""

    path: str
    default: str | None
    start: int
    end: int


class Piece(NamedTuple):
    """A stretch of a text and what it becomes."""

    value: Json | Deferred
    start: int
    end: int


def might_be_template(text: str) -> bool:
    """Whether `text` holds anything that the parser would look at."""
    begun = "{{" in text or "${" in text or "{%" in text or "{#" in text
    return begun or ("}}" in text and _OPENING.search(text) is not None)


def parse(text: str) -> Iterator[str | Placeholder | TemplateError]:
    """Yield the literal stretches and the templates of a text in order, and every mistake at its place."""
    at = 0
    while (opening := _OPENING.search(text, at)) is not None:
        if opening.start() > at:
            yield text[at : opening.start()]
        found, at = _template(text, opening)
        yield found
    if at < len(text):
        yield text[at:]


def _template(text: str, opening: re.Match[str]) -> tuple[Placeholder | TemplateError, int]:
    """Return the template that begins here, and where the text goes on after it."""
    start, end = opening.span()
    if opening[0] != "{{":
        rest = _REST.match(text, end)
        after = rest.end() + (opening[0] in _OF_TWO and text.startswith("}", rest.end())) if rest is not None else end
        return TemplateError("E401", *_FOREIGN[opening[0]], start, end, after), after
    closing = text.find("}}", end)
    if closing < 0:
        return TemplateError("E401", "the template is not closed", "end it with `}}`", start, len(text)), len(text)
    after = closing + 2
    at = _skip(text, end)
    path = _PATH.match(text, at, closing)
    if path is None:
        message = "the template is empty" if at >= closing else "a template begins with a path"
        return TemplateError("E401", message, f"known: {listing(ROOTS.values())}", start, after), after
    at = _skip(text, path.end())
    if at >= closing:
        return Placeholder(path[0], None, start, after), after
    if text[at] == ":":
        return Placeholder(path[0], text[at + 1 : closing].strip(), start, after), after
    help = _CALLS.get(path[0], "") if text[at] == "(" else ""
    help = help or "a template holds one path, and a default after `:`; there are no filters and no operators"
    return TemplateError("E401", f"`{text[at]}` is not expected here", help, at, at + 1, after), after


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def pieces(text: str, constants: Constants) -> tuple[list[Piece], list[TemplateError]]:
    """Return what every stretch of a text becomes, and every mistake in it."""
    done: list[Piece] = []
    errors: list[TemplateError] = []
    at = 0
    for part in parse(text):
        if isinstance(part, str):
            done.append(Piece(part, at, at + len(part)))
            at += len(part)
            continue
        value: Json | Deferred = UNKNOWN
        if isinstance(part, TemplateError):
            errors.append(part)
        else:
            try:
                value = resolve(part.path, constants, part.default)
            except TemplateError as error:
                errors.append(TemplateError(error.code, error.message, error.help, part.start, part.end))
        end = part.after if isinstance(part, TemplateError) else part.end
        done.append(Piece(value, at, end))
        at = max(end, at)
    return done, errors


def expand(text: str, constants: Constants) -> Json | Deferred:
    """Replace what is known and lower the rest; a template that is the whole text keeps its value's type.

    Raises the first TemplateError.
    """
    value, errors = expanded(text, constants)
    if errors:
        raise errors[0]
    return value


def expanded(text: str, constants: Constants) -> tuple[Json | Deferred, list[TemplateError]]:
    """Return what a text becomes, and every mistake in it; a wrong template is UNKNOWN."""
    done, errors = pieces(text, constants)
    if len(done) == 1:
        return done[0].value, errors
    value, more = _concatenated(done)
    return value, errors + more


def _concatenated(done: list[Piece]) -> tuple[Json | Deferred, list[TemplateError]]:
    joined: list[Json] = []
    roots: frozenset[str] = frozenset()
    errors: list[TemplateError] = []
    for piece in done:
        value = piece.value
        if isinstance(value, Deferred):
            joined.append(value.node)
            roots |= value.roots
        elif value is None or isinstance(value, (list, dict)):
            message = f"the template is {TYPES[type_of(value)]}: it cannot stand inside a text"
            help = "give it a value" if value is None else "make it the whole value"
            errors.append(TemplateError("E405", message, help, piece.start, piece.end))
            joined.append(UNKNOWN.node)
            roots |= UNKNOWN.roots
        elif joined and isinstance(joined[-1], str):
            joined[-1] += as_text(value)
        else:
            joined.append(as_text(value))
    return (Deferred({"$concat": joined}, roots) if roots else "".join(map(str, joined))), errors


def as_text(value: Json) -> str:
    """Return how a value reads inside a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def literal(value: Json) -> Json:
    """Return the artifact's form of what is known: data whatever its keys look like, each number in one spelling."""
    if isinstance(value, dict):
        inner = {key: literal(item) for key, item in value.items()}
        return {"$literal": inner} if any(key.startswith("$") for key in inner) else inner
    if isinstance(value, list):
        return [literal(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def resolve(path: str, constants: Constants, default: str | None = None) -> Json | Deferred:
    """Return the value that `path` names, or the typed node that finds it at run time."""
    root = path.partition(".")[0].partition("[")[0]
    if root not in _SHAPES:
        help = f"write `var.{root}`" if path in constants.variables else _ROOTS_ELSEWHERE.get(root)
        help = help or _rooted(path) or suggestion(root, ROOTS, "roots:")
        raise TemplateError("E402", f"`{path}` does not begin with a known root", help)
    if not _SHAPES[root].match(path):
        help = f"write `{_in_full(root, path)}`" + (_STATUS if _OF_STATUS.match(path) else "")
        if root == "steps" and path.count(".") == 1:
            help += f"; where a dataset is named, `{path.partition('.')[2]}` alone"
        help = suggestion(path, _LISTED[root], meant=_meant(path)) if root in _LISTED else help
        raise TemplateError("E401", f"`{path}` is not a path of `{root}`", help)
    name = path.partition(".")[2]
    if root == "var":
        return _variable(name, constants, default)
    if root == "flow" and name in constants.flow:
        return constants.flow[name]
    if root == "env":
        node: JsonObject = {"name": name} if default is None else {"name": name, "default": _unquoted(default)}
        return Deferred({"$env": node}, frozenset(["env"]))
    reference: JsonObject = {"$ref": path} if default is None else {"$ref": path, "default": literal(_typed(default))}
    return Deferred(reference, frozenset([root]))


def _rooted(path: str) -> str:
    """Return help for an output's path that lacks its root; empty for all others."""
    return f"write `jobs.{path}`, or `steps.{path}` of the same job" if _SHAPES["jobs"].match(f"jobs.{path}") else ""


def _in_full(root: str, path: str) -> str:
    """Return a path in its root's shape: that of a result with the `outputs` that are missing, or misspelt."""
    name, *rest = path.split(".", 3)[1:] or [""]
    if rest and misspelt(rest[0], ["outputs"]):
        del rest[0]
    whole = f"{root}.{name}.outputs.{'.'.join(rest) or 'KEY'}"
    fits = root in ("jobs", "steps") and not _OF_STATUS.match(path) and _SHAPES[root].match(whole)
    return whole if fits else ROOTS[root]


def _meant(path: str) -> str:
    """Return which of the paths of roots that have few was meant; empty where nobody can tell."""
    return _WORDS.get(alike(path.partition(".")[2], _WORDS) or "", "")


def help_in_sql(help: str) -> str:
    """Return what helps with a template in SQL: no value of a run stands there, whatever helps elsewhere."""
    if not _OF_A_RUN.search(help):
        return help
    return f"write `{{{{ var.NAME }}}}`, or {BOUND}" if "var.NAME" in help else BOUND


def well_formed(path: str) -> bool:
    """Whether a template's path has the shape of its root's paths."""
    shape = _SHAPES.get(path.partition(".")[0])
    return shape is not None and shape.match(path) is not None


def _variable(name: str, constants: Constants, default: str | None) -> Json:
    if name in constants.variables:
        return constants.variables[name]
    if default is not None:
        return _typed(default)
    help = suggestion(name, constants.variables, "variables:") + f"; or give it with `--var {name}=…`"
    raise TemplateError("E403", f"there is no variable `{name}`", help)


def _typed(default: str) -> Json:
    """Return what a default means, by the rules of a YAML scalar; quotes make it text."""
    bare = _unquoted(default)
    if bare == default and out_of_range(default):
        raise TemplateError("E401", f"the default {OUT_OF_RANGE}", "quote it to keep it as text")
    return bare if bare != default else plain_value(default)


def _unquoted(default: str) -> str:
    return default[1:-1] if len(default) > 1 and default[0] == default[-1] and default[0] in "'\"" else default
