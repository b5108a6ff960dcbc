"""What an artifact asks of a runtime: one name for each thing that a runtime may lack. A name is never reused."""

from collections.abc import Iterator
from typing import Any


def features(body: Any) -> set[str]:
    """Return every feature that the payload needs."""
    found = {feature for one in body["resources"].values() for feature in _resource(one)}
    found |= {feature for flow in body["flows"].values() for job in flow["jobs"] for feature in _job(job)}
    backend = body.get("state", {}).get("backend", "sqlite")
    return found | ({f"state.{backend}"} if backend != "sqlite" else set())


def _resource(one: Any) -> Iterator[str]:
    if one["kind"] == "compute":
        yield f"compute.{one['driver']}"
        return
    yield f"connector.{one['kind']}.{one['driver']}"
    if "decode" in one:
        yield "secrets.decode"
    mode = one["config"].get("credentials")
    if isinstance(mode, dict):
        yield f"credentials.{one['kind']}.{mode['mode']}"


def _job(job: Any) -> Iterator[str]:
    yield from (feature for key, feature in _OF_A_JOB.items() if key in job)
    for step in job["steps"]:
        yield from _step(step)


def _step(step: Any) -> Iterator[str]:
    inputs = step["inputs"]
    yield f"step.{step['type']}"
    yield from (feature for key, feature in _OF_A_STEP.items() if key in step)
    yield from (feature for key, feature in _OF_INPUTS.items() if key in inputs)
    yield from (f"check.{rule}" for one in _list(inputs.get("expectations")) for rule in _NEW_RULES & one.keys())
    if step["type"] == "write" and inputs.get("mode") != "replace":
        yield f"write.{inputs['mode']}"
    if inputs.get("on_schema_change") not in (None, "fail"):
        yield f"write.{inputs['on_schema_change']}"
    if isinstance(inputs.get("request"), dict):
        yield from _request(inputs["request"])
    if step["type"] == "with_lock":
        yield from _step(inputs["step"])


def _request(request: Any) -> Iterator[str]:
    if request.get("method", "GET") != "GET" or request.get("body") is not None:
        yield "rest.body"
    if isinstance(request.get("pagination"), dict):
        yield f"rest.pagination.{request['pagination']['type']}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


_OF_A_JOB = {"when": "job.when", "timeout": "job.timeout", "lock": "state.locks"}
_OF_A_STEP = {
    "lock": "state.locks",
    "on_no_data": "step.on_no_data",
    "retry": "step.retry",
    "streamed_into": "step.streamed_into",
    "timeout": "step.timeout",
}
_OF_INPUTS = {"incremental": "read.incremental"}
_NEW_RULES = frozenset(["freshness", "relationship"])
