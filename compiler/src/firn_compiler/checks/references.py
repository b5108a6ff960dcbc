"""References: every name that is used must be defined, and do what is asked of it."""

from collections.abc import Iterator

from firn_compiler.diagnostics import Diagnostic, Related, finding, suggestion
from firn_compiler.document import Mapping, Scalar, key_span, mapping_at, text_at
from firn_compiler.model.project import Flow, Platform, Step
from firn_compiler.stages.settle import LOGICAL, connector_names, family, resource
from firn_schemas.connectors import COMPUTE, CONNECTORS, STORAGE
from firn_schemas.steps import STEPS

COMPUTE_ABILITIES = frozenset(["queryable"])
"""What a step may ask of the flow's compute."""

RESERVED = frozenset(["information_schema", "pg_catalog"])
"""Schemas that the engine has already; a job's datasets stand in a schema of its name."""


def references(flow: Flow, platform: Platform | None) -> Iterator[Diagnostic]:
    """Report unknown names of a flow; what only a platform can tell is left out where there is none."""
    yield from _logical_names(flow, platform)
    for name in flow.resources:
        yield from _resource(flow, platform, name)
    for job in flow.jobs:
        for step in job.steps:
            yield from _step(flow, platform, step)
    yield from _unused(flow)


def connectors(platform: Platform) -> Iterator[Diagnostic]:
    """Report connectors, storages and computes of the platform that name no known kind, driver or type."""
    section = mapping_at(platform.root, "connectors")
    for name, node in (section.entries if section else {}).items():
        if isinstance(node, Mapping):
            yield from _family(node, ("connectors", name))
    for section_name, known in (("storage", STORAGE), ("compute", COMPUTE)):
        section = mapping_at(platform.root, section_name)
        for name, node in (section.entries if section else {}).items():
            word = node.entries.get("type") if isinstance(node, Mapping) else None
            path = (section_name, name, "type")
            if isinstance(node, Mapping) and word is None and section_name == "storage":
                span = key_span(platform.root, path[:-1])
                yield finding("E203", "the key `type` is missing", span, "add `type:`", path)
            elif isinstance(word, Scalar) and isinstance(word.value, str) and word.value not in known:
                message = f"`{word.value}` is not a {section_name} type"
                yield finding("E312", message, word.span, suggestion(word.value, known), path)


def _family(node: Mapping, path: tuple[str | int, ...]) -> Iterator[Diagnostic]:
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
        missing = "driver" if words == ["kind"] else "kind"
        yield finding(
            "E203",
            f"the key `{missing}` is missing",
            node.span._replace(end_line=node.span.line),
            "name `kind` and `driver`, or `type`",
            path,
        )
    elif family(node) is None and (kind := text_at(node, "kind")) and (driver := text_at(node, "driver")):
        kinds = {row[0] for row in CONNECTORS}
        if kind not in kinds:
            yield finding(
                "E312",
                f"`{kind}` is not a kind of connector",
                node.entries["kind"].span,
                suggestion(kind, kinds),
                (*path, "kind"),
            )
        else:
            drivers = {row[1] for row in CONNECTORS if row[0] == kind}
            yield finding(
                "E312",
                f"`{driver}` is not a driver of `{kind}`",
                node.entries["driver"].span,
                suggestion(driver, drivers),
                (*path, "driver"),
            )
    if "config" in node.entries and "params" in node.entries:
        yield finding("E205", "`params` is short for `config`: name one or the other", node.keys["params"], path=path)


def _logical_names(flow: Flow, platform: Platform | None) -> Iterator[Diagnostic]:
    for section in LOGICAL:
        node = flow.root.entries.get(section)
        if platform is None or not isinstance(node, Scalar) or not isinstance(node.value, str):
            continue
        defined = mapping_at(platform.root, section)
        names = list(defined.entries) if defined else []
        if node.value not in names and not (section == "compute" and defined is None and node.value == "default"):
            help = suggestion(node.value, names, f"{platform.file} defines")
            yield finding("E303", f"`{node.value}` is not a {section} of this platform", node.span, help, (section,))


