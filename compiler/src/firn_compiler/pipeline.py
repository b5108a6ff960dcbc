"""The recipe: texts → tree → checks → payload → bytes. It touches no file, clock, environment or network itself."""

import gc
import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Map
from contextlib import contextmanager
from itertools import takewhile
from typing import NamedTuple

from firn_compiler.assembly import Ground, Request, all_read, ground
from firn_compiler.checks.declared import connectors
from firn_compiler.checks.leaks import in_artifact, unneeded
from firn_compiler.checks.policy import platform_policy
from firn_compiler.checks.secrets import Seen, platform_secrets, same_variable
from firn_compiler.checks.settings import platform_settings
from firn_compiler.closest import alike
from firn_compiler.concealment import findings_without, texts_without
from firn_compiler.diagnostics import Diagnostic, Related, finding, has_errors, in_order
from firn_compiler.document import BUILT_IN, items_at, text_at, value_of
from firn_compiler.followers import without_followers
from firn_compiler.kept import kept_unit
from firn_compiler.model.project import Flow, Platform, Project
from firn_compiler.plugins import BadManifest, Plugin, claimed_twice, plugged_in
from firn_compiler.scan.conceal import concealed
from firn_compiler.stages.freeze import payload, with_plugins
from firn_compiler.stages.places import Place, policy_places
from firn_compiler.stages.policy import policy
from firn_compiler.unit import Unit, source_of
from firn_schemas.artifact_format import FORMAT
from firn_schemas.base import JsonObject
from firn_schemas.canonical import NotCanonical, bytes_digest, canonical_bytes, file_bytes, survey


class Compilation(NamedTuple):
    """What came out: every finding in file order, and the artifact where none of them is an error."""

    diagnostics: tuple[Diagnostic, ...]
    texts: Map[str, str]
    """The text of every file that could be read, for showing source lines."""
    artifact: bytes | None = None
    digest: str = ""
    flows: tuple[str, ...] = ()
    """The flows' names, in the order of the request; empty where one could not be read."""
    environment: str = ""
    places: tuple[Place, ...] = ()
    """Where the artifact's values were written, and what they replaced."""
    project: Project | None = None
    """What the texts mean; a flow that was not compiled again is not in it."""
    found_in: tuple[tuple[Diagnostic, ...], ...] = ()
    """What was found in each flow and in the files that it names, in the order of the request."""
    hidden: frozenset[str] = frozenset()
    """Secrets that the texts hold: they are in nothing above but `project`, and may not be shown."""

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
    """Compile with what Firn itself has; where something else is named, again with the plug-ins that are installed."""
    answer = _compiled(request, freeze=freeze)
    if not any(one.code in UNKNOWN for one in answer.diagnostics):
        return answer
    plugins = request.plugins(_folders(answer.project.platform if answer.project else None))
    if not plugins:
        return answer
    try:
        twice = [Diagnostic("W702", sentence, help="uninstall one") for sentence in claimed_twice(plugins)]
        with plugged_in(plugins):
            seen = tuple(plugin.identity for plugin in plugins)
            answer = _compiled(request._replace(plugged=seen), plugins, freeze=freeze)
            return answer._replace(diagnostics=(*twice, *answer.diagnostics))
    except BadManifest as error:
        return answer._replace(diagnostics=(Diagnostic("E708", str(error)), *answer.diagnostics))


def _folders(platform: Platform | None) -> tuple[str, ...]:
    """Return the platform's folders of plug-ins; only `internal_fast` has them."""
    security = platform.security if platform else None
    if text_at(security, "mode") != "internal_fast":
        return ()
    return tuple(str(value_of(one)) for one in items_at(security, "plugin_folders"))


UNKNOWN = frozenset(["E304", "E312"])
"""Findings that a plug-in may be the answer to."""


OF_A_PARENT = frozenset(["E203", "E303", "E403", "E705"])
"""Findings of a platform to which a file that it extends, and that cannot be read, may be the answer."""


