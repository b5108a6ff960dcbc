"""Tokens of a Microsoft Entra identity: by the token that a cluster gives its pod, or the managed one of the machine.

By Microsoft's documentation of client credentials with a federated credential (RFC 7523) and of managed identities.
"""

import re
from urllib.parse import urlencode

from firn_runtime.connectors.credentials.bearer import Issuer, document, refusal, secure, token
from firn_runtime.connectors.credentials.identity import Machine, asked, posted
from firn_runtime.connectors.credentials.issued import Issued
from firn_runtime.connectors.http.hosts import Answer
from firn_runtime.errors import ConnectorError
from firn_schemas.credentials import ServiceAccountCredentials
from firn_schemas.secret import Secret

AMBIENT = (
    "AZURE_AUTHORITY_HOST",
    "AZURE_CLIENT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    "AZURE_TENANT_ID",
)
_AUTHORITY = "https://login.microsoftonline.com"
_METADATA_HOST = "http://169.254.169.254"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ID = re.compile(r"[A-Za-z0-9.-]{1,200}\Z")
_ENTRA = Issuer(
    "Microsoft Entra ID",
    "check `tenant_id`, `client_id`, and the identity's federated credential",
    {
        "invalid_client": "the identity's federated credential must name this cluster's issuer and service account",
        "invalid_scope": "`scope` must be the resource's URI with `/.default`",
        "unauthorized_client": "the tenant does not know the client: check `client_id` and `tenant_id`",
    },
)
_METADATA = Issuer(
    "Azure's metadata service", "give this machine a managed identity; name one of several in `client_id`"
)


def issue(settings: ServiceAccountCredentials, machine: Machine) -> Issued[Secret]:
    """Return a new token for the scope; raise ConnectorError."""
    if not settings.scope:
        raise ConnectorError("auth", "a token of Azure needs a `scope`", "such as `https://storage.azure.com/.default`")
    client = settings.client_id or machine.environ.get("AZURE_CLIENT_ID")
    file = machine.environ.get("AZURE_FEDERATED_TOKEN_FILE")
    if file:
        tenant = settings.tenant_id or machine.environ.get("AZURE_TENANT_ID")
        return _federated(machine, file, _given(tenant, "tenant_id"), _given(client, "client_id"), settings.scope)
    return _managed(machine, client, settings.scope.removesuffix("/.default"))


def _federated(machine: Machine, file: str, tenant: str, client: str, scope: str) -> Issued[Secret]:
    authority = secure(machine.environ.get("AZURE_AUTHORITY_HOST") or _AUTHORITY, "AZURE_AUTHORITY_HOST")
    form = {
        "grant_type": "client_credentials",
        "client_id": client,
        "scope": scope,
        "client_assertion_type": _ASSERTION,
        "client_assertion": machine.token(file).reveal(),
    }
    url = f"{authority.rstrip('/')}/{tenant}/oauth2/v2.0/token"
    answer = posted(_ENTRA.name, url, form)
    if answer.status != 200:
        raise _with_number(refusal(_ENTRA, answer.status, document(answer.body)), answer)
    return token(_ENTRA, answer.status, answer.body)


def _managed(machine: Machine, client: str | None, resource: str) -> Issued[Secret]:
    host = machine.environ.get("AZURE_POD_IDENTITY_AUTHORITY_HOST")
    place = secure(host, "AZURE_POD_IDENTITY_AUTHORITY_HOST").rstrip("/") if host else _METADATA_HOST
    query = {"api-version": "2018-02-01", "resource": resource} | ({"client_id": client} if client else {})
    url = f"{place}/metadata/identity/oauth2/token?{urlencode(query)}"
    answer = asked(_METADATA.name, "GET", url, lambda: {"metadata": "true"})
    return token(_METADATA, answer.status, answer.body)


def _given(value: str | None, key: str) -> str:
    if not value or not _ID.match(value):
        variable = f"AZURE_{key.upper()}"
        problem = "is not an identifier" if value else "is not known"
        raise ConnectorError("auth", f"`{key}` {problem}", f"the pod's `{variable}` says it, or the credentials do")
    return value


def _with_number(error: ConnectorError, answer: Answer) -> ConnectorError:
    """Add the number by which Entra's errors are looked up: a number tells nothing else."""
    numbers = document(answer.body).get("error_codes")
    first = numbers[0] if isinstance(numbers, list) and numbers else None
    if not isinstance(first, int) or isinstance(first, bool):
        return error
    return ConnectorError(error.error_class, f"{error.message} (AADSTS{first})", error.help)
