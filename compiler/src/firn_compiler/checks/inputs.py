"""What a step's inputs say together, and what they ask of their resource."""

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
from firn_compiler.model.project import Flow, Platform, Settled, Step
from firn_compiler.model.shapes import StepShape
from firn_compiler.stages.settle import resource
from firn_schemas.connectors import CONNECTORS
from firn_schemas.sql_types import NESTED, SQL_TYPES
from firn_schemas.steps import STEPS
from firn_schemas.steps.data import COMPRESSIONS, ENDINGS, WriteMode

WRITE_MODES = get_args(WriteMode)
Found = Iterator[Diagnostic]


def inputs(flow: Flow, platform: Platform | None) -> Found:
    """Report inputs that do not go together, or not with their resource."""
    for step in flow.steps:
        if step.type not in STEPS:
            continue
        yield from _exactly_one(step)
        for rule in _RULES.get(step.type, ()):
            yield from rule(step, step.inputs_path)
        settled = resource(flow, platform, text_at(step.inputs, "resource") or "")
        for fit in _FITS.get(step.type, ()) if settled else ():
            assert settled is not None
            yield from fit(step, settled, step.inputs_path)


def given(step: Step, key: str) -> Node | None:
    """Return an input that is there and not null."""
    node = step.inputs.entries.get(key)
    return None if isinstance(node, Scalar) and node.value is None else node


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
    ending = _ending(node.value) if isinstance(node, Scalar) else None
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
        ending = _ending(name.value) if isinstance(name, Scalar) else None
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


def leads_out(name: str) -> bool:
    """Say whether a name is none of a file below a root."""
    return name.startswith("/") or ".." in name.split("/")


_RULES: dict[str, tuple[Callable[[Step, Path], Found], ...]] = {
    "check": (_expectations,),
    "delete_files": (_outside_folders,),
    "download": (_outside_folders,),
    "list_files": (_outside_folders,),
    "python": (_callable,),
    "export": (_columns, _csv),
    "read": (_columns, _incremental),
    "run_process": (_program,),
    "send_mail": (_mail,),
    "upload": (_outside_folders,),
    "with_lock": (_nested, _key_of_lock),
    "write": (_modes, _columns),
}
"""What a step type asks for beyond its record."""


def _places(step: Step, settled: Settled, path: Path) -> Found:
    """Report a resource that is not read or written by what the step names."""
    row = CONNECTORS.get((settled.kind, settled.driver))
    choices = STEPS[step.type].exactly_one
    known = [key for key in choices if row is not None and key in row.places]
    named = [key for key in choices if given(step, key) is not None]
    for key in named if known and len(named) == 1 else ():
        if key not in known:
            message = f"`{text_at(step.inputs, 'resource')}` ({settled.kind}/{settled.driver}) has no `{key}`"
            help = "name " + " or ".join(f"`{one}`" for one in known)
            yield finding("E313", message, step.inputs.keys[key], help, (*path, key))


def _file(step: Step, settled: Settled) -> Scalar | None:
    """Return the path of a step that reads or writes files."""
    row = CONNECTORS.get((settled.kind, settled.driver))
    node = given(step, "path")
    return node if row is not None and row.places == ("path",) and isinstance(node, Scalar) else None


def _outside(step: Step, settled: Settled, path: Path) -> Found:
    """Report a file outside the resource's root."""
    node = _file(step, settled)
    if node is None or not isinstance(node.value, str):
        return
    if leads_out(node.value):
        message = f"`path` leads out of `{text_at(step.inputs, 'resource')}`"
        yield finding(
            "E204", message, node.span, "name the file from the resource's root, without `..`", (*path, "path")
        )


def _format(step: Step, settled: Settled, path: Path) -> Found:
    """Report a file whose format nobody says."""
    node = _file(step, settled)
    ending = _ending(node.value) if node is not None else None
    if node is not None and ending is not None and ending not in ENDINGS and given(step, "format") is None:
        known = ", ".join(f"`{one}`" for one in ENDINGS)
        message = "the file's ending does not say its format"
        yield finding("E205", message, node.span, f"add `format:`; known endings: {known}", (*path, "path"))


def _ending(value: object) -> str | None:
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


def _does(step: Step, settled: Settled, path: Path) -> Found:
    """Report a mode that the resource does not do, and a schema policy where there is no table."""
    row = CONNECTORS.get((settled.kind, settled.driver))
    mode, policy = text_at(step.inputs, "mode"), given(step, "on_schema_change")
    if row is None or mode not in WRITE_MODES:
        return
    name = f"`{text_at(step.inputs, 'resource')}` ({settled.kind}/{settled.driver})"
    if mode not in row.modes:
        help = "write " + " or ".join(f"`mode: {one}`" for one in row.modes)
        yield finding("E313", f"{name} has no `mode: {mode}`", step.inputs.entries["mode"].span, help, (*path, "mode"))
    if policy is not None and row.places == ("path",):
        key = "on_schema_change"
        message = f"{name} has no table whose columns could differ"
        yield finding("E313", message, step.inputs.keys[key], f"remove `{key}`", (*path, key))


def _watermark_param(step: Step, settled: Settled, path: Path) -> Found:
    """Report a query parameter for what takes none."""
    node = mapping_at(step.inputs, "incremental")
    row = CONNECTORS.get((settled.kind, settled.driver))
    if node is not None and node.keys.get("param") and row is not None and row.places and "request" not in row.places:
        message = f"`param` is for APIs, and `{text_at(step.inputs, 'resource')}` is none"
        help = "remove it: the cursor is compared where the rows are read"
        yield finding("E313", message, node.keys["param"], help, (*path, "incremental", "param"))


def _allowed(step: Step, settled: Settled, path: Path) -> Found:
    """Report a program that its resource does not allow."""
    allowed = lookup(settled.config, ("allowed",))
    command = items_at(step.inputs, "command")
    program = command[0] if command else None
    if not isinstance(allowed, Sequence) or not isinstance(program, Scalar) or not isinstance(program.value, str):
        return
    names = [item.value for item in allowed.items if isinstance(item, Scalar)]
    if "/" in program.value and not program.value.startswith("/"):
        help = "name it, and allow it, by its name alone or by its absolute path"
        yield finding("E313", f"the program `{program.value}` is a relative path", program.span, help, path)
    elif program.value not in names and all(isinstance(name, str) for name in names):
        message = f"`{text_at(step.inputs, 'resource')}` does not allow the program `{program.value}`"
        yield finding("E313", message, program.span, suggestion(program.value, map(str, names), "allowed:"), path)


_FITS: dict[str, tuple[Callable[[Step, Settled, Path], Found], ...]] = {
    "export": (_outside,),
    "read": (_places, _outside, _format, _watermark_param),
    "run_process": (_allowed,),
    "write": (_places, _outside, _format, _does),
}
"""What a step asks of its resource."""
