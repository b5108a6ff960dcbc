"""Rows as a run would record them."""

from typing import Any

from firn_runtime.state import Fence, JobRow, RunRow, State, StepRow

NOW = "2026-01-02T03:04:05.678+00:00"


def run(name: str = "r1", **more: Any) -> RunRow:
    return RunRow("shop", name, "sha256:1", "local", "RUNNING", 7, NOW)._replace(**more)


def step(name: str = "load", **more: Any) -> StepRow:
    return StepRow("main", name, "RUNNING", 1, "sha256:2", NOW)._replace(**more)


def job(name: str = "main", **more: Any) -> JobRow:
    return JobRow(name, "SUCCESS", "sha256:3", 1.5, None, {"n": 1})._replace(**more)


def taken(state: State, key: str = "flow:shop", ttl: float = 60.0) -> Fence:
    """Take a lock that is free."""
    token = state.acquire(key, {"run": "r1"}, ttl)
    assert isinstance(token, int)
    return Fence(key, token)
