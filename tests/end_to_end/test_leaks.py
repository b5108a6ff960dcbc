"""Secrets of several shapes in every reference, every failure of their connectors: no byte that a run makes holds one.

Searched are standard output and error of every command, the events, the state, every file that the runs left, and what
receivers of OpenTelemetry and OpenLineage were sent.
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from end_to_end.leaking import FLOW, firn, variable
from end_to_end.searching import everything, found_in
from runtime.connectors.server import Answer, Asked, serving
from runtime.observe.receivers import Heard
from servers import mysql
from servers.postgres import fresh_database, server

CANARIES = {
    "bearer": "canary-9f1c2b7e4d3aQmX7",
    "query-key": "cAnary/+&=?%#;9 'q\"u\\o`te",
    "basic": "canary€ümlaut-passphrase here",
    "shop-db": "k7#Vq!9x$TfL2@canary",
    "lost-db": "-----BEGIN CANARY KEY-----\nMIICanary5up3rAAABBB\nCCCDDDcanary==\n-----END CANARY KEY-----",
    "encoded": "canary-inside-base64-77",
    "key-id": "AKIACANARY0KEY0ID0XY",
    "key": "canary/Secret+Access/Key0123456789abcdEF",
    "session": "canary//Session==token+/5D2f8Kq0",
    "maria": "m4r1A'canary\\\"pass%word",
}
PATHS = ("refused", "broken", "page", "elsewhere", "half", "junk", "next", "ok")
DATABASES = ("shop", "lost", "maria", "refused")
APIS = ("bearer", "query", "basic", "gone", "nowhere", "tls", "hooked")


def reply(asked: Asked) -> Answer:
    """Answer as badly as can be: with everything that was asked, in the body, in headers and in places to go to."""
    said = {"headers": dict(asked.headers), "query": dict(asked.query)}
    text = json.dumps(said).encode()
    words = urllib.parse.urlencode({"asked": text.decode()})
    what = asked.path.rsplit("/", 1)[-1].removesuffix(".csv")
    return {
        "refused": Answer(text, status=401),
        "broken": Answer(text, status=500),
        "page": Answer(b"<html>" + text, headers={"content-type": "text/html"}),
        "elsewhere": Answer(b"", status=302, headers={"location": f"http://example.invalid/?{words}"}),
        "half": Answer(text[:-3]),
        "junk": Answer(b"[" + text + b", 1, {]"),
        "lake": Answer(text),  # where the objects of a bucket are expected
        "next": Answer([{"id": 1}], headers={"link": f'<http://example.invalid/?{words}>; rel="next"'}),
    }.get(what, Answer([{"id": 1}]))


@pytest.fixture
def project(tmp_path: Path, heard: Heard) -> Iterator[Path]:
    with serving(reply) as api, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens there
        made = server()
        database = fresh_database(made)
        maria = mysql.server()
        with mysql.connected(maria) as connection, connection.cursor() as cursor:
            cursor.execute("create database if not exists leaks")
            cursor.execute("create or replace user canary identified by %s", [CANARIES["maria"]])
            cursor.execute("grant all on leaks.* to canary")
        (tmp_path / "platform.yaml").write_text(
            f"""\
version: "1.0.0"
environment: test
connectors:
  bearer: {{type: httpx, config: {{base_url: "{api.url}", bearer_token: {{secret_ref: bearer}}}}}}
  query:
    type: httpx
    config: {{base_url: "{api.url}", api_key: {{secret_ref: query-key}}, api_key_in: query, api_key_name: key}}
  basic: {{type: httpx, config: {{base_url: "{api.url}", basic_user: u, basic_password: {{secret_ref: basic}}}}}}
  gone:
    type: httpx
    config: {{base_url: "http://127.0.0.1:{closed.getsockname()[1]}", bearer_token: {{secret_ref: bearer}}}}
  nowhere: {{type: httpx, config: {{base_url: "https://example.invalid", bearer_token: {{secret_ref: bearer}}}}}}
  tls:
    type: httpx
    config: {{base_url: "{api.url.replace("http:", "https:")}", bearer_token: {{secret_ref: bearer}}}}
  hooked:
    type: httpx
    config: {{base_url: "{api.url}", bearer_token: {{secret_ref: encoded}}}}
    decode: {{config: {{bearer_token: true}}}}
  shop:
    type: postgres
    config:
      {{host: 127.0.0.1, port: {made.port}, database: {database}, user: {made.user}, password: {{secret_ref: shop-db}}}}
    options: {{sslmode: disable}}
  lost:
    type: postgres
    config:
      {{host: 127.0.0.1, port: {closed.getsockname()[1]}, database: x, user: u, password: {{secret_ref: lost-db}}}}
    options: {{sslmode: disable, connect_timeout: 2}}
  maria:
    type: mysql
    config:
      {{host: 127.0.0.1, port: {maria.port}, database: leaks, user: canary, password: {{secret_ref: maria}}}}
  refused:
    type: mysql
    config:
      {{host: 127.0.0.1, port: {maria.port}, database: leaks, user: nobody, password: {{secret_ref: maria}}}}
  bucket:
    type: s3
    config: {{bucket: lake, endpoint: "{api.url}", path_style_access: true, region: eu-central-1}}
    credentials:
      mode: static
      access_key_id: {{secret_ref: key-id}}
      secret_access_key: {{secret_ref: key}}
      session_token: {{secret_ref: session}}
  folder: {{type: local, config: {{root: "below/{{{{ env.BEARER }}}}"}}}}
