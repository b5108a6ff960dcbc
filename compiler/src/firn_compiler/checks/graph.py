"""The graph: what a job or step refers to must exist and come before it."""

from collections.abc import Iterator

from firn_compiler.closest import MANY, closest
from firn_compiler.diagnostics import TYPES, Diagnostic, finding, step_of, suggestion
from firn_compiler.document import Deferred, Mapping, Node, Path, Scalar, Span, deferred, each_at
from firn_compiler.model.datasets import makes_dataset, taken
from firn_compiler.model.graph import cycles, upstream
from firn_compiler.model.project import Flow, Job, Step
from firn_compiler.model.shapes import JobShape
from firn_compiler.stages.bind import parents_named
from firn_compiler.stages.expand import templates_in
from firn_compiler.template import BOUND
from firn_schemas.decode import keys
from firn_schemas.steps import STEPS

KNOWN_EARLY = frozenset(["callable", "from", "mode", "resource", "sql", "sql_file"])
"""Inputs that decide what is compiled: a value of the run comes too late for them."""


def graph(flow: Flow) -> Iterator[Diagnostic]:
    """Report dependencies, datasets and outputs that lead nowhere."""
    yield from _dependencies(flow)
    every = sorted({step.id for job in flow.jobs for step in job.steps if makes_dataset(step)})
    for job in flow.jobs:
        made = [step.id if makes_dataset(step) else "" for step in job.steps]
        for index, step in enumerate(job.steps):
            yield from _datasets(flow, job, step.innermost, made[:index], every)
            for one in {id(part): part for part in (step, step.innermost)}.values():
                yield from _templates(flow, job, one, index)
    yield from _elsewhere(flow)


def results_of(step: Step) -> dict[str, str] | None:
    """Return the step's results by name, with their types; None where anything may come out."""
    row = STEPS.get(step.innermost.type)
    return None if row is None or "*" in row.results else row.results


def _dependencies(flow: Flow) -> Iterator[Diagnostic]:
    known = {job.id: job for job in flow.jobs if job.id}
    for job in flow.jobs:
        for name, span in parents_named(job.node):
            if name not in known and len(known) == len(flow.jobs):
                path = (*job.path, "depends_on")
                yield finding("E306", f"there is no job `{name}`", span, suggestion(name, known, "jobs:"), path)
    for cycle in cycles(flow):
        job = known[cycle[0]]
        span = next(span for name, span in job.depends_on if name == cycle[1])
        shown = " → ".join(f"`{name}`" for name in cycle)
        alone = len(set(cycle)) == 1
        message = f"the job `{job.id}` waits for itself" if alone else f"these jobs wait for each other: {shown}"
        help = "remove it" if alone else "remove one of the dependencies"
        yield finding("E311", message, span, help, (*job.path, "depends_on"))


def _datasets(flow: Flow, job: Job, step: Step, before: list[str], every: list[str]) -> Iterator[Diagnostic]:
    """Report datasets that no step makes `before`, as far as each of the job makes one; `every` are the flow's."""
    for path, node in taken(step) if step.type in STEPS else ():
        if isinstance(node.value, str) and (not node.value or node.value not in before):
            yield from _dataset(flow, job, before, every, node, node.value, (*step.inputs_path, *path))


def _dataset(
    flow: Flow, job: Job, before: list[str], every: list[str], node: Scalar, name: str, path: Path
) -> Iterator[Diagnostic]:
    earlier = [one for one in before if one]
    names = [*earlier, *(one.id for parent in upstream(flow, job) for one in parent.steps if makes_dataset(one))]
    if name not in names and not may_follow(flow, job, name):
        meant = closest(name, every if len(names) > MANY else names)  # an index of many is made once for all
        help = (
            of_a_job(flow, job, name)
            or elsewhere(flow, job, job.steps[len(before)], name)
            or suggestion(name, names, "datasets:", meant=meant if meant in names else "")
        )
        yield finding("E306", f"no earlier step makes the dataset `{name}`", node.span, help, path)


def of_a_job(flow: Flow, job: Job, name: str) -> str:
    """Return help where a name is written as only SQL may: with a job's before it."""
    maker, _, dataset = name.partition(".")
    made = [one for one, _ in flow.by_id.get(dataset, ()) if one.id == maker]
    if not made or not any(one in made for one in (job, *upstream(flow, job))):
        return ""
    return f"a dataset is named by its step alone: `{dataset}`; in SQL, `{name}` is that of a certain job"


