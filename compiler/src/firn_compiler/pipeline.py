"""The recipe: texts → tree → checks → payload → bytes. It touches no file, clock, environment or network itself."""

import gc
from collections.abc import Iterator
from collections.abc import Mapping as Map
from contextlib import contextmanager
from typing import NamedTuple

from firn_compiler.assembly import Assembled, Request, assemble
from firn_compiler.attachments import Attachments, attachments
from firn_compiler.checks.conditions import conditions
from firn_compiler.checks.effects import effects
from firn_compiler.checks.graph import graph
from firn_compiler.checks.places import places
from firn_compiler.checks.policy import flow_policy, platform_policy
from firn_compiler.checks.references import connectors, duplicates, references
from firn_compiler.checks.secrets import secrets
from firn_compiler.checks.settings import platform_settings, resource_settings, step_inputs
from firn_compiler.diagnostics import Diagnostic, has_errors, in_order
from firn_compiler.document import Mapping
from firn_compiler.model.project import Flow, Platform, Project, Settled
from firn_compiler.stages.freeze import payload
from firn_compiler.stages.lower import Extras, lower_flow, lower_node
from firn_compiler.stages.policy import policy
from firn_compiler.stages.settle import resource
from firn_schemas.artifact_format import FORMAT
from firn_schemas.base import JsonObject
from firn_schemas.canonical import NotCanonical, digest, file_bytes


class Compilation(NamedTuple):
    """What came out: every finding in file order, and the artifact where none of them is an error."""

    diagnostics: tuple[Diagnostic, ...]
    texts: Map[str, str]
    """The text of every file that could be read, for showing source lines."""
    artifact: bytes | None = None
    digest: str = ""
    flows: tuple[str, ...] = ()
    environment: str = ""
    project: Project | None = None
    """What the texts mean, for those who ask where its values come from."""

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
    assembled = assemble(request)
    project, texts, found = assembled.project, assembled.texts, assembled.found
    attached: list[Attachments] = []
    for flow in project.flows:
        more, problems = attachments(flow, assembled.constants[flow.document.file], request)
        attached.append(more)
        texts |= more.texts
        found += problems
    found += _check(assembled)
    if not freeze or has_errors(found) or project.platform is None:
        return Compilation(in_order(found, texts), texts, environment=_environment(project), project=project)
    flows = [
        lower_flow(flow, project.platform, _resources(flow, project.platform), _extras(more))
        for flow, more in zip(project.flows, attached, strict=True)
    ]
    body = payload(policy(project.platform), flows, _sources(project, attached))
    try:
        hashed = digest(body)
    except NotCanonical as error:
        found.append(Diagnostic("E206", f"a value cannot be frozen: {error.reason}", path=str(error).partition(":")[0]))
        return Compilation(in_order(found, texts), texts)
    content = file_bytes({"digest": hashed, "format": FORMAT, "payload": body})
    names = tuple(flow.name for flow in project.flows)
    return Compilation(in_order(found, texts), texts, content, hashed, names, _environment(project), project)


def _check(assembled: Assembled) -> Iterator[Diagnostic]:
    project, platform = assembled.project, assembled.project.platform
    if platform:
        yield from connectors(platform)
        yield from platform_settings(platform)
        yield from platform_policy(platform)
    yield from secrets(project.flows, platform)
    for flow in project.flows:
        yield from duplicates(flow)
        yield from references(flow, platform)
        yield from step_inputs(flow)
        yield from resource_settings(flow, platform)
        yield from flow_policy(flow, platform)
        yield from graph(flow)
        yield from places(flow)
        constants = assembled.constants[flow.document.file]
        yield from conditions(flow, flow.document, constants)
        yield from effects(flow, platform, constants)


def _extras(attached: Attachments) -> Extras:
    """Return what the attachments add to the flow's steps."""
    sql = {path: file.expanded for path, file in attached.sql.items()}
    return Extras(sql, {path: {"tree": tree} for path, tree in attached.trees.items()})


def _resources(flow: Flow, platform: Platform) -> dict[str, Settled]:
    """Settle what the flow's steps use; the engine too, where a step needs it."""
    used = sorted(flow.resource_names)
    return {name: found for name in used if (found := resource(flow, platform, name)) is not None}


def _sources(project: Project, attached: list[Attachments]) -> list[JsonObject]:
    """Return every file that was compiled in, by what it means."""
    platform = project.platform
    assert platform is not None
    sources: list[JsonObject] = [
        _source("flow", _base(flow.document.file), flow.document.root) for flow in project.flows
    ]
    sources += [
        _source("platform", name, document.root)
        for name, document in zip(platform.names, platform.documents, strict=True)
    ]
    more = {(one["kind"], one["name"], one["digest"]): one for each in attached for one in each.sources}
    return sources + list(more.values())


def _source(kind: str, name: str, root: Mapping) -> JsonObject:
    """Describe a file by what it means: comments, quoting and line endings do not count."""
    return {"kind": kind, "name": name, "digest": digest(lower_node(root))}


def _base(file: str) -> str:
    return file.replace("\\", "/").rpartition("/")[2]


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
