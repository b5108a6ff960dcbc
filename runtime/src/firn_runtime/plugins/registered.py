"""Connectors and steps that the program itself brings, for `internal_fast` alone: tests, and runs from Python."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from firn_runtime.plugins import Plugged
from firn_runtime.plugins.brought import PluggedConnector, PluggedStep
from firn_runtime.plugins.loading import connector_of, step_of
from firn_schemas.base import Json
from firn_schemas.plugins import FORMAT, Origin, Rows, rows

_NAME = "registered"
_connectors: dict[tuple[str, str], PluggedConnector] = {}
_steps: dict[str, PluggedStep] = {}


def registered() -> Plugged:
    """Return what this process has registered so far."""
    return Plugged(dict(_connectors), dict(_steps))


def register_connector(
    kind: str,
    driver: str,
    connector: type,
    *,
    can: Sequence[str] = (),
    config: Mapping[str, Json] | None = None,
    options: Mapping[str, Json] | None = None,
) -> None:
    """Let `internal_fast` artifacts use a connector of this process; what it takes is said as in a manifest.

    It stands before an installed plug-in's, and never before one of Firn's own. Raises BadManifest.
    """
    row = {"kind": kind, "driver": driver, "can": [*can], "config": config or {}, "options": options or {}}
    for name, one in _rows(connectors=[row]).connectors.items():
        _connectors[name] = PluggedConnector(one, _NAME, partial(connector_of, _NAME, one, lambda: connector))


def register_step(
    type: str,
    step: Any,
    *,
    inputs: Mapping[str, Json] | None = None,
    results: Mapping[str, str] | None = None,
    makes_dataset: bool = False,
) -> None:
    """Let `internal_fast` artifacts use a step type of this process; see `register_connector`."""
    row = {"type": type, "inputs": inputs or {}, "results": results or {}, "makes_dataset": makes_dataset}
    for name, one in _rows(steps=[row]).steps.items():
        _steps[name] = PluggedStep(one, _NAME, partial(step_of, _NAME, lambda: step))


def _rows(**manifest: Any) -> Rows:
    import orjson

    return rows(orjson.dumps({"format": FORMAT, **manifest}), Origin(_NAME, "0"), typed=True)
