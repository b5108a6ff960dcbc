"""What a person sees when a run fails: an exit code as documented, a sentence, no traceback, nothing half-written."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

FIRN = str(Path(sys.executable).parent / "firn")
CANARY = "CANARY-t0k3n"
PLATFORM = """\
version: "1.0.0"
environment: test
security: {mode: internal_fast, secret_mounts: [mount]}
storage: {default: {type: local, root: out}}
connectors:
  files: {type: local, config: {root: data}}
  api:
    type: httpx
    config: {base_url: "{{ env.API }}", bearer_token: {secret_ref: api-token}}
    options: {timeout: 1}
"""
READ_API = "{id: d, type: read, inputs: {resource: api, path: /things}}"
READ_FILE = "{id: d, type: read, inputs: {resource: files, path: d.csv, schema: {n: integer}}}"
WRITE = "{id: w, type: write, inputs: {from: d, resource: storage, path: d.parquet, mode: replace}}"


class Project:
    """A folder with one compiled flow."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "data").mkdir()
        (folder / "platform.yaml").write_text(PLATFORM)

    def compile(self, *steps: str) -> None:
        resources = [name for name in ("files", "api") if any(f"resource: {name}" in step for step in steps)]
        lines = ["name: f", 'version: "1.0.0"']
        lines += (
            ["resources: {" + ", ".join(f"{name}: {{profile: {name}}}" for name in resources) + "}"]
            if resources
            else []
        )
        (self.folder / "flow.yaml").write_text("\n".join([*lines, "steps:", *(f"  - {step}" for step in steps), ""]))
        answer = self.firn("compile", "flow.yaml", "-p", "platform.yaml")
        assert answer.returncode == 0, answer.stderr

    def firn(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if key != "API_TOKEN"} | environ
        return subprocess.run([FIRN, *words], cwd=self.folder, capture_output=True, text=True, check=False, env=clean)

    def run(self, *words: str, **environ: str) -> tuple[int, str]:
        answer = self.firn("run", *words, **environ)
        text = answer.stdout + answer.stderr
        assert "Traceback" not in text
        assert CANARY not in text
        return answer.returncode, text


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def server() -> Iterator[Callable[[int, bytes, float], str]]:
    """Start a server that always gives one answer."""
    started: list[ThreadingHTTPServer] = []

    def start(status: int, body: bytes, delay: float = 0) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                time.sleep(delay)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *words: Any) -> None:
                """Say nothing."""

        started.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=started[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{started[-1].server_port}"

    yield start
    for one in started:
        one.shutdown()
        one.server_close()


@pytest.mark.parametrize(
    ("status", "body", "delay", "code", "error_class"),
    [
        (401, b"{}", 0, "R303", "auth"),
        (403, b"{}", 0, "R303", "auth"),
        (404, b"{}", 0, "R307", "data"),
        (429, b"{}", 0, "R304", "rate_limited"),
        (500, b"{}", 0, "R305", "server_error"),
        (200, b"[]", 3, "R302", "timeout"),
        (200, b'[{"n": 1', 0, "R307", "data"),
        (200, b"<html>", 0, "R307", "data"),
        (200, b'{"n": 1}', 0, "R307", "data"),
        (200, b"[1]", 0, "R307", "data"),
    ],
)
def test_an_api_that_fails(
    project: Project, server: Any, status: int, body: bytes, delay: float, code: str, error_class: str
) -> None:
    project.compile(READ_API, WRITE)
    exit_code, text = project.run(API=server(status, body, delay), API_TOKEN=CANARY)
    assert exit_code == 1
    assert f"error[{code}]: GET /things" in text or f"error[{code}]: " in text
    assert f"({error_class})" in text
    assert not (project.folder / "out/d.parquet").exists()


def test_an_api_that_is_not_there(project: Project) -> None:
    project.compile(READ_API, WRITE)
    assert "error[R301]" in project.run(API="http://127.0.0.1:9", API_TOKEN=CANARY)[1]


def test_a_secret_that_is_missing_everywhere(project: Project) -> None:
    project.compile(READ_API, WRITE)
    exit_code, text = project.run(API="http://127.0.0.1:9")
    assert exit_code == 4
    assert "error[R201]: the secret `api-token` is missing" in text
    assert "$API_TOKEN" in text
    assert "mount/api-token" in text


def test_a_variable_that_is_missing(project: Project) -> None:
    project.compile(READ_API, WRITE)
    exit_code, text = project.run(API_TOKEN=CANARY)
    assert (exit_code, "error[R202]: environment variables are not set: `API`" in text) == (4, True)


def test_a_file_that_is_missing(project: Project) -> None:
    project.compile(READ_FILE, WRITE)
    exit_code, text = project.run()
    assert (exit_code, "error[R307]: no file matches `d.csv`" in text) == (1, True)


def test_a_csv_that_does_not_parse_leaves_the_old_output(project: Project) -> None:
    project.compile(READ_FILE, WRITE)
    (project.folder / "data/d.csv").write_text("n\n1\n2\n")
    assert project.run()[0] == 0
    before = (project.folder / "out/d.parquet").read_bytes()
    (project.folder / "data/d.csv").write_text("n\n1\nnot a number\n")
    exit_code, text = project.run()
    assert exit_code == 1
    assert "error[R307]" in text
    assert (project.folder / "out/d.parquet").read_bytes() == before
    assert [path.name for path in (project.folder / "out").iterdir()] == ["d.parquet"]


def test_sql_that_fails(project: Project) -> None:
    (project.folder / "data/d.csv").write_text("n\n1\n")
    read = READ_FILE.replace(", schema: {n: integer}", "")  # its columns are known only when it is read
    project.compile(read, "{id: e, type: sql, inputs: {sql: select nn from d}}")
    exit_code, text = project.run()
    assert exit_code == 1
    assert "error[R307]" in text
    assert "nn" in text


def test_a_check_that_fails_stops_the_job_and_says_every_broken_rule(project: Project) -> None:
    (project.folder / "data/d.csv").write_text("n\n1\n1\n\n")
    expectations = "[{row_count: 9}, {unique: n}, {not_null: n}]"
    project.compile(READ_FILE, f"{{id: c, type: check, inputs: {{from: d, expectations: {expectations}}}}}", WRITE)
    exit_code, text = project.run()
    assert exit_code == 1
    assert not (project.folder / "out").exists()
    assert text.count("error[R307]") == 1


@pytest.mark.parametrize("words", [("missing.json",), ("--flow", "other"), ("--expect-digest", "sha256:0")])
def test_a_command_that_cannot_be_followed(project: Project, words: tuple[str, ...]) -> None:
    project.compile(READ_FILE)
    assert project.run(*words)[0] in (2, 3)


def test_an_unknown_option_is_a_usage_error(project: Project) -> None:
    assert project.run("--no-such-option")[0] == 2


def test_json_lines_are_one_event_each_and_every_start_has_its_end(project: Project) -> None:
    project.compile(READ_FILE, WRITE)
    exit_code, text = project.run("--log-format", "json", "--run-id", "r1")
    assert exit_code == 1
    events = [json.loads(line) for line in text.splitlines()]
    names = [event["event"] for event in events]
    assert names == ["run.started", "job.started", "step.started", "step.finished", "job.finished", "run.finished"]
    assert {event["run"] for event in events} == {"r1"}
    assert events[3]["error"]["class"] == "data"


def test_a_job_waits_for_what_it_depends_on_and_independent_jobs_go_on(project: Project) -> None:
    (project.folder / "flow.yaml").write_text("""\
name: f
version: "1.0.0"
jobs:
  - id: broken
    steps:
      - {id: x, type: sql, inputs: {sql: "select cast(concat('x') as integer) as n"}}
  - id: waits
    depends_on: [broken]
    steps: []
  - id: probe
    steps:
      - {id: q, type: query, inputs: {resource: compute, sql: select 0 as n}, outputs: {n: "{{ result.rows[0].n }}"}}
  - id: skipped
    depends_on: [probe]
    when: jobs.probe.outputs.n > 0
    steps: []
  - id: after_skipped
    depends_on: [skipped]
    steps: []
""")
    assert project.firn("compile", "flow.yaml", "-p", "platform.yaml").returncode == 0
    exit_code, text = project.run("--log-format", "json")
    ends = [orjson.loads(line) for line in text.splitlines()]
    statuses = {event["job"]: event["status"] for event in ends if event["event"] == "job.finished"}
    assert statuses == {
        "broken": "FAILED",
        "waits": "BLOCKED",
        "probe": "SUCCESS",
        "skipped": "SKIPPED",
        "after_skipped": "BLOCKED",
    }
    assert exit_code == 1


def test_sigterm_ends_with_143_and_starts_no_further_step(project: Project, server: Any) -> None:
    project.compile(READ_API, WRITE)
    environ = os.environ | {"API": server(200, b'[{"n": 1}]', 2), "API_TOKEN": CANARY}
    process = subprocess.Popen([FIRN, "run"], cwd=project.folder, env=environ, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "run" in process.stdout.readline()
    process.terminate()
    text, _ = process.communicate(timeout=20)
    assert process.returncode == 143
    assert "main.w" not in text
