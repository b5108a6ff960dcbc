"""Workload identities of Google Cloud and Azure: what is asked of whom, byte for byte, and what may go wrong."""

import json
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from firn_runtime.cancel import Ended, Token, working_for
from firn_runtime.connector import RunFacts
from firn_runtime.connectors.credentials import azure, google
from firn_runtime.connectors.credentials.identity import Machine
from firn_runtime.connectors.credentials.service_account import PROVIDERS
from firn_runtime.errors import ConnectorError
from firn_runtime.events import Failure
from firn_schemas.credentials import ServiceAccountCredentials
from firn_schemas.decode import decode
from firn_schemas.secret import Secret
from runtime.connectors.server import Answer as Reply
from runtime.connectors.server import Asked, serving
from runtime.workbench import Workbench, connector
from servers.answers import Answer, Told, answering

Make = Callable[..., Workbench]

CANARY = "canary-5d01"
CLOUD = "https://www.googleapis.com/auth/cloud-platform"
FLAVOR = {"metadata-flavor": "Google"}
FORM = "application/x-www-form-urlencoded"
LOADER = "loader@example.iam.gserviceaccount.com"
AUDIENCE = "//iam.googleapis.com/projects/7/locations/global/workloadIdentityPools/pool/providers/cluster"
TOKEN = {"access_token": f"{CANARY}-token", "token_type": "Bearer", "expires_in": 3599}


def said(body: Any, status: int = 200, headers: Mapping[str, str] = FLAVOR) -> Answer:
    return Answer(status, json.dumps(body).encode(), headers)


class Pod:
    """Where an identity comes from, and what of it became known to the redactor."""

    def __init__(self, base: Path = Path(), /, **environ: str) -> None:
        self.learned: list[str] = []
        self.machine = Machine(environ, base, lambda one: self.learned.append(one.reveal()))

    def issued(self, provider: str, **settings: Any) -> tuple[str, float]:
        assert self.machine.environ.keys() <= set(PROVIDERS[provider].ambient)
        wanted = decode(ServiceAccountCredentials, {"mode": "service_account", "provider": provider, **settings})
        found = PROVIDERS[provider].issue(wanted, self.machine)
        return found.value.reveal(), found.seconds

    def refused(self, provider: str, error_class: str = "auth", **settings: Any) -> ConnectorError:
        with pytest.raises(ConnectorError) as caught:
            self.issued(provider, **settings)
        shown = "".join(traceback.TracebackException.from_exception(caught.value).format())
        assert CANARY not in f"{caught.value.message}{caught.value.help}{shown}"
        assert caught.value.error_class == error_class
        return caught.value


def host(server: Told) -> str:
    return server.url.removeprefix("http://")


def form(asked: Any) -> dict[str, str]:
    assert asked.headers["content-type"] == FORM
    return dict(parse_qsl(asked.body.decode(), strict_parsing=True))


# Google Cloud: the metadata server


def test_a_pod_of_gke_asks_the_metadata_server() -> None:
    with answering(said(TOKEN)) as server:
        found = Pod(GCE_METADATA_HOST=host(server)).issued("gcp")
    (asked,) = server.asked
    assert found == (f"{CANARY}-token", 3599)
    assert (asked.method, asked.body) == ("GET", b"")
    assert asked.target == f"/computeMetadata/v1/instance/service-accounts/default/token?scopes={CLOUD}"
    assert asked.headers == {"host": host(server), "metadata-flavor": "Google"}


def test_several_scopes_are_one_parameter_of_the_metadata_server() -> None:
    with answering(said(TOKEN)) as server:
        Pod(GCE_METADATA_HOST=host(server)).issued("gcp", scope="https://a/x https://a/y")
    assert server.asked[0].target.endswith("/token?scopes=https://a/x,https://a/y")


@pytest.mark.parametrize("flavor", [{}, {"metadata-flavor": "Other"}])
def test_an_answer_without_the_flavor_is_not_the_metadata_server_s(flavor: dict[str, str]) -> None:
    with answering(said(TOKEN, headers=flavor)) as server:
        error = Pod(GCE_METADATA_HOST=host(server)).refused("gcp")
    assert error.message == f"`{host(server)}` is not Google's metadata server: its answer lacks the flavor"


def test_a_redirect_of_the_metadata_server_is_not_followed() -> None:
    with answering(Answer(302, b"", FLAVOR | {"location": "/elsewhere"})) as server:
        error = Pod(GCE_METADATA_HOST=host(server)).refused("gcp")
    assert (error.message, len(server.asked)) == ("Google's metadata server refused the client with 302", 1)


