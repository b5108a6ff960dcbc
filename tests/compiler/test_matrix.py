"""`firn validate --all-envs`: every flow on every platform beside it, as one table."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from compiler.projects import FLOW, PLATFORM
from firn_compiler.cli import validate_command

BASE = PLATFORM.replace("environment: test\n", "")
LEAF = 'version: "1.0.0"\nextends: ../base/platform.yaml\n'
BROKEN = LEAF + "storage:\n  default: {type: localy}\n"
SQL = """\
name: numbers
version: "1.0.0"
steps:
  - id: n
    type: sql
    inputs: {sql_file: q.sql}
  - id: publish
    type: write
    inputs: {from: n, resource: storage, path: n.parquet, mode: replace}
"""
NONE_THERE = "Error: there is no platform/NAME/platform.yaml beside the flow, or above it"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def project(**files: str) -> None:
    """Write a flow and platforms: `flow` is `flow.yaml`, every other word a platform."""
    for name, text in files.items():
        put("flow.yaml" if name == "flow" else f"platform/{name}/platform.yaml", text)


def put(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)


def validate(*words: str) -> Result:
    result = CliRunner().invoke(validate_command, ["--all-envs", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def findings(*words: str) -> list[tuple[str, str, str]]:
    """Return code, message and file of every finding, as machines are told them."""
    result = validate(*words, "--format", "json")
    assert result.stderr == ""
    return [(one["code"], one["message"], one.get("file", "")) for one in json.loads(result.stdout)["diagnostics"]]


def refusal(*words: str) -> str:
    result = validate(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    return result.stderr.splitlines()[-1]


def test_a_flow_that_is_right_everywhere_is_ok_everywhere() -> None:
    project(flow=FLOW, base=BASE, prod=LEAF, dev=LEAF)
    result = validate()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "flow   dev  prod\nhello  ok   ok\n"


def test_a_parent_that_names_no_environment_is_none() -> None:
    project(flow=FLOW, base=BASE, prod=LEAF)
    assert validate().stdout == "flow   prod\nhello  ok\n"
    project(base=PLATFORM)
    assert validate().stdout == "flow   base  prod\nhello  ok    ok\n"


def test_a_broken_environment_is_broken_alone() -> None:
    project(flow=FLOW, base=BASE, dev=LEAF, prod=BROKEN)
    result = validate()
    assert (result.exit_code, result.stdout) == (1, "flow   dev  prod\nhello  ok   1 error\n")
    assert result.stderr == (
        "error[E312]: `localy` is not a storage type (prod)\n"
        "  platform/prod/platform.yaml:4:19  storage.default.type\n"
        "    4 |   default: {type: localy}\n"
        "      |                   ^^^^^^\n"
        "  help: known: `local`, `s3`; did you mean `local`?\n"
        "\n"
        "1 error\n"
    )


def test_what_is_broken_in_two_of_three_names_both() -> None:
    project(flow=FLOW, base=BASE, a=LEAF, b=LEAF, c=LEAF)
    put("flow.yaml", FLOW.replace("orders.csv", "'{{ var.file }}'"))
    put("platform/c/platform.yaml", LEAF + "variables: {file: x.csv}\n")
    assert [message for _, message, _ in findings()] == ["there is no variable `file` (a, b)"]
    assert validate().stdout == "flow   a        b        c\nhello  1 error  1 error  ok\n"


def test_a_broken_flow_is_said_once_and_without_an_environment() -> None:
    project(flow=FLOW.replace("mode: replace", "mode: replce"), base=BASE, dev=LEAF, prod=LEAF)
    result = validate()
    assert (result.exit_code, result.stdout) == (1, "flow   dev      prod\nhello  1 error  1 error\n")
    assert findings() == [("E204", "`mode` is not one of the known words", "flow.yaml")]
    assert result.stderr.splitlines()[-1] == "1 error"


def test_warnings_are_counted_and_are_no_failure() -> None:
    project(flow=FLOW.replace("steps:", "  other: {profile: files}\nsteps:"), local=PLATFORM)
    result = validate()
    assert (result.exit_code, result.stdout) == (0, "flow   local\nhello  1 warning\n")
    put("flow.yaml", FLOW.replace("steps:", "  a: {profile: files}\n  b: {profile: fils}\nsteps:"))
    assert validate().stdout == "flow   local\nhello  1 error, 2 warnings\n"


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
@pytest.mark.parametrize(("leaf", "code"), [(LEAF, 0), (BROKEN, 1)], ids=["right", "wrong"])
def test_every_format_ends_alike_and_only_text_has_the_table(form: str, leaf: str, code: int) -> None:
    project(flow=FLOW, base=BASE, prod=leaf)
    result = validate("--format", form)
    assert result.exit_code == code
    assert ("flow   prod\n" in result.stdout) is (form == "text")
    assert ("E312" in result.output) is (code == 1)
    assert (result.stderr == "") is (code == 0 or form != "text")


def test_github_is_told_which_environments() -> None:
    project(flow=FLOW, base=BASE, dev=LEAF, prod=BROKEN)
    assert validate("--format", "github").stdout == (
        "::error file=platform/prod/platform.yaml,line=4,endLine=4,col=19,endColumn=25,title=E312"
        "::`localy` is not a storage type (prod)%0Ahelp: known: `local`, `s3`; did you mean `local`?\n"
    )


def test_every_flow_of_a_project_has_a_row() -> None:
    project(base=BASE, dev=LEAF, prod=LEAF)
    put("a/flow.yaml", FLOW)
    put("b/second.flow.yaml", FLOW.replace("name: hello", "name: second").replace("mode: replace", "mode: replce"))
    put(".hidden/flow.yaml", "not: read\n")
    assert validate().stdout == "flow    dev      prod\nhello   ok       ok\nsecond  1 error  1 error\n"
    assert validate("b", "a").stdout == "flow    dev      prod\nsecond  1 error  1 error\nhello   ok       ok\n"
    assert validate("a/flow.yaml").stdout == "flow   dev  prod\nhello  ok   ok\n"


def test_what_is_wrong_with_the_platform_counts_for_every_flow() -> None:
    project(base=BASE, prod=BROKEN)
    put("a/flow.yaml", FLOW)
    put("b/flow.yaml", FLOW.replace("name: hello", "name: second"))
    assert validate().stdout == "flow    prod\nhello   1 error\nsecond  1 error\n"
    assert len(findings()) == 1


def test_what_is_wrong_in_the_sql_of_a_flow_counts_for_that_flow() -> None:
    project(flow=FLOW, local=PLATFORM)
    put("numbers/flow.yaml", SQL)
    put("numbers/q.sql", "select 1 as x frm y\n")
    assert validate().stdout == "flow     local\nhello    ok\nnumbers  2 errors\n"


def test_a_flow_that_cannot_be_read_is_named_by_its_file() -> None:
    project(flow="# nothing\n", dev=PLATFORM)
    result = validate()
    assert (result.exit_code, result.stdout) == (1, "flow       dev\nflow.yaml  1 error\n")
    assert [code for code, _, _ in findings()] == ["E102"]


def test_a_platform_that_cannot_be_read_is_an_error_of_its_environment() -> None:
    project(flow=FLOW, dev=PLATFORM, prod="# nothing\n")
    assert validate().stdout == "flow   dev  prod\nhello  ok   1 error\n"
    assert findings() == [
        ("E102", "the file is empty (prod)", "platform/prod/platform.yaml"),
    ]


def test_a_parent_that_is_not_there_is_the_only_thing_that_is_wrong() -> None:
    project(flow=FLOW, prod=LEAF)
    assert [code for code, _, _ in findings()] == ["E307"]


def test_a_flow_that_is_not_there_has_no_row() -> None:
    project(flow=FLOW, prod=PLATFORM)
    result = validate("nope.yaml")
    assert (result.exit_code, result.stdout) == (1, "flow  prod\n")
    assert result.stderr.splitlines()[0] == "error[E108]: there is no file `nope.yaml`"
    result = validate("nope.yaml", "flow.yaml")
    assert (result.exit_code, result.stdout) == (1, "flow   prod\nhello  1 error\n")


@pytest.mark.parametrize(
    "there", [[], ["platform/readme.md"], ["platform/prod/other.yaml"], ["platform/platform.yaml"]]
)
def test_without_platforms_there_is_no_table(there: list[str]) -> None:
    project(flow=FLOW)
    for name in there:
        put(name, PLATFORM)
    assert refusal() == refusal("flow.yaml") == NONE_THERE


def test_the_nearest_folder_above_has_the_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    put("platform/far/platform.yaml", PLATFORM)
    put("team/platform/near/platform.yaml", PLATFORM)
    put("team/x/flow.yaml", FLOW)
    assert validate("team/x").stdout == "flow   near\nhello  ok\n"
    monkeypatch.chdir("team/x")
    assert validate().stdout == "flow   near\nhello  ok\n"


def test_platforms_beside_the_flow_are_found_from_above_as_with_one_environment() -> None:
    put("team/flow.yaml", FLOW)
    put("team/platform/prod/platform.yaml", PLATFORM)
    assert CliRunner().invoke(validate_command, [".", "--env", "prod"]).exit_code == 0
    assert validate(".").stdout == "flow   prod\nhello  ok\n"


def test_variables_of_the_command_line_hold_everywhere() -> None:
    project(flow=FLOW.replace("orders.csv", "'{{ var.file }}'"), a=BASE, b=BASE)
    assert validate("--var", "file=x.csv").stdout == "flow   a   b\nhello  ok  ok\n"
    assert refusal("--var", "file") == "Error: `--var` takes NAME=VALUE"


@pytest.mark.parametrize("words", [["--env", "prod"], ["-p", "platform/prod/platform.yaml"]])
def test_all_environments_and_one_of_them_is_refused(words: list[str]) -> None:
    project(flow=FLOW, prod=PLATFORM, dev=PLATFORM)
    assert refusal(*words).startswith("Error: ")


def test_a_value_that_is_a_secret_is_in_no_cell_and_no_finding() -> None:
    canary = "CANARY-5up3r-s3cret"
    shop = f"  shop: {{type: postgres, config: {{host: h, database: d, user: u, password: {canary}}}}}\n"
    project(flow=FLOW, base=BASE, dev=LEAF, prod=PLATFORM + shop)
    for form in ("text", "json", "sarif", "github"):
        result: Any = validate("--format", form)
        assert result.exit_code == 1
        assert "E601" in result.output
        assert canary not in result.output


def test_nothing_is_written() -> None:
    project(flow=FLOW, base=BASE, prod=LEAF)
    before = sorted(Path().rglob("*"))
    validate()
    assert sorted(Path().rglob("*")) == before


def test_a_platform_beside_all_environments_is_refused() -> None:
    project(flow=FLOW, prod=PLATFORM)
    assert refusal("platform/prod/platform.yaml").startswith("Error: `--all-envs` finds the platforms itself")


def test_of_two_broken_parents_each_is_told_once_and_typos_beside_them_too() -> None:
    project(flow=FLOW.replace("orders.csv", "'{{ var.file }}'"), prod=LEAF + "conectors: {}\n", dev=LEAF)
    assert [code for code, _, _ in findings()] == ["E307", "E307", "E201"]


def without_flows(*words: str) -> Result:
    return CliRunner().invoke(validate_command, words)


@pytest.mark.parametrize("folder", [".", "platform"])
def test_a_folder_of_platforms_alone_is_validated_platform_by_platform(folder: str) -> None:
    project(base=BASE, dev=LEAF, prod=LEAF)
    result = without_flows(folder)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "2 platforms valid\n", "")
    project(prod=BROKEN)
    result = without_flows(folder)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error[E312]: `localy` is not a storage type\n")


@pytest.mark.parametrize("path", ["platform", "platform/prod", "platform/prod/platform.yaml"])
def test_a_folder_with_one_platform_is_that_platform(path: str) -> None:
    project(prod=PLATFORM)
    result = without_flows(path)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "1 platform valid\n", "")


def test_a_folder_with_a_flow_is_that_flow_alone() -> None:
    project(flow=FLOW, prod="# nothing\n")
    assert without_flows(".").stdout == "1 flow valid (without a platform)\n"


def test_a_folder_with_neither_is_an_error() -> None:
    put("empty/readme.md", "")
    assert without_flows("empty").stderr.startswith("error[E108]: there is no flow below `empty`\n")


@pytest.mark.parametrize("name", ["da ys", "1a", "-a", "a.b", "ä", " a", "x" * 101])
def test_a_variable_whose_name_can_be_none_is_refused(name: str) -> None:
    project(flow=FLOW, prod=PLATFORM)
    assert refusal("--var", f"{name}=3").startswith("Error: `--var` takes NAME=VALUE; the name must begin with ")


def test_a_variable_that_nothing_names_is_warned_of_once() -> None:
    project(flow=FLOW.replace("orders.csv", "'{{ var.file }}'"), prod=PLATFORM, dev=PLATFORM)
    assert findings("--var", "file=a.csv", "--var", "fil=b.csv") == [
        ("W307", "`--var` sets the variable `fil`, which no file defines or uses", ""),
    ]


def test_a_platform_that_this_user_may_not_look_at_is_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    project(flow=FLOW, dev=BASE, prod=BASE)
    is_file = Path.is_file

    def looked_at(path: Path) -> bool:
        if path.parent.name == "prod":
            raise PermissionError(13, "Permission denied")
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", looked_at)
    assert "prod" in validate().stdout