def may_follow(flow: Flow, job: Job, name: str) -> bool:
    """Whether it may only be another mistake's fault that the job does not see the dataset `name`."""
    known = _dependencies_known(flow, job)
    if "" in flow.by_id and (
        not known or any(not step.id for one in (job, *upstream(flow, job)) for step in one.steps)
    ):
        return True
    return not known and any(one is not job for one, _ in _named(flow, name))


def _dependencies_known(flow: Flow, job: Job) -> bool:
    known = {one.id for one in flow.jobs}
    before = (job, *upstream(flow, job))
    return "" not in known and all(
        one.node.entries.keys() <= _JOB_KEYS
        and all(isinstance(text, Scalar) and isinstance(text.value, str) for _, text in each_at(one.node, "depends_on"))
        and all(name in known for name, _ in one.depends_on)
        for one in before
        if one.path
    )


_JOB_KEYS = frozenset(keys(JobShape))


def _named(flow: Flow, name: str) -> list[tuple[Job, Step]]:
    """Return the steps, each with its job, that a dataset's name may mean: SQL may write a job's before it."""
    maker, dot, dataset = name.rpartition(".")
    return [(job, step) for job, step in flow.by_id.get(dataset, ()) if not dot or job.id == maker]


def elsewhere(flow: Flow, job: Job, reader: Step, name: str) -> str:
    """Return help where a step has the dataset's name; empty where none has."""
    named = sorted(_named(flow, name), key=lambda one: one[0] is not job)
    if not named:
        return ""
    dataset = name.rpartition(".")[2]
    maker, step = next(((one, step) for one, step in named if makes_dataset(step)), named[0])
    if not makes_dataset(step):
        return f"`{dataset}` is {step_of(step.type)}, which makes no dataset"
    if maker is job:
        return "it is this step's own" if step.id == reader.id else "it is made by a later step"
    return f"the job `{maker.id}` makes it: add `depends_on: [{maker.id}]`"


def _templates(flow: Flow, job: Job, step: Step, index: int) -> Iterator[Diagnostic]:
    documents = {flow.document.file: flow.document}
    for part, tree in (("inputs", step.inputs), ("outputs", step.outputs)):
        for path, node, _ in deferred(tree):
            full = (*(step.inputs_path if part == "inputs" else (*step.path, part)), *path)
            if part == "inputs" and _too_late(step, path):
                for reference, span in templates_in(node, documents):
                    yield from _late(reference.partition(".")[0], path, span, full)
                continue
            for reference, span in templates_in(node, documents):
                yield from _reference(flow, job, step, index, part, reference, span, full)


def _too_late(step: Step, path: Path) -> bool:
    early = len(path) == 1 and path[0] in KNOWN_EARLY
    early = early or path in {place for place, _ in taken(step)}
    return early or path == ("incremental", "cursor") or (step.type == "dbt" and path == ("path",))


def _late(root: str, path: Path, span: Span, full: Path) -> Iterator[Diagnostic]:
    if root in ("flow", "var"):
        return
    if path[0] == "sql":
        yield finding("E402", f"SQL text cannot use `{root}`: only `var` and `flow`", span, BOUND, full)
        return
    key = ".".join(map(str, path))
    message = f"`{key}` must be known when the flow is compiled: it cannot use `{root}`"
    yield finding("E402", message, span, "use `var`", full)


def _reference(
    flow: Flow, job: Job, step: Step, index: int, part: str, reference: str, span: Span, path: Path
) -> Iterator[Diagnostic]:
    root, _, rest = reference.partition(".")
    if root == "result" and part == "inputs" and "outputs" in path:
        return  # they stand below `inputs`, which is told
    if root == "result" and part == "inputs":
        message = "`result` is known only after the step: it stands in `outputs`"
        yield finding("E402", message, span, "use `steps.ID.outputs.KEY` of an earlier step", path)
    elif root == "result":
        yield from _result(step, rest, span, path)
    elif root == "jobs":
        yield from job_output(flow, job, reference, span, path)
    elif root == "steps":
        yield from _step_output(flow, job, index, reference, span, path)
    elif root in ("env", "run") and part == "outputs":
        help = "outputs name parts of `result`, and outputs of earlier steps"
        yield finding("E402", f"an output cannot use `{root}`", span, help, path)


