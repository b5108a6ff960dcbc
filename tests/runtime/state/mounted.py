"""A program that works on a state inside a mount of its own; see test_sqlite.py. It writes lines of JSON."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from firn_runtime.errors import StateError
from firn_runtime.state import State, StepRow, open_state

SMALL: Any = {"text": "x" * 20_000}


def said(act: Any) -> Any:
    try:
        return act()
    except StateError as error:
        return [error.code, error.message, error.help]


def opened(folder: str) -> State:
    return open_state({"backend": "sqlite", "path": f"{folder}/state.db"}, Path.cwd())


def finish(state: State, name: str) -> None:
    state.step_finished("shop", "r1", StepRow("main", name, "SUCCESS", 1, "f", "2026", results=SMALL), [])


def full(folder: str) -> list[Any]:
    """Record steps until the disk is full, make room, and go on: what was recorded, the error, what is there."""
    room = Path(folder) / "room"
    room.write_bytes(b"x" * 100_000)
    recorded: list[str] = []
    state = opened(folder)
    error: Any = None
    while error is None and len(recorded) < 1000:
        error = said(lambda: finish(state, f"s{len(recorded)}"))
        if error is None:
            recorded.append(f"s{len(recorded)}")
    there = [step.step for step in state.steps("shop", "r1")]
    room.unlink()
    finish(state, "later")
    state.close()
    found = [step.step for step in opened(folder).steps("shop", "r1")]
    return [error, sorted(recorded) == sorted(there), sorted([*recorded, "later"]) == sorted(found)]


def opened_when_full(folder: str) -> Any:
    return said(lambda: opened(folder).close())


def read_only(folder: str) -> list[Any]:
    """Open a state on a file system that can no longer be written, and make one there."""
    state = opened(folder)
    finish(state, "s1")
    state.close()
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    found = [said(lambda: opened(folder)), said(lambda: opened(f"{folder}/new"))]
    subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
    return [*found, [step.step for step in opened(folder).steps("shop", "r1")]]


COMMANDS: dict[str, Any] = {"full": full, "opened_when_full": opened_when_full, "read_only": read_only}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(COMMANDS[sys.argv[1]](sys.argv[2])) + "\n")
