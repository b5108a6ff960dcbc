"""What a run needs before its first step: its flow, what comes from outside, its connectors (built, not opened)."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from firn_runtime.building import build
from firn_runtime.decode_hook import Hook, expanded, load_hook
from firn_runtime.errors import ArtifactRefused, InputsMissing, UsageError
from firn_runtime.plugins import NONE, Plugged
from firn_runtime.redaction.process import guard
from firn_runtime.redaction.redactor import Redactor
from firn_runtime.resolve import Scope, misshapen, nodes
from firn_runtime.secret_sources import (
    Found,
    Key,
    Mount,
    fingerprint,
    mounts_of,
    new_salt,
    resolve_again,
    resolve_secrets,
)
from firn_runtime.step import innermost
from firn_runtime.telling import Teller
from firn_schemas.artifact import Flow, Payload, RequiredSecret, Resource
from firn_schemas.base import Json
from firn_schemas.visible import listing


def choose(payload: Payload, flow: str | None) -> str:
    """Return the flow to run: the one that is named, or the only one; raise UsageError R001."""
    names = sorted(payload.flows)
    listed = listing(names)
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
        parts += [(value, f"payload.flows.{name}.observability") for value in _observed(flow)]
        for job in flow.jobs:
            where = f"payload.flows.{name}.{job.id}"
            parts.append((job.when, f"{where}.when"))
            for step in job.steps:
                parts += [(step.inputs, f"{where}.{step.id}.inputs"), (step.outputs, f"{where}.{step.id}.outputs")]
    problems = [f"{path}: {text}" for value, where in parts for path, text in misshapen(value, where)]
    problems += [f"{path}: a secret stands where none is allowed" for path in _stray_secrets(parts)]
    if problems:
        raise ArtifactRefused("R108", "the artifact has not the right shape: " + "; ".join(problems[:5]))


def refuse_archive_drivers(payload: Payload) -> None:
    """Raise ArtifactRefused R108 where a resource has an archive driver that the platform does not allow."""
    security = payload.security
    allowed = [] if security.archive_drivers is None and security.mode == "enterprise" else security.archive_drivers
    used = {one.driver for one in payload.resources.values() if one.kind == "archive"}
    refused = sorted(used.difference(used if allowed is None else allowed))
    if refused:
        listed = listing(refused)
        help = "list them in `security.archive_drivers` of the platform, and compile again"
        raise ArtifactRefused("R108", f"the platform does not allow these archive drivers: {listed}", help)


def _observed(flow: Flow) -> list[Json]:
    """Return those of its settings that say where telemetry goes and what is said in it."""
    one = flow.observability
    return [one.otlp_endpoint, one.lineage_endpoint, *one.attributes.values()] if one is not None else []


def _stray_secrets(parts: list[tuple[Json, str]]) -> list[str]:
    """Return the paths of secrets outside the resources' settings."""
    places = [place for value, where in parts for place in nodes(value, where)]
    return [path for kind, path, _ in places if kind == "$secret" and not path.startswith("payload.resources.")]


def prepare(payload: Payload, flow: str, environ: Mapping[str, str], base: Path, plugged: Plugged = NONE) -> "Prepared":
    """Resolve everything the flow needs from outside, report all that is missing, and build its connectors.

    Raises ArtifactRefused and InputsMissing. Nothing is opened.
    """
    refuse_misshapen_nodes(payload)
    refuse_archive_drivers(payload)
    hook = load_hook(payload.security)
    return Prepared(payload, payload.flows[flow], expanded(hook, environ), base, hook, plugged)