def _compiled(request: Request, plugins: Sequence[Plugin] = (), *, freeze: bool) -> Compilation:
    on, seen = ground(request), Seen()
    every = (*on.found, *_platform_checks(on), *platform_secrets(on.platform, seen), *on.leaks.found)
    found = list(without_followers(every, on.lost))
    platform = on.platform
    if platform is not None and (not all_read(platform) or "extends" in on.lost):
        found = [one for one in found if one.code not in OF_A_PARENT]
        on = on._replace(platform=None)
    on = on._replace(found=list(found), secrets=seen)
    units: list[Unit] = []
    flows: list[Flow | None] = []
    texts: dict[str, str] = {}
    for source in request.flows:
        unit, flow, more = kept_unit(source, on, request, freeze=freeze)
        units.append(unit)
        flows.append(flow)
        texts |= more
        found += unit.found
    texts |= on.texts
    found += [*_same_names(units), *_same_variables(units, seen), *_unknown_variables(request.variables, texts)]
    if units:
        found += unneeded(on.decisions, on.leaks.used.union(*(unit.leaks.used for unit in units)))
    hidden = on.leaks.hidden.union(*(unit.leaks.hidden for unit in units))
    environment = concealed(platform.environment, hidden) if platform else ""
    names = tuple(concealed(unit.name, hidden) for unit in units)
    answer = Compilation(
        findings_without(hidden, in_order(found, texts)),
        texts_without(hidden, texts),
        flows=names,
        environment=environment,
        project=Project(tuple(flow for flow in flows if flow is not None), platform),
        found_in=tuple(findings_without(hidden, unit.found) for unit in units),
        hidden=hidden,
    )
    if not freeze or has_errors(found) or platform is None:
        return answer
    assert on.platform is not None, "what is lost of a platform is told as an error"
    return _frozen(answer, units, on, plugins)


def _frozen(answer: Compilation, units: list[Unit], on: Ground, plugins: Sequence[Plugin]) -> Compilation:
    """Join the units to one artifact."""
    assert on.platform is not None
    lowered = [unit.lowered for unit in units if unit.lowered is not None]
    try:
        body = with_plugins(payload(policy(on.platform), lowered, _sources(units, on)), plugins)
        canonical = canonical_bytes(body)
    except NotCanonical as error:
        return answer._replace(diagnostics=(*answer.diagnostics, *(_not_frozen(units) or [_cannot(error)])))
    hashed = bytes_digest(canonical)
    content = file_bytes({"digest": hashed, "format": FORMAT, "payload": body})
    allowed = on.leaks.allowed.union(*(unit.leaks.allowed for unit in units))
    if last := tuple(in_artifact(canonical, allowed)):
        return answer._replace(diagnostics=(*answer.diagnostics, *last))
    where = (*policy_places(on.platform), *(place for unit in units for place in unit.places))
    return answer._replace(artifact=content, digest=hashed, places=where)


def _not_frozen(units: list[Unit]) -> list[Diagnostic]:
    """Return for each flow the first value that the artifact cannot hold."""
    found: list[Diagnostic] = []
    for unit in units:
        assert unit.lowered is not None
        _, head, jobs, resources = unit.lowered
        try:
            survey({"flows": {unit.name: {"head": head, "jobs": [*jobs], "resources": {**resources}}}})
        except NotCanonical as error:
            found.append(_cannot(error)._replace(span=unit.name_span))
    return found


def _cannot(error: NotCanonical) -> Diagnostic:
    path = tuple(takewhile(lambda part: not str(part).startswith("$"), error.path))  # what stands in the source
    return finding("E206", f"a value cannot be frozen: {error.reason}", BUILT_IN, "write it another way", path)


def _platform_checks(on: Ground) -> Iterator[Diagnostic]:
    if on.platform is not None:
        yield from connectors(on.platform)
        yield from platform_settings(on.platform)
        yield from platform_policy(on.platform)


def _same_names(units: list[Unit]) -> Iterator[Diagnostic]:
    first: dict[str, Unit] = {}
    for unit in units:
        other = first.setdefault(unit.name, unit)
        if other is not unit and unit.name:
            related = (Related("the other flow", other.name_span),)
            message = f"there are two flows `{unit.name}`"
            yield finding("E310", message, unit.name_span, "rename one", ("name",), related)


def _same_variables(units: list[Unit], seen: Seen) -> Iterator[Diagnostic]:
    """Report secrets of different files that would be read from the same variable."""
    for unit in units:
        for variable, (full, span, path) in unit.secrets.items():
            other = seen.setdefault(variable, (full, span, path))
            if other[0] != full:
                yield same_variable(variable, full, span, path, other)


def _unknown_variables(given: Iterable[str], texts: Map[str, str]) -> Iterator[Diagnostic]:
    """Report variables of the command line whose names stand nowhere: neither defined nor used."""
    for name in given:
        word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
        if not any(word.search(text) for text in texts.values()):
            message = f"`--var` sets the variable `{name}`, which no file defines or uses"
            meant = alike(name, {used for text in texts.values() for used in _USED.findall(text)})
            more = f"; did you mean `{meant}`?" if meant else ""
            yield Diagnostic("W307", message, help=f"correct its name, or leave it out{more}")


_USED = re.compile(r"\bvar\.([\w-]+)")


def _sources(units: list[Unit], on: Ground) -> list[JsonObject]:
    """Return every file that was compiled in, once."""
    assert on.platform is not None
    named = zip(on.platform.names, on.platform.documents, strict=True)
    sources = [one for unit in units for one in unit.sources]
    sources += [source_of("platform", name, document.root) for name, document in named]
    return list({(one["kind"], one["name"], one["digest"]): one for one in sources}.values())


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
