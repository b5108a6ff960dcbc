"""The graph: what a job or step refers to must exist and come before it."""

from collections.abc import Iterator

from firn_compiler.diagnostics import Diagnostic, finding, suggestion
from firn_compiler.document import Deferred, Mapping, Node, Path, Scalar, Span, walk
from firn_compiler.model.graph import cycles, upstream
from firn_compiler.model.project import Flow, Job, Step
from firn_schemas.base import Json
from firn_schemas.steps import STEPS

KNOWN_EARLY = frozenset(["callable", "from", "mode", "resource", "sql", "sql_file"])
"""Inputs that decide what is compiled: a value of the run comes too late for them."""


def graph(flow: Flow) -> Iterator[Diagnostic]:
    """Report dependencies, datasets and outputs that lead nowhere."""
    yield from _dependencies(flow)
    for job in flow.jobs:
        for index, step in enumerate(job.steps):
            yield from _dataset(flow, job, step, index)
            yield from _templates(flow, job, step, index)
    yield from _elsewhere(flow)


def makes_dataset(step: Step) -> bool:
    """Whether the step makes a dataset of its name, itself or through the step it runs under a lock."""
    while step.inner is not None:
        step = step.inner
    return step.type not in STEPS or STEPS[step.type].makes_dataset


def results_of(step: Step) -> dict[str, str] | None:
    """Return the step's results by name, with their types; None where anything may come out."""
    while step.inner is not None:
        step = step.inner
    row = STEPS.get(step.type)
    return None if row is None or "*" in row.results else row.results


def _dependencies(flow: Flow) -> Iterator[Diagnostic]:
    known = {job.id: job for job in flow.jobs}
    for job in flow.jobs:
        for name, span in job.depends_on:
            if name not in known:
                path = (*job.path, "depends_on")
                yield finding("E306", f"there is no job `{name}`", span, suggestion(name, known, "jobs:"), path)
    for cycle in cycles(flow):
        job = known[cycle[0]]
        span = next(span for name, span in job.depends_on if name == cycle[1])
        shown = " → ".join(f"`{name}`" for name in cycle)
        message = f"these jobs wait for each other: {shown}"
        yield finding("E311", message, span, "remove one of the dependencies", (*job.path, "depends_on"))


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
    earlier = [one.id for one in job.steps[:index] if makes_dataset(one)]
    if node.value in earlier:
        return
    names = [*earlier, *(one.id for parent in upstream(flow, job) for one in parent.steps if makes_dataset(one))]
    if node.value not in names:
        later = any(one.id == node.value for one in job.steps[index:] if makes_dataset(one))
        help = "it is made by a later step" if later else elsewhere(flow, node.value)
        help = help or suggestion(node.value, names, "datasets:")
        message = f"no earlier step makes the dataset `{node.value}`"
        yield finding("E306", message, node.span, help, (*step.inputs_path, "from"))


def elsewhere(flow: Flow, name: str) -> str:
    """Return help where another job makes the dataset; empty where none does."""
    found = next((job.id for job in flow.jobs for one in job.steps if one.id == name and makes_dataset(one)), None)
    return f"the job `{found}` makes it: add `depends_on: [{found}]`" if found is not None else ""


def _templates(flow: Flow, job: Job, step: Step, index: int) -> Iterator[Diagnostic]:
    for part, tree in (("inputs", step.inputs), ("outputs", step.outputs)):
        for path, node in walk(tree):
            if not isinstance(node, Scalar) or not isinstance(node.value, Deferred):
                continue
            full = (*(step.inputs_path if part == "inputs" else (*step.path, part)), *path)
            if part == "inputs" and _too_late(step, path) and node.value.roots != {"var"}:
                yield _late(node, path, full)
                continue
            for reference in references_in(node.value.node):
                yield from _reference(flow, job, step, index, part, reference, node, full)
            if part == "outputs":
                for root in sorted(node.value.roots & {"env", "run"}):
                    help = "outputs name parts of `result`, and outputs of earlier steps"
                    yield finding("E402", f"an output cannot use `{root}`", node.span, help, full)


