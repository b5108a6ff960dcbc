"""Where a run works and keeps its state; nothing is made, and a state is only looked at."""

import os
from collections.abc import Iterator, Mapping, Set
from contextlib import closing
from pathlib import Path
from typing import Any

from firn_runtime.errors import StateMissing, StateOlder
from firn_runtime.folders import nearest, trial
from firn_runtime.history import rest
from firn_runtime.probing import Seen
from firn_runtime.state import DEFAULT_PATH, LockRow, holder, open_state

Settings = Mapping[str, Any]

_GIB = 2**30


def workspace(root: Path) -> Iterator[Seen]:
    """Look whether a run can work in a folder that may not be there yet, and for how much there is room."""
    import shutil

    reason = trial(root)
    if reason:
        help = "the platform's `workspace.root` must be writable: mount a volume there"
        yield Seen("workspace", "failed", f"no file can be made there: {reason}", help)
        return
    there = "" if os.path.isdir(root) else ", once the run has made it"
    free = shutil.disk_usage(nearest(root.absolute())).free / _GIB
    yield Seen("workspace", "ok", f"files can be made there{there}; {free:,.1f} GiB are free")


def state_subject(settings: Settings | None) -> str:
    """Return how the state is named; its settings need not be resolved."""
    if settings is not None and settings.get("backend") == "postgres":
        return "PostgreSQL"
    path = (settings or {}).get("path", DEFAULT_PATH)
    return path if isinstance(path, str) else "SQLite"


def state(settings: Settings, base: Path, keys: Set[str]) -> Iterator[Seen]:
    """Look whether the state can be kept, whether this runtime knows its schema, and who holds locks of these keys."""
    reason = _refusal(settings, base)
    if reason:
        yield Seen(
            "state", "failed", f"it cannot be kept: {reason}", "a run must be able to write it: see docs/state.md"
        )
        return
    try:
        with closing(open_state(settings, base, read_only=True)) as found:
            runs = found.runs(limit=1)
            yield Seen("state", "ok", f"it can be kept; the last run was {runs[0].run}" if runs else "it can be kept")
            yield from _locks(found.locks(), keys)
    except StateMissing:
        yield Seen("state", "ok", "it can be kept; there is none yet, the first run makes it")
    except StateOlder as error:
        yield Seen("state", "warning", error.message, error.help)


def _refusal(settings: Settings, base: Path) -> str:
    """Say why the state cannot be kept; raise StateError where its server does not answer."""
    if settings.get("backend") == "postgres":
        from firn_runtime.state.postgres import refusal

        return refusal(settings)
    path = base / settings.get("path", DEFAULT_PATH)
    closed = os.path.exists(path) and not os.access(path, os.W_OK)
    return f"`{path}` is not writable" if closed else trial(path.parent)


def _locks(found: list[LockRow], keys: Set[str]) -> Iterator[Seen]:
    held = [one for one in found if one.held and one.key in keys]
    for one in held:
        message = f"`{one.key}` is held by {holder(one.owner)}, {rest(one)}"
        yield Seen("lock", "warning", message, "a run waits with `--wait`")
    if not held:
        yield Seen("lock", "ok", "nobody holds a lock of the flow")
