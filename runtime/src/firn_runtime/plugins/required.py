"""From what an artifact requires to what can be loaded: folders by its mode, distributions, manifests, entry points."""

import sys
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from firn_runtime.errors import ArtifactRefused
from firn_runtime.own_folders import packages
from firn_runtime.plain_file import plain_content
from firn_runtime.plugins import NONE, Plugged
from firn_runtime.plugins.brought import PluggedConnector, PluggedStep
from firn_runtime.plugins.checked_import import claim
from firn_runtime.plugins.installed import Installed, find, refused
from firn_runtime.plugins.loading import Source, connector_of, imported, step_of
from firn_runtime.plugins.registered import registered
from firn_runtime.plugins.verified import Verified, verified
from firn_schemas.artifact import Payload, RequiredPlugin, Security
from firn_schemas.canonical import bytes_digest
from firn_schemas.connectors import CONNECTORS
from firn_schemas.distribution import normalized
from firn_schemas.plugins import FILE, GROUP, MAX_MANIFEST, BadManifest, Origin, Rows, rows
from firn_schemas.steps import STEPS


def required(payload: Payload, base: Path) -> Plugged:
    """Return what the artifact's plug-ins bring; of two that bring the same, the later by name, as when compiling.

    In `internal_fast` what this process has registered comes first. Raises ArtifactRefused R111.
    """
    folders = _folders(payload.security, base)
    own = _not_firns(registered()) if payload.security.mode == "internal_fast" else NONE
    if own.features and own.features.issuperset(name for name in payload.features if foreign(name)):
        return own
    brought = [*(_brought(one, payload, folders) for one in payload.requires.plugins), own]
    return _not_firns(
        Plugged(
            {name: row for one in brought for name, row in one.connectors.items()},
            {name: row for one in brought for name, row in one.steps.items()},
        )
    )


def _not_firns(brought: Plugged) -> Plugged:
    """Leave out what Firn itself has."""
    return Plugged(
        {name: row for name, row in brought.connectors.items() if name not in CONNECTORS},
        {name: row for name, row in brought.steps.items() if name not in STEPS},
    )


def foreign(feature: str) -> bool:
    """Whether a connector or step of a plug-in is meant."""
    family, _, name = feature.partition(".")
    kind, _, driver = name.partition(".")
    return (family == "connector" and (kind, driver) not in CONNECTORS) or (family == "step" and name not in STEPS)


def _brought(one: RequiredPlugin, payload: Payload, folders: Sequence[str]) -> Plugged:
    found = find(one, [*_places(payload.security), *folders])
    whole = _checked(found, payload.security)
    content = _manifest(found, whole, folders)
    if bytes_digest(content) not in [it.digest for it in payload.sources if (it.kind, it.name) == ("plugin", one.name)]:
        raise refused(one.name, "its manifest is not the one that the artifact was compiled with")
    try:
        brought = rows(content, Origin(one.name, one.version), typed=True)
    except BadManifest as error:
        raise ArtifactRefused("R111", str(error), "it is for the plug-in's author") from None
    return _loadable(brought, Source(found, whole, tuple(folders)))


def _folders(security: Security, base: Path) -> list[str]:
    """Return the platform's folders of plug-ins; raise ArtifactRefused R111 where there may be none."""
    if security.plugin_folders and security.mode != "internal_fast":
        message = "the artifact names folders of plug-ins, which only `internal_fast` may have"
        raise ArtifactRefused("R111", message, "install the plug-ins, and remove `security.plugin_folders`")
    return [str(base / folder) for folder in security.plugin_folders]


def _places(security: Security) -> Sequence[str]:
    return packages() if security.mode == "enterprise" else sys.path


def _checked(found: Installed, security: Security) -> Verified | None:
    """Check the files of a plug-in wherever its digest is stated, as `enterprise` must."""
    allowed = next((one for one in security.plugins if normalized(one.name) == normalized(found.name)), None)
    if security.mode == "enterprise" and (allowed is None or allowed.sha256 is None):
        help = "list it in `security.plugins` with the line that `firn plugins` prints, and compile again"
        raise refused(found.name, "the artifact does not allow it by its `sha256`", help)
    if allowed is not None and allowed.version.removeprefix("==") != found.version:
        raise refused(found.name, f"the artifact allows version {allowed.version.removeprefix('==')} alone")
    if allowed is None or allowed.sha256 is None:
        return None
    whole = verified(found, allowed.sha256)
    claim(whole)
    return whole


def _manifest(found: Installed, whole: Verified | None, folders: Sequence[str]) -> bytes:
    """Return the manifest of a plug-in; raise ArtifactRefused R111."""
    package = next((entry.value for entry in found.entries if entry.group == GROUP), "")
    content = whole.data.get(f"{package}/{FILE}") if whole else _on_disk(found, package, folders)
    if content is None or len(content) > MAX_MANIFEST:
        raise refused(found.name, f"it has no `{FILE}`")
    return content


def _on_disk(found: Installed, package: str, folders: Sequence[str]) -> bytes | None:
    """Read it where the package lies; that of an editable installation lies elsewhere."""
    place = found.folder / package
    if not place.is_dir() and str(found.folder) not in folders:
        spec = find_spec(package) if package.isidentifier() else None
        place = Path(next(iter((spec.submodule_search_locations if spec else None) or ()), place))
    try:
        return plain_content(place / FILE, MAX_MANIFEST)
    except OSError:
        return None


def _loadable(brought: Rows, source: Source) -> Plugged:
    name = source.installed.name
    return Plugged(
        {
            key: PluggedConnector(row, name, partial(connector_of, name, row, partial(imported, source, key)))
            for key, row in brought.connectors.items()
        },
        {
            type: PluggedStep(row, name, partial(step_of, name, partial(imported, source, type)))
            for type, row in brought.steps.items()
        },
    )
