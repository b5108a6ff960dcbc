"""The classifications of a flow: each names a column of something that the flow makes, reads or writes.

Those of a platform are for many flows, so that no flow need have what they name.
"""

from collections.abc import Iterator, Mapping

from firn_compiler.checks.dataset import Dataset
from firn_compiler.diagnostics import Diagnostic, finding, suggestion
from firn_compiler.document import Path, Scalar, entries_at, mapping_at
from firn_compiler.model.datasets import runs_code
from firn_compiler.model.project import Flow, Step

_PATH = ("governance", "classifications")
_PLACES = ("table", "path")


def classified(
    flow: Flow, made: Mapping[str, Mapping[str, Dataset]], tables: Mapping[Path, tuple[str, ...]]
) -> Iterator[Diagnostic]:
    """Report the flow's own classifications of what it does not have.

    `made` are the datasets of each job by the names that they go by, `tables` by each query's step what it reads.
    """
    own = mapping_at(mapping_at(flow.root, "governance"), "classifications")
    if own is None or not own.entries:
        return
    steps = [step.innermost for job in flow.jobs for step in job.steps]
    outside = _outside(steps, tables)
    for key, place in own.keys.items():
        dataset, _, column = key.lower().rpartition(".")
        path = (*_PATH, key)
        if not dataset or not column:
            message, help = f"`{key}` names no column of a dataset", "write `DATASET.COLUMN`, such as `orders.email`"
            yield finding("E306", message, place, help, path)
            continue
        datasets = [found for of_job in made.values() if (found := of_job.get(dataset)) is not None]
        if datasets and not any(one.has(column) for one in datasets):
            names = [name for one in datasets for name in one.names()]
            help = suggestion(column, names, f"columns of `{dataset}`:")
            yield finding("E503", f"the dataset `{dataset}` has no column `{column}`", place, help, path)
        elif not datasets and outside is not None and dataset not in outside:
            names = [name for of_job in made.values() for name in of_job if "." not in name]
            help = suggestion(dataset, {*names, *outside}, "datasets and tables:")
            yield finding("E306", f"nothing in this flow is called `{dataset}`", place, help, path)


def _outside(steps: list[Step], tables: Mapping[Path, tuple[str, ...]]) -> set[str] | None:
    """Return what lies outside and is read or written, tables with and without their schema; None where nobody knows.

    Nobody knows what a step does that runs code, nor which place a template becomes.
    """
    found: set[str] = set()
    for step in steps:
        if runs_code(step):
            return None
        names = [name.lower() for name in tables.get(step.path, ())]
        for key, place in _places(step):
            if not isinstance(place, Scalar) or not isinstance(place.value, str):
                return None
            (names.append if key == "table" else found.add)(place.value.lower())
        found.update(names, (name.rpartition(".")[2] for name in names))
    return found


def _places(step: Step) -> Iterator[tuple[str, object]]:
    for entries in (step.inputs.entries, entries_at(step.inputs, "request")):
        yield from ((key, entries[key]) for key in _PLACES if key in entries)
