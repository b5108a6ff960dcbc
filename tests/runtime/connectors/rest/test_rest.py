"""An HTTP API, asked over a real socket: pages, failures, and what never leaves."""

import gzip
import logging
import socket
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from firn_runtime.errors import ConnectorError
from firn_schemas.secret import Secret
from runtime.connectors.server import Answer, Api, Asked, serving
from runtime.refusals import refused
from runtime.workbench import Workbench, connector

Make = Callable[..., Workbench]

CANARY = "canary-8f14e45f"
RECORDS = [{"id": number, "name": f"n{number}"} for number in range(5)]


def fetch(bench: Make, url: str, inputs: dict[str, Any], **config: Any) -> Workbench:
    work = bench(api=connector("rest", "httpx", base_url=url, **config))
    work.do("read", {"resource": "api", **inputs})
    return work


def failure(bench: Make, url: str, inputs: dict[str, Any], **config: Any) -> ConnectorError:
    return refused(fetch, bench, url, inputs, **config)


def pages(**pagination: Any) -> dict[str, Any]:
    return {"request": {"path": "/items", "pagination": pagination}}


def test_a_list_of_records_is_a_dataset(bench: Make) -> None:
    with serving(lambda asked: Answer(RECORDS)) as api:
        work = fetch(bench, api.url + "/v1", {"path": "/items", "columns": ["name", "id"]})
    assert work.rows()[0] == ("n0", 0)
    assert (api.asked[0].path, api.asked[0].headers["accept"]) == ("/v1/items", "application/json")


@pytest.mark.parametrize("records", ["data.items", "$.data.items", "data.items[*]", "$.data.items[*]"])
def test_records_lie_at_a_path(bench: Make, records: str) -> None:
    with serving(lambda asked: Answer({"data": {"items": RECORDS}})) as api:
        work = fetch(bench, api.url, {"request": {"path": "items", "params": {"a": 1, "b": True}, "records": records}})
    assert len(work.rows()) == 5
    assert api.asked[0].query["a"] == "1"


def test_records_lie_at_an_index(bench: Make) -> None:
    with serving(lambda asked: Answer([{"meta": 1}, {"items": RECORDS}])) as api:
        assert len(fetch(bench, api.url, {"request": {"path": "/", "records": "[1].items"}}).rows()) == 5


def test_types_are_chosen_from_all_records(bench: Make) -> None:
    body = [{"id": number} for number in range(30_000)] + [{"id": "x", "late": 1}]
    with serving(lambda asked: Answer(body)) as api:
        work = fetch(bench, api.url, {"path": "/items"})
    assert list(work.session.columns("data")) == ["id", "late"]


