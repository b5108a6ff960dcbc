"""Findings as people read them: what is wrong, where, the source line, and what to do."""

import re
from collections.abc import Mapping, Sequence

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.document import Span

LIMIT = 50
_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "help": "\x1b[36m", "place": "\x1b[2m", "end": "\x1b[0m"}
_VALUE = re.compile(r"""(?P<key>^\s*(?:- )*[^\s:#'"][^:#]*:|["'][^"']*["']\s*:)(?P<space>\s+)(?P<value>\S.*)$""")


def render(found: Sequence[Diagnostic], texts: Mapping[str, str], *, colour: bool) -> str:
    """Return the whole report, with a count at its end; nothing for no findings."""
    if not found:
        return ""
    paint = _COLOURS if colour else dict.fromkeys(_COLOURS, "")
    lines = {file: text.splitlines() for file, text in texts.items()}
    blocks = [_block(one, lines, paint) for one in found[:LIMIT]]
    if len(found) > LIMIT:
        blocks.append(f"and {len(found) - LIMIT} more\n")
    return "\n".join(blocks) + "\n" + count(found) + "\n"


def count(found: Sequence[Diagnostic]) -> str:
    """Return such as `2 errors, 1 warning`."""
    parts = []
    for severity in ("error", "warning"):
        number = sum(one.severity == severity for one in found)
        if number:
            parts.append(f"{number} {severity}{'s' if number > 1 else ''}")
    return ", ".join(parts)


def _block(one: Diagnostic, lines: Mapping[str, Sequence[str]], paint: Mapping[str, str]) -> str:
    block = [f"{paint[one.severity]}{one.severity}[{one.code}]{paint['end']}: {one.message}"]
    span = one.span
    if span.file:
        path = f"  {one.path}" if one.path else ""
        block.append(f"  {paint['place']}{span.file}:{span.line}:{span.column}{paint['end']}{path}")
        block += _source(one, lines.get(span.file, ()), paint)
    elif one.path:
        block.append(f"  {one.path}")
    for related in one.related:
        place = related.span
        block.append(f"  {paint['place']}{place.file}:{place.line}:{place.column}{paint['end']}  {related.message}")
    if one.help:
        block.append(f"  {paint['help']}help{paint['end']}: {one.help}")
    return "\n".join(block) + "\n"


def _source(one: Diagnostic, lines: Sequence[str], paint: Mapping[str, str]) -> list[str]:
    span = one.span
    if not 1 <= span.line <= len(lines) or one.code.startswith("E6"):
        return []
    line = shown(lines[span.line - 1], span, one.code).replace("\t", " ")
    end = span.end_column if span.end_line == span.line else len(line) + 1
    start = min(span.column, len(line) + 1)
    width = max(min(end, len(line) + 1) - start, 1)
    gutter = len(str(span.line)) + 2
    carets = f"{paint['error'] if one.severity == 'error' else paint['warning']}{'^' * width}{paint['end']}"
    return [f"  {span.line:>{gutter}} | {line}", f"  {'':>{gutter}} | {' ' * (start - 1)}{carets}"]


def shown(line: str, span: Span, code: str) -> str:
    """Return the source line with every value masked that may be a secret.

    Only names that the compiler looked up (families E3, E4 and E7) are shown as they stand; elsewhere the line keeps
    its key, and the value becomes `…`.
    """
    if code[:2] in ("E3", "E4", "E7", "W3"):
        before, after = line[: span.column - 1], line[span.end_column - 1 :] if span.end_line == span.line else ""
        masked = _VALUE.sub(r"\g<key>\g<space>…", after.lstrip(" ,")) if ":" in after and span.column > 1 else after
        return (before + line[span.column - 1 : span.end_column - 1] + masked)[:200] if after and masked != after else line[:200]
    match = _VALUE.search(line)
    return (line[: match.start("value")] + "…" if match else line)[:200]
