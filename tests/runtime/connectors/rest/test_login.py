"""As whom an API is asked: tokens that are fetched, kept fresh and never shown; TLS; addresses that may be asked."""

import base64
import shutil
import socket
import ssl
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import pytest

from firn_runtime.connector import RunFacts
from firn_runtime.connectors.http.addresses import addresses, is_private
from firn_runtime.connectors.http.client import Call, Client, Limits
from firn_runtime.errors import ConnectorError
from firn_schemas.secret import Secret
from runtime.connectors.server import Answer, Api, Asked, serving
from runtime.workbench import Workbench, connector
from servers.front import Certificate, certificate

Make = Callable[..., Workbench]

CANARY = "canary-98f13708"
RECORDS = [{"id": 1}, {"id": 2}]
INVALID = {"error": "invalid_client", "error_description": CANARY}
PATH = {"resource": "api", "path": "/items"}


class Guarded(NamedTuple):
    """An API, and the server that gives its tokens."""

    api: Api
    tokens: Api

    def made(self, key: Mapping[str, Any] = {}, **credentials: Any) -> Any:
        secret = {"client_id": "firn", "client_secret": Secret(CANARY), "token_url": self.tokens.url + "/token"}
        credentials = {"mode": "oauth2", **secret, **credentials}
        return connector("rest", "httpx", base_url=self.api.url, credentials=credentials, **key)


@contextmanager
def guarded(
    give: Callable[[int], Answer], good: Callable[[str, int], bool] = lambda token, number: True
) -> Iterator[Guarded]:
    """Serve tokens by `give`, which is told how many came before, and an API that takes those that are `good`."""

    def answer(asked: Asked) -> Answer:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        known = token.startswith(f"{CANARY}-token-") and good(token, len(api.asked))
        return Answer(RECORDS if asked.query.get("page", "1") == "1" else []) if known else Answer({}, 401)

    with serving(lambda asked: give(len(tokens.asked) - 1)) as tokens, serving(answer) as api:
        yield Guarded(api, tokens)


def token(number: int, **more: Any) -> Answer:
    return Answer({"access_token": f"{CANARY}-token-{number}", "token_type": "Bearer", "expires_in": 3600} | more)


def failure(work: Workbench, inputs: dict[str, Any] = PATH) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        work.do("read", inputs)
    shown = "".join(traceback.TracebackException.from_exception(caught.value).format())
    assert CANARY not in shown + caught.value.message + caught.value.help
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    return caught.value


# OAuth 2.0


def test_a_token_is_fetched_once_with_the_clients_secret_in_a_header(bench: Make) -> None:
    with guarded(token) as both:
        work = bench(api=both.made(client_id="my client", scope="orders:read", audience="https://api"))
        for _ in range(2):
            work.do("read", PATH)
    (asked,) = both.tokens.asked
    form = parse_qs(asked.body.decode())
    assert form == {"grant_type": ["client_credentials"], "scope": ["orders:read"], "audience": ["https://api"]}
    assert base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode() == f"my+client:{CANARY}"
    assert (asked.method, asked.headers["content-type"]) == ("POST", "application/x-www-form-urlencoded")
    assert {one.headers["authorization"] for one in both.api.asked} == {f"Bearer {CANARY}-token-0"}


def test_the_clients_secret_goes_into_the_form_where_that_is_said(bench: Make) -> None:
    with guarded(token) as both:
        bench(api=both.made(auth_method="client_secret_post", client_id=Secret("me"))).do("read", PATH)
    (asked,) = both.tokens.asked
    assert "authorization" not in asked.headers
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["me"],
        "client_secret": [CANARY],
    }


@pytest.mark.parametrize(
    ("expires_in", "fetched"), [(0, 2), ("0", 2), (-5, 2), (3600, 1), ("3600", 1), (None, 1), ("soon", 1)]
)
def test_a_token_is_renewed_before_it_ends(bench: Make, expires_in: Any, fetched: int) -> None:
    with guarded(lambda number: token(number, expires_in=expires_in)) as both:
        request = {"path": "/items", "pagination": {"type": "page"}}
        bench(api=both.made()).do("read", {"resource": "api", "request": request})
    assert (len(both.tokens.asked), len(both.api.asked)) == (fetched, 2)


