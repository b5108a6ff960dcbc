"""The graph: what a job or step refers to must exist and come before it."""

from collections.abc import Iterator

from firn_compiler.diagnostics import Diagnostic, finding, suggestion
from firn_compiler.document import Deferred, Node, Path, Scalar, Span, walk
from firn_compiler.model.project import Flow, Job, Step
from firn_schemas.base import Json
from firn_schemas.steps.table import STEPS


def graph(flow: Flow) -> Iterator[Diagnostic]:
    """Report dependencies, datasets and outputs that lead nowhere."""
    yield from _dependencies(flow)
    for job in flow.jobs:
        for index, step in enumerate(job.steps):
            yield from _dataset(flow, job, step, index)
            yield from _templates(flow, job, step, index)
    yield from _elsewhere(flow)


def upstream(flow: Flow, job: Job) -> tuple[Job, ...]:
    """Return the jobs that `job` depends on, directly and through others, in the flow's order."""
    known = {one.id: one for one in flow.jobs}
    reached: set[str] = set()
    open_ = [name for name, _ in job.depends_on]
    while open_:
        name = open_.pop()
        if name in known and name not in reached:
            reached.add(name)
            open_.extend(parent for parent, _ in known[name].depends_on)
    return tuple(one for one in flow.jobs if one.id in reached)


def _dependencies(flow: Flow) -> Iterator[Diagnostic]:
    names = [job.id for job in flow.jobs]
    for job in flow.jobs:
        for name, span in job.depends_on:
            if name not in names:
                yield finding(
                    "E306",
                    f"there is no job `{name}`",
                    span,
                    suggestion(name, names, "jobs:"),
                    (*job.path, "depends_on"),
                )
    seen: set[frozenset[str]] = set()
    for job in flow.jobs:
        cycle = _cycle(flow, job.id)
        if cycle and frozenset(cycle) not in seen:
            seen.add(frozenset(cycle))
            span = next(span for name, span in job.depends_on if name == cycle[1])
            shown = " → ".join(f"`{name}`" for name in cycle)
            yield finding(
                "E311",
                f"these jobs wait for each other: {shown}",
                span,
                "remove one of the dependencies",
                (*job.path, "depends_on"),
            )


def _cycle(flow: Flow, start: str) -> list[str]:
    """Return the shortest way from a job back to itself, or nothing."""
    parents = {job.id: [name for name, _ in job.depends_on] for job in flow.jobs}
    ways, seen = [[start]], set[str]()
    for way in ways:
        for name in parents.get(way[-1], []):
            if name == start:
                return [*way, start]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []


def references_in(value: Json) -> Iterator[str]:
    """Yield the path of every `$ref` inside a lowered value."""
    if isinstance(value, dict):
        if isinstance(found := value.get("$ref"), str):
            yield found
        for item in value.values():
            yield from references_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from references_in(item)


def _dataset(flow: Flow, job: Job, step: Step, index: int) -> Iterator[Diagnostic]:
    node = step.inputs.entries.get("from")
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or step.type not in STEPS:
        return
    makers = [*job.steps[:index], *(one for parent in upstream(flow, job) for one in parent.steps)]
    names = [one.id for one in makers if one.type not in STEPS or STEPS[one.type].makes_dataset]
    if node.value not in names:
        later = any(one.id == node.value for one in job.steps[index:])
        help = (
            "only earlier steps, and jobs that this one depends on, can be read from"
            if later
            else suggestion(node.value, names, "datasets:")
        )
        yield finding(
            "E306", f"no earlier step makes the dataset `{node.value}`", node.span, help, (*step.inputs_path, "from")
        )


def _templates(flow: Flow, job: Job, step: Step, index: int) -> Iterator[Diagnostic]:
    for part, tree in (("inputs", step.inputs), ("outputs", step.outputs)):
        for path, node in walk(tree):
            if not isinstance(node, Scalar) or not isinstance(node.value, Deferred):
                continue
            full = (*(step.inputs_path if part == "inputs" else (*step.path, part)), *path)
            if part == "inputs" and path in (("sql",), ("sql_file",)) and node.value.roots != {"var"}:
                roots = "`, `".join(sorted(node.value.roots - {"var"}))
                yield finding(
                    "E402",
                    f"SQL text cannot use `{roots}`: only `var`",
                    node.span,
                    'bind the value: write `$name` in the SQL and `params: {name: "{{ … }}"}` beside it',
                    full,
                )
                continue
            for reference in references_in(node.value.node):
                yield from _reference(flow, job, step, index, part, reference, node, full)
            if part == "outputs" and "env" in node.value.roots:
                yield finding("E402", "an output cannot use `env`", node.span, "outputs name parts of `result`", full)


