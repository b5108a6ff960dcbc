"""References: every name that is used must be defined, and do what is asked of it."""

from collections.abc import Collection, Iterator

from firn_compiler.checks.declared import both_words, defined, family_named
from firn_compiler.checks.shape import needed
from firn_compiler.closest import misspelt
from firn_compiler.diagnostics import Diagnostic, finding, step_of, suggestion
from firn_compiler.document import (
    Mapping,
    Node,
    Path,
    Scalar,
    Sequence,
    entries_at,
    items_at,
    key_span,
    text_at,
    value_of,
)
from firn_compiler.model.project import Flow, Platform, Settled, Step
from firn_compiler.stages.settle import (
    LOGICAL,
    OWN_NAMES,
    resource,
)
from firn_schemas.connectors import CONNECTORS
from firn_schemas.steps import STEPS, StepType
from firn_schemas.visible import listing

COMPUTE_ABILITIES = frozenset(["queryable"])
"""What a step may ask of the flow's compute."""


def references(flow: Flow, platform: Platform | None) -> Iterator[Diagnostic]:
    """Report unknown names of a flow; what only a platform can tell is left out where there is none."""
    yield from _logical_names(flow, platform)
    for name in flow.resources:
        yield from _resource(flow, platform, name)
    for step in flow.steps:
        yield from _step(flow, platform, step)
    yield from _unused(flow, platform)


def _logical_names(flow: Flow, platform: Platform | None) -> Iterator[Diagnostic]:
    for name, section in LOGICAL.items() if platform else ():
        assert platform is not None
        node = flow.root.entries.get(name)
        if not _engine_as_it_comes(platform, name, node):
            yield from defined(platform, section, node, (name,))


def _engine_as_it_comes(platform: Platform, name: str, node: Node | None) -> bool:
    """Whether it is the compute `default` of a platform that defines none: DuckDB without settings."""
    named = node is None or value_of(node) == "default"
    return name == "compute" and named and "compute" not in platform.root.entries


def _resource(flow: Flow, platform: Platform | None, name: str) -> Iterator[Diagnostic]:
    node, path = flow.resources[name], ("resources", name)
    if name in OWN_NAMES:
        yield finding(
            "E310", f"`{name}` is the name of the flow's own {name}", key_span(flow.root, path), "choose another", path
        )
    yield from both_words(node, path)
    profile = text_at(node, "profile")
    named = node.entries.get("profile")
    if profile is None and named is not None and value_of(named) is not None:
        return  # the shape check says what it must be
    if profile is None:
        yield from family_named(node, path, key_span(flow.root, path))
        return
    words = [key for key in ("type", "kind", "driver") if key in node.entries]
    if words:
        said = " and ".join(f"`{key}`" for key in words)
        message = f"`profile` already says the {said}: name one or the other"
        yield finding("E205", message, node.keys[words[0]], "remove what the platform says", (*path, words[0]))
    if platform and profile not in (names := entries_at(platform.root, "connectors")):
        help = suggestion(profile, names, f"{platform.file} defines")
        yield finding(
            "E301",
            f"`{profile}` is not a connector of this platform",
            node.entries["profile"].span,
            help,
            (*path, "profile"),
        )


def _step(flow: Flow, platform: Platform | None, step: Step) -> Iterator[Diagnostic]:
    row, written = STEPS.get(step.type), text_at(step.node, "type")
    if written is not None and written not in STEPS:
        place = step.node.entries["type"].span
        help = suggestion(written, STEPS)
        yield finding("E304", f"`{written}` is not a step type", place, help, (*step.path, "type"))
    node = step.inputs.entries.get("resource")
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return
    path, name = (*step.inputs_path, "resource"), node.value
    known = [*entries_at(flow.root, "resources"), *OWN_NAMES, *_layer_names(platform)]
    if name not in known:
        meant, connectors = misspelt(name, known), entries_at(platform.root, "connectors") if platform else ()
        profile = misspelt(name, connectors) if meant is None else None
        help = f"declare it: `resources: {{{profile}: {{profile: {profile}}}}}`" if profile else suggestion(name, known)
        if platform is not None or meant:  # without a platform it may be one of its layers
            yield finding("E302", f"`{name}` is not a resource of this flow", node.span, help, path)
        return
    if name in LOGICAL and name not in flow.resources and text_at(flow.root, name) is None and platform:
        yield from _default_name(platform, name, node, path)
    settled = resource(flow, platform, name)
    if settled is not None and row is not None:
        yield from _fits(settled, row, step.type, node, path)


