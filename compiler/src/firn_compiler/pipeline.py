"""The recipe: texts → tree → checks → payload → bytes. It touches no file, clock, environment or network itself."""

import gc
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Map
from contextlib import contextmanager
from typing import Any, NamedTuple

from firn_compiler.checks.graph import graph
from firn_compiler.checks.references import connectors, duplicates, references
from firn_compiler.checks.secrets import secrets
from firn_compiler.checks.settings import platform_settings, resource_settings, step_inputs
from firn_compiler.checks.shape import flow_shape, platform_shape
from firn_compiler.diagnostics import Diagnostic, Related, finding, has_errors, in_order
from firn_compiler.document import Deferred, Document, Mapping, Node, Scalar, mapping_at, text_at, value_of
from firn_compiler.model.project import Flow, Platform, Project, Settled
from firn_compiler.stages.bind import bind_flow
from firn_compiler.stages.expand import expanded, variables_of
from firn_compiler.stages.freeze import payload
from firn_compiler.stages.lower import Lowered, Place, lower_flow, lower_node, ordered, places, settled_inputs
from firn_compiler.stages.merge import merged, without_nulls
from firn_compiler.stages.settle import EMPTY, resource
from firn_compiler.template import Constants, TemplateError, expand
from firn_compiler.yaml_source import Source, parse
from firn_schemas.artifact_format import FORMAT
from firn_schemas.base import Json, JsonObject
from firn_schemas.canonical import NotCanonical, bytes_digest, digest, file_bytes

MAX_CHAIN = 20
Reader = Callable[[str, str], Source | None]
"""Reads the file that `file` (first) names as `path` (second); None where there is none."""


class Request(NamedTuple):
    """What to compile. `environment` is the name to use where the platform states none."""

    flows: tuple[Source, ...]
    platform: Source | None
    environment: str
    variables: Map[str, Json]
    read: Reader


