"""Every event of real runs is one of schemas/events.schema.json, as a program that reads them would check it."""

import threading
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from jsonschema import Draft202012Validator

from firn_runtime import Edge, Options, run_artifact
from firn_runtime.events import Event, EventName
from firn_runtime.observe.json_lines import JsonLines
from runtime.artifacts import job, payload, resource, spelled, step
from runtime.connectors.server import Answer, Asked, serving

SCHEMA = orjson.loads((Path(__file__).parents[2] / "schemas" / "events.schema.json").read_bytes())
NAMES = {
    one["properties"]["event"]["const"] for name, one in SCHEMA["$defs"].items() if "event" in one.get("properties", {})
}


def told(folder: Path, body: dict[str, Any], options: Options, *others: Any, **environ: str) -> set[str]:
    """Run, write the events as `--events` does, and return the names of those that were told; each is valid."""
    with (folder / "events").open("wb") as file:
        run_artifact(spelled(body), Edge(environ, folder, [*others, JsonLines(file)]), options)
    lines = [orjson.loads(line) for line in (folder / "events").read_bytes().splitlines()]
    validator = Draft202012Validator(SCHEMA)
    for line in lines:
        validator.validate(line)
    return {line["event"] for line in lines}


def test_every_event_that_can_be_told_is_described() -> None:
    assert set(get_args(EventName)) == NAMES


def test_events_of_runs_that_fail_retry_skip_warn_and_are_resumed_are_as_described(tmp_path: Path) -> None:
    broken = threading.Event()
    broken.set()

    def reply(asked: Asked) -> Answer:
        return Answer(status=503) if broken.is_set() else Answer([{"n": 1}])

    def failing(event: Event) -> None:
        raise OSError

    with serving(reply) as api:
        token = {"$secret": {"ref": "api", "key": "token"}}
        bare = {"$secret": {"ref": "plain"}}
        config = {"base_url": api.url, "bearer_token": token, "api_key": bare}
        made = step("made", "sql", sql="select 1 as n")
        got = step("got", "read", resource="api", path="/x")
        got |= {"retry": {"max_attempts": 2, "backoff": 0, "max_backoff": 0, "on": ["server_error"]}}
        secrets = [
            {"ref": "api", "key": "token", "variable": "API_TOKEN", "used_by": ["x"]},
            {"ref": "plain", "variable": "PLAIN", "used_by": ["x"]},
        ]
        body = payload(
            job("first", made),
            job("second", made, got, depends_on=["first"]),
            job("left", made, when=False),
            job("blocked", made, depends_on=["left"]),
            names={"api": "api"},
            resources={"api": resource("rest", "httpx", config)},
            requires={"connectors": [], "environment": [], "secrets": secrets},
        )
        environ = {"API_TOKEN": "s3cr3t-token", "PLAIN": "s3cr3t-plain"}
        names = told(tmp_path, body, Options(), failing, **environ)
        assert NAMES - names == {"step.reused"}
        broken.clear()
        names = told(tmp_path, body, Options(resume="last"), **environ)
        assert {"step.reused", "step.finished", "run.finished"} <= names


def started() -> dict[str, Any]:
    detail: dict[str, Any] = {"artifact": "sha256:0", "environment": "test", "seed": 1, "resumed": 0}
    return Event("run.started", "2026-03-01T06:00:00.000+00:00", "r", "f", detail=detail).as_json()


@pytest.mark.parametrize("change", [{"more": 1}, {"seed": "1"}, {"seed": None}, {"event": "run.begun"}])
def test_an_event_of_another_shape_is_none(change: dict[str, Any]) -> None:
    validator = Draft202012Validator(SCHEMA)
    assert validator.is_valid(started())
    assert not validator.is_valid(started() | change)
