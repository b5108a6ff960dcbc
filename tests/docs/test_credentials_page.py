"""The page of credentials: its example compiles, and its table is what the compiler and the runtime take."""

import re
from pathlib import Path

import pytest

from docs.examples import codes_of, examples_in, project
from firn_compiler.checks.credentials import TAKES
from firn_runtime.run import FEATURES

PAGE = (Path(__file__).parents[2] / "docs/credentials.md").read_text()


def test_the_example_compiles_without_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = examples_in(PAGE)
    project(tmp_path, example)
    assert codes_of(tmp_path, monkeypatch) == []


def test_the_table_is_what_is_taken() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|", PAGE, re.MULTILINE)[:4]
    kinds = ("rest", "s3", "catalog")
    said = {f"credentials.{kind}.{row[0]}" for row in rows for kind, text in zip(kinds, row[1:], strict=True)
            if not text.startswith("no:")}  # fmt: skip
    assert said == {f"credentials.{kind}.{mode}" for kind, modes in TAKES.items() for mode in modes}
    assert said == {one for one in FEATURES if one.startswith("credentials.")}
