"""Plug-ins of a run: found by what the artifact requires, checked as its mode asks, imported when first used.

Nothing registers itself by being imported, and a distribution that the artifact does not require is never looked at.
Firn's own connectors and step types always come first.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from firn_schemas.artifact import Payload
from firn_schemas.connectors import Connector
from firn_schemas.decode import decode
from firn_schemas.steps import StepType

if TYPE_CHECKING:
    from firn_runtime.connector import ConnectorBase
    from firn_runtime.step import StepContext, StepFunction


class PluggedConnector(NamedTuple):
    """A connector of a plug-in."""

    row: Connector
    plugin: str
    load: Callable[[], Any]
    """Imports it, the first time; raises ArtifactRefused R112."""

    def make(self, config: Any, options: Any) -> "ConnectorBase[Any, Any]":
        """Return the connector behind its edge; raise ArtifactRefused R112."""
        from firn_runtime.plugins.connector_edge import PluginConnector

        words = {"config": immutable(config), "options": immutable(options)}
        return PluginConnector(**words, plugin=self.plugin, made=self.load())


class PluggedStep(NamedTuple):
    """A step type of a plug-in."""

    row: StepType
    plugin: str
    load: Callable[[], Any]
    """Imports it, the first time; raises ArtifactRefused R112."""

    def decoded(self, inputs: Any) -> Any:
        """Return inputs as the step gets them; raise DecodeError."""
        return immutable(decode(self.row.inputs, inputs, from_text=True))

    def function(self) -> "StepFunction":
        """Return the step behind its edge; raise ArtifactRefused R112."""
        from firn_runtime.plugins.step_edge import performed

        run = self.load()

        def perform(inputs: Any, context: "StepContext") -> Any:
            return performed(self.plugin, self.row, run, inputs, context)

        return perform


class Plugged(NamedTuple):
    """What the plug-ins of an artifact bring."""

    connectors: Mapping[tuple[str, str], PluggedConnector] = {}
    steps: Mapping[str, PluggedStep] = {}

    @property
    def features(self) -> frozenset[str]:
        """What a runtime with them can do beside what Firn itself can."""
        named = {f"connector.{kind}.{driver}" for kind, driver in self.connectors}
        return frozenset(named | {f"step.{type}" for type in self.steps})


NONE = Plugged()


def immutable(record: Any) -> Any:
    """Return a record whose values nobody can change: mappings are read-only, lists are tuples."""
    return type(record)(**{name: _immutable(value) for name, value in vars(record).items()})


def _immutable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return MappingProxyType({key: _immutable(item) for key, item in value.items()})
    return tuple(map(_immutable, value)) if isinstance(value, list) else value


def plugged(payload: Payload, base: Path) -> Plugged:
    """Return what the plug-ins that the artifact requires bring; raise ArtifactRefused R111. Nothing is imported.

    An artifact that requires none costs nothing.
    """
    if not payload.requires.plugins and not payload.security.plugin_folders:
        return NONE
    from firn_runtime.plugins.required import required

    return required(payload, base)