def test_pages_are_counted_until_one_is_empty(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        start = (int(asked.query["page"]) - 1) * 2
        return Answer(RECORDS[start : start + 2])

    with serving(reply) as api:
        work = fetch(bench, api.url, pages(type="page", size=2, size_param="per_page"))
    assert [row[0] for row in work.rows()] == [0, 1, 2, 3, 4]
    assert [asked.query for asked in api.asked] == [{"page": str(page), "per_page": "2"} for page in (1, 2, 3, 4)]


def test_pages_of_unknown_size_are_counted_until_one_is_empty(bench: Make) -> None:
    with serving(lambda asked: Answer(RECORDS if asked.query["p"] == "0" else [])) as api:
        assert len(fetch(bench, api.url, pages(type="page", param="p", start=0)).rows()) == 5
    assert len(api.asked) == 2


def test_slices_go_on_until_one_is_empty(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        start, limit = int(asked.query["offset"]), int(asked.query["limit"])
        return Answer(RECORDS[start : start + limit])

    with serving(reply) as api:
        work = fetch(bench, api.url, pages(type="offset", limit=2))
    assert (len(work.rows()), [asked.query["offset"] for asked in api.asked]) == (5, ["0", "2", "4", "5"])


def test_cursors_are_followed_until_there_is_none(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        at = int(asked.query.get("after", 0))
        return Answer({"items": RECORDS[at : at + 2], "meta": {"next": at + 2 if at + 2 < 5 else None}})

    with serving(reply) as api:
        request = pages(type="cursor", cursor="meta.next", param="after")
        request["request"]["records"] = "items"
        work = fetch(bench, api.url, request)
    assert (len(work.rows()), len(api.asked)) == (5, 3)


def links(asked: Asked) -> Answer:
    page = int(asked.query.get("page", 1))
    more = {"Link": f'</items?page={page + 1}&x=1>; rel="next", </items?page=1>; rel="first"'} if page < 3 else {}
    return Answer(RECORDS[page * 2 - 2 : page * 2], headers=more)


def test_links_are_followed_until_there_is_none(bench: Make) -> None:
    with serving(links) as api:
        assert len(fetch(bench, api.url, pages(type="link")).rows()) == 5
    assert [asked.query.get("page") for asked in api.asked] == [None, "2", "3"]


def test_a_link_keeps_its_own_query_beside_the_api_key(bench: Make) -> None:
    key = {"api_key": Secret(CANARY), "api_key_in": "query", "api_key_name": "key"}
    with serving(links) as api:
        assert len(fetch(bench, api.url, pages(type="link"), **key).rows()) == 5
    assert api.asked[1].query == {"page": "2", "x": "1", "key": CANARY}


@pytest.mark.parametrize(
    ("pagination", "answer"),
    [
        ({"type": "cursor", "cursor": "next"}, Answer({"next": "same", "items": [{"a": 1}]})),
        ({"type": "link"}, Answer({"items": [{"a": 1}]}, headers={"Link": "</items>; rel=next"})),
    ],
)
def test_pages_that_go_in_a_circle_are_an_error(bench: Make, pagination: dict[str, Any], answer: Answer) -> None:
    inputs = {"request": {"path": "/items", "records": "items", "pagination": pagination}}
    with serving(lambda asked: answer) as api:
        assert "circle" in failure(bench, api.url, inputs).message
    assert len(api.asked) <= 2


def test_more_pages_than_max_pages_are_an_error(bench: Make) -> None:
    with serving(lambda asked: Answer([{"page": asked.query["page"]}])) as api:
        assert "more than 3 pages" in failure(bench, api.url, pages(type="page", max_pages=3)).message
    assert len(api.asked) == 3


def test_no_records_make_an_empty_dataset_of_the_schema(bench: Make) -> None:
    with serving(lambda asked: Answer([])) as api:
        work = fetch(bench, api.url, {"path": "/items", "schema": {"id": "bigint", "day": "date"}})
    assert work.session.columns("data") == {"id": "BIGINT", "day": "DATE"}
    assert work.rows() == []


def test_no_records_without_a_schema_are_an_error(bench: Make) -> None:
    with serving(lambda asked: Answer([])) as api:
        error = failure(bench, api.url, {"path": "/items"})
    assert (error.error_class, "schema" in error.help) == ("data", True)


@pytest.mark.parametrize(
    ("config", "header", "value"),
    [
        ({"bearer_token": Secret(CANARY)}, "Authorization", f"Bearer {CANARY}"),
        ({"basic_user": "u", "basic_password": Secret("p")}, "Authorization", "Basic dTpw"),
        ({"api_key": Secret(CANARY)}, "X-API-Key", CANARY),
        ({"headers": {"X-Team": "data"}}, "X-Team", "data"),
    ],
)
def test_credentials_are_sent(bench: Make, config: dict[str, Any], header: str, value: str) -> None:
    with serving(lambda asked: Answer(RECORDS)) as api:
        fetch(bench, api.url, {"path": "/items"}, **config)
    assert api.asked[0].headers[header.lower()] == value


@pytest.mark.parametrize("around", ["{}\n", "{} ", "{}\r", "\ufeff{}", "{}\nX-Other: 1", "{}é"])
@pytest.mark.parametrize(
    ("named", "header"), [("bearer_token", "authorization"), ("api_key", "x-api-key"), ("headers", "x-team")]
)
def test_what_no_header_can_hold_is_said_to_be_that(bench: Make, named: str, header: str, around: str) -> None:
    value = around.format(CANARY)
    config = {named: {"X-Team": value} if named == "headers" else Secret(value)}
    with serving(lambda asked: Answer(RECORDS)) as api:
        error = failure(bench, api.url, {"path": "/items"}, **config)
    assert (error.error_class, error.message) == (
        "data" if named == "headers" else "auth",
        f"the header `{header}` cannot be sent",
    )
    assert "white space around it" in error.help
    assert_silent(error)
    assert api.asked == []


SECRETS = {"bearer_token": Secret(CANARY), "api_key": Secret(CANARY), "api_key_in": "query"}


def assert_silent(error: BaseException) -> None:
    """Nothing that a log, a traceback or a debugger prints of the error holds the secret."""
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format())
    assert CANARY not in shown + repr(error) + str(error) + repr(vars(error))
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        (400, "data"),
        (401, "auth"),
        (403, "auth"),
        (404, "data"),
        (408, "timeout"),
        (409, "conflict"),
        (422, "data"),
        (429, "rate_limited"),
        (500, "server_error"),
        (503, "server_error"),
        (304, "data"),
    ],
)
def test_a_status_has_its_class_and_its_body_stays_unsaid(bench: Make, status: int, error_class: str) -> None:
    def reply(asked: Asked) -> Answer:
        return Answer({"you sent": CANARY}, status, {"X-Echo": CANARY})

    with serving(reply) as api:
        error = failure(bench, api.url, {"path": "/items"}, **SECRETS)
    assert error.error_class == error_class
    assert error.message == f"GET /items: the API answered {status}"
    assert_silent(error)


