"""What others chose, such as the name of a file, never becomes an option of a program."""

import subprocess
import sys
from pathlib import Path

import pytest

FIRN = Path(sys.executable).with_name("firn")

PLATFORM = """\
version: "1.0.0"
storage:
  default: {type: local, root: out}
connectors:
  tools: {type: process, config: {allowed: [cat, printf, echo]}}
workspace: {root: work}
"""
FLOW = """\
name: names
version: "1.0.0"
resources:
  tools: {profile: tools}
steps:
  - {id: chosen, type: run_process, inputs: {resource: tools, command: [printf, "%s", --, TEXT]}}
  - {id: used, type: run_process, inputs: {resource: tools, command: [COMMAND]}}
"""
RESULT = '"{{ steps.chosen.outputs.stdout }}"'
SHOWN = "a value of the run begins with `-`: the program would take it for an option"


def run(folder: Path, command: str, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "platform.yaml").write_text(PLATFORM)
    (folder / "flow.yaml").write_text(FLOW.replace("COMMAND", command).replace("TEXT", text))
    for words in (["compile", "flow.yaml", "-p", "platform.yaml"], ["run"]):
        answer = subprocess.run([str(FIRN), *words], cwd=folder, capture_output=True, text=True, check=False)
        if words[0] == "compile":
            assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer


@pytest.mark.parametrize("text", ["-oProxyCommand=id", "--checkpoint-action=exec=id", '"-"'])
@pytest.mark.parametrize("command", [f"echo, {RESULT}", f"echo, -n, {RESULT}", f'echo, {RESULT[:-1]}.csv"'])
def test_a_result_is_never_an_option(tmp_path: Path, command: str, text: str) -> None:
    answer = run(tmp_path, command, text)
    assert answer.returncode == 1
    assert SHOWN in answer.stdout + answer.stderr


@pytest.mark.parametrize("command", [f"echo, --, {RESULT}", f'echo, "name={RESULT[1:]}', f'echo, "./{RESULT[1:]}'])
def test_what_the_author_has_begun_or_ended_is_taken_as_it_is(tmp_path: Path, command: str) -> None:
    assert run(tmp_path, command, "-oProxyCommand=id").returncode == 0
