"""Plug-ins as the compiler knows them: manifests, read as files. Their code is never imported."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from firn_schemas.canonical import bytes_digest
from firn_schemas.connectors import CONNECTORS, Connector
from firn_schemas.plugins import BadManifest as BadManifest
from firn_schemas.plugins import Origin, rows
from firn_schemas.steps import STEPS, StepType


class Plugin(NamedTuple):
    """An installed plug-in: its distribution's name and version, its manifest, and the digest over its files."""

    name: str
    version: str
    manifest: bytes
    sha256: str | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest's bytes."""
        return bytes_digest(self.manifest)

    @property
    def identity(self) -> str:
        """Another text for each plug-in of which anything differs that decides what is compiled."""
        return f"{self.name} {self.version} {self.digest} {self.sha256}"


@contextmanager
def plugged_in(plugins: Sequence[Plugin]) -> Iterator[None]:
    """Let the rows of these plug-ins be seen; raises BadManifest."""
    connectors: dict[tuple[str, str], Connector] = {}
    steps: dict[str, StepType] = {}
    for plugin in plugins:
        brought = rows(plugin.manifest, Origin(plugin.name, plugin.version, plugin.sha256))
        connectors |= brought.connectors
        steps |= brought.steps
    with ExitStack() as stack:
        stack.enter_context(CONNECTORS.extended(connectors))
        stack.enter_context(STEPS.extended(steps))
        yield
