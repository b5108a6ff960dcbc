"""The `http` step: one request, its answer as results."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from firn_runtime.connectors.rest.pace import MOST_PAUSES
from firn_runtime.errors import ConnectorError
from firn_runtime.step import StepResult
from firn_schemas.secret import Secret
from runtime.connectors.server import Answer, Asked, serving
from runtime.refusals import refused
from runtime.workbench import Workbench, connector

Make = Callable[..., Workbench]

CANARY = "canary-d3d94468"


def ask(bench: Make, url: str, inputs: dict[str, Any], **config: Any) -> StepResult:
    work = bench(api=connector("rest", "httpx", base_url=url, bearer_token=Secret(CANARY), **config))
    return work.do("http", {"resource": "api", "path": "/jobs", **inputs}, "call")


def failure(bench: Make, url: str, inputs: dict[str, Any], **config: Any) -> ConnectorError:
    error = refused(ask, bench, url, inputs, **config)
    assert error.__context__ is None
    return error


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_the_results_are_status_and_json(bench: Make, method: str) -> None:
    with serving(lambda asked: Answer({"id": 7, "big": 2**60, "half": 0.5}, 201)) as api:
        result = ask(bench, api.url + "/v1", {"method": method, "params": {"a": 1, "b": True}})
    assert result.results == {"status": 201, "json": {"id": 7, "big": str(2**60), "half": 0.5}}
    (asked,) = api.asked
    assert (asked.method, asked.path, asked.query) == (method, "/v1/jobs", {"a": "1", "b": "true"})
    assert asked.headers["authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize("body", [b"", b"<p>done</p>", b"\xff", b"NaN"])
def test_an_answer_that_is_not_json_is_null(bench: Make, body: bytes) -> None:
    with serving(lambda asked: Answer(body, headers={"Content-Type": "text/html"})) as api:
        assert ask(bench, api.url, {"method": "GET"}).results == {"status": 200, "json": None}


def test_a_head_has_no_json(bench: Make) -> None:
    with serving(lambda asked: Answer({"id": 7})) as api:
        assert ask(bench, api.url, {"method": "HEAD"}).results == {"status": 200, "json": None}


@pytest.mark.parametrize(
    ("body", "sent", "kind"),
    [
        ({"name": "Ü", "n": [1, None]}, '{"name":"Ü","n":[1,null]}', "application/json"),
        ([1], "[1]", "application/json"),
        (False, "false", "application/json"),
        ("a=1&ü", "a=1&ü", "text/plain; charset=utf-8"),
        (None, "", None),
    ],
)
def test_a_body_is_json_or_text_as_it_is(bench: Make, body: Any, sent: str, kind: str | None) -> None:
    with serving(lambda asked: Answer({})) as api:
        ask(bench, api.url, {"method": "POST", "body": body})
    assert (api.asked[0].body.decode(), api.asked[0].headers.get("content-type")) == (sent, kind)


def test_headers_say_what_a_text_is(bench: Make) -> None:
    with serving(lambda asked: Answer({})) as api:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Run": "r1"}
        ask(bench, api.url, {"method": "POST", "body": "a=1", "headers": headers, "idempotency_key": "r1/s"})
    sent = api.asked[0].headers
    assert (sent["content-type"], sent["x-run"]) == ("application/x-www-form-urlencoded", "r1")
    assert sent["idempotency-key"] == "r1/s"


@pytest.mark.parametrize(
    ("status", "expected", "error_class"),
    [
        (404, None, "data"),
        (200, 201, "data"),
        (409, [200, 404], "conflict"),
        (422, None, "data"),
        (500, None, "server_error"),
        (303, None, "data"),
    ],
)
def test_a_status_that_is_not_expected_fails(bench: Make, status: int, expected: Any, error_class: str) -> None:
    with serving(lambda asked: Answer({"said": CANARY}, status)) as api:
        error = failure(bench, api.url, {"method": "POST", "expect_status": expected})
    assert (error.error_class, error.message) == (error_class, f"POST /jobs: the API answered {status}")
    assert len(api.asked) == 1


@pytest.mark.parametrize(("status", "expected"), [(404, 404), (409, [201, 409]), (303, 303), (429, [429]), (503, 503)])
def test_a_status_that_is_expected_is_a_result(bench: Make, status: int, expected: Any) -> None:
    with serving(lambda asked: Answer({"a": 1}, status, {"Location": "/other", "Retry-After": "0"})) as api:
        result = ask(bench, api.url, {"method": "POST", "expect_status": expected})
    assert (result.results, len(api.asked)) == ({"status": status, "json": {"a": 1}}, 1)


def test_a_redirect_that_keeps_the_method_is_followed_with_its_body(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        return Answer({"at": asked.path}) if asked.path == "/new" else Answer(b"", 308, {"Location": "/new"})

    with serving(reply) as api:
        assert ask(bench, api.url, {"method": "POST", "body": {"a": 1}}).results["json"] == {"at": "/new"}
    assert [(asked.method, json.loads(asked.body)) for asked in api.asked] == [("POST", {"a": 1})] * 2


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_to_another_host_is_refused(bench: Make, status: int) -> None:
    with serving(lambda asked: Answer({})) as thief:
        with serving(lambda asked: Answer(b"", status, {"Location": thief.url + "/x"})) as api:
            error = failure(bench, api.url, {"method": "GET"})
        assert (error.message, thief.asked) == ("the API leads to another host", [])


@pytest.mark.parametrize(
    ("inputs", "status", "asked"),
    [
        ({"method": "POST"}, 429, 1 + MOST_PAUSES),
        ({"method": "POST"}, 503, 1),
        ({"method": "PATCH"}, 503, 1),
        ({"method": "POST", "idempotency_key": "k"}, 503, 1 + MOST_PAUSES),
        ({"method": "PUT"}, 503, 1 + MOST_PAUSES),
    ],
)
def test_what_may_have_been_done_is_not_done_again(
    bench: Make, inputs: dict[str, Any], status: int, asked: int
) -> None:
    with serving(lambda asked: Answer({}, status, {"Retry-After": "0"})) as api:
        failure(bench, api.url, inputs)
    assert len(api.asked) == asked


def test_an_answer_has_the_size_limit_of_reads(bench: Make) -> None:
    with serving(lambda asked: Answer("x" * 2000)) as api:
        error = failure(bench, api.url, {"method": "GET"}, options={"max_response_bytes": 1000})
    assert error.message == "GET /jobs: the answer is larger than `max_response_bytes`"
