"""The contract kit: it lets a right connector pass, and says in one sentence what is wrong with any other."""

import json
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.api import ConnectorBase, ConnectorError
from firn_runtime.testing import CANARY, check_connector, check_errors, check_rows, made, manifest_rows
from firn_schemas.decode import DecodeError
from firn_schemas.plugins import BadManifest

MANIFEST: dict[str, Any] = {
    "format": "firn.plugin/1",
    "connectors": [
        {
            "kind": "acme",
            "driver": "one",
            "can": ["readable"],
            "config": {
                "required": ["host", "token"],
                "properties": {"host": {"type": "string"}, "token": {"writeOnly": True}},
            },
        }
    ],
}
CONFIG = {"host": "localhost", "token": "x"}


class Right(ConnectorBase[Any, Any]):
    def connect(self) -> None:
        """Open it."""

    def close(self) -> None:
        """Close it."""

    def read(self, inputs: Any, context: Any) -> Any:
        yield {"id": 1}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    (tmp_path / "firn-plugin.json").write_text(json.dumps(MANIFEST))
    return tmp_path / "firn-plugin.json"


def test_a_right_connector_passes(manifest: Path) -> None:
    check_connector(Right, manifest, "acme.one", CONFIG)


def positional(self: Any, config: Any, options: Any) -> None:
    self.config = config


def opens(self: Any, *, config: Any, options: Any) -> None:
    Path(__file__).read_text()


def connects(self: Any, *, config: Any, options: Any) -> None:
    import socket

    socket.create_connection((config.host, 1))


def once(self: Any) -> None:
    del self.config


@pytest.mark.parametrize(
    ("member", "value", "why"),
    [
        ("__init__", positional, "write `def __init__(self, *, config, options)`"),
        ("__init__", opens, "the constructor opens something"),
        ("__init__", connects, "the constructor opens something"),
        ("__repr__", lambda self: f"<{self.config.token.reveal()}>", "`repr` or `str` shows a secret"),
        ("__str__", lambda self: str(self.config.token.reveal()), "`repr` or `str` shows a secret"),
        ("close", once, "`close` raises AttributeError"),
    ],
)
def test_what_breaks_the_contract_is_said(manifest: Path, member: str, value: Any, why: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_connector(type("Wrong", (Right,), {member: value}), manifest, "acme.one", CONFIG)
    assert why in str(caught.value)
    assert CANARY not in str(caught.value)


def test_what_is_declared_has_to_be_there(manifest: Path) -> None:
    manifest.write_text(json.dumps(MANIFEST).replace('"readable"', '"readable", "writable"'))
    with pytest.raises(AssertionError, match="declares `writable`, and has no `write`"):
        check_connector(Right, manifest, "acme.one", CONFIG)
    with pytest.raises(AssertionError, match="the manifest has no connector"):
        check_connector(Right, manifest, "acme.two", CONFIG)


def test_settings_that_do_not_fit_the_manifest_and_a_manifest_that_is_none_are_told(manifest: Path) -> None:
    with pytest.raises(DecodeError, match=r"config\.hots: is not a known key"):
        check_connector(Right, manifest, "acme.one", {"hots": "x", "token": "x"})
    manifest.write_text("{}")
    with pytest.raises(BadManifest):
        manifest_rows(manifest)


def test_a_connector_is_made_as_a_run_makes_it(manifest: Path) -> None:
    one = made(Right, manifest_rows(manifest).connectors["acme", "one"], CONFIG)
    assert (one.config.host, str(one.config.token), one.config.token.reveal()) == ("localhost", "***", "x")


def raising(error: BaseException, cause: BaseException | None = None) -> Any:
    def act() -> None:
        raise error from cause

    return act


def test_an_error_is_a_connector_error_without_a_secret_or_a_cause() -> None:
    assert check_errors(raising(ConnectorError("auth", "no"))).error_class == "auth"
    for act, why in (
        (lambda: None, "did not fail"),
        (raising(ValueError(CANARY)), "raises ValueError, and must raise ConnectorError"),
        (raising(ConnectorError("auth", CANARY)), "shows a secret"),
        (raising(ConnectorError("auth", "no", CANARY)), "shows a secret"),
        (raising(ConnectorError("auth", "no"), ValueError()), "carries its cause"),
    ):
        with pytest.raises(AssertionError) as caught:
            check_errors(act)
        assert why in str(caught.value)
        assert CANARY not in str(caught.value)


def test_rows_are_streamed() -> None:
    assert check_rows(iter([{"id": 1}])) == [{"id": 1}]
    with pytest.raises(AssertionError, match="holds all rows at once"):
        check_rows([{"id": 1}])
    with pytest.raises(AssertionError, match="gave 0 rows"):
        check_rows(iter(()))
