"""Every example compiles to its committed artifact in every environment, and runs."""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

EXAMPLES = Path(__file__).parents[2] / "platform-examples"
BIN = Path(sys.executable).parent
PROJECTS = sorted(path.parent.name for path in EXAMPLES.glob("*/flow.yaml"))
ENVIRONMENTS = ("local", "dev", "prod")


def firn(*words: str | Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "firn"), *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env=os.environ | environ)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("project", PROJECTS)
def test_the_committed_artifact_is_what_the_sources_compile_to(project: str, environment: str) -> None:
    artifact = f"platform/{environment}/compiled_artifacts.json"
    answer = firn("compile", "flow.yaml", "--env", environment, "--check", "-o", artifact, cwd=EXAMPLES / project)
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize("project", PROJECTS)
def test_the_bytes_do_not_depend_on_the_folder_or_the_way_the_files_are_named(project: str, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "deep"
    shutil.copytree(EXAMPLES / project, copy, ignore=shutil.ignore_patterns("data", "out"))
    answer = firn(
        "compile", copy / "flow.yaml", "-p", copy / "platform/prod/platform.yaml", "-o", "a.json", cwd=tmp_path
    )
    assert answer.returncode == 0, answer.stderr
    committed = EXAMPLES / project / "platform/prod/compiled_artifacts.json"
    assert (tmp_path / "a.json").read_bytes() == committed.read_bytes()


def test_the_platform_can_come_from_standard_input(tmp_path: Path) -> None:
    text = (EXAMPLES / "01-hello/platform/local/platform.yaml").read_bytes()
    command = [str(BIN / "firn"), "compile", "flow.yaml", "-p", "-", "--env", "local", "-o", str(tmp_path / "a.json")]
    answer = subprocess.run(command, cwd=EXAMPLES / "01-hello", input=text, capture_output=True, check=False)
    assert answer.returncode == 0, answer.stderr


def test_hello_gives_one_table(tmp_path: Path) -> None:
    project = EXAMPLES / "01-hello"
    shutil.copytree(project / "data", tmp_path / "data")
    answer = firn("run", project / "platform/local/compiled_artifacts.json", cwd=tmp_path)
    assert answer.returncode == 0, answer.stdout
    rows = list(csv.reader((tmp_path / "out/weights.csv").read_text().splitlines()))
    assert rows[1:] == [["Adelie", "152", "3701.0"], ["Chinstrap", "68", "3733.0"], ["Gentoo", "124", "5076.0"]]


def test_flights_gives_the_same_as_bare_duckdb(tmp_path: Path) -> None:
    project = EXAMPLES / "02-flights"
    subprocess.run([sys.executable, "fetch_data.py"], cwd=project, check=True)
    answer = firn("run", project / "platform/local/compiled_artifacts.json", "--base-dir", project, cwd=tmp_path)
    assert answer.returncode == 0, answer.stdout
    connection: Any = duckdb.connect(str(project / "out/flights.duckdb"), read_only=True)
    connection.execute(f"set file_search_path = '{project}'")
    ours = connection.sql("from punctuality.carrier_months").fetchall()
    bare = connection.sql("""
        select a.name as airline, f.month, count(*), count(*) filter (f.dep_delay is null),
            round(avg(f.arr_delay), 2), round(avg((f.arr_delay > 15)::int), 4)
        from read_csv('data/flights.csv', nullstr = ['', 'NA']) f
        join read_json('data/airlines.json') a using (carrier) group by all order by airline, month
    """).fetchall()
    assert len(ours) == 185
    assert ours == bare
    assert connection.sql("select count(*), sum(flights) from 'out/routes.parquet'").fetchone()[0] == 195


def test_orders_come_from_the_api_and_the_token_is_nowhere(tmp_path: Path) -> None:
    project = EXAMPLES / "03-orders-api"
    environ = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "ORDERS_PORT": "18765"}
    answer = subprocess.run(["./run.sh"], cwd=project, capture_output=True, text=True, check=False, env=environ)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "1997-01,781,2265,5280,78842.79" in answer.stdout


@pytest.mark.parametrize("page", ["README.md", *(f"{project}/README.md" for project in PROJECTS)])
def test_every_file_that_a_readme_links_to_is_there(page: str) -> None:
    for link in re.findall(r"\]\(([^)#:]+)[)#]", (EXAMPLES / page).read_text()):
        assert ((EXAMPLES / page).parent / link).exists(), link


def test_a_terminal_shows_progress_and_ends_with_a_table(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "01-hello/data", tmp_path / "data")
    artifact = EXAMPLES / "01-hello/platform/local/compiled_artifacts.json"
    words = shlex.join([str(BIN / "firn"), "run", str(artifact), "--run-id", "r1"])
    answer = subprocess.run(
        ["script", "-qec", words, "/dev/null"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", answer.stdout)
    assert "✓ main.publish  3 rows" in shown
    assert "✓ main.weights  streamed" in shown
    assert re.search(r"penguins  SUCCESS +streamed +15\.2 kB +1 +\d\.\d\d s", shown)
    assert re.search(r"SUCCESS hello in \d\.\d\d s, run r1\s*$", shown)


def test_a_pipe_gets_plain_lines(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "01-hello/data", tmp_path / "data")
    artifact = EXAMPLES / "01-hello/platform/local/compiled_artifacts.json"
    text = firn("run", artifact, "--run-id", "r1", cwd=tmp_path).stdout
    digest = "sha256:" + "x" * 64
    assert (
        re.sub(r"sha256:\w+", digest, re.sub(r"\d+\.\d\d s", "0.00 s", text))
        == f"""\
hello for local, run r1
{digest}
main.penguins  SUCCESS  streamed  0.00 s
main.weights  SUCCESS  streamed  0.00 s
main.publish  SUCCESS  3 rows  0.00 s

job   step      status       rows    bytes  attempts    time
main            SUCCESS                               0.00 s
      penguins  SUCCESS  streamed  15.2 kB         1  0.00 s
      weights   SUCCESS  streamed                  1  0.00 s
      publish   SUCCESS         3     79 B         1  0.00 s

SUCCESS hello in 0.00 s, run r1
"""
    )
