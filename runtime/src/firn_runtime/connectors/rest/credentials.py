"""As whom an API is asked: what each request carries.

A secret is revealed where a request is made, and is in no message.
"""

from collections.abc import Mapping
from math import inf
from typing import NamedTuple, Protocol

from firn_runtime.connectors.credentials.bearer import MARGIN
from firn_runtime.connectors.credentials.identity import Machine
from firn_runtime.connectors.credentials.issued import Kept
from firn_runtime.connectors.credentials.oauth2 import ClientCredentials, Exchange, basic
from firn_runtime.errors import ConnectorError
from firn_schemas.connectors.rest import RestConfig
from firn_schemas.credentials import OAuth2Credentials, ServiceAccountCredentials, StaticCredentials
from firn_schemas.secret import Secret


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
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token.reveal()}"
        elif self._password is not None:
            headers["authorization"] = basic(self._user(), self._password.reveal())
        return _with_key(self._config, headers)

    def renew(self, refused: Carried) -> bool:
        """Say that there is nothing better."""
        del refused
        return False


class Bearer:
    """A token that is kept fresh: all requests carry the same one, until it ends or is refused."""

    def __init__(self, config: RestConfig, tokens: Kept[Secret]) -> None:
        self._config, self._tokens = config, tokens

    def carried(self) -> Carried:
        """Return a token that holds; raise ConnectorError where there is none."""
        return _with_key(self._config, {"authorization": f"Bearer {self._tokens().reveal()}"})

    def renew(self, refused: Carried) -> bool:
        """Give up the token that was refused, unless another request has renewed it by now."""
        used = refused.headers.get("authorization")
        self._tokens.give_up(lambda token: f"Bearer {token.reveal()}" == used)
        return True


def _with_key(config: RestConfig, headers: dict[str, str]) -> Carried:
    """Add the API's key, which may stand beside every login."""
    if config.api_key is None:
        return Carried(headers)
    key = {config.api_key_name: config.api_key.reveal()}
    return Carried(headers | key) if config.api_key_in == "header" else Carried(headers, key)


def login(config: RestConfig, exchange: Exchange, seconds: float, machine: Machine, *, renews: bool = True) -> Login:
    """Return how an API is logged in to; raise ConnectorError where the configuration says it in two ways.

    A token that is not one that `renews` is used until it is refused.
    """
    found = config.credentials
    if found is None:
        return Fixed(config, None)
    if config.bearer_token is not None or config.basic_password is not None:
        help = "leave out `credentials`, or `bearer_token` and `basic_password`"
        raise ConnectorError("auth", "the API's login is given twice", help)
    if isinstance(found, OAuth2Credentials):
        ask = ClientCredentials(found, exchange, seconds)
        issue = ask if renews else lambda: ask()._replace(seconds=inf)
        return Bearer(config, Kept(issue, machine.learn, MARGIN))
    if isinstance(found, ServiceAccountCredentials):
        from firn_runtime.connectors.credentials.service_account import bearer_tokens

        return Bearer(config, bearer_tokens(found, machine))
    if not isinstance(found, StaticCredentials) or not (found.token or (found.user and found.password)):
        help = "it takes `oauth2`, `service_account`, or `static` with `token`, or with `user` and `password`"
        raise ConnectorError("auth", "the API cannot be logged in to with these `credentials`", help)
    return Fixed(config, found)
