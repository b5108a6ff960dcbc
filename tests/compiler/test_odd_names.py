"""Files and folders whose names are no UTF-8: everything works on them, and shows the rest of the name."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from compiler.projects import FLOW, PLATFORM
from firn_compiler.cli import compile_command, explain_command, validate_command

ODD, SHOWN = os.fsdecode(b"caf\xe9"), "caf\ufffd"


@pytest.fixture(autouse=True)
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / ODD
    folder.mkdir()
    (folder / f"{ODD}.flow.yaml").write_text(FLOW)
    (folder / "platform.yaml").write_text(PLATFORM)
    monkeypatch.chdir(tmp_path)
    return folder


def test_what_lies_in_an_odd_folder_compiles_the_first_and_the_second_time(odd: Path) -> None:
    made = [str(odd / name) for name in ("first.json", "second.json")]
    for output in made:
        result = CliRunner().invoke(compile_command, [ODD, "-p", ODD, "-o", output])
        assert result.exit_code == 0, result.output
    assert Path(made[0]).read_bytes() == Path(made[1]).read_bytes()
    assert f"{SHOWN}.flow.yaml" in [one["name"] for one in json.loads(Path(made[0]).read_text())["payload"]["sources"]]
    asked = CliRunner().invoke(explain_command, [made[0], "resources.storage.kind"])
    assert asked.exit_code == 0, asked.output


def test_an_odd_folder_names_an_environment(odd: Path) -> None:
    (odd / "platform.yaml").write_text(PLATFORM.replace("environment:", "# environment:"))
    result = CliRunner().invoke(compile_command, [ODD, "-p", ODD, "-o", "out.json"])
    assert result.exit_code == 0, result.output
    assert json.loads(Path("out.json").read_text())["payload"]["environment"] == SHOWN


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_every_format_shows_an_odd_file(odd: Path, form: str) -> None:
    (odd / f"{ODD}.flow.yaml").write_text(FLOW.replace("name:", "nam:"))
    result = CliRunner().invoke(validate_command, [ODD, "--format", form])
    assert result.exit_code == 1
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "E201" in result.output
