"""Files that steps left in the run's folder: noted with their sizes, so that a resumed run sees which are gone."""

import json
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from firn_runtime.state.rows import NOT_KEPT, StepRow
from firn_runtime.step import innermost
from firn_schemas.artifact import Step
from firn_schemas.base import Json
from firn_schemas.connectors import WORKSPACE
from firn_schemas.steps import STEPS

FILES = ".files"
"""Name of the folder of a run's files in its workspace. No job can be called so, whose folders lie beside it."""
NOTE = "left.json"
_PUBLISH = ("export", "upload", "write")


def leaves(step: Step) -> bool:
    """Say whether a step leaves files in the run's folder."""
    type, inputs = innermost(step.type, step.inputs)
    row = STEPS.get(type)
    return (row is not None and bool(row.leaves)) or (type in _PUBLISH and inputs.get("resource") == WORKSPACE[1])


def note(step: Step, results: Mapping[str, Json], scratch: Path, files: Path) -> None:
    """Note what a step has left, in its scratch folder; raise OSError.

    Where no result names it, nothing is noted: a resumed run does the step again.
    """
    names = _left(innermost(step.type, step.inputs)[0], results, scratch)
    if names is None:
        (scratch / NOTE).unlink(missing_ok=True)
        return
    found = {name: (files / name).stat().st_size for name in names if (files / name).is_file()}
    (scratch / NOTE).write_text(json.dumps(found))


def _left(type: str, results: Mapping[str, Any], scratch: Path) -> list[str] | None:
    if type in ("export", "write"):
        from firn_runtime.connectors.files.publication import INTENT

        return list(json.loads((scratch / INTENT).read_text())["files"])
    row = STEPS.get(type)
    named = results.get((row.leaves if row is not None else "") or "files")
    return [named] if isinstance(named, str) else named


def lost(row: StepRow) -> str:
    """Say what is no longer there of a step that was done."""
    if row.fingerprint == NOT_KEPT:
        return "its results were not kept"
    what = "its dataset" if row.dataset is not None else "a file of it"
    return f"{what} is gone from the workspace"


class Kept(NamedTuple):
    """What the sessions of a run before this one have left in its workspace."""

    workspace: Path
    datasets: Container[tuple[str, str]]
    """By job and step."""

    def lacks(self, job: str, step: Step, row: StepRow) -> bool:
        """Say whether the dataset or a file of a step that was done is no longer there."""
        if row.dataset is not None and (job, step.id) not in self.datasets:
            return True
        return leaves(step) and not _still_there(self.workspace / job / step.id, self.workspace / FILES)


def _still_there(scratch: Path, files: Path) -> bool:
    """Say whether what a step has noted is there, as far as sizes say it; a note that was cut off is none.

    What a later step has put in its place is there: done again, this step would take it away.
    """
    try:
        noted: dict[str, int] = json.loads((scratch / NOTE).read_text())
        sizes = {name: (files / name).stat().st_size for name in noted}
        return sizes == noted or sizes.items() <= (noted | _noted_since(scratch / NOTE)).items()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False


def _noted_since(note: Path) -> dict[str, int]:
    """Return what the run's steps have noted after a step's note."""
    times = {one: one.stat().st_mtime_ns for one in note.parents[2].glob(f"*/*/{NOTE}")}
    later = sorted((one for one in times if times[one] > times[note]), key=times.__getitem__)
    return {name: size for one in later for name, size in json.loads(one.read_text()).items()}
