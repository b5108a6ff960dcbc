"""What the platform says of all flows: policy, state, workspace, layers; with the defaults written out."""

from firn_compiler.document import EMPTY, Mapping, Node, Sequence, mapping_at, text_at
from firn_compiler.model.project import Platform
from firn_compiler.model.shapes import PostgresState, SqliteState, WorkspaceShape
from firn_compiler.stages.defaults import as_node, with_defaults, with_spellings
from firn_compiler.stages.lower import lower_node
from firn_schemas.base import JsonObject


def policy(platform: Platform) -> JsonObject:
    """Return the payload's parts that come from the platform alone."""
    return {"environment": platform.environment} | {key: lower_node(node) for key, node in sections(platform).items()}


def sections(platform: Platform) -> dict[str, Mapping]:
    """Return the parts that are mappings, by their keys; those that say nothing are left out."""
    security, workspace = (mapping_at(platform.root, key) or EMPTY for key in ("security", "workspace"))
    said = {
        key: node
        for key, node in security.entries.items()
        if not isinstance(node, Sequence) or node.items or key == "archive_drivers"  # an empty list allows none
    }
    found: dict[str, Node | None] = {
        "security": Mapping({"secret_mounts": as_node([])} | said, security.keys, security.span, security.prior),
        "state": _state(platform),
        "workspace": with_defaults(WorkspaceShape, workspace),
    }
    found |= {key: mapping_at(platform.root, key) for key in ("compatibility", "layers")}
    return {key: node for key, node in found.items() if isinstance(node, Mapping) and node.entries}


def _state(platform: Platform) -> Node:
    node = mapping_at(platform.root, "state") or as_node({"backend": "sqlite"})
    record = PostgresState if text_at(node, "backend") == "postgres" else SqliteState
    return with_defaults(record, with_spellings(record, node))
