"""Connectors out of settled values: built, not opened."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from firn_runtime.connectors import connector_class
from firn_runtime.decode_hook import Hook, decoded
from firn_runtime.errors import ArtifactRefused, InputsMissing
from firn_runtime.plugins import Plugged
from firn_runtime.resolve import Scope, Unresolved, nodes
from firn_schemas.artifact import Resource
from firn_schemas.connectors import CONNECTORS
from firn_schemas.decode import DecodeError, decode, spelling
from firn_schemas.secret import Secret

if TYPE_CHECKING:
    from firn_runtime.connector import ConnectorBase
    from firn_runtime.engine import Session


class Built(NamedTuple):
    """A connector, and the secrets that the decode hook made for it."""

    connector: "ConnectorBase[Any, Any] | Compute"
    decoded: tuple[Secret, ...] = ()


def build(
    name: str, one: Resource, scope: Scope, base: Path, *, written: bool, hook: Hook | None, plugged: Plugged
) -> Built:
    """Make a connector; raise ArtifactRefused R106, R108 or R112, or InputsMissing R204 or R205."""
    from firn_schemas.compute import COMPUTE

    brought = plugged.connectors.get((one.kind, one.driver))
    schema = brought.row if brought else CONNECTORS.get((one.kind, one.driver))
    record: Any = schema.config if schema else COMPUTE.get(one.driver) if one.kind == "compute" else None
    if record is None:
        message = f"this runtime has no connector {one.kind}/{one.driver}"
        raise ArtifactRefused("R106", message, "use a newer firn-runtime")
    try:
        settings = {"config": scope.resolve(one.config), "options": scope.resolve(one.options)}
        if one.decode:
            settings = decoded(hook, name, one.decode, settings)
        config: Any = decode(record, absolute(record, settings["config"], base), "config", from_text=True)
        options = settings["options"]
        if schema is not None:
            options = decode(schema.options, absolute(schema.options, options, base), "options", from_text=True)
    except (DecodeError, Unresolved) as error:
        if any(kind == "$env" for part in (one.config, one.options) for kind, _, _ in nodes(part)):
            help = "it comes from the environment: check the variables"
            raise InputsMissing("R204", f"the resource `{name}` cannot be set up: {error}", help) from None
        raise ArtifactRefused("R108", f"the resource `{name}` has not the right shape: {error}") from None
    if one.kind == "compute":
        return Built(Compute(config))
    connector = (
        brought.make(config, options)
        if brought
        else connector_class(one.kind, one.driver)(config=config, options=options)
    )
    connector.written, connector.base_dir = written, base
    inherited = (*getattr(options, "inherit_env", ()), *connector.ambient)
    connector.inherited = {name: scope.environ[name] for name in inherited if name in scope.environ}
    return Built(connector, tuple(_secrets(settings)) if one.decode else ())


def _secrets(value: Any) -> list[Secret]:
    if isinstance(value, Mapping):
        return [secret for item in value.values() for secret in _secrets(item)]
    return [value] if isinstance(value, Secret) else []


def absolute(record: type, values: dict[str, Any], base: Path) -> dict[str, Any]:
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