class Compilation(NamedTuple):
    """What came out: every finding in file order, and the artifact where none of them is an error."""

    diagnostics: tuple[Diagnostic, ...]
    texts: Map[str, str]
    """The text of every file that could be read, for showing source lines."""
    artifact: bytes | None = None
    digest: str = ""
    flows: tuple[str, ...] = ()
    environment: str = ""
    places: tuple[Place, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is in the way of a run."""
        return not has_errors(self.diagnostics)


def compile_project(request: Request) -> Compilation:
    """Check everything and freeze it. Nothing is written; what a user can fix is in `diagnostics`."""
    with _collector_paused():
        return _compile(request, freeze=True)


def validate_project(request: Request) -> Compilation:
    """Check everything that can be checked; without a platform, everything that needs none."""
    with _collector_paused():
        return _compile(request, freeze=False)


def _compile(request: Request, *, freeze: bool) -> Compilation:
    documents, texts, found = _parse(request)
    project, constants, more = _bind(request, documents)
    found += more
    found += list(_check(project, constants))
    sql_files, more = _sql_files(project, constants, request.read)
    found += more
    if not freeze or has_errors(found) or project.platform is None:
        return Compilation(in_order(found, texts), texts, environment=_environment(project))
    flows = [lower_flow(flow, _resources(flow, project.platform), sql_files) for flow in project.flows]
    body = _payload(project, flows, sql_files)
    try:
        hashed = digest(body)
    except NotCanonical as error:
        found.append(Diagnostic("E206", f"a value cannot be frozen: {error.reason}", path=str(error).partition(":")[0]))
        return Compilation(in_order(found, texts), texts)
    content = file_bytes({"digest": hashed, "format": FORMAT, "payload": body})
    names = tuple(flow.name for flow in project.flows)
    where = tuple(_places(project, flows))
    return Compilation(in_order(found, texts), texts, content, hashed, names, project.platform.environment, where)


def _parse(request: Request) -> tuple[dict[str, Document], dict[str, str], list[Diagnostic]]:
    """Parse the flows and the platform's chain; a file that cannot be read stops only itself."""
    documents: dict[str, Document] = {}
    texts: dict[str, str] = {}
    found: list[Diagnostic] = []

    def add(source: Source) -> Document | None:
        parsed = parse(source)
        texts[source.file] = source.content.decode("utf-8-sig", "replace")
        if isinstance(parsed, Diagnostic):
            found.append(parsed)
            return None
        documents[parsed.file] = parsed
        return parsed

    for flow in request.flows:
        add(flow)
    source = request.platform
    for _ in range(MAX_CHAIN):
        document = add(source) if source is not None else None
        if document is None or (parent := text_at(document.root, "extends")) is None:
            return documents, texts, found
        source = request.read(document.file, parent)
        place = document.root.entries["extends"].span
        if source is None:
            help = "the path is taken from this file's folder"
            found.append(finding("E307", f"there is no file `{parent}` to extend", place, help, ("extends",)))
        elif source.file in documents:
            message = f"the files extend each other: `{parent}` comes back here"
            found.append(finding("E308", message, place, "remove one `extends`", ("extends",)))
            source = None
    if source is not None:
        found.append(Diagnostic("E308", f"more than {MAX_CHAIN} files extend each other"))
    return documents, texts, found


def _bind(request: Request, documents: dict[str, Document]) -> tuple[Project, dict[str, Constants], list[Diagnostic]]:
    flow_files = {source.file for source in request.flows}
    chain = tuple(reversed([one for one in documents.values() if one.file not in flow_files]))
    platform, variables, found = _platform(request, chain, documents)
    flows: list[Flow] = []
    known: dict[str, Constants] = {}
    for source in request.flows:
        document = documents.get(source.file)
        if document is None:
            continue
        constants = Constants(variables_of(document.root) | variables, _flow_constants(document))
        if request.platform is None:
            constants = constants._replace(variables=_Lenient(constants.variables))
        root, more = expanded(document.root, constants, documents)
        found += more
        found += list(flow_shape(root))
        flow = bind_flow(document, root, constants)
        flows.append(flow)
        known[document.file] = constants
    found += _same_names(flows)
    return Project(tuple(flows), platform), known, found


class _Lenient(dict[str, Json]):
    """Variables where no platform is known: one that the flow does not define may still be the platform's."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Any:
        return Deferred({"$ref": f"var.{name}"}, frozenset(["var"]))


def _flow_constants(document: Document) -> dict[str, Json]:
    return {key: word for key in ("name", "version") if (word := text_at(document.root, key)) is not None}


def _platform(
    request: Request, chain: tuple[Document, ...], documents: dict[str, Document]
) -> tuple[Platform | None, dict[str, Json], list[Diagnostic]]:
    if request.platform is None or request.platform.file not in documents:
        return None, dict(request.variables), []
    root: Node = chain[0].root
    for document in chain[1:]:
        root = merged(root, document.root)
    root = without_nulls(root)
    assert isinstance(root, Mapping)
    variables = variables_of(root) | dict(request.variables)
    tree, found = expanded(root, Constants(variables, {}), documents)
    environment = text_at(tree, "environment") or request.environment
    names = tuple(_chain_name(chain, index) for index in range(len(chain)))
    platform = Platform(environment, chain, names, tree)
    found = (*found, *platform_shape(tree))
    if not environment:
        place = tree.keys.get("version", tree.span)
        help = "write `environment:` into it, or give `--env NAME`"
        found = (*found, finding("E203", "the platform has no environment", place, help, ("environment",)))
    return platform, variables, [*found]


def _chain_name(chain: tuple[Document, ...], index: int) -> str:
    """Return how the next file of the chain names this one; the leaf by its own file name."""
    if index + 1 < len(chain):
        return text_at(chain[index + 1].root, "extends") or ""
    return chain[index].file.replace("\\", "/").rpartition("/")[2]


def _same_names(flows: list[Flow]) -> list[Diagnostic]:
    first: dict[str, Flow] = {}
    found: list[Diagnostic] = []
    for flow in flows:
        other = first.setdefault(flow.name, flow)
        if other is not flow and flow.name:
            place = Related("the other flow", other.root.entries["name"].span)
            found.append(
                finding(
                    "E310",
                    f"there are two flows `{flow.name}`",
                    flow.root.entries["name"].span,
                    "rename one",
                    ("name",),
                    (place,),
                )
            )
    return found


def _check(project: Project, constants: Map[str, Constants]) -> Iterator[Diagnostic]:
    platform = project.platform
    if platform:
        yield from connectors(platform)
        yield from platform_settings(platform)
    yield from secrets(project.flows, platform)
    for flow in project.flows:
        yield from duplicates(flow)
        yield from references(flow, platform)
        yield from step_inputs(flow)
        yield from resource_settings(flow, platform)
        yield from graph(flow, constants[flow.document.file])


def _sql_files(
    project: Project, constants: Map[str, Constants], read: Reader
) -> tuple[dict[str, str], list[Diagnostic]]:
    """Read every `sql_file`; its compile-time templates are replaced as in the flow itself."""
    texts: dict[str, str] = {}
    found: list[Diagnostic] = []
    for flow in project.flows:
        for job in flow.jobs:
            for step in job.steps:
                node = step.inputs.entries.get("sql_file")
                if step.type == "sql" and isinstance(node, Scalar) and isinstance(node.value, str):
                    try:
                        texts[node.value] = _sql_text(
                            read(flow.document.file, node.value), constants[flow.document.file]
                        )
                    except TemplateError as error:
                        found.append(
                            finding(
                                error.code, error.message, node.span, error.help, (*step.path, "inputs", "sql_file")
                            )
                        )
    return texts, found


def _sql_text(source: Source | None, constants: Constants) -> str:
    if source is None:
        raise TemplateError("E314", "there is no such file", "the path is taken from the flow's folder")
    try:
        text = source.content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise TemplateError("E103", "the file is not UTF-8", "save it as UTF-8") from None
    value = expand(text, constants)
    if not isinstance(value, str):
        raise TemplateError("E402", "SQL text can use only `var`", "bind run-time values with `params:`")
    return value


def _resources(flow: Flow, platform: Platform) -> dict[str, Settled]:
    """Settle what the flow's steps use; the engine too, where a step needs it."""
    steps = [step for job in flow.jobs for step in job.steps]
    used = {name for step in steps if (name := text_at(step.inputs, "resource"))} | ({"compute"} if steps else set())
    return {name: found for name in sorted(used) if (found := resource(flow, platform, name)) is not None}


def _payload(project: Project, flows: list[Lowered], sql_files: Map[str, str]) -> JsonObject:
    platform = project.platform
    assert platform is not None
    sources: list[JsonObject] = [
        _source("flow", _base(flow.document.file), flow.document.root) for flow in project.flows
    ]
    sources += [
        _source("platform", name, document.root)
        for name, document in zip(platform.names, platform.documents, strict=True)
    ]
    sources += [
        {"kind": "sql", "name": name, "digest": bytes_digest(text.encode())} for name, text in sql_files.items()
    ]
    security = mapping_at(platform.root, "security")
    mode = text_at(security, "mode")
    mounts = value_of(security.entries["secret_mounts"]) if security and "secret_mounts" in security.entries else []
    workspace = {"root": ".firn/work", "cleanup": "on_success"} | value_of(
        mapping_at(platform.root, "workspace") or EMPTY
    )
    policy: JsonObject = {"secret_mounts": mounts} | ({"mode": mode} if mode else {})
    return payload(platform.environment, flows, sources, policy, workspace)


def _source(kind: str, name: str, root: Mapping) -> JsonObject:
    """Describe a file by what it means: comments, quoting and line endings do not count."""
    return {"kind": kind, "name": name, "digest": digest(lower_node(root))}


def _base(file: str) -> str:
    return file.replace("\\", "/").rpartition("/")[2]


def _places(project: Project, flows: list[Lowered]) -> Iterator[Place]:
    """Yield where the artifact's values were written, flow by flow."""
    for flow, lowered in zip(project.flows, flows, strict=True):
        for position, job in enumerate(ordered(flow.jobs)):
            for index, step in enumerate(job.steps):
                pointer = f"/flows/{flow.name}/jobs/{position}/steps/{index}"
                yield from places(f"{pointer}/inputs", settled_inputs(step))
                yield from places(f"{pointer}/outputs", step.outputs)
        for name, settled in lowered.resources.items():
            yield from places(f"/flows/{flow.name}/resources/{name}/config", settled.config)
            yield from places(f"/flows/{flow.name}/resources/{name}/options", settled.options)


def _environment(project: Project) -> str:
    return project.platform.environment if project.platform else ""


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the cycle collector from walking a growing tree that holds no cycles: worth a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
