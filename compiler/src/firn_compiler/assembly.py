"""From texts to a project: files parsed, the platform's chain merged, templates replaced, shapes checked."""

from collections.abc import Callable
from collections.abc import Mapping as Map
from typing import Any, NamedTuple

from firn_compiler.checks.shape import flow_shape, platform_shape
from firn_compiler.diagnostics import Diagnostic, Related, finding
from firn_compiler.document import Deferred, Document, Mapping, text_at
from firn_compiler.model.project import Flow, Platform, Project
from firn_compiler.stages.bind import bind_flow
from firn_compiler.stages.chain import merged_chain
from firn_compiler.stages.expand import variables_of, without_templates
from firn_compiler.stages.merge import without_nulls
from firn_compiler.template import Constants
from firn_compiler.yaml_source import Source, parse
from firn_schemas.base import Json

MAX_CHAIN = 20
Reader = Callable[[str, str], Source | None]
"""Reads the file that `file` (first) names as `path` (second); None where there is none."""
FolderReader = Callable[[str, str], "tuple[Source, ...] | None"]
"""Reads every file below the folder that `file` names as `path`, by its name inside, ordered; None where none is."""


class Request(NamedTuple):
    """What to compile. `environment` is the name to use where the platform states none."""

    flows: tuple[Source, ...]
    platform: Source | None
    environment: str
    variables: Map[str, Json]
    read: Reader
    read_folder: FolderReader


class Assembled(NamedTuple):
    """A project, what is known at compile time in each flow's file, the texts that were read, and what is wrong."""

    project: Project
    constants: Map[str, Constants]
    documents: Map[str, Document]
    texts: dict[str, str]
    found: list[Diagnostic]


def assemble(request: Request) -> Assembled:
    """Return the project that a request means; a part that cannot be read hides nothing of the others."""
    documents, texts, found = _parse(request)
    project, constants, more = _bind(request, documents)
    return Assembled(project, constants, documents, texts, found + more)


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
        root, more = without_templates(document.root, constants, documents)
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
    whole = merged_chain([document.root for document in chain])
    root = without_nulls(whole)
    assert isinstance(root, Mapping)
    variables = variables_of(root) | dict(request.variables)
    tree, found = without_templates(root, Constants(variables, {}), documents)
    environment = text_at(tree, "environment") or request.environment
    names = tuple(_chain_name(chain, index) for index in range(len(chain)))
    platform = Platform(environment, chain, names, tree, whole)
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
