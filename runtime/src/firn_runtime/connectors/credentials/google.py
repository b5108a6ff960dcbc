"""Tokens of a Google Cloud identity: of the pod or machine, or of a federated one; as itself, or as another account.

By Google's documentation of the metadata server (workload identity of GKE), of workload identity federation (the
Security Token Service's `token`, which speaks RFC 8693) and of `generateAccessToken`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson

from firn_runtime.connectors.credentials.bearer import Issuer, document, refusal, secure, token, usable
from firn_runtime.connectors.credentials.identity import Machine, asked, posted, seconds_until
from firn_runtime.connectors.credentials.issued import Issued
from firn_runtime.errors import ConnectorError
from firn_schemas.credentials import ACCOUNT, ServiceAccountCredentials
from firn_schemas.secret import Secret

AMBIENT = ("GCE_METADATA_HOST", "GOOGLE_APPLICATION_CREDENTIALS")
IMPERSONATION = "https://iamcredentials.googleapis.com"
_CLOUD = "https://www.googleapis.com/auth/cloud-platform"
_TOKEN_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105  # a path
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # a name
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?\Z")
_METADATA = Issuer("Google's metadata server", "bind the pod's Kubernetes service account to a Google one")
_FEDERATION = Issuer(
    "Google's token service",
    "check `audience` in the file, and what the pool's provider asks of a token",
    {"invalid_grant": "the provider does not take the token: check its issuer, its audience and whether it has ended"},
)
_ACTING = Issuer("Google's `generateAccessToken`", "the pod's identity needs the role of token creator on `account`")


def issue(settings: ServiceAccountCredentials, machine: Machine, impersonation: str = IMPERSONATION) -> Issued[Secret]:
    """Return a new token for the scopes, of `account` where one is named; raise ConnectorError."""
    scopes = (settings.scope or _CLOUD).split()
    file = machine.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    source = _source(machine, file) if file else {}
    acting = _acting(settings.account, source, impersonation)
    asked_for = [_CLOUD] if acting else scopes
    own = _federated(machine, source, asked_for) if file else _of_metadata(machine, asked_for)
    if not acting:
        return own
    machine.learn(own.value)
    return _as_another(machine, acting, own.value, scopes)


def _of_metadata(machine: Machine, scopes: Sequence[str]) -> Issued[Secret]:
    host = machine.environ.get("GCE_METADATA_HOST") or "metadata.google.internal"
    if not _HOST.match(host):
        raise ConnectorError("auth", "`GCE_METADATA_HOST` is not a host, or a host and its port")
    url = f"http://{host}{_TOKEN_PATH}?{urlencode({'scopes': ','.join(scopes)}, safe=':/,')}"
    answer = asked(_METADATA.name, "GET", url, lambda: {"metadata-flavor": "Google"})
    if answer.headers.get("metadata-flavor") != "Google":
        help = "something else answers in its place: check `GCE_METADATA_HOST` and the network"
        raise ConnectorError("auth", f"`{host}` is not Google's metadata server: its answer lacks the flavor", help)
    return token(_METADATA, answer.status, answer.body)


def _source(machine: Machine, file: str) -> Mapping[str, Any]:
    """Return what the file says of a federated identity; raise ConnectorError for any other kind of credentials."""
    found = document(machine.content(file))
    if found.get("type") == "service_account":
        help = "a key that does not end is what this mode is there to avoid: use workload identity federation"
        raise ConnectorError("auth", "`GOOGLE_APPLICATION_CREDENTIALS` names the key file of a service account", help)
    place = found.get("credential_source")
    whole = all(isinstance(found.get(key), str) for key in ("audience", "subject_token_type", "token_url"))
    if found.get("type") != "external_account" or not whole or not isinstance(place, dict):
        help = "it is made by `gcloud iam workload-identity-pools create-cred-config`"
        raise ConnectorError("auth", f"`{file}` does not describe a federated identity", help)
    if not isinstance(place.get("file"), str):
        help = "create it with `--credential-source-file`"
        raise ConnectorError("auth", f"`{file}` takes its token from elsewhere than a file", help)
    return found


def _federated(machine: Machine, source: Mapping[str, Any], scopes: Sequence[str]) -> Issued[Secret]:
    form = {
        "grant_type": _EXCHANGE,
        "audience": source["audience"],
        "scope": " ".join(scopes),
        "requested_token_type": _ACCESS_TOKEN,
        "subject_token": _subject(machine, source["credential_source"]).reveal(),
        "subject_token_type": source["subject_token_type"],
    }
    url = secure(source["token_url"], "token_url")
    answer = posted(_FEDERATION.name, url, form)
    return token(_FEDERATION, answer.status, answer.body)


def _subject(machine: Machine, place: Mapping[str, Any]) -> Secret:
    """Return the token that the file holds, alone or under a name in a JSON object."""
    form = place.get("format")
    if not isinstance(form, dict) or form.get("type", "text") == "text":
        return machine.token(place["file"])
    name = form.get("subject_token_field_name")
    found = document(machine.content(place["file"])).get(name) if isinstance(name, str) else None
    return machine.known(found if isinstance(found, str) else "", f"`{name}` in the file `{place['file']}`")


def _acting(account: str | None, source: Mapping[str, Any], impersonation: str) -> str | None:
    """Return where a token of another account is asked for: of `account`, or of the one that the file names."""
    if account is None:
        named = source.get("service_account_impersonation_url")
        return secure(named, "service_account_impersonation_url") if isinstance(named, str) else None
    if not ACCOUNT.fits(account):
        raise ConnectorError("auth", "`account` is not the e-mail address or the number of a service account")
    return f"{impersonation}/v1/projects/-/serviceAccounts/{account}:generateAccessToken"


def _as_another(machine: Machine, url: str, own: Secret, scopes: Sequence[str]) -> Issued[Secret]:
    def head() -> Mapping[str, str]:
        return {"authorization": f"Bearer {own.reveal()}", "content-type": "application/json"}

    answer = asked(_ACTING.name, "POST", url, head, orjson.dumps({"scope": list(scopes)}))
    said = document(answer.body)
    if answer.status != 200:
        raise refusal(_ACTING, answer.status, said)
    left = seconds_until(str(said.get("expireTime")), answer, machine.now())
    return usable(_ACTING, said.get("accessToken"), float("inf") if left is None else left)
