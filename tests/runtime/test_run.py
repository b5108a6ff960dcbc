"""A run as its events and its result: what is told, what is refused before the start, what goes on after a failure."""

import errno
from pathlib import Path
from typing import Any

import pytest

from firn_runtime import Edge, Options, RunResult, Stop, run_artifact
from firn_runtime.errors import ArtifactRefused, FirnError, InputsMissing
from firn_runtime.events import Event
from runtime.artifacts import job, payload, resource, spelled, step

CANARY = "CANARY-t0k3n"
API = {"base_url": "http://127.0.0.1:9", "bearer_token": {"$secret": {"ref": "api", "key": "token"}}}


def required(ref: str = "api", key: str | None = "token", variable: str = "API_TOKEN") -> dict[str, Any]:
    secret = {"ref": ref, "key": key, "variable": variable, "used_by": ["resources.api.config.bearer_token"]}
    return {"connectors": [], "environment": [], "secrets": [secret]}


def run(folder: Path, body: dict[str, Any], listener: Any = None, **environ: str) -> RunResult:
    listeners = [listener] if listener else []
    return run_artifact(spelled(body), Edge(environ, folder, listeners, run_id="r1"))


def refusal(folder: Path, body: dict[str, Any], **environ: str) -> FirnError:
    events: list[Event] = []
    with pytest.raises(FirnError) as caught:
        run(folder, body, events.append, **environ)
    assert events == []
    assert CANARY not in caught.value.message + caught.value.help
    return caught.value


def test_every_start_has_exactly_one_end_also_after_a_failure(tmp_path: Path) -> None:
    events: list[Event] = []
    bad = job("bad", step("x", "sql", sql="select nope"), step("never", "sql", sql="select 1 as n"))
    after, free = job("after", depends_on=["bad"]), job("free", step("y", "sql", sql="select 1 as n"))
    run(tmp_path, payload(bad, after, free), events.append)
    told = [(event.name, event.job, event.step, event.status) for event in events]
    assert told == [
        ("run.started", None, None, None),
        ("job.started", "bad", None, None),
        ("step.started", "bad", "x", None),
        ("step.finished", "bad", "x", "FAILED"),
        ("job.finished", "bad", None, "FAILED"),
        ("job.started", "after", None, None),
        ("job.finished", "after", None, "BLOCKED"),
        ("job.started", "free", None, None),
        ("step.started", "free", "y", None),
        ("step.finished", "free", "y", "SUCCESS"),
        ("job.finished", "free", None, "SUCCESS"),
        ("run.finished", None, None, "FAILED"),
    ]


@pytest.mark.parametrize(
    ("error", "reason"),
    [(OSError(CANARY), "OSError"), (OSError(errno.ENOSPC, CANARY), "no space left on device")],
)
def test_a_listener_that_raises_is_one_warning_and_breaks_nothing(
    tmp_path: Path, error: Exception, reason: str
) -> None:
    events: list[Event] = []

    def broken(event: Event) -> None:
        raise error

    result = run_artifact(spelled(payload(job("a"), job("b"))), Edge({}, tmp_path, [broken, events.append]))
    assert result.status == "SUCCESS"
    warnings = [event.message for event in events if event.name == "warning"]
    assert warnings == [f"a listener failed and is left out: {reason}"]


@pytest.mark.parametrize(
    ("condition", "status", "sentence"),
    [
        (True, "SUCCESS", None),
        (False, "SKIPPED", None),
        ({"$op": {"name": "<", "args": [1, "x"]}}, "FAILED", "`<` compares two numbers or two texts"),
        ({"$ref": "jobs.none.outputs.n"}, "FAILED", "there is no value at `jobs.none.outputs.n`"),
        (7, "FAILED", "the condition is neither true nor false"),
    ],
)
def test_a_condition_decides_or_says_why_it_cannot(
    tmp_path: Path, condition: Any, status: str, sentence: str | None
) -> None:
    outcome = run(tmp_path, payload(job("a", when=condition))).jobs[0]
    assert outcome.status == status
    assert (outcome.error is None) if sentence is None else (outcome.error and sentence in outcome.error.message)


