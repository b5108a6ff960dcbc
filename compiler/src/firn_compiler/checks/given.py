"""What a step is given, and what a name of a file says."""

from collections.abc import Iterator

from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Deferred, Node, Path, Scalar, is_null
from firn_compiler.model.project import Step
from firn_schemas.steps.data import COMPRESSIONS, ENDINGS
from firn_schemas.visible import listing

Found = Iterator[Diagnostic]


def given(step: Step, key: str) -> Node | None:
    """Return an input that is there and not null."""
    node = step.inputs.entries.get(key)
    return None if node is None or is_null(node) else node


def leads_out(name: str) -> bool:
    """Say whether a name is none of a file below a root."""
    return name.startswith("/") or ".." in name.split("/")


def unsaid_format(name: Scalar, path: Path) -> Found:
    """Report the name of a file whose ending does not say its format."""
    ending = file_ending(name.value)
    if ending is not None and ending not in ENDINGS:
        help = f"add `format:`; known endings: {listing(ENDINGS)}"
        yield finding("E205", "the file's ending does not say its format", name.span, help, path)


def file_ending(value: object) -> str | None:
    """Return a path's ending, less that of its compression; None where a run decides it."""
    parts = value.node.get("$concat") if isinstance(value, Deferred) else [value]
    last = parts[-1] if isinstance(parts, list) else None
    if not isinstance(last, str):
        return None
    name = last.rpartition("/")[2].lower()
    packed = next((one for one in COMPRESSIONS if name.endswith(one)), "")
    stem, dot, ending = name.removesuffix(packed).rpartition(".")
    if set("*?[") & set(ending if dot else ending + stem):
        return None  # the files that match say it
    if isinstance(value, Deferred):
        return f".{ending}" if dot else None
    return f".{ending}" if stem else ""  # a name that begins with its only dot has no ending
