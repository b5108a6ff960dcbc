"""The statement beside an artifact: everything that was read, in its exact bytes, and no value of a variable."""

import hashlib
import json
import os
import subprocess
from multiprocessing import Process
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from compiler.projects import FLOW, PLATFORM
from firn_compiler.cli import compile_command
from firn_compiler.materials import checked_out
from firn_compiler.work_tree import work_tree
from firn_runtime.signatures import refuse_other_statement
from firn_schemas.canonical import canonical_bytes

EPOCH = {"SOURCE_DATE_EPOCH": "1750000000"}
KEY = """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""
DBT_FLOW = """\
name: shop
version: "1.0.0"
steps:
  - {id: models, type: dbt, inputs: {path: ./dbt, target: prod}}
"""
SQL_FLOW = FLOW + "  - id: big\n    type: sql\n    inputs: {sql_file: sql/big.sql}\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a flow and a platform."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("flow.yaml").write_text(FLOW)
    Path("platform.yaml").write_text(PLATFORM)
    return tmp_path / "here"


def compiled(*words: str, environ: dict[str, str] | None = None, ok: bool = True, **options: Any) -> dict[str, Any]:
    """Compile and return the statement."""
    words = words or ("flow.yaml", "-p", "platform.yaml")
    done = CliRunner().invoke(compile_command, words, env=EPOCH if environ is None else environ, **options)
    assert (done.exit_code == 0) is ok, done.output
    statement: dict[str, Any] = json.loads(Path("compiled_artifacts.intoto.json").read_text()) if ok else {}
    return statement


def sha256(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def dependencies(statement: dict[str, Any]) -> dict[str, dict[str, str]]:
    rows = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    return {row.get("name") or row["uri"]: row["digest"] for row in rows}


def test_it_is_a_statement_of_in_toto_with_a_predicate_of_slsa_about_the_files_bytes() -> None:
    statement = compiled()
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert statement["subject"] == [
        {"name": "compiled_artifacts.json", "digest": {"sha256": sha256("compiled_artifacts.json")}}
    ]
    refuse_other_statement(
        Path("compiled_artifacts.intoto.json").read_bytes(), Path("compiled_artifacts.json").read_bytes()
    )
    payload = json.loads(Path("compiled_artifacts.json").read_text())["payload"]
    (byproduct,) = statement["predicate"]["runDetails"]["byproducts"]
    assert byproduct["digest"]["sha256"] == hashlib.sha256(canonical_bytes(payload)).hexdigest()


def test_what_was_asked_for_is_named() -> None:
    Path("flow.yaml").write_text(FLOW.replace("orders.csv", '"{{ var.file }}"'))
    statement = compiled("flow.yaml", "-p", "platform.yaml", "--var", "file=CANARY-value.csv")
    assert statement["predicate"]["buildDefinition"]["externalParameters"] == {
        "flows": ["flow.yaml"],
        "platform": "platform.yaml",
        "environment": "test",
        "variables": ["file"],
    }
    assert "CANARY" in Path("compiled_artifacts.json").read_text()
    assert "CANARY" not in json.dumps(statement)


def test_every_file_that_was_read_is_there_with_the_digest_of_its_exact_bytes() -> None:
    for name, text in {
        "sql/big.sql": "select * from orders -- ÄÖ\r\n",
        "base/base.yaml": PLATFORM,
        "k.pub": KEY,
    }.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(text.encode())
    Path("flow.yaml").write_text(SQL_FLOW)
    leaf = 'version: "1.0.0"\nextends: base/base.yaml\nsecurity: {mode: internal_fast, trusted_keys: [k.pub]}\n'
    Path("platform.yaml").write_text(leaf)
    for _ in range(2):  # the second time, out of the cache
        found = dependencies(compiled())
        for name in ("flow.yaml", "platform.yaml", "base/base.yaml", "sql/big.sql", "k.pub"):
            assert found[name] == {"sha256": sha256(name)}
    assert set(found) - {name for name in found if not name.startswith("pkg:")} == {
        "pkg:pypi/firn-compiler@0.1.0",
        "pkg:pypi/firn-schemas@0.1.0",
    }


def test_every_file_of_a_dbt_project_is_there() -> None:
    Path("dbt/models").mkdir(parents=True)
    Path("dbt/dbt_project.yml").write_text("name: shop\n")
    Path("dbt/models/orders.sql").write_text("select 1 as n\n")
    Path("flow.yaml").write_text(DBT_FLOW)
    Path("platform.yaml").write_text(
        PLATFORM + "catalogs:\n  default: {type: iceberg_rest, uri: http://h, warehouse: w}\n"
    )
    found = dependencies(compiled())
    for name in ("dbt/dbt_project.yml", "dbt/models/orders.sql"):
        assert found[name] == {"sha256": sha256(name)}


def test_with_a_date_from_outside_two_machines_write_the_same_bytes(project: Path, tmp_path: Path) -> None:
    compiled()
    first = Path("compiled_artifacts.intoto.json").read_bytes()
    os.chdir(tmp_path)
    project.rename(tmp_path / "elsewhere")
    os.chdir(tmp_path / "elsewhere")
    assert compiled()["predicate"]["runDetails"]["metadata"] == {
        "startedOn": "2025-06-15T15:06:40Z",
        "finishedOn": "2025-06-15T15:06:40Z",
    }
    assert Path("compiled_artifacts.intoto.json").read_bytes() == first


def test_without_one_it_says_when_and_the_artifact_stays_the_same() -> None:
    compiled()
    before = Path("compiled_artifacts.json").read_bytes()
    metadata = compiled(environ={"SOURCE_DATE_EPOCH": ""})["predicate"]["runDetails"]["metadata"]
    assert "2026" <= metadata["startedOn"] <= metadata["finishedOn"]
    assert Path("compiled_artifacts.json").read_bytes() == before


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "١", "9" * 19, "9" * 4400, "1e9", " 1"])
def test_a_date_that_is_none_is_refused(text: str) -> None:
    compiled(environ={"SOURCE_DATE_EPOCH": text}, ok=False)
    assert not Path("compiled_artifacts.json").exists()


def test_no_name_tells_where_on_the_machine_the_files_are(project: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text(PLATFORM)
    words = (str(project / "flow.yaml"), "-p", str(tmp_path / "outside.yaml"))
    parameters = compiled(*words)["predicate"]["buildDefinition"]["externalParameters"]
    assert (parameters["flows"], parameters["platform"]) == (["flow.yaml"], "outside.yaml")
    text = Path("compiled_artifacts.intoto.json").read_text()
    assert not any(part in text for part in tmp_path.parts if len(part) > 3)


def test_a_platform_from_standard_input_has_its_bytes_there() -> None:
    statement = compiled("flow.yaml", "-p", "-", input=PLATFORM)
    assert dependencies(statement)["-"] == {"sha256": hashlib.sha256(PLATFORM.encode()).hexdigest()}


def test_checking_needs_no_statement_and_writes_none() -> None:
    compiled()
    Path("compiled_artifacts.intoto.json").unlink()
    done = CliRunner().invoke(compile_command, ["flow.yaml", "-p", "platform.yaml", "--check"])
    assert (done.exit_code, Path("compiled_artifacts.intoto.json").exists()) == (0, False)


def test_the_statement_is_named_after_the_artifact() -> None:
    CliRunner().invoke(compile_command, ["flow.yaml", "-p", "platform.yaml", "-o", "prod.json"], env=EPOCH)
    assert json.loads(Path("prod.intoto.json").read_text())["subject"][0]["name"] == "prod.json"


def test_of_two_that_compile_to_one_place_at_once_all_files_are_of_one(project: Path) -> None:
    others = [(f"flow_{number}.yaml", "-p", "platform.yaml", "-o", "one.json") for number in range(4)]
    for name, *_ in others:
        (project / name).write_text(FLOW.replace("name: ", f"name: {name.removesuffix('.yaml')}_", 1))
    for _ in range(5):
        at_once = [Process(target=CliRunner().invoke, args=(compile_command, words)) for words in others]
        for one in at_once:
            one.start()
        for one in at_once:
            one.join()
        digest = json.loads(Path("one.json").read_text())["digest"]
        assert json.loads(Path("one.map.json").read_text())["artifact"] == digest
        refuse_other_statement(Path("one.intoto.json").read_bytes(), Path("one.json").read_bytes())


def test_an_artifact_is_not_written_to_standard_output_where_nothing_lies_beside_it() -> None:
    done = CliRunner().invoke(compile_command, ["flow.yaml", "-p", "platform.yaml", "-o", "-"])
    assert (done.exit_code, done.output.splitlines()[-1].partition(":")[0]) == (2, "Error")
    assert not Path("-").exists()


def test_no_artifact_takes_the_place_of_what_is_no_regular_file() -> None:
    os.mkfifo("device")
    result = CliRunner().invoke(compile_command, ["flow.yaml", "-p", "platform.yaml", "-o", "device"])
    assert result.exit_code == 1
    assert result.stderr.startswith("error[E109]: cannot write `device`: it is no regular file\n")
    assert Path("device").is_fifo()
    assert not [path for path in Path().iterdir() if path.name.startswith("device.")]


@pytest.mark.parametrize("words", [["flow.yaml", "--env"], ["flow.yaml", "--platform"], ["-p", "platform.yaml"]])
def test_a_file_that_cannot_be_looked_at_is_said_with_the_reason(words: list[str]) -> None:
    Path("platform").mkdir()
    result = CliRunner().invoke(compile_command, [*words, "e" * 300])
    assert (result.exit_code, "file name too long" in result.stderr) == (1, True), result.stderr


def git(*words: str) -> str:
    environ = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "PATH": os.environ["PATH"]}
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    return subprocess.run(["git", *who, *words], env=environ, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(project: Path) -> str:
    """The project as a work tree; the commit that is checked out."""
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "first")
    return git("rev-parse", "HEAD")


def head() -> str | None:
    _, folder = work_tree(Path.cwd())
    assert folder is not None
    return checked_out(folder)


def test_the_commit_is_that_which_is_checked_out(repository: str) -> None:
    assert dependencies(compiled())["HEAD"] == {"gitCommit": repository}
    git("pack-refs", "--all")
    assert head() == repository
    git("checkout", "-q", "--detach")
    assert head() == repository


def test_files_are_named_from_the_root_of_the_work_tree(repository: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sub").mkdir()
    monkeypatch.chdir("sub")
    assert dependencies(compiled("../flow.yaml", "-p", "../platform.yaml"))["flow.yaml"]


def test_a_linked_work_tree_has_its_own_commit(repository: str, monkeypatch: pytest.MonkeyPatch) -> None:
    git("worktree", "add", "-q", "../linked", "-b", "other")
    monkeypatch.chdir("../linked")
    git("commit", "-q", "--allow-empty", "-m", "second")
    assert head() == git("rev-parse", "HEAD") != repository
    git("pack-refs", "--all")
    assert head() == git("rev-parse", "HEAD")


@pytest.mark.parametrize(
    "text",
    ["", "ref: refs/heads/none", "ref: refs/../../../etc/passwd", "ref: /etc/passwd", "CANARY", "\xff\0", "0" * 39],
)
def test_files_of_git_that_say_no_commit_say_nothing(repository: str, text: str) -> None:
    Path(".git/HEAD").write_text(text)
    assert head() is None
    assert "HEAD" not in dependencies(compiled())


def test_without_a_work_tree_there_is_no_commit() -> None:
    assert "HEAD" not in dependencies(compiled())