@pytest.mark.parametrize("name", ["evil.example.com/x?", "a b", "user@host", "[::1"])
def test_the_metadata_server_s_host_is_a_host(name: str) -> None:
    assert "is not a host" in Pod(GCE_METADATA_HOST=name).refused("gcp").message


@pytest.mark.parametrize(
    ("answer", "error_class", "message"),
    [
        (said({"error": CANARY}, 404), "auth", "refused the client with 404"),
        (said({}, 429), "rate_limited", "answered 429"),
        (said({}, 503), "server_error", "answered 503"),
        (Answer(200, b"<html>hello</html>", FLAVOR), "auth", "gave no token"),
        (said({"access_token": CANARY, "token_type": "mac"}), "auth", "not of the type `Bearer`"),
        (said({"access_token": f"{CANARY}\r\nx", "token_type": "Bearer"}), "auth", "gave no token"),
        (Answer(200, b" " * 70_000, FLAVOR), "data", "larger than 64 KiB"),
        (Answer(200, b"{}", FLAVOR | {"content-length": "9"}, cut=2), "connection", "broke"),
    ],
)
def test_what_the_metadata_server_answers_instead_has_its_class(answer: Answer, error_class: str, message: str) -> None:
    with answering(answer) as server:
        error = Pod(GCE_METADATA_HOST=host(server)).refused("gcp", error_class)
    assert message in error.message
    assert error.message.startswith("Google's metadata server")


def test_a_metadata_server_that_is_not_there_is_a_connection_error() -> None:
    error = Pod(GCE_METADATA_HOST="127.0.0.1:9").refused("gcp", "connection")
    assert error.message == "Google's metadata server: nothing answers at `127.0.0.1`, port 9"


@pytest.mark.parametrize(
    ("expires_in", "seconds"), [("3599", 3599), (-1, 0), ("soon", float("inf")), (None, float("inf"))]
)
def test_a_token_s_life_is_read_however_it_is_spelled(expires_in: Any, seconds: float) -> None:
    with answering(said(TOKEN | {"expires_in": expires_in})) as server:
        assert Pod(GCE_METADATA_HOST=host(server)).issued("gcp")[1] == seconds


# Google Cloud: another account


