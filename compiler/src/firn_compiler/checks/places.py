"""Paths, URLs and table names: those that are made of run-time values keep a literal beginning, which the run holds;
those below a folder do not lead out of it.
"""

import re
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from firn_compiler.checks.given import leads_out
from firn_compiler.checks.shape import member
from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Deferred, Mapping, Node, Path, Scalar, Sequence
from firn_compiler.model.project import Flow
from firn_compiler.stages.defaults import with_spellings
from firn_schemas.decode import hints, spelling
from firn_schemas.steps import STEPS


def places(flow: Flow) -> Iterator[Diagnostic]:
    """Report places that lead out of their folder, and those that could lead anywhere at run time."""
    for step in flow.steps:
        if step.type in STEPS:
            record = STEPS[step.type].inputs
            yield from _places(record, with_spellings(record, step.inputs), step.inputs_path)


def _places(record: Any, node: Node, path: Path) -> Iterator[Diagnostic]:
    if not is_dataclass(record) or not isinstance(node, Mapping):
        return
    kinds = hints(record)
    for field in fields(record):
        item, where = node.entries.get(spelling(field)), (*path, spelling(field))
        if field.metadata["place"] and isinstance(item, Scalar) and isinstance(item.value, Deferred):
            yield from _place(item, item.value, where)
        if field.metadata["inside"]:
            yield from _inside(item, where)
        if isinstance(item, Mapping) and typing.get_args(kinds[field.name]):
            yield from _places(member(kinds[field.name], item), item, where)


def _place(item: Scalar, value: Deferred, path: Path) -> Iterator[Diagnostic]:
    parts: Any = value.node.get("$concat")
    first = parts[0] if parts else None
    if value.roots == {"var"}:
        return
    if not isinstance(first, str) or not first.strip("./ "):
        beginning = "orders_" if path[-1] == "table" else "exports/"
        help = f"begin it with text that is always the same, such as `{path[-1]}: {beginning}{{{{ … }}}}`"
        message = f"`{path[-1]}` begins with a value of the run: it could lead anywhere"
        yield finding("E407", message, item.span, help, path)
    elif ".." in re.split(r"[/\\]", first) or _host_open(first):
        help = "write the whole host, and a `/` after it" if _host_open(first) else "write it without `..`"
        message = f"the beginning of `{path[-1]}` does not say where it leads"
        yield finding("E407", message, item.span, help, path)


def _inside(item: Node | None, path: Path) -> Iterator[Diagnostic]:
    """Report literal paths that lead out of their folder, or name the folder itself."""
    if isinstance(item, Sequence):
        for index, one in enumerate(item.items):
            yield from _inside(one, (*path, index))
    elif isinstance(item, Scalar) and isinstance(item.value, str) and not _names_one_inside(item.value):
        name = next(one for one in reversed(path) if isinstance(one, str))
        message = f"`{name}` leads out of the resource's folder, or names no file or folder in it"
        yield finding("E319", message, item.span, "write it relative, without `..`", path)


def _names_one_inside(name: str) -> bool:
    return not leads_out(name) and not {*name.split("/")} <= {"", "."}


def _host_open(first: str) -> bool:
    """Whether a URL's host is not yet complete where the first value of the run comes."""
    scheme, sign, rest = first.partition("://")
    return bool(sign) and scheme.isalpha() and "/" not in rest
