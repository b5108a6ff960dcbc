"""As whom an API is asked: what each request carries, and an OAuth 2.0 token that is kept fresh.

A secret is revealed where a request is made, and is in no message. A token is kept in memory alone.
"""

import base64
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote_plus, urlencode, urlsplit

import orjson

from firn_runtime.connectors.rest_client import Answer, Call, Limits
from firn_runtime.errors import ConnectorError
from firn_runtime.loopback import is_loopback
from firn_schemas.connectors.rest import RestConfig
from firn_schemas.credentials import OAuth2Credentials, StaticCredentials
from firn_schemas.secret import Secret

_TOKEN_BYTES = 64 * 1024
"""Largest answer of a token server."""
_MARGIN = 60.0
"""Seconds before its end that a token is renewed; a tenth of its life where that is less."""
_REFUSED = {
    "invalid_client": "check `client_id` and `client_secret`; some servers want `auth_method: client_secret_post`",
    "invalid_grant": "the server does not grant it to this client",
    "invalid_request": "some servers need a `scope` or an `audience`",
    "invalid_scope": "check `scope`",
    "unauthorized_client": "the client may not use client credentials",
    "unsupported_grant_type": "the server does not know client credentials",
}
"""The errors of RFC 6749, section 5.2, with their likely fix."""


class Carried(NamedTuple):
    """What a request carries; made for it and kept nowhere."""

    headers: Mapping[str, str] = {}
    params: Mapping[str, str] = {}


class Login(Protocol):
    """A way to be known to an API."""

    def carried(self) -> Carried:
        """Return what a request carries."""
        ...

    def renew(self, refused: Carried) -> bool:
        """Say whether another request may carry something better than what was refused with 401."""
        ...


class Fixed:
    """What the configuration says: a bearer token, a user with a password, an API key; any of them, or none."""

    def __init__(self, config: RestConfig, static: StaticCredentials | None) -> None:
        self._config = config
        self._token = static.token if static else config.bearer_token
        self._password = static.password if static else config.basic_password
        self._user = static.user.reveal if static and static.user else lambda: config.basic_user or ""

    def carried(self) -> Carried:
        """Return what a request carries."""
        headers: dict[str, str] = {}
        params: dict[str, str] = {}
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token.reveal()}"
        elif self._password is not None:
            headers["authorization"] = _basic(self._user(), self._password.reveal())
        if self._config.api_key is not None:
            where = headers if self._config.api_key_in == "header" else params
            where[self._config.api_key_name] = self._config.api_key.reveal()
        return Carried(headers, params)

    def renew(self, refused: Carried) -> bool:
        """Say that there is nothing better."""
        del refused
        return False


class OAuth2:
    """Client credentials (RFC 6749, section 4.4): one token for all requests, renewed before its end and after a 401.

    `exchange` sends a call once. Redirects of the token server are not followed: they would carry the secret.
    """

    def __init__(self, settings: OAuth2Credentials, exchange: Callable[[Call, Limits], Answer], seconds: float) -> None:
        self._settings, self._exchange = settings, exchange
        self._limits = Limits(seconds, _TOKEN_BYTES, "a token server's may be")
        self._address = _token_address(settings.token_url)
        self._lock = threading.Lock()
        self._token: Secret | None = None
        self._until = 0.0

    def carried(self) -> Carried:
        """Return a token that holds for a while; it is fetched where there is none."""
        with self._lock:
            if self._token is None or time.monotonic() >= self._until:
                self._fetch()
            assert self._token is not None
            return Carried({"authorization": f"Bearer {self._token.reveal()}"})

    def renew(self, refused: Carried) -> bool:
        """Give up the token that was refused, unless another request has renewed it by now."""
        with self._lock:
            used = refused.headers.get("authorization")
            if self._token is not None and used == f"Bearer {self._token.reveal()}":
                self._token = None
        return True

    def _fetch(self) -> None:
        call = self._call()
        answer = self._exchange(call, self._limits)
        said = _read(answer.content)
        if answer.status != 200:
            raise _refusal(call.name, answer.status, said)
        token, kind = said.get("access_token"), said.get("token_type")
        if not isinstance(token, str) or not (token.isascii() and token.isprintable() and token):
            raise ConnectorError("auth", f"{call.name}: the token server's answer holds no `access_token`")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise ConnectorError("auth", f"{call.name}: the token is not of the type `Bearer`")
        self._token, self._until = Secret(token), time.monotonic() + _usable(said.get("expires_in"))

    def _call(self) -> Call:
        one = self._settings
        name = one.client_id.reveal() if isinstance(one.client_id, Secret) else one.client_id
        form = {"grant_type": "client_credentials", "scope": one.scope, "audience": one.audience}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if one.auth_method == "client_secret_basic":
            headers["authorization"] = _basic(quote_plus(name), quote_plus(one.client_secret.reveal()))
        else:
            form |= {"client_id": name, "client_secret": one.client_secret.reveal()}
        content = urlencode({key: value for key, value in form.items() if value is not None}).encode()
        return Call("POST", self._address, headers=headers, content=content)


def login(config: RestConfig, exchange: Callable[[Call, Limits], Answer], seconds: float) -> Login:
    """Return how an API is logged in to; raise ConnectorError where the configuration says it in two ways."""
    found = config.credentials
    if found is None:
        return Fixed(config, None)
    if config.bearer_token is not None or config.basic_password is not None:
        help = "leave out `credentials`, or `bearer_token` and `basic_password`"
        raise ConnectorError("auth", "the API's login is given twice", help)
    if isinstance(found, OAuth2Credentials):
        return OAuth2(found, exchange, seconds)
    if not isinstance(found, StaticCredentials) or not (found.token or (found.user and found.password)):
        help = "it takes `oauth2`, or `static` with `token`, or with `user` and `password`"
        raise ConnectorError("auth", "the API cannot be logged in to with these `credentials`", help)
    return Fixed(config, found)


def _token_address(address: str | None) -> str:
    """Return where tokens are given: over TLS, unless that is this machine; raise ConnectorError."""
    parts = urlsplit(address or "")
    host = parts.hostname or ""
    if not host or parts.username or parts.password or parts.scheme not in ("http", "https"):
        raise ConnectorError("auth", "`token_url` must be `https://host/path`, without a user")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConnectorError("auth", "`token_url` must begin with `https://`: the client's secret is sent there")
    return address or ""


def _refusal(name: str, status: int, said: Mapping[str, Any]) -> ConnectorError:
    if status == 429:
        return ConnectorError("rate_limited", f"{name}: the token server answered {status}")
    if status >= 500:
        return ConnectorError("server_error", f"{name}: the token server answered {status}")
    code = said.get("error")
    known = code if isinstance(code, str) and code in _REFUSED else ""
    return ConnectorError(
        "auth",
        f"{name}: the token server refused the client with {status}" + (f", `{known}`" if known else ""),
        _REFUSED.get(known, "check `token_url`, `client_id` and `client_secret`"),
    )


def _read(content: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _usable(expires_in: Any) -> float:
    """Return for how many seconds a token is used; one that does not say when it ends, until it is refused."""
    try:
        life = float(expires_in)
    except (TypeError, ValueError):
        return float("inf")
    return life - min(_MARGIN, life / 10)


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
