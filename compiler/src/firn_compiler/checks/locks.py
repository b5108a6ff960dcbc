"""Locks inside locks: a run that takes one of its own again would wait for itself."""

from collections.abc import Iterator

from firn_compiler.diagnostics import Diagnostic, Related, finding
from firn_compiler.document import Mapping, Path, Span, mapping_at, text_at
from firn_compiler.model.project import Flow, Job, Step

Taken = tuple[str, Span, Path]
"""A lock's key and where it stands."""


def locks(flow: Flow) -> Iterator[Diagnostic]:
    """Report locks that are held already where they are taken; a key that only the run knows is not looked at."""
    found: dict[Path, Diagnostic] = {}
    for job in flow.jobs:
        for step in job.steps:
            held: dict[str, Span] = {}
            for key, span, path in _taken(flow, job, step):
                if key in held:
                    message = f"the run holds the lock `{key}` here already: it would wait for itself"
                    related = (Related("taken here first", held[key]),)
                    found[path] = finding("E311", message, span, "remove one, or name another", path, related)
                held.setdefault(key, span)
    yield from found.values()


def _taken(flow: Flow, job: Job, step: Step) -> Iterator[Taken]:
    """Yield the locks that the step's work is done under, from the outermost on."""
    name = flow.root.entries.get("name", flow.root)
    yield from [*_named(flow.root, ())] or [(f"flow:{flow.name}", name.span, ("name",))]
    if job.node is not flow.root:
        yield from _named(job.node, job.path)
    yield from _named(step.node, step.path)
    inner: Step | None = step
    while inner is not None and inner.type == "with_lock":
        yield from _key(inner.inputs, inner.inputs_path)
        inner = inner.inner


def _named(node: Mapping, path: Path) -> Iterator[Taken]:
    lock = mapping_at(node, "lock")
    if lock is not None:
        yield from _key(lock, (*path, "lock"))


def _key(node: Mapping, path: Path) -> Iterator[Taken]:
    key = text_at(node, "key")
    if key is not None:
        yield key, node.entries["key"].span, (*path, "key")
