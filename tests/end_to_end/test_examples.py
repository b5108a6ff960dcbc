"""Every example compiles to its committed artifact in every environment, and runs."""

import csv
import importlib.util
import json
import os
import re
import secrets
import shlex
import shutil
import socket
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
pytestmark = pytest.mark.usefixtures("in_place")


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


def test_the_marts_say_what_the_shop_itself_says_after_two_runs(tmp_path: Path) -> None:
    ports = {"SHOP_DB_PORT": free_port(), "LAKE_PORT": free_port()}
    hidden = {name: secrets.token_hex(16) for name in ("SHOP_ADMIN_PASSWORD", "SHOP_DB_PASSWORD", "LAKE_KEYS_SECRET")}
    daily = """
        select ordered_on, country, count(*), count(*) filter (where status = 'refunded'),
            coalesce(sum(amount) filter (where status <> 'refunded'), 0) from orders group by 1, 2 order by 1, 2
    """
    customers = "select customer_id, count(*), sum(amount), max(ordered_on) from orders group by 1 order by 1"
    words = asking("SHOP_DB_PORT", "SHOP_ADMIN_PASSWORD", tmp_path / "shop.json", daily, customers)
    shown = run_example("04-postgres-to-lake", words, ports | hidden)
    assert "run-1 read 20000 rows; the lake knows 20000 orders" in shown
    assert "run-2 read 393 rows; the lake knows 20251 orders" in shown
    with duckdb.connect(str(EXAMPLES / "04-postgres-to-lake/out/marts.duckdb"), read_only=True) as marts:
        ours = [marts.sql(f"from sales.{name} order by all").fetchall() for name in ("daily", "customers")]
    assert [len(rows) for rows in ours] == [228, 1500]
    assert as_text(ours) == (tmp_path / "shop.json").read_text()
    assert sum(row[1] for row in ours[1]) == 20_251


def test_the_warehouse_has_every_customer_of_the_crm_once_as_he_is_now(tmp_path: Path) -> None:
    ports = {"CRM_PORT": free_port(), "WAREHOUSE_PORT": free_port()}
    hidden = {name: secrets.token_hex(16) for name in ("CRM_CLIENT", "WAREHOUSE_PASSWORD", "WAREHOUSE_ADMIN_PASSWORD")}
    table = """
        select customer_id, name, email, plan, mrr, currency, active, updated_at at time zone 'UTC'
        from crm.customers order by customer_id
    """
    words = asking("WAREHOUSE_PORT", "WAREHOUSE_ADMIN_PASSWORD", tmp_path / "warehouse.json", table)
    shown = run_example("05-api-to-warehouse", words, ports | hidden)
    assert "run-1 read 1201 records: 1200 new, 0 updated" in shown
    assert "run-2 read 70 records: 25 new, 45 updated" in shown
    assert "429" in shown
    assert "updated_since=2026-01-01T19%3A56%3A00" in shown
    assert not re.search(r"crm-[\w-]{32}", shown)  # what a token looks like
    (rows,) = json.loads((tmp_path / "warehouse.json").read_text())
    assert rows == [
        [
            one["id"], one["name"].strip(), one["email"].lower(), one["plan"], one["mrr"]["amount"],
            one["mrr"]["currency"], one["active"], one["updated_at"].replace("T", " ").removesuffix("+00:00"),
        ]
        for one in customers_of_the_crm()
    ]  # fmt: skip


def test_what_the_partner_has_left_is_in_the_table_acknowledged_and_reported(tmp_path: Path) -> None:
    ports = {"PARTNER_PORT": free_port(), "POST_PORT": free_port()}
    hidden = {"POST_PASSWORD": secrets.token_hex(16)}
    shown = run_example("06-partner-files", [], ports | hidden)
    assert "run-1: 405 orders of 3 days, 199251.31 in all" in shown
    assert "run-2: 605 orders of 4 days, 303188.45 in all" in shown
    assert "take           SKIPPED" in shown
    out = EXAMPLES / "06-partner-files/out"
    assert len(list((out / "post").iterdir())) == 2
    assert [len((out / f"partner/inbox/run-{run}/receipt.csv").read_text().splitlines()) for run in (1, 2)] == [4, 3]


def customers_of_the_crm() -> list[dict[str, Any]]:
    """Return them as they are at the end, in the order of their numbers."""
    spec = importlib.util.spec_from_file_location("serve", EXAMPLES / "05-api-to-warehouse/serve.py")
    assert spec is not None
    assert spec.loader is not None
    serve: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(serve)
    with serve.Crm(0) as crm:
        crm.somebody_changes_meanwhile()
        crm.a_day_passes()
        return [crm.customers[number] for number in sorted(crm.customers)]


def run_example(name: str, words: list[str], environ: dict[str, str]) -> str:
    """Run an example and a command; return what was shown, in which none of the secrets is, nor in any file left."""
    ours = {"PATH": f"{BIN}:{os.environ['PATH']}"} | environ
    project = EXAMPLES / name
    answer = subprocess.run(
        ["./run.sh", *words], cwd=project, capture_output=True, text=True, check=False, env=os.environ | ours
    )
    shown = answer.stdout + answer.stderr
    left = {str(path): path.read_bytes() for path in project.rglob("*") if path.is_file()}
    for word, value in environ.items():
        if word.endswith("_PORT"):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", int(value)), 1)
        else:
            assert value not in shown, word
            assert [path for path, content in left.items() if value.encode() in content] == [], word
    assert answer.returncode == 0, shown
    return shown


def asking(port: str, password: str, target: Path, *queries: str) -> list[str]:
    """Return the command that asks a database on loopback, and keeps the rows of each query as text in a file."""
    code = """
import json, os, sys, psycopg
port, password, target, *queries = sys.argv[1:]
words = {"host": "127.0.0.1", "port": os.environ[port], "user": "admin", "password": os.environ[password]}
with psycopg.connect(**words, dbname="postgres") as connection, open(target, "w") as file:
    json.dump([connection.execute(query).fetchall() for query in queries], file, default=str)
"""
    return [sys.executable, "-c", code, port, password, str(target), *queries]


def as_text(rows: Any) -> str:
    return json.dumps(rows, default=str)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return str(one.getsockname()[1])


def test_the_examples_that_start_postgresql_do_it_alike() -> None:
    copies = [path.read_text() for path in EXAMPLES.glob("*/postgres.py")]
    assert len(copies) == 2
    assert len(set(copies)) == 1


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
