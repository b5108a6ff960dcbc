"""As whom a bucket is used: keys that are named, or those of a role, fetched and kept fresh.

What the environment says of a role comes in by `inherited` alone; keys are never taken from there.
"""

import json
import ssl
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from firn_runtime.connectors.s3_errors import parsed, text_of
from firn_runtime.connectors.s3_http import Address, Answer, Host, Request, address
from firn_runtime.connectors.s3_signing import AccessKey, Unsigned, signed
from firn_runtime.errors import ConnectorError
from firn_schemas.credentials import Credentials, IamRoleCredentials, StaticCredentials
from firn_schemas.secret import Secret

AMBIENT = (
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
"""The variables by which a machine says which role it has. None of them is read for static keys."""

_CONTAINER = "http://169.254.170.2"
_INSTANCE = "http://169.254.169.254"
_LOCAL = ("127.0.0.1", "localhost", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23")
"""Hosts that credentials may be asked for without TLS."""
_SILENCE = 5.0
_FRESH = timedelta(minutes=5)


class Around(NamedTuple):
    """What a role's keys depend on besides the credentials."""

    environ: Mapping[str, str]
    region: str
    base: Path
    context: ssl.SSLContext
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class KeySource:
    """Returns the keys of now; asks for new ones five minutes before they expire."""

    def __init__(self, credentials: Credentials | None, around: Around) -> None:
        self._credentials, self._around = credentials, around
        self._lock = threading.Lock()
        self._kept: AccessKey | None = None

    def __call__(self) -> AccessKey:
        """Raise ConnectorError where there are none."""
        with self._lock:
            kept = self._kept
            if kept is None or (kept.expires is not None and kept.expires - _FRESH < self._around.now()):
                self._kept = kept = _fetched(self._credentials or IamRoleCredentials(mode="iam_role"), self._around)
            return kept


def _fetched(credentials: Credentials, around: Around) -> AccessKey:
    if isinstance(credentials, StaticCredentials):
        if credentials.access_key_id is None or credentials.secret_access_key is None:
            raise ConnectorError("auth", "the credentials lack `access_key_id` or `secret_access_key`")
        return AccessKey(credentials.access_key_id.reveal(), credentials.secret_access_key, credentials.session_token)
    if isinstance(credentials, IamRoleCredentials):
        return _role(credentials, around)
    raise ConnectorError("auth", "S3 takes credentials with `mode: static` or `mode: iam_role`")


def _role(wanted: IamRoleCredentials, around: Around) -> AccessKey:
    """Return the keys of the ambient role, or those of the wanted one, which the ambient one may assume."""
    if wanted.web_identity_token_file is not None:
        role = wanted.role_arn or around.environ.get("AWS_ROLE_ARN", "")
        return _by_web_identity(around, wanted.web_identity_token_file, role, wanted.session_name)
    ambient = _ambient(around)
    if wanted.role_arn is None or wanted.role_arn == around.environ.get("AWS_ROLE_ARN"):
        return ambient
    asked = {"RoleArn": wanted.role_arn, "RoleSessionName": wanted.session_name or "firn"}
    asked |= {"ExternalId": wanted.external_id} if wanted.external_id else {}
    return _token_service(around, "AssumeRole", asked, ambient)


def _ambient(around: Around) -> AccessKey:
    environ = around.environ
    if file := environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        name = environ.get("AWS_ROLE_SESSION_NAME")
        return _by_web_identity(around, file, environ.get("AWS_ROLE_ARN", ""), name)
    if path := environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        return _of_container(around, f"{_CONTAINER}{path}")
    if url := environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return _of_container(around, url)
    return _of_instance(around, environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _INSTANCE)


def _by_web_identity(around: Around, file: str, role: str, session: str | None) -> AccessKey:
    if not role:
        raise ConnectorError("auth", "a web identity needs the role that it is for", "name it in `role_arn`")
    token = _content(around.base / file)
    asked = {"RoleArn": role, "RoleSessionName": session or "firn", "WebIdentityToken": token.reveal()}
    return _token_service(around, "AssumeRoleWithWebIdentity", asked, None)


def _content(file: Path) -> Secret:
    try:
        return Secret(file.read_text().strip())
    except (OSError, UnicodeDecodeError):
        raise ConnectorError("auth", f"the token's file `{file}` cannot be read") from None


def _token_service(around: Around, action: str, asked: Mapping[str, str], key: AccessKey | None) -> AccessKey:
    """Ask AWS's token service; what it refuses is said by its code alone."""
    import hashlib

    suffix = ".cn" if around.region.startswith("cn-") else ""
    default = f"https://sts.{around.region}.amazonaws.com{suffix}"
    place = address(around.environ.get("AWS_ENDPOINT_URL_STS") or default)
    body = urlencode({"Action": action, "Version": "2011-06-15", **asked}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    unsigned = Unsigned("POST", place.authority, "/", (), headers, hashlib.sha256(body).hexdigest())

    def head() -> Mapping[str, str]:
        return signed(unsigned, key, around.region, "sts", around.now()) if key else headers | {"host": place.authority}

    answer = _asked(around, place, Request("POST", "/", head, lambda: [body], len(body)))
    found = parsed(answer.body)
    if answer.status != 200:
        code = text_of(found, "Code")
        shown = code if code.isalnum() else str(answer.status)
        raise ConnectorError("auth", f"the role cannot be assumed ({shown})", "check `role_arn` and its trust policy")
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    return _key(*(text_of(found, name) for name in names))


def _of_container(around: Around, url: str) -> AccessKey:
    if not url.startswith("https://") and urlsplit(url).hostname not in _LOCAL:
        raise ConnectorError("auth", "the container's credentials would come from elsewhere without TLS")
    headers = {}
    if file := around.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        headers["authorization"] = _content(around.base / file).reveal()
    elif token := around.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"):
        headers["authorization"] = token
    return _document(_get(around, url, headers))


def _of_instance(around: Around, url: str) -> AccessKey:
    """Ask the instance's metadata, by a session of its own (IMDSv2)."""
    seconds = {"x-aws-ec2-metadata-token-ttl-seconds": "300"}
    token = _get(around, f"{url}/latest/api/token", seconds, "PUT").body.decode("ascii", "replace")
    headers = {"x-aws-ec2-metadata-token": token}
    roles = f"{url}/latest/meta-data/iam/security-credentials/"
    role = _get(around, roles, headers).body.decode("ascii", "replace").split("\n")[0]
    return _document(_get(around, f"{roles}{role}", headers))


def _get(around: Around, url: str, headers: Mapping[str, str], method: str = "GET") -> Answer:
    parts = urlsplit(url)
    place = address(f"{parts.scheme}://{parts.netloc}")
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    answer = _asked(around, place, Request(method, target, lambda: {**headers, "host": place.authority}))
    if answer.status != 200:
        raise _none(f"`{place.host}` answers {answer.status}")
    return answer


def _asked(around: Around, place: Address, request: Request) -> Answer:
    host = Host(place, _SILENCE, around.context if place.tls else None)
    try:
        return host.send(request)
    except ConnectorError as error:
        raise _none(error.message) from None
    finally:
        host.close()


def _none(reason: str) -> ConnectorError:
    help = "give this machine a role, or name keys with `mode: static`"
    return ConnectorError("auth", f"the role's keys cannot be fetched: {reason}", help)


def _document(answer: Answer) -> AccessKey:
    try:
        found = json.loads(answer.body)
        return _key(*(found[name] for name in ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")))
    except (ValueError, KeyError, TypeError):
        raise _none("the answer holds none") from None


def _key(id: str, secret: str, token: str, expires: str) -> AccessKey:
    try:
        until = datetime.fromisoformat(expires)
    except ValueError:
        until = None
    if not (id and secret and until):
        raise _none("the answer holds none")
    return AccessKey(id, Secret(secret), Secret(token), until if until.tzinfo else until.replace(tzinfo=UTC))
