"""`firn scan`: the scanner on the files of any tool, and the exceptions that a person decides on."""

import json
import os
import random
import re
import string
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from firn_compiler.checks.leaks import in_artifact
from firn_compiler.cli import compile_command
from firn_compiler.commands.scan import scan_command

CHANCE = random.Random(11)
RANDOM = "".join(CHANCE.choices(string.ascii_letters + string.digits, k=32))
PASSWORD = "Tr0ub4dor" + "&3"
FLOW = f"""\
name: hello
version: "1.0.0"
description: 'the test system {RANDOM[:1]}' # …
resources:
  src: {{profile: files}}
steps:
  - id: orders
    type: read
    inputs: {{resource: src, path: orders.csv}}
  - id: publish
    type: write
    inputs: {{from: orders, resource: storage, path: orders.parquet, mode: replace}}
""".replace(f"the test system {RANDOM[:1]}", f'the test system "{RANDOM}"')
PLATFORM = """\
version: "1.0.0"
environment: test
storage:
  default: {type: local, root: out}
connectors:
  files: {type: local, config: {root: data}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scan(*words: str) -> Result:
    result = CliRunner().invoke(scan_command, [*words])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert RANDOM not in result.output
    assert PASSWORD not in result.output
    return result


def compiled() -> Result:
    result = CliRunner().invoke(compile_command, ["flow.yaml", "-p", "platform.yaml"])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


FILES = {
    "compose.yaml": f"services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: {PASSWORD}\n",
    "several.yaml": f"a: 1\n---\nb: !Tagged\n  password: {PASSWORD}\n---\n",
    "twice.yaml": f"password: ${{PW}}\npassword: {PASSWORD}\n",
    "key.yaml": f"? [a, {{password: {PASSWORD}}}]\n: x\n",
    "helm.yaml": f"{{{{- if .Values.on }}}}\npassword: {PASSWORD}\n{{{{- end }}}}\n",
    "tabs.json": f'{{\n\t"login": {{"password": "{PASSWORD}"}}\n}}\n',
    "users.sql": f"create user etl with password '{PASSWORD}';\n",
    ".env": f"HOST=db\nexport DB_PASSWORD={PASSWORD}\n",
    ".env.local": f"DB_PASSWORD='{PASSWORD}'\n",
    "app.properties": f"spring.datasource.password={PASSWORD}\n",
    "main.tfvars": f'db_password = "{PASSWORD}"\n',
    "utf16.yaml": None,
}


@pytest.mark.parametrize("name", FILES)
def test_a_secret_is_found_in_a_file_of_any_tool(name: str, folder: Path) -> None:
    text = FILES[name]
    (folder / name).write_bytes(f"password: {PASSWORD}\n".encode("utf-16") if text is None else text.encode())
    result = scan()
    assert result.exit_code == 1
    assert f"{name}:" in result.output
    assert result.output.count("[E604]") == 1


def test_a_repository_without_secrets_is_said_to_be_so(folder: Path) -> None:
    (folder / "a.yaml").write_text("password: {secret_ref: shop}\n")
    (folder / "b.json").write_text("{}")
    (folder / "picture.yaml").write_bytes(b"\0\1\2")
    assert (scan().exit_code, scan().output) == (0, "2 files, no secrets\n")
    assert scan("a.yaml").output == "1 file, no secrets\n"


def test_what_tools_make_and_links_are_left_out(folder: Path) -> None:
    for place in (".git/config.yaml", "node_modules/a/b.json", ".venv/x.yaml"):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(f"password: {PASSWORD}\n")
    (folder / "link.yaml").symlink_to(folder / ".venv/x.yaml")
    (folder / "notes.md").write_text(f"password: {PASSWORD}\n")
    (folder / ".github").mkdir()
    (folder / ".github/ci.yaml").write_text("on: push\n")
    assert scan().output == "1 file, no secrets\n"
    assert scan("notes.md").exit_code == 1


def test_a_file_that_is_not_there_is_an_error() -> None:
    result = scan("missing.yaml")
    assert result.exit_code == 1
    assert "[E108]" in result.output


def test_every_finding_is_told_in_every_format(folder: Path) -> None:
    (folder / "a.yaml").write_text(f"a: {{password: {PASSWORD}}}\nb:\n  - --token={RANDOM}\n# secret={RANDOM}\n")
    found = json.loads(scan("a.yaml", "--format", "json").output)["diagnostics"]
    assert [(one["code"], one["line"], one["path"]) for one in found] == [
        ("E604", 1, "a.password"),
        ("E604", 3, "b[0]"),
        ("E604", 4, ""),
    ]
    assert all(one["end_column"] == one["column"] + 1 for one in found)  # how long it is is told to nobody
    sarif = json.loads(scan("a.yaml", "--format", "sarif").output)["runs"][0]["results"]
    assert [one["locations"][0]["physicalLocation"]["region"]["startLine"] for one in sarif] == [1, 3, 4]
    assert scan("a.yaml", "--format", "github").output.count("title=E604") == 3


def decided(folder: Path, **changes: str) -> None:
    """Write flow and platform with the exception that the command proposes, as a person completes it."""
    (folder / "flow.yaml").write_text(FLOW)
    proposed = CliRunner().invoke(scan_command, ["flow.yaml", "--exceptions"]).stdout
    assert RANDOM not in proposed
    for key, value in ({"reason": "a public id", "expires": "2999-01-31"} | changes).items():
        proposed = re.sub(rf"{key}: .*", f"{key}: {value}", proposed)
    (folder / "platform.yaml").write_text(PLATFORM + proposed.replace("security:", "security:\n  mode: internal_fast"))


def test_an_exception_allows_one_value_and_is_in_the_artifact(folder: Path) -> None:
    decided(folder)
    result = compiled()
    assert result.exit_code == 0, result.output
    [allowed] = json.loads((folder / "compiled_artifacts.json").read_text())["payload"]["security"]["allow_findings"]
    assert allowed["path"] == "description"
    assert allowed["reason"] == "a public id"
    assert scan("flow.yaml", "-p", "platform.yaml").exit_code == 0
    assert compiled().output == result.output


def test_an_exception_that_is_proposed_lacks_its_reason(folder: Path) -> None:
    decided(folder, reason='""')
    assert "`reason`" in compiled().output


@pytest.mark.parametrize(
    ("key", "value"), [("sha256", "ab" * 32), ("path", "name"), ("rule", "named"), ("sha256", "sha256:" + "ab" * 32)]
)
def test_an_exception_holds_for_nothing_else(key: str, value: str, folder: Path) -> None:
    decided(folder, **{key: value})
    result = compiled()
    assert result.exit_code == 1
    assert "[E604]" in result.output
    assert "[W601]" in result.output


def test_another_value_at_the_same_place_is_not_allowed(folder: Path) -> None:
    decided(folder)
    (folder / "flow.yaml").write_text(FLOW.replace(RANDOM, RANDOM[::-1]))
    assert "[E604]" in compiled().output


def test_an_exception_ends_with_its_day(folder: Path) -> None:
    decided(folder, expires="2024-02-29")
    assert "[E605]" in compiled().output
    assert "[E605]" in scan("flow.yaml", "-p", "platform.yaml").output


def test_what_an_exception_allows_is_not_kept(folder: Path) -> None:
    decided(folder)
    assert compiled().exit_code == 0
    assert not any(RANDOM.encode() in file.read_bytes() for file in (folder / ".firn").rglob("*") if file.is_file())


def test_the_bytes_of_an_artifact_are_looked_at_last() -> None:
    token = "AKIA" + "CANARYCANARY2345"
    content = json.dumps({"payload": {"flows": {"a": {"description": f"key {token}"}}}}).encode()
    [found] = in_artifact(content, frozenset())
    assert (found.code, token in repr(found)) == ("E604", False)
    assert list(in_artifact(content, frozenset([token]))) == []
    assert list(in_artifact(b'{"payload": {}}', frozenset())) == []


def test_a_signature_of_an_envelope_is_no_secret_and_anything_else_in_it_is(folder: Path) -> None:
    sig = "wU5qW9DuCDAv/cNht7Kj99Bye5nz3YE/ec0f1k61z4dq3QxIXG5FlIk15+9xfTCtsL9VTcXh+R9X8d/v4rT1BA=="
    body = {"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": sig}]}
    for changes, code in (({}, 0), ({"payloadType": "text/plain"}, 1), ({"sig": sig}, 1), ({"password": sig}, 1)):
        (folder / "x.dsse.json").write_text(json.dumps(body | changes))
        assert scan("x.dsse.json").exit_code == code


def test_every_value_of_a_key_that_is_repeated_is_looked_at(folder: Path) -> None:
    first = f'"password\'1": {PASSWORD}\n'
    (folder / "a.yaml").write_text(first + "password: ${PW}\n" * 20_000 + f"password: {PASSWORD}\n" * 2)
    found = json.loads(scan("a.yaml", "--format", "json").output)["diagnostics"]
    assert [one["line"] for one in found] == [1, 20_002, 20_003]


@pytest.mark.parametrize("form", ["github", "json", "sarif", "text"])
def test_a_name_that_is_not_utf_8_is_told_in_every_format(folder: Path, form: str) -> None:
    Path(os.fsdecode(bytes(folder / "x") + b"\xff.env")).write_text(f"DB_PASSWORD={RANDOM}\n")
    result = scan("--format", form)
    assert result.exit_code == 1
    assert "E604" in result.output