def test_another_account_is_acted_as() -> None:
    end = (datetime.now(UTC) + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
    given = {"accessToken": f"{CANARY}-other", "expireTime": end}
    with answering(said(TOKEN)) as metadata, answering(said(given)) as acting:
        pod = Pod(GCE_METADATA_HOST=host(metadata))
        wanted = ServiceAccountCredentials(
            mode="service_account", provider="gcp", account=LOADER, scope="https://a/x https://a/y"
        )
        found = google.issue(wanted, pod.machine, acting.url)
    assert metadata.asked[0].target.endswith(f"/token?scopes={CLOUD}")
    (asked,) = acting.asked
    assert (asked.method, asked.target) == ("POST", f"/v1/projects/-/serviceAccounts/{LOADER}:generateAccessToken")
    assert asked.headers["authorization"] == f"Bearer {CANARY}-token"
    assert asked.headers["content-type"] == "application/json"
    assert json.loads(asked.body) == {"scope": ["https://a/x", "https://a/y"]}
    assert (found.value.reveal(), 1700 < found.seconds <= 1801) == (f"{CANARY}-other", True)
    assert pod.learned == [f"{CANARY}-token"]


def test_an_account_that_may_not_be_acted_as_is_an_error_without_its_text() -> None:
    no = {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": CANARY}}
    with answering(said(TOKEN)) as metadata, answering(said(no, 403)) as acting:
        wanted = ServiceAccountCredentials(mode="service_account", provider="gcp", account=LOADER)
        with pytest.raises(ConnectorError) as caught:
            google.issue(wanted, Pod(GCE_METADATA_HOST=host(metadata)).machine, acting.url)
    assert caught.value.message == "Google's `generateAccessToken` refused the client with 403"
    assert "token creator" in caught.value.help


@pytest.mark.parametrize("account", ["x/y", "a@b:generateIdToken?", "", "a b@c"])
def test_an_account_is_an_address(account: str) -> None:
    assert "`account` is not" in Pod(GCE_METADATA_HOST="127.0.0.1:9").refused("gcp", account=account).message


# Google Cloud: a federated identity


def federation(folder: Path, service: str, **more: Any) -> Pod:
    """Write what `gcloud` writes for a pod whose token is in a file."""
    (folder / "token").write_text(f"{CANARY}-jwt\n")
    source = {
        "type": "external_account",
        "audience": AUDIENCE,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": service,
        "credential_source": {"file": "token"},
    }
    (folder / "gcp.json").write_text(json.dumps(source | more))
    return Pod(folder, GOOGLE_APPLICATION_CREDENTIALS="gcp.json")


def test_a_federated_identity_exchanges_its_token(tmp_path: Path) -> None:
    with answering(said(TOKEN)) as service:
        pod = federation(tmp_path, f"{service.url}/v1/token")
        assert pod.issued("gcp", scope="https://a/x https://a/y") == (f"{CANARY}-token", 3599)
    (asked,) = service.asked
    assert (asked.method, asked.target, "authorization" in asked.headers) == ("POST", "/v1/token", False)
    assert form(asked) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "audience": AUDIENCE,
        "scope": "https://a/x https://a/y",
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "subject_token": f"{CANARY}-jwt",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    }
    assert pod.learned == [f"{CANARY}-jwt"]


def test_a_federated_identity_acts_as_the_account_that_its_file_names(tmp_path: Path) -> None:
    given = {"accessToken": f"{CANARY}-other", "expireTime": "2999-01-01T00:00:00Z"}
    with answering(said(TOKEN)) as service, answering(said(given)) as acting:
        url = f"{acting.url}/v1/projects/-/serviceAccounts/{LOADER}:generateAccessToken"
        pod = federation(tmp_path, f"{service.url}/v1/token", service_account_impersonation_url=url)
        assert pod.issued("gcp", scope="https://a/x")[0] == f"{CANARY}-other"
    assert form(service.asked[0])["scope"] == CLOUD
    assert json.loads(acting.asked[0].body) == {"scope": ["https://a/x"]}


def test_a_token_may_stand_in_a_json_file_and_is_read_anew_each_time(tmp_path: Path) -> None:
    place = {"file": "token.json", "format": {"type": "json", "subject_token_field_name": "jwt"}}
    with answering(said(TOKEN)) as service:
        pod = federation(tmp_path, f"{service.url}/v1/token", credential_source=place)
        for word in ("first", "second"):
            (tmp_path / "token.json").write_text(json.dumps({"jwt": word}))
            pod.issued("gcp")
        (tmp_path / "token.json").write_text(f'{{"other": "{CANARY}"}}')
        assert pod.refused("gcp").message == "`jwt` in the file `token.json` is empty"
    assert [form(one)["subject_token"] for one in service.asked] == ["first", "second"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"type": "service_account", "private_key": CANARY}, "names the key file of a service account"),
        ({"type": "authorized_user", "refresh_token": CANARY}, "does not describe a federated identity"),
        ({"audience": None}, "does not describe a federated identity"),
        ({"credential_source": {"executable": {"command": "x"}}}, "takes its token from elsewhere than a file"),
        ({"credential_source": {"url": "http://169.254.169.254/"}}, "takes its token from elsewhere than a file"),
        ({"credential_source": {"environment_id": "aws1"}}, "takes its token from elsewhere than a file"),
        ({"credential_source": {"file": "none"}}, "`none` cannot be read: no such file"),
        ({"token_url": "http://sts.example.com/v1/token"}, "`token_url` must begin with `https://`"),
        ({"service_account_impersonation_url": "http://x.example.com/"}, "must begin with `https://`"),
    ],
)
def test_a_file_that_is_of_another_kind_is_refused(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    assert message in federation(tmp_path, "http://127.0.0.1:9/v1/token", **more).refused("gcp").message


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"x" * 70_000])
def test_a_file_that_is_no_document_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "gcp.json").write_bytes(content)
    pod = Pod(tmp_path, GOOGLE_APPLICATION_CREDENTIALS="gcp.json")
    assert "`gcp.json`" in pod.refused("gcp").message


def test_a_token_that_the_pool_does_not_take_is_an_error_without_its_text(tmp_path: Path) -> None:
    with answering(said({"error": "invalid_grant", "error_description": CANARY}, 400)) as service:
        error = federation(tmp_path, f"{service.url}/v1/token").refused("gcp")
    assert error.message == "Google's token service refused the client with 400, `invalid_grant`"
    assert "issuer" in error.help


