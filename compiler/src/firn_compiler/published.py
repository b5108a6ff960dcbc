"""The JSON Schemas of what people write and machines read, for editors and for anyone who checks without Firn.

They are made from the same records and shapes that the compiler checks with; the copies in schemas/ are generated.
"""

from dataclasses import fields
from typing import Any, Literal, get_args

import orjson
from pydantic.json_schema import models_json_schema

from firn_compiler.model.json_models import TEMPLATE, closed_model
from firn_compiler.model.shapes import FlowShape, PlatformShape
from firn_compiler.stages.settle import TYPES, connector_names, declarable
from firn_schemas.artifact import Envelope
from firn_schemas.compute import COMPUTE
from firn_schemas.connectors import CONNECTORS
from firn_schemas.decode import spelling
from firn_schemas.events import EVENTS
from firn_schemas.preflight import Preflight
from firn_schemas.steps import STEPS
from firn_schemas.steps.data import WriteMode

SCHEMAS = ("flow", "platform", "artifact", "events", "preflight")
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_bytes(name: str) -> bytes:
    """Return the schema as a file: sorted keys, two-space indent, one final newline."""
    made = _MAKERS[name]()
    options = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps({"$schema": DIALECT, "title": f"Firn {name}"} | made, option=options)


def _artifact() -> dict[str, Any]:
    return closed_model(Envelope).model_json_schema(by_alias=True)


def _events() -> dict[str, Any]:
    """Return the schema of one event: a line of `--log-format json` or `--events`."""
    models: list[tuple[Any, Literal["serialization"]]] = [(closed_model(record), "serialization") for record in EVENTS]
    references, joined = models_json_schema(models, by_alias=True)
    return {"oneOf": [references[model] for model in models], "$defs": _settled(joined["$defs"])}


def _preflight() -> dict[str, Any]:
    schema: dict[str, Any] = _settled(closed_model(Preflight).model_json_schema(by_alias=True))
    return schema


def _settled(node: Any) -> Any:
    """Return a schema without what lets templates stand for values: what a run says has its final form."""
    if isinstance(node, list):
        return [_settled(one) for one in node]
    if not isinstance(node, dict):
        return node
    kinds = [one for one in node.get("anyOf", ()) if one != TEMPLATE]
    rest = {key: _settled(one) for key, one in node.items() if key != "anyOf"}
    return rest | (_settled(kinds[0]) if len(kinds) == 1 else {"anyOf": _settled(kinds)} if kinds else {})


def _flow() -> dict[str, Any]:
    schema, inputs = _with_records(FlowShape, {name: row.inputs for name, row in STEPS.items()})
    schema["$defs"]["StepShape"]["properties"]["type"]["enum"] = sorted(STEPS)
    schema["$defs"]["StepShape"]["allOf"] = [
        _when({"type": name}, {"properties": {"inputs": _spelled(inputs[name], STEPS[name].exactly_one)}})
        for name in sorted(STEPS)
    ]
    named = {"anyOf": [_given("profile"), _given("type"), _given("kind", "driver")]}
    schema["$defs"]["ResourceShape"]["allOf"] = [named, *_settings(schema)]
    schema["$defs"]["WriteInputs"]["allOf"] = [
        *(_when({"mode": mode}, {"required": [key], "properties": {key: {"minItems": 1}}}) for mode, key in _NEEDED),
        *(_when({"mode": one}, {"not": {"required": ["keys"]}}) for one in get_args(WriteMode) if one != "upsert"),
    ]
    return schema


def _platform() -> dict[str, Any]:
    schema, _ = _with_records(PlatformShape, {})
    for section, types in TYPES.items():
        choices = [_flat(name, row, schema) for name, row in sorted(types.items())]
        entries = schema["properties"][section]["anyOf"][0]
        entries["patternProperties"] = {pattern: {"oneOf": choices} for pattern in entries["patternProperties"]}
        entries["additionalProperties"] = False
    schema["$defs"]["ConnectorShape"]["allOf"] = list(_settings(schema))
    schema["$defs"]["ComputeShape"]["properties"]["type"]["enum"] = sorted(COMPUTE)
    schema["$defs"]["ComputeShape"]["allOf"] = [
        _when({"type": "duckdb"}, _DUCKDB | {"properties": {"properties": _inline(schema, COMPUTE["duckdb"])}}),
        _when({"type": "spark"}, {"properties": {"properties": _spark(schema)}}),
    ]
    return schema


