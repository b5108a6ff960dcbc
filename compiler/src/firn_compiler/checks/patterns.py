"""Patterns where names of files stand: the file would be looked for under that very name."""

from collections.abc import Iterator

from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Scalar, items_at
from firn_compiler.model.project import Flow

_TAKE_NAMES = frozenset(["archive_create", "delete_files", "download", "upload"])


def patterns(flow: Flow) -> Iterator[Diagnostic]:
    """Report names with `*` or `?` among the files that a step takes."""
    for step in flow.steps:
        for at, item in enumerate(items_at(step.inputs, "files")) if step.type in _TAKE_NAMES else ():
            if isinstance(item, Scalar) and isinstance(item.value, str) and not {"*", "?"}.isdisjoint(item.value):
                message = f"`{step.type}` takes names: this one is no pattern here"
                help = 'find the files with `list_files`, and write `files: "{{ steps.ID.outputs.files }}"`'
                yield finding("W309", message, item.span, help, (*step.inputs_path, "files", at))