def test_an_exchange_that_hangs_ends_with_the_step() -> None:
    asked, done, token = threading.Event(), threading.Event(), Token()

    def hang(_: Asked) -> Reply:
        asked.set()
        done.wait(30)
        return Reply(TOKEN)

    def work(pod: Pod) -> None:
        with working_for(token):
            pod.issued("gcp")

    with serving(hang) as api, ThreadPoolExecutor(1) as pool:
        working = pool.submit(work, Pod(GCE_METADATA_HOST=api.url.removeprefix("http://")))
        asked.wait(30)
        token.cancel(Failure("R302", "timeout", "too long"))
        with pytest.raises(Ended):
            working.result(30)
        done.set()


# Azure: a federated token


STORAGE = "https://storage.azure.com/.default"


def aks(folder: Path, authority: str) -> Pod:
    (folder / "token").write_text(f"{CANARY}-jwt")
    return Pod(
        folder,
        AZURE_AUTHORITY_HOST=authority,
        AZURE_CLIENT_ID="client-1",
        AZURE_FEDERATED_TOKEN_FILE="token",
        AZURE_TENANT_ID="tenant-1",
    )


def test_a_pod_of_aks_shows_its_token(tmp_path: Path) -> None:
    with answering(said(TOKEN)) as entra:
        pod = aks(tmp_path, f"{entra.url}/")
        assert pod.issued("azure", scope=STORAGE) == (f"{CANARY}-token", 3599)
    (asked,) = entra.asked
    assert (asked.method, asked.target) == ("POST", "/tenant-1/oauth2/v2.0/token")
    assert form(asked) == {
        "grant_type": "client_credentials",
        "client_id": "client-1",
        "scope": STORAGE,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": f"{CANARY}-jwt",
    }
    assert pod.learned == [f"{CANARY}-jwt"]


def test_the_platform_s_tenant_and_client_come_before_the_pod_s(tmp_path: Path) -> None:
    with answering(said(TOKEN)) as entra:
        aks(tmp_path, entra.url).issued("azure", scope=STORAGE, tenant_id="t2", client_id="c2")
    assert (entra.asked[0].target, form(entra.asked[0])["client_id"]) == ("/t2/oauth2/v2.0/token", "c2")


def test_what_entra_refuses_is_told_by_its_code_and_number(tmp_path: Path) -> None:
    no = {"error": "invalid_client", "error_codes": [700213, CANARY], "error_description": f"AADSTS700213: {CANARY}"}
    with answering(said(no, 401)) as entra:
        error = aks(tmp_path, entra.url).refused("azure", scope=STORAGE)
    assert error.message == "Microsoft Entra ID refused the client with 401, `invalid_client` (AADSTS700213)"
    assert "service account" in error.help


@pytest.mark.parametrize("numbers", [None, [], [CANARY], [True], {}])
def test_a_number_that_is_none_is_not_shown(tmp_path: Path, numbers: Any) -> None:
    with answering(said({"error": CANARY, "error_codes": numbers}, 400)) as entra:
        error = aks(tmp_path, entra.url).refused("azure", scope=STORAGE)
    assert error.message == "Microsoft Entra ID refused the client with 400"


@pytest.mark.parametrize(
    ("environ", "settings", "message"),
    [
        ({"AZURE_TENANT_ID": ""}, {}, "`tenant_id` is not known"),
        ({"AZURE_CLIENT_ID": ""}, {}, "`client_id` is not known"),
        ({}, {"tenant_id": "t/../../x?"}, "`tenant_id` is not an identifier"),
        ({"AZURE_AUTHORITY_HOST": "http://login.example.com"}, {}, "`AZURE_AUTHORITY_HOST` must begin with `https://`"),
        ({"AZURE_FEDERATED_TOKEN_FILE": "none"}, {}, "`none` cannot be read"),
        ({}, {"scope": None}, "needs a `scope`"),
    ],
)
def test_what_a_pod_of_aks_lacks_is_named(
    tmp_path: Path, environ: dict[str, str], settings: dict[str, Any], message: str
) -> None:
    whole = aks(tmp_path, "http://127.0.0.1:9")
    pod = Pod(tmp_path, **{**whole.machine.environ, **environ})
    assert message in pod.refused("azure", **{"scope": STORAGE, **settings}).message


# Azure: a managed identity