class Prepared:
    """What a run takes from outside, settled: the environment, every secret, its connectors, built and not opened."""

    def __init__(
        self,
        payload: Payload,
        flow: Flow,
        environ: Mapping[str, str],
        base: Path,
        hook: Hook | None,
        plugged: Plugged,
    ) -> None:
        self.flow, self.environ, self.base, self.plugged = flow, environ, base, plugged
        self.redactor = Redactor()
        self._hook, self._security = hook, payload.security
        self._used = {name: payload.resources[key] for name, key in sorted(flow.resources.items())}
        self._required = {name: required_secrets(payload, [one.config]) for name, one in self._used.items()}
        of_state = required_secrets(payload, [payload.state])
        self._mounts = secret_mounts(payload, environ, base)
        self._salt = new_salt()
        missing = _missing_variables(payload, flow, self._used, environ)
        required = {(one.ref, one.key): one for one in sum(self._required.values(), of_state)}
        self._found = self._resolved(required, missing)
        inner = [innermost(step.type, step.inputs) for job in flow.jobs for step in job.steps]
        self._written = {str(inputs["resource"]) for type, inputs in inner if type in ("export", "upload", "write")}
        with guard(self.redactor):  # from here on, the code of plug-ins is at work
            self.connectors = {name: self._built(name) for name in self._used}
            for type in sorted({type for type, _ in inner} & plugged.steps.keys()):
                plugged.steps[type].load()
        self.state: Mapping[str, Any] = self._scope.resolve(payload.state or {})

    @property
    def drivers(self) -> Mapping[str, tuple[str, str]]:
        """Return the kind and the driver of each of the flow's resources."""
        return {name: (one.kind, one.driver) for name, one in self._used.items()}

    def connector(self, name: str, tell: Teller) -> Any:
        """Return a connector with the secrets of now, and tell which these are."""
        self._renew(name)
        self._tell(name, tell)
        return self.connectors[name]

    def renewed(self, name: str, tell: Teller) -> Any | None:
        """Return a connector with other secrets than before; None where they are the same."""
        if not self._renew(name):
            return None
        self._tell(name, tell)
        return self.connectors[name]

    @property
    def warnings(self) -> list[str]:
        """What the user should know of where secrets lie."""
        return sorted({one.warning for one in self._found.values() if one.warning})

    @property
    def _scope(self) -> Scope:
        return Scope(self.environ, {key: one.secret for key, one in self._found.items()})

    def _resolved(self, required: Mapping[Key, RequiredSecret], missing: list[InputsMissing]) -> dict[Key, Found]:
        """Return every secret; raise InputsMissing with all that is missing, what was missed before too."""
        found: dict[Key, Found] = {}
        allow = self._security.allow_short_secrets
        try:
            found = resolve_secrets(required.values(), self.environ, self._mounts, allow_short=allow)
        except InputsMissing as error:
            missing.append(error)
        if missing:
            raise _together(missing)
        for one in found.values():
            self.redactor.add(one.secret)
        return found

    def _built(self, name: str) -> Any:
        written = name in self._written
        built = build(
            name, self._used[name], self._scope, self.base, written=written, hook=self._hook, plugged=self.plugged
        )
        for secret in built.decoded:
            self.redactor.add(secret)
        return built.connector

    def _renew(self, name: str) -> bool:
        """Read the secrets of a resource again, and build it anew where they are others; say whether they are."""
        required, allow = self._required[name], self._security.allow_short_secrets
        changed = resolve_again(required, self._found, self.environ, self._mounts, allow_short=allow)
        for one in changed.values():
            self.redactor.add(one.secret)
        if changed:
            self._found = self._found | changed
            self.connectors[name] = self._built(name)
        return bool(changed)

    def _tell(self, name: str, tell: Teller) -> None:
        for secret in self._required[name]:
            found = self._found[secret.ref, secret.key]
            detail: dict[str, Json] = {"resource": name, "secret_ref": secret.ref, "key": secret.key}
            detail |= {"source": found.source, "fingerprint": fingerprint(found.secret, self._salt)}
            tell("secret.resolved", detail=detail)


def state_settings(payload: Payload, environ: Mapping[str, str], base: Path) -> Mapping[str, Any]:
    """Return the settings of the state alone, their secrets resolved; raise ArtifactRefused or InputsMissing."""
    allow, mounts = payload.security.allow_short_secrets, secret_mounts(payload, environ, base)
    found = resolve_secrets(required_secrets(payload, [payload.state]), environ, mounts, allow_short=allow)
    settings: Mapping[str, Any] = Scope(environ, {key: one.secret for key, one in found.items()}).resolve(
        payload.state or {}
    )
    return settings


def secret_mounts(payload: Payload, environ: Mapping[str, str], base: Path) -> Sequence[Mount]:
    """Return the folders in which secrets are looked up."""
    return mounts_of((base / mount for mount in payload.security.secret_mounts), environ)


def required_secrets(payload: Payload, values: Iterable[Json]) -> list[RequiredSecret]:
    """Return what `requires` says of the secrets in these values; raise ArtifactRefused R108 where it does not fit."""
    found = (node["$secret"] for value in values for kind, _, node in nodes(value) if kind == "$secret")
    wanted = {(secret["ref"], secret.get("key")) for secret in found}
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


def required_variables(values: Iterable[Json]) -> set[str]:
    """Return the environment variables in these values for which there is no default."""
    return {
        node["$env"]["name"]
        for value in values
        for kind, _, node in nodes(value)
        if kind == "$env" and "default" not in node["$env"]
    }


def _missing_variables(
    payload: Payload, flow: Flow, used: Mapping[str, Resource], environ: Mapping[str, str]
) -> list[InputsMissing]:
    values: list[Json] = [payload.state, *(part for one in used.values() for part in (one.config, one.options))]
    values += [*_observed(flow), *(step.inputs for job in flow.jobs for step in job.steps)]
    listed = listing(sorted(required_variables(values) - environ.keys()))
    message = f"environment variables are not set: {listed}"
    return [InputsMissing("R202", message, "set them for this run")] if listed else []
