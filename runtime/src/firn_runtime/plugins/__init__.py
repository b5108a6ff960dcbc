"""Plug-ins of a run: found by what the artifact requires, checked as its mode asks, imported when first used.

Nothing registers itself by being imported, and a distribution that the artifact does not require is never looked at.
Firn's own connectors and step types always come first.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from firn_schemas.artifact import Payload

if TYPE_CHECKING:
    from firn_runtime.plugins.brought import PluggedConnector, PluggedStep


class Plugged(NamedTuple):
    """What the plug-ins of an artifact bring."""

    connectors: Mapping[tuple[str, str], "PluggedConnector"] = {}
    steps: Mapping[str, "PluggedStep"] = {}

    @property
    def features(self) -> frozenset[str]:
        """What a runtime with them can do beside what Firn itself can."""
        named = {f"connector.{kind}.{driver}" for kind, driver in self.connectors}
        return frozenset(named | {f"step.{type}" for type in self.steps})


NONE = Plugged()


def plugged(payload: Payload, base: Path) -> Plugged:
    """Return what the plug-ins that the artifact requires bring; raise ArtifactRefused R111. Nothing is imported.

    An artifact that requires none costs nothing.
    """
    if not payload.requires.plugins and not payload.security.plugin_folders:
        return NONE
    from firn_runtime.plugins.required import required

    return required(payload, base)
