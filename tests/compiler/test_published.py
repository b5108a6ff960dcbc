"""The published JSON Schemas are fresh, valid, and agree with the compiler's own shape check."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from compiler.projects import FLOW, PLATFORM, compiled, source
from firn_compiler.document import Document, value_of
from firn_compiler.published import SCHEMAS, schema_bytes
from firn_compiler.yaml_source import parse

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_published_copy_is_what_firn_schema_writes(name: str) -> None:
    assert (ROOT / "schemas" / f"{name}.schema.json").read_bytes() == schema_bytes(name)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_published_schema_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(orjson.loads(schema_bytes(name)))


def valid(name: str, text: str) -> bool:
    document = parse(source("x.yaml", text))
    assert isinstance(document, Document)
    value: Any = value_of(document.root)
    return bool(Draft202012Validator(orjson.loads(schema_bytes(name))).is_valid(value))


@pytest.mark.parametrize(
    ("name", "text"), [("flow", FLOW), ("platform", PLATFORM), ("flow", FLOW.replace("orders.csv", "'{{ var.x }}'"))]
)
def test_what_compiles_is_accepted(name: str, text: str) -> None:
    assert valid(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("flow", FLOW.replace("resources:", "resource:")),
        ("flow", FLOW.replace("path: orders.csv", "pth: orders.csv")),
        ("flow", FLOW.replace("mode: replace", "mode: replce")),
        ("flow", FLOW.replace('"1.0.0"', "1.0")),
        ("flow", FLOW.replace(", path: orders.csv", "")),
        ("platform", PLATFORM.replace("root: out", "rot: out")),
        ("platform", PLATFORM.replace("config: {root: data}", "config: {pasword: data}")),
    ],
)
def test_what_does_not_compile_is_refused(name: str, text: str) -> None:
    assert not valid(name, text)
    result = compiled(flow=text) if name == "flow" else compiled(platform=text)
    assert not result.ok
