"""What a step's inputs ask of its resource: places, modes and programs that this has."""

from collections.abc import Callable

from firn_compiler.checks.inputs import WRITE_MODES, Found, file_ending, given, leads_out
from firn_compiler.diagnostics import finding, suggestion
from firn_compiler.document import Path, Scalar, Sequence, items_at, lookup, mapping_at, text_at
from firn_compiler.model.project import Flow, Platform, Settled, Step
from firn_compiler.stages.settle import resource
from firn_schemas.connectors import CONNECTORS
from firn_schemas.steps import STEPS
from firn_schemas.steps.data import ENDINGS


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
    ending = file_ending(node.value) if node is not None else None
    if node is not None and ending is not None and ending not in ENDINGS and given(step, "format") is None:
        known = ", ".join(f"`{one}`" for one in ENDINGS)
        message = "the file's ending does not say its format"
        yield finding("E205", message, node.span, f"add `format:`; known endings: {known}", (*path, "path"))


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
