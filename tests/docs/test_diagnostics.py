"""Every code that the source can say has a page, and every page a code."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r'"([EWR]\d{3})"')


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    sources = [*(ROOT / "compiler/src").rglob("*.py"), *(ROOT / "runtime/src").rglob("*.py")]
    said = {code for file in sources for code in CODE.findall(file.read_text())}
    pages = {page.stem for page in (ROOT / "docs/diagnostics").glob("[EWR]*.md")} - {"README"}
    assert pages == said


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs/diagnostics/README.md").read_text()
    for page in (ROOT / "docs/diagnostics").glob("[EWR][0-9]*.md"):
        assert f"({page.name})" in index
