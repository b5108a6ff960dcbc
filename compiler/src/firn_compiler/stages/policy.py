"""What the platform says of all flows: policy, state, workspace, layers; with the defaults written out."""

from typing import Any

from firn_compiler.document import Mapping, mapping_at
from firn_compiler.model.project import Platform
from firn_compiler.model.shapes import PostgresState, SqliteState, WorkspaceShape
from firn_compiler.stages.defaults import as_node, with_defaults, with_spellings
from firn_compiler.stages.lower import lower_node
from firn_schemas.base import JsonObject


def policy(platform: Platform) -> JsonObject:
    """Return the payload's parts that come from the platform alone."""
    security: Any = _lowered(platform, "security") or {}
    body: JsonObject = {
        "environment": platform.environment,
        "security": {"secret_mounts": []} | {key: value for key, value in security.items() if value != []},
        "state": _state(platform),
        "workspace": lower_node(with_defaults(WorkspaceShape, _section(platform, "workspace"))),
    }
    for key in ("compatibility", "layers"):
        if _section(platform, key).entries:
            body[key] = _lowered(platform, key)
    return body


def _section(platform: Platform, key: str) -> Mapping:
    return mapping_at(platform.root, key) or Mapping({}, {}, platform.root.span)


def _lowered(platform: Platform, key: str) -> Any:
    return lower_node(_section(platform, key))


def _state(platform: Platform) -> Any:
    node = mapping_at(platform.root, "state") or as_node({"backend": "sqlite"})
    backend = node.entries.get("backend") if isinstance(node, Mapping) else None
    record = PostgresState if getattr(backend, "value", None) == "postgres" else SqliteState
    return lower_node(with_defaults(record, with_spellings(record, node)))
