"""What a step's inputs say together."""

import re
from collections.abc import Callable, Iterator
from typing import get_args

from firn_compiler.checks.shape import shape
from firn_compiler.diagnostics import Diagnostic, finding, suggestion
from firn_compiler.document import (
    Deferred,
    Mapping,
    Node,
    Path,
    Scalar,
    Sequence,
    Span,
    items_at,
    lookup,
    mapping_at,
    text_at,
    value_of,
)
from firn_compiler.model.names import duration_meant, is_duration
from firn_compiler.model.project import Flow, Step
from firn_compiler.model.shapes import StepShape
from firn_schemas.sql_types import NESTED, SQL_TYPES
from firn_schemas.steps import STEPS
from firn_schemas.steps.data import COMPRESSIONS, ENDINGS, WriteMode

WRITE_MODES = get_args(WriteMode)
Found = Iterator[Diagnostic]


def inputs(flow: Flow) -> Found:
    """Report inputs that do not go together."""
    for step in flow.steps:
        if step.type in STEPS:
            yield from _exactly_one(step)
            for rule in _RULES.get(step.type, ()):
                yield from rule(step, step.inputs_path)


def _exactly_one(step: Step) -> Found:
    choices = STEPS[step.type].exactly_one
    if not isinstance(step.node.entries.get("inputs", step.inputs), Mapping):
        return  # the shape check says what they must be
    named = [key for key in choices if given(step, key) is not None]
    if choices and len(named) != 1:
        listed = ", ".join(f"`{key}`" for key in choices)
        place = step.inputs.keys[named[1]] if named else _place(step)
        help = "remove all but one" if named else "add one of them"
        yield finding("E205", f"a `{step.type}` step takes exactly one of {listed}", place, help, step.inputs_path)


def _place(step: Step) -> Span:
    return step.node.keys.get("inputs") or step.node.entries.get("id", step.node).span


def _expectations(step: Step, path: Path) -> Found:
    node = step.inputs.entries.get("expectations")
    if isinstance(node, Sequence) and not node.items:
        yield finding("E205", "a check has at least one expectation", node.span, "add one, or remove the step", path)
    for index, item in enumerate(items_at(step.inputs, "expectations")):
        where = (*path, "expectations", index)
        if not isinstance(item, Mapping):
            continue
        if not item.entries:
            yield finding("E205", "the expectation says nothing", item.span, "remove it", where)
        elif len(item.entries) > 1:
            help = "begin each with `- `"
            yield finding("E205", "an expectation is exactly one rule", item.span.opening, help, where)
        for key in ("row_count", "between"):
            bounds = mapping_at(item, key)
            yield from _bounds(bounds, key, (*where, key)) if bounds is not None else ()


def _bounds(node: Mapping, key: str, path: Path) -> Found:
    known = {name: node.entries[name] for name in ("min", "max", "equals") if name in node.entries}
    if not known and node.entries.keys() <= {"column"}:
        yield finding("E205", f"`{key}` has no bounds", node.span.opening, "add `min:` or `max:`", path)
    low, high = (value_of(known[name]) if name in known else None for name in ("min", "max"))
    same = type(low) is type(high) or (isinstance(low, (int, float)) and isinstance(high, (int, float)))
    if same and isinstance(low, (int, float, str)) and low > high:  # type: ignore[operator]  # of one type
        yield finding("E204", "`max` is less than `min`: nothing can be both", known["max"].span, "swap them", path)


def _modes(step: Step, path: Path) -> Found:
    """Report a write whose mode lacks what it needs, or is given what it does not use."""
    mode = text_at(step.inputs, "mode")
    for key, user in (("keys", "upsert"), ("partition_by", "insert_overwrite")):
        node = step.inputs.entries.get(key)
        if mode == user and (node is None or (node.span.file and isinstance(node, Sequence) and not node.items)):
            message = f"a write with `mode: {user}` needs `{key}`"
            yield finding("E203", message, step.inputs.entries["mode"].span, f"add `{key}: [COLUMN]`", path)
        elif key in step.inputs.keys and mode in WRITE_MODES and mode != user and key == "keys":
            help = f"remove it, or write `mode: {user}`"
            yield finding("E205", f"`{key}` is for `mode: {user}`", step.inputs.keys[key], help, (*path, key))


