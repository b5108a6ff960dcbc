"""A secret that was replaced while the run goes on: it is read when it is first used, and once more after a refusal."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from firn_runtime import Edge, RunResult, run_artifact
from firn_runtime.events import Event
from runtime.artifacts import job, payload, resource, spelled, step
from runtime.connectors.server import Answer, Asked, serving

OLD, NEW = "canary-old-token-1", "canary-new-token-2"
REQUIRED: dict[str, Any] = {
    "connectors": [],
    "environment": [],
    "secrets": [{"ref": "api", "key": "token", "variable": "API_TOKEN", "used_by": ["resources.api.config"]}],
}
READ = step("r", "read", resource="api", path="/items")


class Rotating:
    """An API that takes one token, and a mounted secret that somebody replaces."""

    def __init__(self, folder: Path, valid: str) -> None:
        self.file, self.valid = folder / "secrets/api/token", valid
        self.file.parent.mkdir(parents=True)
        self.mount(OLD)
        self.asked: list[str] = []
        self.refused: Callable[[], object] = lambda: None

    def mount(self, token: str) -> None:
        self.file.write_text(token + "\n")
        self.file.chmod(0o600)

    def reply(self, asked: Asked) -> Answer:
        token = asked.headers["authorization"].removeprefix("Bearer ")
        self.asked.append(token)
        if token == self.valid:
            return Answer([{"n": 1}])
        self.refused()
        return Answer({}, status=401)


def run(folder: Path, rotating: Rotating, *jobs: dict[str, Any]) -> tuple[RunResult, list[Event]]:
    events: list[Event] = []
    with serving(rotating.reply) as api:
        token = {"$secret": {"ref": "api", "key": "token"}}
        body = payload(
            *(jobs or (job("a", READ),)),
            names={"api": "api"},
            resources={"api": resource("rest", "httpx", {"base_url": api.url, "bearer_token": token})},
            requires=REQUIRED,
            security={"secret_mounts": ["secrets"]},
        )
        result = run_artifact(spelled(body), Edge({}, folder, [events.append]))
    assert "canary" not in repr((result, events))
    return result, events


def marks(events: list[Event]) -> list[Any]:
    return [event.detail["fingerprint"] for event in events if event.name == "secret.resolved" and event.detail]


def test_a_secret_that_was_replaced_is_read_again_after_a_refusal(tmp_path: Path) -> None:
    rotating = Rotating(tmp_path, NEW)
    rotating.refused = lambda: rotating.mount(NEW)
    result, events = run(tmp_path, rotating)
    assert (result.status, rotating.asked) == ("SUCCESS", [OLD, NEW])
    assert result.jobs[0].steps[0].attempts == 1
    before, after = marks(events)
    assert before != after


def test_it_is_read_again_once_and_not_a_second_time(tmp_path: Path) -> None:
    rotating = Rotating(tmp_path, "none of them")
    rotating.refused = lambda: rotating.mount(f"canary-another-{len(rotating.asked)}")
    result, _ = run(tmp_path, rotating)
    assert result.status == "FAILED"
    assert rotating.asked == [OLD, "canary-another-1"]


def test_a_secret_that_is_the_same_is_not_sent_twice(tmp_path: Path) -> None:
    rotating = Rotating(tmp_path, NEW)
    result, events = run(tmp_path, rotating)
    assert (result.status, rotating.asked, len(marks(events))) == ("FAILED", [OLD], 1)
    error = result.jobs[0].steps[0].error
    assert error is not None
    assert (error.code, error.error_class) == ("R303", "auth")


def test_a_secret_that_is_gone_after_a_refusal_leaves_the_refusal_as_the_reason(tmp_path: Path) -> None:
    rotating = Rotating(tmp_path, NEW)
    rotating.refused = rotating.file.unlink
    result, _ = run(tmp_path, rotating)
    error = result.jobs[0].steps[0].error
    assert error is not None
    assert error.code == "R303"


def test_what_is_used_first_later_is_read_then(tmp_path: Path) -> None:
    rotating = Rotating(tmp_path, NEW)

    def replace(event: Event) -> None:
        if event.name == "step.started" and event.step == "first":
            rotating.mount(NEW)

    with serving(rotating.reply) as api:
        token = {"$secret": {"ref": "api", "key": "token"}}
        body = payload(
            job("a", step("first", "sql", sql="select 1 as n"), READ),
            names={"api": "api"},
            resources={"api": resource("rest", "httpx", {"base_url": api.url, "bearer_token": token})},
            requires=REQUIRED,
            security={"secret_mounts": ["secrets"]},
        )
        result = run_artifact(spelled(body), Edge({}, tmp_path, [replace]))
    assert (result.status, rotating.asked) == ("SUCCESS", [NEW])


def test_what_the_environment_gave_stays_as_it_was(tmp_path: Path) -> None:
    rotating = Rotating(tmp_path, NEW)
    rotating.refused = lambda: rotating.mount(NEW)
    with serving(rotating.reply) as api:
        token = {"$secret": {"ref": "api", "key": "token"}}
        body = payload(
            job("a", READ),
            names={"api": "api"},
            resources={"api": resource("rest", "httpx", {"base_url": api.url, "bearer_token": token})},
            requires=REQUIRED,
            security={"secret_mounts": ["secrets"]},
        )
        result = run_artifact(spelled(body), Edge({"API_TOKEN": OLD}, tmp_path))
    assert (result.status, rotating.asked) == ("FAILED", [OLD])
