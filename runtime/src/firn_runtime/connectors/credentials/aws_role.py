"""The keys of an AWS role: the ambient one, or another that it may assume (AWS's Security Token Service, 2011-06-15).

Keys that stand in the environment itself are never taken: `mode: static` names keys.
"""

import re
import ssl
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from firn_runtime.connectors.credentials.aws_machine import AMBIENT as OF_MACHINE
from firn_runtime.connectors.credentials.aws_machine import container_keys, instance_keys, issued_key
from firn_runtime.connectors.credentials.aws_signing import AccessKey, Unsigned, signed
from firn_runtime.connectors.credentials.bearer import FORM, secure
from firn_runtime.connectors.credentials.identity import Machine, asked
from firn_runtime.connectors.credentials.issued import Issued
from firn_runtime.connectors.http.hosts import Answer, address
from firn_runtime.connectors.http.xml import parsed, text_of
from firn_runtime.errors import ConnectorError, ErrorClass
from firn_schemas.credentials import IamRoleCredentials

AMBIENT = (*OF_MACHINE, "AWS_ENDPOINT_URL_STS", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")
"""The variables by which a machine says which role it has. None of them is read for static keys."""

_OUTSIDE = re.compile(r"[^\w+=,.@-]", re.ASCII)
_LONGEST = 64
"""Characters of a session's name; the alphabet is AWS's, too."""
_TRUST = "check `role_arn` and its trust policy"
_CLASSES: Mapping[str, ErrorClass] = {"IDPCommunicationError": "server_error", "Throttling": "rate_limited"}
_HELPS = {
    "AccessDenied": "the role's trust policy must name this identity, and its `external_id` where it asks for one",
    "ExpiredTokenException": "the token in the file has ended: whoever puts it there must put another",
    "InvalidIdentityToken": "the account needs an identity provider for the token's issuer and audience",
    "RegionDisabledException": "the account has switched the token service off in this region",
}


class Around(NamedTuple):
    """What a role's keys depend on besides the credentials."""

    machine: Machine
    region: str
    context: ssl.SSLContext
    session: str
    """What AWS's log calls who uses the role."""


def session_name(flow: str, run: str) -> str:
    """Return how a run is called in AWS's log; of a long name, the flow's is cut, so that the run's stays whole."""
    cleaned = [_OUTSIDE.sub("-", part) for part in (flow, run) if part]
    end = cleaned[-1][-_LONGEST:] if cleaned else ""
    before = cleaned[0][: max(0, _LONGEST - len(end) - 1)] if len(cleaned) > 1 else ""
    return "@".join(part for part in (before, end) if part).ljust(2, "-") if cleaned else "firn"


def role_keys(wanted: IamRoleCredentials, around: Around) -> Issued[AccessKey]:
    """Return new keys of the ambient role, or of the wanted one, which the ambient one may assume."""
    role = around.machine.environ.get("AWS_ROLE_ARN", "")
    session = wanted.session_name or around.session
    if wanted.web_identity_token_file is not None:
        return _by_web_identity(around, wanted.web_identity_token_file, wanted.role_arn or role, session)
    ambient = _ambient(around, role, session)
    if wanted.role_arn is None or wanted.role_arn == role:
        return ambient
    for secret in ambient.secrets:
        around.machine.learn(secret)
    asked_for = {"RoleArn": wanted.role_arn, "RoleSessionName": session}
    asked_for |= {"ExternalId": wanted.external_id} if wanted.external_id else {}
    return _token_service(around, "AssumeRole", asked_for, ambient.value)


def _ambient(around: Around, role: str, session: str) -> Issued[AccessKey]:
    file = around.machine.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    if file:
        return _by_web_identity(around, file, role, session)
    return container_keys(around.machine, around.context) or instance_keys(around.machine)


def _by_web_identity(around: Around, file: str, role: str, session: str) -> Issued[AccessKey]:
    if not role:
        raise ConnectorError("auth", "a web identity needs the role that it is for", "name it in `role_arn`")
    token = around.machine.token(file)
    asked_for = {"RoleArn": role, "RoleSessionName": session, "WebIdentityToken": token.reveal()}
    return _token_service(around, "AssumeRoleWithWebIdentity", asked_for, None)


def _token_service(
    around: Around, action: str, asked_for: Mapping[str, str], key: AccessKey | None
) -> Issued[AccessKey]:
    """Ask the region's token service; what it refuses is said by its code alone."""
    suffix = ".cn" if around.region.startswith("cn-") else ""
    named = around.machine.environ.get("AWS_ENDPOINT_URL_STS")
    url = secure(named or f"https://sts.{around.region}.amazonaws.com{suffix}", "AWS_ENDPOINT_URL_STS")
    body = urlencode({"Action": action, "Version": "2011-06-15", **asked_for}).encode()
    path = urlsplit(url).path or "/"
    unsigned = Unsigned("POST", address(url).authority, path, (), FORM, sha256(body).hexdigest())

    def head() -> Mapping[str, str]:
        return signed(unsigned, key, around.region, "sts", around.machine.now()) if key else FORM

    answer = asked("AWS's token service", "POST", url, head, body, around.context)
    found = parsed(answer.body)
    if answer.status != 200:
        raise _refusal(answer, text_of(found, "Code"))
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    return issued_key(*(text_of(found, name) for name in names), answer=answer, now=around.machine.now())


def _refusal(answer: Answer, code: str) -> ConnectorError:
    shown = code if code.isalnum() and code.isascii() and len(code) < 60 else str(answer.status)
    of_status: ErrorClass = "server_error" if answer.status >= 500 else "auth"
    return ConnectorError(
        _CLASSES.get(code, of_status), f"the role cannot be assumed ({shown})", _HELPS.get(code, _TRUST)
    )
