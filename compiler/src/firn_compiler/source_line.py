"""One source line as it may be shown: keys and signs as they stand, `…` for every value, which may be a secret."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.document import Span
from firn_compiler.expression_text import Held, without_texts
from firn_compiler.scan.conceal import COVER

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    | (?P<comment>\#.*)
    | (?P<marker>^(?:---|\.\.\.|%\w+))
    | (?P<quoted>"(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?)
    | (?P<sign>[{}\[\],]|[-?:](?=\s|$)|(?<=["']):|[|>][-+0-9]*(?=\s*(?:\#|$))|[&*][^\s,{}\[\]]+)
    | (?P<plain>(?:[^\s,{}\[\]:]|:(?!\s|$))(?:[^,{}\[\]\#:]|(?<!\s)\#|:(?!\s|$))*)
    | (?P<other>.)""",
    re.VERBOSE,
)
_COLON = re.compile(r"\s*:(?=\s|$)|(?<=[\"']):")
_KEY = re.compile(r"""[\w\u0300-\u036f.-]{1,100}|<<|"[^"]*"|'[^']*'""")
_OPENING = re.compile(r"""[\w.-]{1,100}(?::\s+|["']:(?!:)\s*)""")
_FOLLOWING = re.compile(r""",\s*["']?[\w.-]{1,100}(?::\s|["']:(?!:))""")
_INSIDE = {"'": re.compile(r"(?:[^']|'')*"), '"': re.compile(r'(?:[^"\\]|\\.)*')}
_PATH = re.compile(r"\{\{\s*[\w.\-\[\]]*\s*(?:\}\}|:)")


class Part(NamedTuple):
    """A stretch of a line: a key or sign, which is shown, or a value or comment, which is not."""

    start: int
    end: int
    kind: Literal["shown", "key", "value", "comment"]


def parts(line: str) -> Iterator[Part]:
    """Split a line. What is no whole YAML is split as well: a key comes first, or after a bracket, comma or dash."""
    at, key_may_come, depth = 0, True, 0
    while at < len(line):
        match = _TOKEN.match(line, at)
        assert match is not None  # the last alternative takes any character
        kind, text, end = match.lastgroup, match[0], match.end()
        if kind == "comment" and (at == 0 or line[at - 1].isspace()):
            yield Part(at, end, "comment")
        elif kind in ("marker", "sign", "space"):
            depth += (text in "{[") - (text in "}]")
            key_may_come = key_may_come or text in "{[,-?" or (text in "}]" and depth > 0)
            yield Part(at, end, "shown")
        else:
            word = text.rstrip()
            end = at + len(word)
            if key_may_come and _KEY.fullmatch(word) and _COLON.match(line, end):
                yield Part(at, end, "key")
                key_may_come = False
            else:
                end = end if kind == "quoted" else _value_end(line, at, depth)
                yield Part(at, end, "value")
                key_may_come = False
        at = end


def _value_end(line: str, start: int, depth: int) -> int:
    """Return where a plain value ends: before a comment; in brackets before a sign of theirs too."""
    stop = re.compile(r"\s+#|[,{}\[\]]" if depth > 0 else r"\s+#").search(line, start + 1)
    end = stop.start() if stop else len(line)
    return start + len(line[start:end].rstrip())


def is_expression(one: Diagnostic) -> bool:
    """Whether the finding stands in a query or condition."""
    return one.path.rpartition(".")[2] in _EXPRESSIONS and not one.code.startswith(("E1", "E6"))


def shown(line: str, one: Diagnostic, span: Span, held: Held) -> tuple[str, str, str]:
    """Return the source line as the part before the finding, the finding, and the part after.

    Of values only those are shown that the compiler itself looked up as names (families E3, E5 and W3), that the
    message says anyway, or that it parsed as templates, queries and conditions; the texts in those are not.
    """
    start = min(span.column - 1, len(line))
    end = max(min(span.end_column - 1, len(line)), start) if span.end_line == span.line else len(line)
    if is_expression(one):
        return _expression(line, start, end, held)
    split = list(parts(line))
    if one.code.startswith("E1") and one.code != "E105":
        start, end = next(((a, b) for a, b, kind in split if a <= start < b and kind != "shown"), (start, start + 1))
    before, token, after = _pieces(line, split, start, end)
    inside = line[start:end].rstrip()
    if one.code.startswith("E4") and inside.startswith(("{{", "${", "{%", "{#")):
        return before, _template(inside), after
    whole = not any(kind == "key" and a < end and start < b for a, b, kind in split)
    if whole and (one.code.startswith(_NAMED) or f"`{inside}`" in one.message) and not one.code.startswith("E6"):
        return before, inside, after
    if one.code in ("E601", "E604"):
        assigned = _ASSIGNED.match(line)
        if assigned and not before.strip("… '\""):
            before = assigned[0] + ("" if line[assigned.end() : start].strip("'\"") == "" else "…")
        after = after.lstrip(COVER).removeprefix("…")
        quote = before[-1:] if before[-1:] in ("'", '"') and not after.startswith(before[-1:]) else ""
        return before.removesuffix("…"), "…", quote + after
    return before, token.rstrip() or token, after


_ASSIGNED = re.compile(r"\s*(?:export\s+)?[\w.-]{1,100}\s*=\s*[\"']?")
"""How a line begins that is no YAML: what is named there is shown."""
_NAMED = ("E203", "E3", "E5", "W3")
_EXPRESSIONS = ("sql", "sql_file", "when")
"""Keys whose text is shown as it stands."""


def _pieces(line: str, split: list[Part], start: int, end: int) -> tuple[str, str, str]:
    before = token = after = ""
    for a, b, kind in split:
        before += _piece(line[a : min(b, start)], kind)
        token += _piece(line[max(a, start) : min(b, end)], kind)
        after += _piece(line[max(a, end) : b], kind)
    return before, token, after


def _piece(text: str, kind: str) -> str:
    if kind == "comment" and text:
        return "# …" if text.startswith("#") else "…"
    return "…" if kind == "value" and text not in ("", '"', "'") else text


def _expression(line: str, start: int, end: int, held: Held) -> tuple[str, str, str]:
    """Show the line of a query or condition as it stands, apart from the texts in it and other keys' values."""
    opening = next((match.end() for match in reversed([*_OPENING.finditer(line, 0, start)])), 0)
    opening += bool(held.quote) and not held.before and line.startswith(held.quote, opening)
    if held.quote:
        stop = _INSIDE[held.quote].match(line, end).end()  # type: ignore[union-attr] # it matches nothing as well
    else:
        following = _FOLLOWING.search(line, end)
        stop = following.start() if following else len(line)
    split = list(parts(line))
    before, token, after = without_texts(line[opening:start], line[start:end].rstrip(), line[end:stop], held)
    if token.startswith("{{"):
        token = _template(token)
    return _pieces(line, split, opening, opening)[0] + before, token, after + _pieces(line, split, stop, stop)[2]


def _template(token: str) -> str:
    """Hide a template's default, and all that follows one that is not closed."""
    path = _PATH.match(token)
    if not token.startswith("{{"):
        return token[:2]
    if path is None:
        return "{{" + " …" * (len(token) > 2) + (" }}" if token.endswith("}}") else "")
    if path[0] == token:
        return token
    return path[0] + ("… }}" if token.endswith("}}") else "…")
