"""What those answer who issue bearer tokens (RFC 6749, section 5): a token, or why there is none.

Their text is not quoted.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson

from firn_runtime.connectors.credentials.issued import Issued, lifetime
from firn_runtime.errors import ConnectorError
from firn_schemas.loopback import is_loopback
from firn_schemas.secret import Secret

LARGEST = 64 * 1024
"""Bytes of an answer, and of a file with a token."""
FORM: Mapping[str, str] = {"content-type": "application/x-www-form-urlencoded"}
"""The header of a form."""
MARGIN = 60.0
"""Seconds before its end that a token is renewed."""
_CODES = frozenset(
    [
        *("invalid_client", "invalid_grant", "invalid_request", "invalid_scope", "invalid_target"),
        *("unauthorized_client", "unsupported_grant_type"),
    ]
)
"""The errors of RFC 6749, section 5.2, and of RFC 8693, section 2.2.2."""


class Issuer(NamedTuple):
    """Who issues tokens, as messages begin, and what to do where it refuses."""

    name: str
    help: str
    helps: Mapping[str, str] = {}
    """By the error's code."""


def token(issuer: Issuer, status: int, content: bytes) -> Issued[Secret]:
    """Return the token of an answer; raise ConnectorError for every other answer."""
    said = document(content)
    if status != 200:
        raise refusal(issuer, status, said)
    kind = said.get("token_type")
    if "access_token" in said and (not isinstance(kind, str) or kind.lower() != "bearer"):
        raise ConnectorError("auth", f"{issuer.name} gave a token that is not of the type `Bearer`")
    return usable(issuer, said.get("access_token"), lifetime(said.get("expires_in")))


def usable(issuer: Issuer, found: Any, seconds: float) -> Issued[Secret]:
    """Return a token that can stand in a header; raise ConnectorError for anything else."""
    if not isinstance(found, str) or not (found.isascii() and found.isprintable() and found):
        raise ConnectorError("auth", f"{issuer.name} gave no token", issuer.help)
    secret = Secret(found)
    return Issued(secret, seconds, (secret,))


def refusal(issuer: Issuer, status: int, said: Mapping[str, Any]) -> ConnectorError:
    """Return what an answer means that gives no token; of its text, only a code that is known is shown."""
    if status == 429:
        return ConnectorError("rate_limited", f"{issuer.name} answered {status}")
    if status >= 500:
        return ConnectorError("server_error", f"{issuer.name} answered {status}")
    code = said.get("error")
    known = code if isinstance(code, str) and code in _CODES else ""
    shown = f", `{known}`" if known else ""
    return ConnectorError(
        "auth", f"{issuer.name} refused the client with {status}{shown}", issuer.helps.get(known, issuer.help)
    )


def document(content: bytes) -> Mapping[str, Any]:
    """Return a JSON object; an empty one for anything else."""
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def secure(address: str | None, key: str) -> str:
    """Return an address that secrets may be sent to: over TLS, unless that is this machine; raise ConnectorError."""
    try:
        parts = urlsplit(address or "")
        host, user, _ = parts.hostname, parts.username or parts.password, parts.port
    except ValueError:
        host, user = None, None
    if not host or user or parts.scheme not in ("http", "https"):
        raise ConnectorError("auth", f"`{key}` must be `https://host/path`, without a user")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConnectorError("auth", f"`{key}` must begin with `https://`: what proves an identity is sent there")
    return address or ""
