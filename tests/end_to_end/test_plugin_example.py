"""The example of a plug-in: built, installed into an environment of its own, compiled in `enterprise` and run."""

import re
import shutil
from pathlib import Path

import duckdb
import pytest

from runtime.plugin_places import ROOT, environment, install, run, wheel

EXAMPLE = ROOT / "platform-examples/07-plugin"
KEY = "CANARY-of-the-mainframe-4417"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(EXAMPLE, folder / "copy", ignore=shutil.ignore_patterns("data", "out", "dist", "__pycache__", ".*"))
    python = environment(folder / "venv")
    install(python, wheel(folder / "copy/acme-firn-orders", folder / "dist"))
    return python, folder / "copy"


def test_its_own_tests_pass(installed: tuple[Path, Path]) -> None:
    python, copy = installed
    answer = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=copy / "acme-firn-orders")
    assert "3 passed" in answer.stdout


def test_the_platform_has_the_line_that_firn_plugins_prints(installed: tuple[Path, Path]) -> None:
    line = run(installed[0], "-I", "-m", "firn_runtime", "plugins").stdout.splitlines()[0]
    assert line in (EXAMPLE / "flow/platform/prod/platform.yaml").read_text()


def test_it_compiles_in_enterprise_and_runs(installed: tuple[Path, Path]) -> None:
    python, copy = installed
    flow, environ = copy / "flow", {"MAINFRAME": KEY}
    run(python, "make_orders.py", cwd=flow, environ=environ)
    run(python, "-I", "-m", "firn_runtime", "compile", "flow.yaml", "--env", "prod", cwd=flow)
    answer = run(python, "-I", "-m", "firn_runtime", "run", cwd=flow, environ=environ)
    rows = duckdb.sql(f"from '{flow}/out/orders.parquet' order by id").fetchall()
    assert [(id, customer, str(amount)) for id, customer, amount in rows] == [
        (1, "Ada", "12.50"),
        (2, "Grace", "7.25"),
        (3, "Ada", "30.00"),
    ]
    (flow / "data/orders.dat").write_text((flow / "data/orders.dat").read_text().replace("Ada", "Eve"))
    refused = run(python, "-I", "-m", "firn_runtime", "run", cwd=flow, ok=False, environ=environ)
    assert refused.returncode == 1
    assert "`orders.dat` is not signed with the key" in refused.stdout
    assert KEY not in answer.stdout + answer.stderr + refused.stdout + refused.stderr
    assert [file for file in flow.rglob("*") if file.is_file() and KEY.encode() in file.read_bytes()] == []


def test_every_file_that_its_readme_links_to_is_there() -> None:
    for link in re.findall(r"\]\(([^)#:]+)[)#]", (EXAMPLE / "README.md").read_text()):
        assert (EXAMPLE / link).exists(), link
