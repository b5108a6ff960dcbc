"""Findings as machines read them."""

from collections.abc import Sequence

import orjson

from firn_compiler.diagnostics import Diagnostic


def as_json(found: Sequence[Diagnostic]) -> str:
    """Return `{"diagnostics": […]}`; lines and columns count from 1, 0 where a finding has no place."""
    rows = [
        {
            "code": one.code,
            "severity": one.severity,
            "message": one.message,
            "help": one.help,
            "file": one.span.file,
            "line": one.span.line,
            "column": one.span.column,
            "end_line": one.span.end_line,
            "end_column": one.span.end_column,
            "path": one.path,
            "related": [
                {"message": r.message, "file": r.span.file, "line": r.span.line, "column": r.span.column}
                for r in one.related
            ],
        }
        for one in found
    ]
    return orjson.dumps({"diagnostics": rows}, option=orjson.OPT_INDENT_2).decode()
