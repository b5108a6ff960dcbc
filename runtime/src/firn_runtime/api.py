"""What plug-ins are written with. Importing it loads no engine.

A connector is a class, a step a function or a class; docs/plugins.md says what each of them is asked and lent.
"""

import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

from firn_runtime.connector import Bound, ConnectorBase, FileStore, StoredFile, Written
from firn_runtime.connectors import CONNECTORS
from firn_runtime.errors import ConnectorError
from firn_runtime.plugins.registered import register_connector, register_step, registered
from firn_runtime.publication import Publication
from firn_runtime.step import StepResult
from firn_runtime.steps import STEPS
from firn_schemas.plugins import CONNECTOR_GROUP, STEP_GROUP
from firn_schemas.secret import Secret

if TYPE_CHECKING:
    from firn_runtime.plugins.connector_edge import Reading, Writing
    from firn_runtime.plugins.step_edge import PluginContext as StepContext

__all__ = [
    "Bound",
    "ConnectorBase",
    "ConnectorError",
    "FileStore",
    "Listed",
    "Publication",
    "Reading",
    "Secret",
    "Step",
    "StepContext",
    "StepResult",
    "StoredFile",
    "Writing",
    "Written",
    "list_connectors",
    "list_steps",
    "register_connector",
    "register_step",
]


class Step(ABC):
    """A step as a class, made anew for every attempt; a function of the same arguments does as well."""

    @abstractmethod
    def run(self, inputs: Any, context: "StepContext") -> StepResult:
        """Do the work; `inputs` has an attribute for each of the inputs of the manifest."""


class Listed(NamedTuple):
    """A connector, as `kind.driver`, or a step type, and the plug-in that brings it; empty for Firn's own."""

    name: str
    plugin: str = ""


def list_connectors() -> list[Listed]:
    """Return the connectors of Firn, of this process and of installed plug-ins, by name. Nothing is imported."""
    of_process = [Listed(f"{kind}.{driver}", one.plugin) for (kind, driver), one in registered().connectors.items()]
    own = [Listed(f"{kind}.{driver}") for kind, driver in CONNECTORS]
    return _first([*own, *of_process, *_installed(CONNECTOR_GROUP)])


def list_steps() -> list[Listed]:
    """Return the step types of Firn, of this process and of installed plug-ins, by name. Nothing is imported."""
    of_process = [Listed(type, one.plugin) for type, one in registered().steps.items()]
    return _first([*map(Listed, STEPS), *of_process, *_installed(STEP_GROUP)])


def _installed(group: str) -> list[Listed]:
    from firn_runtime.plugins.installed import every

    return [Listed(entry.name, one.name) for one in every(sys.path) for entry in one.entries if entry.group == group]


def _first(found: list[Listed]) -> list[Listed]:
    """Return of each name the first, which is the one that is used."""
    named: dict[str, Listed] = {}
    for one in found:
        named.setdefault(one.name, one)
    return [named[name] for name in sorted(named)]


_LATER = {
    "Reading": ("connector_edge", "Reading"),
    "StepContext": ("step_edge", "PluginContext"),
    "Writing": ("connector_edge", "Writing"),
}
"""Names that only annotations need: their modules load the engine."""


def __getattr__(name: str) -> Any:
    """Import what is rarely asked for when it is."""
    if name not in _LATER:
        raise AttributeError(name)
    from importlib import import_module

    module, attribute = _LATER[name]
    return getattr(import_module(f"firn_runtime.plugins.{module}"), attribute)