def test_a_rate_limit_says_when_to_come_back(bench: Make) -> None:
    with serving(lambda asked: Answer({}, 429, {"Retry-After": "3600"})) as api:
        assert failure(bench, api.url, {"path": "/items"}).message.endswith("again after 3600 s")
    assert len(api.asked) == 1


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json"])
def test_an_answer_that_is_not_json_names_its_content_type(bench: Make, kind: str) -> None:
    with serving(lambda asked: Answer(f"<p>{CANARY}".encode(), headers={"Content-Type": kind})) as api:
        error = failure(bench, api.url, {"path": "/items"}, **SECRETS)
    assert error.message == f"GET /items: the answer is not JSON; its content type is {kind.partition(';')[0]}"
    assert_silent(error)


@pytest.mark.parametrize("body", [{"a": 1}, [1, 2], "text", [[1]], {"items": {"a": 1}}])
def test_records_are_a_list_of_objects(bench: Make, body: Any) -> None:
    with serving(lambda asked: Answer(body)) as api:
        assert failure(bench, api.url, {"path": "/items"}).error_class == "data"


def test_nobody_listening_is_a_connection_error(bench: Make) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = failure(bench, f"http://127.0.0.1:{port}", {"path": "/items"}, **SECRETS)
    assert error.error_class == "connection"
    assert error.message == f"GET /items: `127.0.0.1`, port {port}, refused the connection"
    assert_silent(error)


