"""References: every name that is used must be defined, and do what is asked of it."""

from collections.abc import Collection, Iterator

from firn_compiler.closest import misspelt
from firn_compiler.diagnostics import Diagnostic, Related, finding, step_of, suggestion
from firn_compiler.document import (
    Mapping,
    Node,
    Path,
    Scalar,
    Sequence,
    Span,
    dotted,
    entries_at,
    items_at,
    key_span,
    mapping_at,
    mappings_at,
    text_at,
    value_of,
)
from firn_compiler.model.project import Flow, Platform, Settled, Step
from firn_compiler.stages.settle import (
    LOGICAL,
    OWN_NAMES,
    SHORT,
    TYPES,
    connector_names,
    declarable,
    family,
    in_full,
    resource,
)
from firn_schemas.compute import COMPUTE
from firn_schemas.connectors import CONNECTORS
from firn_schemas.steps import STEPS, StepType
from firn_schemas.visible import listing

COMPUTE_ABILITIES = frozenset(["queryable"])
"""What a step may ask of the flow's compute."""

RESERVED = frozenset(["information_schema", "pg_catalog"])
"""Schemas that the engine has already; a job's datasets stand in a schema of its name."""


def references(flow: Flow, platform: Platform | None) -> Iterator[Diagnostic]:
    """Report unknown names of a flow; what only a platform can tell is left out where there is none."""
    yield from _logical_names(flow, platform)
    for name in flow.resources:
        yield from _resource(flow, platform, name)
    for step in flow.steps:
        yield from _step(flow, platform, step)
    yield from _unused(flow, platform)


def connectors(platform: Platform) -> Iterator[Diagnostic]:
    """Report connectors, storages and computes of the platform that name no known kind, driver or type."""
    for document in platform.documents:
        for name, node in mappings_at(document.root, "connectors").items():
            yield from _both_words(node, ("connectors", name))
    for name, node in mappings_at(platform.root, "connectors").items():
        path: Path = ("connectors", name)
        yield from _family(node, path, key_span(platform.root, path))
    yield from _layers(platform)
    tables: list[tuple[str, Collection[str]]] = [*TYPES.items(), ("compute", COMPUTE)]
    for section, known in tables:
        for name, node in mappings_at(platform.root, section).items():
            word = node.entries.get("type")
            path = (section, name, "type")
            if word is None and section != "compute":
                span = key_span(platform.root, path[:-1])
                yield finding("E203", "the key `type` is missing", span, "add `type:`", path)
            elif isinstance(word, Scalar) and isinstance(word.value, str) and word.value not in known:
                message = f"`{word.value}` is not a {NOUNS[section]} type"
                yield finding("E312", message, word.span, suggestion(word.value, known), path)


NOUNS = {"storage": "storage", "catalogs": "catalog", "compute": "compute"}
"""What an entry of a platform's section is called."""


def _layers(platform: Platform) -> Iterator[Diagnostic]:
    """Report layers that refer to nothing, name no place, or repeat their catalog's warehouse."""
    for name, node in entries_at(platform.root, "layers").items():
        path: Path = ("layers", name)
        if name in OWN_NAMES:
            message = f"`{name}` is what a flow calls its own {name}: no flow could name this layer"
            yield finding("E310", message, key_span(platform.root, path), "choose another", path)
        if not isinstance(node, Mapping):
            continue
        for key, section in (("storage_ref", "storage"), ("catalog_ref", "catalogs")):
            yield from _defined(platform, section, node.entries.get(key), (*path, key))
        if "storage_ref" not in node.entries and "catalog_ref" not in node.entries:
            message = f"the layer `{name}` says neither `storage_ref` nor `catalog_ref`"
            yield finding("E203", message, key_span(platform.root, path), "add one: it says where the layer is", path)
        catalog = mapping_at(mapping_at(platform.root, "catalogs"), text_at(node, "catalog_ref"))
        namespace, warehouse = text_at(node, "namespace"), text_at(catalog, "warehouse")
        if namespace and catalog and warehouse and namespace.split(".")[0] == warehouse:
            rest = namespace.partition(".")[2] or name
            related = (Related("the catalog's warehouse", catalog.entries["warehouse"].span),)
            message = "a namespace does not repeat the warehouse: that is the catalog's own setting"
            where = (*path, "namespace")
            yield finding("E704", message, node.entries["namespace"].span, f"write `{rest}`", where, related)


