"""What a step's inputs say together."""

import re
from collections.abc import Callable
from typing import get_args

from firn_compiler.checks.given import Found, file_ending, given, leads_out
from firn_compiler.checks.layouts import layouts
from firn_compiler.checks.requests import request
from firn_compiler.checks.shape import shape
from firn_compiler.diagnostics import finding, step_of, suggestion
from firn_compiler.document import (
    Mapping,
    Path,
    Scalar,
    Sequence,
    Span,
    each_at,
    is_null,
    items_at,
    lookup,
    mapping_at,
    text_at,
    value_of,
)
from firn_compiler.model.names import duration_meant, is_duration
from firn_compiler.model.project import Flow, Step
from firn_compiler.model.shapes import StepShape
from firn_schemas.sql_types import DECIMAL, NESTED, SQL_TYPES, WIDEST
from firn_schemas.steps import STEPS
from firn_schemas.steps.data import ENDINGS, WriteMode
from firn_schemas.visible import listing

WRITE_MODES = get_args(WriteMode)


def inputs(flow: Flow) -> Found:
    """Report inputs that do not go together."""
    for step in flow.steps:
        if step.type in STEPS:
            yield from _exactly_one(step)
            for rule in _RULES.get(step.type, ()):
                yield from rule(step, step.inputs_path)


def _exactly_one(step: Step) -> Found:
    choices = STEPS[step.type].exactly_one
    if lacks_inputs(step) or not isinstance(step.node.entries.get("inputs", step.inputs), Mapping):
        return  # which others say
    named = [key for key in choices if given(step, key) is not None]
    if choices and len(named) != 1:
        message = f"{step_of(step.type)} takes exactly one of {listing(choices)}"
        place = step.inputs.keys[named[1]] if named else _place(step)
        help = "remove all but one" if named else "add one of them"
        if empty := next((key for key in choices if not named and key in step.inputs.keys), ""):
            message, place = f"{message}, and `{empty}` has no value", step.inputs.keys[empty]
            help = f"write it behind `{empty}:`"
        yield finding("E205", message, place, help, step.inputs_path)


def lacks_inputs(step: Step) -> bool:
    """Whether a step, whose inputs do not stand beside its own keys, has none at all."""
    return "inputs" not in step.node.entries and step.path[0] != "transforms"


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
        if all(map(is_null, item.entries.values())):
            yield finding("E205", "the expectation says nothing", item.span, "remove it", where)
        elif len(item.entries) > 1:
            help = "begin each with `- `"
            yield finding("E205", "an expectation is exactly one rule", item.span.opening, help, where)
        for key in ("not_null", "unique"):
            names = item.entries.get(key)
            if isinstance(names, Sequence) and not names.items:
                yield finding("E205", f"`{key}` names no column", names.span, "name one", (*where, key))
        for key in ("row_count", "between"):
            bounds = mapping_at(item, key)
            yield from _bounds(bounds, key, (*where, key)) if bounds is not None else ()


def _bounds(node: Mapping, key: str, path: Path) -> Found:
    known = {name: node.entries[name] for name in ("min", "max", "equals") if name in node.entries}
    if not known and node.entries.keys() <= {"column"}:
        yield finding("E205", f"`{key}` has no bounds", node.span.opening, "add `min:` or `max:`", path)
    low, high = (value_of(known[name]) if name in known else None for name in ("min", "max"))
    same = type(low) is type(high) or (isinstance(low, (int, float)) and isinstance(high, (int, float)))
    if not same and {str, int, float} >= {type(low), type(high)}:
        text = known["min" if isinstance(low, str) else "max"]
        message = "one of `min` and `max` is text, the other a number: no value can be compared with both"
        yield finding("E204", message, text.span, "write both as numbers, or both as text", path)
    elif same and isinstance(low, (int, float, str)) and low > high:  # type: ignore[operator]  # of one type
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
    if word == "enum":
        return "read it as `varchar`, and cast it in a `sql` step"
    if word in NESTED:
        return "read it as `json`, and take it apart in a `sql` step"
    if word in SQL_TYPES:
        numbers = found[2] is None or re.fullmatch(r"\( ?\d+ ?(, ?\d+ ?)?\)", found[2])
        digits = [int(one) for one in re.findall(r"\d+", found[2] or "")] if word in DECIMAL else []
        fits = not digits or (1 <= digits[0] <= WIDEST and digits[-1] <= digits[0])
        return None if numbers and fits else f"write its digits such as `decimal(18,2)`; {WIDEST} are the most"
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
    if node is not None:
        yield from _recognised(node, (*path, "idempotency"))

    from firn_schemas.steps.programs import LOADING  # few flows start programs

    env = mapping_at(step.inputs, "env")
    for name, place in env.keys.items() if env is not None else ():
        where = (*path, "env", name)
        if LOADING.fits(name):
            message = f"the variable `{name}` {LOADING.rule}"
            yield finding("E204", message, place, "the platform may, in the connector's `env`", where)
        elif not name or "=" in name:
            message = f"the variable `{name}` cannot be set"
            yield finding("E204", message, place, "a name is not empty and holds no `=`", where)


