"""As whom a bucket is used: keys of a role from every place that a machine may have them, and signatures."""

import json
import re
import ssl
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import pytest

from firn_runtime.connector import RunFacts
from firn_runtime.connectors.credentials.aws_role import AMBIENT, Around, session_name
from firn_runtime.connectors.credentials.aws_signing import AccessKey, Unsigned, signed
from firn_runtime.connectors.credentials.identity import Machine, seconds_until
from firn_runtime.connectors.s3.credentials import KeySource, key_source
from firn_runtime.errors import ConnectorError
from firn_schemas.credentials import Credentials, IamRoleCredentials, OAuth2Credentials, StaticCredentials
from firn_schemas.secret import Secret
from runtime.connectors.server import Answer as Reply
from runtime.connectors.server import Api, serving
from runtime.workbench import connector
from servers import s3
from servers.answers import Answer, answering

CANARY = "canary-91bc"
ROLE = "arn:aws:iam::123456789012:role/Lake"
SOON = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
KEYS = {"AccessKeyId": "ASIA1", "SecretAccessKey": CANARY, "Token": f"{CANARY}-t", "Expiration": SOON}
DOCUMENT = Answer(200, json.dumps(KEYS).encode())


def around(base: Path = Path(), learned: list[Secret] | None = None, /, **environ: str) -> Around:
    assert environ.keys() <= set(AMBIENT)
    machine = Machine(environ, base, ([] if learned is None else learned).append)
    return Around(machine, "us-east-1", ssl.create_default_context(), session_name("orders", "20260301T060000-1a2b"))


def role(**more: Any) -> IamRoleCredentials:
    return IamRoleCredentials(mode="iam_role", **more)


def refused(credentials: Credentials | None, where: Around, error_class: str = "auth") -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        key_source(credentials, where)()
    shown = "".join(traceback.TracebackException.from_exception(caught.value).format())
    assert CANARY not in f"{caught.value.message}{caught.value.help}{shown}"
    assert caught.value.error_class == error_class
    return caught.value


def assumed(action: str, expires: str = SOON) -> Answer:
    return Answer(
        200,
        f"<{action}Response xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><{action}Result><Credentials>"
        f"<AccessKeyId>ASIA2</AccessKeyId><SecretAccessKey>{CANARY}-s</SecretAccessKey>"
        f"<SessionToken>{CANARY}-u</SessionToken><Expiration>{expires}</Expiration>"
        f"</Credentials></{action}Result></{action}Response>".encode(),
    )


def test_a_signature_is_the_one_of_the_service_s_reference() -> None:
    key = AccessKey("AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
    request = Unsigned("GET", "examplebucket.s3.amazonaws.com", "/test.txt", (), {"range": "bytes=0-9"})
    headers = signed(request, key, "us-east-1", "s3", datetime(2013, 5, 24, tzinfo=UTC))
    assert headers["authorization"].endswith(
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


def test_named_keys_need_both_halves() -> None:
    assert "lack" in refused(StaticCredentials(mode="static", access_key_id=Secret("a")), around()).message


def test_other_modes_are_refused() -> None:
    credentials = OAuth2Credentials(mode="oauth2", client_id="x", client_secret=Secret(CANARY))
    assert "`mode: static` or `mode: iam_role`" in refused(credentials, around()).message


def test_only_a_role_looks_at_the_environment() -> None:
    keys = {"mode": "static", "access_key_id": Secret("a"), "secret_access_key": Secret("b")}
    assert connector("s3", "s3", bucket="b", credentials=keys).ambient == ()
    assert connector("s3", "s3", bucket="b").ambient == AMBIENT
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} & set(AMBIENT)


# The keys of a machine


def test_a_container_has_keys(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("word\n")
    learned: list[Secret] = []
    with answering(DOCUMENT) as server:
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/v1/keys?x=1"}
        environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = "token"
        key = key_source(None, around(tmp_path, learned, **environ))()
    assert (key.id, key.secret.reveal(), key.token and key.token.reveal()) == ("ASIA1", CANARY, f"{CANARY}-t")
    (asked,) = server.asked
    assert (asked.method, asked.target, asked.headers["authorization"], asked.body) == (
        "GET",
        "/v1/keys?x=1",
        "word",
        b"",
    )
    assert {one.reveal() for one in learned} == {"word", CANARY, f"{CANARY}-t"}


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.example.com/",
        "http://169.254.170.2.example.com/",
        "http://169.254.170.2@keys.example.com/",
        "http://[",
        "x",
    ],
)
def test_a_container_s_keys_do_not_come_from_afar_without_tls(url: str) -> None:
    error = refused(None, around(AWS_CONTAINER_CREDENTIALS_FULL_URI=url))
    assert error.message.startswith("`AWS_CONTAINER_CREDENTIALS_FULL_URI` must ")


