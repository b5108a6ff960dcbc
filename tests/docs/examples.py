"""Examples of the documentation: fenced blocks, laid over the base project.

The first line of a block names its file; the block is laid over the file of that name in `base`, top-level key by
top-level key, unless it is a whole file: one with `name:`, or one about the text itself (E1). A second block for the
same file begins a second example. Blocks of `console` are examples of their own.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from firn_compiler.cli import compile_command

HERE = Path(__file__).parent
FENCE = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"(?:#|--) (?P<name>\S+\.(?:ya?ml|sql))\n")
KEY = re.compile(r"^(?=[A-Za-z_\"'])", re.MULTILINE)
ALTERNATIVES = {"jobs": "steps", "steps": "jobs"}


class Example(NamedTuple):
    """Files by name, or the text of a console."""

    files: dict[str, str]
    console: str = ""


def examples_in(text: str) -> list[Example]:
    """Return the examples of a text."""
    found: list[Example] = []
    for fence in FENCE.finditer(text):
        if fence["kind"] == "console":
            found.append(Example({}, fence["text"]))
            continue
        file = FILE.match(fence["text"])
        assert file, f"the first line of a block names no file: {fence['text'].splitlines()[0]}"
        if not found or found[-1].console or file["name"] in found[-1].files:
            found.append(Example({}))
        found[-1].files[file["name"]] = fence["text"]
    return found


def project(folder: Path, example: Example, code: str = "") -> None:
    """Write the base project with the example over it."""
    shutil.copytree(HERE / "base", folder, dirs_exist_ok=True)
    for name, text in example.files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        whole = code.startswith("E1") or not (HERE / "base" / name).is_file() or "name" in sections(text)
        place.write_text(text if whole else laid_over((HERE / "base" / name).read_text(), text))


def sections(text: str) -> dict[str, str]:
    """Return the text of every top-level key."""
    parts = [part for part in KEY.split(text) if part and not part.startswith("#")]
    return {part.partition(":")[0].strip("\"'"): part for part in parts}


def laid_over(base: str, fragment: str) -> str:
    """Return the base with the fragment's top-level keys in the place of its own; `jobs` take the place of `steps`."""
    own = sections(fragment)
    kept = [text for key, text in sections(base).items() if key not in own and ALTERNATIVES.get(key) not in own]
    return "".join([*kept, *own.values()])


def codes_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Compile the project in the folder and return the codes of its findings."""
    monkeypatch.chdir(folder)
    words = ["flow.yaml", "-p", "platform.yaml", "--format", "json"]
    result = CliRunner().invoke(compile_command, words)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return [one["code"] for one in json.loads(result.stdout)["diagnostics"]]


def dialogue(folder: Path, console: str) -> int:
    """Run every `$ …` line, compare what follows it with the answer, and return the last exit code."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    code = 0
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        environ = os.environ | {"PATH": path, "PYTHONPATH": os.pathsep.join(sys.path)}
        ran = subprocess.run(
            command, shell=True, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False
        )
        said = (ran.stdout + ran.stderr).strip()
        pattern = ".*".join(re.escape(piece) for piece in expected.strip().split("…"))
        assert re.fullmatch(pattern, said, re.DOTALL), f"$ {command}\n{said}"
        code = ran.returncode
    return code
