"""Client credentials against a certified OAuth 2.0 server, and an API that asks that server about each token."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest

from firn_runtime.errors import ConnectorError
from firn_schemas.secret import Secret
from runtime.connectors.server import Answer, Api, Asked, serving
from runtime.workbench import Workbench, connector
from servers import oidc

pytestmark = pytest.mark.skipif(bool(oidc.missing()), reason=oidc.missing())

Make = Callable[..., Workbench]
METHODS = ["client_secret_basic", "client_secret_post"]
PATH = {"resource": "api", "path": "/items"}


@contextmanager
def guarded() -> Iterator[Api]:
    """Serve an API that takes tokens which the server says are active and for the scope."""
    server = oidc.server()

    def answer(asked: Asked) -> Answer:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        known = (METHODS[0], quote_plus(server.secret))
        said = httpx.post(f"{server.url}/token/introspection", data={"token": token}, auth=known).json()
        return Answer([{"id": 1}]) if said["active"] and said["scope"] == "orders:read" else Answer({}, 401)

    with serving(answer) as api:
        yield api


def made(api: Api, client: str, secret: str, **more: str) -> Any:
    credentials = {"mode": "oauth2", "client_id": client, "client_secret": Secret(secret), "auth_method": client}
    credentials |= {"token_url": f"{oidc.server().url}/token", "scope": "orders:read"} | more
    return connector("rest", "httpx", base_url=api.url, credentials=credentials)


@pytest.mark.parametrize("method", METHODS)
def test_a_certified_server_gives_a_token_that_holds(bench: Make, method: str) -> None:
    with guarded() as api:
        work = bench(api=made(api, method, oidc.server().secret))
        for _ in range(2):
            work.do("read", PATH)
    assert len({one.headers["authorization"] for one in api.asked}) == 1


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_secret_is_a_failed_login(bench: Make, method: str) -> None:
    with guarded() as api, pytest.raises(ConnectorError) as caught:
        bench(api=made(api, method, "canary-wrong-secret")).do("read", PATH)
    assert (caught.value.error_class, api.asked) == ("auth", [])
    assert caught.value.message == "POST /token: the token server refused the client with 401, `invalid_client`"


def test_a_scope_that_the_client_may_not_have_is_named(bench: Make) -> None:
    with guarded() as api, pytest.raises(ConnectorError) as caught:
        bench(api=made(api, METHODS[0], oidc.server().secret, scope="orders:write")).do("read", PATH)
    assert (caught.value.message.rpartition(", ")[2], caught.value.help) == ("`invalid_scope`", "check `scope`")
