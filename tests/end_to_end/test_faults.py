"""Faults of servers, files and disks as `firn run` meets them: the class that `retry.on` names; nothing half-done."""

import gzip
import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest
from psycopg import sql

from firn_runtime.events import CODES
from firn_schemas.artifact_format import ErrorClass
from servers import postgres
from servers.answers import Answer, answering
from servers.front import front
from tracing import by_strace_of_paths

FIRN = str(Path(sys.executable).parent / "firn")
CANARY = "CANARY-t0k3n-of-faults"
PLATFORM = """\
version: "1.0.0"
security: {{mode: internal_fast, secret_mounts: [mount]}}
storage: {{default: {{type: local, root: out}}}}
state: {{backend: sqlite, path: state.db}}
connectors:
  files: {{type: local, config: {{root: data}}}}
  lake: {{type: duckdb, config: {{path: lake.duckdb}}}}
  api:
    type: httpx
    config: {{base_url: "{api}", bearer_token: {{secret_ref: canary}}}}
  shop:
    type: postgres
    config: {{host: 127.0.0.1, port: {port}, database: {database}, user: {user}, password: {{secret_ref: canary}}}}
    options: {{sslmode: disable, statement_timeout: 2}}
"""
GOOD = Answer(body=b'[{"n": 1}, {"n": 2}]', headers={"content-type": "application/json"})
FILE = "resource: storage, path: orders.parquet"
TABLE = "resource: shop, table: target"
LAKE = "resource: lake, table: target"


class World:
    """A folder with a platform, a server behind a network that can break, an API, and targets that hold one old row."""

    def __init__(self, folder: Path, ends: ExitStack) -> None:
        self.folder = folder
        made = postgres.server()
        database, user = postgres.fresh_database(made), f"user_{secrets.token_hex(4)}"
        self.admin = ends.enter_context(postgres.connected(made, database))
        self.user = sql.Identifier(user)
        self.execute("create table orders as select n, repeat('x', 100) as note from generate_series(1, 20000) as n")
        self.execute("create table target as select 0::bigint as n")
        self.admin.execute(sql.SQL("create role {} superuser login password {}").format(self.user, sql.Literal(CANARY)))
        self.front = ends.enter_context(front(made.host, made.port))
        self.api = ends.enter_context(answering(GOOD))
        for name in ("data", "out", "mount"):
            (folder / name).mkdir()
        (folder / "mount/canary").write_text(CANARY)
        (folder / "data/orders.csv").write_text("n\n" + "1\n" * 50_000)
        duckdb.sql(f"copy (select 0::bigint as n) to '{folder}/out/orders.parquet'")
        with duckdb.connect(str(folder / "lake.duckdb")) as lake:
            lake.execute("create table target as select 0::bigint as n")
        named = {"api": self.api.url, "port": self.front.port, "database": database, "user": user}
        (folder / "platform.yaml").write_text(PLATFORM.format_map(named))

    def execute(self, statement: str) -> None:
        self.admin.execute(statement.encode())

    def compile(self, source: str, sink: str, retry: str = "") -> None:
        used = [name for name in ("files", "lake", "api", "shop") if f"resource: {name}" in source + sink]
        resources = ", ".join(f"{name}: {{profile: {name}}}" for name in used)
        again = f", retry: {retry}" if retry else ""
        (self.folder / "flow.yaml").write_text(
            f'name: faults\nversion: "1.0.0"\nresources: {{{resources}}}\nsteps:\n'
            f"  - {{id: orders, type: read, inputs: {{{source}}}{again}}}\n"
            f"  - {{id: publish, type: write, inputs: {{from: orders, {sink}, mode: replace}}{again}}}\n"
        )
        answer = self.firn("compile", "flow.yaml", "-p", "platform.yaml")
        assert answer.returncode == 0, answer.stderr

    def firn(self, *words: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        command = [*before, FIRN, *words]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=120)

    def targets(self) -> list[object]:
        """Return what is published: everywhere the one old row."""
        with duckdb.connect(str(self.folder / "lake.duckdb"), read_only=True) as lake:
            rows = lake.execute("from target").fetchall()
        found = duckdb.sql(f"select n from '{self.folder}/out/*.parquet'").fetchall()
        return [rows, found, self.admin.execute("select n from target").fetchall()]

    def refuse_inserts(self, code: str, times: int = 1_000_000) -> None:
        """Let the server refuse what is loaded into the target, with an SQLSTATE, for so many times."""
        self.execute("create sequence tries")  # is not undone with the transaction
        self.execute(
            "create function refuse() returns trigger language plpgsql as $$ begin "
            f"if nextval('tries') <= {times} then raise exception 'row {CANARY}' using errcode = '{code}'; end if; "
            "return null; end $$"
        )
        self.execute("create trigger refuse before insert on target for each statement execute function refuse()")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with ExitStack() as ends:
        yield World(tmp_path, ends)


