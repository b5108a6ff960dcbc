"""Where a session is hurt, as a value and as one word that names it again.

    at:0.25                         killed 0.25 s after it began
    event:17                        killed when its 17th event is told
    call:daily:pwrite64:9           killed before the 9th pwrite64 of the thread of job `daily`, or of thread `main`
    error:daily:fsync:1:EIO         the same call fails instead

A case is `STATE/DISK/COMMAND/HURT,HURT,…`: each session meets one hurt, and the session after the last one meets none.
"""

from typing import Literal, NamedTuple

StateAt = Literal["sqlite", "postgres"]
Disk = Literal["memory", "disk"]
Command = Literal["forked", "firn"]


class At(NamedTuple):
    """SIGKILL after some seconds."""

    seconds: float

    def __str__(self) -> str:
        return f"at:{self.seconds:.3f}"


class OnEvent(NamedTuple):
    """SIGKILL as the `number`th event of the session is told, before anything that follows it."""

    number: int

    def __str__(self) -> str:
        return f"event:{self.number}"


class OnCall(NamedTuple):
    """SIGKILL before the `number`th call of `syscall` in one thread; with `error` that call fails instead."""

    thread: str
    syscall: str
    number: int
    error: str = ""

    def __str__(self) -> str:
        word, ending = ("error", f":{self.error}") if self.error else ("call", "")
        return f"{word}:{self.thread}:{self.syscall}:{self.number}{ending}"


Hurt = At | OnEvent | OnCall


class Point(NamedTuple):
    """One case."""

    state: StateAt
    disk: Disk
    command: Command
    hurts: tuple[Hurt, ...]
    kind: str = "given"
    """Its row of the table."""

    def __str__(self) -> str:
        return "/".join((self.state, self.disk, self.command, ",".join(map(str, self.hurts))))


def parsed(text: str) -> Point:
    """Return the case that a word names; raise ValueError."""
    state, disk, command, hurts = text.split("/")
    return Point(state, disk, command, tuple(map(_hurt, hurts.split(","))))  # type: ignore[arg-type]  # a person's word


def _hurt(text: str) -> Hurt:
    kind, *words = text.split(":")
    if kind == "at":
        return At(float(words[0]))
    if kind == "event":
        return OnEvent(int(words[0]))
    return OnCall(words[0], words[1], int(words[2]), *words[3:])
