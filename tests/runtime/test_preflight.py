"""What `firn preflight` sees before a run: everything that is wrong, in one go, with nothing changed or shown."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import orjson
import pytest
from jsonschema import Draft202012Validator

from firn_runtime import Edge, run_artifact
from firn_runtime.artifact_file import load_any
from firn_runtime.connector import ConnectorBase
from firn_runtime.env_files import parse_spec
from firn_runtime.preflight import Outside, Report, preflight
from firn_runtime.preflight.page import as_json, as_text
from firn_runtime.preflight.running import AT_ONCE, Check, Checked, side_by_side
from firn_runtime.probing import Seen
from firn_runtime.state import open_state
from runtime.artifacts import job, payload, resource, spelled, step
from runtime.connectors.server import Answer, serving
from servers.postgres import connected, fresh_database, server

CANARY = "CANARY-t0k3n-value"
FIRN = str(Path(sys.executable).parent / "firn")
SCHEMA = orjson.loads((Path(__file__).parents[2] / "schemas" / "preflight.schema.json").read_bytes())


def look(folder: Path, body: dict[str, Any], *env_files: str, seconds: float = 30, **environ: str) -> Report:
    """Look at the payload's flow; whatever is found, no canary is in it, and its JSON has the published shape."""
    outside = Outside(environ, folder, [parse_spec(text) for text in env_files])
    report = preflight(load_any(spelled(body)), "flow", outside, seconds)
    document = as_json(report)
    Draft202012Validator(SCHEMA).validate(document)
    assert "CANARY" not in as_text(report) + orjson.dumps(document).decode()
    return report


def about(report: Report, check: str, subject: str | None = None) -> list[tuple[str, str]]:
    """Return status and message of what was seen."""
    found = [one for one in report.checks if one.check == check and subject in (None, one.subject)]
    return [(one.status, one.message) for one in found]


def needs(*secrets: tuple[str, str | None], **parts: Any) -> dict[str, Any]:
    rows = [
        {"ref": ref, "key": key, "variable": (f"{ref}_{key}" if key else ref).upper(), "used_by": [f"resources.{ref}"]}
        for ref, key in secrets
    ]
    return {"connectors": [], "environment": [], "secrets": rows} | parts


def secret(ref: str, key: str) -> dict[str, Any]:
    return {"$secret": {"ref": ref, "key": key}}


def one_resource(kind: str, driver: str, config: dict[str, Any], *steps: dict[str, Any], **parts: Any) -> Any:
    """Return a payload whose resource is called `it`."""
    named = [one | {"id": f"s{number}"} for number, one in enumerate(steps)]
    return payload(job("a", *named), names={"it": "it"}, resources={"it": resource(kind, driver, config)}, **parts)


def read(**inputs: Any) -> dict[str, Any]:
    return step("r", "read", resource="it", **inputs)


def write(**inputs: Any) -> dict[str, Any]:
    return step("w", "write", resource="it", mode="replace", **{"from": "d"}, **inputs)


def files(*steps: dict[str, Any]) -> dict[str, Any]:
    return dict(one_resource("files", "local", {"root": "data"}, *steps))


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return everything below a folder: of a file its bytes and time, of SQLite's index of a log that it is there."""
    return {str(path.relative_to(folder)): _content(path) for path in folder.rglob("*")}


def _content(path: Path) -> tuple[bytes, int]:
    if path.is_dir() or path.name.endswith("-shm"):
        return b"", 0
    return path.read_bytes(), path.stat().st_mtime_ns


def test_a_flow_that_could_run_is_shown_as_one_line_for_each_check(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "in.csv").write_text("n\n1\n")
    body = files(read(path="in.csv"), write(path="out/x.parquet"))
    report = look(tmp_path, body)
    assert report.ok
    text = as_text(report).replace(report.artifact, "sha256:…").replace(str(tmp_path), "…")
    shown = re.sub(r"[\d,]+\.\d GiB", "… GiB", text)
    assert shown == (
        "preflight of flow\n"
        "sha256:…\n"
        "\n"
        "ok  artifact    firn.artifacts/1    its spelling, digest and shape are right\n"
        "ok  version     firn-runtime 0.1.0  the platform allows it\n"
        "ok  feature     all                 this runtime has all 2 that the artifact needs\n"
        "ok  connector   files/local         this runtime has it\n"
        "ok  workspace   .firn/work          files can be made there, once the run has made it; … GiB are free\n"
        "ok  state       .firn/state.db      it can be kept; there is none yet, the first run makes it\n"
        "ok  settings    it                  they are complete\n"
        "ok  connection  it                  the folder `…/data` is there\n"
        "ok  read        it                  `in.csv` can be read (1 file)\n"
        "ok  write       it                  `out/x.parquet` can be written\n"
        "\n"
        "10 ok\n"
    )


