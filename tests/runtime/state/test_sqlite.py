"""State in a file: what happens to files."""

import json
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.errors import StateError
from firn_runtime.state import Fence, State, open_state
from firn_runtime.state.machine import Clocks, this_process
from firn_runtime.state.sqlite import SqliteDatabase
from runtime.state.puppet import puppet
from runtime.state.rows import job, run, step, taken

MOUNTED = str(Path(__file__).with_name("mounted.py"))


def opened(path: Path, **options: Any) -> State:
    here = this_process()
    return State(SqliteDatabase(path, Clocks(), here.boot, **options), here, Clocks())


def refused(path: Path, **options: Any) -> StateError:
    with pytest.raises(StateError) as caught:
        opened(path, **options)
    assert caught.value.exit_code == 1
    assert caught.value.__cause__ is None
    return caught.value


def test_file_and_folder_are_for_their_owner_alone(tmp_path: Path) -> None:
    state = open_state({"backend": "sqlite"}, tmp_path)
    state.begin(run(), [])
    files = sorted((tmp_path / ".firn").iterdir())
    assert [file.name for file in files] == ["state.db", "state.db-shm", "state.db-wal"]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3
    assert stat.S_IMODE((tmp_path / ".firn").stat().st_mode) == 0o700
    state.close()
    assert [file.name for file in (tmp_path / ".firn").iterdir()] == ["state.db"]


def test_an_absolute_path_stands_for_itself_and_odd_names_are_names(tmp_path: Path) -> None:
    path = tmp_path / "a b" / "50% ?mode=memory#.db"
    open_state({"backend": "sqlite", "path": str(path)}, Path("/nowhere")).close()
    assert path.stat().st_size > 0


def test_what_must_survive_a_crash_is_synced_and_nothing_else(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "state.db", Clocks(), "")
    modes = []
    for durable in (True, False):
        database.write(lambda transaction: transaction.execute("PRAGMA synchronous"), durable=durable)
        modes.append(database.read(lambda transaction: transaction.execute("PRAGMA synchronous")))
    assert modes == [[(2,)], [(1,)]]  # FULL, NORMAL
    database.close()


