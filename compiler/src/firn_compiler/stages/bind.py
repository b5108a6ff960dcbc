"""From trees to flows, jobs and steps.

What has no readable name is called "": the shape check reports it.
"""

from collections.abc import Collection, Iterator

from firn_compiler.closest import misspelt
from firn_compiler.document import (
    Document,
    Mapping,
    Path,
    Scalar,
    Span,
    each_at,
    items_at,
    key_span,
    mapping_at,
    mappings_at,
    text_at,
    without,
)
from firn_compiler.model.project import Flow, Job, Step
from firn_compiler.model.shapes import StepShape
from firn_compiler.stages.keys_meant import word_meant
from firn_compiler.template import Constants, TemplateError
from firn_schemas.base import Json
from firn_schemas.decode import keys
from firn_schemas.steps import STEPS


def bind_flow(document: Document, root: Mapping, constants: Constants) -> Flow:
    """Return the flow that `root` describes; `steps:` at the top is one job called `main`."""
    name = text_at(root, "name") or ""
    jobs = tuple(_jobs(root, constants))
    by_id: dict[str, list[tuple[Job, Step]]] = {}
    for job in jobs:
        for step in job.steps:
            by_id.setdefault(step.id, []).append((job, step))
    return Flow(name, document, root, jobs, mappings_at(root, "resources"), by_id, {})


def _jobs(root: Mapping, constants: Constants) -> Iterator[Job]:
    named: list[tuple[str, Span]] = []
    ids = frozenset(
        name for item in items_at(root, "jobs") if isinstance(item, Mapping) and (name := text_at(item, "id"))
    )
    if "steps" in root.entries:
        yield Job("main", root, (), (), tuple(_steps(root, ())), None)
        named.append(("main", root.keys["steps"]))
    for index, node in enumerate(items_at(root, "jobs")):
        if isinstance(node, Mapping):
            name, path = text_at(node, "id") or "", ("jobs", index)
            parents = tuple((_meant(one, ids - {name}), span) for one, span in parents_named(node))
            yield Job(name, node, path, parents, tuple(_steps(node, path)), condition(node, constants))
            named.append((name, key_span(node, ("id",))))
    if "transforms" in root.entries:
        others = tuple(one for one in named if one[0] != "transforms")
        yield Job("transforms", root, (), others, tuple(_transforms(root)), None)


def _steps(node: Mapping, path: Path) -> Iterator[Step]:
    for index, item in enumerate(items_at(node, "steps")):
        if isinstance(item, Mapping):
            inputs = mapping_at(item, "inputs") or Mapping({}, {}, item.span)
            full = (*path, "steps", index)
            kind = word_meant(item, "type", STEPS) or ""
            yield Step(text_at(item, "id") or "", kind, item, full, (*full, "inputs"), inputs)


STEP_KEYS = frozenset(keys(StepShape))
"""Keys of a `transforms` item that are the step's own; the others are its inputs."""


def _transforms(root: Mapping) -> Iterator[Step]:
    """Yield the steps of `transforms`; one without an id is named after its type, and numbered from the second on."""
    seen: dict[str, int] = {}
    for index, item in enumerate(items_at(root, "transforms")):
        kind = word_meant(item, "type", STEPS) if isinstance(item, Mapping) else None
        if not isinstance(item, Mapping) or kind is None:
            continue
        seen[kind] = seen.get(kind, 0) + 1
        name = text_at(item, "id") or (kind if seen[kind] == 1 else f"{kind}_{seen[kind]}")
        path: Path = ("transforms", index)
        yield Step(name, kind, item, path, path, without(item, STEP_KEYS))


def parents_named(node: Mapping) -> Iterator[tuple[str, Span]]:
    """Yield the names of the jobs that a job says it depends on, as they are written."""
    for _, item in each_at(node, "depends_on"):
        if isinstance(item, Scalar) and isinstance(item.value, str):
            yield item.value, item.span


def _meant(name: str, ids: Collection[str]) -> str:
    """Return the job that a name surely is a misspelling of, which is reported by itself; else the name."""
    return name if name in ids else misspelt(name, ids) or name


def condition(node: Mapping, constants: Constants) -> Json:
    """Return the job's condition as a tree; None where there is none, or its own check reports it."""
    found = node.entries.get("when")
    if not isinstance(found, Scalar):
        return None
    if isinstance(found.value, str):
        from firn_compiler.condition_text import parse_condition  # few flows have one

        try:
            return parse_condition(found.value, constants).lowered()
        except TemplateError:
            return None
    return found.value if isinstance(found.value, bool) else None