@pytest.mark.parametrize("place", ["header", "query"])
def test_the_api_s_key_stands_beside_a_token(bench: Make, place: str) -> None:
    with guarded(token) as both:
        bench(api=both.made(key={"api_key": Secret("word"), "api_key_in": place, "api_key_name": "key"})).do(
            "read", PATH
        )
    (asked,) = both.api.asked
    assert (asked.headers if place == "header" else asked.query)["key"] == "word"
    assert asked.headers["authorization"] == f"Bearer {CANARY}-token-0"


def test_every_token_is_made_known_to_the_redactor(bench: Make) -> None:
    learned: list[str] = []
    with guarded(token, lambda token, number: token.endswith("1")) as both:
        made = both.made()
        made.facts = RunFacts(learn=lambda one: learned.append(one.reveal()))
        bench(api=made).do("read", PATH)
    assert learned == [f"{CANARY}-token-0", f"{CANARY}-token-1"]


def test_a_token_that_is_refused_is_renewed_once(bench: Make) -> None:
    with guarded(token, lambda token, number: token.endswith("1")) as both:
        work = bench(api=both.made())
        work.do("read", PATH)
        work.do("read", PATH)
    assert (len(both.tokens.asked), len(both.api.asked)) == (2, 3)


def test_a_new_token_that_is_refused_too_is_a_failed_login(bench: Make) -> None:
    with guarded(token, lambda token, number: False) as both:
        error = failure(bench(api=both.made()))
    assert (error.error_class, error.message) == ("auth", "GET /items: the API answered 401")
    assert (len(both.tokens.asked), len(both.api.asked)) == (2, 2)


@pytest.mark.parametrize(
    ("answer", "error_class", "message"),
    [
        (Answer(INVALID, 401), "auth", "refused the client with 401, `invalid_client`"),
        (Answer({"error": CANARY}, 400), "auth", "refused the client with 400"),
        (Answer({"error": ["x"]}, 400), "auth", "refused the client with 400"),
        (Answer(b"<p>no</p>", 403), "auth", "refused the client with 403"),
        (Answer({}, 429), "rate_limited", "answered 429"),
        (Answer({}, 502), "server_error", "answered 502"),
        (Answer(b"", 302, {"Location": "/elsewhere"}), "auth", "refused the client with 302"),
        (Answer(b"<p>welcome</p>"), "auth", "gave no token"),
        (Answer([1]), "auth", "gave no token"),
        (Answer({"access_token": 7, "token_type": "bearer"}), "auth", "gave no token"),
        (Answer({"access_token": f"{CANARY}\r\nX: y", "token_type": "bearer"}), "auth", "gave no token"),
        (Answer({"access_token": CANARY, "token_type": "mac"}), "auth", "not of the type `Bearer`"),
        (Answer(b" " * 70_000 + b"{}"), "data", "larger than a token server's may be"),
    ],
)  # fmt: skip
def test_what_a_token_server_answers_instead_has_its_class(
    bench: Make, answer: Answer, error_class: str, message: str
) -> None:
    with guarded(lambda number: answer) as both:
        error = failure(bench(api=both.made()))
    assert (error.error_class, both.api.asked, len(both.tokens.asked)) == (error_class, [], 1)
    assert error.message.startswith("POST /token: ")
    assert message in error.message


def test_a_token_server_that_is_not_there_is_a_connection_error(bench: Make) -> None:
    with serving(lambda asked: Answer(RECORDS)) as api, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        both = Guarded(api, Api("", []))
        error = failure(bench(api=both.made(token_url=f"http://127.0.0.1:{port}/token")))
    assert error.error_class == "connection"
    assert error.message == f"POST /token: `127.0.0.1`, port {port}, refused the connection"


@pytest.mark.parametrize(
    "url", ["http://login.example.com/token", None, "ftp://login.example.com", "https://u:p@login.example.com", "token"]
)
def test_a_token_is_asked_for_over_tls_alone(bench: Make, url: str | None) -> None:
    both = Guarded(Api("http://127.0.0.1:9", []), Api("", []))
    with pytest.raises(ConnectorError) as caught:
        bench(api=both.made(token_url=url))
    assert (caught.value.error_class, "https://" in caught.value.message) == ("auth", True)


def test_a_token_is_in_no_file_and_no_error(bench: Make) -> None:
    with guarded(token) as both:
        work = bench(api=both.made())
        work.do("read", PATH)
        failure(work, {"resource": "api", "request": {"path": "/items", "records": "no"}})
    held = b"".join(path.read_bytes() for path in work.folder.rglob("*") if path.is_file())
    assert CANARY.encode() not in held