def _result(step: Step, rest: str, span: Span, path: Path) -> Iterator[Diagnostic]:
    name, results = _first(rest), results_of(step)
    if results is None:
        return
    if name not in results:
        message = f"{step_of(step.type)} has no result `{name}`"
        yield finding("E305", message, span, suggestion(name, results, "results:"), path)
        return
    more, kind = rest.removeprefix(name), results[name]
    if more and kind in _PLAIN:
        yield finding("E305", f"`{name}` is {TYPES[kind]}: it has no parts", span, f"write `result.{name}`", path)
    elif more.startswith(".") and kind == "array":
        help = f"write `result.{name}[0]{more}`"
        yield finding("E305", f"`{name}` is a list: its items have numbers", span, help, path)


_PLAIN = frozenset(["boolean", "integer", "number", "string"])


def _first(path: str) -> str:
    return path.replace("[", ".").partition(".")[0]


def job_output(flow: Flow, job: Job, reference: str, span: Span, path: Path) -> Iterator[Diagnostic]:
    """Report a reference to an output of a job that is not there, or not before this one."""
    _, name, _, rest = reference.split(".", 3)
    key = _first(rest)
    known = {one.id: one for one in flow.jobs if one.id}
    if name not in known:
        if len(known) == len(flow.jobs):
            yield finding("E306", f"there is no job `{name}`", span, suggestion(name, known, "jobs:"), path)
        return
    made = [step for one in flow.jobs if one.id == name for step in one.steps]
    outputs = {output: step for step in made for output in step.outputs.entries}
    if name == job.id:
        maker = outputs.get(key)
        help = f"write `steps.{maker.id if maker else 'ID'}.outputs.{key}`"
        yield finding("E306", f"`{name}` is this job: its outputs are known when it has ended", span, help, path)
    elif key not in outputs:
        help = suggestion(key, outputs, "outputs:")
        yield finding("E305", f"the job `{name}` has no output `{key}`", span, help, path)
    elif name not in (one.id for one in upstream(flow, job)) and _dependencies_known(flow, job):
        help = f"add `depends_on: [{name}]`"
        yield finding("E306", f"`{job.id}` does not depend on the job `{name}`", span, help, path)


def _of_another_job(flow: Flow, name: str, key: str) -> str:
    """Return help for the result of a step that only another job has; empty where none has it."""
    for job in flow.jobs:
        step = next((one for one in job.steps if one.id == name and job.id), None)
        if step is not None:
            first = "" if key in step.outputs.entries else f"name it in the `outputs` of `{name}`, and "
            return f"it is of another job: {first}write `jobs.{job.id}.outputs.{key}`"
    return ""


def _step_output(flow: Flow, job: Job, index: int, reference: str, span: Span, path: Path) -> Iterator[Diagnostic]:
    _, name, _, rest = reference.split(".", 3)
    key = _first(rest)
    before = job.steps[:index]
    maker = next((one for one in reversed(before) if one.id == name), None)
    if maker is None:
        earlier = [one.id for one in before]
        if "" in earlier:
            return
        later = any(one.id == name for one in job.steps[index:])
        help = _of_another_job(flow, name, key)
        help = "it comes later, or is this step" if later else help or suggestion(name, earlier, "earlier steps:")
        yield finding("E306", f"no earlier step of this job is called `{name}`", span, help, path)
        return
    results = results_of(maker)
    outputs = [*maker.outputs.entries, *(results or ())]
    if results is not None and key not in outputs:
        help = suggestion(key, outputs, "outputs:")
        yield finding("E305", f"the step `{name}` has no output `{key}`", span, help, path)


def _elsewhere(flow: Flow) -> Iterator[Diagnostic]:
    """Report run-time templates at places where only compile-time ones may stand."""
    inside = {id(node) for step in flow.steps for tree in (step.inputs, step.outputs) for node in tree.entries.values()}
    for path, node in _outside(flow.root, inside):
        if not isinstance(node, Scalar) or not isinstance(node.value, Deferred):
            continue
        settings = len(path) > 3 and path[0] == "resources" and path[2] in _SETTINGS
        for reference, span in templates_in(node, {flow.document.file: flow.document}):
            root = reference.partition(".")[0]
            misplaced = root == "result" and "outputs" in path  # which is told
            if root in ("flow", "var") or misplaced or path[-1:] == ("when",) or (settings and root == "env"):
                continue
            if settings:
                help = "they are read before the first step: use `var` or `env`"
                yield finding("E402", f"a resource's settings cannot use `{root}`", span, help, path)
            else:
                help = "run-time values are for step inputs and resource settings"
                yield finding("E402", f"`{root}` cannot stand here: only `var`", span, help, path)


_SETTINGS = frozenset(["config", "credentials", "options", "params"])


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
