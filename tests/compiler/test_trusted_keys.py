"""The keys that a platform trusts become part of the artifact; and what a flow may say on an enterprise platform."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from compiler.projects import FLOW, PLATFORM, compiled
from firn_compiler.pipeline import Compilation
from firn_schemas.connectors import CONNECTORS
from firn_schemas.credentials import Credentials
from firn_schemas.decode import endpoints, hints, spelling
from firn_schemas.public_key import public_keys


def openssl(words: str, given: str = "") -> str:
    return subprocess.run(
        f"openssl {words}", shell=True, input=given, capture_output=True, text=True, check=True
    ).stdout


PRIVATE = openssl("genpkey -algorithm ed25519")
ED = openssl("pkey -pubout", PRIVATE)
P256 = openssl("pkey -pubout", openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"))


def trusting(*keys: str, files: dict[str, str] | None = None) -> Compilation:
    security = json.dumps({"mode": "enterprise", "trusted_keys": keys})
    return compiled(platform=f"{PLATFORM}security: {security}\n", files=files)


def frozen(compilation: Compilation) -> Any:
    assert compilation.artifact is not None, compilation.diagnostics
    return json.loads(compilation.artifact)["payload"]["security"].get("trusted_keys")


def test_files_of_keys_and_keys_stand_in_the_artifact_in_one_spelling() -> None:
    loose = ED.replace("\n", "\r\n")
    found = frozen(trusting("keys/both.pub", loose, files={"keys/both.pub": P256 + ED}))
    assert found == [P256, ED, ED]


def test_without_any_the_artifact_says_nothing() -> None:
    assert frozen(trusting()) is None


def test_a_file_is_named_from_the_folder_of_the_file_that_names_it(tmp_path: Any) -> None:
    from firn_compiler.pipeline import compile_project
    from firn_compiler.sources import project_request

    for name, text in {
        "base/platform.yaml": PLATFORM + "security: {mode: enterprise, trusted_keys: [release.pub]}\n",
        "base/release.pub": ED,
        "prod/platform.yaml": 'version: "1.0.0"\nextends: ../base/platform.yaml\n',
        "flow.yaml": FLOW,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    request, _ = project_request([str(tmp_path / "flow.yaml")], str(tmp_path / "prod/platform.yaml"), None, {})
    assert frozen(compile_project(request)) == [ED]


@pytest.mark.parametrize(
    ("keys", "files"),
    [
        (["missing.pub"], {}),
        (["/etc/release.pub"], {"/etc/release.pub": ED}),
        (["~/release.pub"], {"~/release.pub": ED}),
        (["release.pem"], {"release.pem": PRIVATE}),
        (["release.pub"], {"release.pub": ""}),
        (["release.pub"], {"release.pub": "not a key"}),
        (["release.pub"], {"release.pub": ED + "\u20ac"}),
        ([ED[:-30]], {}),
    ],
)
def test_what_is_no_public_key_is_refused_at_its_place_and_never_shown(keys: list[str], files: dict[str, str]) -> None:
    answer = trusting(*keys, files=files)
    (found,) = answer.diagnostics
    assert (found.code, found.path, found.span.line) == ("E712", "security.trusted_keys[0]", 7)
    shown = str(answer.diagnostics)
    assert not any(line in shown for line in PRIVATE.splitlines() if "---" not in line)


def test_a_private_key_in_the_platform_itself_is_a_secret_in_a_file() -> None:
    answer = trusting(PRIVATE)
    assert {one.code for one in answer.diagnostics} >= {"E604"}
    body = "".join(PRIVATE.splitlines()[1:-1])
    assert body not in str(answer.diagnostics) + str(answer.texts)


def test_a_list_of_something_else_is_refused_by_its_type() -> None:
    platform = PLATFORM + "security: {mode: enterprise, trusted_keys: [7, [a], {b: c}]}\n"
    assert {one.code for one in compiled(platform=platform).diagnostics} == {"E202"}


def test_keys_that_openssl_made_are_told_apart() -> None:
    assert [key.kind for key in public_keys(ED + P256)] == ["ed25519", "ecdsa-p256"]


WHERE = frozenset(
    [
        *(
            "host",
            "port",
            "base_url",
            "url",
            "uri",
            "endpoint",
            "server",
            "share",
            "bucket",
            "root",
            "path",
            "warehouse",
        ),
        *(
            "user",
            "basic_user",
            "domain",
            "from_addr",
            "role_arn",
            "region",
            "proxy",
            "token_url",
            "known_hosts",
            "tls",
        ),
        *("sslmode", "ssl_mode", "ssl_ca", "sslrootcert", "ca_file", "verify", "encrypt", "allow_private_hosts"),
        *("host_key", "host_keys", "fingerprint", "fingerprints", "sign", "signing", "starttls", "allowed", "auth"),
    ]
)
"""Words by which settings say where, as whom, and on what proof."""


def settings() -> Iterator[tuple[str, str, type]]:
    for (kind, driver), row in CONNECTORS.items():
        for part, record in (("config", row.config), ("options", row.options)):
            for field in fields(record):
                yield f"{kind}/{driver} {part}.{spelling(field)}", spelling(field), record


def test_every_setting_that_says_where_or_as_whom_is_the_enterprise_platforms_alone() -> None:
    for place, name, record in settings():
        assert name in endpoints(record) or name not in WHERE, place


def test_every_setting_that_takes_a_secret_or_credentials_is_too() -> None:
    secret = [place for place, name, record in settings() if hints(record)[name] == Credentials | None]
    assert secret
    for place, name, record in settings():
        if place in secret or "Secret" in str(hints(record).get(name)):
            assert name in endpoints(record), place