def _defined(platform: Platform, section: str, node: Node | None, path: Path) -> Iterator[Diagnostic]:
    """Report a name that the platform's section does not define."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        names = entries_at(platform.root, section)
        if node.value not in names:
            help = suggestion(node.value, names, f"{platform.file} defines")
            message = f"`{node.value}` is not a {NOUNS[section]} of this platform"
            yield finding("E303", message, node.span, help, path)


def _family(node: Mapping, path: Path, key: Span) -> Iterator[Diagnostic]:
    words = [key for key in ("type", "kind", "driver") if key in node.entries]
    if "type" in words and len(words) > 1:
        yield finding(
            "E205", "`type` is short for `kind` and `driver`: name one or the other", node.keys["type"], path=path
        )
    elif "type" in words:
        word = text_at(node, "type")
        if word is not None and word not in connector_names():
            help = suggestion(word, connector_names())
            yield finding("E312", f"`{word}` is not a connector type", node.entries["type"].span, help, (*path, "type"))
    elif len(words) < 2:
        what, ways = ("resource", "`profile: NAME`") if path[0] == "resources" else ("connector", "`type`")
        missing = {"kind": "driver", "driver": "kind"}.get(words[0]) if words else None
        nothing = f"the {what} `{path[-1]}` does not say what it is"
        help = f"add `{missing}:`" if missing else f"add {ways}, or `kind` and `driver`"
        yield finding("E203", f"the key `{missing}` is missing" if missing else nothing, key, help, path)
    elif family(node) is None and (kind := text_at(node, "kind")) and (driver := text_at(node, "driver")):
        kinds = {row[0] for row in declarable()}
        if kind not in kinds:
            yield finding(
                "E312",
                f"`{kind}` is not a kind of connector",
                node.entries["kind"].span,
                suggestion(kind, kinds),
                (*path, "kind"),
            )
        else:
            drivers = {row[1] for row in declarable() if row[0] == kind}
            yield finding(
                "E312",
                f"`{driver}` is not a driver of `{kind}`",
                node.entries["driver"].span,
                suggestion(driver, drivers),
                (*path, "driver"),
            )


def _both_words(node: Mapping, path: Path) -> Iterator[Diagnostic]:
    """Report short words beside what they are short for."""
    left = in_full(node).entries
    for word, full in SHORT.items():
        if word in left:
            message = f"`{word}` is short for `{dotted(full)}`: name one or the other"
            yield finding("E205", message, node.keys[word], path=path)


def _logical_names(flow: Flow, platform: Platform | None) -> Iterator[Diagnostic]:
    for name, section in LOGICAL.items() if platform else ():
        assert platform is not None
        node = flow.root.entries.get(name)
        if not _engine_as_it_comes(platform, name, node):
            yield from _defined(platform, section, node, (name,))


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
    yield from _both_words(node, path)
    profile = text_at(node, "profile")
    named = node.entries.get("profile")
    if profile is None and named is not None and value_of(named) is not None:
        return  # the shape check says what it must be
    if profile is None:
        yield from _family(node, path, key_span(flow.root, path))
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
        help = suggestion(name, known)
        if platform is not None or misspelt(name, known):  # without a platform it may be one of its layers
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
    if not any(job.steps for job in flow.jobs):
        yield finding(
            "W302",
            "the flow has no steps: it will do nothing",
            flow.root.keys.get("name", flow.root.span),
            "add `steps:` or `jobs:`",
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
        and all(step.type in STEPS and _plain_name(step.inputs.entries.get("resource")) for step in flow.steps)
    )


def _plain_name(node: Node | None) -> bool:
    return node is None or (isinstance(node, Scalar) and isinstance(node.value, str))


def duplicates(flow: Flow) -> Iterator[Diagnostic]:
    """Report jobs of one flow, and steps of one job, that have the same id; and both forms of steps at once."""
    root = flow.root
    if "jobs" in root.entries and "steps" in root.entries:
        yield finding(
            "E205", "`steps` is short for one job: name `jobs` or `steps`", root.keys["steps"], path=("steps",)
        )
    yield from _same("job", [(job.id, _named_at(job.node, job.id)) for job in flow.jobs])
    for job in flow.jobs:
        yield from _same("step", [(step.id, _named_at(step.node, "type")) for step in job.steps])


def _named_at(node: Mapping, otherwise: str) -> Span:
    """Return where an id stands; of a job or step that has none of its own, the key that makes it."""
    own = node.entries.get("id")
    return own.span if own is not None else node.keys.get(otherwise) or node.keys.get("steps", node.span)


def _same(what: str, names: list[tuple[str, Span]]) -> Iterator[Diagnostic]:
    first: dict[str, tuple[str, Span]] = {}
    for name, span in names:
        key = name.lower()  # the engine's names have no case
        if not name:
            continue
        if key in RESERVED:
            yield finding("E310", f"`{name}` is a name of the engine's own", span, "choose another")
        written, place = first.setdefault(key, (name, span))
        if place != span:
            same = f"there are two {what}s `{name}`"
            message = same if written == name else f"the {what}s `{written}` and `{name}` differ only by case"
            help = f"rename one; the first is on line {place.line}"
            yield finding("E310", message, span, help, related=(Related("first", place),))
