"""Flows that the engine gets done no sooner with several threads: one is all it needs for them.

The engine's client for Python does not sleep while it waits for a statement: it asks for a task again and again. Where
a statement is one task and another thread has taken it, the caller burns a core until it is done. With one thread,
whoever waits does the work.
"""

from collections.abc import Mapping

from firn_schemas.artifact import Flow, Step

Drivers = Mapping[str, tuple[str, str]]
"""(kind, driver) of each of a flow's resources."""

_POSTGRES = ("db", "postgres")
_FILES = frozenset([("db", "duckdb"), ("db", "sqlite3")])
"""Databases that are files: rows of a PostgreSQL table, inserted in no order, are in them no sooner by two threads than
by one. Two take up to a third more CPU, and leave row groups of a DuckDB file half full."""
_ADDING = frozenset(["append", "replace"])
"""Modes that only add rows; the others join them with those that are there."""
_QUERIES = frozenset(["incremental", "sql"])
"""Inputs of a `read` with which more is done than to scan."""


def is_serial(flow: Flow, drivers: Drivers) -> bool:
    """Return whether all that the flow does is to pass rows on, from or to PostgreSQL: one COPY, one connection."""
    return all(_passes_on(job.steps, drivers) for job in flow.jobs)


def _passes_on(steps: list[Step], drivers: Drivers) -> bool:
    reads = {step.id: step for step in steps if step.type == "read"}
    return all(
        _only_scans(step) if step.id in reads else _is_one_task(step, reads, drivers) if step.type == "write" else False
        for step in steps
    )


def _only_scans(read: Step) -> bool:
    return read.streamed_into is not None and not _QUERIES & read.inputs.keys()


def _is_one_task(write: Step, reads: Mapping[str, Step], drivers: Drivers) -> bool:
    source = reads.get(_word(write, "from"))
    if source is None or source.streamed_into != write.id:
        return False
    target = drivers.get(_word(write, "resource"))
    if target in _FILES:
        return drivers.get(_word(source, "resource")) == _POSTGRES and _word(write, "mode") in _ADDING
    return target == _POSTGRES


def _word(step: Step, name: str) -> str:
    """Return an input that is a word, and any other text for one that is none: nobody has looked at it yet."""
    return str(step.inputs.get(name))
