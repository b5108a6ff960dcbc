"""Sessions of a run, each in a process of its own that can be killed; what they told is read from their events.

A `forked` session runs in a child of this process, which has imported the runtime and opened nothing: that saves the
start. A `firn` session is the installed command. A call is hurt by strace, which follows one thread from the moment
that the session's listener lets it go on.
"""

import ctypes
import faulthandler
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from crash.points import At, Hurt, OnCall, OnEvent
from crash.world import Place, environ_of
from firn_runtime.commands.run import exit_code
from firn_runtime.errors import FirnError
from firn_runtime.events import Event
from firn_runtime.observe.json_lines import JsonLines
from firn_runtime.options import Edge, Options
from firn_runtime.run import run_artifact

LONGEST = 60.0
"""Seconds after which a session is taken to hang."""

FIRN = str(Path(sys.executable).parent / "firn")
MAIN = "main"
_PR_SET_PDEATHSIG = 1


Follow = Callable[[int], "subprocess.Popen[str]"]
"""Takes a thread, and returns what follows it."""


class Session(NamedTuple):
    """How a session ended: `exit` is negative where a signal ended it. `hurt` says whether the hurt came to pass."""

    exit: int
    output: str
    events: list[dict[str, Any]]
    hung: bool = False

    @property
    def killed(self) -> bool:
        """Whether it was killed."""
        return self.exit == -signal.SIGKILL


def forked(place: Place, number: int, resume: str | None, hurt: Hurt | None, follow: Follow | None = None) -> Session:
    """Run one session in a child; `follow` is called with its thread before it begins."""
    folder = _notes(place)
    asked, told = os.pipe()
    heard, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(asked)
        os.close(go)
        waits_in = hurt.thread if isinstance(hurt, OnCall) else MAIN if follow is not None else None
        _live(place, folder / f"{number}", resume, hurt, Gate(waits_in, told, heard))
    os.close(told)
    os.close(heard)
    tracer: list[subprocess.Popen[str]] = []
    try:
        if follow is not None or isinstance(hurt, OnCall):
            thread = _line(asked)
            if thread and isinstance(hurt, OnCall):
                tracer.append(_hurting(int(thread), hurt))
            elif thread and follow is not None:
                tracer.append(follow(int(thread)))
        with suppress(BrokenPipeError):  # it has ended before it came to the thread
            os.write(go, b"\n")
        return _ended(place, number, child, hurt)
    finally:
        os.close(asked)
        os.close(go)
        for one in tracer:
            one.kill()
            one.communicate()


def installed(place: Place, number: int, resume: str | None, hurt: Hurt | None) -> Session:
    """Run one session as the installed command; an event cannot be hurt so, and a call only in the main thread."""
    folder = _notes(place)
    (place.folder / "artifact.json").write_bytes(place.artifact)
    words = [FIRN, "run", "artifact.json", "--events", str(folder / f"{number}.events")]
    words += ["--resume", resume] if resume else []
    if isinstance(hurt, OnCall):
        action = f"error={hurt.error}" if hurt.error else "signal=KILL"
        traced = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={hurt.syscall}"]
        words = [*traced, "-e", f"inject={hurt.syscall}:{action}:when={hurt.number}", *words]
    with (folder / f"{number}.output").open("wb") as output:
        process = subprocess.Popen(
            words,
            cwd=place.folder,
            env=environ_of(place),
            stdout=output,
            stderr=output,
            preexec_fn=dies_with_its_parent,
        )
        return _ended(place, number, process.pid, hurt, process)