def test_a_file_that_another_process_keeps_locked_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    state = opened(path, patience=0.1)
    state.begin(run(), [])
    script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('begin immediate'); print(1, flush=True)"
    words = [sys.executable, "-c", f"{script}; sys.stdin.read()", str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(StateError) as caught:
            state.step_finished("shop", "r1", step(), [])
        assert state.find("shop", "r1") == run()  # readers do not wait for writers
        other.communicate()
    assert (caught.value.code, caught.value.__cause__) == ("R401", None)
    assert caught.value.message == f"cannot keep the state in `{path}`: another process keeps it locked"
    state.step_finished("shop", "r1", step(), [])
    state.close()


def test_a_state_of_a_later_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    opened(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("insert into firn_migrations values (99, '9.1.0', 0)")
    connection.close()
    before = path.read_bytes()
    for error in (refused(path), refused(path, read_only=True)):
        assert error.code == "R402"
        assert error.message == "the state has schema 99, made by firn-runtime 9.1.0; this runtime knows 2"
        assert error.help == "run it with firn-runtime 9.1.0 or later, or name another `state.path`"
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"this is no database " * 500, b"x", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(content)
    error = refused(path)
    assert error.code == "R403"
    assert "move `state.db`, `state.db-wal` and `state.db-shm` away together" in error.help
    assert path.read_bytes() == content


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table orders (id integer)")
    connection.close()
    before = path.read_bytes()
    assert refused(path).message == f"the state in `{path}` is damaged: it is a database of something else"
    assert path.read_bytes() == before


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path).message == f"cannot keep the state in `{tmp_path}`: it cannot be opened"


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = refused(tmp_path / "file" / "state.db")
    assert (error.code, error.message.endswith(": not a directory")) == ("R401", True)


def test_a_file_system_without_shared_memory_is_used_with_a_warning(tmp_path: Path) -> None:
    state = opened(tmp_path / "state.db", file_system="unix-dotfile")
    fence = taken(state)
    state.begin(run(), [fence])
    state.step_started("shop", "r1", step(), [fence], durable=False)
    assert state.steps("shop", "r1") == [step()]
    assert [warning.split(":")[0] for warning in state.warnings] == [
        "the file system of the state's file has no shared memory for SQLite's write-ahead log"
    ]
    state.close()
    assert not (tmp_path / "state.db-wal").exists()


@cache
def can_mount() -> bool:
    words = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /tmp"]
    return shutil.which("unshare") is not None and subprocess.run(words, capture_output=True).returncode == 0


def mounted(command: str, folder: Path, size: int) -> Any:
    """Run a command of mounted.py on a file system of this many bytes, that nobody else sees."""
    if not can_mount():
        pytest.skip("needs a mount of its own: root, and `unshare`")
    mount = f'mount -t tmpfs -o size={size} none "$1" && exec "$2" "$3" "$4" "$1"'
    words = ["unshare", "-m", "sh", "-c", mount, "sh", str(folder), sys.executable, MOUNTED, command]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def test_a_full_disk_is_an_error_and_loses_nothing(tmp_path: Path) -> None:
    error, there, found = mounted("full", tmp_path, 1_000_000)
    assert error[:2] == ["R401", f"cannot keep the state in `{tmp_path}/state.db`: the disk is full"]
    assert (there, found) == (True, True)


@pytest.mark.parametrize("pages", range(1, 40, 3))
def test_a_disk_that_is_full_from_the_beginning_is_an_error(tmp_path: Path, pages: int) -> None:
    error = mounted("opened_when_full", tmp_path, pages * 4096)
    assert error is None or (error[0], error[1].rpartition(": ")[2]) == ("R401", "the disk is full")


def test_a_read_only_file_system_is_an_error_that_names_the_way_out(tmp_path: Path) -> None:
    old, new, steps = mounted("read_only", tmp_path, 1_000_000)
    assert (old[0], old[1]) == ("R401", f"cannot keep the state in `{tmp_path}/state.db`: it is read-only")
    assert (new[0], new[1]) == ("R401", f"cannot keep the state in `{tmp_path}/new/state.db`: read-only file system")
    assert "mount a volume there, or set the platform's `state.path`" in old[2]
    assert "mount a volume there, or set the platform's `state.path`" in new[2]
    assert steps == ["s1"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a state that was closed, and one whose log was not folded into it."""
    folder = tmp_path_factory.mktemp("files")
    state = opened(folder / "state.db")
    fence = taken(state)
    for number in range(20):
        state.begin(run(f"r{number}", plan={"a": "x" * 300}), [fence])
        state.step_finished("shop", f"r{number}", step(results={"text": "y" * 500}), [fence])
        state.job_finished("shop", f"r{number}", job(), [fence])
    (folder / "open").mkdir()
    for name in ("state.db", "state.db-wal"):
        shutil.copy(folder / name, folder / "open" / name)
    state.close()
    return folder


def use(path: Path) -> str:
    """Read and write everything; return the code of the error, or that there was none."""
    try:
        state = opened(path)
    except StateError as error:
        return error.code
    try:
        for one in state.runs():
            state.steps(one.flow, one.run)
            state.jobs(one.flow, one.run)
        state.locks()
        state.break_lock(Fence("flow:shop", 1))
        fence = taken(state)
        state.begin(run("new"), [fence])
        state.step_finished("shop", "new", step(), [fence])
        return "none"
    except StateError as error:
        return error.code
    finally:
        state.close()


def flips(content: bytes, count: int) -> Iterator[tuple[int, bytes]]:
    """Yield the content with one byte changed: every one of the header, and some of the schema and of all the rest."""
    chosen = random.Random(20260102)
    schema, rest = range(100, 4096), range(4096, len(content))
    for place in [*range(100), *chosen.sample(schema, count), *chosen.sample(rest, count)]:
        yield place, content[:place] + bytes([content[place] ^ chosen.randrange(1, 256)]) + content[place + 1 :]


def truncations(content: bytes, count: int) -> Iterator[tuple[int, bytes]]:
    for place in random.Random(20260102).sample(range(1, len(content)), count):
        yield place, content[:place]


def zeroed_pages(content: bytes, count: int) -> Iterator[tuple[int, bytes]]:
    del count
    for place in range(0, len(content), 4096):
        yield place, content[:place] + bytes(4096) + content[place + 4096 :]


@pytest.mark.parametrize("damage", [flips, truncations, zeroed_pages])
def test_a_damaged_file_is_an_error_or_does_no_harm(
    files: Path, tmp_path: Path, damage: Callable[[bytes, int], Iterator[tuple[int, bytes]]]
) -> None:
    path = tmp_path / "state.db"
    seen = set()
    for _, content in damage((files / "state.db").read_bytes(), 100):
        for name in ("state.db-wal", "state.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        path.write_bytes(content)
        seen.add(use(path))
        assert path.exists()
    assert "R403" in seen
    assert seen <= {"none", "R401", "R402", "R403"}


def test_a_damaged_log_loses_its_end_and_nothing_before(files: Path, tmp_path: Path) -> None:
    content = (files / "open" / "state.db-wal").read_bytes()
    for place, damaged in flips(content, 20):
        (tmp_path / "state.db-shm").unlink(missing_ok=True)
        shutil.copy(files / "open" / "state.db", tmp_path / "state.db")
        (tmp_path / "state.db-wal").write_bytes(damaged)
        if use(tmp_path / "state.db") == "none" and place > len(content) // 2:
            state = opened(tmp_path / "state.db")
            assert "r5" in [one.run for one in state.runs()]
            state.close()


def test_what_was_said_to_be_finished_is_there_after_any_kill(tmp_path: Path) -> None:
    settings = {"backend": "sqlite", "path": str(tmp_path / "state.db")}
    chosen = random.Random(20260102)
    finished: list[str] = []
    for _ in range(15):
        first = len(finished) + 1000
        with puppet(settings) as other:
            other.send("finish_many", first)
            for number in range(chosen.randrange(1, 40)):
                assert other.answer() == first + number
                finished.append(f"s{first + number}")
            os.kill(other.pid, signal.SIGKILL)
        state = opened(tmp_path / "state.db")
        found = {one.step for one in state.steps("shop", "r1") if one.status == "SUCCESS"}
        state.close()
        assert found >= set(finished)


def test_a_state_in_a_file_loads_nothing_for_servers(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from firn_runtime.state import open_state; open_state({}, pathlib.Path.cwd()).close();"
        "print(*sorted({'asyncio', 'decimal', 'psycopg', 'random', 'socket', 'ssl'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
