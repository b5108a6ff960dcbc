"""The command at its edges: exit codes, signals, pipes, what it imports, and what it never shows."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.errors import internal
from runtime.artifacts import job, payload, resource, spelled, step

FIRN = str(Path(sys.executable).parent / "firn")
HEAVY = ("duckdb", "httpx", "rich", "importlib.metadata", "psycopg", "dotenv", "random", "logging")
FORBIDDEN = ("firn_compiler", "pydantic", "ruamel", "jsonschema", "detect_secrets", "sqlglot")


def firn(folder: Path, *words: str, program: str = FIRN, **options: Any) -> subprocess.CompletedProcess[str]:
    answer = subprocess.run([program, *words], cwd=folder, capture_output=True, text=True, check=False, **options)
    assert "Traceback" not in answer.stdout + answer.stderr
    return answer


def make(folder: Path, body: dict[str, Any]) -> None:
    (folder / "compiled_artifacts.json").write_bytes(spelled(body))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["verify"], 0),
        (["inspect", "--format", "json"], 0),
        (["run"], 0),
        (["run", "--flow", "other"], 2),
        (["run", "--base-dir", "missing"], 2),
        (["run", "--run-id", "../x"], 2),
        (["run", "--events", "-"], 2),
        (["run", "--from-changed"], 2),
        (["run", "--repeat-unsafe"], 2),
        (["run", "--resume", "last", "--run-id", "x"], 2),
        (["run", "--resume", "last"], 2),
        (["run", "--resume", "auto", "--run-id", "x"], 0),
        (["run", "--only", "nope"], 2),
        (["run", "--dry-run"], 0),
        (["nonsense"], 2),
        (["verify", "missing.json"], 3),
        (["verify", "--expect-digest", "sha256:0"], 3),
        (["run", "--expect-digest", ""], 3),
    ],
)
def test_a_command_ends_with_its_documented_code(tmp_path: Path, words: list[str], code: int) -> None:
    make(tmp_path, payload(job("a")))
    assert firn(tmp_path, *words).returncode == code
    assert {path.name for path in tmp_path.iterdir()} <= {"compiled_artifacts.json", ".firn"}


def test_the_expected_digest_may_come_from_the_environment(tmp_path: Path) -> None:
    make(tmp_path, payload(job("a")))
    pinned = os.environ | {"FIRN_EXPECT_DIGEST": "sha256:1"}
    for words in (["run"], ["verify"], ["preflight"], ["runs"]):
        answer = firn(tmp_path, *words, env=pinned)
        assert (answer.returncode, "error[R107]" in answer.stderr) == (3, True)


def test_an_expected_digest_on_the_command_line_does_not_take_back_the_one_of_the_environment(tmp_path: Path) -> None:
    make(tmp_path, payload(job("a")))
    (own,) = [line for line in firn(tmp_path, "verify").stdout.splitlines() if line.startswith("sha256:")]
    pinned = os.environ | {"FIRN_EXPECT_DIGEST": "sha256:1"}
    assert firn(tmp_path, "run", "--expect-digest", own, env=pinned).returncode == 3
    assert firn(tmp_path, "run", "--expect-digest", own, env=os.environ | {"FIRN_EXPECT_DIGEST": own}).returncode == 0


OBEYED = "\x1b]0;x\x07\x9b2J\n::error::x"
"""What a terminal and a build log obey."""


@pytest.mark.parametrize(
    "hostile",
    [
        {OBEYED: 1},
        {"features": [OBEYED]},
        {"environment": OBEYED},
        {"compatibility": {"min_version": OBEYED}},
        {"requires": {"connectors": [], "environment": [{"name": OBEYED, "optional": False}], "secrets": []}},
        {"sources": [{"kind": "flow", "name": OBEYED, "digest": "sha256:0"}]},
    ],
    ids=["a key", "features", "environment", "compatibility", "requires", "sources"],
)
def test_what_an_artifact_says_moves_no_cursor_and_begins_no_line(tmp_path: Path, hostile: dict[str, Any]) -> None:
    make(tmp_path, payload(job("a")) | hostile)
    for words in (["inspect"], ["verify"], ["preflight"], ["run"], ["runs"]):
        answer = firn(tmp_path, *words, env=os.environ | {"FORCE_COLOR": "1"})
        shown = (answer.stdout + answer.stderr).splitlines()
        assert all(line.isprintable() and not line.startswith("::") for line in shown)


def test_what_data_says_moves_no_cursor_and_begins_no_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "data" / "b.csv").write_text(f'x,"{OBEYED}"\n1,2\n')
    read = step("rows", "read", resource="files", path="*.csv")
    files = resource("files", "local", {"root": "data"})
    make(tmp_path, payload(job("a", read), names={"files": "files"}, resources={"files": files}))
    for words in (["run"], ["runs", "last"]):
        shown = firn(tmp_path, *words).stdout
        assert "`b.csv` has other columns" in shown
        assert all(line.isprintable() and not line.startswith("::") for line in shown.splitlines())


def test_the_version_names_runtime_compiler_and_format(tmp_path: Path) -> None:
    lines = firn(tmp_path, "--version").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["firn-runtime", "firn-compiler", "format"]


@pytest.mark.parametrize(("words", "modules"), [(["--version"], 110), (["verify"], 130), (["run"], 226)])
def test_a_flow_that_does_nothing_loads_nothing_heavy_and_little_else(
    tmp_path: Path, words: list[str], modules: int
) -> None:
    """A bare Python has 33 modules; each further one costs a third of a millisecond, and every one is on purpose.

    Python 3.13 has its own in smaller pieces: five more than 3.11.
    """
    make(tmp_path, payload(job("a")))
    script = f"""
