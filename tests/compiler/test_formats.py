"""Findings for machines: JSON, SARIF and GitHub's workflow commands say the same as the text, and show no source."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft4Validator

from compiler.projects import FLOW, PLATFORM
from firn_compiler.cli import compile_command, validate_command
from firn_compiler.diagnostics import Diagnostic, Related
from firn_compiler.document import Span
from firn_compiler.render.github import as_github
from firn_compiler.render.machine import as_json
from firn_compiler.render.sarif import as_sarif, fingerprint

HERE = Path(__file__).parent
CORPUS = HERE.parent / "corpus" / "invalid"
CASES = sorted(path.parent for path in CORPUS.glob("[!R]*/*/expected.txt"))
SARIF = Draft4Validator(json.loads((HERE / "sarif-2.1.0.schema.json").read_text()))
"""The schema of SchemaStore, as Microsoft's npm package @microsoft/jest-sarif 1.0.0-beta.0 (MIT) ships it."""
CANARY = "CANARY-5up3r-s3cret"
PLACE = Span("a b/flöw.yaml", 3, 5, 3, 9)
JSON_KEYS = {"code", "severity", "message", "help", "path", "related"}
JSON_PLACE = {"file", "line", "column", "end_line", "end_column"}
COMMAND = re.compile(
    r"::(?P<severity>error|warning) (?:file=(?P<file>[^,:]+),line=(?P<line>\d+),endLine=\d+,"
    r"(?:col=\d+,endColumn=\d+,)?)?title=(?P<code>[EW]\d{3})::(?P<text>.+)"
)