def test_a_job_that_waits_for_a_skipped_one_is_blocked_and_the_run_is_no_failure(tmp_path: Path) -> None:
    result = run(tmp_path, payload(job("a", when=False), job("b", depends_on=["a"]), job("c", depends_on=["b"])))
    assert [one.status for one in result.jobs] == ["SKIPPED", "BLOCKED", "BLOCKED"]
    assert result.status == "SUCCESS"


def test_a_resource_that_cannot_be_opened_gives_every_step_the_same_reason(tmp_path: Path) -> None:
    read = step("r", "read", resource="files", path="d.csv")
    files = resource("files", "local", {"root": "missing"})
    body = payload(job("a", read), job("b", read), names={"files": "files"}, resources={"files": files})
    errors = [one.steps[0].error for one in run(tmp_path, body).jobs]
    assert [error and error.code for error in errors] == ["R301", "R301"]
    assert errors[0] == errors[1]


def test_missing_variables_and_secrets_are_said_together(tmp_path: Path) -> None:
    api = resource("rest", "httpx", API | {"base_url": {"$env": {"name": "API_URL"}}})
    body = payload(job("a"), names={"api": "api"}, resources={"api": api}, requires=required())
    found = refusal(tmp_path, body)
    assert isinstance(found, InputsMissing)
    assert "`API_URL`" in found.message
    assert "`api/token`" in found.message
    assert "$API_TOKEN" in found.message


def test_a_secret_is_looked_up_by_its_own_name_only(tmp_path: Path) -> None:
    parts = {"names": {"api": "api"}, "resources": {"api": resource("rest", "httpx", API)}}
    body = payload(job("a"), requires=required(variable="DEPLOY_KEY"), **parts)
    assert refusal(tmp_path, body, DEPLOY_KEY=CANARY).code == "R108"
    assert run(tmp_path, payload(job("a"), requires=required(), **parts), API_TOKEN=CANARY).status == "SUCCESS"


def test_a_secret_that_requires_does_not_name_is_refused(tmp_path: Path) -> None:
    body = payload(job("a"), names={"api": "api"}, resources={"api": resource("rest", "httpx", API)})
    assert refusal(tmp_path, body, API_TOKEN=CANARY).code == "R108"


def test_a_secret_in_the_inputs_of_a_step_is_refused_before_the_start(tmp_path: Path) -> None:
    inputs = step("s", "sql", sql="select $1 as n", params=[{"$secret": {"ref": "api", "key": "token"}}])
    found = refusal(tmp_path, payload(job("a", inputs), requires=required()), API_TOKEN=CANARY)
    assert isinstance(found, ArtifactRefused)
    assert "payload.flows.flow.a.s.inputs.params[0]: a secret stands where none is allowed" in found.message


def test_a_literal_mapping_may_look_like_any_node(tmp_path: Path) -> None:
    params = {"a": {"$literal": {"$ref": 7}}, "b": {"$literal": {"$env": {"name": "NOT_SET"}}}}
    asked = step("s", "sql", sql="select $a::varchar as a, $b::varchar as b", params=params)
    assert run(tmp_path, payload(job("a", asked))).status == "SUCCESS"


def test_only_what_the_chosen_flow_needs_is_looked_up(tmp_path: Path) -> None:
    body = payload(
        job("a"), names={"api": "api"}, resources={"api": resource("rest", "httpx", API)}, requires=required()
    )
    body["flows"]["other"] = payload(job("a"))["flows"]["flow"]
    assert run_artifact(spelled(body), Edge({}, tmp_path), Options(flow="other")).status == "SUCCESS"
    with pytest.raises(FirnError) as caught:
        run_artifact(spelled(body), Edge({}, tmp_path))
    assert (caught.value.code, caught.value.help) == ("R001", "name one with `--flow`: `flow`, `other`")


def test_a_run_that_is_asked_to_stop_starts_no_further_step(tmp_path: Path) -> None:
    events: list[Event] = []
    steps = (step("one", "sql", sql="select 1 as n"), step("two", "sql", sql="select 2 as n"))
    stop = Stop()

    def listener(event: Event) -> None:
        events.append(event)
        if event.name == "step.finished":
            stop.terminate()

    result = run_artifact(spelled(payload(job("a", *steps))), Edge({}, tmp_path, [listener], stop))
    assert (result.status, result.stopped) == ("FAILED", "terminate")
    assert [event.step for event in events if event.name == "step.started"] == ["one"]
