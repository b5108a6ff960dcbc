"""Flows by environments as a table."""

from collections.abc import Mapping, Sequence

from firn_compiler.diagnostics import Diagnostic

Cells = Mapping[tuple[str, str], Sequence[Diagnostic]]
"""By (flow, environment), what was found."""


def matrix(flows: Sequence[str], environments: Sequence[str], cells: Cells) -> str:
    """Return the table: `ok`, or how many errors and warnings there are."""
    rows = [["flow", *environments], *([flow, *(_cell(cells[flow, one]) for one in environments)] for flow in flows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def _cell(found: Sequence[Diagnostic]) -> str:
    errors = sum(one.severity == "error" for one in found)
    warnings = len(found) - errors
    words = [f"{n} {word}{'s' if n > 1 else ''}" for n, word in ((errors, "error"), (warnings, "warning")) if n]
    return ", ".join(words) or "ok"
