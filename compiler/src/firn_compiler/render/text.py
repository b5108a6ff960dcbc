"""Findings as people read them: what is wrong, where, the source line, and what to do."""

from collections.abc import Mapping, Sequence
from unicodedata import category, combining, east_asian_width

from firn_compiler.diagnostics import Diagnostic, counts
from firn_compiler.document import Span
from firn_compiler.expression_text import Held, held
from firn_compiler.scan.conceal import uncovered
from firn_compiler.source_line import is_expression, shown
from firn_schemas.visible import visible

LIMIT = 50
_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "help": "\x1b[36m", "place": "\x1b[2m", "end": "\x1b[0m"}
WIDTH = 200
NEAR = 4096
"""Characters of a line that are looked at, around the finding."""


def render(found: Sequence[Diagnostic], texts: Mapping[str, str], *, colour: bool) -> str:
    """Return the whole report, with a count at its end; nothing for no findings. Colour is for a terminal."""
    if not found:
        return ""
    paint = _COLOURS if colour else dict.fromkeys(_COLOURS, "")
    lines = {file: text.splitlines() for file, text in texts.items()}
    blocks = [_block(one, lines, paint) for one in found[:LIMIT]]
    if len(found) > LIMIT:
        blocks.append(f"and {len(found) - LIMIT} more\n")
    hint = f"{paint['help']}{_hint(found)}{paint['end']}\n" if colour else ""
    return "\n".join(blocks) + "\n" + counts(found) + "\n" + hint


def _hint(found: Sequence[Diagnostic]) -> str:
    """Return how to read on, for the first error; only a person at a terminal is told."""
    code = next((one.code for one in found if one.severity == "error"), found[0].code)
    several = len({one.code for one in found}) > 1
    return f"`firn help {code}` explains " + (
        "the first" if several and found[0].code == code else code if several else "it"
    )


def _block(one: Diagnostic, lines: Mapping[str, Sequence[str]], paint: Mapping[str, str]) -> str:
    block = [f"{paint[one.severity]}{one.severity}[{one.code}]{paint['end']}: {visible(one.message)}"]
    path = visible(one.path)
    if one.span.file:
        block.append(_place(one.span, f"  {path}" if path else "", paint))
        block += _source(one, lines.get(one.span.file, ()), paint)
    elif path:
        block.append(f"  {path}")
    block += [_place(related.span, f"  {visible(related.message)}", paint) for related in one.related]
    if one.help:
        help = "\n        ".join(map(visible, one.help.splitlines()))
        block.append(f"  {paint['help']}help{paint['end']}: {help}")
    return "\n".join(block) + "\n"


def _place(span: Span, words: str, paint: Mapping[str, str]) -> str:
    return f"  {paint['place']}{visible(span.file)}:{span.line}:{span.column}{paint['end']}{words}"


def _source(one: Diagnostic, lines: Sequence[str], paint: Mapping[str, str]) -> list[str]:
    span = one.span
    if not 1 <= span.line <= len(lines):
        return []
    line, near = _near(lines[span.line - 1], span)
    around = held(lines, span, one.path) if is_expression(one) else Held()
    before, token, after = _cut(*(visible(uncovered(part)) for part in shown(line, one, near, around)))
    gutter = len(str(span.line)) + 2
    carets = f"{paint[one.severity]}{'^' * max(_cells(token), 1)}{paint['end']}"
    return [
        f"  {span.line:>{gutter}} | {before}{token}{after}".rstrip(),
        f"  {'':>{gutter}} | {' ' * _cells(before)}{carets}",
    ]


def _near(line: str, span: Span) -> tuple[str, Span]:
    """Return of a very long line the part around the finding: what is farther away is not looked at."""
    if len(line) <= NEAR:
        return line, span
    cut = max(span.column - 1 - NEAR // 2, 0)
    columns = (span.column - cut, max(span.end_column - cut, 1))
    return line[cut : cut + NEAR], span._replace(column=columns[0], end_column=columns[1])


def _cells(text: str) -> int:
    """Return how many cells of a terminal the text takes: East Asian wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if combining(one) or category(one) in ("Mn", "Me") else 1 + (east_asian_width(one) in "WF") for one in text
    )


def _cut(before: str, token: str, after: str) -> tuple[str, str, str]:
    """Return the parts of a line without what lies too far from the finding: WIDTH cells at most."""
    if _cells(before) + _cells(token) + _cells(after) <= WIDTH:
        return before, token, after
    if _cells(before) > WIDTH // 2:
        before = "…" + _head(before[::-1], WIDTH // 4)[::-1]
    room = WIDTH - _cells(before)
    if _cells(token) >= room:
        return before, _head(token, room - 1), "…"
    after_room = room - _cells(token)
    return before, token, after if _cells(after) <= after_room else _head(after, after_room - 1) + "…"


def _head(text: str, cells: int) -> str:
    while _cells(text[:cells]) > cells:
        text = text[: cells - (_cells(text[:cells]) - cells + 1) // 2]
    return text[:cells]
