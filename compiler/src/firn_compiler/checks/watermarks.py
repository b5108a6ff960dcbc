"""Watermarks: of each incremental read the steps that publish its rows, which it waits for before it moves."""

from collections.abc import Iterator

from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Path, Scalar, items_at, mapping_at, text_at
from firn_compiler.model.project import Job, Step
from firn_schemas.connectors import WORKSPACE

_WRITES = ("export", "write")


class Watermarks:
    """The reads of a flow that move, followed job by job, in an order in which none stands before what it needs."""

    def __init__(self) -> None:
        self.moves: dict[Path, list[str]] = {}
        """Of each incremental read the steps that publish its rows, as `job.step`."""
        self.filed: dict[str, frozenset[Path]] = {}
        """Of each job the incremental reads whose rows may be in files of the run's folder by now."""

    def begin(self, job: Job) -> None:
        """Begin a job: it finds the files of those that it depends on."""
        self.filed[job.id] = frozenset[Path]().union(*(self.filed.get(name, ()) for name, _ in job.depends_on))

    def follows(self, step: Step) -> bool:
        """Say whether a step is an incremental read; it is followed from now on."""
        inner = step.innermost
        if inner.type != "read" or mapping_at(inner.inputs, "incremental") is None:
            return False
        self.moves[step.path] = []
        return True

    def publishes(self, job: Job, step: Step, reads: frozenset[Path]) -> list[Diagnostic]:
        """Note that a step publishes rows of these incremental reads; report one that keeps only the last of them.

        What is written into the run's folder is published by the steps that send files of it, whichever these are.
        """
        inner = step.innermost
        if inner.type in _WRITES and text_at(inner.inputs, "resource") == WORKSPACE[1]:
            self.filed[job.id] |= reads
            return []
        for path in reads | (self.filed[job.id] if _sends_files(inner) else frozenset()):
            self.moves[path].append(f"{job.id}.{step.id}")
        return [*_loses_history(inner)] if reads else []


def _sends_files(step: Step) -> bool:
    """Say whether a step may send files of the run's folder elsewhere: nobody can say it of programs."""
    if step.type == "upload":
        return text_at(step.inputs, "resource") != WORKSPACE[1]
    if step.type == "send_mail":
        return any(isinstance(item, Scalar) for item in items_at(step.inputs, "attachments"))
    return step.type == "run_process"


def _loses_history(step: Step) -> Iterator[Diagnostic]:
    """Report a write that keeps the rows of the last read alone, unless each run has a place of its own."""
    place = step.inputs.entries.get("table") or step.inputs.entries.get("path")
    fixed = isinstance(place, Scalar) and isinstance(place.value, str)
    if step.type == "write" and text_at(step.inputs, "mode") == "replace" and fixed:
        message = "`mode: replace` keeps only what the last incremental read gave"
        help = "write `mode: append` or `mode: upsert`, or join the rows that are there in a `sql` step before"
        mode = step.inputs.entries["mode"]
        yield finding("W308", message, mode.span, help, (*step.inputs_path, "mode"))