@pytest.mark.parametrize("url", ["http://[", "nowhere", "ftp://169.254.169.254", "http://u:p@169.254.169.254"])
def test_metadata_that_cannot_be_asked_are_no_fault_of_ours(url: str) -> None:
    error = refused(None, around(AWS_EC2_METADATA_SERVICE_ENDPOINT=url), "connection")
    assert error.message == "the role's keys cannot be fetched: its address is not one of HTTP"


@pytest.mark.parametrize("path", ["/é", "/a b", "/a\r\nx: y"])
@pytest.mark.parametrize("variable", ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT"])
def test_an_address_that_http_cannot_spell_is_refused(variable: str, path: str) -> None:
    error = refused(role(), around(**{variable: f"http://127.0.0.1:9{path}"}), "connection")
    assert "its address is not one of HTTP" in error.message


def test_a_container_s_word_may_stand_in_its_variable() -> None:
    with answering(DOCUMENT) as server:
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Basic abc"}
        key_source(None, around(**environ))()
        environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = f"{CANARY}\r\nX: y"
        assert "holds no token" in refused(None, around(**environ)).message
    assert [one.headers["authorization"] for one in server.asked] == ["Basic abc"]


def test_an_instance_has_keys_by_a_session_of_its_metadata() -> None:
    with answering(Answer(200, b"session"), Answer(200, b"Lake"), DOCUMENT) as server:
        assert key_source(role(), around(AWS_EC2_METADATA_SERVICE_ENDPOINT=server.url))().id == "ASIA1"
    assert [(one.method, one.target) for one in server.asked] == [
        ("PUT", "/latest/api/token"),
        ("GET", "/latest/meta-data/iam/security-credentials/"),
        ("GET", "/latest/meta-data/iam/security-credentials/Lake"),
    ]
    assert server.asked[0].headers["x-aws-ec2-metadata-token-ttl-seconds"] == "300"
    assert [one.headers.get("x-aws-ec2-metadata-token") for one in server.asked] == [None, "session", "session"]


@pytest.mark.parametrize("name", [b"", b"<html>", b"Lake/../../x", b"\xff"])
def test_an_instance_s_role_must_have_a_role_s_name(name: bytes) -> None:
    with answering(Answer(200, b"session"), Answer(200, name), DOCUMENT) as server:
        error = refused(role(), around(AWS_EC2_METADATA_SERVICE_ENDPOINT=server.url))
    assert "name no role" in error.message
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [
        (Answer(404), "auth"),
        (Answer(302, b"", {"location": "/elsewhere"}), "auth"),
        (Answer(200, b"<html>"), "auth"),
        (Answer(200, b"{}"), "auth"),
        (Answer(200, b"[]"), "auth"),
        (Answer(200, json.dumps(KEYS | {"Expiration": "never"}).encode()), "auth"),
        (Answer(200, json.dumps(KEYS | {"SecretAccessKey": 7, "Token": None}).encode()), "auth"),
        (Answer(200, json.dumps(KEYS | {"Token": f"{CANARY}\r\nx: y"}).encode()), "auth"),
        (Answer(200, b" " * 70_000), "data"),
        (Answer(500), "server_error"),
    ],
)
def test_a_machine_without_a_role_is_told_so(answer: Answer, error_class: str) -> None:
    with answering(answer) as server:
        error = refused(role(), around(AWS_CONTAINER_CREDENTIALS_FULL_URI=server.url), error_class)
    assert error.message.startswith("the role's keys cannot be fetched")
    assert "mode: static" in error.help
    assert {one.target for one in server.asked} == {"/"}