def test_what_failed_has_its_help_below_and_the_kinds_are_counted(tmp_path: Path) -> None:
    body = one_resource("rest", "httpx", {"base_url": {"$env": {"name": "API_URL"}}})
    lines = as_text(look(tmp_path, body)).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("FAILED"))
    assert lines[at].split() == ["FAILED", "variable", "API_URL", "it", "is", "not", "set"]
    assert lines[at + 1] == "  help: set it for this run"
    assert lines[-1] == "6 ok, 1 FAILED, 1 skipped"


def test_everything_that_the_runtime_lacks_is_listed_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    plugin = {"name": "firn-acme", "version": "1.2.0", "used_by": ["resources.lake"]}
    body = payload(
        job("a", step("s", "dbt")),
        names={"lake": "lake", "it": "it"},
        resources={"lake": resource("catalog", "glue", {}), "it": resource("files", "local", {"root": "."})},
        features=["connector.catalog.glue", "future.thing"],
        requires=needs(plugins=[plugin]),
        compatibility={"min_version": "9.0.0"},
    )
    report = look(tmp_path, body)
    assert not report.ok
    assert [one.subject for one in report.checks if one.check == "feature"] == ["future.thing", "step.dbt"]
    (version,) = about(report, "version")
    assert version == ("failed", "the platform allows runtimes of version 9.0.0 or newer; this is 0.1.0")
    lacks = "the plug-in `firn-acme` cannot be used: it is not installed"
    assert about(report, "plugin") == [("failed", lacks)]
    assert about(report, "connector", "catalog/glue") == [("failed", "this runtime has no connector `catalog/glue`")]
    assert about(report, "settings", "lake")[0][0] == "skipped"
    assert about(report, "connection", "it") == [("ok", f"the folder `{tmp_path}` is there")]


def test_every_missing_variable_and_secret_is_named_and_those_that_are_there_are_placed(tmp_path: Path) -> None:
    (tmp_path / "mnt" / "db").mkdir(parents=True, mode=0o700)
    for key in ("password", "user"):
        (tmp_path / "mnt" / "db" / key).write_text(CANARY)
        (tmp_path / "mnt" / "db" / key).chmod(0o600)
    (tmp_path / "mnt" / "db" / "user").chmod(0o644)
    (tmp_path / "mnt" / "db").chmod(0o755)
    (tmp_path / "mnt").chmod(0o755)
    config = {
        "base_url": {"$env": {"name": "API_URL"}},
        "basic_user": {"$env": {"name": "API_USER", "default": "x"}},
        "basic_password": secret("db", "password"),
        "bearer_token": secret("api", "token"),
        "api_key": secret("gone", "key"),
        "headers": {"x": {"$env": {"name": "REGION"}}, "y": secret("db", "user")},
    }
    pairs = [("api", "token"), ("db", "password"), ("db", "user"), ("gone", "key")]
    body = one_resource(
        "rest", "httpx", config, requires=needs(*pairs), security={"secret_mounts": [str(tmp_path / "mnt")]}
    )
    report = look(tmp_path, body, API_TOKEN=CANARY, API_URL="http://h")
    assert about(report, "variable") == [("ok", "it is set"), ("failed", "it is not set")]
    place = f"`{tmp_path}/mnt/db/user`"
    found = about(report, "secret")
    assert found[:3] == [
        ("ok", "it is in the environment, as `$API_TOKEN`"),
        ("ok", f"it is in a mounted file, `{tmp_path}/mnt/db/password`"),
        ("warning", f"it is there, but {place} can be read by its group or by others"),
    ]
    assert (found[3][0], "tried: $GONE_KEY" in found[3][1]) == ("failed", True)
    reason = "not looked at: without `$REGION`, `gone/key` they are not complete"
    assert about(report, "settings") == [("skipped", reason)]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("ab", "is shorter than 5 characters"),
        ("", "is empty"),
        (f"{CANARY}\udcff", "is binary"),
    ],
)
def test_a_secret_that_cannot_be_used_is_a_failure_that_shows_none_of_it(
    tmp_path: Path, value: str, reason: str
) -> None:
    config = {"base_url": "http://h", "bearer_token": secret("api", "token")}
    body = one_resource("rest", "httpx", config, requires=needs(("api", "token")))
    ((status, message),) = about(look(tmp_path, body, API_TOKEN=value), "secret")
    assert (status, reason in message) == ("failed", True)


def test_env_files_are_below_the_environment_and_each_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "good.env").write_text(f"API_TOKEN={CANARY}\nAPI_URL=http://127.0.0.1:9\n")
    (tmp_path / "bad.env").write_text(f"1X={CANARY}\n")
    config = {"base_url": {"$env": {"name": "API_URL"}}, "bearer_token": secret("api", "token")}
    body = one_resource("rest", "httpx", config, requires=needs(("api", "token")))
    names = [f"{tmp_path}/{name}" for name in ("good.env", "bad.env", "none.env")]
    report = look(tmp_path, body, *names, f"{tmp_path}/perhaps.env,optional")
    assert [status for status, _ in about(report, "env_file")] == ["ok", "failed", "failed", "ok"]
    assert about(report, "env_file", names[2]) == [("failed", f"the env file `{names[2]}` is missing")]
    assert about(report, "variable") == [("ok", "it is set")]
    assert about(report, "secret") == [("ok", "it is in the environment, as `$API_TOKEN`")]


