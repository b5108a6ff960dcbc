"""Findings as people read them: what is wrong, where, the source line, and what to do."""

import re
from collections.abc import Mapping, Sequence

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.document import Span

LIMIT = 50
_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "help": "\x1b[36m", "place": "\x1b[2m", "end": "\x1b[0m"}
WIDTH = 200
_VALUE = re.compile(
    r"""(?P<key>[\w.'"-]+\s*:\s+)(?P<value>"[^"]*"?|'[^']*'?|[{\[](?=[^{}\[\]]*:\s)|[^\s,{}\[\]#][^,{}\[\]]*|\[[^\]]*\]?)"""
)


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
    before, token, after = shown(lines[span.line - 1], span, one.code)
    gutter = len(str(span.line)) + 2
    carets = f"{paint[one.severity]}{'^' * max(len(token), 1)}{paint['end']}"
    return [f"  {span.line:>{gutter}} | {before}{token}{after}", f"  {'':>{gutter}} | {' ' * len(before)}{carets}"]


def shown(line: str, span: Span, code: str) -> tuple[str, str, str]:
    """Return the source line as the part before the finding, the finding, and the part after.

    A value may be a secret in the wrong place, so `…` stands for it. Shown as they stand are keys, and those values
    that the compiler itself looked up as names (families E3 and W3) or parsed as templates and conditions.
    """
    start = min(span.column - 1, len(line))
    end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line)
    before, token, after = line[:start], line[start:end], line[end:]
    is_key = re.match(r"\s*:(?:\s|$)", after) is not None
    if code.startswith("E1") and code != "E105":
        return (
            _masked(line)[:start].replace("\t", " "),
            _masked(line)[start : start + 1],
            _masked(line)[start + 1 : WIDTH],
        )
    named = code.startswith(("E3", "W3")) or code in ("E203", "E404") or token.startswith(("{{", "|", ">"))
    if not is_key and not named:
        token = "…" if token.strip() else token
    return (
        _masked(before).replace("\t", " "),
        token,
        _masked(after if not is_key else token + after)[len(token) if is_key else 0 :][:WIDTH],
    )


def _masked(text: str) -> str:
    """Replace the value of every `key: value` on a line, in block or flow style, and what a comment says."""
    text = re.sub(r"(^|\s)#.*$", r"\1# …", text)
    return _VALUE.sub(lambda match: match["key"] + ("…" if match["value"][0] not in "{[|>&*" else match["value"]), text)
