"""How files are laid out that a step writes."""

from collections.abc import Callable

from firn_compiler.checks.given import Found, file_ending
from firn_compiler.diagnostics import finding
from firn_compiler.document import Mapping, Path, Scalar, items_at, mapping_at, text_at, value_of
from firn_compiler.model.project import Step
from firn_schemas.steps.data import ENDINGS


def layouts(step: Step, path: Path) -> Found:
    """Report layouts that CSV files are read in and not written in."""
    yield from _layout(step.inputs, "path", path, "csv" if step.type == "export" else "")
    for index, item in enumerate(items_at(step.inputs, "attachments")):
        if isinstance(item, Mapping):
            yield from _layout(item, "name", (*path, "attachments", index))


def _layout(node: Mapping, name: str, path: Path, format: str = "") -> Found:
    place, options = node.entries.get(name), mapping_at(node, "format_options")
    ending = file_ending(place.value) if isinstance(place, Scalar) else None
    if options is None or (text_at(node, "format") or ENDINGS.get(ending or "") or format) != "csv":
        return
    for key, (fits, rule, help) in _WRITTEN.items():
        found = options.entries.get(key)
        value = value_of(found) if found is not None else None
        if found is not None and isinstance(value, str) and not fits(value):
            yield finding("E204", f"CSV files are written {rule}", found.span, help, (*path, "format_options", key))


def _is_one_of_ascii(text: str) -> bool:
    return len(text) == 1 and text.isascii()


_WRITTEN: dict[str, tuple[Callable[[str], bool], str, str]] = {
    "decimal_separator": (
        lambda text: text != ",",
        "with a decimal point only",
        "make texts of them in a `sql` step: `replace(cast(amount as varchar), '.', ',')`",
    ),
    "delimiter": (_is_one_of_ascii, "with a delimiter of one character of ASCII only", "such as `,`, `;` or `|`"),
    "encoding": (lambda text: text not in ("utf-16", "latin-1"), "in UTF-8 only", "leave out `encoding`"),
}
"""What the options of a CSV file may be where it is written, that rule in words, and help."""