def decoding(module: str, folder: Path, code: str) -> dict[str, Any]:
    """Return a payload whose token passes a hook of this code."""
    (folder / f"{module}.py").write_text(code)
    config = {"base_url": "http://127.0.0.1:9", "bearer_token": secret("api", "token")}
    security = {"secret_mounts": [], "mode": "internal_fast", "decode_hook": {"module": module}}
    body = one_resource("rest", "httpx", config, requires=needs(("api", "token")), security=security)
    body["resources"]["it"]["decode"] = ["config.bearer_token"]
    return dict(body)


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


@pytest.mark.parametrize(
    ("code", "hook", "settings"),
    [
        ("def decode(value):\n    return value[::-1]\n", "ok", "ok"),
        ("def decode(value):\n    raise ValueError(value)\n", "ok", "failed"),
        ("def decode(value):\n    raise SystemExit(value)\n", "ok", "failed"),
        ("def decode(value):\n    print(value)\n    return ''\n", "ok", "failed"),
        ("decode = 7\n", "failed", "skipped"),
        (f"raise RuntimeError('{CANARY}')\n", "failed", "skipped"),
        ("def decode(value): ...\ndef expand_env(env):\n    raise KeyError(env['API_TOKEN'])\n", "failed", "skipped"),
    ],
)
def test_the_decode_hook_is_loaded_and_tried_and_its_errors_tell_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], code: str, hook: str, settings: str
) -> None:
    body = decoding("firn_hook_of_preflight", tmp_path, code)
    with importable(tmp_path):
        report = look(tmp_path, body, API_TOKEN=CANARY)
    assert [status for status, _ in about(report, "decode_hook")] == [hook]
    assert [status for status, _ in about(report, "settings")] == [settings]
    assert CANARY[::-1] not in as_text(report)
    assert "CANARY" not in "".join(capsys.readouterr())


def test_what_the_hook_makes_of_the_environment_counts(tmp_path: Path) -> None:
    code = f"def decode(value):\n    return value\ndef expand_env(env):\n    return env | {{'API_TOKEN': '{CANARY}'}}\n"
    body = decoding("firn_expanding_hook", tmp_path, code)
    with importable(tmp_path):
        report = look(tmp_path, body)
    assert [status for status, _ in about(report, "secret")] == ["ok"]


@pytest.mark.parametrize(
    ("steps", "seen"),
    [
        ([read(path="a.csv")], [("ok", "`a.csv` can be read (1 file)")]),
        ([read(path="*.csv")], [("ok", "`*.csv` can be read (2 files)")]),
        ([read(path="c.csv")], [("failed", "no file matches `c.csv`")]),
        ([read(path="../a.csv")], [("failed", "a path must stay below the resource's root")]),
        ([read(path={"$ref": "jobs.x.outputs.y"})], [("skipped", "which file is read is known only when it runs")]),
        (
            [write(path="new.csv"), read(path="new.csv")],
            [("skipped", "no file matches `new.csv` yet; the flow writes it")],
        ),
        (
            [write(path="d-1.csv"), read(path="d-*.csv")],
            [("skipped", "no file matches `d-*.csv` yet; the flow writes it")],
        ),
        (
            [read(path="new.csv"), write(path="new.csv")],
            [("failed", "no file matches `new.csv` yet; the flow writes it only after it has read it")],
        ),
        (
            [step("p", "run_process", resource="it", command=["make"]), read(path="new.csv")],
            [("skipped", "no file matches `new.csv` yet; what the flow starts before may make it")],
        ),
        (
            [step("p", "acme_fill", resource="it"), read(path="new.csv")],
            [("skipped", "no file matches `new.csv` yet; what the flow starts before may make it")],
        ),
        (
            [read(path="new.csv"), step("p", "run_process", resource="it", command=["make"])],
            [("failed", "no file matches `new.csv`")],
        ),
    ],
)
def test_files_that_are_read_are_there_or_made_by_the_flow(tmp_path: Path, steps: Any, seen: Any) -> None:
    (tmp_path / "data").mkdir()
    for name in ("a.csv", "b.csv"):
        (tmp_path / "data" / name).write_text("n\n1\n")
    assert about(look(tmp_path, files(*steps)), "read") == seen