def _resource(flow: Flow, platform: Platform | None, name: str) -> Iterator[Diagnostic]:
    node, path = flow.resources[name], ("resources", name)
    if name in LOGICAL:
        yield finding(
            "E310", f"`{name}` is the name of the flow's own {name}", key_span(flow.root, path), "choose another", path
        )
    profile = text_at(node, "profile")
    if profile is None:
        yield from _family(node, path)
        if platform and text_at(mapping_at(platform.root, "security"), "mode") == "enterprise":
            mode = platform.root.entries["security"].entries["mode"]  # type: ignore[union-attr]  # just read as a mapping
            help = "name a connector of the platform with `profile:`"
            where = (Related("the platform's policy", mode.span),)
            yield finding(
                "E702",
                "an `enterprise` platform allows no inline resources",
                key_span(flow.root, path),
                help,
                path,
                where,
            )
        return
    for key in ("type", "kind", "driver"):
        if key in node.entries:
            yield finding(
                "E205", f"`profile` already says the `{key}`: name one or the other", node.keys[key], path=(*path, key)
            )
    defined = mapping_at(platform.root, "connectors") if platform else None
    names = list(defined.entries) if defined else []
    if platform and profile not in names:
        help = suggestion(profile, names, f"{platform.file} defines")
        yield finding(
            "E301",
            f"`{profile}` is not a connector of this platform",
            node.entries["profile"].span,
            help,
            (*path, "profile"),
        )


def _step(flow: Flow, platform: Platform | None, step: Step) -> Iterator[Diagnostic]:
    row = STEPS.get(step.type)
    if row is None:
        place = step.node.entries["type"].span
        yield finding(
            "E304", f"`{step.type}` is not a step type", place, suggestion(step.type, STEPS), (*step.path, "type")
        )
        return
    node = step.inputs.entries.get("resource")
    if row.needs is None or not isinstance(node, Scalar) or not isinstance(node.value, str):
        return
    path, name = (*step.path, "inputs", "resource"), node.value
    if name not in flow.resources and name not in LOGICAL:
        help = suggestion(name, [*flow.resources, *LOGICAL])
        yield finding("E302", f"`{name}` is not a resource of this flow", node.span, help, path)
        return
    if name in LOGICAL and name not in flow.resources and name not in flow.root.entries and platform:
        yield from _default_name(platform, name, node, path)
    settled = resource(flow, platform, name)
    if settled is not None and not _able(settled.kind, settled.driver, row.needs):
        verb = {"readable": "read from", "writable": "written to", "queryable": "queried"}[row.needs]
        able = sorted("/".join(key) for key, schema in CONNECTORS.items() if getattr(schema, row.needs))
        help = "these can: " + ", ".join(f"`{one}`" for one in able)
        yield finding("E313", f"`{name}` ({settled.kind}/{settled.driver}) cannot be {verb}", node.span, help, path)


def _able(kind: str, driver: str, ability: str) -> bool:
    return ability in COMPUTE_ABILITIES if kind == "compute" else getattr(CONNECTORS[kind, driver], ability)


def _default_name(platform: Platform, name: str, node: Scalar, path: tuple[str | int, ...]) -> Iterator[Diagnostic]:
    defined = mapping_at(platform.root, name)
    if "default" not in (defined.entries if defined else {}) and not (name == "compute" and defined is None):
        names = list(defined.entries) if defined else []
        help = suggestion("default", names, f"{platform.file} defines")
        yield finding("E303", f"this platform has no {name} `default`", node.span, help, path)


def _unused(flow: Flow) -> Iterator[Diagnostic]:
    used = {text_at(step.inputs, "resource") for job in flow.jobs for step in job.steps}
    misspelt = used - {None, *flow.resources, *LOGICAL}
    for name in flow.resources:
        if name not in used and not misspelt:
            yield finding(
                "W301",
                f"no step uses the resource `{name}`",
                key_span(flow.root, ("resources", name)),
                "remove it",
                ("resources", name),
            )
    if not any(job.steps for job in flow.jobs):
        yield finding(
            "W302",
            "the flow has no steps: it will do nothing",
            flow.root.keys.get("name", flow.root.span),
            "add `steps:` or `jobs:`",
        )


def duplicates(flow: Flow) -> Iterator[Diagnostic]:
    """Report jobs of one flow, and steps of one job, that have the same id; and both forms of steps at once."""
    root = flow.root
    if "jobs" in root.entries and "steps" in root.entries:
        yield finding(
            "E205", "`steps` is short for one job: name `jobs` or `steps`", root.keys["steps"], path=("steps",)
        )
    groups = [
        [(job.id, job.node) for job in flow.jobs],
        *([(step.id, step.node) for step in job.steps] for job in flow.jobs),
    ]
    for what, group in zip(["job", *["step"] * len(flow.jobs)], groups, strict=True):
        first: dict[str, Mapping] = {}
        for name, node in group:
            key = name.lower()  # the engine's names have no case
            if key in RESERVED:
                span = node.entries["id"].span
                yield finding("E310", f"`{name}` is a name of the engine's own", span, "choose another")
            if key in first:
                place = Related("first", first[key].entries["id"].span)
                line = first[key].entries["id"].span.line
                yield finding(
                    "E310",
                    f"there are two {what}s `{name}`",
                    node.entries["id"].span,
                    f"rename one; the first is on line {line}",
                    related=(place,),
                )
            first.setdefault(key, node)
