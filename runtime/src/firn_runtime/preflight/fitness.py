"""Whether this runtime can run the artifact at all: its version, features, plug-ins and connectors."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from firn_runtime import __version__
from firn_runtime.artifact_file import Artifact, lacking_help, needed, refuse_version
from firn_runtime.connectors import connector_class
from firn_runtime.errors import ArtifactRefused
from firn_runtime.plugins import Plugged
from firn_runtime.preflight.running import Check
from firn_runtime.probing import Seen, failed
from firn_runtime.run import FEATURES
from firn_schemas.artifact import Payload, RequiredPlugin, Resource
from firn_schemas.artifact_format import FORMAT


def checks(
    artifact: Artifact, used: Sequence[Resource], plugged: Plugged, problem: ArtifactRefused | None
) -> list[Check]:
    """Return the checks of an artifact whose spelling, digest and format were verified.

    `problem` is why plug-ins cannot be used, where they cannot.
    """
    whole = Seen("artifact", "ok", "its spelling, digest and shape are right")
    return [
        Check("artifact", FORMAT, lambda: [whole]),
        Check("version", f"firn-runtime {__version__}", lambda: [_version(artifact.payload)]),
        *_features(artifact.payload, plugged.features, problem),
        *(_plugin(one, problem) for one in artifact.payload.requires.plugins),
        *(
            _connector(*pair, plugged)
            for pair in sorted({(one.kind, one.driver) for one in used if one.kind != "compute"})
        ),
    ]


def _version(payload: Payload) -> Seen:
    try:
        refuse_version(payload)
    except ArtifactRefused as error:
        return failed("version", error)
    return Seen("version", "ok", "the platform allows it")


def _features(payload: Payload, brought: frozenset[str], problem: ArtifactRefused | None) -> list[Check]:
    wanted = needed(payload)
    if problem is not None:  # what plug-ins bring is not this runtime's to have, and that they cannot be used is told
        from firn_runtime.plugins.required import foreign

        wanted = [name for name in wanted if not foreign(name)]
    lacking = [name for name in wanted if name not in FEATURES | brought]
    every = Seen("feature", "ok", f"this runtime has all {len(wanted)} that the artifact needs")
    return [_lacking(name) for name in lacking] or [Check("feature", "all", lambda: [every])]


def _plugin(one: RequiredPlugin, problem: ArtifactRefused | None) -> Check:
    found = failed("plugin", problem) if problem else Seen("plugin", "ok", f"{one.version} is installed")
    return Check("plugin", one.name, lambda: [found])


def _lacking(name: str) -> Check:
    message = f"the artifact needs what this runtime does not have: `{name}`"
    return Check("feature", name, lambda: [Seen("feature", "failed", message, lacking_help([name]))])


def _connector(kind: str, driver: str, plugged: Plugged) -> Check:
    def look() -> Iterator[Seen]:
        brought = plugged.connectors.get((kind, driver))
        extension = None if brought and brought.load() else connector_class(kind, driver).extension
        if extension is None:
            yield Seen("connector", "ok", "this runtime has it")
            return
        from firn_runtime.engine import Engine, Limits

        Engine(Limits(threads=1), Path(":memory:"), extensions=[extension]).close()
        yield Seen("connector", "ok", f"this runtime has it, and the engine's extension `{extension}` loads")

    return Check("connector", f"{kind}/{driver}", look)