def _too_late(step: Step, path: Path) -> bool:
    return (len(path) == 1 and path[0] in KNOWN_EARLY) or (step.type == "dbt" and path == ("path",))


def _late(node: Scalar, path: Path, full: Path) -> Diagnostic:
    assert isinstance(node.value, Deferred)
    roots = "`, `".join(sorted(node.value.roots - {"var"}))
    if path[0] in ("sql", "sql_file"):
        help = 'bind the value: write `$name` in the SQL and `params: {name: "{{ … }}"}` beside it'
        return finding("E402", f"SQL text cannot use `{roots}`: only `var`", node.span, help, full)
    message = f"`{path[0]}` must be known when the flow is compiled: it cannot use `{roots}`"
    return finding("E402", message, node.span, "use `var`", full)


def _reference(
    flow: Flow, job: Job, step: Step, index: int, part: str, reference: str, node: Node, path: Path
) -> Iterator[Diagnostic]:
    root, _, rest = reference.partition(".")
    if root == "result" and part == "inputs":
        message = "`result` is known only after the step: it stands in `outputs`"
        yield finding("E402", message, node.span, "use `steps.ID.outputs.KEY` of an earlier step", path)
    elif root == "result":
        yield from _result(step, rest, node.span, path)
    elif root == "jobs":
        yield from job_output(flow, job, reference, node.span, path)
    elif root == "steps":
        yield from _step_output(job, index, reference, node.span, path)


def _result(step: Step, rest: str, span: Span, path: Path) -> Iterator[Diagnostic]:
    name, results = _first(rest), results_of(step)
    if results is None or name in results:
        return
    message = f"a `{step.type}` step has no result `{name}`"
    yield finding("E305", message, span, suggestion(name, results, "results:"), path)


def _first(path: str) -> str:
    return path.replace("[", ".").partition(".")[0]


def job_output(flow: Flow, job: Job, reference: str, span: Span, path: Path) -> Iterator[Diagnostic]:
    """Report a reference to an output of a job that is not there, or not before this one."""
    _, name, _, rest = reference.split(".", 3)
    key = _first(rest)
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
    key = _first(rest)
    earlier = {one.id: one for one in job.steps[:index]}
    if name not in earlier:
        help = suggestion(name, earlier, "earlier steps:")
        yield finding("E306", f"no earlier step of this job is called `{name}`", span, help, path)
        return
    results = results_of(earlier[name])
    outputs = [*earlier[name].outputs.entries, *(results or ())]
    if results is not None and key not in outputs:
        help = suggestion(key, outputs, "outputs:")
        yield finding("E305", f"the step `{name}` has no output `{key}`", span, help, path)


def _elsewhere(flow: Flow) -> Iterator[Diagnostic]:
    """Report run-time templates at places where only compile-time ones may stand."""
    inside = {id(node) for step in flow.steps for tree in (step.inputs, step.outputs) for node in tree.entries.values()}
    for path, node in _outside(flow.root, inside):
        if not isinstance(node, Scalar) or not isinstance(node.value, Deferred):
            continue
        if len(path) > 3 and path[0] == "resources" and path[2] in ("config", "params", "options", "credentials"):
            yield from only_env(node, path)
        elif path[-1:] != ("when",) and node.value.roots != {"var"}:
            help = "run-time values are for step inputs and resource settings"
            yield finding("E402", "only `var` can stand here", node.span, help, path)


def _outside(node: Node, inside: set[int], path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Yield every node that is not part of a step's inputs or outputs, with its path."""
    if id(node) in inside:
        return
    yield path, node
    if isinstance(node, Mapping):
        for key, item in node.entries.items():
            yield from _outside(item, inside, (*path, key))
    elif not isinstance(node, Scalar):
        for index, item in enumerate(node.items):
            yield from _outside(item, inside, (*path, index))


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
