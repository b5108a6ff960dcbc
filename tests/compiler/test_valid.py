"""Every folder of tests/corpus/valid is a project with the whole artifact, and all that the compiler says of it."""

import os
import shlex
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from firn_compiler.cli import compile_command
from firn_compiler.document import Document, value_of
from firn_compiler.published import schema_bytes
from firn_compiler.yaml_source import Source, parse

CASES = sorted(path.parent for path in (Path(__file__).parents[1] / "corpus" / "valid").glob("*/arguments.txt"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_project_compiles_to_exactly_this(case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    words = shlex.split((case / "arguments.txt").read_text())
    result = CliRunner().invoke(compile_command, [*words, "--no-cache", "-o", str(tmp_path / "out.json")])
    assert result.exit_code == 0, result.output
    answer = {"expected.txt": result.output.replace(str(tmp_path), "OUT").encode()}
    answer |= {"compiled_artifacts.json": (tmp_path / "out.json").read_bytes()}
    for name, content in answer.items():
        if os.environ.get("FIRN_ACCEPT"):
            (case / name).write_bytes(content)
        assert (case / name).read_bytes() == content


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_published_schemas_accept_it(case: Path) -> None:
    for name in ("flow", "platform"):
        document = parse(Source(name, (case / f"{name}.yaml").read_bytes())).document
        assert isinstance(document, Document)
        validator = Draft202012Validator(orjson.loads(schema_bytes(name)))
        assert [error.message for error in validator.iter_errors(value_of(document.root))] == []


def test_the_artifact_schema_accepts_what_is_compiled() -> None:
    validator = Draft202012Validator(orjson.loads(schema_bytes("artifact")))
    for case in CASES:
        artifact = orjson.loads((case / "compiled_artifacts.json").read_bytes())
        assert [error.message for error in validator.iter_errors(artifact)] == []
