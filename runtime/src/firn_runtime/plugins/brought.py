"""What a plug-in brings: rows, what they are loaded by, and the edges behind which they are used."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

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


def immutable(record: Any) -> Any:
    """Return a record whose values nobody can change: mappings are read-only, lists are tuples."""
    return type(record)(**{name: _immutable(value) for name, value in vars(record).items()})


def _immutable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return MappingProxyType({key: _immutable(item) for key, item in value.items()})
    return tuple(map(_immutable, value)) if isinstance(value, list) else value