def test_a_file_of_a_job_that_may_be_left_out_is_only_a_warning(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    body = payload(
        job("a", when={"$ref": "jobs.x.outputs.y"}),
        job("b", read(path="c.csv"), depends_on=["a"]),
        names={"it": "it"},
        resources={"it": resource("files", "local", {"root": "data"})},
    )
    report = look(tmp_path, body)
    assert about(report, "read") == [("warning", "no file matches `c.csv`")]
    assert report.ok


def test_a_folder_that_is_not_there_fails_unless_a_write_makes_it(tmp_path: Path) -> None:
    assert about(look(tmp_path, files(read(path="a.csv"))), "connection") == [
        ("failed", f"there is no folder `{tmp_path}/data`")
    ]
    made = look(tmp_path, files(write(path="a.csv")))
    assert made.ok
    (tmp_path / "data").write_text("a file")
    blocked = look(tmp_path, files(write(path="x/a.csv")))
    assert about(blocked, "write") == [("failed", f"`x/a.csv` cannot be written: `{tmp_path}/data` is not a folder")]


def test_what_a_step_does_under_a_lock_counts(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    inner = {"type": "read", "inputs": {"resource": "it", "path": "c.csv"}}
    body = files(step("l", "with_lock", key="k", step=inner))
    assert about(look(tmp_path, body), "read") == [("failed", "no file matches `c.csv`")]


def database(folder: Path, driver: str) -> str:
    name = f"it.{driver}"
    if driver == "duckdb":
        with duckdb.connect(str(folder / name)) as engine:
            engine.execute("create table orders (n int); create schema s; create view s.v as select 1 as n")
    else:
        connection = sqlite3.connect(folder / name)
        connection.executescript("pragma journal_mode = wal; create table orders (n int); create view v as select 1")
        connection.close()
    return name


@pytest.mark.parametrize("driver", ["duckdb", "sqlite3"])
def test_a_database_opens_and_has_the_tables_that_are_read(tmp_path: Path, driver: str) -> None:
    view = "s.v" if driver == "duckdb" else "v"
    steps = [read(table="Orders"), read(table=view), read(table="gone"), write(table="made"), read(table="made")]
    body = one_resource("db", driver, {"path": database(tmp_path, driver)}, *steps)
    report = look(tmp_path, body)
    assert about(report, "connection")[0][0] == "ok"
    assert about(report, "read") == [
        ("ok", "the table `Orders` is there"),
        ("ok", f"the table `{view}` is there"),
        ("failed", "there is no table `gone`"),
        ("skipped", "there is no table `made` yet; the flow writes it"),
    ]
    assert about(report, "write") == [("ok", "the table `made` can be written")]


@pytest.mark.parametrize("driver", ["duckdb", "sqlite3"])
def test_a_database_that_a_program_of_the_flow_makes_need_not_be_there(tmp_path: Path, driver: str) -> None:
    program = step("p", "run_process", resource="it", command=["dbt", "run"])
    report = look(tmp_path, one_resource("db", driver, {"path": "made"}, program, read(table="t")))
    assert about(report, "read") == [
        ("skipped", "there is no table `t` yet; what the flow starts before may make it"),
    ]
    assert [status for status, _ in about(report, "connection")] == ["ok"]


@pytest.mark.parametrize("driver", ["duckdb", "sqlite3"])
def test_a_database_that_cannot_be_used_says_why(tmp_path: Path, driver: str) -> None:
    (tmp_path / "broken").write_bytes(CANARY.encode() * 1000)
    broken = look(tmp_path, one_resource("db", driver, {"path": "broken"}, read(table="t")))
    assert [status for status, _ in about(broken, "connection")] == ["failed"]
    absent = look(tmp_path, one_resource("db", driver, {"path": "none"}, read(table="t")))
    assert about(absent, "connection") == [("failed", "there is no database file `none`")]
    made = look(tmp_path, one_resource("db", driver, {"path": "none"}, write(table="t")))
    assert about(made, "connection") == [("ok", f"`{tmp_path}/none` is not there yet; the first write makes it")]
    fixed = one_resource("db", driver, {"path": database(tmp_path, driver), "read_only": True}, write(table="t"))
    assert about(look(tmp_path, fixed), "write") == [
        ("failed", "the table `t` cannot be written: the resource is `read_only`")
    ]


def test_a_database_that_another_process_writes_to_is_a_warning(tmp_path: Path) -> None:
    name = database(tmp_path, "duckdb")
    hold = f"import duckdb\nc = duckdb.connect({str(tmp_path / name)!r})\nprint('open', flush=True)\ninput()"
    other = subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    other.stdout.readline()
    report = look(tmp_path, one_resource("db", "duckdb", {"path": name}, read(table="orders")))
    other.communicate(b"\n")
    assert [status for status, _ in about(report, "connection")] == ["warning"]
    assert report.ok


API = {"bearer_token": secret("api", "token")}


def api(url: str, **parts: Any) -> dict[str, Any]:
    config = API | {"base_url": url}
    return dict(one_resource("rest", "httpx", config, requires=needs(("api", "token")), **parts))


@pytest.mark.parametrize(
    ("answer", "connection", "login"),
    [
        (Answer([]), "ok", ("ok", "the credentials were not refused (HTTP 200)")),
        (Answer(status=405), "ok", ("ok", "the credentials were not refused (HTTP 405)")),
        (Answer({"sent": CANARY}, 401), "ok", ("failed", "HEAD /v1: the API answered 401")),
        (Answer(status=403), "ok", ("failed", "HEAD /v1: the API answered 403")),
        (Answer(status=501), "ok", ("ok", "the credentials were not refused (HTTP 501)")),
        (Answer(status=503), "warning", ("ok", "the credentials were not refused (HTTP 503)")),
        (Answer(status=302, headers={"location": "http://127.0.0.1:9/"}), "ok", None),
    ],
)
def test_an_api_is_asked_for_its_head_once_with_the_credentials(
    tmp_path: Path, answer: Answer, connection: str, login: tuple[str, str] | None
) -> None:
    with serving(lambda asked: answer) as one:
        report = look(tmp_path, api(f"{one.url}/v1"), API_TOKEN=CANARY)
    assert [(asked.method, asked.path) for asked in one.asked] == [("HEAD", "/v1")]
    assert one.asked[0].headers["authorization"] == f"Bearer {CANARY}"
    port = one.url.rpartition(":")[2]
    ((status, message),) = about(report, "connection")
    assert (status, message.startswith(f"`127.0.0.1`, port {port}, answers without TLS")) == (connection, True)
    assert login is None or about(report, "login") == [login]


def test_an_api_that_needs_no_credentials_is_not_said_to_accept_them(tmp_path: Path) -> None:
    with serving(lambda asked: Answer([])) as one:
        report = look(tmp_path, one_resource("rest", "httpx", {"base_url": one.url}))
    assert (about(report, "login"), report.ok) == ([], True)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:9/v1", "HEAD /v1: `127.0.0.1`, port 9, refused the connection"),
        ("http://nowhere.invalid/v1", "the host `nowhere.invalid` cannot be resolved"),
        (f"http://{CANARY}.invalid/v1", "the host `***.invalid` cannot be resolved"),
        ("ftp://h/v1", "`base_url` must be `http://host` or `https://host`, without a user"),
        (f"http://x:{CANARY}@h/v1", "`base_url` must be `http://host` or `https://host`, without a user"),
    ],
)
def test_an_api_that_cannot_be_asked_says_why(tmp_path: Path, url: str, message: str) -> None:
    assert about(look(tmp_path, api(url), API_TOKEN=CANARY), "connection") == [("failed", message)]


