"""What a step's inputs ask of its resource: places, modes and programs that this has."""

import re
from collections.abc import Callable

from firn_compiler.checks.given import Found, file_ending, given, leads_out, unsaid_format
from firn_compiler.checks.inputs import WRITE_MODES
from firn_compiler.checks.together import said
from firn_compiler.diagnostics import finding, suggestion
from firn_compiler.document import Path, Scalar, Sequence, items_at, lookup, mapping_at, text_at
from firn_compiler.model.project import Flow, Platform, Settled, Step
from firn_compiler.stages.settle import resource
from firn_schemas.steps import STEPS
from firn_schemas.steps.data import ENDINGS
from firn_schemas.visible import listing


def fitting(flow: Flow, platform: Platform | None) -> Found:
    """Report inputs that do not go with their resource."""
    for step in flow.steps:
        fits = _FITS.get(step.type, ())
        settled = resource(flow, platform, text_at(step.inputs, "resource") or "") if fits else None
        if settled is not None:
            for fit in fits:
                yield from fit(step, settled, step.inputs_path)


def _places(step: Step, settled: Settled, path: Path) -> Found:
    """Report a resource that is not read or written by what the step names."""
    row = settled.row
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
    row = settled.row
    node = given(step, "path")
    return node if row is not None and row.places == ("path",) and isinstance(node, Scalar) else None


def _outside(step: Step, settled: Settled, path: Path) -> Found:
    """Report a file outside the resource's root."""
    row, node = settled.row, given(step, "path")
    if row is None or "path" not in row.places or not isinstance(node, Scalar) or not isinstance(node.value, str):
        return
    if row.places == ("path",) and _URL.match(node.value):
        message = f"`path` is a URL, and is taken from the root of `{text_at(step.inputs, 'resource')}`"
        yield finding("E204", message, node.span, "name the file alone, from the resource's root", (*path, "path"))
    elif _URL.match(node.value) and "request" in row.places and _of_another_host(node.value, said(settled, "base_url")):
        message = f"`path` leads away from the `base_url` of `{text_at(step.inputs, 'resource')}`"
        yield finding("E204", message, node.span, "write what follows it, such as `/jobs`", (*path, "path"))
    elif leads_out(node.value.lstrip("/") if "request" in row.places else node.value):
        message = f"`path` leads out of `{text_at(step.inputs, 'resource')}`"
        yield finding(
            "E204", message, node.span, "name the file from the resource's root, without `..`", (*path, "path")
        )


_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def _of_another_host(url: str, base: object) -> bool:
    return isinstance(base, str) and not f"{url}/".startswith(f"{base.rstrip('/')}/")


def _format(step: Step, settled: Settled, path: Path) -> Found:
    """Report a file whose format nobody says."""
    node = _file(step, settled)
    if node is not None and given(step, "format") is None:
        yield from unsaid_format(node, (*path, "path"))


def _does(step: Step, settled: Settled, path: Path) -> Found:
    """Report a mode that the resource does not do, and a schema policy where there is no table."""
    row = settled.row
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


def _one_file(step: Step, settled: Settled, path: Path) -> Found:
    """Report a write of files that no folder or format can take."""
    node, mode = _file(step, settled), text_at(step.inputs, "mode")
    if node is None or mode not in WRITE_MODES:
        return
    if isinstance(node.value, str) and set("*?[") & set(node.value):
        message = "`path` is a pattern, which may match several files"
        yield finding("E204", message, node.span, "name one file, or one folder", (*path, "path"))
    key = "partition_by"
    does = settled.row is not None and mode in settled.row.modes
    if key in step.inputs.keys and does and mode != "insert_overwrite":
        message = f"files are partitioned with `mode: insert_overwrite` alone, and `{key}` is for nothing else"
        yield finding("E205", message, step.inputs.keys[key], "remove it, or change the mode", (*path, key))
    format = text_at(step.inputs, "format") or ENDINGS.get(file_ending(node.value) or "")
    if mode == "insert_overwrite" and format in ("json", "ndjson"):
        place = (given(step, "format") or node).span
        yield finding("E205", "partitions are written as Parquet or CSV", place, "choose another `format`", path)


