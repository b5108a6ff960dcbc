"""`firn init`: a project to begin with, whole or not at all."""

import subprocess
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from firn_compiler.cli import compile_command, validate_command
from firn_compiler.commands.init import init_command
from firn_compiler.document import Document, text_at, value_of
from firn_compiler.published import schema_bytes
from firn_compiler.yaml_source import Source, parse

FILES = [
    ".firn/schemas/flow.schema.json",
    ".firn/schemas/platform.schema.json",
    ".gitignore",
    "data/orders.csv",
    "flow.yaml",
    "platform/local/platform.yaml",
]
SAID = """\
flow.yaml
platform/local/platform.yaml
data/orders.csv
.gitignore

next:  firn compile --env local && firn run
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "sales"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def init(*words: str) -> Result:
    return CliRunner().invoke(init_command, words)


def tree(folder: str = ".") -> list[str]:
    """Return every file and every empty folder below a folder."""
    found = [path for path in Path(folder).rglob("*") if not path.is_dir() or not any(path.iterdir())]
    return sorted(path.relative_to(folder).as_posix() for path in found)


def document(file: str) -> Document:
    found = parse(Source(file, Path(file).read_bytes())).document
    assert isinstance(found, Document)
    return found


def name_in(folder: str) -> str:
    return text_at(document(f"{folder}/flow.yaml").root, "name") or ""


def test_a_new_project_says_what_it_wrote_and_what_comes_next() -> None:
    result = init()
    assert (result.exit_code, result.stdout, result.stderr) == (0, SAID, "")
    assert tree() == FILES


def test_a_new_project_is_valid_in_every_environment_without_a_finding() -> None:
    init()
    result = CliRunner().invoke(validate_command, ["--all-envs"])
    assert (result.exit_code, result.stdout, result.stderr) == (0, "flow   local\nsales  ok\n", "")
    assert (CliRunner().invoke(validate_command, []).exit_code) == 0


def test_a_new_project_compiles_without_a_finding() -> None:
    init()
    result = CliRunner().invoke(compile_command, ["--env", "local", "--no-cache"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("compiled_artifacts.json: sales for local\nsha256:")


def test_what_is_made_later_is_not_for_git() -> None:
    init()
    CliRunner().invoke(compile_command, ["--env", "local"])
    ignored = Path(".gitignore").read_text().splitlines()
    made = {f"/{path.partition('/')[0]}" for path in set(tree()) - set(FILES)}
    assert made == {*(f"/compiled_artifacts{one}.json" for one in ("", ".map", ".intoto")), "/.firn"}
    assert all(one in ignored or f"{one}/" in ignored for one in made | {"/out"})


@pytest.mark.parametrize("name", ["flow", "platform"])
def test_the_first_line_names_the_schema_that_accepts_the_file(name: str) -> None:
    init()
    (file,) = Path().rglob(f"{name}.yaml")
    before, sign, schema = file.read_text().splitlines()[0].partition("$schema=")
    assert (before, sign) == ("# yaml-language-server: ", "$schema=")
    content = (file.parent / schema).read_bytes()
    assert content == schema_bytes(name)
    root = document(str(file)).root
    assert [error.message for error in Draft202012Validator(orjson.loads(content)).iter_errors(value_of(root))] == []


@pytest.mark.parametrize("file", ["flow.yaml", "platform/local/platform.yaml", "data/orders.csv"])
@pytest.mark.parametrize("content", ["mine", ""], ids=["text", "empty"])
def test_what_is_there_is_never_overwritten_and_nothing_else_is_written(file: str, content: str) -> None:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(content)
    result = init()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == f"Error: `{file}` is already there; `firn init` overwrites nothing"
    assert tree() == [file]
    assert Path(file).read_text() == content


def test_the_second_time_refuses_and_changes_nothing() -> None:
    init()
    before = {path: Path(path).read_bytes() for path in tree()}
    assert init().exit_code == 2
    assert {path: Path(path).read_bytes() for path in tree()} == before


def test_a_gitignore_that_is_there_is_kept() -> None:
    Path(".gitignore").write_text("mine\n")
    result = init()
    assert (result.exit_code, result.stdout) == (0, SAID.replace(".gitignore\n", ""))
    assert Path(".gitignore").read_text() == "mine\n"
    assert tree() == FILES


def test_other_files_are_left_alone() -> None:
    Path("data").mkdir()
    Path("data/more.csv").write_text("a\n")
    Path("README.md").write_text("mine\n")
    assert init().exit_code == 0
    assert tree() == sorted([*FILES, "README.md", "data/more.csv"])


def test_a_schema_that_is_there_is_never_overwritten() -> None:
    Path(".firn/schemas").mkdir(parents=True)
    Path(".firn/schemas/flow.schema.json").write_text("{}")
    init()
    assert Path(".firn/schemas/flow.schema.json").read_text() == "{}"


def test_a_link_that_leads_nowhere_is_never_overwritten() -> None:
    Path("flow.yaml").symlink_to("nowhere.yaml")
    assert init().exit_code == 2
    assert Path("flow.yaml").is_symlink()


@pytest.mark.parametrize("file", ["platform", "data", ".firn"])
def test_a_file_where_a_folder_must_be_is_an_error_that_names_it(file: str) -> None:
    Path(file).write_text("mine")
    result = init()
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: cannot write `{file}")
    assert Path(file).read_text() == "mine"


@pytest.mark.parametrize("file", ["platform", "data", ".firn"])
def test_where_a_folder_cannot_be_made_nothing_is_left_half_written(file: str) -> None:
    Path(file).write_text("mine")
    assert init().exit_code == 1
    assert tree() == [file]


def test_a_folder_that_is_a_file_is_refused() -> None:
    Path("file").write_text("mine")
    result = init("file")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: cannot write `file`: file exists\n"
    assert tree() == ["file"]


FOLDERS = {
    "crm": "crm",
    "a/b/c": "c",
    "a b": "a-b",
    "a.b": "a-b",
    "a_b": "a-b",
    "it's": "it-s",
    "A#b: c": "A-b--c",
    "a{b}": "a-b",
    "{name}": "name",
    "%s": "s",
    "$HOME": "HOME",
    "a\\b": "a-b",
    "-x": "x",
    "1st": "first-flow",
    "日本": "first-flow",
    "größe": "gr--e",
    "___": "first-flow",
    "no": "no",
    "Norway": "Norway",
    "x" * 150: "x" * 100,
    "...": "first-flow",
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_of_any_name_makes_a_project_that_compiles(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = init("--", folder)
    assert (result.exit_code, result.stderr) == (0, "")
    assert tree(folder) == FILES
    assert name_in(folder) == FOLDERS[folder]
    monkeypatch.chdir(folder)
    assert init().exit_code == 2
    compilation = CliRunner().invoke(compile_command, ["--env", "local", "--no-cache"])
    assert (compilation.exit_code, compilation.stderr) == (0, "")


@pytest.mark.parametrize("word", ["null", "Null", "true", "FALSE"])
@pytest.mark.parametrize("how", ["folder", "name"])
def test_a_word_that_yaml_knows_is_a_name_like_any_other(how: str, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    init(word) if how == "folder" else init("other", "--name", word)
    monkeypatch.chdir(word if how == "folder" else "other")
    result = CliRunner().invoke(compile_command, ["--env", "local", "--no-cache"])
    assert (result.exit_code, result.stderr) == (0, "")


def test_the_next_command_leads_into_the_folder() -> None:
    assert init("a/b").stdout.splitlines()[-1] == "next:  cd a/b && firn compile --env local && firn run"


@pytest.mark.parametrize("folder", ["a b", "it's", "$HOME", "a;b", "-x"])
def test_the_next_command_can_be_pasted_into_a_shell(folder: str) -> None:
    last = init("--", folder).stdout.splitlines()[-1].removeprefix("next:  ")
    command = last.replace("firn compile --env local && firn run", "pwd")
    answer = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True)
    assert answer.stdout == f"{Path(folder).resolve()}\n"


@pytest.mark.parametrize("name", ["a", "A-b_c", "x" * 100])
def test_a_name_that_is_asked_for_is_taken(name: str) -> None:
    assert init("crm", "--name", name).exit_code == 0
    assert name_in("crm") == name


@pytest.mark.parametrize("name", ["", "1a", "a b", "ä", "a.b", "x" * 101, "a\nb", "a\n", "-a", "_a"])
def test_a_name_that_cannot_be_one_is_refused_and_nothing_is_written(name: str) -> None:
    result = init("crm", "--name", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == (
        "Error: a flow's name must begin with a letter and hold only letters, digits, `_` and `-`, at most 100"
    )
    assert tree() == []
