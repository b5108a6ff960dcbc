"""One flow on its platform: everything that is found, and everything of the artifact that is the flow's own.

A unit holds plain values alone, so that it can be kept and used again while nothing that decides it has changed.
"""

from collections.abc import Iterator
from collections.abc import Mapping as Map
from typing import TYPE_CHECKING, NamedTuple

from firn_compiler.assembly import Assembled, Ground, Request, assemble, base_name
from firn_compiler.attachments import Attachments, Read, attachments
from firn_compiler.checks.credentials import credentials
from firn_compiler.checks.effects import effects
from firn_compiler.checks.fitting import fitting
from firn_compiler.checks.graph import graph
from firn_compiler.checks.ids import duplicates
from firn_compiler.checks.inputs import inputs
from firn_compiler.checks.leaks import Verdict, judged
from firn_compiler.checks.locks import locks
from firn_compiler.checks.patterns import patterns
from firn_compiler.checks.places import places
from firn_compiler.checks.policy import flow_policy
from firn_compiler.checks.references import references
from firn_compiler.checks.secrets import Seen, flow_secrets
from firn_compiler.checks.settings import resource_settings, step_inputs
from firn_compiler.checks.sql import Known, Texts, sql
from firn_compiler.checks.streams import streams
from firn_compiler.checks.together import together
from firn_compiler.diagnostics import Diagnostic, has_errors
from firn_compiler.document import BUILT_IN, Mapping, Path, Span, beginning, place_in_text
from firn_compiler.followers import told_where_defined, without_followers, without_unsure
from firn_compiler.model.project import Flow, Platform, Step
from firn_compiler.stages.lower import Extras, Lowered, lower_flow, lower_node, lower_resource
from firn_compiler.stages.places import Place, flow_places, used_variables
from firn_compiler.stages.settle import resource
from firn_compiler.stages.streams import decisions
from firn_compiler.template import Constants
from firn_compiler.yaml_source import Source
from firn_schemas.base import Json, JsonObject
from firn_schemas.canonical import digest

if TYPE_CHECKING:
    from firn_compiler.checks.sql_text import Text


class Unit(NamedTuple):
    """What one flow came to."""

    file: str
    name: str
    name_span: Span
    found: tuple[Diagnostic, ...]
    secrets: Seen
    """References by the variable that holds their values."""
    read: tuple[Read, ...]
    """What the flow named and was read, in order."""
    lowered: Lowered | None = None
    """None where an error is in the way, or no platform is known."""
    sources: tuple[JsonObject, ...] = ()
    places: tuple[Place, ...] = ()
    leaks: Verdict = Verdict()
    """The secrets that the flow's files hold, which are never kept, and the exceptions that it needed."""


def flow_unit(source: Source, on: Ground, request: Request, *, freeze: bool) -> tuple[Unit, Flow | None, Map[str, str]]:
    """Compile one flow; beside the unit come the flow as a value, and the text of every file that was read."""
    assembled = assemble(source, on)
    flow, texts = assembled.flow, {source.file: assembled.text}
    if flow is None:
        leaks = judged(assembled.leaks, on.decisions)
        return Unit(source.file, "", BUILT_IN, (*assembled.found, *leaks.found), {}, (), leaks=leaks), None, texts
    attached, problems = attachments(flow, assembled.constants, request)
    seen: Seen = {}
    known = sql(flow, on.platform, flow.document, assembled.constants, _files(attached, assembled.constants))
    leaks = judged([*assembled.leaks, *attached.leaks], on.decisions)
    every = (
        *assembled.found,
        *problems,
        *_check(flow, on, assembled, seen),
        *known.found,
        *_classified(flow, known),
        *streams(flow, on.platform, known.reads),
        *leaks.found,
    )
    sure = without_unsure([*without_followers(every, assembled.lost | on.lost)])
    found = tuple(told_where_defined(sure, flow.document))
    span = flow.root.entries["name"].span if "name" in flow.root.entries else BUILT_IN
    unit = Unit(source.file, flow.name, span, found, seen, tuple(attached.read), leaks=leaks)
    if freeze and on.platform is not None and not has_errors((*found, *on.found)):
        unit = _frozen(unit, flow, on.platform, attached, known, request.variables)
    return unit, flow, texts | attached.texts


def _check(flow: Flow, on: Ground, assembled: Assembled, seen: Seen) -> Iterator[Diagnostic]:
    constants, platform = assembled.constants, on.platform
    yield from flow_secrets(flow, platform, seen, on.secrets)
    yield from duplicates(flow)
    yield from references(flow, platform)
    yield from step_inputs(flow)
    yield from inputs(flow)
    yield from fitting(flow, platform)
    yield from resource_settings(flow, platform)
    yield from together(flow, platform)
    yield from credentials(flow, platform)
    yield from flow_policy(flow, platform)
    yield from graph(flow)
    yield from locks(flow)
    yield from places(flow)
    yield from patterns(flow)
    yield from _conditions(flow, constants)
    yield from effects(flow, platform, constants)
    if flow.document.has_empty:
        from firn_compiler.checks.empties import flow_empties  # few flows have such keys

        yield from flow_empties(flow, platform)


def _conditions(flow: Flow, constants: Constants) -> Iterator[Diagnostic]:
    if any("when" in job.node.entries for job in flow.jobs):
        from firn_compiler.checks.conditions import conditions  # few flows have one

        yield from conditions(flow, flow.document, constants)


def _classified(flow: Flow, known: Known) -> Iterator[Diagnostic]:
    if "governance" in flow.root.entries:
        from firn_compiler.checks.classified import classified  # as above

        yield from classified(flow, known.made, known.tables)


def _files(attached: Attachments, constants: Constants) -> Texts:
    """Return how the SQL of a step's file is found, with the places of that file."""

    def text(step: Step, stand_in: str) -> "Text | None":
        file = attached.sql.get(step.path)
        if file is None:
            return None
        from firn_compiler.checks.sql_text import text_of  # hardly a flow has such a file

        def at(start: int, end: int) -> Span:
            return place_in_text(beginning(file.file), file.text, start, end)

        return text_of(file.text, constants, at, stand_in)

    return text


def _frozen(
    unit: Unit, flow: Flow, platform: Platform, attached: Attachments, known: Known, given: Map[str, Json]
) -> Unit:
    """Add what of the artifact is the flow's own."""
    settled = {name: resource(flow, platform, name) for name in sorted(flow.resource_names)}
    resources = {name: lower_resource(one) for name, one in settled.items() if one is not None}
    of: dict[Path, JsonObject] = {path: {"tree": tree} for path, tree in attached.trees.items()}
    of |= known.facts
    for one in decisions(flow, platform, known.reads):
        of[one.step.path] = of.get(one.step.path, {}) | ({"streamed_into": one.reader} if one.reader else {})
    sources = (source_of("flow", base_name(flow.document.file), flow.document.root), *attached.sources)
    extras = Extras({path: file.expanded for path, file in attached.sql.items()}, of)
    lowered = lower_flow(flow, platform, resources, extras)
    places = [*flow_places(flow, platform)]
    places += used_variables(places, flow, platform, given)
    return unit._replace(lowered=lowered, sources=sources, places=tuple(places))


def source_of(kind: str, name: str, root: Mapping) -> JsonObject:
    """Describe a file by what it means: comments, quoting and line endings do not count."""
    return {"kind": kind, "name": name, "digest": digest(lower_node(root))}