def _columns(step: Step, path: Path) -> Found:
    """Report columns that are named twice, and types that SQL does not have."""
    for key in ("columns", "keys", "partition_by"):
        first: set[object] = set()
        for index, item in enumerate(items_at(step.inputs, key)):
            name = value_of(item)
            if isinstance(name, str) and name.lower() in first:
                yield finding(
                    "E204", f"the column `{name}` is named twice", item.span, "remove it", (*path, key, index)
                )
            first.add(name.lower() if isinstance(name, str) else None)
    schema = mapping_at(step.inputs, "schema")
    for name, node in schema.entries.items() if schema else ():
        word = value_of(node)
        if isinstance(word, str) and (help := _not_a_type(word)) is not None:
            yield finding(
                "E204",
                f"the type of `{name}` is none that a column can be read as",
                node.span,
                help,
                (*path, "schema", name),
            )


def _not_a_type(text: str) -> str | None:
    """Return help for a text that is no type of a column; None for one that is, or may be one of another engine."""
    short = " ".join(text[:200].split())
    if text.count("(") > text.count(")"):
        return 'quote it, such as `"decimal(18,2)"`: in braces a comma ends the value'
    if "<" in text:
        return None  # a type of another engine
    found = re.fullmatch(r"([A-Za-z]\w*(?: \w+)*) ?(\(.*\))? ?((?:\[\d*\])*)", short, re.ASCII)
    if found is None or len(text) > 200:
        return "write such as `bigint`, `decimal(18,2)` or `varchar[]`"
    word = found[1].lower()
    if word in NESTED:
        return "read it as `json`, and take it apart in a `sql` step"
    if word in SQL_TYPES:
        return None
    return suggestion(word, SQL_TYPES, "types:")


def _csv(step: Step, path: Path) -> Found:
    """Report an export to a file whose ending says that it is no CSV."""
    node = given(step, "path")
    ending = file_ending(node.value) if isinstance(node, Scalar) else None
    if isinstance(node, Scalar) and ENDINGS.get(ending or ".csv", "csv") != "csv":
        help = "name it `.csv`; a `write` step writes other formats"
        yield finding("E204", "an export is a CSV file", node.span, help, (*path, "path"))


def _incremental(step: Step, path: Path) -> Found:
    """Report a lookback that is no stretch of anything."""
    node = lookup(step.inputs, ("incremental", "lookback"))
    word = value_of(node) if node is not None else None
    if isinstance(word, str) and node is not None and not is_duration(word):
        help = duration_meant(word) or "write a number in the cursor's own units, or a duration such as `2d`"
        yield finding("E204", "`lookback` is no duration", node.span, help, (*path, "incremental", "lookback"))


def _nested(step: Step, path: Path) -> Found:
    """Report the step under a lock where it is no step."""
    node = mapping_at(step.inputs, "step")
    if node is not None:
        own = {"id": Scalar(step.id or "x", node.span)} | node.entries
        yield from shape(StepShape, Mapping(own, node.keys, node.span), (*path, "step"))


def _program(step: Step, path: Path) -> Found:
    command = step.inputs.entries.get("command")
    if isinstance(command, Sequence) and not command.items:
        help = "write the program and its arguments, such as `[dbt, run]`"
        yield finding("E204", "`command` is empty", command.span, help, (*path, "command"))
    node = mapping_at(step.inputs, "idempotency")
    for strategy, key in (("marker", "marker_path"), ("output_dir", "output_dir")):
        if node is not None and text_at(node, "strategy") == strategy and key not in node.entries:
            message = f"`strategy: {strategy}` needs `{key}`"
            yield finding("E203", message, node.entries["strategy"].span, f"add `{key}:`", (*path, "idempotency"))


def _callable(step: Step, path: Path) -> Found:
    node = step.inputs.entries.get("callable")
    if isinstance(node, Scalar) and isinstance(node.value, str):
        part = r"[A-Za-z_]\w*"
        if not re.fullmatch(rf"{part}(\.{part})*:{part}(\.{part})*", node.value):
            help = "write `module:function`, such as `acme_steps.scoring:score`"
            yield finding("E204", "`callable` is not the name of a function", node.span, help, (*path, "callable"))


def _key_of_lock(step: Step, path: Path) -> Found:
    node = step.inputs.entries.get("key")
    if isinstance(node, Scalar) and node.value == "":
        yield finding("E204", "the lock has no name", node.span, "name it", (*path, "key"))


