"""What a plug-in says of itself: a manifest with JSON Schemas, read as data, made into rows like Firn's own.

Sensitive settings are marked `"writeOnly": true` (JSON Schema, validation, section 9.4).
"""

import re
from dataclasses import make_dataclass
from functools import cache
from keyword import iskeyword
from types import NoneType
from typing import Any, NamedTuple, Union

import orjson

from firn_schemas.base import Json, JsonObject, doc, record
from firn_schemas.connectors import Connector
from firn_schemas.decode import DecodeError, decode
from firn_schemas.origin import Origin as Origin
from firn_schemas.secret import Secret
from firn_schemas.steps import Ability, StepType

GROUP, CONNECTOR_GROUP, STEP_GROUP = "firn.plugins", "firn.connectors", "firn.steps"
"""Entry points: the package that holds the manifest; `kind.driver` and step types, each as `module:attribute`."""
FILE, FORMAT = "firn-plugin.json", "firn.plugin/1"
MAX_MANIFEST = 1024 * 1024
MAX_NESTING = 40
_NAME = "[a-zA-Z][a-zA-Z0-9_-]{0,99}"


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


class Rows(NamedTuple):
    """What a manifest brings, as rows of the tables of connectors and step types."""

    connectors: dict[tuple[str, str], Connector]
    steps: dict[str, StepType]


def rows(content: bytes, origin: Origin, *, typed: bool = False) -> Rows:
    """Return a manifest's rows; raise BadManifest.

    With `typed`, first-level fields whose schema states a plain type have it, so that text of environment variables
    becomes what it stands for; without, the whole schema is left to who checks by it.
    """
    try:
        manifest = _manifest(content)
        return Rows(
            {(_named(one.kind), _named(one.driver)): _connector(one, origin, typed) for one in manifest.connectors},
            {_named(one.type): _step(one, origin, typed) for one in manifest.steps},
        )
    except BadManifest as error:
        raise BadManifest(f"the manifest of the plug-in `{origin.name}`: {error}") from None


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
    if not re.fullmatch(_NAME, word):
        raise BadManifest(f"`{word[:60]}` is not a name")
    return word


def _connector(row: ConnectorRow, origin: Origin, typed: bool) -> Connector:
    if _secrets(row.options):
        raise BadManifest("`writeOnly` is for properties of `config`")
    able: dict[str, Any] = dict.fromkeys(row.can, True)
    config, options = _record(row.config, typed), _record(row.options, typed)
    return Connector(config=config, options=options, plugin=origin, **able)


def _step(row: StepRow, origin: Origin, typed: bool) -> StepType:
    if _secrets(row.inputs):
        raise BadManifest("`writeOnly` is for properties of a connector's `config`")
    return StepType(
        inputs=_record(row.inputs, typed),
        results=row.results,
        makes_dataset=row.makes_dataset,
        needs=row.needs,
        kind=row.kind,
        plugin=origin,
    )


def _secrets(schema: Json) -> int:
    """Return how often a schema says `writeOnly`, at any depth."""
    if isinstance(schema, dict):
        return (schema.get("writeOnly") is True) + sum(map(_secrets, schema.values()))
    return sum(map(_secrets, schema)) if isinstance(schema, list) else 0


def _record(schema: JsonObject, typed: bool) -> type:
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
    return record_of(orjson.dumps(schema), typed=typed)


@cache
def record_of(schema: bytes, *, typed: bool) -> type:
    """Return a record with the schema's properties; `json_schema` on it is the whole schema, for deeper checks."""
    body = orjson.loads(schema)
    required = set(map(str, body.get("required", ())))
    members = [
        (f"{name}_" if iskeyword(name) else name, *_member(one, name in required, typed))
        for name, one in sorted(body.get("properties", {}).items())
    ]
    made = make_dataclass("PluginRecord", members, frozen=True, kw_only=True, eq=False, repr=False)
    made.json_schema = body  # type: ignore[attr-defined]  # a class that is made here
    return made


def _member(schema: Any, required: bool, typed: bool) -> tuple[Any, Any]:
    known = schema if isinstance(schema, dict) else {}
    kind: Any = Secret if known.get("writeOnly") is True else _stated(known) if typed else Any
    description = str(known.get("description", ""))
    if required:
        return kind, doc(description)
    default = known.get("default")
    if kind is Secret or default is None:
        return kind if kind is Any else kind | None, doc(description, default=None)
    return kind, doc(description, default_factory=lambda: default)


_STATED = {"boolean": bool, "integer": int, "null": NoneType, "number": float, "string": str}


def _stated(schema: JsonObject) -> Any:
    """Return the type that a schema states, where it is one that text can stand for, or several such."""
    said = schema.get("type")
    words = said if isinstance(said, list) else [said]
    known = [_STATED[word] for word in words if isinstance(word, str) and word in _STATED]
    return Union[tuple(known)] if known and len(known) == len(words) else Any  # noqa: UP007  # made of values