class Fault(NamedTuple):
    """What goes wrong once the flow is compiled, and what is said of it."""

    source: str
    error_class: ErrorClass
    said: str
    begin: Callable[[World], object]
    sink: str = FILE
    step: str = "publish"


def _file(name: str, content: bytes) -> Callable[[World], object]:
    return lambda world: (world.folder / "data" / name).write_bytes(content)


def _answers(*answers: Answer) -> Callable[[World], object]:
    return lambda world: world.api.answers.__setitem__(slice(None), answers)


CSV = "resource: files, path: orders.csv"
SHOP = "resource: shop, table: orders, columns: [n]"
API = "resource: api, request: {path: /orders, pagination: {type: page, param: page}}"
SQL = 'resource: shop, sql: "select n from orders"'
ROWS = b"n\n" + b"1\n" * 2_500_000
HTML = Answer(body=b"<html>" + CANARY.encode(), headers={"content-type": "text/html"})

FAULTS = {
    "the server is gone in the middle of a table": Fault(
        SHOP, "connection", "the database server has closed the connection", lambda w: w.front.cut.append(b"COPY (")
    ),
    "the server is gone in the middle of a query": Fault(
        SQL,
        "connection",
        "the server has closed the connection",
        lambda w: w.front.cut.append(b"copy ("),
        step="orders",
    ),
    "the server is gone in the middle of a load": Fault(
        CSV, "connection", "the server has closed the connection", lambda w: w.front.cut.append(b"copy "), sink=TABLE
    ),
    "the server falls silent in the middle of a query": Fault(
        SQL, "timeout", "took longer than `statement_timeout`", lambda w: w.front.fall_silent(b"copy ("), step="orders"
    ),
    "the server falls silent in the middle of a load": Fault(
        CSV, "timeout", "took longer than `statement_timeout`", lambda w: w.front.fall_silent(b"copy "), sink=TABLE
    ),
    "the login is refused": Fault(
        SHOP,
        "auth",
        "the server refused the login of",
        lambda w: w.admin.execute(sql.SQL("alter role {} password 'another'").format(w.user)),
        step="orders",
    ),
    "the table is missing": Fault(
        SHOP, "data", 'relation "orders" does not exist', lambda w: w.execute("drop table orders"), step="orders"
    ),
    "a column was renamed": Fault(
        SHOP,
        "data",
        'column "n" does not exist',
        lambda w: w.execute("alter table orders rename n to number"),
        step="orders",
    ),
    "the server is slow": Fault(
        SHOP,
        "timeout",
        "the statement took longer than `statement_timeout`",
        lambda w: w.execute(
            "alter table orders rename to o; create view orders as select n from o where pg_sleep(1) is null"
        ),
    ),
    "two transactions wait for each other": Fault(
        CSV,
        "conflict",
        "two transactions waited for each other",
        lambda w: w.refuse_inserts("40P01"),
        sink=TABLE,
    ),
    "the server's disk is full": Fault(
        CSV, "server_error", "the server's disk is full", lambda w: w.refuse_inserts("53100"), sink=TABLE
    ),
    "a CSV file ends in the middle of a row": Fault(
        CSV, "data", "`orders.csv` has quotes that are not closed", _file("orders.csv", ROWS + b'"1'), step="orders"
    ),
    "a column of a CSV file was renamed": Fault(
        CSV + ", columns: [n]", "data", "n", _file("orders.csv", b"number\n1\n"), step="orders"
    ),
    "a gzip file is broken": Fault(
        "resource: files, path: orders.csv.gz",
        "data",
        "`orders.csv.gz`",
        _file("orders.csv.gz", gzip.compress(ROWS)[:-2000]),
        step="orders",
    ),
    "a gzip file was changed": Fault(
        "resource: files, path: orders.csv.gz",
        "data",
        "`orders.csv.gz`",
        _file("orders.csv.gz", gzip.compress(b"n\n1\n")[:-8] + b"12345678"),
        step="orders",
    ),
    "an API gives the same page again": Fault(API, "data", "page", _answers(GOOD), step="orders"),
    "an API gives HTML": Fault(API, "data", "text/html", _answers(HTML), step="orders"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_has_its_class_and_leaves_everything_as_it_was(world: World, fault: Fault) -> None:
    world.compile(fault.source, fault.sink)
    fault.begin(world)
    _fails(world, fault, world.firn("run", "--log-format", "json", "--run-id", "r"))


@by_strace_of_paths
def test_a_disk_that_is_full_is_a_fault_of_the_process(world: World) -> None:
    world.compile(CSV, LAKE)
    watched = [word for name in ("lake.duckdb", "lake.duckdb.wal") for word in ("-P", str(world.folder / name))]
    full = ["-e", "trace=write,pwrite64", "-e", "inject=write,pwrite64:error=ENOSPC:when=1+"]
    strace = ("strace", "-f", "-qq", "-o", "/dev/null", *watched, *full)
    fault = Fault(CSV, "process", "No space left on device", lambda _: None, LAKE)
    _fails(world, fault, world.firn("run", "--log-format", "json", "--run-id", "r", before=strace))


def _fails(world: World, fault: Fault, answer: subprocess.CompletedProcess[str]) -> None:
    events = [json.loads(line) for line in answer.stdout.splitlines()]
    failed = [event for event in events if event["event"] == "step.finished" and event["status"] == "FAILED"]
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert [event["step"] for event in failed] == [fault.step], answer.stdout
    error = failed[0]["error"]
    assert (error["class"], error["code"]) == (fault.error_class, CODES[fault.error_class]), error
    assert fault.said in error["message"]
    assert world.targets() == [[(0,)]] * 3
    told = answer.stdout + answer.stderr + world.firn("runs").stdout
    assert "Traceback" not in told
    kept = [file.read_bytes() for file in world.folder.rglob("*") if file.is_file() and file.parent.name != "mount"]
    own = [content for content in kept if HTML.body not in content]
    assert not any(CANARY.encode() in content for content in [*own, told.encode()])


AGAIN: dict[str, tuple[str, str, Callable[[World], object]]] = {
    "connection": (SHOP, FILE, lambda w: w.front.cut.append(b"COPY (")),
    "conflict": (CSV, TABLE, lambda w: w.refuse_inserts("40P01", times=1)),
    "data": ("resource: api, path: /orders", FILE, _answers(HTML, GOOD)),
}


@pytest.mark.parametrize("error_class", AGAIN)
@pytest.mark.parametrize("is_named", [True, False])
def test_what_retry_on_names_is_tried_again_and_nothing_else(world: World, error_class: str, is_named: bool) -> None:
    source, sink, begin = AGAIN[error_class]
    named = error_class if is_named else "process"
    world.compile(source, sink, f"{{max_attempts: 2, backoff: 0, on: [{named}]}}")
    begin(world)
    answer = world.firn("run")
    assert answer.returncode == (0 if is_named else 1), answer.stdout
    assert (world.targets() == [[(0,)]] * 3) is not is_named
    assert CANARY not in answer.stdout + answer.stderr
