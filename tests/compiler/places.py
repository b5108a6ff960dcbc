"""Whether what the compiler says of a file points into that file."""

from collections.abc import Iterator, Mapping

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.document import BUILT_IN, Span


def astray(found: tuple[Diagnostic, ...], texts: Mapping[str, str]) -> list[str]:
    """Return a sentence for every place, related ones too, that is not a stretch of its file."""
    lines = {file: text.splitlines() for file, text in texts.items()}
    return [
        f"{one.code}: {problem} in {span}"
        for one in found
        for span in (one.span, *(related.span for related in one.related))
        if span != BUILT_IN
        for problem in _problems(span, lines)
    ]


def _problems(span: Span, lines: Mapping[str, list[str]]) -> Iterator[str]:
    file, line, column, end_line, end_column = span
    if file not in lines:
        yield "a file that nobody gave"
        return
    rows = lines[file] or [""]
    if not 1 <= line <= len(rows):
        yield "the line is outside"
    elif not 1 <= column <= len(rows[line - 1]) + 1:
        yield "the column is outside"
    if (end_line, end_column) < (line, column):
        yield "the end is before the start"
    if end_line <= len(rows):
        if end_column > len(rows[end_line - 1]) + 2:  # one past the end, for the caret of what is missing there
            yield "the end's column is outside"
    elif (end_line, end_column) != (len(rows) + 1, 1):  # after the last line break
        yield "the end's line is outside"
