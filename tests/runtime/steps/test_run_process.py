"""The step that starts a program: what is a success, what is done once, and whole runs in which it is stopped."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firn_runtime import Edge, Options, RunResult, Stop, run_artifact
from firn_runtime.errors import ConnectorError
from firn_runtime.events import Event, Failure
from runtime.artifacts import job, payload, resource, spelled, step
from runtime.refusals import refused
from runtime.workbench import Workbench, connector

Make = Callable[..., Workbench]

FIRN = str(Path(sys.executable).parent / "firn")
CANARY = "CANARY-t0k3n-8f14e45f"
NOTHING = {"exit_code": 0, "stdout": "", "stderr": ""}


class Programs:
    """Steps that start shell scripts in a folder."""

    def __init__(self, bench: Make, folder: Path) -> None:
        self.folder = folder
        self.bench = bench(tools=connector("process", "local", allowed=["sh"], cwd=str(folder)))

    def do(self, text: str, **inputs: Any) -> dict[str, Any]:
        result = self.bench.do("run_process", {"resource": "tools", "command": ["sh", "-c", text], **inputs})
        return dict(result.results) | ({"warnings": result.warnings} if result.warnings else {})

    def failure(self, text: str, **inputs: Any) -> ConnectorError:
        return refused(self.do, text, **inputs)


@pytest.fixture
def programs(bench: Make, tmp_path: Path) -> Programs:
    (tmp_path / "base").mkdir()
    return Programs(bench, tmp_path / "base")


def test_what_a_program_says_is_its_result(programs: Programs) -> None:
    assert programs.do("echo out; echo err >&2") == {"exit_code": 0, "stdout": "out\n", "stderr": "err\n"}


@pytest.mark.parametrize(
    ("text", "success", "message", "help"),
    [
        ("echo a >&2; exit 3", {}, "`sh` ended with exit code 3", "its last line: a"),
        ("exit 3", {}, "`sh` ended with exit code 3", "it said nothing"),
        ("printf '%0400d' 0; exit 3", {}, "`sh` ended with exit code 3", "its last line is too long to be shown"),
        ("exit 0", {"exit_codes": [2]}, "`sh` ended with exit code 0, which is no success here", "it said nothing"),
        ("echo a; kill -SEGV $$", {}, "`sh` was ended by SIGSEGV", "its last line: a"),
        ("kill -s 40 $$", {}, "`sh` was ended by signal 40", "it said nothing"),
        ("true", {"require_files": ["a.csv"]}, "`sh` ended without the file `a.csv`", "it said nothing"),
        (
            "touch e",
            {"forbid_files": ["e"]},
            "`sh` ended with the file `e`, which must not be there",
            "it said nothing",
        ),
        ("echo no", {"marker": "done"}, "`sh` ended without saying `done`", "its last line: no"),
    ],
)
def test_what_is_no_success_fails_and_says_what_was_missing(
    programs: Programs, text: str, success: dict[str, Any], message: str, help: str
) -> None:
    error = programs.failure(text, success=success)
    assert (error.error_class, error.message, error.help) == ("process", message, help)


def test_a_success_is_what_the_step_says(programs: Programs) -> None:
    success = {"exit_codes": [0, 2], "require_files": ["a"], "forbid_files": ["b"], "marker": "done"}
    assert programs.do("touch a; echo done; exit 2", success=success)["exit_code"] == 2


def test_files_are_looked_for_in_the_steps_folder_and_never_outside(programs: Programs) -> None:
    (programs.folder / "sub").mkdir()
    assert programs.do("touch a", cwd="sub", success={"require_files": ["a"]})["exit_code"] == 0
    assert "must stay below" in programs.failure("true", cwd="sub", success={"forbid_files": ["../a"]}).message


def test_a_marker_is_written_after_a_success_and_stands_for_the_next_run(programs: Programs) -> None:
    once = {"strategy": "marker", "marker_path": "done/squeeze"}
    programs.failure("echo x >> runs; exit 1", idempotency=once)
    assert not (programs.folder / "done/squeeze").exists()
    assert programs.do("echo x >> runs; echo out", idempotency=once)["stdout"] == "out\n"
    assert os.listdir(programs.folder / "done") == ["squeeze"]
    again = programs.do("echo x >> runs", idempotency=once)
    assert again.pop("warnings") == ("the program was not started: `done/squeeze` says that it already ran",)
    assert again == NOTHING
    assert (programs.folder / "runs").read_text() == "x\nx\n"


def test_a_folder_of_output_appears_whole_and_once(programs: Programs) -> None:
    once = {"strategy": "output_dir", "output_dir": "marts/out"}
    failed = programs.failure('touch "$FIRN_OUTPUT_DIR/half"; exit 1', idempotency=once)
    assert failed.message == "`sh` ended with exit code 1"
    assert os.listdir(programs.folder / "marts") == []
    text = 'test ! -e marts/out && mkdir "$FIRN_OUTPUT_DIR/d" && echo 1 > "$FIRN_OUTPUT_DIR/d/f"'
    programs.do(text, idempotency=once, success={"require_files": ["marts/out/d/f"]})
    assert os.listdir(programs.folder / "marts") == ["out"]
    assert (programs.folder / "marts/out/d/f").read_text() == "1\n"
    assert "warnings" in programs.do("exit 1", idempotency=once)


def test_a_step_cannot_choose_the_folder_that_is_renamed(programs: Programs) -> None:
    once = {"strategy": "output_dir", "output_dir": "out"}
    programs.do('touch "$FIRN_OUTPUT_DIR/f"', idempotency=once, env={"FIRN_OUTPUT_DIR": "/nowhere"})
    assert os.listdir(programs.folder / "out") == ["f"]


@pytest.mark.parametrize("instead", ['ln -s /etc "$FIRN_OUTPUT_DIR"', 'echo x > "$FIRN_OUTPUT_DIR"', "true"])
def test_what_a_program_puts_in_the_place_of_its_folder_is_not_published(programs: Programs, instead: str) -> None:
    output = {"strategy": "output_dir", "output_dir": "out"}
    error = programs.failure(f'rmdir "$FIRN_OUTPUT_DIR"; {instead}', idempotency=output)
    assert (error.error_class, error.message) == ("process", "the program has removed the folder for `out`")
    assert list(programs.folder.iterdir()) == []


def test_output_that_another_run_made_meanwhile_is_left_alone(programs: Programs) -> None:
    once = {"strategy": "output_dir", "output_dir": "out"}
    error = programs.failure("mkdir out; echo theirs > out/f", idempotency=once)
    assert (error.error_class, error.message) == ("conflict", "`out` was made by another run while the program ran")
    assert os.listdir(programs.folder) == ["out"]


def test_what_a_killed_attempt_staged_is_removed_by_the_next(programs: Programs) -> None:
    once = {"strategy": "output_dir", "output_dir": "out"}
    mark = f"{programs.do('echo $FIRN_OUTPUT_DIR', idempotency=once)['stdout']}"
    assert mark.startswith(f"{programs.folder}/.out.")
    stale = Path(mark.strip())
    (programs.folder / "out").rmdir()
    stale.mkdir()
    programs.bench.runs = 0  # the same run again
    programs.do("true", idempotency=once)
    assert not stale.exists()


@pytest.mark.parametrize(
    ("once", "sentence"),
    [
        ({"strategy": "marker"}, "the step's `idempotency` has no `marker_path`"),
        ({"strategy": "marker", "marker_path": "../x"}, "a path must stay below the folder of the programs"),
        ({"strategy": "marker", "marker_path": ""}, "a path of the step is empty"),
        ({"strategy": "output_dir", "output_dir": "."}, "a path of the step is empty"),
        ({"strategy": "output_dir", "output_dir": "file"}, "`file` is no folder"),
        ({"strategy": "marker", "marker_path": "folder"}, "`folder` is a folder"),
        ({"strategy": "marker", "marker_path": "file/x"}, "cannot make `file/x`: file exists"),
    ],
)
def test_places_that_cannot_be_are_refused_before_the_program(
    programs: Programs, once: dict[str, str], sentence: str
) -> None:
    (programs.folder / "file").touch()
    (programs.folder / "folder").mkdir()
    assert programs.failure("touch started", idempotency=once).message == sentence
    assert sorted(os.listdir(programs.folder)) == ["file", "folder"]


def test_without_a_strategy_it_runs_each_time(programs: Programs) -> None:
    for _ in range(2):
        programs.do("echo x >> runs", idempotency={"strategy": "none"})
    assert (programs.folder / "runs").read_text() == "x\nx\n"


def shell(id: str, text: str, **inputs: Any) -> dict[str, Any]:
    return step(id, "run_process", resource="tools", command=["sh", "-c", text], **inputs)


def flow(*jobs: dict[str, Any], **parts: Any) -> dict[str, Any]:
    tools = resource("process", "local", {"allowed": ["sh"]}, **parts.pop("options", {}))
    resources = {"tools": tools} | parts.pop("resources", {})
    return payload(*jobs, names={name: name for name in resources}, resources=resources, **parts)


def run(
    folder: Path, body: dict[str, Any], *listeners: Any, environ: Any = None, stop: Stop | None = None, **options: Any
) -> RunResult:
    return run_artifact(spelled(body), Edge(environ or {}, folder, listeners, stop), Options(**options))


def error_of(result: RunResult) -> Failure:
    error = result.jobs[0].steps[0].error
    assert error is not None
    return error


def pid_of(folder: Path) -> int:
    """Return the number that a program has written to `pid`, as soon as it is there."""
    for _ in range(400):
        if (folder / "pid").exists() and (text := (folder / "pid").read_text()).endswith("\n"):
            return int(text)
        time.sleep(0.05)
    raise AssertionError("the program did not start")


def gone(pid: int) -> bool:
    for _ in range(400):
        if not Path(f"/proc/{pid}").exists() or ") Z " in Path(f"/proc/{pid}/stat").read_text():
            return True
        time.sleep(0.05)
    return False


LONG = "echo $$ > pid.part; mv pid.part pid; exec sleep 600"


def test_the_programs_folder_is_the_runs_base_folder(tmp_path: Path) -> None:
    assert run(tmp_path, flow(job("a", shell("s", "touch here")))).status == "SUCCESS"
    assert (tmp_path / "here").exists()


def test_inherited_variables_come_from_the_runs_snapshot(tmp_path: Path) -> None:
    text = 'echo "$REGION/$ABSENT/$OTHER" > said'
    body = flow(job("a", shell("s", text)), options={"inherit_env": ["REGION", "ABSENT"]})
    run(tmp_path, body, environ={"REGION": "eu", "OTHER": CANARY})
    assert (tmp_path / "said").read_text() == "eu//\n"


def test_a_later_step_uses_what_a_program_said(tmp_path: Path) -> None:
    later = shell("b", 'echo "$0" > said')
    later["inputs"]["command"].append({"$ref": "steps.a.outputs.stdout"})
    run(tmp_path, flow(job("a", shell("a", "printf '; touch x'"), later)))
    assert (tmp_path / "said").read_text() == "; touch x\n"
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("limits", "inputs", "message"),
    [
        ({"timeout": 0.5}, {}, "the step did not end within 0.5 s"),
        ({}, {"timeout": 0.5}, "`sh` did not end within 0.5 s"),
    ],
)
def test_a_timeout_ends_the_program_and_each_attempt_has_its_own(
    tmp_path: Path, limits: dict[str, Any], inputs: dict[str, Any], message: str
) -> None:
    retry = {"max_attempts": 2, "backoff": 0.01, "max_backoff": 1, "on": ["timeout"]}
    one = shell("s", f"echo x >> runs; {LONG}", **inputs) | limits | {"retry": retry}
    result = run(tmp_path, flow(job("a", one)))
    error = error_of(result)
    assert (error.code, error.error_class, error.message) == ("R302", "timeout", message)
    assert result.jobs[0].steps[0].attempts == 2
    assert (tmp_path / "runs").read_text() == "x\nx\n"
    assert gone(pid_of(tmp_path))


@pytest.mark.parametrize(("ask", "name"), [(Stop.interrupt, "SIGINT"), (Stop.terminate, "SIGTERM")])
def test_a_stopped_run_ends_its_programs(tmp_path: Path, ask: Callable[[Stop], None], name: str) -> None:
    stop = Stop()

    def soon() -> None:
        pid_of(tmp_path)
        ask(stop)

    threading.Thread(target=soon).start()
    result = run(tmp_path, flow(job("a", shell("s", LONG))), stop=stop, grace=0.1)
    assert error_of(result).message == f"the run was stopped by {name}"
    assert gone(pid_of(tmp_path))


@pytest.mark.parametrize(
    ("signals", "code"), [([signal.SIGINT], 130), ([signal.SIGTERM], 143), ([signal.SIGINT] * 2, 130), ([9], -9)]
)
def test_no_program_outlives_the_command(tmp_path: Path, signals: list[int], code: int) -> None:
    text = f"trap '' TERM; {LONG}"  # an ignored signal stays ignored in what a shell becomes
    (tmp_path / "a.json").write_bytes(spelled(flow(job("a", shell("s", text)))))
    command = [FIRN, "run", "a.json", "--grace", "0.1"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        program = pid_of(tmp_path)
        time.sleep(0.5)  # until what guards the program is there
        for one in signals:
            process.send_signal(one)
            time.sleep(0.3)
        assert process.wait(60) == code
        assert gone(program)
    finally:
        process.kill()
        process.wait()


def test_a_finished_step_is_not_run_again_and_its_results_are_there(tmp_path: Path) -> None:
    use = shell("b", 'test -e ok && echo "$0" > said')
    use["inputs"]["command"].append({"$ref": "steps.a.outputs.stdout"})
    body = flow(job("j", shell("a", "echo x >> runs; echo out"), use))
    assert run(tmp_path, body).status == "FAILED"
    (tmp_path / "ok").touch()
    assert run(tmp_path, body, resume="last").status == "SUCCESS"
    assert ((tmp_path / "runs").read_text(), (tmp_path / "said").read_text()) == ("x\n", "out\n\n")


SECRET = {"ref": "api", "key": "token", "variable": "API_TOKEN", "used_by": ["resources.api.config.bearer_token"]}
API = {"base_url": "http://127.0.0.1:9", "bearer_token": {"$secret": {"ref": "api", "key": "token"}}}
LEAKS = {
    "as it is": "$API_TOKEN",
    "in a line": "password=$API_TOKEN;",
    "in base64": "$(printf %s $API_TOKEN | base64)",
    "in hexadecimal": "$(printf %s $API_TOKEN | od -An -tx1 | tr -d ' \\n')",
    "where what is kept ends": "$(head -c 16377 /dev/zero | tr '\\0' x)$API_TOKEN",
}


@pytest.mark.parametrize("said", LEAKS.values(), ids=LEAKS.keys())
@pytest.mark.parametrize("exit_code", [0, 1])
@pytest.mark.parametrize("way", [1, 2])
def test_a_secret_that_a_program_says_is_masked_wherever_it_arrives(
    tmp_path: Path, said: str, exit_code: int, way: int
) -> None:
    text = f'echo "{said}" >&{way}; exit {exit_code}'
    body = flow(
        job("a", shell("s", text)),
        options={"inherit_env": ["API_TOKEN"]},
        resources={"api": resource("rest", "httpx", API)},
        requires={"connectors": [], "environment": [], "secrets": [SECRET]},
    )
    events: list[Event] = []
    result = run(tmp_path, body, events.append, environ={"API_TOKEN": CANARY})
    assert result.status == ("FAILED" if exit_code else "SUCCESS")
    made = json.dumps([event.as_json() for event in events]).encode() + repr(result).encode()
    made += b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"step.finished" in made
    for form in (CANARY[:6].encode(), CANARY.encode().hex().encode(), b"Q0FOQVJZLXQw"):
        assert form not in made


def test_a_failed_program_is_shown_with_its_last_line_and_no_secret(tmp_path: Path) -> None:
    body = flow(
        job("a", shell("s", 'echo "login failed for $API_TOKEN" >&2; exit 2')),
        options={"inherit_env": ["API_TOKEN"]},
        resources={"api": resource("rest", "httpx", API)},
        requires={"connectors": [], "environment": [], "secrets": [SECRET]},
    )
    error = error_of(run(tmp_path, body, environ={"API_TOKEN": CANARY}))
    assert (error.code, error.message) == ("R308", "`sh` ended with exit code 2")
    assert error.help == "its last line: login failed for ***"