def _mail(step: Step, path: Path) -> Found:
    """Report recipients that are not one address each, and files of datasets whose format nobody says."""
    from firn_schemas.mail_address import parsed  # only mail needs it

    for key in ("to", "cc", "bcc"):
        node = step.inputs.entries.get(key)
        many = isinstance(node, Sequence)
        for index, item in enumerate(items_at(step.inputs, key) if many else [node]):
            if isinstance(item, Scalar) and isinstance(item.value, str) and parsed(item.value) is None:
                where = (*path, key, index) if many else (*path, key)
                help = "write `a@b.example` or `Name <a@b.example>`, one in each item of a list"
                yield finding("E204", f"`{key}` is not one address", item.span, help, where)
    for index, item in enumerate(items_at(step.inputs, "attachments")):
        name = item.entries.get("name") if isinstance(item, Mapping) and "format" not in item.entries else None
        ending = file_ending(name.value) if isinstance(name, Scalar) else None
        if name is not None and ending is not None and ending not in ENDINGS:
            known = ", ".join(f"`{one}`" for one in ENDINGS)
            message, where = "the file's ending does not say its format", (*path, "attachments", index, "name")
            yield finding("E205", message, name.span, f"add `format:`; known endings: {known}", where)


def _outside_folders(step: Step, path: Path) -> Found:
    """Report names of files that lead out of the folder they are taken from."""
    for key in _NAMES[step.type]:
        node = step.inputs.entries.get(key)
        items = node.items if isinstance(node, Sequence) else (node,)
        for index, item in enumerate(items):
            if isinstance(item, Scalar) and isinstance(item.value, str) and leads_out(item.value):
                where = (*path, key, *((index,) if isinstance(node, Sequence) else ()))
                yield finding("E204", f"`{key}` leads out of its folder", item.span, "write it without `..`", where)


_NAMES = {
    "delete_files": ("files",),
    "download": ("files", "dest_dir"),
    "list_files": ("path", "pattern"),
    "upload": ("files", "dest_path"),
}
"""Inputs that name files and folders."""


def given(step: Step, key: str) -> Node | None:
    """Return an input that is there and not null."""
    node = step.inputs.entries.get(key)
    return None if isinstance(node, Scalar) and node.value is None else node


def _request(step: Step, path: Path) -> Found:
    """Report a path out of the resource's `base_url`, and headers that no request may say."""
    if step.type == "read":
        path = (*path, "request")
    asked = lookup(step.inputs, path[len(step.inputs_path) :])
    if isinstance(asked, Mapping):
        node = asked.entries.get("path")
        if isinstance(node, Scalar) and isinstance(node.value, str) and leads_out(node.value.lstrip("/")):
            message = "`path` leads out of the resource's `base_url`"
            yield finding("E204", message, node.span, "write it without `..`", (*path, "path"))
        yield from own_headers(asked, path)


def own_headers(node: Mapping, path: Path) -> Found:
    """Report those of the `headers` in a mapping that Firn says itself."""
    headers = mapping_at(node, "headers")
    if headers is None:
        return
    from firn_schemas.connectors.rest import OWN_HEADERS  # only APIs have some

    for name, place in headers.keys.items():
        if name.lower() in OWN_HEADERS:
            message = f"the header `{name}` is not to be said"
            yield finding("E204", message, place, "remove it: Firn says it itself", (*path, "headers", name))


def leads_out(name: str) -> bool:
    """Say whether a name is none of a file below a root."""
    return name.startswith("/") or ".." in name.split("/")


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
    return f".{ending}" if dot else None if isinstance(value, Deferred) else ""


_RULES: dict[str, tuple[Callable[[Step, Path], Found], ...]] = {
    "check": (_expectations,),
    "delete_files": (_outside_folders,),
    "download": (_outside_folders,),
    "list_files": (_outside_folders,),
    "python": (_callable,),
    "export": (_columns, _csv),
    "http": (_request,),
    "read": (_columns, _incremental, _request),
    "run_process": (_program,),
    "send_mail": (_mail,),
    "upload": (_outside_folders,),
    "with_lock": (_nested, _key_of_lock),
    "write": (_modes, _columns),
}
"""What a step type asks for beyond its record."""
