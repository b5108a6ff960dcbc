"""Effects: two steps that write the same place, work that is done twice when it is retried, outputs nobody uses."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from firn_compiler.checks.targets import target
from firn_compiler.checks.written import written
from firn_compiler.diagnostics import Diagnostic, Related, finding, step_of
from firn_compiler.document import Mapping, Node, Path, Span, deferred, text_at, value_of
from firn_compiler.model.datasets import references_in
from firn_compiler.model.project import Flow, Job, Platform, Step
from firn_compiler.stages.lower import is_repeatable
from firn_compiler.stages.settle import resource
from firn_compiler.template import Constants, TemplateError
from firn_schemas.steps import STEPS


class _Write(NamedTuple):
    job: Job
    step: Step
    node: Node
    mode: str


def effects(flow: Flow, platform: Platform | None, constants: Constants) -> Iterator[Diagnostic]:
    """Report targets that two steps write, retries that repeat an effect, and outputs that nothing uses."""
    yield from _targets(flow, platform)
    yield from _retries(flow)
    yield from _unused_outputs(flow, constants)


def _targets(flow: Flow, platform: Platform | None) -> Iterator[Diagnostic]:
    first: dict[bytes, _Write] = {}
    for job in flow.jobs:
        for outer in job.steps:
            step = outer.innermost
            for where in written(step):
                write = _Write(job, step, where.node, _mode(step))
                other = first.setdefault(target(resource(flow, platform, where.resource), *where[:2]), write)
                if other.step is not step:
                    yield _twice(other, write, where.path)


def _mode(step: Step) -> str:
    return text_at(step.inputs, "mode") or "" if step.type == "write" else "replace"


def _twice(other: _Write, write: _Write, path: Path) -> Diagnostic:
    either = other.job is not write.job and _conditional(other) and _conditional(write)
    certain = "replace" in (other.mode, write.mode) and not either
    message = f"{_called(write.step)} writes what {_called(other.step)} writes too"
    if "replace" in (other.mode, write.mode):
        message += ": the one that comes last wins"
    help = "write to another place, or make one step of the two"
    related = (Related(f"{_called(other.step)} writes it here", other.node.span),)
    return finding("E315" if certain else "W304", message, write.node.span, help, path, related)


def _called(step: Step) -> str:
    return f"`{step.id}`" if step.id else step_of(step.type)


def _conditional(write: _Write) -> bool:
    """Whether the write's job may be left out."""
    return "when" in write.job.node.entries


def _retries(flow: Flow) -> Iterator[Diagnostic]:
    for job in flow.jobs:
        for outer in job.steps:
            step = outer.innermost
            node, path = _retry(job, outer)
            if not isinstance(node, Mapping) or is_repeatable(step) or value_of(node).get("max_attempts") == 1:
                continue
            key = STEPS[step.type].key_makes_repeatable
            alone = "" if "retry" in outer.node.entries else "a `retry` of its own: `{max_attempts: 1}`"
            given = " or ".join(filter(None, (key and f"`{key}`", alone)))
            help = f"give it {given}" if given else "remove the `retry`: what was done cannot be taken back"
            message = f"`{step.id}` is tried again, and {step_of(step.type)} that is repeated does its work twice"
            yield finding("W306", message, _key_of(outer, job), help, path)


def _retry(job: Job, step: Step) -> tuple[Node | None, Path]:
    own = step.node.entries.get("retry")
    if own is not None or not job.path:
        return own, (*step.path, "retry")
    return job.node.entries.get("retry"), (*job.path, "retry")


def _key_of(step: Step, job: Job) -> Span:
    return step.node.keys.get("retry") or job.node.keys["retry"]


def _unused_outputs(flow: Flow, constants: Constants) -> Iterator[Diagnostic]:
    used = set(_used(flow, constants))
    for job in flow.jobs:
        for step in job.steps:
            for name in step.outputs.entries:
                if not {f"jobs.{job.id}.{name}", f"{job.id}:{step.id}.{name}", f"?.{name}"} & used:
                    message = f"nothing uses the output `{name}` of `{step.id}`"
                    yield finding("W303", message, step.outputs.keys[name], "remove it", (*step.path, "outputs", name))


def _used(flow: Flow, constants: Constants) -> Iterator[str]:
    """Yield every output that something names: `jobs.JOB.NAME`, or `JOB:STEP.NAME` within a job.

    Of what names no job it is `?.NAME`: any may be meant.
    """
    known = {job.id for job in flow.jobs}
    for job in flow.jobs:
        named = [reference for step in job.steps for tree in (step.inputs, step.outputs) for reference in _named(tree)]
        named += list(_in_condition(job, constants))
        for reference in named:
            parts = reference.replace("[", ".").split(".")
            if len(parts) > 3 and parts[0] == "jobs" and parts[1] not in known:
                yield f"?.{parts[3]}"
            elif len(parts) > 3:
                yield f"jobs.{parts[1]}.{parts[3]}" if parts[0] == "jobs" else f"{job.id}:{parts[1]}.{parts[3]}"


def _named(tree: Mapping) -> Iterator[str]:
    for _, _, value in deferred(tree):
        yield from references_in(value.node)


def _in_condition(job: Job, constants: Constants) -> Iterator[str]:
    text = text_at(job.node, "when") if job.path else None
    if not text:
        return
    from firn_compiler.condition_text import parse_condition  # few flows have one

    try:
        yield from (term.path for term in parse_condition(text, constants).paths)
    except TemplateError:  # its own check says why; what it names is used all the same
        yield from re.findall(r"jobs\.[\w-]+\.outputs\.[\w-]+", text)