def _layer_names(platform: Platform | None) -> Collection[str]:
    return entries_at(platform.root, "layers") if platform else ()


def _fits(settled: Settled, row: StepType, kind: str, node: Scalar, path: Path) -> Iterator[Diagnostic]:
    """Report a resource that cannot do what the step asks of it."""
    if row.needs and not _able(settled.kind, settled.driver, row.needs):
        able = [key for key, schema in CONNECTORS.items() if getattr(schema, row.needs)]
        what = VERBS[row.needs]
    elif row.kind and settled.kind != row.kind:
        able = [key for key in CONNECTORS if key[0] == row.kind]
        what = f"be used by {step_of(kind)}"
    else:
        return
    help = "these can: " + listing(f"{kind}/{driver}" for kind, driver in sorted(able))
    message = f"`{node.value}` ({settled.kind}/{settled.driver}) cannot {what}"
    yield finding("E313", message, node.span, help, path)


VERBS = {
    "readable": "be read from",
    "writable": "be written to",
    "queryable": "be queried",
    "files": "list or move files",
}
"""What a step may ask of its resource, in words."""


def _able(kind: str, driver: str, ability: str) -> bool:
    return ability in COMPUTE_ABILITIES if kind == "compute" else bool(getattr(CONNECTORS[kind, driver], ability))


def _default_name(platform: Platform, name: str, node: Scalar, path: Path) -> Iterator[Diagnostic]:
    names = entries_at(platform.root, LOGICAL[name])
    if "default" not in names and not _engine_as_it_comes(platform, name, None):
        help = suggestion("default", names, f"{platform.file} defines")
        yield finding("E303", f"this platform has no {name} `default`", node.span, help, path)


def _unused(flow: Flow, platform: Platform | None) -> Iterator[Diagnostic]:
    if not _readable(flow):
        return
    if not any(job.steps for job in flow.jobs):
        place = flow.root.keys.get("name", flow.root.span)
        yield finding("W302", "the flow has no steps: it will do nothing", place, "add `steps:` or `jobs:`")
        return
    used = flow.resource_names
    unknown = used - {*flow.resources, *OWN_NAMES, *_layer_names(platform)}
    for name in flow.resources:
        if name not in used and not unknown:
            yield finding(
                "W301",
                f"no step uses the resource `{name}`",
                key_span(flow.root, ("resources", name)),
                "remove it, or name it in a step",
                ("resources", name),
            )


def _readable(flow: Flow) -> bool:
    """Whether every step of the flow could be read: only then is it known what is not used."""
    lists = [flow.root.entries.get(key) for key in ("jobs", "steps", "transforms")]
    lists += [job.node.entries.get("steps") for job in flow.jobs]
    items = [item for one in lists if isinstance(one, Sequence) for item in one.items]
    inputs = [step.node.entries.get("inputs") for step in flow.steps]
    return (
        all(one is None or isinstance(one, Sequence) for one in lists)
        and all(isinstance(item, Mapping) for item in items)
        and all(one is None or isinstance(one, Mapping) for one in inputs)
        and all(text_at(item, "type") is not None for item in items_at(flow.root, "transforms"))
        and all(step.type in STEPS and _names_its_resource(step) for step in flow.steps)
    )


def _names_its_resource(step: Step) -> bool:
    """Whether a step says by a plain name what it uses, or needs nothing."""
    node = step.inputs.entries.get("resource")
    if node is None:
        return "resource" not in needed(STEPS[step.type].inputs)
    return isinstance(node, Scalar) and isinstance(node.value, str)
