"""What APIs do instead of answering: each has its class, leaves nothing half-made, and gives nothing away."""

import gzip
import json
import struct
import threading
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from firn_runtime.cancel import Ended, Token, working_for
from firn_runtime.connectors.http.bodies import Damaged, TooLarge, whole
from firn_runtime.connectors.rest.pace import MOST_PAUSES, Pace, asked_to_wait
from firn_runtime.errors import ConnectorError
from firn_runtime.events import Failure
from firn_schemas.secret import Secret
from runtime.connectors.server import Answer, Asked, serving
from runtime.workbench import Workbench, connector

Make = Callable[..., Workbench]

CANARY = "canary-c9f0f895"
RECORDS = [{"id": 1}, {"id": 2}]
BODY = json.dumps(RECORDS).encode()
SECRETS: dict[str, Any] = {"bearer_token": Secret(CANARY), "api_key": Secret(CANARY), "api_key_in": "query"}
GZIP = {"Content-Encoding": "gzip"}
TWICE = {"Content-Encoding": "gzip, gzip"}


def assert_fails(bench: Make, url: str, error_class: str, words: str, **config: Any) -> None:
    """Reading fails so, makes no dataset, and says nothing that it should not."""
    work = bench(api=connector("rest", "httpx", base_url=url, **SECRETS, **config))
    with pytest.raises(ConnectorError) as caught:
        work.do("read", {"resource": "api", "request": {"path": "/items", "pagination": {"type": "page"}}})
    error = caught.value
    assert (error.error_class, words in error.message) == (error_class, True), error.message
    assert CANARY not in error.message + error.help + repr(error)
    assert (error.__cause__, error.__context__) == (None, None)
    assert work.engine.datasets() == frozenset()
    assert CANARY.encode() not in b"".join(path.read_bytes() for path in work.folder.rglob("*") if path.is_file())


def raw(text: bytes) -> Callable[[Any], None]:
    return lambda output: output.write(text)


HTML = Answer(f"<html>{CANARY}</html>".encode(), headers={"Content-Type": "text/html"})
NOT_JSON = "GET /items: the answer is not JSON"


@pytest.mark.parametrize(
    ("answer", "error_class", "words"),
    [
        (HTML, "data", f"{NOT_JSON}; its content type is text/html"),
        (Answer(BODY[:-3]), "data", NOT_JSON),
        (Answer(b""), "data", NOT_JSON),
        (Answer({"error": CANARY}), "data", "GET /items: the answer holds no list of records at the top"),
        (Answer([CANARY]), "data", "a record is not an object"),
        (Answer(gzip.compress(BODY)[:-9], headers=GZIP), "connection", "GET /items: the answer's gzip is cut off"),
        (Answer(b"\x1f\x8b" + BODY, headers=GZIP), "connection", "GET /items: the answer's compressed body is damaged"),
        (Answer(gzip.compress(gzip.compress(BODY)), headers=TWICE), "data", "not asked for"),
        (Answer(BODY, headers={"Content-Encoding": "br"}), "data", "not asked for"),
        (Answer(gzip.compress(b" " * 9_000_000), headers=GZIP), "data", "larger than `max_response_bytes`"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_has_its_class(bench: Make, answer: Answer, error_class: str, words: str) -> None:
    with serving(lambda asked: answer) as api:
        assert_fails(bench, api.url, error_class, words, options={"max_response_bytes": 1_000_000})


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[{}]",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"",
    ],
)
def test_an_answer_that_breaks_off_is_a_connection_error(bench: Make, text: bytes) -> None:
    with serving(lambda asked: Answer(), raw(text)) as api:
        assert_fails(bench, api.url, "connection", "GET /items: the connection broke off")


def test_a_connection_that_is_reset_in_the_middle_of_a_page_is_a_connection_error(bench: Make) -> None:
    def reset(output: Any) -> None:
        output.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + BODY)
        output._sock.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER of nothing: closing resets

    with serving(lambda asked: Answer(), reset) as api:
        assert_fails(bench, api.url, "connection", "GET /items: the connection broke off")


@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_all_members_of_a_gzip_are_unfolded(piece: int) -> None:
    """Servers that put packed pieces together send several (RFC 1952, section 2.2)."""
    lines = [json.dumps({"id": number}).encode() + b"\n" for number in range(50)]
    packed = b"".join(map(gzip.compress, lines))
    pieces = [packed[at : at + piece] for at in range(0, len(packed), piece)]
    assert whole(pieces, "gzip", 10_000) == b"".join(lines)
    with pytest.raises(TooLarge):
        whole(pieces, "gzip", 400)
    for cut in (1, 9, 40):
        with pytest.raises(Damaged, match="cut off"):
            whole([packed[:-cut]], "gzip", 10_000)
    with pytest.raises(Damaged, match="damaged"):
        whole([packed + b"<html>"], "gzip", 10_000)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate", "identity", ""])
def test_an_answer_is_unfolded(bench: Make, coding: str) -> None:
    bare = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = {
        "gzip": gzip.compress(BODY),
        "deflate": zlib.compress(BODY),
        "raw deflate": bare.compress(BODY) + bare.flush(),
    }
    headers = {"Content-Encoding": coding.rpartition(" ")[2]} if coding else {}
    with serving(lambda asked: Answer(packed.get(coding, BODY), headers=headers)) as api:
        work = bench(api=connector("rest", "httpx", base_url=api.url))
        work.do("read", {"resource": "api", "path": "/items"})
    assert work.rows() == [(1,), (2,)]


