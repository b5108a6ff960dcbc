"""Every call of an undisturbed run that changes a file or talks to a server, told by strace: each is a kill point."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from crash.sessions import MAIN, followed, forked
from crash.world import Place

SYSCALLS = (
    "openat",
    "write",
    "pwrite64",
    "pwritev",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
    "mkdir",
    "mkdirat",
    "sendto",
)
_LINE = re.compile(r"^(?P<thread>\d+) +(?P<call>\w+)\((?P<rest>.*)$")
_JOB = re.compile(r'"job.started".*?"job":"(?P<job>\w+)"')

KINDS = (
    ("file sink: publish (rename)", re.compile(r"rename")),
    ("file sink: stage", re.compile(r"\.part")),
    ("file sink: announce", re.compile(r"intent\.json")),
    ("file sink: after publish", re.compile(r"out/exports")),
    ("DuckDB sink: stage, publish", re.compile(r"warehouse\.duckdb")),
    ("SQLite sink: stage, publish", re.compile(r"ledger\.sqlite")),
    ("PostgreSQL: stage, publish, record", re.compile(r"sendto")),
    ("state: record", re.compile(r"/state/")),
    ("datasets", re.compile(r"datasets\.duckdb")),
    ("workspace", re.compile(r"/work")),
    ("other files", re.compile(r"")),
)
"""What a call does, by the first of these that it matches."""


class Call(NamedTuple):
    """The `number`th call of a syscall in a thread, and what it does."""

    thread: str
    syscall: str
    number: int
    kind: str


def calls_of(place: Place) -> list[Call]:
    """Return the calls of a run in this place, in their order."""
    trace = place.folder / "trace"
    words = ("-f", "-y", "-s", "400", "-o", str(trace), "-e", f"trace={','.join(f'?{name}' for name in SYSCALLS)}")
    tracers: list[subprocess.Popen[str]] = []

    def follow(thread: int) -> "subprocess.Popen[str]":
        tracers.append(followed(thread, *words))
        return tracers[0]

    session = forked(place, 0, None, None, follow)
    if session.exit != 0:
        raise RuntimeError(f"the traced run ended with {session.exit}: {session.output}")
    return _calls(trace, place.folder)


def _calls(trace: Path, folder: Path) -> list[Call]:
    names: dict[str, str] = {}
    counts: dict[tuple[str, str], int] = {}
    found: list[Call] = []
    for line in trace.read_text(errors="replace").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        thread, syscall, rest = match["thread"], match["call"], match["rest"]
        names.setdefault(thread, MAIN if not names else "")
        number = counts[thread, syscall] = counts.get((thread, syscall), 0) + 1
        if job := _JOB.search(rest.replace("\\", "")):
            names[thread] = job["job"]
            counts = {key: count for key, count in counts.items() if key[0] != thread}  # followed from here on
        elif names[thread] and _changes(syscall, rest, str(folder)):
            found.append(Call(names[thread], syscall, number, _kind(f"{syscall} {rest}")))
    return found


def _changes(syscall: str, rest: str, folder: str) -> bool:
    if syscall == "sendto":
        return True
    if syscall == "openat" and "O_CREAT" not in rest:
        return False
    return folder in rest and f"{folder}/notes" not in rest


def _kind(text: str) -> str:
    return next(kind for kind, pattern in KINDS if pattern.search(text))
