"""Patterns where names of files stand: the file would be looked for under that very name."""

from collections.abc import Iterator

from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Scalar, each_at
from firn_compiler.model.project import Flow

_NAMES = {
    "archive_create": "files",
    "archive_extract": "archives",
    "delete_files": "files",
    "download": "files",
    "list_files": "path",
    "send_mail": "attachments",
    "upload": "files",
}
"""The input of a step that takes names."""
_MARKS = frozenset("*?")


def patterns(flow: Flow) -> Iterator[Diagnostic]:
    """Report names with `*` or `?` among the files that a step takes."""
    for step in flow.steps:
        key = _NAMES.get(step.type, "")
        for path, item in each_at(step.inputs, key):
            if isinstance(item, Scalar) and isinstance(item.value, str) and not _MARKS.isdisjoint(item.value):
                message = f"`{step.type}` takes names: this one is no pattern here"
                help = _parted(item.value) if key == "path" else _found_by_a_list(key)
                yield finding("W309", message, item.span, help, (*step.inputs_path, *path))


def _found_by_a_list(key: str) -> str:
    return f'find the files with `list_files`, and write `{key}: "{{{{ steps.ID.outputs.files }}}}"`'


def _parted(text: str) -> str:
    """Return how a folder and the pattern below it are said."""
    names = text.split("/")
    first = next(at for at, name in enumerate(names) if not _MARKS.isdisjoint(name))
    return f'write `path: "{"/".join(names[:first])}"` and `pattern: "{"/".join(names[first:])}"`'