def _reference(
    flow: Flow, job: Job, step: Step, index: int, part: str, reference: str, node: Node, path: Path
) -> Iterator[Diagnostic]:
    root, _, rest = reference.partition(".")
    if root == "result" and part == "inputs":
        yield finding("E402", "`result` is known only after the step: it stands in `outputs`", node.span, path=path)
    elif root == "result" and step.type in STEPS:
        name = rest.replace("[", ".").partition(".")[0]
        results = STEPS[step.type].results
        if name not in results:
            yield finding(
                "E305",
                f"a `{step.type}` step has no result `{name}`",
                node.span,
                suggestion(name, results, "results:"),
                path,
            )
    elif root == "jobs":
        yield from job_output(flow, job, reference, node.span, path)
    elif root == "steps":
        yield from _step_output(job, index, reference, node.span, path)


def job_output(flow: Flow, job: Job, reference: str, span: Span, path: Path) -> Iterator[Diagnostic]:
    """Report a reference to an output of a job that is not there, or not before this one."""
    _, name, _, rest = reference.split(".", 3)
    key = rest.replace("[", ".").partition(".")[0]
    known = {one.id: one for one in flow.jobs}
    if name not in known:
        yield finding("E306", f"there is no job `{name}`", span, suggestion(name, known, "jobs:"), path)
    elif name not in (one.id for one in upstream(flow, job)):
        yield finding(
            "E306", f"`{job.id}` does not depend on the job `{name}`", span, f"add `depends_on: [{name}]`", path
        )
    else:
        outputs = [output for step in known[name].steps for output in step.outputs.entries]
        if key not in outputs:
            yield finding(
                "E305", f"the job `{name}` has no output `{key}`", span, suggestion(key, outputs, "outputs:"), path
            )


def _step_output(job: Job, index: int, reference: str, span: Span, path: Path) -> Iterator[Diagnostic]:
    _, name, _, rest = reference.split(".", 3)
    key = rest.replace("[", ".").partition(".")[0]
    earlier = {one.id: one for one in job.steps[:index]}
    if name not in earlier:
        yield finding(
            "E306",
            f"no earlier step of this job is called `{name}`",
            span,
            suggestion(name, earlier, "earlier steps:"),
            path,
        )
        return
    row = STEPS.get(earlier[name].type)
    outputs = [*earlier[name].outputs.entries, *(row.results if row else ())]
    if row and key not in outputs:
        yield finding(
            "E305", f"the step `{name}` has no output `{key}`", span, suggestion(key, outputs, "outputs:"), path
        )


def _elsewhere(flow: Flow) -> Iterator[Diagnostic]:
    """Report run-time templates at places that only compile-time ones may stand."""
    for path, node in walk(flow.root):
        if not isinstance(node, Scalar) or not isinstance(node.value, Deferred):
            continue
        parts = [part for part in path if isinstance(part, str)]
        in_step = "steps" in parts and parts[parts.index("steps") + 1 :][:1] in (["inputs"], ["outputs"])
        in_resource = len(path) > 3 and path[0] == "resources" and path[2] in ("config", "params", "options")
        if in_resource:
            yield from only_env(node, path)
        elif not in_step and parts[-1:] != ["when"] and node.value.roots != {"var"}:
            yield finding(
                "E402",
                "only `var` can stand here",
                node.span,
                "run-time values are for step inputs and resource settings",
                path,
            )


def only_env(node: Scalar, path: Path) -> Iterator[Diagnostic]:
    """Report a run-time value of a resource's settings that is not from the environment."""
    assert isinstance(node.value, Deferred)
    for root in sorted(node.value.roots - {"env", "var"}):
        yield finding(
            "E402",
            f"a resource's settings cannot use `{root}`",
            node.span,
            "they are read before the first step: use `var` or `env`",
            path,
        )
