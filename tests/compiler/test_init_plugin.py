"""`firn init --plugin`: a project that builds, installs and passes its own tests as it is, and compiles into a flow."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from firn_compiler.commands.init import init_command
from firn_schemas.plugins import Origin, rows
from runtime.plugin_places import environment, install, run, wheel

FLOW = """\
name: first
version: "0.1.0"
resources: {orders: {profile: orders}}
steps:
  - {id: orders, type: read, inputs: {resource: orders, table: orders}}
  - {id: many, type: acme_orders_count, inputs: {from: orders}, outputs: {count: "{{ result.count }}"}}
  - {id: out, type: write, inputs: {from: orders, resource: storage, path: orders.csv, mode: replace}}
"""
PLATFORM = """\
version: "1.0.0"
environment: prod
storage: {default: {type: local, root: out}}
connectors:
  orders: {kind: acme, driver: orders, config: {folder: data, token: {secret_ref: orders}}, options: {limit: 2}}
security:
  mode: enterprise
  plugins:
    PIN
"""


def test_it_builds_passes_its_tests_and_runs_in_enterprise(tmp_path: Path) -> None:
    made = CliRunner().invoke(init_command, [str(tmp_path / "plugin"), "--plugin", "acme-orders"])
    assert made.exit_code == 0, made.output
    python = environment(tmp_path / "venv")
    install(python, wheel(tmp_path / "plugin", tmp_path / "dist"))
    tests = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path / "plugin")
    assert "3 passed" in tests.stdout
    (tmp_path / "run/data").mkdir(parents=True)
    (tmp_path / "run/data/orders.ndjson").write_text('{"id": 1}\n{"id": 2}\n{"id": 3}\n')
    pin = run(python, "-I", "-m", "firn_runtime", "plugins").stdout.splitlines()[0]
    (tmp_path / "run/flow.yaml").write_text(FLOW)
    (tmp_path / "run/platform.yaml").write_text(PLATFORM.replace("PIN", pin))
    cwd, environ = tmp_path / "run", {"ORDERS": "a-token-that-is-none"}
    run(python, "-I", "-m", "firn_runtime", "compile", "flow.yaml", "-p", "platform.yaml", cwd=cwd)
    run(python, "-I", "-m", "firn_runtime", "run", cwd=cwd, environ=environ)
    assert (cwd / "out/orders.csv").read_text() == "id\n1\n2\n"


@pytest.mark.parametrize("name", ["", "Acme", "1acme", "acme__orders", "a--b", "-a", "a-", "é", "a" * 61, "a/b"])
def test_a_name_that_no_distribution_has_writes_nothing(tmp_path: Path, name: str) -> None:
    answer = CliRunner().invoke(init_command, [str(tmp_path / "x"), "--plugin", name])
    assert answer.exit_code == 2
    assert not (tmp_path / "x").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "src/acme").mkdir(parents=True)
    (tmp_path / "src/acme/step.py").write_text("mine")
    answer = CliRunner().invoke(init_command, [str(tmp_path), "--plugin", "acme"])
    assert (answer.exit_code, "step.py` is already there" in answer.output) == (2, True)
    assert sorted(one.name for one in tmp_path.rglob("*") if one.is_file()) == ["step.py"]


def test_a_name_of_one_word_has_a_driver_too(tmp_path: Path) -> None:
    assert CliRunner().invoke(init_command, [str(tmp_path), "--plugin", "acme"]).exit_code == 0
    (row,) = json.loads((tmp_path / "src/acme/firn-plugin.json").read_text())["connectors"]
    assert (row["kind"], row["driver"]) == ("acme", "folder")


@pytest.mark.parametrize("name", ["acme-orders", "acme_orders"])
def test_without_a_folder_it_gets_one_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(init_command, ["--plugin", name])
    assert answer.exit_code == 0
    assert f"cd {name} && pip install -e ." in answer.output
    assert 'name = "acme-orders"' in (tmp_path / name / "pyproject.toml").read_text()


def test_a_flows_name_is_no_plug_ins(tmp_path: Path) -> None:
    answer = CliRunner().invoke(init_command, [str(tmp_path), "--plugin", "acme", "--name", "x"])
    assert answer.exit_code == 2


@pytest.mark.parametrize("name", ["class", "json", "firn-runtime", "pytest"])
def test_a_name_whose_package_could_not_be_imported_writes_nothing(tmp_path: Path, name: str) -> None:
    answer = CliRunner().invoke(init_command, [str(tmp_path / "x"), "--plugin", name])
    assert (answer.exit_code, "stands for something else in Python" in answer.output) == (2, True), answer.output
    assert not (tmp_path / "x").exists()


def test_a_name_of_what_firn_has_writes_nothing(tmp_path: Path) -> None:
    answer = CliRunner().invoke(init_command, [str(tmp_path / "x"), "--plugin", "files-local"])
    assert (answer.exit_code, "Firn itself has `files/local`" in answer.output) == (2, True), answer.output
    assert not (tmp_path / "x").exists()


def test_a_driver_begins_with_a_letter(tmp_path: Path) -> None:
    assert CliRunner().invoke(init_command, [str(tmp_path), "--plugin", "acme-2"]).exit_code == 0
    assert rows((tmp_path / "src/acme_2/firn-plugin.json").read_bytes(), Origin("acme-2", "1")).connectors.keys() == {
        ("acme", "folder")
    }
