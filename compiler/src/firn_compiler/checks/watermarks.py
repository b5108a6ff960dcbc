"""Watermarks: of each incremental read the steps that publish its rows, which it waits for before it moves."""

from collections.abc import Iterator, Mapping, Set

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
        self.cursors: dict[Path, str] = {}
        """Of each incremental read its cursor, in lower case."""
        self.filed: dict[str, frozenset[Path]] = {}
        """Of each job the incremental reads whose rows may be in files of the run's folder by now."""

    def begin(self, job: Job) -> None:
        """Begin a job: it finds the files of those that it depends on."""
        self.filed[job.id] = frozenset[Path]().union(*(self.filed.get(name, ()) for name, _ in job.depends_on))

    def follows(self, step: Step) -> bool:
        """Say whether a step is an incremental read; it is followed from now on."""
        inner = step.innermost
        incremental = mapping_at(inner.inputs, "incremental")
        if inner.type != "read" or incremental is None:
            return False
        self.moves[step.path] = []
        self.cursors[step.path] = (text_at(incremental, "cursor") or "").lower()
        return True

    def publishes(self, job: Job, step: Step, reads: frozenset[Path], kinds: Mapping[str, str]) -> list[Diagnostic]:
        """Note that a step publishes rows of these incremental reads; report one that keeps only the last of them.

        `kinds` are those of its dataset's columns, as far as they are known.
        What is written into the run's folder is published by the steps that send files of it, whichever these are.
        """
        inner = step.innermost
        if inner.type in _WRITES and text_at(inner.inputs, "resource") == WORKSPACE[1]:
            self.filed[job.id] |= reads
            return []
        for path in reads | (self.filed[job.id] if _sends_files(inner) else frozenset()):
            self.moves[path].append(f"{job.id}.{step.id}")
        return [*_loses_history(inner, {self.cursors[path] for path in reads}, kinds)] if reads else []


def _sends_files(step: Step) -> bool:
    """Say whether a step may send files of the run's folder elsewhere: nobody can say it of programs."""
    if step.type == "upload":
        return text_at(step.inputs, "resource") != WORKSPACE[1]
    if step.type == "send_mail":
        return any(isinstance(item, Scalar) for item in items_at(step.inputs, "attachments"))
    return step.type == "run_process"


def _loses_history(step: Step, cursors: Set[str], kinds: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Report a write that keeps the rows of the last read alone, unless each run has a place of its own."""
    place = step.inputs.entries.get("table") or step.inputs.entries.get("path")
    if step.type != "write" or not isinstance(place, Scalar) or not isinstance(place.value, str):
        return
    mode = text_at(step.inputs, "mode")
    if mode == "replace":
        message = "`mode: replace` keeps only what the last incremental read gave"
        help = "write `mode: append` or `mode: upsert`, or join the rows that are there in a `sql` step before"
    elif mode == "insert_overwrite" and _splits_partitions(step, cursors, kinds):
        message = "`mode: insert_overwrite` keeps of a partition only what the last incremental read gave of it"
        help = "write `mode: append` or `mode: upsert`, or let the read's `cursor` be a column of `partition_by`"
    else:
        return
    yield finding("W308", message, step.inputs.entries["mode"].span, help, (*step.inputs_path, "mode"))


def _splits_partitions(step: Step, cursors: Set[str], kinds: Mapping[str, str]) -> bool:
    """Say whether a read may have given a part of a partition: no column of it is the cursor.

    In a table a partition may be what one record holds, such as the lines of an order, unless it is a stretch of time.
    """
    from firn_compiler.kinds import MOMENTS  # few flows read in parts

    columns = (item.value for item in items_at(step.inputs, "partition_by") if isinstance(item, Scalar))
    by = {column.lower() for column in columns if isinstance(column, str)}
    return not by & cursors and ("path" in step.inputs.entries or any(kinds.get(name) in MOMENTS for name in by))
