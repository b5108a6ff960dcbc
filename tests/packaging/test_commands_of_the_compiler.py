"""The compiler's commands are reached without reading entry points; what they announce is the same."""

import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from firn_runtime.cli import COMPILER_COMMANDS, EXTERNAL


def test_the_table_is_what_the_compilers_entry_points_say() -> None:
    announced = {
        entry.name: entry.value for entry in distribution("firn-compiler").entry_points if entry.group == EXTERNAL
    }
    assert announced == {name: f"{module}:{name}_command" for name, module in COMPILER_COMMANDS.items()}


@pytest.mark.parametrize("entries", ["[firn.commands]\nno value\n", "[firn.commands]\nx = \xff\n"])
def test_damaged_metadata_of_another_distribution_add_no_command(tmp_path: Path, entries: str) -> None:
    damaged = tmp_path / "damaged-1.dist-info"
    damaged.mkdir()
    (damaged / "METADATA").write_text("Metadata-Version: 2.1\nName: damaged\nVersion: 1\n")
    (damaged / "entry_points.txt").write_bytes(entries.encode("latin-1"))
    words = [sys.executable, "-m", "firn_runtime"]
    environ = os.environ | {"PYTHONPATH": str(tmp_path)}
    told = subprocess.run([*words, "--help"], capture_output=True, text=True, check=False, env=environ)
    assert (told.returncode, "compile" in told.stdout) == (0, True), told.stderr
    told = subprocess.run([*words, "nothing"], capture_output=True, text=True, check=False, env=environ)
    assert (told.returncode, "No such command 'nothing'" in told.stderr) == (2, True), told.stderr


def test_the_list_of_commands_says_of_each_a_whole_sentence() -> None:
    words = [sys.executable, "-m", "firn_runtime", "--help"]
    environ = os.environ | {"COLUMNS": "80"}
    told = subprocess.run(words, capture_output=True, text=True, check=True, env=environ)
    listed = told.stdout.partition("Commands:\n")[2].splitlines()
    assert len(listed) >= len(COMPILER_COMMANDS)
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []
