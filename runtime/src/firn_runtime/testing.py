"""What the author of a plug-in calls from pytest: does a connector keep the contract of docs/plugins.md?

Each check raises AssertionError with one sentence. `check_connector` does those that need no server.
"""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from inspect import Parameter, signature
from pathlib import Path
from typing import Any
from unittest import mock

import orjson

from firn_runtime.connector import RunFacts
from firn_runtime.errors import ConnectorError
from firn_runtime.plugins.brought import immutable
from firn_runtime.plugins.loading import METHODS
from firn_schemas.connectors import Connector
from firn_schemas.decode import decode
from firn_schemas.plugins import Origin, Rows, rows
from firn_schemas.secret import Secret

__all__ = ["CANARY", "check_connector", "check_errors", "check_rows", "made", "manifest_rows"]

CANARY = "CANARY-5c1f8e07-in-a-secret"
"""The value of every secret that the kit makes: it must be seen nowhere."""


def manifest_rows(manifest: Path) -> Rows:
    """Return what a manifest brings; raise BadManifest where the compiler would refuse it."""
    return rows(manifest.read_bytes(), Origin("plugin", "0"), typed=True)


def made(connector: Any, row: Connector, config: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> Any:
    """Return a connector as a run makes it; raise DecodeError where the settings do not fit the manifest.

    A text in the place of a secret is one.
    """
    secrets = {field: Secret(value) for field, value in config.items() if _is_secret(row, field) and type(value) is str}
    settled: Any = immutable(decode(row.config, {**config, **secrets}, "config", from_text=True))
    how: Any = immutable(decode(row.options, dict(options or {}), "options", from_text=True))
    one = connector(config=settled, options=how)
    one.facts = RunFacts("flow", "run", Path(), lambda _: None)
    return one


def check_connector(
    connector: Any,
    manifest: Path,
    name: str,
    config: Mapping[str, Any],
    options: Mapping[str, Any] | None = None,
) -> None:
    """Check what can be checked without a server; `name` is `kind.driver`, `config` settings that fit.

    The manifest is valid and takes the settings. What it declares is there. The constructor takes `config` and
    `options` by keyword alone, opens neither files nor connections, and `repr` and `str` show no secret. `close` may be
    called without `connect`, and twice.
    """
    kind, _, driver = name.partition(".")
    row = manifest_rows(manifest).connectors.get((kind, driver))
    assert row is not None, f"the manifest has no connector `{name}`"
    for able, method in METHODS.items():
        assert not getattr(row, able) or hasattr(connector, method), f"declares `{able}`, and has no `{method}`"
    _check_constructor(connector)
    hidden = dict(config) | {field: CANARY for field in config if _is_secret(row, field)}
    with _closed_off():
        one = made(connector, row, hidden, options)
    assert CANARY not in f"{one!r} {one!s}", "`repr` or `str` shows a secret"
    for _ in range(2):
        _close(one)


def check_errors(act: Callable[[], Any]) -> ConnectorError:
    """Check that a call fails as a ConnectorError that shows no secret of the kit's, and return it."""
    found: BaseException | None = None
    try:
        act()
    except Exception as error:
        found = error
    assert found is not None, "did not fail"
    assert isinstance(found, ConnectorError), f"raises {type(found).__name__}, and must raise ConnectorError"
    assert CANARY not in f"{found} {found.message} {found.help}", "an error shows a secret"
    assert found.__cause__ is None, "an error carries its cause: raise it `from None`"
    return found


def check_rows(given: Any, at_least: int = 1) -> list[dict[str, Any]]:
    """Check that a `read` streams rows that Firn can take, and return them: it gives an iterator, and not a list."""
    assert isinstance(given, Iterator), "`read` holds all rows at once: give an iterator, such as a generator"
    found = [dict(row) for row in given]
    assert len(found) >= at_least, f"gave {len(found)} rows"
    orjson.dumps(found, default=str)
    return found


def _check_constructor(connector: Any) -> None:
    words = [one for one in signature(connector).parameters.values() if one.kind is not Parameter.VAR_KEYWORD]
    names = {one.name for one in words if one.kind is Parameter.KEYWORD_ONLY}
    assert (names, len(words)) == ({"config", "options"}, 2), "write `def __init__(self, *, config, options)`"


def _is_secret(row: Connector, field: str) -> bool:
    properties = getattr(row.config, "json_schema", {}).get("properties", {})
    return isinstance(properties.get(field), dict) and properties[field].get("writeOnly") is True


def _close(one: Any) -> None:
    try:
        one.close()
    except Exception as error:
        raise AssertionError(
            f"`close` raises {type(error).__name__}: it is called without `connect`, and twice"
        ) from None


@contextmanager
def _closed_off() -> Iterator[None]:
    """Let nothing be opened for the block."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("the constructor opens something: do that in `connect`")

    with (
        mock.patch("builtins.open", refuse),
        mock.patch("io.open", refuse),
        mock.patch.object(socket, "socket", refuse),
    ):
        yield
