"""The flow's resources: are their settings complete, and would they do what the flow wants of them?"""

from collections.abc import Iterator
from pathlib import Path

from firn_runtime.building import Compute, build
from firn_runtime.connector import RunFacts
from firn_runtime.connectors import CONNECTORS
from firn_runtime.errors import ConnectorError, FirnError
from firn_runtime.folders import refusal
from firn_runtime.plugins import Plugged
from firn_runtime.preflight.inputs import Inputs
from firn_runtime.preflight.needs import uses
from firn_runtime.preflight.running import Check
from firn_runtime.probing import Seen, failed
from firn_runtime.redaction.redactor import Redactor
from firn_schemas.artifact import Flow, Resource


def check(
    name: str, one: Resource, flow: Flow, inputs: Inputs, base: Path, redactor: Redactor, plugged: Plugged
) -> Check:
    """Return the check of a resource by the flow's name for it: first of its settings, then of what they lead to."""

    def look() -> Iterator[Seen]:
        wanted = uses(flow, name, inputs.environ)
        written = any(use.access == "write" or use.after_program for use in wanted)
        reason = _hindrance(one, inputs, plugged)
        if reason:
            yield Seen("settings", "skipped", f"not looked at: {reason}")
            return
        try:
            built = build(name, one, inputs.scope, base, written=written, hook=inputs.hook, plugged=plugged)
        except FirnError as error:
            yield failed("settings", error)
            return
        for secret in built.decoded:
            redactor.add(secret)
        yield Seen("settings", "ok", "they are complete")
        if isinstance(built.connector, Compute):
            yield from _compute(built.connector, base)
            return
        built.connector.facts = RunFacts(learn=redactor.add)
        try:
            yield from built.connector.probe(wanted)
        except ConnectorError as error:
            yield failed("login" if error.error_class == "auth" else "connection", error)

    return Check("connection", name, look)


def _hindrance(one: Resource, inputs: Inputs, plugged: Plugged) -> str:
    """Say what was reported already and keeps the settings from being read; nothing where nothing does."""
    if one.kind != "compute" and (one.kind, one.driver) not in {**CONNECTORS, **plugged.connectors}:
        return f"this runtime has no connector `{one.kind}/{one.driver}`"
    lacking = inputs.lacking([one.config, one.options])
    if lacking:
        return f"without {', '.join(lacking)} they are not complete"
    return "the decode hook cannot be used" if one.decode and inputs.lacks_hook else ""


def _compute(compute: Compute, base: Path) -> Iterator[Seen]:
    spill = getattr(compute.properties, "temp_directory", None)
    reason = refusal(base / spill) if spill else ""
    if reason:
        yield Seen("write", "failed", f"the engine cannot spill to `{spill}`: {reason}", "it is `temp_directory`")
