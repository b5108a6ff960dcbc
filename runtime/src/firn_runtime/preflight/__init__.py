"""Everything that can be known of a run before it: looked at, changed nowhere, and no secret shown.

`fitness` is about artifact and runtime, `inputs` about what comes from outside, `places` about workspace and state,
`resources` about what the flow reads and writes; `running` does it side by side, `page` shows it.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from firn_runtime.artifact_file import Artifact
from firn_runtime.env_files import EnvFile
from firn_runtime.errors import ArtifactRefused
from firn_runtime.plugins import NONE, Plugged, plugged
from firn_runtime.preflight import fitness, places, resources
from firn_runtime.preflight.inputs import Inputs
from firn_runtime.preflight.needs import lock_keys
from firn_runtime.preflight.running import Check, Checked, side_by_side
from firn_runtime.prepare import refuse_archive_drivers, refuse_misshapen_nodes
from firn_runtime.probing import Seen
from firn_runtime.redaction.process import guard
from firn_runtime.redaction.redactor import Redactor
from firn_schemas.artifact import Payload
from firn_schemas.base import Json


class Outside(NamedTuple):
    """What a run would take from outside."""

    environ: Mapping[str, str]
    base: Path
    env_files: Sequence[EnvFile] = ()


class Report(NamedTuple):
    """What was seen of one flow of an artifact, in an order that never changes."""

    artifact: str
    flow: str
    checks: tuple[Checked, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(one.status != "failed" for one in self.checks)


def preflight(artifact: Artifact, name: str, outside: Outside, seconds: float) -> Report:
    """Look whether a flow could run; no check takes longer than `seconds`. Raises ArtifactRefused."""
    payload, flow = artifact.payload, artifact.payload.flows[name]
    refuse_misshapen_nodes(payload)
    refuse_archive_drivers(payload)
    used = {own: payload.resources[key] for own, key in sorted(flow.resources.items())}
    values: list[Json] = [payload.state, *(part for one in used.values() for part in (one.config, one.options))]
    values += [step.inputs for job in flow.jobs for step in job.steps]
    redactor = Redactor()
    with guard(redactor):
        inputs = Inputs(payload, outside.environ, outside.base, redactor)
        brought, problem = _plugged(payload, outside.base)
        checked = side_by_side(fitness.checks(artifact, [*used.values()], brought, problem), seconds)
        checked += inputs.look(outside.env_files, values, seconds)
        last = [
            _workspace(artifact, outside.base),
            _state(artifact, name, inputs, outside.base),
            *(resources.check(own, one, flow, inputs, outside.base, redactor, brought) for own, one in used.items()),
        ]
        checked += side_by_side(last, seconds)
    return Report(artifact.digest, name, tuple(_clean(one, redactor) for one in checked))


def _plugged(payload: Payload, base: Path) -> tuple[Plugged, ArtifactRefused | None]:
    """Return what the plug-ins bring, or why they cannot be used."""
    try:
        return plugged(payload, base), None
    except ArtifactRefused as error:
        return NONE, error


def _workspace(artifact: Artifact, base: Path) -> Check:
    root = artifact.payload.workspace.root
    return Check("workspace", root, lambda: places.workspace(base / root))


def _state(artifact: Artifact, name: str, inputs: Inputs, base: Path) -> Check:
    payload = artifact.payload

    def look() -> Iterator[Seen]:
        lacking = inputs.lacking([payload.state])
        if lacking:
            yield Seen("state", "skipped", f"not looked at: without {', '.join(lacking)} it cannot be reached")
            return
        yield from places.state(inputs.scope.resolve(payload.state or {}), base, lock_keys(payload.flows[name]))

    return Check("state", places.state_subject(payload.state), look)


def _clean(one: Checked, redactor: Redactor) -> Checked:
    """Mask what may have got through: nothing here should hold a secret."""
    text = redactor.text
    return one._replace(subject=text(one.subject), message=text(one.message), help=text(one.help))
