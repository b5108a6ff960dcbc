"""Pages of an API: how they go on, how many are asked for at once, and what a killed attempt need not ask for again."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.connector import Bound, ReadContext
from firn_runtime.connectors.rest.pages import Kept, Pages, digest_of
from firn_runtime.connectors.rest.pagination import Place
from firn_runtime.errors import ConnectorError
from firn_schemas.decode import decode
from firn_schemas.secret import Secret
from firn_schemas.steps.data import ReadInputs
from firn_schemas.steps.requests import Request
from runtime.connectors.server import Answer, Asked, serving
from runtime.refusals import refused
from runtime.workbench import Workbench, connector

Make = Callable[..., Workbench]

CANARY = "canary-1f3870be"
RECORDS = [{"id": number} for number in range(7)]
SEVEN = [(number,) for number in range(7)]


def fetch(bench: Make, url: str, request: dict[str, Any], **config: Any) -> Workbench:
    work = bench(api=connector("rest", "httpx", base_url=url, **config))
    work.do("read", {"resource": "api", "request": {"path": "/items"} | request})
    return work


def failure(bench: Make, url: str, request: dict[str, Any], **config: Any) -> ConnectorError:
    return refused(fetch, bench, url, request, **config)


def sliced(start: int, size: int = 2) -> list[dict[str, int]]:
    return RECORDS[start : start + size]


# How pages go on


def by_next_url(asked: Asked) -> Answer:
    at = int(asked.query.get("at", 0))
    following = f"/items?at={at + 2}&k=1" if at + 2 < 7 else None
    return Answer({"items": sliced(at), "links": {"next": following}})


def test_an_address_in_the_body_is_followed_until_there_is_none(bench: Make) -> None:
    request = {"records": "items", "params": {"a": 1}, "pagination": {"type": "next_url", "next_url": "links.next"}}
    with serving(by_next_url) as api:
        assert fetch(bench, api.url, request).rows() == SEVEN
    assert [asked.query for asked in api.asked[:2]] == [{"a": "1"}, {"at": "2", "k": "1"}]


def test_an_address_that_is_no_text_is_an_error(bench: Make) -> None:
    request = {"records": "items", "pagination": {"type": "next_url", "next_url": "next"}}
    with serving(lambda asked: Answer({"items": RECORDS, "next": 5})) as api:
        assert failure(bench, api.url, request).message == "the address at `next` is no text"


def test_a_post_sends_its_body_as_json_and_its_parameters_in_the_query(bench: Make) -> None:
    request = {"method": "POST", "params": {"v": 2}, "body": {"where": {"open": True}}}
    with serving(lambda asked: Answer(RECORDS)) as api:
        assert fetch(bench, api.url, request).rows() == SEVEN
    (asked,) = api.asked
    assert (asked.method, asked.query, json.loads(asked.body)) == ("POST", {"v": "2"}, {"where": {"open": True}})
    assert asked.headers["content-type"] == "application/json"


def test_a_cursor_goes_into_the_body_at_its_path(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        at = json.loads(asked.body)["variables"].get("after", 0)
        return Answer({"data": {"items": sliced(at), "end": at + 2 if at + 2 < 7 else None}})

    pagination = {"type": "cursor", "cursor": "data.end", "param": "variables.after", "in": "body"}
    body = {"query": "{ items }", "variables": {"first": 2}}
    with serving(reply) as api:
        request = {"method": "POST", "body": body, "records": "data.items", "pagination": pagination}
        assert fetch(bench, api.url, request).rows() == SEVEN
    sent = [json.loads(asked.body)["variables"] for asked in api.asked]
    assert sent == [{"first": 2}, {"first": 2, "after": 2}, {"first": 2, "after": 4}, {"first": 2, "after": 6}]
    assert all(asked.query == {} for asked in api.asked)


@pytest.mark.parametrize(
    ("pagination", "names"),
    [
        ({"type": "page", "param": "page.number", "size": 2, "size_param": "page.size"}, {"number", "size"}),
        ({"type": "offset", "offset_param": "page.from", "limit_param": "page.count", "limit": 2}, {"from", "count"}),
    ],
)
def test_numbers_go_into_a_body_that_was_not_there(bench: Make, pagination: dict[str, Any], names: set[str]) -> None:
    def reply(asked: Asked) -> Answer:
        page = json.loads(asked.body)["page"]
        assert page.keys() == names
        return Answer(sliced((page["number"] - 1) * 2 if "number" in page else page["from"]))

    with serving(reply) as api:
        request = {"method": "POST", "pagination": pagination | {"in": "body"}}
        assert fetch(bench, api.url, request).rows() == SEVEN


@pytest.mark.parametrize("body", [[1], "text", {"a": 1}])
def test_a_body_without_a_place_for_the_parameter_is_refused(bench: Make, body: Any) -> None:
    pagination = {"type": "cursor", "cursor": "next", "param": "a.b", "in": "body"}
    with serving(lambda asked: Answer({"items": RECORDS, "next": 1})) as api:
        request = {"method": "POST", "body": body, "records": "items", "pagination": pagination}
        error = failure(bench, api.url, request)
    assert (error.message, error.help) == ("the request's body has no place for `a.b`", "it must be a mapping")


def test_the_bound_of_an_incremental_read_is_sent_with_every_page(bench: Make) -> None:
    with serving(lambda asked: Answer(sliced((int(asked.query["page"]) - 1) * 4, 4))) as api:
        work = bench(api=connector("rest", "httpx", base_url=api.url))
        request = {"path": "/items", "params": {"sort": "id"}, "pagination": {"type": "page", "size": 4}}
        incremental = {"cursor": "id", "param": "since"}
        inputs = decode(ReadInputs, {"resource": "api", "request": request, "incremental": incremental})
        for bound in (Bound("id", "2026-01-01T00:00:00+00:00", None, inclusive=True), None):
            work.resources["api"].read(inputs, ReadContext(work.session, work.scratch("r", "j", "s"), bound))
    sinces = [asked.query.get("since") for asked in api.asked]
    assert sinces == ["2026-01-01T00:00:00+00:00"] * 3 + [None] * 3
    assert all(asked.query["sort"] == "id" for asked in api.asked)


# Where records are

NESTED = {
    "data": {"orders": [{"lines": [{"n": 1}, {"n": 2}]}, {"lines": None}, {"lines": [{"n": 3}]}], "a.b": [{"n": 4}]},
    "edges": [{"node": {"n": 5}}, {"node": None}, {"node": {"n": 6}}],
    "by_name": {"one": {"n": 7}, "other": {"n": 8}},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("data.orders[*].lines", [1, 2, 3]),
        ("$.data.orders[*].lines[*]", [1, 2, 3]),
        ("$['data'].orders[2].lines", [3]),
        ("data['a.b']", [4]),
        ('$["data"]["a.b"][*]', [4]),
        ("data.orders[-1].lines", [3]),
        ("edges[*].node", [5, 6]),
        ("by_name[*]", [7, 8]),
    ],
)
def test_records_are_found_by_a_path(bench: Make, path: str, found: list[int]) -> None:
    with serving(lambda asked: Answer(NESTED)) as api:
        assert fetch(bench, api.url, {"records": path}).rows() == [(number,) for number in found]


@pytest.mark.parametrize(
    "path", ["data..orders", "data.", "a b", "[x]", "data.*", "data[-]", "@odata.next", "['a'", "data[*]x", "$x$"]
)
def test_what_is_not_a_path_is_refused_before_anything_is_asked(bench: Make, path: str) -> None:
    with serving(lambda asked: Answer(NESTED)) as api:
        error = failure(bench, api.url, {"records": path})
    assert (error.message, api.asked) == (f"`{path}` is not a path in an answer", [])
    assert "`data.items`" in error.help


@pytest.mark.parametrize(
    "path", ["data.order", "data.orders[9]", "data[0]", "data.orders.lines", "data.orders[*].line"]
)
def test_a_path_that_leads_nowhere_is_an_error(bench: Make, path: str) -> None:
    with serving(lambda asked: Answer(NESTED)) as api:
        error = failure(bench, api.url, {"records": path})
    assert (error.error_class, error.message) == (
        "data",
        f"GET /items: the answer holds no list of records at `{path}`",
    )


def test_null_in_the_place_of_the_list_is_an_empty_page(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        return Answer({"items": sliced(0) if asked.query["page"] == "1" else None})

    with serving(reply) as api:
        assert len(fetch(bench, api.url, {"records": "items", "pagination": {"type": "page"}}).rows()) == 2


@pytest.mark.parametrize("indent", [None, 2])
def test_records_are_taken_as_they_are_spelled(bench: Make, indent: int | None) -> None:
    records = [{"id": 1, "text": 'a "quoted"\nline ü \u2028', "more": {"list": [1, None]}}]
    with serving(lambda asked: Answer(json.dumps(records, indent=indent).replace("\n", "\r\n").encode())) as api:
        assert fetch(bench, api.url, {}).rows() == [(1, 'a "quoted"\nline ü \u2028', {"list": [1, None]})]


# The same page twice


@pytest.mark.parametrize(
    "pagination", [{"type": "page"}, {"type": "offset", "limit": 7}, {"type": "cursor", "cursor": "next"}]
)
def test_the_same_records_twice_in_a_row_are_an_error(bench: Make, pagination: dict[str, Any]) -> None:
    count = iter(range(99))
    with serving(lambda asked: Answer({"items": RECORDS, "next": f"c{next(count)}"})) as api:
        error = failure(bench, api.url, {"records": "items", "pagination": pagination})
    assert (error.error_class, len(api.asked)) == ("data", 2)
    assert error.message == "the API repeats a page: the same records came twice in a row"


def test_empty_pages_in_a_row_are_no_repetition(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        at = int(asked.query.get("cursor", 0))
        return Answer({"items": RECORDS if at == 3 else [], "next": at + 1 if at < 4 else None})

    with serving(reply) as api:
        request = {"records": "items", "pagination": {"type": "cursor", "cursor": "next"}}
        assert fetch(bench, api.url, request).rows() == SEVEN


def test_a_circle_of_several_pages_is_an_error(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        at = int(asked.query.get("cursor", 0))
        return Answer({"items": [{"at": at}], "next": (at + 1) % 3 + 3 * (at < 1)})

    with serving(reply) as api:
        error = failure(bench, api.url, {"records": "items", "pagination": {"type": "cursor", "cursor": "next"}})
    assert "circle" in error.message


# Several at once


def test_numbered_pages_are_asked_for_ahead_and_stay_in_order(bench: Make) -> None:
    together = threading.Barrier(3, timeout=5)

    def reply(asked: Asked) -> Answer:
        page = int(asked.query["page"])
        if page <= 3:
            together.wait()  # never passed where one page waits for another
        return Answer([{"id": page}] if page <= 5 else [])

    with serving(reply) as api:
        work = fetch(bench, api.url, {"pagination": {"type": "page"}}, options={"max_concurrency": 3})
    assert work.rows() == [(1,), (2,), (3,), (4,), (5,)]


def test_what_is_asked_for_beyond_the_last_page_does_not_matter(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        at = int(asked.query["offset"])
        return Answer(sliced(at, 4)) if at < 7 else Answer({"error": "beyond the end"}, 404)

    with serving(reply) as api:
        options = {"max_concurrency": 4}
        work = fetch(bench, api.url, {"pagination": {"type": "offset", "limit": 4}}, options=options)
    assert work.rows() == SEVEN


def test_no_more_than_max_concurrency_requests_are_under_way(bench: Make) -> None:
    busy: list[int] = []
    most: list[int] = []

    def reply(asked: Asked) -> Answer:
        busy.append(1)
        most.append(len(busy))
        threading.Event().wait(0.02)
        busy.pop()
        page = int(asked.query["page"])
        return Answer([{"id": page}] if page <= 12 else [])

    with serving(reply) as api:
        fetch(bench, api.url, {"pagination": {"type": "page"}}, options={"max_concurrency": 2})
    assert max(most) == 2


def test_a_failure_ahead_is_heard_when_its_turn_comes(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        page = int(asked.query["page"])
        return Answer({}, 500) if page == 3 else Answer([{"id": page}])

    with serving(reply) as api:
        error = failure(bench, api.url, {"pagination": {"type": "page"}}, options={"max_concurrency": 4})
    assert (error.error_class, error.message) == ("server_error", "GET /items: the API answered 500")


# What an attempt that was cut off has fetched


class Flaky:
    """An API of pages by each way of going on, that fails once, at its fourth page."""

    def __init__(self) -> None:
        self.fails = True

    def __call__(self, asked: Asked) -> Answer:
        at = int(asked.query.get("at", 0)) or 2 * (int(asked.query.get("page", 1)) - 1)
        if at == 6 and self.fails:
            self.fails = False
            return Answer({}, 500)
        more = at + 2 if at + 2 < 7 else None
        body = {"items": sliced(at), "cursor": more, "url": f"/items?at={more}" if more else None}
        return Answer(body, headers={"Link": f"</items?at={more}>; rel=next"} if more else {})


@pytest.mark.parametrize(
    "pagination",
    [
        {"type": "page", "size": 2},
        {"type": "offset", "offset_param": "at", "limit": 2},
        {"type": "cursor", "cursor": "cursor", "param": "at"},
        {"type": "link"},
        {"type": "next_url", "next_url": "url"},
    ],
)
def test_the_next_attempt_goes_on_at_the_page_that_failed(bench: Make, pagination: dict[str, Any]) -> None:
    with serving(Flaky()) as api:
        work = bench(api=connector("rest", "httpx", base_url=api.url))
        request = {"path": "/items", "records": "items", "pagination": pagination}
        attempt = attempts(work, request)
        with pytest.raises(ConnectorError, match="answered 500"):
            attempt()
        assert attempt() == SEVEN
    ends_with_an_empty_page = pagination["type"] in ("page", "offset")
    assert len(api.asked) == 5 + ends_with_an_empty_page


def attempts(work: Workbench, request: dict[str, Any], **inputs: Any) -> Callable[[], list[tuple[Any, ...]]]:
    """Return what does the same step of the same run again."""
    decoded = decode(ReadInputs, {"resource": "api", "request": request, **inputs})

    def attempt() -> list[tuple[Any, ...]]:
        rows = work.resources["api"].read(decoded, ReadContext(work.session, work.scratch("run", "main", "orders")))
        work.session.materialise("data", rows.relation)
        return work.rows()

    return attempt


def test_pages_of_another_request_are_not_taken(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        if asked.query["page"] == "3":
            return Answer({}, 500)
        return Answer([{"of": asked.query["of"], "page": asked.query["page"]}] if asked.query["page"] < "4" else [])

    with serving(reply) as api:
        work = bench(api=connector("rest", "httpx", base_url=api.url))
        for of in ("a", "b"):
            with pytest.raises(ConnectorError):
                attempts(work, {"path": "/items", "params": {"of": of}, "pagination": {"type": "page"}})()
    assert [asked.query["of"] + asked.query["page"] for asked in api.asked] == ["a1", "a2", "a3", "b1", "b2", "b3"]


def test_where_the_next_page_is_gone_everything_is_asked_for_again(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        at = int(asked.query.get("cursor", 0))
        if at == 4 and len(api.asked) == 3:
            return Answer({}, 500)
        if at == 4 and len(api.asked) == 4:
            return Answer({"error": "this cursor has expired"}, 410)
        return Answer({"items": sliced(at), "next": at + 2 if at + 2 < 7 else None})

    with serving(reply) as api:
        work = bench(api=connector("rest", "httpx", base_url=api.url))
        pagination = {"type": "cursor", "cursor": "next"}
        attempt = attempts(work, {"path": "/items", "records": "items", "pagination": pagination})
        with pytest.raises(ConnectorError, match="answered 500"):
            attempt()
        assert attempt() == SEVEN
    assert [asked.query.get("cursor") for asked in api.asked] == [None, "2", "4", "4", None, "2", "4", "6"]


def test_a_key_that_the_api_puts_into_its_links_is_not_kept(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        key, at = asked.query["key"], int(asked.query.get("at", 0))
        if at == 4:
            return Answer({}, 500)
        return Answer({"items": sliced(at), "next": f"/items?at={at + 2}&key={key}"})

    with serving(reply) as api:
        config: dict[str, Any] = {"api_key": Secret(CANARY), "api_key_in": "query", "api_key_name": "key"}
        work = bench(api=connector("rest", "httpx", base_url=api.url, **config))
        request = {"path": "/items", "records": "items", "pagination": {"type": "next_url", "next_url": "next"}}
        with pytest.raises(ConnectorError, match="answered 500"):
            attempts(work, request)()
    assert [asked.query["key"] for asked in api.asked] == [CANARY] * 3
    held = b"".join(path.read_bytes() for path in work.folder.rglob("*") if path.is_file())
    assert b"/items?at=4" in held
    assert CANARY.encode() not in held


LINES = [b"".join(b'{"page":%d,"row":%d}\n' % (page, row) for row in range(page)) for page in range(1, 5)]


def kept(folder: Path, upto: int | None = None) -> tuple[Pages, list[bytes]]:
    """Open the pages of a request, and go on to the last."""
    seen: list[bytes] = []
    pages = Pages(folder, "request", Place(0), seen.append)
    while pages.place is not None and pages.place.number != upto:
        number = pages.place.number
        lines = LINES[number]
        after = Place(number + 1, {"at": number + 1}) if number + 1 < len(LINES) else None
        pages.add(lines, Kept(len(lines), number + 1, 20, digest_of(lines), after))
    pages.close()
    return pages, seen


@pytest.mark.parametrize("name", ["records.ndjson", "pages.jsonl"])
def test_pages_are_whole_wherever_an_attempt_was_cut_off(tmp_path: Path, name: str) -> None:
    kept(tmp_path, upto=3)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for cut in range(len(written[name])):
        for path, content in written.items():
            (tmp_path / path).write_bytes(content[:cut] if path == name else content)
        pages, seen = kept(tmp_path)
        assert (seen, pages.records) == (LINES, 10)
        assert pages.spool.read_bytes() == b"".join(LINES)


def test_a_page_that_is_not_what_was_written_is_left_out(tmp_path: Path) -> None:
    kept(tmp_path, upto=3)
    spool = tmp_path / "records.ndjson"
    spool.write_bytes(spool.read_bytes().replace(b'"page":2', b'"page":9', 1))
    pages, seen = kept(tmp_path)
    assert (seen, pages.spool.read_bytes()) == (LINES, b"".join(LINES))


READER = """
import sys
from pathlib import Path
from firn_runtime.connector import ReadContext
from firn_schemas.decode import decode
from firn_schemas.steps.data import ReadInputs
from runtime.workbench import connector
api = connector("rest", "httpx", base_url=sys.argv[1])
api.connect()
request = {"path": "/items", "pagination": {"type": "page", "size": 1}}
api.read(decode(ReadInputs, {"resource": "api", "request": request}), ReadContext(None, Path(sys.argv[2])))
"""


def test_a_process_that_is_killed_leaves_whole_pages(bench: Make) -> None:
    running: list[subprocess.Popen[bytes]] = []
    killed: list[int] = []

    def reply(asked: Asked) -> Answer:
        page = int(asked.query["page"])
        if page in (3, 5) and page not in killed:
            killed.append(page)
            os.kill(running[-1].pid, signal.SIGKILL)
        return Answer([{"id": page}] if page <= 6 else [])

    with serving(reply) as api:
        work = bench(api=connector("rest", "httpx", base_url=api.url))
        folder = str(work.scratch("run", "main", "orders"))
        environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
        for _ in range(2):
            running.append(subprocess.Popen([sys.executable, "-c", READER, api.url, folder], env=environ))
            assert running[-1].wait() == -signal.SIGKILL
        assert attempts(work, {"path": "/items", "pagination": {"type": "page", "size": 1}})() == [
            (page,) for page in range(1, 7)
        ]
    assert [asked.query["page"] for asked in api.asked] == ["1", "2", "3", "3", "4", "5", "5", "6", "7"]


def test_every_input_of_a_request_tells_it_from_others(bench: Make) -> None:
    one = connector("rest", "httpx", base_url="http://127.0.0.1:9", headers={"X-Tenant": "a"})
    other = connector("rest", "httpx", base_url="http://127.0.0.1:9", headers={"X-Tenant": "b"})
    for api in (one, other):
        api.connect()
    plain: dict[str, Any] = {"path": "/items"}
    changes: list[dict[str, Any]] = [
        {},
        {"path": "/item"},
        {"method": "POST"},
        {"params": {"a": 1}},
        {"headers": {"X-A": "1"}},
        {"body": {"a": 1}},
        {"records": "items"},
        {"pagination": {"type": "page"}},
        {"pagination": {"type": "page", "start": 0}},
    ]
    requests = [decode(Request, plain | change) for change in changes]
    told = {one._identity(request, request.params) for request in requests}
    told |= {one._identity(requests[0], {"since": "1"}), other._identity(requests[0], {})}
    assert len(told) == len(changes) + 2
