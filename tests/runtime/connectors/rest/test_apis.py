"""APIs as real services build them: how each goes on, and that no record is missing and none comes twice."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from firn_runtime.errors import ConnectorError
from runtime.connectors.server import Answer, Asked, Reply, serving
from runtime.workbench import Workbench, connector

Make = Callable[..., Workbench]

RECORDS = [{"id": number} for number in range(1, 8)]
SEVEN = [(number,) for number in range(1, 8)]


def fetch(bench: Make, reply: Reply, request: dict[str, Any], **options: Any) -> tuple[list[Any], list[Asked]]:
    with serving(reply) as api:
        work = bench(api=connector("rest", "httpx", base_url=api.url, options=options))
        work.do("read", {"resource": "api", "request": {"path": "/items"} | request})
        return work.rows(), api.asked


def after(last: int, most: int = 2) -> list[dict[str, int]]:
    return [record for record in RECORDS if record["id"] > last][:most]


def at_most(most: int, beyond: int = 200) -> Reply:
    """Return an API that gives no more than so many records at once, whatever it is asked for."""

    def reply(asked: Asked) -> Answer:
        size = min(int(asked.query["size"]), most)
        start = int(asked.query["from"]) if "from" in asked.query else (int(asked.query["page"]) - 1) * size
        if start < len(RECORDS):
            return Answer({"items": RECORDS[start : start + size]})
        return Answer(b"" if beyond == 204 else {"items": []}, beyond)

    return reply


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize("most", [2, 7, 50])
@pytest.mark.parametrize("beyond", [200, 204, 400, 404])
def test_numbered_pages_that_are_never_full_are_read_to_the_last(
    bench: Make, at_once: int, most: int, beyond: int
) -> None:
    pagination = {"type": "page", "size": 100, "size_param": "size"}
    request = {"records": "items", "pagination": pagination}
    assert fetch(bench, at_most(most, beyond), request, max_concurrency=at_once)[0] == SEVEN


def test_a_page_that_cannot_be_asked_for_is_no_end(bench: Make) -> None:
    request = {"records": "items", "pagination": {"type": "page", "size": 100, "size_param": "size"}}
    with pytest.raises(ConnectorError, match="answered 500"):
        fetch(bench, at_most(50, 500), request)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer({"items": RECORDS[2:4], "note": "x" * 2000}), "larger than `max_response_bytes`"),
        (Answer(b"x", headers={"Content-Encoding": "br"}), "not asked for"),
        (Answer(b"", 302, {"Location": "http://elsewhere.example/items"}), "another host"),
        (Answer(b"", 302, {"Location": "/items"}), "redirects"),
    ],
)
@pytest.mark.parametrize("at_once", [1, 3])
def test_a_page_that_cannot_be_taken_is_no_end(bench: Make, at_once: int, answer: Answer, words: str) -> None:
    """It is behind one that was not full, as all of them are where the API has a smaller limit."""

    def reply(asked: Asked) -> Answer:
        return answer if asked.query.get("page", "2") == "2" else at_most(2)(asked)

    request = {"records": "items", "pagination": {"type": "page", "size": 100, "size_param": "size"}}
    with pytest.raises(ConnectorError, match=words):
        fetch(bench, reply, request, max_concurrency=at_once, max_response_bytes=1000)


SLICES = {"type": "offset", "offset_param": "from", "limit_param": "size", "limit": 4}


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize("beyond", [200, 204, 404])
def test_a_slice_that_is_not_full_is_the_last_where_nothing_is_behind_it(
    bench: Make, at_once: int, beyond: int
) -> None:
    request = {"records": "items", "pagination": SLICES}
    rows, asked = fetch(bench, at_most(50, beyond), request, max_concurrency=at_once)
    assert (rows, max(int(one.query["from"]) for one in asked) >= 7) == (SEVEN, True)


@pytest.mark.parametrize("at_once", [1, 3])
def test_slices_that_are_smaller_than_their_limit_are_an_error(bench: Make, at_once: int) -> None:
    with pytest.raises(ConnectorError) as caught:
        fetch(bench, at_most(3), {"records": "items", "pagination": SLICES}, max_concurrency=at_once)
    assert caught.value.message == "the API gives fewer records in a slice than `limit`, 4, asks for"


def test_slices_that_are_larger_than_their_limit_are_an_error(bench: Make) -> None:
    with pytest.raises(ConnectorError) as caught:
        fetch(bench, lambda asked: Answer(RECORDS), {"pagination": {"type": "offset", "limit": 5}})
    assert caught.value.message == "the API gives more records in a slice than `limit`, 5, asks for"


def test_one_slice_may_be_all(bench: Make) -> None:
    request = {"records": "items", "pagination": SLICES | {"limit": 50, "max_pages": 1}}
    assert fetch(bench, at_most(50), request)[0] == SEVEN


@pytest.mark.parametrize("pagination", [{"type": "page", "size": 2}, {"type": "offset", "limit": 2}])
def test_the_outermost_list_is_the_one_that_is_paged(bench: Make, pagination: dict[str, Any]) -> None:
    orders = [{"lines": RECORDS[:3]}, {"lines": []}, {"lines": []}, {"lines": []}, {"lines": RECORDS[3:]}]

    def reply(asked: Asked) -> Answer:
        start = int(asked.query.get("offset", 0)) + (int(asked.query.get("page", 1)) - 1) * 2
        return Answer({"orders": orders[start : start + 2]})

    assert fetch(bench, reply, {"records": "orders[*].lines[*]", "pagination": pagination})[0] == SEVEN


def test_a_cursor_may_be_the_last_record_s_own(bench: Make) -> None:
    pagination = {"type": "cursor", "cursor": "[-1].id", "param": "after"}
    rows, _ = fetch(bench, lambda asked: Answer(after(int(asked.query.get("after", 0)))), {"pagination": pagination})
    assert rows == SEVEN


def test_a_cursor_in_the_body_may_be_a_list(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        last, *_ = json.loads(asked.body).get("search_after", [0])
        return Answer({"hits": [{"source": record, "sort": [record["id"], 0.5]} for record in after(last)]})

    pagination = {"type": "cursor", "cursor": "hits[-1].sort", "param": "search_after", "in": "body"}
    request = {"method": "POST", "body": {"sort": ["id"]}, "records": "hits[*].source", "pagination": pagination}
    rows, asked = fetch(bench, reply, request)
    assert (rows, json.loads(asked[-1].body)) == (SEVEN, {"sort": ["id"], "search_after": [7, 0.5]})


def test_an_empty_page_that_gives_its_own_cursor_again_is_the_last(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        found = after(int(asked.query.get("cursor", 0)))
        return Answer({"items": found, "next": found[-1]["id"] if found else 7})

    request = {"records": "items", "pagination": {"type": "cursor", "cursor": "next"}}
    assert fetch(bench, reply, request)[0] == SEVEN


def test_no_content_is_an_empty_page(bench: Make) -> None:
    def reply(asked: Asked) -> Answer:
        return Answer(b"", 204) if asked.query else Answer({"items": RECORDS, "next": "more"})

    request = {"records": "items", "pagination": {"type": "cursor", "cursor": "next"}}
    assert fetch(bench, reply, request)[0] == SEVEN


@pytest.mark.parametrize("errors", [None, [], {}, "none", [{"message": "throttled"}], {"sku": ["unknown"]}])
def test_a_page_without_records_that_has_errors_is_no_end(bench: Make, errors: Any) -> None:
    """GraphQL answers with 200 whatever happened, and with null in the place of what it could not find."""

    def reply(asked: Asked) -> Answer:
        last = {"items": None, "next": None, "errors": errors}
        return Answer(last if asked.query else {"items": RECORDS, "next": "more"})

    request = {"records": "items", "pagination": {"type": "cursor", "cursor": "next"}}
    if not errors or isinstance(errors, str):
        assert fetch(bench, reply, request)[0] == SEVEN
        return
    with pytest.raises(ConnectorError, match="answered 200 with `errors` and no records") as caught:
        fetch(bench, reply, request)
    assert caught.value.error_class == "server_error"
    assert "throttled" not in caught.value.message


def test_a_link_may_hold_a_comma(bench: Make) -> None:
    link = {"Link": '</items?page=1>; title="one, two"; rel="first", </items?page=2>; title="a, b"; rel="next"'}
    rows, _ = fetch(
        bench,
        lambda asked: Answer(RECORDS[3:]) if asked.query else Answer(RECORDS[:3], headers=link),
        {"pagination": {"type": "link"}},
    )
    assert rows == SEVEN


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/jsonl; charset=utf-8"])
def test_records_may_come_on_lines_of_their_own(bench: Make, kind: str) -> None:
    body = "".join(f"{json.dumps(record)}\r\n" for record in RECORDS) + "\n"
    assert fetch(bench, lambda asked: Answer(body.encode(), headers={"Content-Type": kind}), {})[0] == SEVEN


def test_a_line_that_was_cut_off_is_not_json(bench: Make) -> None:
    cut = Answer(b'{"id": 1}\n{"id"', headers={"Content-Type": "application/x-ndjson"})
    with pytest.raises(ConnectorError, match="the answer is not JSON"):
        fetch(bench, lambda asked: cut, {})
