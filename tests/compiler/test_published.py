"""The published JSON Schemas are fresh, valid, and agree with the compiler's own shape check."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from compiler.projects import FLOW, PLATFORM, compiled, source
from firn_compiler.assembly import Request
from firn_compiler.document import Document, value_of
from firn_compiler.pipeline import validate_project
from firn_compiler.published import SCHEMAS, schema_bytes
from firn_compiler.yaml_source import Source, parse

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_published_copy_is_what_firn_schema_writes(name: str) -> None:
    assert (ROOT / "schemas" / f"{name}.schema.json").read_bytes() == schema_bytes(name)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_published_schema_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(orjson.loads(schema_bytes(name)))


@cache
def validator(name: str) -> Any:
    return Draft202012Validator(orjson.loads(schema_bytes(name)))


def valid(name: str, text: str) -> bool:
    document = parse(source("x.yaml", text)).document
    assert isinstance(document, Document)
    return bool(validator(name).is_valid(value_of(document.root)))


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


SHAPE = frozenset(["E201", "E202", "E203", "E204", "E205", "E304", "E312", "E601", "E602"])
"""What a schema can see: keys, types, words, names of step types and connectors, and where a secret may stand."""


BEYOND = frozenset(
    [
        "E201/locked_names_nothing",  # a setting that is named in a text
        "E201/two_spellings_of_one_key",  # each of them is known
        "E203/credentials_without_a_mode",  # another layer may bring it, which only a schema without unions can say
        "E204/export_of_parquet",
        "E204/files_that_lead_out",
        "E204/layouts_that_are_not_written",
        "E204/lookback",
        "E204/mail_address",
        "E204/message_that_is_none",
        "E204/nested_type",
        "E204/no_url",
        "E204/not_a_role",
        "E204/own_header",
        "E204/places_in_an_answer",
        "E204/settings_of_a_wrong_form",  # a template may stand there, and no pattern of the schema's
        "E204/variables_of_a_program",
        "E205/columns_of_headerless_files",
        "E205/params_without_a_query",
        "E205/path_of_another_strategy",
        "E205/rules_about_no_column",
        "E402/template_in_a_key",  # the schema says it as an unknown key
        "E705/no_decode_hook",
        "W201/nothing_behind",
    ]
)
"""Cases of which a schema sees something else."""


def cases() -> list[Path]:
    found = [path.parent for path in (ROOT / "tests/corpus/invalid").glob("[EW]*/*/expected.txt")]
    return sorted(path for path in found if f"{path.parent.name}/{path.name}" not in BEYOND)


def merged_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield every file of a case that stands alone: a platform that extends another is only a part."""
    for name in ("flow", "platform"):
        file = folder / f"{name}.yaml"
        if file.is_file() and b"extends:" not in file.read_bytes():
            yield name, file


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.parent.name}/{case.name}")
def test_over_the_corpus_the_schemas_see_what_the_compiler_sees(case: Path) -> None:
    for name, file in merged_files(case):
        parsed = parse(Source(file.name, file.read_bytes()))
        if parsed.document is None or parsed.found:
            continue
        found = shape_findings(name, parsed.document)
        errors = list(validator(name).iter_errors(value_of(parsed.document.root)))
        assert bool(found) == bool(errors), (found, [error.message for error in errors])


def shape_findings(name: str, document: Document) -> list[str]:
    """Return what the compiler's own check of keys and types says of one file alone."""
    file = Source(document.file, document.text.encode())
    nothing = Request((), None, "", {}, lambda *_: None, lambda *_: None)
    if name == "flow":
        answer = validate_project(nothing._replace(flows=(file,)))
    else:
        answer = validate_project(nothing._replace(platform=file, environment="test"))
    return [f"{one.code} {one.message}" for one in answer.diagnostics if one.code in SHAPE]
