"""The page of the language names every key that the compiler knows, and its examples compile."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from docs.examples import Example, codes_of, examples_in, project
from firn_compiler.model import shapes
from firn_compiler.template import ROOTS
from firn_runtime.run import FEATURES
from firn_schemas.decode import spelling
from firn_schemas.sql_functions import TABLE_FUNCTIONS

PAGE = (Path(__file__).parents[2] / "docs/language.md").read_text()
ELSEWHERE = {"PostgresState"}  # has the settings of a connector, on its page
EXAMPLES = [one for part in re.split(r"^##+ ", PAGE, flags=re.MULTILINE) for one in examples_in(part)]
SHAPES = [shape for name, shape in vars(shapes).items() if name.endswith(("Shape", "State")) and name not in ELSEWHERE]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_every_key_is_named(shape: type) -> None:
    spans = " ".join(re.findall(r"`[^`\n]+`", PAGE))
    for field in fields(shape):
        assert re.search(rf"\b{spelling(field)}\b", spans), spelling(field)


def test_every_root_and_function_is_named() -> None:
    for word in (*ROOTS, *TABLE_FUNCTIONS):
        assert re.search(rf"`{word}\b", PAGE), word


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_compiles(example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, example)
    assert [code for code in codes_of(tmp_path, monkeypatch) if code not in ("W301", "W303")] == []


def test_what_is_said_not_to_run_does_not() -> None:
    section = PAGE.partition("## Compiled, not run yet")[2]
    named = re.findall(r"`((?:\w+)\.(?:\w+))`", section.partition("Connectors, steps")[0])
    assert named
    assert FEATURES.isdisjoint(named)