@pytest.mark.parametrize(
    ("give", "status", "message"),
    [
        (token, "ok", "the credentials were not refused (HTTP 200)"),
        (lambda number: Answer({"error": "invalid_client"}, 401), "failed", "POST /token: the token server refused"),
    ],
)
def test_a_login_is_tried_before_a_run(give: Callable[[int], Answer], status: str, message: str) -> None:
    with guarded(give) as both:
        connection, login = both.made().probe(())
    assert (connection.check, connection.status) == ("connection", "ok")
    assert (login.check, login.status, login.message.startswith(message)) == ("login", status, True)


# Credentials that are fixed


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        ({"token": Secret(CANARY)}, f"Bearer {CANARY}"),
        ({"user": Secret("u"), "password": Secret("p")}, "Basic dTpw"),
    ],
)
def test_static_credentials_are_a_token_or_a_user(bench: Make, credentials: dict[str, Any], header: str) -> None:
    with serving(lambda asked: Answer(RECORDS)) as api:
        made = connector("rest", "httpx", base_url=api.url, credentials={"mode": "static", **credentials})
        bench(api=made).do("read", PATH)
    assert api.asked[0].headers["authorization"] == header


@pytest.mark.parametrize(
    "config",
    [
        {"credentials": {"mode": "static", "access_key_id": Secret("a")}},
        {"credentials": {"mode": "static", "user": Secret("u")}},
        {"credentials": {"mode": "iam_role"}},
        {"credentials": {"mode": "static", "token": Secret(CANARY)}, "bearer_token": Secret(CANARY)},
    ],
)
def test_credentials_that_an_api_cannot_use_are_refused(bench: Make, config: dict[str, Any]) -> None:
    with pytest.raises(ConnectorError) as caught:
        bench(api=connector("rest", "httpx", base_url="http://127.0.0.1:9", **config))
    assert (caught.value.error_class, CANARY in str(vars(caught.value))) == ("auth", False)


def test_a_header_of_the_request_never_takes_the_place_of_the_credentials(bench: Make) -> None:
    with serving(lambda asked: Answer(RECORDS)) as api:
        work = bench(
            api=connector("rest", "httpx", base_url=api.url, bearer_token=Secret(CANARY), headers={"X-A": "1"})
        )
        headers = {"AUTHORIZATION": "Basic eDp5", "x-a": "2"}
        work.do("read", {"resource": "api", "request": {"path": "/items", "headers": headers}})
    assert (api.asked[0].headers["authorization"], api.asked[0].headers["x-a"]) == (f"Bearer {CANARY}", "2")


# TLS, with the name verified at the address that was checked


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    if shutil.which("openssl") is None:
        pytest.skip("certificates are made by `openssl`")
    return certificate(tmp_path_factory.mktemp("tls"), "api.example.com")


