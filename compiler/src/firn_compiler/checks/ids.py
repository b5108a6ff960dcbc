"""Ids: of jobs and of steps, each once, and none of them the engine's own."""

from collections.abc import Iterator

from firn_compiler.diagnostics import Diagnostic, Related, finding
from firn_compiler.document import (
    Mapping,
    Span,
)
from firn_compiler.model.project import Flow

RESERVED = frozenset(["information_schema", "pg_catalog"])
"""Schemas that the engine has already; a job's datasets stand in a schema of its name."""


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