_NEEDED = (("upsert", "keys"), ("insert_overwrite", "partition_by"))
"""Modes of a write with the columns that they need."""
_DUCKDB = {"not": {"anyOf": [{"required": ["master"]}, {"required": ["remote"]}]}}


def _spark(schema: dict[str, Any]) -> Any:
    reference = _inline(schema, COMPUTE["spark"])
    return schema["$defs"][reference["$ref"].rpartition("/")[2]]["properties"]["properties"]


def _with_records(shape: Any, records: dict[str, type]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the shape's schema with the records among its definitions, and a reference to each."""
    models = {name: closed_model(record) for name, record in records.items()}
    pairs = [(model, "validation") for model in (closed_model(shape), *models.values())]
    references, joined = models_json_schema(pairs, by_alias=True)  # type: ignore[arg-type]  # a list of literal pairs
    definitions = joined["$defs"]
    root = definitions.pop(shape.__name__)
    return root | {"$defs": definitions}, {name: references[model, "validation"] for name, model in models.items()}


def _inline(schema: dict[str, Any], record: type) -> dict[str, Any]:
    """Add a record's definitions to the schema and return a reference to it; aliases are allowed spellings."""
    made = closed_model(record).model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    schema["$defs"] |= made.pop("$defs", {})
    schema["$defs"][record.__name__] = (
        made | {"properties": made["properties"] | _aliases(record, made)} if "properties" in made else made
    )
    return {"$ref": f"#/$defs/{record.__name__}"}


def _aliases(record: type, made: dict[str, Any]) -> dict[str, Any]:
    known = record.__dataclass_fields__  # type: ignore[attr-defined]  # records are dataclasses
    return {alias: made["properties"][name] for name, field in known.items() for alias in field.metadata["aliases"]}


def _settings(schema: dict[str, Any]) -> Any:
    """Yield what `config` and `options` may hold for each connector; a flow may leave out what the platform sets."""
    rows = sorted(declarable())
    kinds = sorted({kind for kind, _ in rows})
    yield {"properties": {"type": {"enum": [None, *sorted(connector_names())]}, "kind": {"enum": [None, *kinds]}}}
    for kind in kinds:
        drivers = sorted(driver for one, driver in rows if one == kind)
        yield _when({"kind": kind}, {"properties": {"driver": {"enum": drivers}}})
    for kind, driver in rows:
        row = CONNECTORS[kind, driver]
        config, options = _inline(schema, row.config), _inline(schema, row.options)
        schema["$defs"][row.config.__name__].pop("required", None)
        settings = {"properties": {"config": config, "params": config, "options": options}}
        yield _when({"kind": kind, "driver": driver}, settings)
        for word in sorted(word for word, named in connector_names().items() if named == (kind, driver)):
            yield _when({"type": word}, settings)


def _flat(name: str, row: tuple[str, str], schema: dict[str, Any]) -> dict[str, Any]:
    records = (CONNECTORS[row].config, CONNECTORS[row].options)
    for record in records:
        _inline(schema, record)
    members = [schema["$defs"][record.__name__] for record in records]
    required = closed_model(records[0]).model_json_schema(by_alias=True).get("required", [])
    properties = {"type": {"const": name}} | members[0].get("properties", {}) | members[1].get("properties", {})
    flat = {"type": "object", "properties": properties, "required": ["type"], "additionalProperties": False}
    return flat | ({"allOf": [_one_of_spellings(records[0], key) for key in required]} if required else {})


def _one_of_spellings(record: type, key: str) -> dict[str, Any]:
    field = next(one for one in fields(record) if spelling(one) == key)
    return {"anyOf": [{"required": [word]} for word in (key, *field.metadata["aliases"])]}


def _when(condition: dict[str, str], then: dict[str, Any]) -> dict[str, Any]:
    properties = {key: {"const": word} for key, word in condition.items()}
    return {"if": {"properties": properties, "required": sorted(condition)}, "then": then}


def _given(*keys: str) -> dict[str, Any]:
    return {"required": [*keys], "properties": {key: {"not": {"type": "null"}} for key in keys}}


def _spelled(reference: dict[str, Any], exactly_one: tuple[str, ...]) -> dict[str, Any]:
    return reference | ({"oneOf": [_given(key) for key in exactly_one]} if exactly_one else {})


_MAKERS = {"flow": _flow, "platform": _platform, "artifact": _artifact, "events": _events, "preflight": _preflight}
