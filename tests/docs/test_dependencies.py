"""What an installation brings along is on the page of its distribution, with the reason."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def rows(page: str) -> set[str]:
    return {found[1] for found in re.finditer(r"^\| `?([\w.-]+)`?(?: \([^|]*\))? \|", page, re.M)}


def test_every_dependency_and_every_extra_of_the_runtime_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "runtime/pyproject.toml").read_text())["project"]
    asked = {re.split(r"[<>=\[ ]", one)[0] for one in project["dependencies"]} | set(project["optional-dependencies"])
    told = rows((ROOT / "runtime/README.md").read_text()) - {"dependency", "extra", "orjson", "---"}
    assert told == asked
