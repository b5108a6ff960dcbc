"""Settings: every step's inputs and every used resource's merged settings against their closed schemas."""

from collections.abc import Iterator
from typing import NamedTuple

from firn_compiler.checks.inputs import lacks_inputs
from firn_compiler.checks.requests import own_headers
from firn_compiler.checks.shape import needed, of_another, shape
from firn_compiler.checks.urls import urls
from firn_compiler.closest import misspelt
from firn_compiler.diagnostics import Diagnostic, Related, finding
from firn_compiler.document import (
    Deferred,
    Document,
    Mapping,
    Node,
    Path,
    Scalar,
    is_null,
    items_at,
    key_span,
    lookup,
    mappings_at,
    nearest,
    text_at,
    walk,
)
from firn_compiler.model.project import Flow, Platform, Step
from firn_compiler.model.shapes import StepShape
from firn_compiler.stages.bind import STEP_KEYS
from firn_compiler.stages.defaults import with_spellings
from firn_compiler.stages.expand import templates_in
from firn_compiler.stages.keys_meant import word_meant
from firn_compiler.stages.settle import TYPES, compute_settings, decoded, family, flat_parts, part, resources, served_by
from firn_schemas.compute import COMPUTE
from firn_schemas.connectors import CONNECTORS, Connector
from firn_schemas.decode import keys
from firn_schemas.steps import STEPS
from firn_schemas.visible import listing


def step_inputs(flow: Flow) -> Iterator[Diagnostic]:
    """Report inputs that do not fit their step type."""
    for step in flow.steps:
        if step.type in STEPS:
            yield from _inputs(step)
    yield from _transforms(flow)


def _transforms(flow: Flow) -> Iterator[Diagnostic]:
    """Report what of a `transforms` item is the step's own and wrong; its other keys are inputs."""
    for index, item in enumerate(items_at(flow.root, "transforms")):
        if isinstance(item, Mapping):
            own = {key: node for key, node in item.entries.items() if key in STEP_KEYS}
            node = Mapping({"id": Scalar("x", item.span)} | own, item.keys, item.span)
            yield from shape(StepShape, node, ("transforms", index))


def _inputs(step: Step) -> Iterator[Diagnostic]:
    row, path = STEPS[step.type], step.inputs_path
    if lacks_inputs(step):
        wanted = [*needed(row.inputs), *([f"one of {listing(row.exactly_one)}"] if row.exactly_one else [])]
        if wanted:
            *keys, last = (one if " " in one else f"`{one}`" for one in wanted)
            help = f"add `inputs:` with {', '.join(keys)}{' and ' if keys else ''}{last}"
            yield finding("E203", "the key `inputs` is missing", key_span(step.node, ("type",)), help, path)
    elif isinstance(step.node.entries.get("inputs", step.inputs), Mapping):  # else what is missing only follows
        yield from shape(row.inputs, with_spellings(row.inputs, step.inputs), path)


def resource_settings(flow: Flow, platform: Platform | None) -> Iterator[Diagnostic]:
    """Report settings that do not fit their connector, after the merge; both layers are shown."""
    for name, settled in resources(flow, platform):
        row = settled.row
        if row is None:
            records = {"properties": (COMPUTE[settled.driver], settled.config)}
        else:
            records = {"config": (row.config, settled.config), "options": (row.options, settled.options)}
        for key, (record, node) in records.items():
            found = _as_written(shape(record, node, ("resources", name, key)), settled.decode)
            for one in _beside(found, key, row):
                if one.code == "E203" and name not in flow.resources:
                    continue  # it is the platform's alone, of which another finding says it
                one = _to_add(one, name, flow.resources.get(name))
                profile = text_at(flow.resources.get(name), "profile") or ""
                own = dict(zip(records, settled.merged, strict=False)).get(key)
                below = lookup(platform.merged, ("connectors", profile, key)) if platform is not None else None
                yield with_removal(_with_layers(one, node), _inside(one.path), own, below).or_at(settled.place)
        if isinstance(settled.config, Mapping):
            yield from own_headers(settled.config, ("resources", name, "config"))
            yield from urls(settled.config, ("resources", name, "config"))


def _to_add(one: Diagnostic, name: str, declared: Node | None) -> Diagnostic:
    """Say of a setting that is missing where a flow and its platform can bring it."""
    profile = text_at(declared, "profile")
    if one.code != "E203" or profile is None:
        return one
    part = one.path.removeprefix(f"resources.{name}.").rpartition(".")[0]
    return one._replace(help=f"{one.help} to `{part}` of the platform's connector `{profile}`, or of this resource")


def _as_written(found: Iterator[Diagnostic], decoded: tuple[str, ...]) -> Iterator[Diagnostic]:
    """Leave out what is said of the form of settings that the decode hook makes others of."""
    return (one for one in found if one.code != "E204" or ".".join(one.path.split(".")[2:]) not in decoded)


def _beside(found: Iterator[Diagnostic], key: str, row: Connector | None) -> Iterator[Diagnostic]:
    """Say of an unknown setting of `config` or `options` that it belongs to the other of the two."""
    other = {"config": "options", "options": "config"}.get(key)
    record = getattr(row, other) if row and other else None
    known = keys(record) if record else ()
    for one in found:
        meant = misspelt(one.path.rpartition(".")[2], known) if one.code == "E201" else None
        yield one._replace(help=f"it belongs to `{other}`: `{other}: {{{meant}: …}}`") if meant else one