def _writable(step: Step, settled: Settled, path: Path) -> Found:
    """Report a write to what the platform lends for reading alone."""
    if said(settled, "read_only") is True:
        message = f"`{text_at(step.inputs, 'resource')}` is `read_only`"
        help = "write to another resource, or ask the platform for a writable one"
        yield finding("E313", message, step.inputs.entries["resource"].span, help, (*path, "resource"))


def _table(step: Step, settled: Settled, path: Path) -> Found:
    """Report a table whose name is none, and one of a catalog that is in no namespace."""
    row, node = settled.row, given(step, "table")
    if row is None or "table" not in row.places or not isinstance(node, Scalar) or not isinstance(node.value, str):
        return
    parts = node.value.split(".")
    if not (parts[-1] and node.value.strip(".") == node.value) or (settled.kind == "catalog" and not all(parts)):
        yield finding("E204", "`table` is not a table's name", node.span, "write `name`, or `schema.name`", path)
    elif settled.kind == "catalog" and len(parts) == 1 and not said(settled, "namespace"):
        help = "write `table: namespace.name`, or give the resource a `namespace`"
        yield finding("E203", "`table` is in no namespace of the catalog", node.span, help, (*path, "table"))


def _reached(step: Step, settled: Settled, path: Path) -> Found:
    """Report a catalog whose tables' files may lie nowhere."""
    nowhere = settled.kind == "catalog" and said(settled, "bucket") is None and said(settled, "root") is None
    if nowhere and text_at(settled.options, "access_delegation") == "none":
        name = text_at(step.inputs, "resource")
        message = f"nothing says where the files of the tables of `{name}` may lie, or gives keys for them"
        help = "the platform names a `bucket` or a `root`, or says `access_delegation: vended-credentials`"
        yield finding("E203", message, step.inputs.entries["resource"].span, help, (*path, "resource"))


def _packing(step: Step, settled: Settled, path: Path) -> Found:
    """Report an archive that its driver cannot make so."""
    from firn_schemas.connectors.archive import COMPRESSIONS, TAR_ENDINGS  # few flows make archives

    known = COMPRESSIONS.get(settled.driver, ())
    chosen, dest = given(step, "compression"), given(step, "dest_path")
    word = text_at(step.inputs, "compression")
    if chosen is not None and word not in known and any(word in words for words in COMPRESSIONS.values()):
        help = "it has " + listing(known)
        message = f"`{settled.kind}/{settled.driver}` has no `compression: {word}`"
        yield finding("E313", message, chosen.span, help, (*path, "compression"))
    name = dest.value if isinstance(dest, Scalar) else None
    ends = isinstance(name, str) and name.lower().endswith(tuple(TAR_ENDINGS))
    if settled.driver == "tarfile" and chosen is None and isinstance(name, str) and not ends and dest is not None:
        help = "end it with " + listing(TAR_ENDINGS) + ", or give `compression`"
        message = "the archive's ending does not say how it is compressed"
        yield finding("E205", message, dest.span, help, (*path, "dest_path"))
    if settled.driver == "pyzipper" and said(settled, "password") is None:
        message = f"`{text_at(step.inputs, 'resource')}` has no `password` to encrypt the archive with"
        help = "set it, or use the driver `zipfile` for archives that anyone may read"
        yield finding("E203", message, step.inputs.entries["resource"].span, help, (*path, "resource"))


def _watermark_param(step: Step, settled: Settled, path: Path) -> Found:
    """Report a query parameter for what takes none."""
    node = mapping_at(step.inputs, "incremental")
    row = settled.row
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
    "archive_create": (_packing,),
    "export": (_outside,),
    "http": (_outside,),
    "read": (_places, _outside, _format, _watermark_param, _table, _reached),
    "run_process": (_allowed,),
    "write": (_places, _outside, _format, _does, _one_file, _writable, _table, _reached),
}
"""What a step asks of its resource."""