def test_programs_that_are_allowed_and_not_there_are_warnings(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    allowed = ["sh", "no-such-program", "/no/such/program", f"{tmp_path}/text"]
    report = look(tmp_path, one_resource("process", "local", {"allowed": allowed}))
    assert about(report, "connection") == [
        ("ok", f"the folder `{tmp_path}` is there"),
        ("warning", "there is no program `no-such-program`"),
        ("warning", "there is no program `/no/such/program`, or it may not be executed"),
        ("warning", f"there is no program `{tmp_path}/text`, or it may not be executed"),
    ]


def test_a_certificate_that_nobody_trusts_is_a_failure(tmp_path: Path) -> None:
    with untrusted(tmp_path) as port:
        report = look(tmp_path, api(f"https://localhost:{port}/v1"), API_TOKEN=CANARY)
    message = f"HEAD /v1: `localhost`, port {port}, has a certificate that is not trusted"
    assert about(report, "connection") == [("failed", message)]


@contextmanager
def untrusted(folder: Path) -> Iterator[int]:
    """Listen with a certificate that is its own authority."""
    import ssl

    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost".split()
    key, proof = folder / "key.pem", folder / "proof.pem"
    subprocess.run([*words, "-keyout", key, "-out", proof], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(proof, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                client, _ = listener.accept()
                context.wrap_socket(client, server_side=True).close()
            except OSError:
                pass  # the client hangs up

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@contextmanager
def silent() -> Iterator[int]:
    """Listen, and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_check_that_does_not_end_is_left_behind_and_the_others_are_told(tmp_path: Path) -> None:
    with silent() as port:
        report = look(tmp_path, api(f"http://127.0.0.1:{port}"), seconds=0.5, API_TOKEN=CANARY)
    assert about(report, "settings") == [("ok", "they are complete")]
    assert about(report, "connection") == [("failed", "it did not end within 0.5 s")]
    assert about(report, "state")[0][0] == "ok"


def test_no_more_than_eight_checks_work_at_once_and_their_order_stays() -> None:
    together = threading.Barrier(AT_ONCE)
    lock, working, most = threading.Lock(), 0, 0

    def one(number: int) -> Check:
        def look() -> Iterator[Seen]:
            nonlocal working, most
            with lock:
                working += 1
                most = max(most, working)
            together.wait(20)
            time.sleep(0.05)  # whoever else has begun is counted
            with lock:
                working -= 1
            yield Seen("read", "ok", f"{number}")

        return Check("read", "it", look)

    seen = side_by_side([one(number) for number in range(3 * AT_ONCE)], 30)
    assert [one.message for one in seen] == [str(number) for number in range(3 * AT_ONCE)]
    assert most == AT_ONCE


@pytest.mark.parametrize("kind", [ValueError, SystemExit, RecursionError])
def test_a_check_that_breaks_is_a_failure_without_the_text_of_its_exception(kind: type[BaseException]) -> None:
    def look() -> Iterator[Seen]:
        yield Seen("settings", "ok", "complete")
        raise kind(CANARY)

    first, second = side_by_side([Check("connection", "it", look)], 30)
    assert (first.check, first.status) == ("settings", "ok")
    assert (second.check, second.status, "CANARY" in second.message) == ("connection", "failed", False)
    assert kind.__name__ in second.message


def test_what_is_seen_after_the_deadline_is_heard_by_nobody() -> None:
    go_on = threading.Event()

    def look() -> Iterator[Seen]:
        yield Seen("settings", "ok", "complete")
        go_on.wait(20)
        yield Seen("connection", "ok", "late")

    seen: list[Checked] = side_by_side([Check("connection", "it", look)], 0.2)
    go_on.set()
    assert [(one.check, one.status) for one in seen] == [("settings", "ok"), ("connection", "failed")]


def test_a_connector_without_a_probe_of_its_own_is_connected_and_closed() -> None:
    calls: list[str] = []

    class Plain(ConnectorBase[None, None]):
        def connect(self) -> None:
            calls.append("connect")

        def close(self) -> None:
            calls.append("close")

    assert [one.status for one in Plain(config=None, options=None).probe([])] == ["ok"]
    assert calls == ["connect", "close"]


def test_a_workspace_that_takes_no_file_is_a_failure(tmp_path: Path) -> None:
    body = payload(job("a"), workspace={"root": "/proc/firn", "cleanup": "always"})
    ((status, message),) = about(look(tmp_path, body), "workspace")
    assert (status, "`/proc`" in message) == ("failed", True)
    (tmp_path / "work").write_text("a file")
    blocked = payload(job("a"), workspace={"root": "work/x", "cleanup": "always"})
    assert about(look(tmp_path, blocked), "workspace") == [
        ("failed", f"no file can be made there: `{tmp_path}/work` is not a folder")
    ]


def test_the_state_of_earlier_runs_is_read_and_a_lock_that_is_held_is_told(tmp_path: Path) -> None:
    body = payload(job("a"))
    run_artifact(spelled(body), Edge({}, tmp_path, run_id="r1"))
    before = look(tmp_path, body)
    assert about(before, "state") == [("ok", "it can be kept; the last run was r1")]
    assert about(before, "lock") == [("ok", "nobody holds a lock of the flow")]
    state = open_state({}, tmp_path)
    state.acquire("flow:flow", {"run": "r2"}, 60)
    state.acquire("another flow's", {"run": "r3"}, 60)
    ((status, message),) = about(look(tmp_path, body), "lock")
    state.close()
    assert (status, message.startswith("`flow:flow` is held by run `r2` on `")) == ("warning", True)


@pytest.mark.parametrize(
    ("statement", "status"),
    [
        ("update firn_migrations set version = version + 97", "failed"),
        ("delete from firn_migrations where version > 1", "warning"),
        ("delete from firn_migrations", "failed"),
        ("drop table firn_migrations", "failed"),
    ],
)
def test_a_state_that_is_not_of_this_schema_is_told_before_the_run(tmp_path: Path, statement: str, status: str) -> None:
    open_state({}, tmp_path).close()
    connection = sqlite3.connect(tmp_path / ".firn" / "state.db")
    connection.execute(statement)
    connection.commit()
    connection.close()
    assert [one for one, _ in about(look(tmp_path, payload(job("a"))), "state")] == [status]


def test_a_state_that_waits_for_a_secret_is_not_looked_at(tmp_path: Path) -> None:
    state = {"backend": "postgres", "host": "127.0.0.1", "database": "d", "user": "u", "password": secret("s", "p")}
    report = look(tmp_path, payload(job("a"), state=state, requires=needs(("s", "p"))))
    assert about(report, "state", "PostgreSQL") == [("skipped", "not looked at: without `s/p` it cannot be reached")]


def in_postgres(database: str, user: str, **more: Any) -> dict[str, Any]:
    one = server()
    settings = {"backend": "postgres", "host": one.host, "port": one.port, "database": database, "user": user}
    return payload(
        job("a"), state=settings | {"password": secret("s", "p")} | more, requires=needs(("s", "p")), features=[]
    )


def test_a_state_in_postgres_is_asked_for_its_rights(tmp_path: Path) -> None:
    one = server()
    name = fresh_database(one)
    with connected(one, name) as admin:
        admin.execute(f"drop role if exists {name}; create role {name} login password '{CANARY}'".encode())
        admin.execute(b"create schema firn")
        body = in_postgres(name, name, schema="firn")
        no_right = about(look(tmp_path, body, S_P=CANARY), "state")
        assert no_right == [("failed", 'it cannot be kept: the user lacks USAGE on the schema "firn"')]
        admin.execute(f"grant usage, create on schema firn to {name}".encode())
        assert about(look(tmp_path, body, S_P=CANARY), "state")[0][0] == "ok"
        assert admin.execute(b"select count(*) from pg_tables where schemaname = 'firn'").fetchone() == (0,)
        settings = body["state"] | {"password": None}
        open_state(settings | {"user": one.user, "password": _revealed(one.password)}, tmp_path).close()
        others = about(look(tmp_path, body, S_P=CANARY), "state")
        assert (others[0][0], "SELECT and INSERT and UPDATE" in others[0][1]) == ("failed", True)
        admin.execute(f"grant all on all tables in schema firn to {name}".encode())
        report = look(tmp_path, body, S_P=CANARY)
        assert about(report, "state") == [("ok", "it can be kept")]
        assert about(report, "lock") == [("ok", "nobody holds a lock of the flow")]
        wrong = about(look(tmp_path, body, S_P=CANARY + "x"), "state")
        assert (wrong[0][0], "refused the credentials" in wrong[0][1]) == ("failed", True)


def _revealed(text: str) -> Any:
    from firn_schemas.secret import Secret

    return Secret(text)


def crashed(code: str, folder: Path) -> None:
    """Run code in a process that is gone without a word."""
    subprocess.run([sys.executable, "-c", f"import os\n{code}\nos._exit(0)"], cwd=folder, check=True)


AS_ANOTHER_USER = """
import os, sys
from pathlib import Path
from firn_runtime.artifact_file import load_any
from firn_runtime.preflight import Outside, preflight
from firn_runtime.preflight.page import as_text

artifact, outside = load_any(Path("artifact.json").read_bytes()), Outside({}, Path(sys.argv[1]))
preflight(artifact, "flow", outside, 30)  # so that every module is read: the other user may not reach them
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
print(as_text(preflight(artifact, "flow", outside, 30)))
"""


def test_modes_that_keep_this_user_out_are_failures() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        closed(folder)
        words = [sys.executable, "-c", AS_ANOTHER_USER, name]
        answer = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
        (folder / "locked").chmod(0o700)
        (folder / "private").chmod(0o700)
    failures = re.findall(r"^FAILED +(\w+) +(\S+) +(.*)$", answer.stdout.replace(name, "…"), re.MULTILINE)
    assert failures == [
        ("workspace", "locked/work", "no file can be made there: `…/locked` is not writable"),
        ("state", "locked/state.db", "it cannot be kept: `…/locked` is not writable"),
        ("read", "data", "`a.csv` cannot be read"),
        ("connection", "private", "there is no folder `…/private/x`"),
        ("write", "sealed", "the table `x` cannot be written: `…/it.duckdb` is not writable"),
        ("connection", "shut", "`…/it.sqlite3` cannot be read"),
        ("write", "target", "`x.csv` cannot be written: `…/locked` is not writable"),
    ]


def closed(folder: Path) -> None:
    """Make files and folders that others may not read or write, and an artifact that needs them."""
    folder.chmod(0o755)
    for name in ("data", "locked", "private"):
        (folder / name).mkdir()
    (folder / "data" / "a.csv").write_text("n")
    database(folder, "duckdb")
    database(folder, "sqlite3")
    paths = {"data/a.csv": 0, "it.sqlite3": 0, "it.duckdb": 0o444, "data": 0o555, "locked": 0o555, "private": 0}
    for path, mode in paths.items():
        (folder / path).chmod(mode)
    local = {"data": "data", "private": "private/x", "target": "locked"}
    used = {name: resource("files", "local", {"root": root}) for name, root in local.items()}
    used["sealed"] = resource("db", "duckdb", {"path": "it.duckdb"})
    used["shut"] = resource("db", "sqlite3", {"path": "it.sqlite3"})
    steps = [
        step("r1", "read", resource="data", path="a.csv"),
        step("r2", "read", resource="private", path="a.csv"),
        step("r3", "read", resource="shut", table="orders"),
        step("w1", "write", resource="target", path="x.csv"),
        step("w2", "write", resource="sealed", table="x"),
    ]
    parts = {"state": {"path": "locked/state.db"}, "workspace": {"root": "locked/work", "cleanup": "always"}}
    body = payload(job("a", *steps), names={name: name for name in used}, resources=used, **parts)
    (folder / "artifact.json").write_bytes(spelled(body))


IN_A_LOG = "import sqlite3; c = sqlite3.connect({!r}); c.executescript('pragma journal_mode = wal; create table x (n)')"


def test_nothing_is_changed_anywhere(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("n\n1\n")
    database(tmp_path, "sqlite3")
    database(tmp_path, "duckdb")
    crashed(IN_A_LOG.format("torn.sqlite3"), tmp_path)
    crashed("import duckdb; c = duckdb.connect('torn.duckdb'); c.execute('create table x (n int)')", tmp_path)
    run_artifact(spelled(payload(job("a"))), Edge({}, tmp_path, run_id="r1"))
    crashed(IN_A_LOG.format(".firn/state.db"), tmp_path)
    before = contents(tmp_path)
    assert {"torn.sqlite3-wal", "torn.duckdb.wal", ".firn/state.db-wal"} <= before.keys()

    names = ("it.sqlite3", "torn.sqlite3", "it.duckdb", "torn.duckdb", "new.duckdb")
    used = {name.replace(".", "_"): resource("db", name.partition(".")[2], {"path": name}) for name in names}
    used |= {root: resource("files", "local", {"root": root}) for root in ("data", "out")}
    places = {name: {"path": "d/x.csv"} if name in ("data", "out") else {"table": "x"} for name in used}
    steps = [
        step(f"{type}-{name}", type, resource=name, **place)
        for name, place in places.items()
        for type in ("read", "write")
    ]
    report = look(tmp_path, payload(job("a", *steps), names={name: name for name in used}, resources=used))
    assert contents(tmp_path) == before
    assert about(report, "read", "torn_sqlite3") == about(report, "read", "torn_duckdb")
    assert about(report, "read", "torn_duckdb") == [("ok", "the table `x` is there")]
    assert about(report, "state") == [("ok", "it can be kept; the last run was r1")]


def firn(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | environ
    answer = subprocess.run([FIRN, *words], cwd=folder, capture_output=True, text=True, check=False, env=environment)
    assert "Traceback" not in answer.stdout + answer.stderr
    assert "CANARY" not in answer.stdout + answer.stderr
    return answer


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 6),
        (["--flow", "other"], 2),
        (["--timeout", "0"], 2),
        (["--env-file", "x,nonsense"], 2),
        (["--env-file", "none.env"], 6),
        (["none.json"], 3),
        (["--expect-digest", "sha256:0"], 3),
    ],
)
def test_the_command_ends_with_its_documented_code(tmp_path: Path, words: list[str], code: int) -> None:
    (tmp_path / "compiled_artifacts.json").write_bytes(spelled(api("http://127.0.0.1:9")))
    answer = firn(tmp_path, "preflight", *words, API_TOKEN=CANARY)
    assert answer.returncode == code, answer.stdout + answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["compiled_artifacts.json"]


def test_a_warning_is_no_failure_and_json_is_all_that_is_written(tmp_path: Path) -> None:
    body = payload(job("a"))
    (tmp_path / "compiled_artifacts.json").write_bytes(spelled(body))
    state = open_state({}, tmp_path)
    state.acquire("flow:flow", {"run": "r2"}, 60)
    answer = firn(tmp_path, "preflight", "--json")
    state.close()
    document = orjson.loads(answer.stdout)
    Draft202012Validator(SCHEMA).validate(document)
    assert (answer.returncode, answer.stderr, document["ok"]) == (0, "", True)
    assert "warning" in {one["status"] for one in document["checks"]}


def test_a_missing_secret_is_a_failed_check_and_no_other_exit_code(tmp_path: Path) -> None:
    (tmp_path / "compiled_artifacts.json").write_bytes(spelled(api("http://127.0.0.1:9")))
    answer = firn(tmp_path, "preflight")
    assert (answer.returncode, "FAILED   secret" in answer.stdout) == (6, True)


def test_ctrl_c_ends_it_while_a_check_hangs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        body = api(f"http://127.0.0.1:{listener.getsockname()[1]}")
        (tmp_path / "compiled_artifacts.json").write_bytes(spelled(body))
        words = [FIRN, "preflight", "--timeout", "600"]
        process = subprocess.Popen(
            words, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=os.environ | {"API_TOKEN": CANARY}
        )
        client, _ = listener.accept()  # the check is at work, and waits for an answer
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        client.close()
    assert (process.returncode, errors) == (130, "\ninterrupted\n")


def test_a_resource_that_the_flow_does_not_use_is_not_looked_at(tmp_path: Path) -> None:
    with serving(lambda asked: Answer([])) as one:
        body = api(one.url)
        body["flows"]["flow"]["resources"] = {}
        assert look(tmp_path, body).ok
    assert one.asked == []


def test_the_runs_own_folder_is_there_when_the_run_is(tmp_path: Path) -> None:
    read = step("read", "read", resource="workspace", path="raw/*.csv")
    body = payload(
        job("a", read), names={"workspace": "workspace"}, resources={"workspace": resource("files", "workspace", {})}
    )
    assert about(look(tmp_path, body), "read") == [
        ("skipped", "`raw/*.csv` is one of the run's own files: it is there when the run is")
    ]


def test_a_folder_that_files_are_put_into_is_made_by_the_run(tmp_path: Path) -> None:
    sent = step("sent", "upload", resource="files", files=["a"], dest_path="out")
    parts = {"names": {"files": "files"}, "resources": {"files": resource("files", "local", {"root": "later"})}}
    report = look(tmp_path, payload(job("a", sent), **parts))
    assert about(report, "write") == [("ok", "`out` can be written")]
    listed = step("listed", "list_files", resource="files")
    assert about(look(tmp_path, payload(job("a", listed), **parts)), "connection") == [
        ("failed", f"there is no folder `{tmp_path}/later`")
    ]
