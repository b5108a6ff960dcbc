"""Plug-ins for tests: projects, their wheels, and an environment of their own to install them into."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).parents[2]
OWN = (ROOT / "schemas/src", ROOT / "compiler/src", ROOT / "runtime/src")
PYPROJECT = """\
[project]
name = "{name}"
version = "{version}"

[project.entry-points."firn.plugins"]
plugin = "{package}"

[project.entry-points."firn.connectors"]
{connectors}

[project.entry-points."firn.steps"]
{steps}

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.build.targets.wheel]
packages = ["{package}"]
"""
TABLE: dict[str, Any] = {
    "format": "firn.plugin/1",
    "connectors": [
        {
            "kind": "acme",
            "driver": "table",
            "can": ["readable"],
            "config": {
                "type": "object",
                "required": ["rows", "token"],
                "properties": {"rows": {"type": "integer"}, "token": {"writeOnly": True}},
            },
        }
    ],
    "steps": [{"type": "acme_sum", "inputs": {"properties": {"of": {"type": "array"}}}, "results": {"sum": "integer"}}],
}
CODE = """\
from firn_runtime.api import ConnectorBase, StepResult


class Table(ConnectorBase):
    def connect(self):
        pass

    def close(self):
        pass

    def read(self, inputs, context):
        for number in range(self.config.rows):
            yield {"id": number}


def add(inputs, context):
    return StepResult({"sum": sum(inputs.of)})
"""
FLOW = """\
name: plugged
version: "1.0.0"
resources: {table: {profile: table}}
steps:
  - {id: rows, type: read, inputs: {resource: table, table: any}}
  - {id: total, type: acme_sum, inputs: {of: [1, 2, 3]}, outputs: {sum: "{{ result.sum }}"}}
  - {id: out, type: write, inputs: {from: rows, resource: storage, path: rows.csv, mode: replace}}
"""
PLATFORM = """\
version: "1.0.0"
environment: test
storage: {default: {type: local, root: out}}
connectors:
  table: {kind: acme, driver: table, config: {rows: 3, token: {secret_ref: token}}}
"""


def project(
    folder: Path,
    code: str = CODE,
    *,
    name: str = "acme-table",
    version: str = "1.0.0",
    package: str = "acme_table",
    manifest: Mapping[str, Any] = TABLE,
    connectors: str = '"acme.table" = "acme_table.code:Table"',
    steps: str = 'acme_sum = "acme_table.code:add"',
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write a plug-in's project."""
    words = {"name": name, "version": version, "package": package, "connectors": connectors, "steps": steps}
    contents = {
        "pyproject.toml": PYPROJECT.format(**words),
        f"{package}/__init__.py": "",
        f"{package}/firn-plugin.json": json.dumps(manifest),
        f"{package}/code.py": code,
    }
    for path, text in {**contents, **(files or {})}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def wheel(project: Path, target: Path) -> Path:
    """Build a project's wheel."""
    code = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    target.mkdir(parents=True, exist_ok=True)
    return target / run(sys.executable, "-c", code, target, cwd=project).stdout.split()[-1]


def environment(folder: Path) -> Path:
    """Make a virtual environment that has what Firn needs, by links, and `pip`; return its interpreter."""
    run(sys.executable, "-m", "venv", folder)
    packages = folder / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    ours = Path(orjson.__file__).parents[1]
    for one in (one for source in (ours, *OWN) for one in source.iterdir()):
        firns = one.name.startswith("firn_") and one.suffix == ".dist-info"
        if one.suffix != ".pth" and not firns and not (packages / one.name).exists():
            (packages / one.name).symlink_to(one)
    return folder / "bin/python"


def install(python: Path, *words: str | Path) -> None:
    """Install from files alone."""
    run(python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--disable-pip-version-check", *words)


def run(*command: str | Path, ok: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command and return how it ended; it must end well unless told otherwise."""
    environ = clean() | options.pop("environ", {})
    answer = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, env=environ, **options
    )
    assert not ok or answer.returncode == 0, answer.stdout + answer.stderr
    return answer


@cache
def clean() -> dict[str, str]:
    """Return the environment without what would lead Python elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
