"""Requests to AWS services, signed with an access key: Signature Version 4, as AWS's reference describes it."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote

from firn_schemas.secret import Secret

Query = Sequence[tuple[str, str]]
NOTHING = hashlib.sha256(b"").hexdigest()


class AccessKey(NamedTuple):
    """As whom to sign."""

    id: str
    secret: Secret
    token: Secret | None = None


class Unsigned(NamedTuple):
    """What a signature covers. Header names are in lower case; the path is as it will be sent."""

    method: str
    host: str
    path: str
    query: Query
    headers: Mapping[str, str]
    body_sha256: str = NOTHING


def encoded(text: str, safe: str = "") -> str:
    """Return a text as it stands in a URL that is signed: all but unreserved characters as `%XX`."""
    return quote(text, safe=f"-_.~{safe}")


def spelled(query: Query) -> str:
    """Return a query as it stands in a URL that is signed."""
    return "&".join(f"{encoded(name)}={encoded(value)}" for name, value in sorted(query))


def signed(request: Unsigned, key: AccessKey, region: str, service: str, now: datetime) -> dict[str, str]:
    """Return every header to send; `now` is not more than some minutes from the service's clock."""
    time = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {**request.headers, "host": request.host, "x-amz-date": time, "x-amz-content-sha256": request.body_sha256}
    if key.token is not None:
        headers["x-amz-security-token"] = key.token.reveal()
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers))
    parts = (request.method, request.path, spelled(request.query), lines, names, request.body_sha256)
    scope = f"{time[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    signature = _hmac(_key(key.secret, scope), f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}").hex()
    proof = f"Credential={key.id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {proof}"}


def _key(secret: Secret, scope: str) -> bytes:
    made = f"AWS4{secret.reveal()}".encode()
    for part in scope.split("/"):
        made = _hmac(made, part)
    return made


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
