"""Links in a repository of flows: what a build's machine holds beside it is neither read nor shown."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from compiler.projects import PLATFORM
from firn_compiler.cli import compile_command

CANARY = "canary-4be1-of-the-build"
SQL = """\
name: linked
version: "1.0.0"
steps:
  - {id: rows, type: sql, inputs: {sql_file: q.sql}}
  - {id: publish, type: write, inputs: {from: rows, resource: storage, path: o.parquet, mode: replace}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "environ").write_text(f"PASSWORD={CANARY}\n")
    (tmp_path / "repository").mkdir()
    monkeypatch.chdir(tmp_path / "repository")
    Path("platform.yaml").write_text(PLATFORM)
    return tmp_path


def compiled() -> tuple[int, str]:
    result = CliRunner().invoke(compile_command, [".", "-p", "platform.yaml"])
    assert CANARY not in result.output
    return result.exit_code, result.output


def test_a_link_that_is_named_as_sql_is_not_a_file_of_another_kind(project: Path) -> None:
    Path("flow.yaml").write_text(SQL)
    Path("q.sql").symlink_to("../environ")
    code, said = compiled()
    assert (code, "error[E314]: `q.sql` is a link to a file of another kind" in said) == (1, True)


def test_a_link_that_is_named_as_a_flow_is_not_a_file_of_another_kind(project: Path) -> None:
    Path("flow.yaml").symlink_to("../environ")
    code, said = compiled()
    assert (code, "error[E108]: `flow.yaml` is a link to a file of another kind" in said) == (1, True)


def test_links_to_files_of_their_kind_are_followed(project: Path) -> None:
    (project / "shared.flow.yml").write_text(SQL)
    (project / "shared.sql").write_text("select 1 as n")
    Path("flow.yaml").symlink_to("../shared.flow.yml")
    Path("q.sql").symlink_to("../shared.sql")
    code, said = compiled()
    assert code == 0, said


def test_a_folder_of_which_a_file_cannot_be_read_is_no_dbt_project(project: Path) -> None:
    Path("flow.yaml").write_text(f"{SQL}  - {{id: built, type: dbt, inputs: {{path: ./dbt}}}}\n")
    Path("q.sql").write_text("select 1 as n")
    Path("dbt").symlink_to("/proc/self")
    code, said = compiled()
    assert (code, "error[E314]: there is no folder `./dbt`" in said) == (1, True)


def test_a_link_that_leads_to_itself_is_a_file_that_cannot_be_read(project: Path) -> None:
    Path("flow.yaml").symlink_to("flow.yaml")
    code, said = compiled()
    assert (code, "error[E108]" in said) == (1, True)
