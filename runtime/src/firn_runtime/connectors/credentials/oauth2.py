"""OAuth 2.0 client credentials (RFC 6749, section 4.4): one exchange for one token. `issued` keeps it fresh."""

import base64
from collections.abc import Callable
from urllib.parse import quote_plus, urlencode

from firn_runtime.connectors.credentials.bearer import FORM, LARGEST, Issuer, secure, token
from firn_runtime.connectors.credentials.issued import Issued
from firn_runtime.connectors.http.client import Answer, Call, Limits
from firn_schemas.credentials import OAuth2Credentials
from firn_schemas.secret import Secret

Exchange = Callable[[Call, Limits], Answer]
"""Sends a call once. It must not follow redirects: they would carry the client's secret."""

_REFUSED = {
    "invalid_client": "check `client_id` and `client_secret`; some servers want `auth_method: client_secret_post`",
    "invalid_grant": "the server does not grant it to this client",
    "invalid_request": "some servers need a `scope` or an `audience`",
    "invalid_scope": "check `scope`",
    "invalid_target": "check `audience`",
    "unauthorized_client": "the client may not use client credentials",
    "unsupported_grant_type": "the server does not know client credentials",
}


class ClientCredentials:
    """Asks for a token each time it is called; raises ConnectorError, also for a `token_url` that is not secure."""

    def __init__(self, settings: OAuth2Credentials, exchange: Exchange, seconds: float) -> None:
        self._settings, self._exchange = settings, exchange
        self._limits = Limits(seconds, LARGEST, "a token server's may be")
        self._address = secure(settings.token_url, "token_url")

    def __call__(self) -> Issued[Secret]:
        """Return a new token."""
        call = self._call()
        answer = self._exchange(call, self._limits)
        help = "check `token_url`, `client_id` and `client_secret`"
        return token(Issuer(f"{call.name}: the token server", help, _REFUSED), answer.status, answer.content)

    def _call(self) -> Call:
        one = self._settings
        name = one.client_id.reveal() if isinstance(one.client_id, Secret) else one.client_id
        form = {"grant_type": "client_credentials", "scope": one.scope, "audience": one.audience}
        headers = dict(FORM)
        if one.auth_method == "client_secret_basic":
            headers["authorization"] = basic(quote_plus(name), quote_plus(one.client_secret.reveal()))
        else:
            form |= {"client_id": name, "client_secret": one.client_secret.reveal()}
        content = urlencode({key: value for key, value in form.items() if value is not None}).encode()
        return Call("POST", self._address, headers=headers, content=content)


def basic(user: str, password: str) -> str:
    """Return the header of HTTP basic authentication (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