def platform_settings(platform: Platform) -> Iterator[Diagnostic]:
    """Report settings of the platform that no flow can mend: unknown keys and wrong types."""
    for name, node in mappings_at(platform.root, "connectors").items():
        yield from (_left_over(one, node) for one in _connector(node, ("connectors", name)))
    for section in TYPES:
        for name, node in mappings_at(platform.root, section).items():
            below = lookup(platform.merged, (section, name))
            for one in _placed(node, (section, name)):
                yield with_removal(_left_over(_flat(one), node), tuple(one.path.split(".")[2:]), below)
    for name, node in mappings_at(platform.root, "compute").items():
        yield from _compute(node, ("compute", name))
    observed = lookup(platform.root, ("observability",))
    yield from urls(observed, ("observability",)) if observed is not None else ()
    documents = {document.file: document for document in platform.documents}
    for path, leaf in walk(platform.root):
        if isinstance(leaf, Scalar) and isinstance(leaf.value, Deferred):
            yield from _platform_template(leaf, path, documents)


def _connector(node: Mapping, path: Path) -> Iterator[Diagnostic]:
    """Report settings of a connector; a flow may still add what is missing."""
    row = family(node)
    for key in ("config", "options") if row is not None else ():
        assert row is not None
        found = shape(getattr(CONNECTORS[row], key), part(node, key, row), (*path, key))
        mended = _beside(_as_written(found, decoded(node, row)), key, CONNECTORS[row])
        yield from (one for one in mended if one.code != "E203")


def _placed(node: Mapping, path: Path) -> Iterator[Diagnostic]:
    """Report settings of a storage or catalog; where it has a `config`, what is missing may stand in there."""
    row = served_by(str(path[0]), node)
    for record, tree in zip(_records(row), flat_parts(node, row), strict=True) if row is not None else ():
        yield from (one for one in shape(record, tree, path) if one.code != "E203" or "config" not in node.entries)


def _flat(one: Diagnostic) -> Diagnostic:
    """Say of `config` and `options` in a storage or catalog that its settings stand beside its type."""
    nested = one.code == "E201" and one.path.rpartition(".")[2] in ("config", "options", "params")
    return one._replace(help="write its settings beside `type`, without a level of their own") if nested else one


def _left_over(one: Diagnostic, node: Mapping) -> Diagnostic:
    """Say of an unknown setting that it is one of another type, which a later file of the chain has replaced."""
    words = (node.entries.get(word) for word in ("type", "driver", "kind"))
    chosen = next((word.span for word in words if word is not None and word.prior), one.span)
    return of_another(one, "type", chosen) if one.code == "E201" and not one.related else one


def _records(row: tuple[str, str]) -> tuple[type, type]:
    return CONNECTORS[row].config, CONNECTORS[row].options


def _compute(node: Mapping, path: Path) -> Iterator[Diagnostic]:
    driver = word_meant(node, "type", COMPUTE) or ""
    if driver not in COMPUTE:
        return
    where = (*path, "properties") if driver == "duckdb" else path
    yield from shape(COMPUTE[driver], compute_settings(node, driver), where)
    for key in ("master", "remote") if driver != "spark" else ():
        if key in node.keys:
            message = f"`{key}` is a setting of `spark`, not of `{driver}`"
            yield finding("E201", message, node.keys[key], "remove it", (*path, key))


class _Section(NamedTuple):
    """Where the settings of a section's entries begin, and the words there that must be known at compile time."""

    depth: int
    words: frozenset[str]


_SETTINGS = {
    "catalogs": _Section(2, frozenset(["type"])),
    "compute": _Section(2, frozenset(["type"])),
    "connectors": _Section(2, frozenset(["decode", "driver", "kind", "locked", "type"])),
    "observability": _Section(1, frozenset()),
    "state": _Section(1, frozenset(["backend"])),
    "storage": _Section(2, frozenset(["type"])),
}


def _platform_template(leaf: Scalar, path: Path, documents: dict[str, Document]) -> Iterator[Diagnostic]:
    assert isinstance(leaf.value, Deferred)
    section = _SETTINGS.get(str(path[0]))
    settings = section is not None and len(path) > section.depth and path[section.depth] not in section.words
    allowed = {"var", "env"} if settings else {"var"}
    for reference, span in templates_in(leaf, documents):
        root = reference.partition(".")[0]
        if root not in allowed:
            help = "a platform uses `var`, and `env` in the settings of its systems"
            yield finding("E402", f"`{root}` cannot stand here", span, help, path)


def _with_layers(one: Diagnostic, node: Node) -> Diagnostic:
    """Add what the value replaced, so that both owners see their line."""
    path = _inside(one.path)
    prior = nearest(node, path).prior if lookup(node, path) is not None else ()
    related = tuple(Related("replaces the value set here", layer.span) for layer in prior if layer.span.file)
    return one._replace(related=(*one.related, *related))


def with_removal(one: Diagnostic, path: Path, *before: Node | None) -> Diagnostic:
    """Add where a key that is missing was taken away, and what had set it, or say that it has no value.

    `before` are the trees, the last first, that still have nulls; `path` is where the key is in them.
    """
    for tree in before if one.code == "E203" else ():
        null = lookup(tree, path) if tree is not None else None
        if tree is None or null is None or not is_null(null):
            continue
        if not null.prior:
            message, help = f"the key `{path[-1]}` has no value", f"write it behind `{path[-1]}:`"
            return one._replace(message=message, span=key_span(tree, path), help=help)
        layers = [Related("set here", layer.span) for layer in null.prior[-1:]]
        return one._replace(related=(*one.related, Related("taken away here", null.span), *layers))
    return one


def _inside(path: str) -> Path:
    """Return the path below `config` or `options` of a finding's dotted path; list indexes do not occur in it."""
    return tuple(path.split(".")[3:])
