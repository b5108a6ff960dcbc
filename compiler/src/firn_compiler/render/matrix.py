"""Flows by environments as a table."""

from collections.abc import Mapping, Sequence

from firn_compiler.diagnostics import Diagnostic, counts

Cells = Mapping[tuple[str, str], Sequence[Diagnostic]]
"""By (flow, environment), what was found."""


def matrix(flows: Sequence[str], environments: Sequence[str], cells: Cells) -> str:
    """Return the table: `ok`, or how many errors and warnings there are."""
    rows = [
        ["flow", *environments],
        *([flow, *(counts(cells[flow, one]) or "ok" for one in environments)] for flow in flows),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"
