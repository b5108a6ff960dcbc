"""The keys of the role that a container, a pod or an instance has, from those who give them to it alone."""

import re
import ssl
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from firn_runtime.connectors.credentials.aws_signing import AccessKey
from firn_runtime.connectors.credentials.bearer import document, secure
from firn_runtime.connectors.credentials.identity import Machine, asked, seconds_until
from firn_runtime.connectors.credentials.issued import Issued
from firn_runtime.connectors.http.hosts import Answer
from firn_runtime.errors import ConnectorError, ErrorClass
from firn_schemas.secret import Secret

AMBIENT = (
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
)
_CONTAINER = "http://169.254.170.2"
_INSTANCE = "http://169.254.169.254"
_GIVERS = ("http://169.254.170.2/", "http://169.254.170.23/", "http://[fd00:ec2::23]/")
"""Where ECS and EKS give keys without TLS: the machine itself."""
_ROLE = re.compile(r"[\w+=,.@-]{1,64}\Z", re.ASCII)
_NAME = "the role's keys cannot be fetched"
_HELP = "give this machine a role, or name keys with `mode: static`: variables such as AWS_ACCESS_KEY_ID are not read"


def container_keys(machine: Machine, context: ssl.SSLContext) -> Issued[AccessKey] | None:
    """Return new keys from where the container's variables say; None where they say nothing."""
    relative = machine.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    url = f"{_CONTAINER}{relative}" if relative else machine.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if not url:
        return None
    if not url.startswith(_GIVERS):
        secure(url, "AWS_CONTAINER_CREDENTIALS_FULL_URI")
    return _key_of(_answer(url, _proof(machine), context=context), machine.now())


def _proof(machine: Machine) -> Mapping[str, str]:
    if file := machine.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        return {"authorization": machine.token(file).reveal()}
    if token := machine.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"):
        return {"authorization": machine.known(token, "`AWS_CONTAINER_AUTHORIZATION_TOKEN`").reveal()}
    return {}


def instance_keys(machine: Machine) -> Issued[AccessKey]:
    """Return new keys of the instance's role, from its metadata, in a session of its own (IMDSv2)."""
    url = machine.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _INSTANCE
    url = url.rstrip("/")
    seconds = {"x-aws-ec2-metadata-token-ttl-seconds": "300"}
    session = _answer(f"{url}/latest/api/token", seconds, "PUT").body.decode("ascii", "replace")
    head = {"x-aws-ec2-metadata-token": machine.known(session, "the metadata's answer").reveal()}
    roles = f"{url}/latest/meta-data/iam/security-credentials/"
    role = _answer(roles, head).body.decode("ascii", "replace").split("\n")[0].strip()
    if not _ROLE.match(role):
        raise ConnectorError("auth", f"{_NAME}: the metadata name no role", _HELP)
    return _key_of(_answer(f"{roles}{role}", head), machine.now())


def _answer(url: str, head: Mapping[str, str], method: str = "GET", context: ssl.SSLContext | None = None) -> Answer:
    try:
        answer = asked(_NAME, method, url, lambda: head, context=context)
    except ConnectorError as error:
        raise ConnectorError(error.error_class, error.message, _HELP) from None
    if answer.status != 200:
        error_class: ErrorClass = "server_error" if answer.status >= 500 else "auth"
        raise ConnectorError(error_class, f"{_NAME}: `{urlsplit(url).hostname}` answers {answer.status}", _HELP)
    return answer


def _key_of(answer: Answer, now: datetime) -> Issued[AccessKey]:
    found = document(answer.body)
    names = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
    return issued_key(*(str(found.get(name) or "") for name in names), answer=answer, now=now)


def issued_key(id: str, secret: str, token: str, expires: str, *, answer: Answer, now: datetime) -> Issued[AccessKey]:
    """Return keys as an answer gives them; raise ConnectorError where it holds none."""
    seconds = seconds_until(expires, answer, now)
    sound = all(one and one.isascii() and one.isprintable() for one in (id, secret, token))
    if not sound or seconds is None:
        raise ConnectorError("auth", f"{_NAME}: the answer holds none", _HELP)
    key = AccessKey(id, Secret(secret), Secret(token))
    return Issued(key, seconds, (key.secret, Secret(token)))
