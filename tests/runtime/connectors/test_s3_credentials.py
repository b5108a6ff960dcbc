"""As whom a bucket is used: keys of a role from every place that a machine may have them, and signatures."""

import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.connectors.s3_credentials import AMBIENT, Around, KeySource
from firn_runtime.connectors.s3_signing import AccessKey, Unsigned, signed
from firn_runtime.errors import ConnectorError
from firn_schemas.credentials import IamRoleCredentials, OAuth2Credentials, StaticCredentials
from firn_schemas.secret import Secret
from runtime.workbench import connector
from servers import s3
from servers.answers import Answer, answering

CANARY = "canary-91bc"
ROLE = "arn:aws:iam::123456789012:role/Lake"
SOON = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
KEYS = {"AccessKeyId": "ASIA1", "SecretAccessKey": CANARY, "Token": f"{CANARY}-t", "Expiration": SOON}
DOCUMENT = Answer(200, json.dumps(KEYS).encode())


def around(base: Path = Path(), /, **environ: str) -> Around:
    assert environ.keys() <= set(AMBIENT)
    return Around(environ, "us-east-1", base, ssl.create_default_context())


def role(**more: Any) -> IamRoleCredentials:
    return IamRoleCredentials(mode="iam_role", **more)


def refused(source: KeySource) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        source()
    assert caught.value.error_class == "auth"
    assert (
        CANARY not in f"{caught.value.message}{caught.value.help}{caught.value.__cause__!r}{caught.value.__context__}"
    )
    return caught.value


def test_a_signature_is_the_one_of_the_service_s_reference() -> None:
    key = AccessKey("AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
    request = Unsigned("GET", "examplebucket.s3.amazonaws.com", "/test.txt", (), {"range": "bytes=0-9"})
    headers = signed(request, key, "us-east-1", "s3", datetime(2013, 5, 24, tzinfo=UTC))
    assert headers["authorization"].endswith(
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


def test_named_keys_need_both_halves() -> None:
    assert "lack" in refused(KeySource(StaticCredentials(mode="static", access_key_id=Secret("a")), around())).message


def test_other_modes_are_refused() -> None:
    credentials = OAuth2Credentials(mode="oauth2", client_id="x", client_secret=Secret(CANARY))
    assert "`mode: static` or `mode: iam_role`" in refused(KeySource(credentials, around())).message


def test_a_container_has_keys(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("word\n")
    with answering(DOCUMENT) as server:
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/v1/keys?x=1"}
        environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = "token"
        key = KeySource(None, around(tmp_path, **environ))()
    assert (key.id, key.secret.reveal(), key.token and key.token.reveal()) == ("ASIA1", CANARY, f"{CANARY}-t")
    assert (server.asked[0].target, server.asked[0].headers["authorization"]) == ("/v1/keys?x=1", "word")


def test_a_container_s_keys_do_not_come_from_afar_without_tls() -> None:
    source = KeySource(None, around(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://keys.example.com/"))
    assert "without TLS" in refused(source).message


def test_an_instance_has_keys_by_a_session_of_its_metadata() -> None:
    with answering(Answer(200, b"session"), Answer(200, b"Lake"), DOCUMENT) as server:
        assert KeySource(role(), around(AWS_EC2_METADATA_SERVICE_ENDPOINT=server.url))().id == "ASIA1"
    assert [(one.method, one.target) for one in server.asked] == [
        ("PUT", "/latest/api/token"),
        ("GET", "/latest/meta-data/iam/security-credentials/"),
        ("GET", "/latest/meta-data/iam/security-credentials/Lake"),
    ]
    assert server.asked[2].headers["x-aws-ec2-metadata-token"] == "session"


@pytest.mark.parametrize(
    "answer", [Answer(404), Answer(200, b"<html>"), Answer(200, b"{}"), Answer(200, b"[]"), Answer(500)]
)
def test_a_machine_without_a_role_is_told_so(answer: Answer) -> None:
    with answering(answer) as server:
        error = refused(KeySource(role(), around(AWS_CONTAINER_CREDENTIALS_FULL_URI=server.url)))
    assert error.message.startswith("the role's keys cannot be fetched")
    assert "mode: static" in error.help


def test_a_web_identity_is_exchanged(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(CANARY)
    environ = {"AWS_ENDPOINT_URL_STS": s3.moto().endpoint, "AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "token"}
    for credentials in (role(), role(role_arn=ROLE), role(role_arn=ROLE, web_identity_token_file="token")):
        key = KeySource(credentials, around(tmp_path, **environ))()
        assert key.id.startswith("ASIA")
        assert key.expires is not None
    assert "cannot be read" in refused(KeySource(role(role_arn=ROLE, web_identity_token_file="none"), around())).message


def test_a_role_is_assumed_with_the_keys_of_the_ambient_one() -> None:
    answer = (
        f"<AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><AssumeRoleResult><Credentials>"
        f"<AccessKeyId>ASIA2</AccessKeyId><SecretAccessKey>{CANARY}</SecretAccessKey><SessionToken>t</SessionToken>"
        f"<Expiration>{SOON}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
    with answering(DOCUMENT) as machine, answering(Answer(200, answer.encode())) as service:
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": machine.url, "AWS_ENDPOINT_URL_STS": service.url}
        wanted = role(role_arn=ROLE, external_id="x 1", session_name="nightly")
        assert KeySource(wanted, around(**environ))().id == "ASIA2"
    assert b"Action=AssumeRole&" in service.asked[0].body
    assert b"ExternalId=x+1" in service.asked[0].body
    assert b"RoleSessionName=nightly" in service.asked[0].body
    assert "Credential=ASIA1/" in service.asked[0].headers["authorization"]
    assert service.asked[0].headers["x-amz-security-token"] == f"{CANARY}-t"


def test_a_role_is_assumed_of_a_real_service() -> None:
    with answering(DOCUMENT) as machine:
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": machine.url, "AWS_ENDPOINT_URL_STS": s3.moto().endpoint}
        assert KeySource(role(role_arn=ROLE), around(**environ))().id.startswith("ASIA")


def test_a_role_that_may_not_be_assumed_is_an_error_without_its_text() -> None:
    text = f"<ErrorResponse><Error><Code>AccessDenied</Code><Message>{CANARY}</Message></Error></ErrorResponse>"
    with answering(DOCUMENT) as machine, answering(Answer(403, text.encode())) as service:
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": machine.url, "AWS_ENDPOINT_URL_STS": service.url}
        error = refused(KeySource(role(role_arn=ROLE), around(**environ)))
    assert error.message == "the role cannot be assumed (AccessDenied)"


def test_keys_are_kept_until_five_minutes_before_they_expire() -> None:
    clock = [datetime.now(UTC)]
    with answering(DOCUMENT) as server:
        machine = around(AWS_CONTAINER_CREDENTIALS_FULL_URI=server.url)._replace(now=lambda: clock[0])
        source = KeySource(role(), machine)
        source(), source()
        assert len(server.asked) == 1
        clock[0] += timedelta(minutes=56)
        source()
    assert len(server.asked) == 2


def test_only_a_role_looks_at_the_environment() -> None:
    keys = {"mode": "static", "access_key_id": Secret("a"), "secret_access_key": Secret("b")}
    assert connector("s3", "s3", bucket="b", credentials=keys).ambient == ()
    assert connector("s3", "s3", bucket="b").ambient == AMBIENT
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} & set(AMBIENT)
