"""What a run needs before its first step: its flow, what comes from outside, its connectors (built, not opened)."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firn_runtime.connectors import connector_class
from firn_runtime.errors import ArtifactRefused, InputsMissing, UsageError
from firn_runtime.resolve import Scope, Unresolved, misshapen, nodes
from firn_runtime.secret_sources import resolve_secrets
from firn_schemas.artifact import Flow, Payload, RequiredSecret, Resource
from firn_schemas.base import Json
from firn_schemas.connectors import CONNECTORS
from firn_schemas.decode import DecodeError, decode, spelling

if TYPE_CHECKING:
    from firn_runtime.connector import ConnectorBase
    from firn_runtime.engine import Session


def choose(payload: Payload, flow: str | None) -> str:
    """Return the flow to run: the one that is named, or the only one; raise UsageError R001."""
    names = sorted(payload.flows)
    listed = ", ".join(f"`{name}`" for name in names)
    if flow is not None and flow not in payload.flows:
        raise UsageError("R001", f"the artifact has no flow `{flow}`", f"it has {listed}")
    if flow is None and len(names) != 1:
        raise UsageError("R001", "the artifact has several flows", f"name one with `--flow`: {listed}")
    return flow or names[0]


def refuse_misshapen_nodes(payload: Payload) -> None:
    """Raise ArtifactRefused R108 where a typed node is not one that the compiler writes."""
    parts: list[tuple[Json, str]] = [
        (value, f"payload.resources.{key}.{part}")
        for key, one in payload.resources.items()
        for part, value in (("config", one.config), ("options", one.options))
    ]
    for name, flow in payload.flows.items():
        for job in flow.jobs:
            where = f"payload.flows.{name}.{job.id}"
            parts.append((job.when, f"{where}.when"))
            for step in job.steps:
                parts += [(step.inputs, f"{where}.{step.id}.inputs"), (step.outputs, f"{where}.{step.id}.outputs")]
    problems = [f"{path}: {text}" for value, where in parts for path, text in misshapen(value, where)]
    problems += [f"{path}: a secret stands where none is allowed" for path in _stray_secrets(parts)]
    if problems:
        raise ArtifactRefused("R108", "the artifact has not the right shape: " + "; ".join(problems[:5]))


def _stray_secrets(parts: list[tuple[Json, str]]) -> list[str]:
    """Return the paths of secrets outside the resources' settings."""
    places = [place for value, where in parts for place in nodes(value, where)]
    return [path for kind, path, _ in places if kind == "$secret" and not path.startswith("payload.resources.")]


def connectors_of(
    payload: Payload, flow: Flow, environ: Mapping[str, str], base: Path
) -> "dict[str, ConnectorBase[Any, Any] | Compute]":
    """Resolve everything the flow needs from outside, report all that is missing, and build its connectors."""
    used = {name: payload.resources[key] for name, key in sorted(flow.resources.items())}
    wanted = {
        (node["$secret"]["ref"], node["$secret"].get("key"))
        for one in used.values()
        for kind, _, node in nodes(one.config)
        if kind == "$secret"
    }
    required = _required(payload, wanted)
    mounts = [base / mount for mount in payload.security.secret_mounts]
    secrets, missing = {}, _missing_variables(flow, used, environ)
    try:
        secrets = resolve_secrets(required, environ, mounts)
    except InputsMissing as error:
        missing.append(error)
    if missing:
        raise _together(missing)
    scope = Scope(environ, secrets)
    written = {str(step.inputs.get("resource")) for job in flow.jobs for step in job.steps if step.type == "write"}
    return {name: _build(name, one, scope, base, name in written) for name, one in used.items()}


def _required(payload: Payload, wanted: set[tuple[str, str | None]]) -> list[RequiredSecret]:
    """Return what `requires` says of the wanted secrets; raise ArtifactRefused R108 where it does not fit them."""
    required = [one for one in payload.requires.secrets if (one.ref, one.key) in wanted]
    if wanted != {(one.ref, one.key) for one in required}:
        raise ArtifactRefused("R108", "the artifact uses a secret that its `requires` does not name")
    if required and not all(map(_looked_up_by_its_name, required)):
        raise ArtifactRefused("R108", "`requires` looks up a secret by another name than its own")
    return required


def _looked_up_by_its_name(secret: RequiredSecret) -> bool:
    from firn_schemas.secret_ref import valid_key, valid_name, variable_name

    named = valid_name(secret.ref) and (secret.key is None or valid_key(secret.key))
    return named and secret.variable == variable_name(secret.ref, secret.key)


def _together(missing: list[InputsMissing]) -> InputsMissing:
    """Return one failure that says everything that is missing."""
    help = "; ".join(one.help for one in missing)
    return InputsMissing(missing[0].code, "\n  ".join(one.message for one in missing), help)


def _missing_variables(flow: Flow, used: Mapping[str, Resource], environ: Mapping[str, str]) -> list[InputsMissing]:
    values: list[Json] = [part for one in used.values() for part in (one.config, one.options)]
    values += [step.inputs for job in flow.jobs for step in job.steps]
    needed = {
        node["$env"]["name"]
        for value in values
        for kind, _, node in nodes(value)
        if kind == "$env" and "default" not in node["$env"]
    }
    listed = ", ".join(f"`{name}`" for name in sorted(needed - environ.keys()))
    message = f"environment variables are not set: {listed}"
    return [InputsMissing("R202", message, "set them for this run")] if listed else []


def _build(name: str, one: Resource, scope: Scope, base: Path, written: bool) -> "ConnectorBase[Any, Any] | Compute":
    """Make a connector out of settled values; nothing is opened."""
    from firn_schemas.compute import COMPUTE

    schema = CONNECTORS.get((one.kind, one.driver))
    record: Any = schema.config if schema else COMPUTE.get(one.driver) if one.kind == "compute" else None
    if record is None:
        raise ArtifactRefused(
            "R106", f"this runtime has no connector {one.kind}/{one.driver}", "use a newer firn-runtime"
        )
    try:
        config: Any = decode(record, _absolute(record, scope.resolve(one.config), base), "config", from_text=True)
        options = decode(schema.options, scope.resolve(one.options), "options", from_text=True) if schema else None
    except (DecodeError, Unresolved) as error:
        if any(kind == "$env" for part in (one.config, one.options) for kind, _, _ in nodes(part)):
            help = "it comes from the environment: check the variables"
            raise InputsMissing("R204", f"the resource `{name}` cannot be set up: {error}", help) from None
        raise ArtifactRefused("R108", f"the resource `{name}` has not the right shape: {error}") from None
    if one.kind == "compute":
        return Compute(config)
    built = connector_class(one.kind, one.driver)(config=config, options=options)
    built.written = written
    return built


def _absolute(record: type, values: dict[str, Any], base: Path) -> dict[str, Any]:
    """Take the record's local paths from the base folder."""
    local = {spelling(field) for field in fields(record) if field.metadata.get("local_path")}
    return {
        key: str(base / value) if key in local and isinstance(value, str) and value != ":memory:" else value
        for key, value in values.items()
    }


class Compute:
    """The flow's own engine as a resource: `query` steps see the flow's datasets."""

    def __init__(self, properties: Any) -> None:
        self.properties = properties

    def relation(self, sql: str, params: Any, session: "Session") -> Any:
        """Return a SELECT over the flow's datasets."""
        del session
        from firn_runtime.engine import Relation, select

        return Relation(select(sql), params)