observability:
  otlp_endpoint: "{heard.url}"
  lineage_endpoint: "{heard.url}"
  attributes: {{deployed.by: "{{{{ env.BEARER }}}}"}}
state: {{backend: sqlite, path: state/state.db}}
workspace: {{root: work, cleanup: never}}
security: {{mode: internal_fast, secret_mounts: [secrets], decode_hook: {{module: base64}}}}
"""
        )
        names = [*APIS, *DATABASES, "bucket", "folder"]
        jobs = ["  - {id: folder, steps: [{id: r, type: read, inputs: {resource: folder, path: x.csv}}]}"]
        jobs += [
            f"  - {{id: {name}-{path}, steps: [{{id: r, type: read, inputs: "
            f"{{resource: {name}, request: {{path: /{path}, pagination: {{type: link}}}}}}}}]}}"
            for name in APIS
            for path in PATHS
            if name in ("bearer", "query", "basic", "hooked") or path == "ok"
        ]
        jobs += [
            f"  - {{id: {name}-{number}, steps: [{{id: q, type: query, inputs: {{resource: {name}, sql: {sql!r}}}}}]}}"
            for name in DATABASES
            for number, sql in enumerate(["select 1 as n", "select nope from nowhere"])
        ]
        jobs += [
            f"  - {{id: {name}-post-{path}, steps: [{{id: p, type: http, inputs: "
            f"{{resource: {name}, method: POST, path: /{path}, body: {{n: 1}}}}}}]}}"
            for name in APIS
            for path in PATHS
            if name in ("bearer", "query") or path == "ok"
        ]
        jobs += [
            f"  - {{id: bucket-{id}, steps: [{{id: r, type: read, inputs: {{resource: bucket, path: '{path}.csv'}}}}]}}"
            for id, path in (("refused", "refused"), ("elsewhere", "elsewhere"), ("broken", "broken"), ("listed", "*"))
        ]
        resources = "\n".join(f"  {name}: {{profile: {name}}}" for name in names)
        (tmp_path / "flow.yaml").write_text(FLOW.format(name="leaks", resources=resources, jobs="\n".join(jobs)))
        yield tmp_path


def kept(folder: Path, *words: str, **more: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a command with half of the secrets in the environment and half in files."""
    mount, environ = folder / "secrets", dict(more)
    mount.mkdir(exist_ok=True)
    for number, (name, value) in enumerate(CANARIES.items()):
        held = base64.b64encode(value.encode()).decode() if name == "encoded" else value
        if number % 2:
            (mount / name).write_text(held + "\n")
            (mount / name).chmod(0o600)
        else:
            environ[variable(name)] = held
    answer = firn(folder, environ, *words)
    shutil.rmtree(mount)  # what is searched afterwards is what the commands made
    return answer


def leaked(made: bytes) -> list[str]:
    return found_in(made, CANARIES)


def test_what_is_searched_for_would_be_found() -> None:
    for name, secret in CANARIES.items():
        for spelled in (secret, json.dumps({"a": secret}), urllib.parse.quote(secret), repr(secret.encode())):
            assert any(one.startswith(name) for one in leaked(b"x " + spelled.encode() + b" y")), (name, spelled)


