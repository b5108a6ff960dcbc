"""Every command block of the documentation does what it says, and every command has its options on the page."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from docs.examples import dialogue
from firn_runtime.cli import firn

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
PAGES = sorted(
    page for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("platform-examples/**/*.md")]
    if BLOCK.search(page.read_text())
)  # fmt: skip
pytestmark = pytest.mark.usefixtures("in_place")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_run(page: Path) -> None:
    for block in BLOCK.findall(page.read_text()):
        if "make " in block:  # the suite cannot run itself: that the targets exist is what can be tested here
            targets = re.findall(r"^make ([\w-]+)", block, re.MULTILINE)
            subprocess.run(["make", "-n", *targets], cwd=ROOT, check=True, capture_output=True)
            continue
        environ = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "ORDERS_PORT": "18766"}
        answer = subprocess.run(
            ["bash", "-e", "-c", block], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        for output in expected_after(page, block):
            assert output in answer.stdout


def expected_after(page: Path, block: str) -> list[str]:
    """Return the lines of the text block that follows, where there is one."""
    following = page.read_text().partition(block)[2].removeprefix("```\n\n")
    return following.split("```")[1].removeprefix("text\n").splitlines() if following.startswith("```text") else []


def test_the_python_example_runs() -> None:
    page = (ROOT / "docs/python.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (0, "SUCCESS [('main', 'SUCCESS')]\n"), answer.stderr


def test_the_session_of_the_commands_runs_as_it_stands(tmp_path: Path) -> None:
    page = (ROOT / "docs/commands.md").read_text()
    dialogue(tmp_path, "".join(re.findall(r"```console\n(.*?)```", page, re.DOTALL)))


def test_every_command_and_option_is_on_the_page() -> None:
    page = (ROOT / "docs/commands.md").read_text()
    context = click.Context(firn)
    for name in firn.list_commands(context):
        command = firn.get_command(context, name)
        assert command is not None
        assert f"\n## {name}\n" in page
        for option in (one for one in command.params if isinstance(one, click.Option)):
            assert f"{option.opts[-1]}" in page, (name, option.opts)
