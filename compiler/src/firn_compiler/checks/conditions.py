"""Conditions: what `when` says must be readable, of the right types, and decided before its job."""

from collections.abc import Iterator

from firn_compiler.checks.graph import job_output, results_of
from firn_compiler.condition import Term, constant, type_errors
from firn_compiler.condition_text import read_condition
from firn_compiler.diagnostics import Diagnostic, finding, type_of
from firn_compiler.document import Deferred, Document, Mapping, Path, Scalar, Sequence
from firn_compiler.model.project import Flow, Job, Step
from firn_compiler.stages.expand import within
from firn_compiler.template import Constants, TemplateError


def conditions(flow: Flow, document: Document, constants: Constants) -> Iterator[Diagnostic]:
    """Report conditions that cannot be decided, and jobs that can therefore never run."""
    never: set[str] = set()
    for job in flow.jobs:
        node = job.node.entries.get("when") if job.path else None
        if not isinstance(node, Scalar):
            continue
        path = (*job.path, "when")
        tree, errors = read_condition(node.value, constants) if isinstance(node.value, str) else (None, [])
        always = constant(tree) if tree is not None and not errors else node.value
        if tree is not None:
            yield from _paths(flow, job, tree, node, document, path)
            errors += type_errors(tree, lambda name: output_type(flow, name))
        yield from (_at(error, node, document, path) for error in errors)
        if always is False and not errors:
            never.add(job.id)
            yield finding("W305", f"the job `{job.id}` can never run: its `when` is always false", node.span, path=path)
    yield from _after_those(flow, never)


def _at(error: TemplateError, node: Scalar, document: Document, path: Path) -> Diagnostic:
    return finding(error.code, error.message, within(node, document, error.start, error.end), error.help, path)


def _paths(flow: Flow, job: Job, tree: Term, node: Scalar, document: Document, path: Path) -> Iterator[Diagnostic]:
    for term in tree.paths:
        span = within(node, document, term.start, term.end)
        if term.path.startswith("jobs."):
            yield from job_output(flow, job, term.path, span, path)
        else:
            help = "it is decided before the job's steps run: use `jobs.ID.outputs.KEY`"
            yield finding("E402", f"a job's condition cannot use `{term.path}`", span, help, path)


def output_type(flow: Flow, path: str) -> str:
    """Return the type of `jobs.ID.outputs.KEY`, in the words of JSON Schema; `any` where it is not known."""
    parts = path.split(".")
    if len(parts) != 4 or "[" in parts[3]:
        return "any"
    for job in flow.jobs:
        for step in job.steps:
            node = step.outputs.entries.get(parts[3])
            if job.id == parts[1] and node is not None:
                kinds = {Mapping: "object", Sequence: "array"}
                return _type_of(node.value, step) if isinstance(node, Scalar) else kinds[type(node)]
    return "any"


def _type_of(value: object, step: Step) -> str:
    """Return the type of an output's value: of a literal, or of the result that it names."""
    if not isinstance(value, Deferred):
        return type_of(value)
    reference = value.node.get("$ref")
    if isinstance(reference, str) and reference.startswith("result."):
        return (results_of(step) or {}).get(reference.removeprefix("result."), "any")
    return "string" if "$concat" in value.node else "any"


def _after_those(flow: Flow, never: set[str]) -> Iterator[Diagnostic]:
    """Report jobs that wait for one which can never run."""
    grown = bool(never)
    while grown:
        grown = False
        for job in flow.jobs:
            waits = next(((name, span) for name, span in job.depends_on if name in never), None)
            if waits and job.id not in never:
                grown = True
                never.add(job.id)
                message = f"the job `{job.id}` can never run: it waits for `{waits[0]}`, which never does"
                yield finding("W305", message, waits[1], path=(*job.path, "depends_on"))
