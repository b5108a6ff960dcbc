"""Plug-ins as the compiler knows them: a manifest with JSON Schemas, read as a file. Their code is never imported.

A distribution announces its package in the entry-point group `firn.plugins`; `firn-plugin.json` in that package lists
connectors and step types. Sensitive settings are marked `"writeOnly": true` (JSON Schema, validation, section 9.4).
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import make_dataclass
from functools import cache
from typing import Any, NamedTuple

import orjson

from firn_compiler.model.names import TEXTS, Name
from firn_schemas.base import doc
from firn_schemas.canonical import bytes_digest
from firn_schemas.connectors import CONNECTORS, Connector
from firn_schemas.secret import Secret
from firn_schemas.steps import STEPS, StepType

FORMAT = "firn.plugin/1"
MAX_MANIFEST = 1024 * 1024
ABILITIES = ("readable", "writable", "queryable", "files")


class Plugin(NamedTuple):
    """An installed plug-in: its distribution's name and version, and its manifest."""

    name: str
    version: str
    manifest: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest's bytes."""
        return bytes_digest(self.manifest)


class BadManifest(ValueError):
    """A manifest that is not of the stated form; the sentence says why."""


@contextmanager
def plugged_in(plugins: Sequence[Plugin]) -> Iterator[None]:
    """Let the rows of these plug-ins be seen; raises BadManifest."""
    connectors: dict[tuple[str, str], Connector] = {}
    steps: dict[str, StepType] = {}
    for plugin in plugins:
        body = _manifest(plugin)
        for one in body.get("connectors", ()):
            connectors[_name(one, "kind"), _name(one, "driver")] = _connector(one, plugin)
        for one in body.get("steps", ()):
            steps[_name(one, "type")] = _step(one, plugin)
    with ExitStack() as stack:
        stack.enter_context(CONNECTORS.extended(connectors))
        stack.enter_context(STEPS.extended(steps))
        yield


def _manifest(plugin: Plugin) -> Any:
    try:
        body = orjson.loads(plugin.manifest)
    except ValueError:
        raise BadManifest(f"the manifest of the plug-in `{plugin.name}` is not JSON") from None
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise BadManifest(f"the manifest of the plug-in `{plugin.name}` has not the format `{FORMAT}`")
    return body


def _name(row: Any, key: str) -> str:
    word = row.get(key) if isinstance(row, dict) else None
    if not isinstance(word, str) or not re.fullmatch(TEXTS[Name].pattern, word):
        raise BadManifest(f"a plug-in's `{key}` is not a name")
    return word


def _connector(row: Any, plugin: Plugin) -> Connector:
    can: dict[str, Any] = {ability: ability in row.get("can", ()) for ability in ABILITIES}
    config, options = (record_of(orjson.dumps(row.get(part, {}))) for part in ("config", "options"))
    return Connector(config=config, options=options, plugin=plugin.name, **can)


def _step(row: Any, plugin: Plugin) -> StepType:
    results = row.get("results", {})
    if not isinstance(results, dict) or not all(isinstance(word, str) for word in results.values()):
        raise BadManifest(f"the results of `{row['type']}` are not names with their types")
    return StepType(
        inputs=record_of(orjson.dumps(row.get("inputs", {}))),
        results=results,
        makes_dataset=row.get("makes_dataset") is True,
        needs=row.get("needs") if row.get("needs") in ABILITIES else None,
        kind=str(row.get("kind", "")),
        plugin=plugin.name,
    )


@cache
def record_of(schema: bytes) -> type:
    """Return a record with the schema's properties; `json_schema` on it is the whole schema, for deeper checks."""
    body = orjson.loads(schema)
    properties = body.get("properties", {}) if isinstance(body, dict) else {}
    if not isinstance(properties, dict):
        raise BadManifest("a plug-in's schema has no properties")
    required = set(body.get("required", ()))
    members = [(name, *_member(one, name in required)) for name, one in sorted(properties.items())]
    made = make_dataclass("PluginRecord", members, frozen=True, kw_only=True, eq=False, repr=False)
    made.json_schema = body  # type: ignore[attr-defined]  # a class that is made here
    return made


def _member(schema: Any, required: bool) -> tuple[Any, Any]:
    known = schema if isinstance(schema, dict) else {}
    kind: Any = Secret if known.get("writeOnly") is True else Any
    description = str(known.get("description", ""))
    if required:
        return kind, doc(description)
    if kind is Secret:
        return Secret | None, doc(description, default=None)
    default = known.get("default")
    return kind, doc(description, default_factory=lambda: default) if default is not None else doc(
        description, default=None
    )