@pytest.mark.parametrize(("client", "more"), [(None, ""), ("client-1", "&client_id=client-1")])
def test_a_machine_of_azure_asks_its_metadata_service(client: str | None, more: str) -> None:
    with answering(said(TOKEN | {"expires_in": "3599", "refresh_token": ""})) as server:
        pod = Pod(AZURE_POD_IDENTITY_AUTHORITY_HOST=server.url)
        assert pod.issued("azure", scope=STORAGE, client_id=client) == (f"{CANARY}-token", 3599)
    (asked,) = server.asked
    assert (asked.method, asked.body) == ("GET", b"")
    resource = "https%3A%2F%2Fstorage.azure.com"
    assert asked.target == f"/metadata/identity/oauth2/token?api-version=2018-02-01&resource={resource}{more}"
    assert asked.headers == {"host": host(server), "metadata": "true"}


def test_a_machine_without_an_identity_is_told_so() -> None:
    with answering(said({"error": "invalid_request", "error_description": CANARY}, 400)) as server:
        error = Pod(AZURE_POD_IDENTITY_AUTHORITY_HOST=server.url).refused("azure", scope=STORAGE)
    assert error.message == "Azure's metadata service refused the client with 400, `invalid_request`"
    assert error.help.startswith("give this machine a managed identity")


# As an API's login


def api_with(**credentials: Any) -> Any:
    return lambda url: connector("rest", "httpx", base_url=url, credentials={"mode": "service_account", **credentials})


@pytest.mark.parametrize(("provider", "variable"), [("gcp", "GCE_METADATA_HOST"), ("azure", "AZURE_CLIENT_ID")])
def test_only_the_provider_s_variables_are_looked_at(provider: str, variable: str) -> None:
    made = api_with(provider=provider, scope=STORAGE)("http://127.0.0.1:9")
    assert variable in made.ambient
    assert set(made.ambient) == set({"gcp": google, "azure": azure}[provider].AMBIENT)
    assert connector("rest", "httpx", base_url="http://127.0.0.1:9", bearer_token=Secret("x")).ambient == ()


def test_an_api_is_asked_with_one_token_that_is_renewed_once_after_a_refusal(bench: Make) -> None:
    learned: list[str] = []

    def answer(asked: Asked) -> Reply:
        return Reply([{"id": 1}]) if asked.headers["authorization"].endswith("-2") else Reply({}, 401)

    tokens = (said(TOKEN | {"access_token": f"{CANARY}-{number}"}) for number in (1, 2, 3))
    with answering(*tokens) as metadata, serving(answer) as api:
        made = api_with(provider="gcp")(api.url)
        made.inherited = {"GCE_METADATA_HOST": host(metadata)}
        made.facts = RunFacts(learn=lambda one: learned.append(one.reveal()))
        work = bench(api=made)
        for _ in range(2):
            work.do("read", {"resource": "api", "path": "/items"})
    assert (len(metadata.asked), len(api.asked)) == (2, 3)
    assert learned == [f"{CANARY}-1", f"{CANARY}-2"]


def test_an_api_that_refuses_the_new_token_too_is_a_failed_login(bench: Make) -> None:
    with answering(said(TOKEN)) as metadata, serving(lambda asked: Reply({}, 401)) as api:
        made = api_with(provider="gcp")(api.url)
        made.inherited = {"GCE_METADATA_HOST": host(metadata)}
        with pytest.raises(ConnectorError) as caught:
            bench(api=made).do("read", {"resource": "api", "path": "/items"})
    assert (caught.value.error_class, caught.value.message) == ("auth", "GET /items: the API answered 401")
    assert (len(metadata.asked), len(api.asked)) == (2, 2)


@pytest.mark.parametrize(
    ("settings", "environ", "message"),
    [
        ({"provider": "gcp"}, {"GOOGLE_APPLICATION_CREDENTIALS": "none.json"}, "the file `none.json` cannot be read"),
        (
            {"provider": "azure", "scope": STORAGE},
            {"AZURE_FEDERATED_TOKEN_FILE": "none", "AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"},
            "the file `none` cannot be read",
        ),
    ],
)
def test_a_login_that_would_fail_is_seen_before_a_run(
    settings: dict[str, Any], environ: dict[str, str], message: str
) -> None:
    with serving(lambda asked: Reply([])) as api:
        made = api_with(**settings)(api.url)
        made.inherited = environ
        _, login = made.probe(())
    assert (login.check, login.status, login.message.startswith(message)) == ("login", "failed", True)
