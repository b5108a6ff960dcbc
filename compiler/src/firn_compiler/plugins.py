"""Plug-ins as the compiler knows them: manifests, read as files. Their code is never imported."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from firn_schemas.canonical import bytes_digest
from firn_schemas.connectors import CONNECTORS, Connector
from firn_schemas.plugins import BadManifest as BadManifest
from firn_schemas.plugins import Origin, Rows, rows
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


def claimed_twice(plugins: Sequence[Plugin]) -> Iterator[str]:
    """Yield a sentence for each name that two plug-ins bring, or that Firn itself has; raises BadManifest."""
    owners: dict[str, str] = {}
    for plugin in plugins:
        brought = _rows(plugin)
        own = [name for name in brought.connectors if name in CONNECTORS]
        for word in (*map("/".join, own), *(name for name in brought.steps if name in STEPS)):
            yield f"the plug-in `{plugin.name}` brings `{word}`, which Firn itself has: Firn's own holds"
        for word in (*map("/".join, brought.connectors), *brought.steps):
            if word in owners:
                yield f"the plug-ins `{owners[word]}` and `{plugin.name}` both bring `{word}`: that of the latter holds"
            owners[word] = plugin.name


def _rows(plugin: Plugin) -> Rows:
    return rows(plugin.manifest, Origin(plugin.name, plugin.version, plugin.sha256))


@contextmanager
def plugged_in(plugins: Sequence[Plugin]) -> Iterator[None]:
    """Let the rows of these plug-ins be seen; raises BadManifest."""
    connectors: dict[tuple[str, str], Connector] = {}
    steps: dict[str, StepType] = {}
    for plugin in plugins:
        brought = _rows(plugin)
        connectors |= brought.connectors
        steps |= brought.steps
    with ExitStack() as stack:
        stack.enter_context(CONNECTORS.extended(connectors))
        stack.enter_context(STEPS.extended(steps))
        yield