def test_no_byte_that_a_run_makes_holds_a_secret(project: Path, heard: Heard) -> None:
    assert kept(project, "compile", "flow.yaml", "-p", "platform.yaml").returncode == 0
    said = b""
    for words in (
        ["run", "--run-id", "r1", "--events", "events.jsonl"],
        ["run", "--resume", "r1", "--log-format", "json", "--max-parallel", "8"],
        ["run", "--dry-run", "--resume", "r1"],
        ["runs"],
        ["runs", "r1", "--json"],
        ["unlock", "--json"],
        ["inspect"],
        ["preflight", "--timeout", "5"],
        ["preflight", "--json", "--timeout", "5"],
    ):
        answer = kept(project, *words)
        said += answer.stdout + answer.stderr
    events = [json.loads(line) for line in (project / "events.jsonl").read_text().splitlines()]
    status = {event["job"]: event["status"] for event in events if event["event"] == "job.finished"}
    assert {name for name, word in status.items() if word == "SUCCESS" and "-post-" not in name} == {
        f"{name}-ok" for name in APIS[:3]
    } | {
        "hooked-ok",
        "maria-0",
    }
    resolved = {event["secret_ref"] for event in events if event["event"] == "secret.resolved"}
    assert resolved == set(CANARIES)
    assert leaked(said) == []
    assert leaked(everything(project)) == []
    assert leaked(heard.everything) == []
    assert b"***" in heard.everything
    failed = {name for span in heard.requests for name, one in span.spans.items() if one.status.code == 2}
    assert {"step bearer-refused.r", "step bucket-refused.r", "step maria-1.q", "step lost-0.q"} <= failed
    assert {one["deployed.by"] for one in heard.resources} == {"***"}
    assert {one["eventType"] for one in heard.lineage} == {"START", "COMPLETE", "FAIL"}
    read = {source["name"] for one in heard.lineage for source in one["inputs"]}
    assert f"{project}/below/***/x.csv" in read


def test_the_environment_of_a_child_and_the_processs_own_are_as_they_were(project: Path) -> None:
    """Nothing writes `os.environ`: not an env file, not a hook, not a secret."""
    (project / "more.env").write_text("FROM_A_FILE=canary-in-a-file\n")
    assert kept(project, "compile", "flow.yaml", "-p", "platform.yaml").returncode == 0
    script = (
        "import os, sys\nbefore = dict(os.environ)\nfrom firn_runtime.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('the same' if before == dict(os.environ) else 'changed')"
    )
    held = CANARIES | {"encoded": base64.b64encode(CANARIES["encoded"].encode()).decode()}
    environ = os.environ | {variable(name): value for name, value in held.items()}
    words = ["run", "--env-file", "more.env", "--only", "bearer-ok"]
    done = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=project, capture_output=True, text=True, check=False, env=environ
    )
    assert done.stdout.splitlines()[-1] == "the same", done.stdout + done.stderr


def test_results_that_hold_a_secret_are_used_and_never_recorded(tmp_path: Path) -> None:
    """An API that answers with the caller's own key: the flow goes on with it, and its state knows a mask."""
    secret = CANARIES["bearer"]
    with serving(lambda asked: Answer([{"said": asked.headers["authorization"]}])) as api:
        (tmp_path / "platform.yaml").write_text(
            f"""\
version: "1.0.0"
environment: test
connectors:
  bearer: {{type: httpx, config: {{base_url: "{api.url}", bearer_token: {{secret_ref: bearer}}}}}}
security: {{mode: internal_fast}}
"""
        )
        (tmp_path / "flow.yaml").write_text(
            """\
name: echo
version: "1.0.0"
resources: {bearer: {profile: bearer}}
jobs:
  - id: ask
    steps:
      - {id: said, type: read, inputs: {resource: bearer, path: /ok}}
      - id: look
        type: query
        inputs: {resource: compute, sql: "select said, length(said) as n from said"}
        outputs: {said: "{{ result.rows[0].said }}", n: "{{ result.rows[0].n }}"}
  - id: use
    depends_on: [ask]
    when: jobs.ask.outputs.n == LENGTH
    steps:
      - id: fails
        type: query
        inputs:
          resource: compute
          sql: "select cast(concat('x') as int) as n where ? <> ''"
          params: ["{{ jobs.ask.outputs.said }}"]
""".replace("LENGTH", str(len(f"Bearer {secret}")))
        )
        assert kept(tmp_path, "compile", "flow.yaml", "-p", "platform.yaml").returncode == 0
        runs = [kept(tmp_path, "run", "--run-id", "r1", "--log-format", "json")]
        runs.append(kept(tmp_path, "run", "--resume", "r1", "--log-format", "json"))
    for one in runs:
        events = [json.loads(line) for line in one.stdout.splitlines()]
        assert [event["step"] for event in events if event["event"] == "step.started"][-2:] == ["look", "fails"]
        assert leaked(one.stdout + one.stderr) == []
    state = b"".join(file.read_bytes() for file in (tmp_path / ".firn").glob("state.db*"))
    assert leaked(state) == []
    assert b"***" in state