def dies_with_its_parent() -> None:
    """Let the kernel kill this process when the one that made it is gone; see prctl(2)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _notes(place: Place) -> Path:
    folder = place.folder / "notes"
    folder.mkdir(exist_ok=True)
    return folder


def _ended(
    place: Place, number: int, child: int, hurt: Hurt | None, process: "subprocess.Popen[bytes] | None" = None
) -> Session:
    """Wait for a session; kill it when its time has come."""
    hung = False
    status = _wait(child, hurt.seconds if isinstance(hurt, At) else LONGEST)
    if status is None:
        hung = not isinstance(hurt, At)
        if hung:
            os.kill(child, signal.SIGUSR1)
            time.sleep(0.5)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if process is not None:
        process.returncode = 0  # it was waited for here
    code = os.waitstatus_to_exitcode(status)
    return Session(code, _text(place, number, "output"), events_of(place, number), hung)


def _wait(child: int, seconds: float) -> int | None:
    """Return the status of a child that ends in time."""
    watched = os.pidfd_open(child)
    try:
        ready, _, _ = select.select([watched], [], [], seconds)
        return os.waitpid(child, 0)[1] if ready else None
    finally:
        os.close(watched)


def events_of(place: Place, number: int) -> list[dict[str, Any]]:
    """Return the whole lines that a session told."""
    lines = _text(place, number, "events").split("\n")[:-1]
    return [json.loads(line) for line in lines]


def _text(place: Place, number: int, ending: str) -> str:
    path = _notes(place) / f"{number}.{ending}"
    return path.read_text(errors="replace") if path.exists() else ""


def _live(place: Place, notes: Path, resume: str | None, hurt: Hurt | None, gate: "Gate") -> None:
    """Be the session; never returns."""
    code = 70
    try:
        dies_with_its_parent()
        output = os.open(f"{notes}.output", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        faulthandler.enable(2)
        faulthandler.register(signal.SIGUSR1, 2, all_threads=True)
        os.chdir(place.folder)
        code = _run(place, notes, resume, hurt, gate)
    except BaseException as error:
        os.write(2, f"Traceback: {type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)


def _run(place: Place, notes: Path, resume: str | None, hurt: Hurt | None, gate: "Gate") -> int:
    """Run as the command does, with one more listener."""
    with Path(f"{notes}.events").open("ab") as file:
        listeners: list[Callable[[Event], None]] = [JsonLines(file), Fatal(hurt), gate]
        edge = Edge(place.environ, place.folder, listeners)
        gate.at(MAIN)
        try:
            return exit_code(run_artifact(place.artifact, edge, Options(resume=resume)))
        except FirnError as error:
            os.write(2, f"error[{error.code}]: {error.message}\n  help: {error.help}\n".encode())
            return error.exit_code


class Fatal:
    """A listener that kills its own process."""

    def __init__(self, hurt: Hurt | None) -> None:
        self.left = hurt.number if isinstance(hurt, OnEvent) else 0

    def __call__(self, event: Event) -> None:
        """Count."""
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Gate:
    """A listener that holds a thread up until it is followed. It is heard in the thread of the job that begins."""

    def __init__(self, thread: str | None, told: int, heard: int) -> None:
        self.thread, self.told, self.heard = thread, told, heard

    def __call__(self, event: Event) -> None:
        """Look whose thread this is."""
        if event.name == "job.started" and event.job is not None:
            self.at(event.job)

    def at(self, thread: str) -> None:
        """Say where the thread that is waited for is, and wait to be let go on."""
        if thread == self.thread:
            os.write(self.told, f"{threading.get_native_id()}\n".encode())
            os.read(self.heard, 1)


def _line(pipe: int) -> str:
    """Return one short line, or nothing where the other end is closed, or says nothing for too long."""
    ready, _, _ = select.select([pipe], [], [], LONGEST)
    return os.read(pipe, 100).decode() if ready else ""


def _hurting(thread: int, hurt: OnCall) -> "subprocess.Popen[str]":
    action = f"error={hurt.error}" if hurt.error else "signal=KILL"
    inject = f"inject={hurt.syscall}:{action}:when={hurt.number}"
    return followed(thread, "-o", "/dev/null", "-e", f"trace={hurt.syscall}", "-e", inject)


def followed(thread: int, *words: str) -> "subprocess.Popen[str]":
    """Let strace follow one thread; it does so when this returns."""
    tracer = subprocess.Popen(["strace", "-p", str(thread), *words], stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    while "attached" not in (line := tracer.stderr.readline()):
        if not line:
            raise RuntimeError("strace does not follow the thread")
    return tracer


Run = Callable[[Place, int, str | None, Hurt | None], Session]
SESSIONS: Mapping[str, Run] = {"forked": forked, "firn": installed}