def _recognised(node: Mapping, path: Path) -> Found:
    """Report a strategy without its key, and the key of another one, which nothing would read."""
    chosen = text_at(node, "strategy")
    for strategy, key in (("marker", "marker_path"), ("output_dir", "output_dir")):
        if chosen == strategy and key not in node.entries:
            message = f"`strategy: {strategy}` needs `{key}`"
            yield finding("E203", message, node.entries["strategy"].span, f"add `{key}:`", path)
        elif chosen not in (strategy, None) and key in node.entries:
            message, help = f"`{key}` is read by `strategy: {strategy}` alone", "remove it, or choose that strategy"
            yield finding("E205", message, node.keys[key], help, (*path, key))


def _callable(step: Step, path: Path) -> Found:
    node = step.inputs.entries.get("callable")
    if isinstance(node, Scalar) and isinstance(node.value, str):
        part = r"[A-Za-z_]\w*"
        if not re.fullmatch(rf"{part}(\.{part})*:{part}(\.{part})*", node.value):
            help = "write `module:function`, such as `acme_steps.scoring:score`"
            yield finding("E204", "`callable` is not the name of a function", node.span, help, (*path, "callable"))


def _mail(step: Step, path: Path) -> Found:
    from firn_compiler.checks.mail import contents, recipients  # few flows send any

    yield from recipients(step, path)
    yield from contents(step, path)


def _key_of_lock(step: Step, path: Path) -> Found:
    node = step.inputs.entries.get("key")
    if isinstance(node, Scalar) and node.value == "":
        yield finding("E204", "the lock has no name", node.span, "name it", (*path, "key"))


def _params(step: Step, path: Path) -> Found:
    """Report values for a query that is not there."""
    if given(step, "params") is not None and given(step, "sql") is None:
        message = "`params` are the values of a query's placeholders, and there is no `sql`"
        help = "remove it, or write the query as `sql`; parameters of an API stand in `request`"
        yield finding("E205", message, step.inputs.keys["params"], help, (*path, "params"))


def _headerless(step: Step, path: Path) -> Found:
    """Report two orders of columns where there is no header: one says which is which, and it would not be known."""
    header = lookup(step.inputs, ("format_options", "header"))
    if header is None or value_of(header) is not False:
        return
    if given(step, "schema") is not None and given(step, "columns") is not None:
        message = "`schema` names the columns of files without a header, and `columns` stands beside it"
        help = "remove it: `schema` names them in the order of the file; a `sql` step chooses among them"
        yield finding("E205", message, step.inputs.keys["columns"], help, (*path, "columns"))


def _outside_folders(step: Step, path: Path) -> Found:
    """Report names of files that lead out of the folder they are taken from."""
    for key in _NAMES[step.type]:
        for where, item in each_at(step.inputs, key):
            if isinstance(item, Scalar) and isinstance(item.value, str) and leads_out(item.value):
                said, help = f"`{key}` leads out of its folder", "write it relative, without `..`"
                yield finding("E204", said, item.span, help, (*path, *where))


_NAMES = {
    "delete_files": ("files",),
    "download": ("files", "dest_dir"),
    "list_files": ("path", "pattern"),
    "run_process": ("cwd",),
    "upload": ("files", "dest_path"),
}
"""Inputs that name files and folders."""


_RULES: dict[str, tuple[Callable[[Step, Path], Found], ...]] = {
    "check": (_expectations,),
    "delete_files": (_outside_folders,),
    "download": (_outside_folders,),
    "list_files": (_outside_folders,),
    "python": (_callable,),
    "export": (_columns, _csv, layouts),
    "http": (request,),
    "read": (_columns, _headerless, _incremental, _params, request),
    "run_process": (_program, _outside_folders),
    "send_mail": (_mail, layouts),
    "upload": (_outside_folders,),
    "with_lock": (_nested, _key_of_lock),
    "write": (_modes, _columns, layouts),
}
"""What a step type asks for beyond its record."""
