"""Every connector, step and part of a platform has a page; what it says of the schema is true, its examples compile."""

from pathlib import Path
from typing import get_args

import pytest

from docs.examples import Example, codes_of, examples_in, project
from firn_compiler.reference import MARKER, PARTS, names, pages, renewed
from firn_runtime.run import FEATURES
from firn_schemas.connectors import CONNECTORS
from firn_schemas.steps import STEPS
from firn_schemas.steps.data import SchemaChange, WriteMode

DOCS = Path(__file__).parents[2] / "docs"
MADE = pages(FEATURES)
FOLDERS = ("connectors", "platform", "steps")
WITHOUT_EXAMPLES = frozenset(["connectors/README.md", "steps/README.md"])


def test_every_connector_and_step_has_a_page_and_no_page_is_left_over() -> None:
    here = {page.relative_to(DOCS).as_posix() for folder in FOLDERS for page in (DOCS / folder).iterdir()}
    assert here == MADE.keys()
    assert {f"{page}.md" for page in names().values()} == here
    assert {f"{kind}/{driver}" for kind, driver in CONNECTORS} | set(STEPS) <= names().keys()


@pytest.mark.parametrize("page", sorted(MADE))
def test_a_page_is_current(page: str) -> None:
    text = (DOCS / page).read_text()
    assert text == renewed(text, MADE[page]), "make schemas"


@pytest.mark.parametrize("page", sorted(MADE.keys() - WITHOUT_EXAMPLES))
def test_a_page_begins_with_words_and_an_example(page: str) -> None:
    written = (DOCS / page).read_text().partition(MARKER)[0]
    title, words = written.split("\n\n")[:2]
    assert title.startswith("# ")
    assert len(words) > 60
    assert max(map(len, written.splitlines())) <= 120
    assert examples_in(written)


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(example, id=f"{page}-{index}")
        for page in sorted(MADE)
        for index, example in enumerate(examples_in((DOCS / page).read_text()))
    ],
)
def test_an_example_compiles_without_a_finding(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, example)
    assert codes_of(tmp_path, monkeypatch) == []


def test_a_page_says_what_this_runtime_does_not_run() -> None:
    for page, feature in {
        **{f"steps/{name}.md": f"step.{name}" for name in STEPS},
        **{f"connectors/{kind}-{driver}.md": f"connector.{kind}.{driver}" for kind, driver in CONNECTORS},
    }.items():
        assert ("Compiled, not run yet" in MADE[page]) == (feature not in FEATURES)
        assert "not run yet" not in pages([*FEATURES, feature])[page]


def test_parts_of_a_write_are_all_that_it_may_be_asked_for() -> None:
    without = {"replace", "fail"}  # these need no feature of their own
    assert {
        f"write.{word}" for kind in (WriteMode, SchemaChange) for word in get_args(kind) if word not in without
    } == {*PARTS["step.write"]}
