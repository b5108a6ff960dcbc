"""A small flow in a folder, the command that runs it, and an API that can let it wait: the ground for faults."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

FIRN = str(Path(sys.executable).parent / "firn")
SOURCES = Path(__file__).parent / "faults"
PATIENCE = 30
"""Seconds in which whatever is waited for must happen; no test asks how long it took."""


class Api:
    """Answers every request with one row, at once or when it is allowed to."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        """Counts requests that have come."""
        self.may_answer = threading.Event()
        self.may_answer.set()
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                api.asked.release()
                api.may_answer.wait(PATIENCE)
                body = b'[{"n": 7}]'
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *words: Any) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *words: Any) -> None:
                """The client was killed: that is what these tests do."""

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def hold(self) -> None:
        """Let every request wait."""
        self.may_answer.clear()

    def wait_until_asked(self) -> None:
        """Wait for one request."""
        assert self.asked.acquire(timeout=PATIENCE)

    def close(self) -> None:
        self.may_answer.set()
        self.server.shutdown()
        self.server.server_close()


class Answer(NamedTuple):
    """How a command ended."""

    code: int
    text: str
    events: list[dict[str, Any]]

    def steps(self, event: str) -> list[str]:
        """Return the steps of which this was told, as `job.step`, in order of their names."""
        return sorted(f"{one['job']}.{one['step']}" for one in self.events if one["event"] == event)

    @property
    def started(self) -> list[str]:
        return self.steps("step.started")

    @property
    def succeeded(self) -> list[str]:
        ends = [one for one in self.events if one["event"] == "step.finished" and one["status"] == "SUCCESS"]
        return [f"{one['job']}.{one['step']}" for one in ends]

    @property
    def failures(self) -> dict[str, str]:
        """Why steps failed, in words."""
        ends = [one for one in self.events if one["event"] == "step.finished" and one.get("error")]
        return {f"{one['job']}.{one['step']}": one["error"]["message"] for one in ends}

    @property
    def warnings(self) -> list[str]:
        return [one["message"] for one in self.events if one["event"] == "warning"]


class Running:
    """A command at work."""

    def __init__(self, words: list[str], folder: Path, environ: Mapping[str, str], events: Path) -> None:
        self._events = events
        self.process = subprocess.Popen(
            words, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def send(self, what: signal.Signals) -> None:
        self.process.send_signal(what)

    def answer(self) -> Answer:
        """Wait for its end."""
        text, _ = self.process.communicate(timeout=PATIENCE)
        assert "Traceback" not in text
        assert "R399" not in text
        return Answer(self.process.returncode, text, _lines(self._events))


class Small:
    """The flow, compiled, in its folder."""

    def __init__(self, folder: Path, artifact: bytes, api: Api) -> None:
        self.folder, self.api = folder, api
        self.state = folder / "state" / "state.db"
        (folder / "out").mkdir(parents=True)
        (folder / "a.json").write_bytes(artifact)
        self._started: list[Running] = []

    def start(self, *words: str, before: tuple[str, ...] = ()) -> Running:
        """Start `firn run`; `before` stands in front of the command."""
        events = self.folder / f"events.{len(self._started)}"
        command = [*before, FIRN, "run", "a.json", "--events", str(events), *words]
        self._started.append(Running(command, self.folder, self.environ, events))
        return self._started[-1]

    def run(self, *words: str, before: tuple[str, ...] = ()) -> Answer:
        """Run `firn run` to its end."""
        return self.start(*words, before=before).answer()

    def noted(self, name: str) -> Answer:
        """Return how a command ended whose files begin with `name`."""
        code, text = (self.folder / f"{name}.code").read_text(), (self.folder / f"{name}.text").read_text()
        assert "Traceback" not in text
        assert "R399" not in text
        return Answer(int(code), text, _lines(self.folder / f"{name}.events"))

    @property
    def environ(self) -> dict[str, str]:
        return dict(os.environ) | {"API": self.api.address}

    def killed_while_it_asks(self) -> None:
        """Leave a run behind that was killed in `ask.answer`, when `make` was done."""
        self.api.hold()
        running = self.start()
        self.api.wait_until_asked()
        self.until_done("numbers_table")
        running.send(signal.SIGKILL)
        assert running.process.wait(PATIENCE) == -signal.SIGKILL
        self.api.may_answer.set()

    def until_done(self, step: str) -> None:
        """Wait until the state records a step as done."""
        deadline = time.monotonic() + PATIENCE
        while step not in self.done():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def done(self) -> list[str]:
        """Return the steps that the state records as done."""
        return sorted(row[0] for row in self.rows("select step from firn_steps where status = 'SUCCESS'"))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return rows of the state's file; nothing where there is none yet."""
        if not self.state.exists():
            return []
        with closing(sqlite3.connect(self.state, timeout=PATIENCE)) as connection:
            try:
                return connection.execute(sql).fetchall()
            except sqlite3.OperationalError:
                return []  # it is being made

    def runs(self) -> list[dict[str, Any]]:
        """Return what `firn runs` lists, the latest run first."""
        answer = subprocess.run([FIRN, "runs", "a.json", "--json"], cwd=self.folder, check=True, capture_output=True)
        return list(json.loads(answer.stdout)["runs"])

    def holder(self) -> int:
        """Return the process that holds the flow's lock."""
        return int(json.loads(self.rows("select owner from firn_locks where held = 1")[0][0])["pid"])

    def stop_outside_of_the_state(self, running: Running) -> None:
        """Stop a run where it has no transaction of the state open: that would keep everybody out."""
        deadline = time.monotonic() + PATIENCE
        while True:
            running.send(signal.SIGSTOP)
            self.until_stopped(running.process.pid)
            with closing(sqlite3.connect(self.state, timeout=0)) as connection:
                try:
                    connection.execute("begin immediate")
                    return
                except sqlite3.OperationalError:
                    assert time.monotonic() < deadline
            running.send(signal.SIGCONT)

    def until_the_lease_is_over(self) -> None:
        """Wait until the flow's lock is renewed no more and keeps nobody out."""
        deadline = time.monotonic() + PATIENCE
        sql = "select renewed_boot + ttl from firn_locks where held = 1"
        while self.rows(sql)[0][0] > time.clock_gettime(time.CLOCK_BOOTTIME):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def until_stopped(self, process: int) -> None:
        """Wait until every thread of a process is stopped."""
        deadline = time.monotonic() + PATIENCE
        while True:
            stats = [
                path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{process}/task").glob("*/stat")
            ]
            if set(stats) <= {"T", "t"}:
                return
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def change(self, sql: str) -> None:
        """Change the state's file."""
        with closing(sqlite3.connect(self.state)) as connection:
            connection.execute(sql)
            connection.commit()

    def result(self) -> dict[str, Any]:
        """Return what the flow publishes: how many numbers, the total, and how often each write was published."""
        with closing(sqlite3.connect(self.folder / "out" / "ledger.sqlite")) as ledger:
            numbers = ledger.execute("select count(*), count(distinct n) from numbers").fetchall()
            total = ledger.execute("select * from total").fetchall()
            loads = ledger.execute("select step, count(*) from _firn_loads group by run, step order by step").fetchall()
        files = sorted(path.name for path in (self.folder / "out").iterdir())
        return {"numbers": numbers, "total": total, "loads": loads, "files": files}

    @property
    def published_file(self) -> tuple[int, int]:
        """What tells a file from one that was published again in its place."""
        found = (self.folder / "out" / "total.parquet").stat()
        return found.st_ino, found.st_mtime_ns

    def close(self) -> None:
        for one in self._started:
            one.process.kill()
            one.process.wait()
            assert one.process.stdout is not None
            one.process.stdout.close()


RESULT = {
    "numbers": [(1000, 1000)],
    "total": [(1000, 7)],
    "loads": [("numbers_table", 1), ("total_table", 1)],
    "files": ["ledger.sqlite", "total.parquet"],
}
"""What `result` gives when the flow is done."""


def compiled(folder: Path, change: tuple[str, str] = ("", "")) -> bytes:
    """Return the flow as the compiler lowers it; `change` replaces a text of it by another one."""
    for name in ("flow.yaml", "platform.yaml"):
        (folder / name).write_text((SOURCES / name).read_text().replace(*change))
    words = [FIRN, "compile", "flow.yaml", "-p", "platform.yaml", "-o", "c.json"]
    subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return (folder / "c.json").read_bytes()


def mounting(*lines: str) -> tuple[str, ...]:
    """Return what stands in front of a command so that these lines of shell come before it, in mounts of its own."""
    return ("unshare", "-m", "sh", "-c", " && ".join([*lines, 'exec "$@"']), "sh")


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