@contextmanager
def secured(proof: Certificate) -> Iterator[tuple[Api, int]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(proof.certificate, proof.key)
    with serving(lambda asked: Answer(RECORDS), tls=context) as api:
        yield api, int(api.url.rpartition(":")[2])


LIMITS = Limits(5, 1000)


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(proof: Certificate) -> None:
    asked: list[tuple[str, int]] = []

    def checked(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    with secured(proof) as (api, port):
        client = Client(checked, ca_file=str(proof.authority))
        answer = client.exchange(Call("GET", f"https://api.example.com:{port}/items"), LIMITS)
        client.close()
    assert (answer.status, asked) == (200, [("api.example.com", port)])
    assert api.asked[0].headers["host"] == f"api.example.com:{port}"


GET = {"resource": "api", "method": "GET", "path": "/items"}


@pytest.mark.parametrize(
    "path",
    [
        *("../b/items", "/../../admin", "./../b", "x/../../b", "%2e%2e/b", "..%2Fb", "%2E./b", "\\..\\b"),
        *("x/..;/..;/b", "/\t/admin", "{}/admin", "{}/v1/tenants/ab", "{}"),
    ],
)
def test_no_path_of_a_step_leads_out_of_the_base(bench: Make, path: str) -> None:
    with serving(lambda asked: Answer(RECORDS)) as api:
        work = bench(api=connector("rest", "httpx", base_url=f"{api.url}/v1/tenants/a", bearer_token=Secret(CANARY)))
        for step, inputs in (("read", PATH), ("http", GET)):
            with pytest.raises(ConnectorError) as caught:
                work.do(step, {**inputs, "path": path.format(api.url)})
            assert (caught.value.error_class, "below `base_url`" in caught.value.message) == ("data", True)
        assert not api.asked


def test_names_with_dots_queries_and_whole_addresses_below_the_base_are_paths(bench: Make) -> None:
    with serving(lambda asked: Answer(RECORDS)) as api:
        work = bench(api=connector("rest", "httpx", base_url=f"{api.url}/v1/tenants/a"))
        for path in ("..items", "items?range=1/../2", "", f"{api.url}/v1/tenants/a/items"):
            work.do("http", {**GET, "path": path})
        assert {asked.path.rpartition("/")[0] for asked in api.asked} == {"/v1/tenants/a"}


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "CONNECTION", "Expect", "upgrade"])
def test_no_header_says_to_whom_a_request_goes_or_where_it_ends(bench: Make, name: str) -> None:
    said = {"headers": {name: "1"}}
    with serving(lambda asked: Answer(RECORDS)) as api:
        configs: dict[str, dict[str, Any]] = {
            "api": {},
            "saying": said,
            "keyed": {"api_key": Secret("canary-key-1"), "api_key_name": name},
        }
        login: dict[str, Any] = {"base_url": api.url, "bearer_token": Secret(CANARY)}
        work = bench(**{one: connector("rest", "httpx", **login, **more) for one, more in configs.items()})
        for step, inputs in (
            ("http", {**GET, **said}),
            ("read", {"resource": "api", "request": {"path": "/items", **said}}),
            ("http", {**GET, "resource": "saying"}),
            ("http", {**GET, "resource": "keyed"}),
        ):
            with pytest.raises(ConnectorError) as caught:
                work.do(step, inputs)
            assert (caught.value.error_class, f"`{name.lower()}`" in caught.value.message) == ("data", True)
        assert not api.asked


@pytest.mark.parametrize(("name", "trusted"), [("other.example.com", True), ("api.example.com", False)])
def test_a_certificate_must_be_of_the_name_and_of_a_trusted_authority(
    proof: Certificate, name: str, trusted: bool
) -> None:
    with secured(proof) as (api, port):
        client = Client(lambda host, port: ["127.0.0.1"], ca_file=str(proof.authority) if trusted else None)
        with pytest.raises(ConnectorError) as caught:
            client.exchange(Call("GET", f"https://{name}:{port}/items"), LIMITS)
        client.close()
    message = f"GET /items: `{name}`, port {port}, has a certificate that is not trusted"
    assert (caught.value.message, api.asked) == (message, [])


def test_a_file_of_authorities_that_is_not_there_is_named() -> None:
    made = connector("rest", "httpx", base_url="https://127.0.0.1:9", options={"ca_file": "/nowhere/none.pem"})
    with pytest.raises(ConnectorError, match=r"`/nowhere/none.pem` holds no certificates"):
        made.connect()


def test_an_address_that_does_not_answer_is_not_the_last(proof: Certificate) -> None:
    with secured(proof) as (_, port):
        client = Client(lambda host, port: ["127.0.0.2", "127.0.0.1"], ca_file=str(proof.authority))
        assert client.exchange(Call("GET", f"https://api.example.com:{port}/"), LIMITS).status == 200
        client.close()


PRIVATE = """
    0.0.0.0 10.0.0.1 100.64.0.1 100.127.255.254 127.0.0.1 127.8.8.8 169.254.169.254 172.16.0.1 172.31.9.9 192.0.2.1
    192.168.1.1 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 fe80::1 fe80::1%eth0 fc00::1 fd12::1 ff02::1
    ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 2002:7f00:1:: 2002:a00:1:: 2001:db8::1
    192.0.0.192 168.63.129.16 ::ffff:168.63.129.16 ::7f00:1 ::ffff:0:a9fe:a9fe 64:ff9b:1::7f00:1 fec0::1
"""


@pytest.mark.parametrize("address", PRIVATE.split())
def test_an_address_that_is_not_public_is_private(address: str) -> None:
    assert is_private(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert not is_private(address)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0"])
def test_an_address_in_disguise_is_refused(host: str) -> None:
    with pytest.raises(ConnectorError, match="private address"):
        addresses(host, 80, allow_private=False)
    assert addresses(host, 80, allow_private=True)[0] in ("127.0.0.1", "0.0.0.0")  # nothing is bound