def answer(case: Path, tmp_path: Path, form: str) -> Result:
    """Compile a case of the corpus from its own folder."""
    arguments = case / "arguments.txt"
    words = shlex.split(arguments.read_text()) if arguments.exists() else ["flow.yaml", "-p", "platform.yaml"]
    output = [] if "-o" in words else ["-o", str(tmp_path / "out.json")]
    result = CliRunner().invoke(compile_command, [*words, *output, "--format", form])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def sarif(*found: Diagnostic) -> Any:
    """Return the log's one run."""
    log = json.loads(as_sarif(found, "1.2.3", lambda code: f"what {code} means"))
    SARIF.validate(log)
    return log["runs"][0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_every_format_says_the_codes_of_the_text_and_ends_alike(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(case)
    text, as_json, as_sarif, as_github = (answer(case, tmp_path, form) for form in ("text", "json", "sarif", "github"))
    said = re.findall(r"^(?:error|warning)\[(\w+)\]", text.stderr, re.MULTILINE)
    assert [one["code"] for one in json.loads(as_json.stdout)["diagnostics"]] == said
    log = json.loads(as_sarif.stdout)
    SARIF.validate(log)
    assert [one["ruleId"] for one in log["runs"][0]["results"]] == said
    commands = [COMMAND.fullmatch(line) for line in as_github.stdout.splitlines()]
    assert [command["code"] for command in commands if command] == said
    for one in (as_json, as_sarif, as_github):
        assert one.exit_code == text.exit_code
        assert one.stderr == ""
        assert CANARY not in one.stdout


@pytest.mark.parametrize("form", ["json", "sarif", "github"])
@pytest.mark.parametrize("command", [compile_command, validate_command], ids=["compile", "validate"])
def test_a_project_without_findings_leaves_nothing_else_on_standard_output(
    command: Any, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flow.yaml").write_text(FLOW)
    Path("platform.yaml").write_text(PLATFORM)
    result = CliRunner().invoke(command, ["flow.yaml", "-p", "platform.yaml", "--format", form])
    assert (result.exit_code, result.stderr) == (0, "")
    if form == "json":
        assert json.loads(result.stdout) == {"diagnostics": []}
    elif form == "sarif":
        SARIF.validate(json.loads(result.stdout))
        assert json.loads(result.stdout)["runs"][0]["results"] == []
    else:
        assert result.stdout == ""


def test_json_says_every_part_of_a_finding() -> None:
    one = Diagnostic("E301", "what", PLACE, "do", "steps[0]", (Related("there", PLACE),))
    (row,) = json.loads(as_json([one]))["diagnostics"]
    assert row.keys() == JSON_KEYS | JSON_PLACE
    assert row["related"] == [{"message": "there", "file": PLACE.file, "line": 3, "column": 5}]


def test_sarif_names_the_tool_its_rules_and_the_unit_of_columns() -> None:
    run = sarif(Diagnostic("W301", "b", PLACE), Diagnostic("E301", "a", PLACE), Diagnostic("E301", "c", PLACE))
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"], run["columnKind"]) == ("firn", "1.2.3", "unicodeCodePoints")
    assert [rule["id"] for rule in driver["rules"]] == ["E301", "W301"]
    assert driver["rules"][0]["shortDescription"]["text"] == "what E301 means"
    assert [(one["ruleIndex"], one["level"]) for one in run["results"]] == [(1, "warning"), (0, "error"), (0, "error")]


def test_a_sarif_place_is_a_relative_reference_with_a_region() -> None:
    (result,) = sarif(Diagnostic("E301", "what", PLACE, "do", related=(Related("there", PLACE),)))["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a%20b/fl%C3%B6w.yaml"}
    assert place["region"] == {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 9}
    assert result["message"]["text"] == "what\nhelp: do"
    assert result["relatedLocations"] == [{"physicalLocation": place, "message": {"text": "there"}}]


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("./flow.yaml", "flow.yaml"),
        ("../x/flow.yaml", "../x/flow.yaml"),
        ("a:b.yaml", "a%3Ab.yaml"),
        ("100%.yaml", "100%25.yaml"),
        ("/tmp/a b.yaml", "file:///tmp/a%20b.yaml"),
    ],
)
def test_a_file_is_spelled_as_a_uri(file: str, uri: str) -> None:
    (result,) = sarif(Diagnostic("E301", "what", PLACE._replace(file=file)))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


@pytest.mark.parametrize("span", [Diagnostic("E108", "no file").span, PLACE._replace(file="-")])
def test_a_finding_without_a_file_has_no_location(span: Span) -> None:
    one = Diagnostic("E108", "no file", span)
    assert "locations" not in sarif(one)["results"][0]
    assert as_github([one]) == "::error title=E108::no file\n"


def test_a_fingerprint_outlives_a_move_of_lines_and_nothing_else() -> None:
    one = Diagnostic("E301", "what", PLACE, path="steps[0]")
    assert fingerprint(one._replace(span=PLACE._replace(line=9, end_line=9))) == fingerprint(one)
    others = [
        one._replace(code="E302"),
        one._replace(message="why"),
        one._replace(path="steps[1]"),
        one._replace(span=PLACE._replace(file="other.yaml")),
    ]
    assert len({fingerprint(other) for other in (one, *others)}) == 5


def test_an_end_before_the_start_and_a_link_in_a_message_are_mended() -> None:
    one = Diagnostic("E203", "`a](http://b)` and [c](http://d)", PLACE._replace(end_column=2))
    (result,) = sarif(one)["results"]
    assert result["locations"][0]["physicalLocation"]["region"]["endColumn"] == 5
    assert result["message"]["text"] == r"`a](http://b)` and \[c](http://d)"


@pytest.mark.parametrize("form", ["sarif", "github"])
def test_findings_in_a_folder_of_a_work_tree_stand_at_their_files_of_a_pull_request(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "flows" / "shop").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "flows" / "shop")
    Path("flow.yaml").write_text(FLOW + "more: 1\n")
    Path("../platform.yaml").write_text(PLATFORM + "more: 1\n")
    command = ["flow.yaml", "-p", "../platform.yaml", "--format", form]
    said = CliRunner().invoke(compile_command, command).stdout
    assert re.findall(r'(?:file=|"uri": ")([^",]+)', said) == ["flows/shop/flow.yaml", "flows/platform.yaml"]


def test_github_escapes_what_its_commands_are_made_of() -> None:
    one = Diagnostic("E301", "100%: a, b\r\nc", PLACE._replace(file="a,b:c%.yaml"), "do: it")
    assert as_github([one]) == (
        "::error file=a%2Cb%3Ac%25.yaml,line=3,endLine=3,col=5,endColumn=9,title=E301"
        "::100%25: a, b%0D%0Ac%0Ahelp: do: it\n"
    )


def test_github_takes_columns_of_one_line_only() -> None:
    one = Diagnostic("W301", "what", PLACE._replace(end_line=4))
    assert as_github([one]) == "::warning file=a b/flöw.yaml,line=3,endLine=4,title=W301::what\n"