def test_a_connection_that_breaks_off_is_a_connection_error(bench: Make) -> None:
    def half(output: Any) -> None:
        output.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[")

    with serving(lambda asked: Answer(), half) as api:
        error = failure(bench, api.url, {"path": "/items"}, **SECRETS)
    assert error.error_class == "connection"
    assert_silent(error)


def silence(output: Any) -> None:
    del output
    time.sleep(1.5)


def dripping_head(output: Any) -> None:
    output.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(40):
        output.write(f"X-{number}: 1\r\n".encode())
        time.sleep(0.1)


def dripping_body(output: Any) -> None:
    output.write(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n")
    for _ in range(40):
        output.write(b" ")
        time.sleep(0.1)


def endless_body(output: Any) -> None:
    output.write(b"HTTP/1.1 200 OK\r\n\r\n[]")
    for _ in range(40):
        output.write(b" ")
        time.sleep(0.1)


@pytest.mark.parametrize("slow", [silence, dripping_head, dripping_body, endless_body])
def test_the_time_limit_is_on_the_whole_request(bench: Make, slow: Callable[[Any], None]) -> None:
    """Were it on each piece, the answers would come to an end, and be others."""
    with serving(lambda asked: Answer(), slow) as api:
        error = failure(bench, api.url, {"path": "/items"}, options={"timeout": 0.5}, **SECRETS)
    assert (error.error_class, error.message) == ("timeout", "GET /items: no whole answer within 0.5 s")
    assert_silent(error)


def test_a_compressed_answer_is_measured_as_it_unfolds(bench: Make) -> None:
    body = gzip.compress(b"[" + b" " * 5_000_000 + b"]")
    assert len(body) < 10_000
    with serving(lambda asked: Answer(body, headers={"Content-Encoding": "gzip"})) as api:
        error = failure(bench, api.url, {"path": "/items"}, options={"max_response_bytes": 1_000_000})
    assert "max_response_bytes" in error.message


def test_a_redirect_on_the_same_host_is_followed(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        return Answer(RECORDS) if asked.path == "/new" else Answer(b"", 302, {"Location": "/new?a=1"})

    with serving(reply) as api:
        assert len(fetch(bench, api.url, {"path": "/items"}, **SECRETS).rows()) == 5
    assert api.asked[1].query == {"a": "1", "X-API-Key": CANARY}


def test_redirects_without_end_are_an_error(bench: Make) -> None:
    with serving(lambda asked: Answer(b"", 302, {"Location": "/items"})) as api:
        assert "redirects" in failure(bench, api.url, {"path": "/items"}).message


def lead_to(target: str) -> dict[str, Callable[[Asked], Answer]]:
    return {
        "redirect": lambda asked: Answer(b"", 307, {"Location": target}),
        "link": lambda asked: Answer(RECORDS, headers={"Link": f"<{target}>; rel=next"}),
    }


@pytest.mark.parametrize("how", ["redirect", "link"])
@pytest.mark.parametrize("spelling", ["{url}/x", "//{host}/x", "http://x:y@{host}/x", "http://[::1", "http://h:99999/"])
def test_nothing_is_ever_sent_to_another_host(bench: Make, how: str, spelling: str) -> None:
    with serving(lambda asked: Answer(RECORDS)) as thief:
        target = spelling.format(url=thief.url, host=thief.url.partition("//")[2])
        with serving(lead_to(target)[how]) as api:
            error = failure(bench, api.url, pages(type="link"), **SECRETS)
    assert (error.error_class, thief.asked) == ("data", [])
    assert "another host" in error.message
    assert_silent(error)


@pytest.mark.parametrize("path", ["{url}/x", "https://127.0.0.1/x"])
def test_a_request_path_cannot_name_another_host(bench: Make, path: str) -> None:
    with serving(lambda asked: Answer(RECORDS)) as thief, serving(lambda asked: Answer(RECORDS)) as api:
        error = failure(bench, api.url, {"path": path.format(url=thief.url)}, **SECRETS)
        assert (thief.asked, api.asked) == ([], [])
    assert "another host" in error.message


def test_a_name_that_resolves_to_a_private_address_is_refused(bench: Make) -> None:
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        pytest.skip("this machine's name does not resolve")
    assert address.startswith(("127.", "10.", "172.", "192.168.", "169.254.", "21.")), address
    error = failure(bench, f"http://{name}:9", {"path": "/items"})
    assert (error.error_class, "private address" in error.message) == ("connection", True)


@pytest.mark.parametrize("spelling", ["localhost", "127.0.0.1"])
def test_a_private_address_that_is_spelled_out_needs_no_leave(bench: Make, spelling: str) -> None:
    with serving(lambda asked: Answer(RECORDS)) as api:
        assert fetch(bench, api.url.replace("127.0.0.1", spelling), {"path": "/items"}).rows()


def test_a_name_that_does_not_resolve_is_a_connection_error(bench: Make) -> None:
    error = failure(bench, "http://firn.invalid", {"path": "/items"})
    assert (error.error_class, error.message) == ("connection", "the host `firn.invalid` cannot be resolved")


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "http://user:pw@127.0.0.1", "127.0.0.1", "file:///etc/passwd", "http://[::1"]
)
def test_a_base_url_is_http_and_holds_no_user(bench: Make, url: str) -> None:
    error = failure(bench, url, {"path": "/items"})
    assert "pw" not in error.message


def test_requests_keep_to_the_rate_limit(bench: Make) -> None:
    with serving(lambda asked: Answer([asked.query] if asked.query["page"] != "4" else [])) as api:
        clock = time.monotonic()
        fetch(bench, api.url, pages(type="page"), options={"rate_limit": 10})
    assert (len(api.asked), time.monotonic() - clock > 0.3) == (4, True)


def test_proxies_of_the_environment_are_not_asked(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with serving(lambda asked: Answer(RECORDS)) as api:
        assert len(fetch(bench, api.url, {"path": "/items"}).rows()) == 5


def test_logs_hold_no_address(bench: Make, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    with serving(lambda asked: Answer(RECORDS)) as api:
        fetch(bench, api.url, {"path": "/items"}, **SECRETS)
    assert CANARY not in caplog.text


def test_the_workspace_holds_records_and_no_secret(bench: Make) -> None:
    with serving(lambda asked: Answer(RECORDS)) as api:
        work = fetch(bench, api.url, {"path": "/items"}, **SECRETS)
    held = b"".join(path.read_bytes() for path in work.folder.rglob("*") if path.is_file())
    assert CANARY.encode() not in held


def test_connections_are_kept_between_pages(bench: Make) -> None:
    with serving(links) as api:
        assert isinstance(api, Api)
        fetch(bench, api.url, pages(type="link"), **SECRETS)
    assert len(api.asked) == 3
