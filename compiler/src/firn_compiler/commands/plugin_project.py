"""The files of a new plug-in: they build, install and pass their own tests as they are."""

import re
import sys
from importlib.util import find_spec
from keyword import iskeyword

from firn_schemas.connectors import CONNECTORS

PYPROJECT = """\
[project]
name = "NAME"
version = "0.1.0"
description = "A plug-in for Firn"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["firn-runtime"]

[project.entry-points."firn.plugins"]
PACKAGE = "PACKAGE"

[project.entry-points."firn.connectors"]
"KIND.DRIVER" = "PACKAGE.connector:Folder"

[project.entry-points."firn.steps"]
PACKAGE_count = "PACKAGE.step:count"

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.build.targets.wheel]
packages = ["src/PACKAGE"]
"""
MANIFEST = """\
{
  "format": "firn.plugin/1",
  "connectors": [
    {
      "kind": "KIND",
      "driver": "DRIVER",
      "can": ["readable"],
      "config": {
        "type": "object",
        "required": ["folder", "token"],
        "properties": {
          "folder": {"type": "string", "description": "Folder of files with a JSON object on each line."},
          "token": {"writeOnly": true, "description": "What your system asks for; this example only has it."}
        }
      },
      "options": {
        "type": "object",
        "properties": {"limit": {"type": "integer", "minimum": 1, "description": "Rows to read at most."}}
      }
    }
  ],
  "steps": [
    {
      "type": "PACKAGE_count",
      "inputs": {
        "type": "object",
        "required": ["from"],
        "properties": {"from": {"type": "string", "description": "The dataset."}}
      },
      "results": {"count": "integer"}
    }
  ]
}
"""
CONNECTOR = '''\
"""A connector that reads: put your own system in the place of the folder."""

import json
from itertools import islice
from pathlib import Path

from firn_runtime.api import ConnectorBase, ConnectorError


class Folder(ConnectorBase):
    """Reads `TABLE.ndjson` below a folder."""

    def __init__(self, *, config, options):
        super().__init__(config=config, options=options)
        self.folder = None

    def connect(self):
        """Open what is needed; `self.config.token.reveal()` is the secret's value."""
        self.folder = Path(self.base_dir, self.config.folder)
        if not self.folder.is_dir():
            raise ConnectorError("connection", f"there is no folder `{self.config.folder}`")

    def close(self):
        """Let go of everything; also called twice, and without `connect`."""
        self.folder = None

    def read(self, inputs, context):
        """Yield the rows as mappings; nothing is held in memory."""
        try:
            with (self.folder / f"{Path(inputs.table).name}.ndjson").open() as lines:
                yield from map(json.loads, islice(lines, self.options.limit))
        except FileNotFoundError:
            raise ConnectorError("data", f"there is no table `{inputs.table}`") from None
'''
STEP = '''\
"""A step: a function from its inputs and what the run lends to a result."""

from firn_runtime.api import StepResult


def count(inputs, context):
    """Count the rows of an earlier dataset."""
    number = sum(1 for _ in context.rows(inputs.from_))
    return StepResult(results={"count": number}, rows=number)
'''
TESTS = '''\
"""The plug-in keeps Firn's contract, and does what it is for."""

from pathlib import Path
from types import SimpleNamespace

import PACKAGE
import pytest
from PACKAGE.connector import Folder

from firn_runtime.testing import check_connector, check_errors, check_rows, made, manifest_rows

MANIFEST = Path(PACKAGE.__file__).parent / "firn-plugin.json"
CONFIG = {"folder": "data", "token": "not-a-real-token"}


@pytest.fixture
def connector(tmp_path):
    (tmp_path / "orders.ndjson").write_text('{"id": 1}\\n{"id": 2}\\n')
    one = made(Folder, manifest_rows(MANIFEST).connectors["KIND", "DRIVER"], CONFIG | {"folder": str(tmp_path)})
    one.connect()
    yield one
    one.close()


def test_it_keeps_the_contract():
    check_connector(Folder, MANIFEST, "KIND.DRIVER", CONFIG)


def test_it_reads_every_row(connector):
    assert check_rows(connector.read(SimpleNamespace(table="orders"), None)) == [{"id": 1}, {"id": 2}]


def test_a_table_that_is_not_there_is_an_error(connector):
    assert check_errors(lambda: list(connector.read(SimpleNamespace(table="none"), None))).error_class == "data"
'''
README = """\
# NAME

A plug-in for Firn: the connector `KIND/DRIVER` and the step `PACKAGE_count`.

    pip install -e . && pytest          # while you write it
    python -m build --wheel             # what is installed where flows run
    firn plugins                        # prints the line for `security.plugins` of a platform

- `src/PACKAGE/firn-plugin.json` says what connectors and steps take; the compiler reads it and imports nothing
- `src/PACKAGE/connector.py` and `step.py` are the code; `pyproject.toml` names both as entry points
- `tests` call `firn_runtime.testing`
"""
FILES = {
    "pyproject.toml": PYPROJECT,
    "README.md": README,
    ".gitignore": "/dist/\n__pycache__/\n*.egg-info/\n",
    "src/PACKAGE/__init__.py": '"""A plug-in for Firn."""\n',
    "src/PACKAGE/firn-plugin.json": MANIFEST,
    "src/PACKAGE/connector.py": CONNECTOR,
    "src/PACKAGE/step.py": STEP,
    "tests/test_plugin.py": TESTS,
}


def plugin_files(name: str) -> dict[str, str]:
    """Return the files of a plug-in whose distribution has this name; raise ValueError with the rule it breaks.

    Names of distributions are compared with `-` for `_` (PyPA, name normalization): that is how this one is written.
    """
    name = name.replace("_", "-")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or len(name) > 60:
        raise ValueError(
            "holds small letters, digits and single `-` or `_`, and begins with a letter; at most 60 characters"
        )
    kind, _, rest = name.partition("-")
    package, driver = name.replace("-", "_"), rest if rest[:1].isalpha() else "folder"
    if iskeyword(package) or package in sys.stdlib_module_names or find_spec(package) is not None:
        raise ValueError(f"is the name of its package, too, and `{package}` stands for something else in Python")
    if (kind, driver) in CONNECTORS:
        raise ValueError(f"names its first connector, too, and Firn itself has `{kind}/{driver}`")
    words = {"PACKAGE": package, "KIND": kind, "DRIVER": driver, "NAME": name}
    return {_filled(path, words): _filled(text, words) for path, text in FILES.items()}


def _filled(text: str, words: dict[str, str]) -> str:
    return re.sub("|".join(words), lambda found: words[found[0]], text)