def test_a_step_that_is_ended_ends_a_request_that_waits(bench: Make) -> None:
    told = threading.Event()

    def silent(output: Any) -> None:
        del output
        told.set()
        time.sleep(5)

    token = Token()
    reason = Failure("R302", "timeout", "enough")
    threading.Thread(target=lambda: token.cancel(reason) if told.wait(5) else None, daemon=True).start()
    with serving(lambda asked: Answer(), silent) as api:
        work = bench(api=connector("rest", "httpx", base_url=api.url))
        with working_for(token), pytest.raises((ConnectorError, Ended)):
            work.do("read", {"resource": "api", "path": "/items"})
        assert token.reason == reason


# What an API asks for itself


def after(*answers: Answer) -> Callable[[Asked], Answer]:
    """Give these answers first, then the records."""
    waiting = list(answers)
    return lambda asked: waiting.pop(0) if waiting else Answer(RECORDS)


def soon() -> str:
    return format_datetime(datetime.now(UTC) - timedelta(seconds=5), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("when", ["0", "date"])
def test_an_api_that_says_when_is_asked_again_then(bench: Make, status: int, when: str) -> None:
    answer = Answer({}, status, {"Retry-After": soon() if when == "date" else when})
    with serving(after(answer, answer)) as api:
        work = bench(api=connector("rest", "httpx", base_url=api.url))
        work.do("read", {"resource": "api", "path": "/items"})
    assert (work.rows(), len(api.asked)) == ([(1,), (2,)], 3)


@pytest.mark.parametrize(("status", "error_class"), [(429, "rate_limited"), (503, "server_error")])
def test_patience_with_one_request_has_an_end(bench: Make, status: int, error_class: str) -> None:
    with serving(lambda asked: Answer({}, status, {"Retry-After": "0"})) as api:
        assert_fails(bench, api.url, error_class, f"GET /items: the API answered {status}, to be tried again after 0 s")
    assert len(api.asked) == 1 + MOST_PAUSES


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "61"}, {"Retry-After": "soon"}, {"Retry-After": "-1"}])
def test_without_a_short_pause_the_step_fails_at_once(bench: Make, headers: dict[str, str]) -> None:
    with serving(lambda asked: Answer({}, 429, headers)) as api:
        assert_fails(bench, api.url, "rate_limited", "GET /items: the API answered 429")
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "Fri, 02 Jan 2026 00:00:30 GMT", "date": "Fri, 02 Jan 2026 00:00:00 GMT"}, 30),
        ({"retry-after": "Fri, 02 Jan 2026 00:00:00 GMT", "date": "Fri, 02 Jan 2026 00:00:30 GMT"}, 0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        ({"retry-after": "9" * 30}, None),
        ({"retry-after": "٣"}, None),
        ({}, None),
    ],
)
def test_a_pause_is_spelled_in_seconds_or_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_to_wait(headers) == seconds


def test_a_pause_ends_with_the_step(bench: Make) -> None:
    pace = Pace(None, 1)
    pace.pause(1000)
    token = Token()
    token.cancel(Failure("R302", "timeout", "enough"))
    with working_for(token), pytest.raises(Ended), pace.turn():
        raise AssertionError("it waited")


def test_a_step_that_is_ended_waits_for_no_turn(bench: Make) -> None:
    pace, token = Pace(None, 1), Token()
    with pace.turn():
        token.cancel(Failure("R302", "timeout", "enough"))
        with working_for(token), pytest.raises(Ended), pace.turn():
            raise AssertionError("there was no turn left")


HANGS_UP = Answer(status=0)


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_a_kept_connection_that_the_api_has_closed_is_no_failure_of_what_may_be_done_twice(
    bench: Make, method: str
) -> None:
    answers = [Answer({"id": 1}), HANGS_UP, Answer({"id": 2})]
    with serving(lambda _: answers.pop(0)) as api:
        work = bench(api=connector("rest", "httpx", base_url=api.url))
        work.do("http", {"resource": "api", "path": "/items", "method": "GET"})
        if method == "POST":
            with pytest.raises(ConnectorError, match="the connection broke off"):
                work.do("http", {"resource": "api", "path": "/items", "method": method})
        else:
            work.do("http", {"resource": "api", "path": "/items", "method": method})
    assert len(answers) == (1 if method == "POST" else 0)


def test_an_api_that_hangs_up_on_a_new_connection_has_failed(bench: Make) -> None:
    with serving(lambda _: HANGS_UP) as api:
        assert_fails(bench, api.url, "connection", "the connection broke off")
    assert len(api.asked) == 1


def test_an_answer_that_breaks_off_has_failed_also_over_a_connection_that_was_kept(bench: Make) -> None:
    answers = [Answer(RECORDS), Answer(BODY[:-3], headers=GZIP | {"Connection": "close"})]
    with serving(lambda _: answers.pop(0)) as api:
        assert_fails(bench, api.url, "connection", "damaged")
    assert answers == []
