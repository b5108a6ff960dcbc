"""Findings as workflow commands, which GitHub Actions shows beside the lines of a pull request. No source is shown."""

from collections.abc import Sequence
from pathlib import PurePath

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.document import Span, has_name

_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = _DATA | {":": "%3A", ",": "%2C"}


def as_github(found: Sequence[Diagnostic]) -> str:
    """Return one `::error …::` or `::warning …::` a line; nothing for no findings."""
    return "".join(f"{_command(one)}\n" for one in found)


def _command(one: Diagnostic) -> str:
    properties = _place(one.span) | {"title": one.code}
    listed = ",".join(f"{key}={_escaped(str(value), _PROPERTY)}" for key, value in properties.items())
    return f"::{one.severity} {listed}::{_escaped(one.said, _DATA)}"


def _place(span: Span) -> dict[str, str | int]:
    """Return the place; GitHub takes columns only where the lines are one. Standard input is no place."""
    if not has_name(span.file):
        return {}
    lines: dict[str, str | int] = {"file": PurePath(span.file).as_posix(), "line": span.line, "endLine": span.end_line}
    if span.end_line != span.line:
        return lines
    return lines | {"col": span.column, "endColumn": max(span.end_column, span.column)}


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(letter, letter) for letter in text)
