"""Programs of the machine: which may be started, with what, what is kept of their output, and that nothing survives."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.cancel import Ended, Token, working_for
from firn_runtime.connector import Program, Ran
from firn_runtime.connectors.process.output import KEPT, Output
from firn_runtime.errors import ConnectorError
from firn_runtime.events import Failure
from runtime.refusals import refused
from runtime.workbench import connector

CANARY = "canary-8f14e45f"
STOPPED = Failure("R309", "process", "the run was stopped")


class Machine:
    """A folder of scripts, and a connector that allows them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def script(self, text: str, name: str = "program") -> str:
        """Write an executable script; return its absolute path."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    def programs(self, *allowed: str, **options: Any) -> Any:
        return connector("process", "local", allowed=list(allowed), cwd=str(self.folder), options=options)

    def run(self, text: str, *arguments: str | float, **parts: Any) -> Ran:
        """Run a script; `options` are the connector's, the rest is the program's."""
        program = self.script(text)
        made = self.programs(program, **parts.pop("options", {}))
        ran: Ran = made.run(Program([program, *arguments], parts.pop("env", {}), **parts))
        return ran


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def token() -> Iterator[Token]:
    """What stops the step of this thread."""
    made = Token()
    with working_for(made):
        yield made


def gone(pid: int) -> bool:
    """Say whether a process has ended, within the patience of a busy machine."""
    for _ in range(400):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
        time.sleep(0.05)
    return False


def pids(file: Path, count: int) -> list[int]:
    """Return the numbers that processes have written to a file, once there are so many."""
    for _ in range(400):
        found = [int(one) for one in file.read_text().split()] if file.exists() else []
        if len(found) >= count:
            return found
        time.sleep(0.05)
    raise AssertionError("the processes did not start")


def test_arguments_arrive_as_they_are_and_no_shell_reads_them(machine: Machine) -> None:
    ran = machine.run('printf "%s|" "$@"', "a b", "$HOME", "; echo x", "*", "é", 7, 1.5)
    assert (ran.exit_code, ran.stdout) == (0, "a b|$HOME|; echo x|*|é|7|1.5|")


def test_only_allowed_programs_are_started(machine: Machine) -> None:
    error = refused(lambda: machine.programs("gzip", "tar").run(Program(["sh", "-c", CANARY], {})))
    assert (error.error_class, error.message) == ("process", "the program `sh` is not allowed")
    assert error.help == "the platform allows `gzip`, `tar`"


def test_another_path_to_an_allowed_program_is_not_allowed(machine: Machine) -> None:
    assert "is not allowed" in refused(lambda: machine.programs("sh").run(Program(["/bin/sh"], {}))).message
    assert "is not allowed" in refused(lambda: machine.programs("/bin/sh").run(Program(["/bin/./sh"], {}))).message


def test_a_relative_path_is_refused_even_where_it_is_allowed(machine: Machine) -> None:
    machine.script("echo never", "tool")
    error = refused(lambda: machine.programs("./tool").run(Program(["./tool"], {})))
    assert error.message == "the program `./tool` is a relative path"


def test_a_name_is_looked_up_in_the_connectors_path_alone(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    machine.script("echo mine", "bin/firn-tool")
    found = machine.programs("firn-tool", env={"PATH": f"relative::{tmp_path}/bin"})
    assert found.run(Program(["firn-tool"], {})).stdout == "mine\n"
    made = machine.programs("firn-tool")
    made.inherited = {"PATH": f"{tmp_path}/bin"}
    error = refused(lambda: made.run(Program(["firn-tool"], {})))
    assert error.message == "there is no program `firn-tool`"
    assert f"looked in {os.defpath};" in error.help


def test_what_cannot_be_started_says_why(machine: Machine, tmp_path: Path) -> None:
    def start(path: str) -> ConnectorError:
        return refused(lambda: machine.programs(path).run(Program([path, CANARY], {"A": CANARY})))

    assert start("/no/such/program").message == "`/no/such/program` cannot be started: no such file or directory"
    plain = machine.script("true")
    Path(plain).chmod(0o644)
    assert (start(plain).message, start(plain).help) == (
        f"`{plain}` cannot be started: permission denied",
        "the user of the run may not execute it",
    )
    no_program = tmp_path / "text"
    no_program.write_text("true\n")
    no_program.chmod(0o755)
    assert "exec format error" in start(str(no_program)).message
    no_program.write_text("#!/no/such/interpreter\n")
    assert "the program that its first line names" in start(str(no_program)).help
    assert refused(lambda: machine.programs("true").run(Program(["true", "x" * 300_000], {}))).help.startswith(
        "its arg"
    )


@pytest.mark.parametrize(
    "program",
    [
        Program([], {}),
        Program(["true", f"{CANARY}\0"], {}),
        Program(["true"], {"A": f"{CANARY}\0"}),
        Program(["true"], {"": CANARY}),
        Program(["true"], {"A=B": CANARY}),
    ],
)
def test_what_the_system_cannot_hand_over_is_refused_without_its_value(machine: Machine, program: Program) -> None:
    assert refused(lambda: machine.programs("true").run(program)).error_class == "data"


@pytest.mark.parametrize(
    "name",
    [
        *("LD_PRELOAD", "LD_AUDIT", "GCONV_PATH", "BASH_ENV", "ENV", "BASH_FUNC_ls%%", "PATH", "PYTHONPATH"),
        *("PERL5OPT", "HOME", "XDG_CONFIG_HOME", "PYTHONPYCACHEPREFIX", "PYTHONPLATLIBDIR", "OPENSSL_CONF", "GIT_SSH"),
        *("LUA_INIT_5_4", "LUA_CPATH", "R_PROFILE_USER", "R_LIBS", "PHPRC", "PHP_INI_SCAN_DIR", "JULIA_LOAD_PATH"),
        *("DOTNET_STARTUP_HOOKS", "CORECLR_PROFILER_PATH", "JAVA_HOME", "ERL_FLAGS", "BUN_OPTIONS", "GEM_PATH"),
        *("ODBCSYSINI", "SASL_PATH", "KRB5_CONFIG", "LIBMYSQL_PLUGIN_DIR", "AWS_CONFIG_FILE", "KUBECONFIG"),
        *("SHELL", "PAGER", "EDITOR", "SSH_ASKPASS", "GTK_MODULES", "QT_PLUGIN_PATH"),
    ],
)
def test_a_step_does_not_say_which_code_a_program_loads(machine: Machine, name: str) -> None:
    error = refused(lambda: machine.programs("true").run(Program(["true"], {name: CANARY})))
    assert (error.error_class, error.message) == (
        "process",
        f"the variable `{name}` says which code a program loads: a step does not set it",
    )
    assert machine.programs("true", env={name: "/nothing:/bin"}).run(Program(["true"], {})).exit_code == 0


def test_a_program_gets_the_variables_that_were_named_and_no_others(machine: Machine) -> None:
    made = machine.programs("env", env={"B": "connector", "C": "connector"}, inherit_env=["A", "B"])
    made.inherited = {"A": "run", "B": "run"}
    ran = made.run(Program(["env"], {"C": "step", "LANG": "é"}))
    assert dict(line.split("=", 1) for line in ran.stdout.splitlines()) == {
        "PATH": os.defpath,
        "LANG": "é",
        "A": "run",
        "B": "connector",
        "C": "step",
    }


def test_a_program_runs_alone_in_its_folder_with_nothing_to_read(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    said = 'pwd; cat; cut -d " " -f 5,6 /proc/$$/stat; echo "$$"; ls /proc/$$/fd'
    ran = machine.run(said, cwd="sub")
    folder, group, own, *handles = ran.stdout.splitlines()
    assert folder == str(tmp_path / "sub")
    assert group.split() == [own, own]
    assert set(handles) <= {"0", "1", "2", "10", "255"}  # a shell holds its script


@pytest.mark.parametrize("path", ["/etc", "..", "sub/../..", "x\0y", "link"])
def test_no_path_leads_out_of_the_folder(machine: Machine, tmp_path: Path, path: str) -> None:
    (tmp_path / "link").symlink_to("/etc")
    made = machine.programs("true")
    assert refused(lambda: made.run(Program(["true"], {}, path))).error_class == "process"
    assert refused(lambda: made.place(f"{path}/hosts", None)).error_class == "process"


def test_folders_that_are_not_there_are_named(machine: Machine, tmp_path: Path) -> None:
    made = machine.programs("true")
    assert refused(lambda: made.run(Program(["true"], {}, "nowhere"))).message == "there is no folder `nowhere`"
    absent = connector("process", "local", allowed=[], cwd=str(tmp_path / "absent"))
    assert refused(absent.connect).message == f"there is no folder `{tmp_path}/absent`"


def test_a_flood_on_both_ways_out_neither_blocks_nor_is_kept(machine: Machine) -> None:
    code = "head -c 100000000 /dev/zero | tr '\\0' 'x' & head -c 3000000 /dev/zero >&2 & wait; echo; echo end"
    ran = machine.run(code)
    assert ran.exit_code == 0
    assert ran.stdout == "[100,000,005 bytes left out]"
    assert ran.stderr == "[3,000,000 bytes left out]"


def test_memory_stays_bounded_however_much_is_said() -> None:
    import tracemalloc

    output, chunk = Output(10**9, "end"), b"a line of the output\n" * 3000
    tracemalloc.start()
    for _ in range(1600):
        output.take(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_the_first_whole_lines_are_kept_and_the_rest_is_counted(machine: Machine) -> None:
    ran = machine.run("printf 'one\\ntwo\\nthree\\n'", options={"max_output_bytes": 10})
    assert ran.stdout == "one\ntwo\n[6 bytes left out]"
    assert ran.last_line == "three"
    assert machine.run("echo one", options={"max_output_bytes": 0}).stdout == "[4 bytes left out]"
    assert machine.run("echo one", options={"max_output_bytes": 4}).stdout == "one\n"


@pytest.mark.parametrize("line", [b"plain text\n", b"\xff\xfe\xfd\n", b"\x1b[31m\0\0\n", '"\\\\"é\n'.encode()])
def test_what_is_kept_fits_the_state_whatever_its_bytes(line: bytes) -> None:
    import orjson

    output = Output(10**6, None)
    output.take(line * 10_000)
    assert len(line) * 500 < len(output.text().encode())
    assert len(orjson.dumps(output.text())) < KEPT + 100


def test_what_is_no_text_is_shown_as_such_and_no_terminal_obeys_it(machine: Machine) -> None:
    ran = machine.run("printf 'a\\377b\\033[31mc\\td\\n'")
    assert ran.stdout == "a�b�[31mc\td\n"


def test_a_text_is_found_wherever_it_stands_in_the_output(machine: Machine) -> None:
    text = "head -c 200000 /dev/zero; printf 'all do'; sleep 0.1; printf 'ne'; head -c 200000 /dev/zero"
    assert machine.run(text, marker="all done").marker_seen
    assert machine.run("echo all done >&2", marker="all done").marker_seen
    assert not machine.run("echo almost done", marker="all done").marker_seen


@pytest.mark.parametrize(
    ("said", "last"),
    [
        ("echo a; echo b >&2; echo c", "b"),
        ("echo a; echo; echo '  '", "a"),
        ("true", ""),
        ("head -c 301 /dev/zero | tr '\\0' x", ""),
        ("head -c 9000 /dev/zero | tr '\\0' x; echo; echo short", "short"),
    ],
)
def test_the_last_line_is_of_the_errors_where_there_are_any_and_never_cut(
    machine: Machine, said: str, last: str
) -> None:
    assert machine.run(said).last_line == last


def test_a_program_that_closes_its_output_early_is_waited_for(machine: Machine, tmp_path: Path) -> None:
    assert machine.run("exec >&- 2>&-; sleep 0.5; touch done; exit 3").exit_code == 3
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize("name", ["SEGV", "KILL", "TERM"])
def test_a_signal_is_a_negative_exit_code(machine: Machine, name: str) -> None:
    assert machine.run(f"kill -s {name} $$").exit_code == -signal.Signals[f"SIG{name}"]


def test_what_a_program_leaves_in_the_background_ends_with_it(machine: Machine, tmp_path: Path) -> None:
    ran = machine.run("sleep 600 & echo $! > pids; echo said")
    assert (ran.exit_code, ran.stdout) == (0, "said\n")
    assert gone(int((tmp_path / "pids").read_text()))


def test_a_process_that_left_the_group_is_not_waited_for(machine: Machine, tmp_path: Path) -> None:
    ran = machine.run("setsid sleep 600 & echo $! > pids; sleep 0.3; echo said")
    escaped = int((tmp_path / "pids").read_text())
    try:
        assert (ran.exit_code, ran.stdout) == (0, "said\n")
        assert ") Z " not in Path(f"/proc/{escaped}/stat").read_text()
    finally:
        os.kill(escaped, signal.SIGKILL)


STUBBORN = """trap '' TERM
sh -c 'trap "" TERM; echo $$ >> pids; while :; do sleep 1; done' &
(echo $(sh -c 'echo $PPID') >> pids; while :; do sleep 1; done) &
echo $$ >> pids
while :; do sleep 1; done"""


def test_its_timeout_ends_the_whole_group_also_where_it_ignores_sigterm(
    machine: Machine, tmp_path: Path, token: Token
) -> None:
    with pytest.raises(Ended) as caught:
        machine.run(STUBBORN, timeout=1)
    assert (caught.value.reason.code, caught.value.reason.error_class) == ("R302", "timeout")
    assert caught.value.reason.message.endswith("/program` did not end within 1 s")
    assert token.reason is None  # another attempt may begin
    started = pids(tmp_path / "pids", 3)
    assert len(started) == 3
    assert all(gone(one) for one in started)


def test_a_program_may_tidy_up_within_the_grace(machine: Machine, tmp_path: Path, token: Token) -> None:
    with pytest.raises(Ended):
        machine.run("trap 'sleep 0.2; touch tidy; exit 0' TERM; while :; do sleep 0.05; done", timeout=0.5)
    assert (tmp_path / "tidy").exists()


def test_a_program_that_talks_without_end_is_stopped_too(machine: Machine, token: Token) -> None:
    with pytest.raises(Ended):
        machine.run("trap '' PIPE; yes; yes >&2", timeout=0.3)


def test_a_stopped_step_ends_its_program_and_says_why(machine: Machine, tmp_path: Path, token: Token) -> None:
    import threading

    def stop() -> None:
        pids(tmp_path / "pids", 1)
        token.cancel(STOPPED)

    threading.Thread(target=stop).start()
    with pytest.raises(Ended) as caught:
        machine.run("echo $$ > pids; sleep 600")
    assert caught.value.reason == STOPPED
    assert gone(pids(tmp_path / "pids", 1)[0])


def test_nothing_is_started_for_a_step_that_was_stopped(machine: Machine, tmp_path: Path, token: Token) -> None:
    token.cancel(STOPPED)
    with pytest.raises(Ended):
        machine.run("touch started")
    assert not (tmp_path / "started").exists()


HOST = """
import sys
from firn_runtime.connector import Program
from firn_runtime.connectors.process.connector import LocalPrograms
from firn_schemas.connectors.process import LocalProcessConfig, LocalProcessOptions
made = LocalPrograms(config=LocalProcessConfig(allowed=[sys.argv[1]], cwd="."), options=LocalProcessOptions())
made.run(Program([sys.argv[1]], {}))
"""


def test_a_program_does_not_outlive_a_run_that_is_killed(machine: Machine, tmp_path: Path) -> None:
    program = machine.script(STUBBORN)
    host = subprocess.Popen([sys.executable, "-c", HOST, program], cwd=tmp_path)
    try:
        started = pids(tmp_path / "pids", 3)
        time.sleep(0.5)  # until the guard is there
    finally:
        host.kill()
        host.wait()
    assert all(gone(one) for one in started)


def owned() -> tuple[list[str], list[str]]:
    """Return this process's open handles and its children."""
    children = [one.read_text() for one in Path("/proc/self/task").glob("*/children")]
    return sorted(os.listdir("/proc/self/fd")), sorted(" ".join(children).split())


def test_no_process_and_no_handle_is_left_afterwards(machine: Machine, token: Token) -> None:
    machine.run("true")
    before = owned()
    for _ in range(5):
        machine.run("echo x")
    with pytest.raises(Ended):
        machine.run("sleep 600", timeout=0.1)
    assert owned() == before
