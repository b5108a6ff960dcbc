"""Plug-ins as the compiler knows them: a manifest with JSON Schemas, read as a file. Their code is never imported.

A distribution announces its package in the entry-point group `firn.plugins`; `firn-plugin.json` in that package lists
connectors and step types. Sensitive settings are marked `"writeOnly": true` (JSON Schema, validation, section 9.4).
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import make_dataclass
from functools import cache
from keyword import iskeyword
from typing import Any, NamedTuple

import orjson

from firn_compiler.model.names import TEXTS, Name
from firn_schemas.base import Json, JsonObject, doc, record
from firn_schemas.canonical import bytes_digest
from firn_schemas.connectors import CONNECTORS, Connector
from firn_schemas.decode import DecodeError, decode
from firn_schemas.secret import Secret
from firn_schemas.steps import STEPS, Ability, StepType

FORMAT = "firn.plugin/1"
MAX_MANIFEST = 1024 * 1024
MAX_NESTING = 40


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


@record
class ConnectorRow:
    """What a manifest says of one connector."""

    kind: str = doc("Its kind.")
    driver: str = doc("Its driver.")
    can: list[Ability] = doc("What steps may ask of it.", default_factory=list)
    config: JsonObject = doc("JSON Schema of its `config`.", default_factory=dict)
    options: JsonObject = doc("JSON Schema of its `options`.", default_factory=dict)


@record
class StepRow:
    """What a manifest says of one step type."""

    type: str = doc("Its name.")
    inputs: JsonObject = doc("JSON Schema of its `inputs`.", default_factory=dict)
    results: dict[str, str] = doc("Results by name, with their types.", default_factory=dict)
    makes_dataset: bool = doc("It makes a dataset named after its id.", default=False)
    needs: Ability | None = doc("What its resource must be able to do.", default=None)
    kind: str = doc("The kind that its resource must be of; empty: any.", default="")


@record
class Manifest:
    """The content of `firn-plugin.json`."""

    format: str = doc("`firn.plugin/1`.")
    connectors: list[ConnectorRow] = doc("Connectors that it brings.", default_factory=list)
    steps: list[StepRow] = doc("Step types that it brings.", default_factory=list)


@contextmanager
def plugged_in(plugins: Sequence[Plugin]) -> Iterator[None]:
    """Let the rows of these plug-ins be seen; raises BadManifest."""
    connectors: dict[tuple[str, str], Connector] = {}
    steps: dict[str, StepType] = {}
    for plugin in plugins:
        try:
            manifest = _manifest(plugin.manifest)
            for one in manifest.connectors:
                connectors[_named(one.kind), _named(one.driver)] = _connector(one, plugin)
            for row in manifest.steps:
                steps[_named(row.type)] = _step(row, plugin)
        except BadManifest as error:
            raise BadManifest(f"the manifest of the plug-in `{plugin.name}`: {error}") from None
    with ExitStack() as stack:
        stack.enter_context(CONNECTORS.extended(connectors))
        stack.enter_context(STEPS.extended(steps))
        yield


def _manifest(content: bytes) -> Manifest:
    try:
        body = orjson.loads(content)
    except ValueError:
        raise BadManifest("it is not JSON") from None
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise BadManifest(f"it has not the format `{FORMAT}`")
    if _depth(body) > MAX_NESTING:
        raise BadManifest(f"it is nested deeper than {MAX_NESTING}")
    try:
        return decode(Manifest, body)
    except DecodeError as error:
        path, problem = error.problems[0]
        raise BadManifest(f"`{path}` {problem}") from None


def _depth(value: Json) -> int:
    """Return how deep a value is nested, as far as it matters."""
    depth, level = 0, [value]
    while level and depth <= MAX_NESTING:
        depth += 1
        children: list[Json] = []
        for one in level:
            children += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        level = children
    return depth


def _named(word: str) -> str:
    if not re.fullmatch(TEXTS[Name].pattern, word):
        raise BadManifest(f"`{word[:60]}` is not a name")
    return word


def _connector(row: ConnectorRow, plugin: Plugin) -> Connector:
    if _secrets(row.options):
        raise BadManifest("`writeOnly` is for properties of `config`")
    able: dict[str, Any] = dict.fromkeys(row.can, True)
    config, options = _record(row.config), _record(row.options)
    return Connector(config=config, options=options, plugin=plugin.name, plugin_version=plugin.version, **able)


def _step(row: StepRow, plugin: Plugin) -> StepType:
    if _secrets(row.inputs):
        raise BadManifest("`writeOnly` is for properties of a connector's `config`")
    return StepType(
        inputs=_record(row.inputs),
        results=row.results,
        makes_dataset=row.makes_dataset,
        needs=row.needs,
        kind=row.kind,
        plugin=plugin.name,
        plugin_version=plugin.version,
    )


def _secrets(schema: Json) -> int:
    """Return how often a schema says `writeOnly`, at any depth."""
    if isinstance(schema, dict):
        return (schema.get("writeOnly") is True) + sum(map(_secrets, schema.values()))
    return sum(map(_secrets, schema)) if isinstance(schema, list) else 0


def _record(schema: JsonObject) -> type:
    properties: Any = schema.get("properties", {})
    required = schema.get("required", [])
    if not isinstance(properties, dict) or not isinstance(required, list):
        raise BadManifest("a schema has no properties, or no list of those that are required")
    for name in properties:
        if not re.fullmatch(r"[A-Za-z_](?:[A-Za-z0-9_]*[A-Za-z0-9])?", name):
            raise BadManifest(f"the property `{name[:60]}` is no identifier")
    first = sum(isinstance(one, dict) and one.get("writeOnly") is True for one in properties.values())
    if first != _secrets(schema):
        raise BadManifest("`writeOnly` is for properties of the first level")
    return record_of(orjson.dumps(schema))


@cache
def record_of(schema: bytes) -> type:
    """Return a record with the schema's properties; `json_schema` on it is the whole schema, for deeper checks."""
    body = orjson.loads(schema)
    required = set(map(str, body.get("required", ())))
    members = [
        (f"{name}_" if iskeyword(name) else name, *_member(one, name in required))
        for name, one in sorted(body.get("properties", {}).items())
    ]
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