import sys
from firn_runtime.cli import firn
try:
    firn.main({words!r}, standalone_mode=False)
except SystemExit:
    pass
print([name for name in {HEAVY + FORBIDDEN!r} if name in sys.modules])
print(len(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    heavy, count = done.stdout.splitlines()[-2:]
    assert heavy == "[]"
    assert int(count) <= modules


@pytest.mark.parametrize("words", [["run"], ["run", "--log-format", "json"], ["inspect"]])
def test_a_reader_that_leaves_early_hears_no_complaint(tmp_path: Path, words: list[str]) -> None:
    make(tmp_path, payload(*(job(f"j{number}", when=False) for number in range(2000))))
    process = subprocess.Popen([FIRN, *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(30) in (0, 1)


def test_inspecting_shows_references_and_never_looks_a_secret_up(tmp_path: Path) -> None:
    token = {"$secret": {"ref": "api", "key": "token"}}
    secret = {"ref": "api", "key": "token", "variable": "API_TOKEN", "used_by": ["resources.api.config.bearer_token"]}
    make(
        tmp_path,
        payload(
            job("a"),
            names={"api": "api"},
            resources={"api": resource("rest", "httpx", {"base_url": "http://h", "bearer_token": token})},
            requires={"connectors": [], "environment": [], "secrets": [secret]},
        ),
    )
    for form in ("text", "json"):
        answer = firn(tmp_path, "inspect", "--format", form, env=os.environ | {"API_TOKEN": "CANARY-t0k3n"})
        assert answer.returncode == 0
        assert "API_TOKEN" in answer.stdout
        assert "CANARY" not in answer.stdout + answer.stderr


def test_a_base_folder_whose_path_is_no_utf_8_is_refused_before_the_run(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    make(folder, payload(job("a")))
    answer = firn(folder, "run")
    assert (answer.returncode, "the path of the base folder is not UTF-8" in answer.stderr) == (2, True)
    assert firn(folder, "run", "--base-dir", str(tmp_path)).returncode == 0


@pytest.mark.parametrize(
    ("word", "meant"), [("prefligth", "preflight"), ("complie", "compile"), ("watermark", "watermarks")]
)
def test_a_misspelt_command_is_told_which_one_is_meant(tmp_path: Path, word: str, meant: str) -> None:
    answer = firn(tmp_path, word)
    said = answer.stderr.splitlines()[-1]
    assert (answer.returncode, said) == (2, f"Error: there is no command `{word}`; did you mean `{meant}`?")


def test_output_that_cannot_be_written_is_said_and_no_fault_of_firns(tmp_path: Path) -> None:
    make(tmp_path, payload(job("a")))
    answer = firn(tmp_path, "-c", f"exec {FIRN} inspect >/dev/full", program="sh")
    assert (answer.returncode, answer.stderr) == (1, "error: the output cannot be written: no space left on device\n")


@pytest.mark.parametrize("words", [["run"], ["runs", "last"], ["preflight"]])
def test_what_the_encoding_of_the_output_lacks_is_shown_as_an_escape(tmp_path: Path, words: list[str]) -> None:
    """Latin-1, the encoding of the locale `en_US`, lacks the arrow: the end of a failed run was not shown."""
    read = step("rows", "read", resource="files", path="a→z.csv")
    files = resource("files", "local", {"root": "."})
    make(tmp_path, payload(job("a", read), names={"files": "files"}, resources={"files": files}))
    firn(tmp_path, "run")
    answer = firn(tmp_path, *words, env=os.environ | {"PYTHONIOENCODING": "latin-1"})
    assert "`a\\u2192z.csv`" in answer.stdout
    assert (answer.stderr, answer.stdout[-1:]) == ("", "\n")


def test_a_command_whose_output_is_closed_does_its_work(tmp_path: Path) -> None:
    make(tmp_path, payload(job("a")))
    for words in ("inspect", "run", "run 2>&-"):
        answer = firn(tmp_path, "-c", f"exec {FIRN} {words} >&-", program="sh")
        assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize(("words", "code"), [("run nothing.json", 3), ("run --nothing", 2), ("inspect >/dev/full", 1)])
def test_an_error_that_cannot_be_written_ends_with_its_exit_code(tmp_path: Path, words: str, code: int) -> None:
    make(tmp_path, payload(job("a")))
    answer = firn(tmp_path, "-c", f"exec {FIRN} {words} 2>/dev/full", program="sh")
    assert (answer.returncode, answer.stdout) == (code, "")


@pytest.mark.parametrize("words", [["run", "--wait"], ["run", "--grace"], ["preflight", "--timeout"]])
@pytest.mark.parametrize("seconds", ["nan", "inf", "1e300", "-1"])
def test_seconds_that_nothing_can_wait_for_are_refused(tmp_path: Path, words: list[str], seconds: str) -> None:
    make(tmp_path, payload(job("a")))
    answer = firn(tmp_path, *words, seconds)
    assert (answer.returncode, f"Invalid value for '{words[1]}'" in answer.stderr) == (2, True), answer.stderr


def test_memory_that_the_system_does_not_give_is_no_fault_of_firns(tmp_path: Path) -> None:
    make(tmp_path, payload(job("a")))
    answer = firn(tmp_path, "-c", f"ulimit -v 200000 && exec {FIRN} verify", program="sh")
    assert answer.returncode == 1
    assert answer.stderr == "error[R399]: the system gives this process no more memory: its limit is too low\n"


def test_a_thread_that_the_system_does_not_give_is_no_fault_of_firns() -> None:
    assert "no more threads" in internal(RuntimeError("can't start new thread"))
    assert "fault of Firn" in internal(RuntimeError("anything else"))


def test_events_that_a_full_disk_does_not_take_are_said_and_do_not_fail_the_run(tmp_path: Path) -> None:
    make(tmp_path, payload(job("a")))
    answer = firn(tmp_path, "run", "--events", "/dev/full")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "warning: a listener failed and is left out: no space left on device\n" in answer.stdout


def test_ctrl_c_while_modules_are_loaded_shows_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    answer = firn(tmp_path, "run", env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert (answer.returncode, answer.stdout + answer.stderr) == (130, "")


def test_a_state_that_cannot_be_looked_at_is_said(tmp_path: Path) -> None:
    name = "s" * 300
    make(tmp_path, payload(job("a"), state={"path": name}))
    answer = firn(tmp_path, "runs")
    said = f"error[R401]: cannot read the state in `{tmp_path}/{name}`: file name too long"
    assert (answer.returncode, answer.stderr.splitlines()[0]) == (1, said)
