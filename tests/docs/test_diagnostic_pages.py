"""Every page of a diagnostic says why, and its examples are run: the wrong one has this code, the right one none.

A page's examples are fenced blocks below `Wrong:` and `Right:`. Blocks of `console` are run as they stand; in their
answers `…` stands for anything.
"""

import re
from pathlib import Path

import pytest

from docs.examples import Example, codes_of, dialogue, examples_in, project

DOCS = Path(__file__).parents[2] / "docs/diagnostics"
PAGES = sorted(DOCS.glob("[EWR][0-9]*.md"))
COMPILED = [page for page in PAGES if not page.stem.startswith("R")]
WITHOUT_EXAMPLES = {
    "E206": "every text that the checks let through can be frozen; it guards against a fault of ours",
    "E707": "it takes an installed plug-in: tests/compiler/test_plugins.py",
    "E708": "it takes an installed plug-in: tests/compiler/test_plugins.py",
    "W702": "it takes installed plug-ins: tests/compiler/test_plugins.py",
}


def examples(page: Path, heading: str) -> list[Example]:
    """Return the examples below `Wrong:` or `Right:`."""
    wrong, _, right = page.read_text().partition("\nRight:\n")
    return examples_in(wrong.partition("\nWrong:\n")[2] if heading == "Wrong" else right)


def cases(heading: str) -> list[object]:
    """Return every example of every page, as parameters."""
    return [
        pytest.param(page.stem, example, id=f"{page.stem}-{index}")
        for page in COMPILED
        for index, example in enumerate(examples(page, heading))
    ]


@pytest.mark.parametrize(("code", "example"), cases("Wrong"))
def test_a_wrong_example_has_exactly_this_code(
    code: str, example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, example, code)
    if example.console:
        assert f"[{code}]" in example.console
        assert dialogue(tmp_path, example.console) == (0 if code.startswith("W") else 1)
        return
    found = codes_of(tmp_path, monkeypatch)
    assert code in found
    assert {one for one in found if one.startswith("E")} <= {code}


@pytest.mark.parametrize(("code", "example"), cases("Right"))
def test_a_right_example_compiles(code: str, example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, example, code)
    if example.console:
        assert dialogue(tmp_path, example.console) == 0
        return
    found = codes_of(tmp_path, monkeypatch)
    assert [one for one in found if one.startswith("E") or one == code] == []


def test_the_base_compiles_without_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, Example({}), "")
    assert codes_of(tmp_path, monkeypatch) == []


@pytest.mark.parametrize("page", COMPILED, ids=lambda page: page.stem)
def test_a_page_of_the_compiler_says_why_and_shows_both(page: Path) -> None:
    if page.stem in WITHOUT_EXAMPLES:
        assert "Wrong:" not in page.read_text()
        return
    assert re.match(rf"# {page.stem}: [^\n]+\n\n[^\n|#-][^\n]{{60,}}\n", page.read_text())
    assert examples(page, "Wrong")
    assert examples(page, "Right")


@pytest.mark.parametrize("page", [page for page in PAGES if page not in COMPILED], ids=lambda page: page.stem)
def test_a_page_of_the_runtime_says_cause_remedy_and_exit_code(page: Path) -> None:
    text = page.read_text()
    assert re.match(rf"# {page.stem}: [^\n]+\n\n[^\n]{{60,}}\n", text)
    assert re.search(r"[Ee]xit code [1-6]\.\n\Z", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_index_and_the_page_have_one_title(page: Path) -> None:
    title = page.read_text().partition("\n")[0].removeprefix(f"# {page.stem}: ")
    assert f"| [{page.stem}]({page.name}) | {title} |\n" in (DOCS / "README.md").read_text()
