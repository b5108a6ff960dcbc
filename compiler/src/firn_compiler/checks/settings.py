"""Settings: every step's inputs and every used resource's merged settings against their closed schemas."""

from collections.abc import Iterator
from dataclasses import fields

from firn_compiler.checks.shape import shape
from firn_compiler.diagnostics import Diagnostic, Related, finding
from firn_compiler.document import (
    Deferred,
    Mapping,
    Node,
    Path,
    Scalar,
    dotted,
    lookup,
    mapping_at,
    nearest,
    text_at,
    walk,
)
from firn_compiler.model.project import Flow, Platform, Step
from firn_compiler.stages.defaults import with_spellings
from firn_compiler.stages.settle import family, part, resource
from firn_schemas.connectors import COMPUTE, CONNECTORS
from firn_schemas.decode import spelling
from firn_schemas.steps import STEPS


def step_inputs(flow: Flow) -> Iterator[Diagnostic]:
    """Report inputs that do not fit their step type."""
    for job in flow.jobs:
        for step in job.steps:
            if step.type in STEPS:
                yield from _inputs(step)


def _inputs(step: Step) -> Iterator[Diagnostic]:
    row, path = STEPS[step.type], (*step.path, "inputs")
    yield from shape(row.inputs, with_spellings(row.inputs, step.inputs), path)
    named = [key for key in row.exactly_one if key in step.inputs.entries]
    known = {spelling(field) for field in fields(row.inputs)}
    misspelt = not named and not step.inputs.entries.keys() <= known
    if row.exactly_one and len(named) != 1 and not misspelt:
        listed = ", ".join(f"`{key}`" for key in row.exactly_one)
        place = step.inputs.keys[named[1]] if named else step.node.keys.get("inputs", step.node.entries["id"].span)
        yield finding("E205", f"a `{step.type}` step takes exactly one of {listed}", place, path=path)
    if step.type == "check":
        yield from _expectations(step, path)


def _expectations(step: Step, path: Path) -> Iterator[Diagnostic]:
    found = step.inputs.entries.get("expectations")
    for index, item in enumerate(getattr(found, "items", ())):
        if isinstance(item, Mapping) and len(item.entries) != 1:
            yield finding(
                "E205",
                "an expectation is exactly one rule",
                item.span._replace(end_line=item.span.line),
                "begin each with `- `",
                (*path, "expectations", index),
            )


def resource_settings(flow: Flow, platform: Platform | None) -> Iterator[Diagnostic]:
    """Report settings that do not fit their connector, after the merge; both layers are shown."""
    used = {text_at(step.inputs, "resource") for job in flow.jobs for step in job.steps} | set(flow.resources)
    for name in sorted(word for word in used if word):
        settled = resource(flow, platform, name)
        if settled is None:
            continue
        if settled.kind == "compute":
            records = {"properties": (COMPUTE[settled.driver], settled.config)}
        else:
            row = CONNECTORS[settled.kind, settled.driver]
            records = {"config": (row.config, settled.config), "options": (row.options, settled.options)}
        for key, (record, node) in records.items():
            for one in shape(record, node, ("resources", name, key)):
                yield _with_layers(one, node, settled.place if not one.span.file else None)
    yield from _locked(flow, platform)


def platform_settings(platform: Platform) -> Iterator[Diagnostic]:
    """Report settings of the platform's connectors that no flow can mend: unknown keys and wrong types."""
    section = mapping_at(platform.root, "connectors")
    for name, node in (section.entries if section else {}).items():
        row = family(node) if isinstance(node, Mapping) else None
        if row is None or not isinstance(node, Mapping):
            continue
        for key, record in (("config", CONNECTORS[row].config), ("options", CONNECTORS[row].options)):
            for one in shape(record, part(node, key, row), ("connectors", name, key)):
                if one.code != "E203":  # a flow may still add what is missing
                    yield one
    for name, node in walk_compute(platform):
        driver = text_at(node, "type")
        properties = mapping_at(node, "properties")
        if driver in COMPUTE and properties:
            yield from shape(COMPUTE[driver], properties, ("compute", name, "properties"))
    for path, leaf in walk(platform.root):
        if isinstance(leaf, Scalar) and isinstance(leaf.value, Deferred):
            yield from _platform_template(leaf, path)


def walk_compute(platform: Platform) -> Iterator[tuple[str, Mapping]]:
    """Yield the platform's computes that are mappings."""
    section = mapping_at(platform.root, "compute")
    for name, node in (section.entries if section else {}).items():
        if isinstance(node, Mapping):
            yield name, node


def _platform_template(leaf: Scalar, path: Path) -> Iterator[Diagnostic]:
    assert isinstance(leaf.value, Deferred)
    settings = (path[0] in ("connectors", "storage") and len(path) > 2) or (
        path[0] == "compute" and "properties" in path
    )
    wrong = leaf.value.roots - ({"env"} if settings else set())
    for root in sorted(wrong):
        yield finding(
            "E402",
            f"`{root}` cannot stand here",
            leaf.span,
            "a platform uses `var`, and `env` in the settings of its connectors",
            path,
        )


def _with_layers(one: Diagnostic, node: Node, place: object) -> Diagnostic:
    """Add what the value replaced, so that both owners see their line; a missing key points at the flow's use."""
    path = _inside(one.path)
    prior = nearest(node, path).prior if lookup(node, path) is not None else ()
    related = tuple(Related("replaces the value set here", layer.span) for layer in prior if layer.span.file)
    moved = one._replace(related=(*one.related, *related))
    return moved._replace(span=place) if place is not None else moved  # type: ignore[arg-type]  # a Span when set


def _inside(path: str) -> Path:
    """Return the path below `config` or `options` of a finding's dotted path; list indexes do not occur in it."""
    return tuple(path.split(".")[3:])


def _locked(flow: Flow, platform: Platform | None) -> Iterator[Diagnostic]:
    section = mapping_at(platform.root, "connectors") if platform else None
    for name, node in flow.resources.items():
        profile = text_at(node, "profile")
        connector = section.entries.get(profile) if section and profile else None
        locked = getattr(connector.entries.get("locked"), "items", ()) if isinstance(connector, Mapping) else ()
        for item in locked:
            path = tuple(str(item.value).split(".")) if isinstance(item, Scalar) else ()
            if path and (set_here := lookup(node, path)) is not None:
                related = (Related("the platform locks it here", item.span),)
                yield finding(
                    "E701",
                    f"`{dotted(path)}` is locked by the platform",
                    set_here.span,
                    "remove it from the flow",
                    ("resources", name, *path),
                    related,
                )
