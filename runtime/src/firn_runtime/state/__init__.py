"""What runs leave behind and which locks they hold, behind one small interface: a SQLite file, or PostgreSQL."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firn_runtime.state.columns import checked_outputs, checked_results
from firn_runtime.state.lease import Lease
from firn_runtime.state.locks import holder
from firn_runtime.state.machine import Clocks, this_process
from firn_runtime.state.rows import Fence, JobRow, LockRow, RunRow, StepRow, WatermarkRow
from firn_runtime.state.store import State

__all__ = [
    "Fence",
    "JobRow",
    "Lease",
    "LockRow",
    "RunRow",
    "State",
    "StepRow",
    "WatermarkRow",
    "checked_outputs",
    "checked_results",
    "holder",
    "open_state",
]

DEFAULT_PATH = ".firn/state.db"


def open_state(settings: Mapping[str, Any], base: Path, *, read_only: bool = False) -> State:
    """Open the state that the payload's `state` names, its secrets resolved; paths are relative to `base`.

    What is missing is made, unless it is only read. Raises StateError: R401 where it cannot be opened, R402 for a
    schema of a later runtime, R403 where it is damaged.
    """
    clocks, here = Clocks(), this_process()
    if settings.get("backend") == "postgres":
        from firn_runtime.state.postgres import PostgresDatabase

        authorities = settings.get("sslrootcert")
        ours = {**settings, "sslrootcert": str(base / authorities)} if authorities else settings
        return State(PostgresDatabase(ours, read_only=read_only), here, clocks)
    from firn_runtime.state.sqlite import SqliteDatabase

    path = base / settings.get("path", DEFAULT_PATH)
    return State(SqliteDatabase(path, clocks, here.boot, read_only=read_only), here, clocks)