# The token service


def test_a_web_identity_is_exchanged_as_the_service_s_reference_says(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{CANARY}-jwt\n")
    learned: list[Secret] = []
    with answering(assumed("AssumeRoleWithWebIdentity")) as service:
        environ = {"AWS_ENDPOINT_URL_STS": service.url, "AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "token"}
        key = key_source(role(), around(tmp_path, learned, **environ))()
    (asked,) = service.asked
    assert (asked.method, asked.target) == ("POST", "/")
    assert asked.headers == {
        "host": service.url.removeprefix("http://"),
        "content-type": "application/x-www-form-urlencoded",
        "content-length": str(len(asked.body)),
    }
    assert parse_qsl(asked.body.decode(), strict_parsing=True) == [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", ROLE),
        ("RoleSessionName", "orders@20260301T060000-1a2b"),
        ("WebIdentityToken", f"{CANARY}-jwt"),
    ]
    assert (key.id, key.secret.reveal()) == ("ASIA2", f"{CANARY}-s")
    assert {one.reveal() for one in learned} == {f"{CANARY}-jwt", f"{CANARY}-s", f"{CANARY}-u"}


def test_a_role_is_assumed_with_the_keys_of_the_ambient_one() -> None:
    with answering(DOCUMENT) as machine, answering(assumed("AssumeRole")) as service:
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": machine.url, "AWS_ENDPOINT_URL_STS": service.url}
        wanted = role(role_arn=ROLE, external_id="x 1", session_name="nightly")
        assert key_source(wanted, around(**environ))().id == "ASIA2"
    (asked,) = service.asked
    assert asked.body == (
        b"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2FLake"
        b"&RoleSessionName=nightly&ExternalId=x+1"
    )
    proof = asked.headers["authorization"]
    assert re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=ASIA1/\d{8}/us-east-1/sts/aws4_request, SignedHeaders=content-type;host;"
        r"x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}",
        proof,
    )
    assert asked.headers["x-amz-security-token"] == f"{CANARY}-t"
    when = datetime.strptime(asked.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    content = {"content-type": asked.headers["content-type"]}
    unsigned = Unsigned("POST", asked.headers["host"], "/", (), content, sha256(asked.body).hexdigest())
    ambient = AccessKey("ASIA1", Secret(CANARY), Secret(f"{CANARY}-t"))
    assert signed(unsigned, ambient, "us-east-1", "sts", when)["authorization"] == proof


def test_a_real_service_gives_keys_for_a_role_and_for_a_web_identity(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(CANARY)
    with answering(DOCUMENT) as machine:
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": machine.url, "AWS_ENDPOINT_URL_STS": s3.moto().endpoint}
        assert key_source(role(role_arn=ROLE), around(**environ))().id.startswith("ASIA")
    environ = {"AWS_ENDPOINT_URL_STS": s3.moto().endpoint, "AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "token"}
    for credentials in (role(), role(role_arn=ROLE), role(role_arn=ROLE, web_identity_token_file="token")):
        assert key_source(credentials, around(tmp_path, **environ))().id.startswith("ASIA")


@pytest.mark.parametrize(
    ("status", "code", "error_class", "shown"),
    [
        (403, "AccessDenied", "auth", "AccessDenied"),
        (400, "ExpiredTokenException", "auth", "ExpiredTokenException"),
        (400, f"<b>{CANARY}</b>", "auth", "400"),
        (400, "Throttling", "rate_limited", "Throttling"),
        (400, "IDPCommunicationError", "server_error", "IDPCommunicationError"),
        (503, "", "server_error", "503"),
    ],
)
def test_a_role_that_may_not_be_assumed_is_an_error_without_its_text(
    status: int, code: str, error_class: str, shown: str
) -> None:
    text = f"<ErrorResponse><Error><Code>{code}</Code><Message>{CANARY}</Message></Error></ErrorResponse>"
    with answering(DOCUMENT) as machine, answering(Answer(status, text.encode())) as service:
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": machine.url, "AWS_ENDPOINT_URL_STS": service.url}
        error = refused(role(role_arn=ROLE), around(**environ), error_class)
    assert error.message == f"the role cannot be assumed ({shown})"


_ENTITIES = b'<!DOCTYPE a [<!ENTITY b "AccessDenied">]><Error><Code>&b;</Code></Error>'


@pytest.mark.parametrize(
    "document",
    [
        b'<?xml version="1.0" encoding="none"?><Error/>',
        b'<?xml version="1.0" encoding="utf-7"?><Error/>',
        b'<?xml version="1.0" encoding="zip"?><Error/>',
        b"<!--" + b"x" * 1000 + b"-->" + _ENTITIES,
        _ENTITIES.decode().encode("utf-16"),
        b"<a>" * 10_000,
    ],
)
def test_a_document_of_another_kind_says_nothing(document: bytes) -> None:
    with answering(DOCUMENT) as machine, answering(Answer(400, document)) as service:
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": machine.url, "AWS_ENDPOINT_URL_STS": service.url}
        assert refused(role(role_arn=ROLE), around(**environ)).message == "the role cannot be assumed (400)"


def test_the_token_service_is_asked_over_tls_alone(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(CANARY)
    environ = {"AWS_ENDPOINT_URL_STS": "http://sts.example.com", "AWS_ROLE_ARN": ROLE}
    error = refused(role(web_identity_token_file="token"), around(tmp_path, **environ))
    assert error.message.startswith("`AWS_ENDPOINT_URL_STS` must begin with `https://`")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: no such file or directory"),
        (b" \n", "is empty"),
        (b"x" * 70_000, "cannot be read: it is larger than 64 KiB"),
        (b"a\x00b", "holds no token"),
        ("schlüssel".encode(), "holds no token"),
    ],
)
def test_a_file_that_holds_no_token_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    error = refused(role(role_arn=ROLE, web_identity_token_file="token"), around(tmp_path))
    assert error.message == f"the file `token` {message}"


def test_a_file_that_is_missing_is_seen_before_a_run(tmp_path: Path) -> None:
    made = connector("s3", "s3", bucket="b")
    made.base_dir, made.inherited = tmp_path, {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "token"}
    with pytest.raises(ConnectorError, match="the file `token` cannot be read"):
        list(made.probe(()))


def test_a_folder_is_no_token(tmp_path: Path) -> None:
    (tmp_path / "token").mkdir()
    error = refused(role(role_arn=ROLE, web_identity_token_file="token"), around(tmp_path))
    assert error.message == "the file `token` cannot be read: it is no regular file"


def test_a_web_identity_needs_a_role(tmp_path: Path) -> None:
    assert "`role_arn`" in refused(role(web_identity_token_file="token"), around(tmp_path)).help


# The name of the session


@pytest.mark.parametrize(
    ("flow", "run", "name"),
    [
        ("orders", "20260301T060000-1a2b3c4d", "orders@20260301T060000-1a2b3c4d"),
        ("ventes/été du jour", "r:1", "ventes--t--du-jour@r-1"),
        ("f" * 80, "20260301T060000-1a2b3c4d", "f" * 39 + "@20260301T060000-1a2b3c4d"),
        ("orders", "r" * 90, "r" * 64),
        ("", "", "firn"),
        ("", "7", "7-"),
    ],
)
def test_a_session_is_named_for_flow_and_run(flow: str, run: str, name: str) -> None:
    assert session_name(flow, run) == name
    assert re.fullmatch(r"[\w+=,.@-]{2,64}", name, re.ASCII)


def test_a_connector_tells_the_flow_and_the_run_that_use_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("word")
    learned: list[Secret] = []
    made = connector("s3", "s3", bucket="b", credentials={"mode": "iam_role", "web_identity_token_file": "token"})
    with answering(assumed("AssumeRoleWithWebIdentity")) as service:
        made.inherited = {"AWS_ENDPOINT_URL_STS": service.url, "AWS_ROLE_ARN": ROLE}
        made.base_dir, made.facts = tmp_path, RunFacts("orders", "r7", learn=learned.append)
        made.connect()
        made.moves.bucket._keys()
        made.close()
    assert b"RoleSessionName=orders%40r7&" in service.asked[0].body
    assert f"{CANARY}-s" in {one.reveal() for one in learned}


# When keys are renewed


def test_keys_are_kept_until_five_minutes_before_they_expire() -> None:
    clock, end = [0.0], (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    with answering(Answer(200, json.dumps(KEYS | {"Expiration": end}).encode())) as server:
        machine = around(AWS_CONTAINER_CREDENTIALS_FULL_URI=server.url)
        source = key_source(role(), machine, lambda: clock[0])
        asked = []
        for seconds in (0, 54 * 60, 2 * 60):  # the keys live for an hour
            clock[0] += seconds
            source()
            asked.append(len(server.asked))
    assert asked == [1, 1, 2]


def expiring(life: timedelta, uses: int, skew: timedelta = timedelta()) -> tuple[Any, Any]:
    """Return what uses keys that live so long by a clock that differs so much, and the server that gives them."""

    def give(_: object) -> Reply:
        now = datetime.now(UTC) + skew
        return Reply(KEYS | {"Expiration": (now + life).isoformat()}, headers={"Date": format_datetime(now)})

    def use(server: Api) -> None:
        source: KeySource = key_source(role(), around(AWS_CONTAINER_CREDENTIALS_FULL_URI=server.url))
        for _ in range(uses):
            source()

    return use, serving(give)


@pytest.mark.parametrize("hours", [-5, 0, 5])
def test_the_clock_that_counts_is_that_of_who_gives_the_keys(hours: int) -> None:
    use, api = expiring(timedelta(hours=1), 3, timedelta(hours=hours))
    with api as server:
        use(server)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "date", ["Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 01 Jan 2026 00:00:00 +99999999999999", "", "x"]
)
def test_a_clock_that_tells_no_time_does_not_count(date: str) -> None:
    now = datetime.now(UTC)
    told: Any = SimpleNamespace(headers={"date": date})
    assert seconds_until((now + timedelta(hours=1)).isoformat(), told, now) == 3600


def test_keys_that_have_ended_already_are_asked_for_each_time() -> None:
    use, api = expiring(timedelta(hours=-1), 3)
    with api as server:
        use(server)
    assert len(server.asked) == 3


def test_a_token_file_is_read_again_at_each_renewal(tmp_path: Path) -> None:
    gone = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    with answering(assumed("AssumeRoleWithWebIdentity", gone)) as service:
        environ = {"AWS_ENDPOINT_URL_STS": service.url, "AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "token"}
        source = key_source(role(), around(tmp_path, **environ))
        for word in ("first", "second"):
            (tmp_path / "token").write_text(word)
            source()
    assert [dict(parse_qsl(one.body.decode()))["WebIdentityToken"] for one in service.asked] == ["first", "second"]


@pytest.mark.parametrize(("code", "times"), [("ExpiredToken", 2), ("AccessDenied", 1)])
def test_keys_that_have_ended_before_their_time_are_renewed_once(code: str, times: int) -> None:
    text = f"<Error><Code>{code}</Code></Error>".encode()
    with answering(DOCUMENT) as machine, answering(Answer(403, text)) as bucket:
        made = connector("s3", "s3", bucket="b", endpoint=bucket.url, path_style_access=True)
        made.inherited = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": machine.url}
        with pytest.raises(ConnectorError) as caught:
            list(made.probe(()))
    assert (caught.value.error_class, len(machine.asked), len(bucket.asked)) == ("auth", times, times)
