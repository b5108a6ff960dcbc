"""HTTP to receivers that answer well, badly, elsewhere or not at all."""

import shutil
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.observe.delivery import Undelivered
from firn_runtime.observe.receiver import Address, Receiver, address
from runtime.connectors.server import Answer, serving
from servers.front import certificate


def posted(url: str) -> bytes:
    with closing(Receiver(url, "otlp_endpoint")) as receiver:
        return receiver.post("/v1/traces", b"content", "text/plain")


def why(url: str) -> tuple[str, bool]:
    with pytest.raises(Undelivered) as caught:
        posted(url)
    return caught.value.reason, caught.value.again


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("http://otel:4318", Address(False, "otel", 4318, "")),
        ("https://otel.example.com/", Address(True, "otel.example.com", 443, "")),
        ("http://[::1]/below/", Address(False, "::1", 80, "/below")),
    ],
)
def test_an_endpoint_is_scheme_host_and_what_paths_begin_with(url: str, meant: Address) -> None:
    assert address(url, "otlp_endpoint") == meant


@pytest.mark.parametrize(
    "url",
    [
        "",
        None,
        4318,
        "otel:4318",
        "grpc://otel",
        "http://",
        "http://me:s3cret@otel",
        "http://otel/?token=s3cret",
        "http://otel:x",
        "http://otel/a b",
        "http://otel/\r\nx: y",
        "http://ötel",
    ],
)
def test_an_endpoint_that_is_none_is_refused_without_showing_it(url: object) -> None:
    with pytest.raises(Undelivered) as caught:
        address(url, "otlp_endpoint")
    assert caught.value.reason == (
        "`otlp_endpoint` is not a URL such as `https://telemetry.example.com`, without user and query"
    )


def test_requests_share_a_connection_and_say_what_they_hold() -> None:
    with serving(lambda _: Answer(b"yes")) as api, closing(Receiver(f"{api.url}/below", "otlp_endpoint")) as receiver:
        assert [receiver.post("/v1/traces", b"x", "text/plain") for _ in range(2)] == [b"yes", b"yes"]
    assert [(one.method, one.path, one.body, one.headers["content-type"]) for one in api.asked] == [
        ("POST", "/below/v1/traces", b"x", "text/plain")
    ] * 2


@pytest.mark.parametrize(("status", "again"), [(302, False), (400, False), (401, False), (429, True), (503, True)])
def test_an_answer_that_says_no_is_named_by_its_status_alone(status: int, again: bool) -> None:
    told = Answer(b"canary", status, {"location": "http://elsewhere.invalid/"})
    with serving(lambda _: told) as api:
        port = api.url.rpartition(":")[2]
        assert why(api.url) == (f"`127.0.0.1`, port {port}, answered {status}", again)
    assert len(api.asked) == 1


def test_an_answer_without_end_is_not_read_to_it() -> None:
    answer = Answer(b"x" * 1_000_000)
    with serving(lambda _: answer) as api, closing(Receiver(api.url, "otlp_endpoint")) as receiver:
        assert [len(receiver.post("/", b"", "text/plain")) for _ in range(2)] == [1 << 16] * 2


def test_a_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    def raw(out: Any) -> None:
        out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with serving(lambda _: Answer(), raw) as api, closing(Receiver(api.url, "otlp_endpoint")) as receiver:
        for _ in range(3):
            receiver.post("/", b"", "text/plain")
    assert len(api.asked) == 3


@pytest.fixture
def closed() -> Iterator[int]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield one.getsockname()[1]


def test_a_receiver_that_cannot_be_reached_may_be_reached_later(closed: int) -> None:
    assert why(f"http://127.0.0.1:{closed}") == (f"`127.0.0.1`, port {closed}, cannot be reached", True)


def test_no_proxy_of_the_environment_is_used(closed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed}")
    with serving(lambda _: Answer(b"yes")) as api:
        assert posted(api.url) == b"yes"


def test_what_does_not_speak_http_is_no_receiver() -> None:
    with serving(lambda _: Answer(), lambda out: out.write(b"\0\0\x12\4\0\0\0\0\0")) as api:
        assert why(api.url)[0].endswith("cannot be reached")


@pytest.fixture
def untrusted(tmp_path: Path) -> ssl.SSLContext:
    if shutil.which("openssl") is None:
        pytest.skip("certificates are made by `openssl`")
    proof = certificate(tmp_path, "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(proof.certificate, proof.key)
    return context


def test_a_certificate_that_nobody_trusts_ends_the_connection(untrusted: ssl.SSLContext) -> None:
    with serving(lambda _: Answer(), tls=untrusted) as api:
        reason, again = why(api.url)
    assert reason.startswith("the certificate of `127.0.0.1`, port ")
    assert (reason.endswith(" is not one that is trusted for this host"), again, api.asked) == (True, False, [])
