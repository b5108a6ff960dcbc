"""Who this process is, and its clocks: what tells a holder that works from one that is gone."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FIRST_PID_NAMESPACE = "pid:[4026531836]"
"""The kernel's name of the namespace that it starts with (PROC_PID_INIT_INO): no container's."""

_BOOT = getattr(time, "CLOCK_BOOTTIME", None)


def boot_seconds() -> float:
    """Return the seconds since the machine started, those asleep too; nobody can set this clock."""
    return time.monotonic() if _BOOT is None else time.clock_gettime(_BOOT)


class Clocks(NamedTuple):
    """The clocks of this machine, in seconds."""

    wall: Callable[[], float] = time.time
    boot: Callable[[], float] = boot_seconds


class Identity(NamedTuple):
    """One process among all machines; a field is empty where the system does not tell."""

    host: str
    machine: str
    boot: str
    """Differs after each start of the machine."""
    pid_namespace: str
    pid: int
    process_started: int
    """In clock ticks since the machine started: tells a process from a later one of the same number."""


def this_process() -> Identity:
    """Return the identity of this process."""
    pid = os.getpid()
    return Identity(
        os.uname().nodename,
        _text("/etc/machine-id"),
        _text("/proc/sys/kernel/random/boot_id"),
        _link("/proc/self/ns/pid"),
        pid,
        _life(pid)[1],
    )


def ended(owner: Mapping[str, Any], here: Identity) -> bool:
    """Return whether the owner's process is known to be gone: only its own kernel and namespace can say that."""
    same = (here.host, here.boot, here.pid_namespace)
    if not all(same) or (owner.get("host"), owner.get("boot"), owner.get("pid_namespace")) != same:
        return False
    pid, began = owner.get("pid"), owner.get("process_started")
    return isinstance(pid, int) and pid > 0 and not _lives(pid, began)


def rebooted(owner: Mapping[str, Any], here: Identity) -> bool:
    """Return whether the owner's machine is this one and was started anew since.

    Containers of one image share the name and id of a machine, so neither side may be in one.
    """
    same = (here.host, here.machine, FIRST_PID_NAMESPACE)
    theirs = (owner.get("host"), owner.get("machine"), owner.get("pid_namespace"))
    return all(same) and here.pid_namespace == FIRST_PID_NAMESPACE and theirs == same and owner.get("boot") != here.boot


def _lives(pid: int, began: Any) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is another user's
    state, started = _life(pid)
    return state not in ("Z", "X") and started in (0, began)


def _life(pid: int) -> tuple[str, int]:
    """Return the state of a process and when it began; (``, 0) where the system does not tell. See proc(5)."""
    _, _, fields = _text(f"/proc/{pid}/stat").rpartition(")")
    words = fields.split()
    return (words[0], int(words[19])) if len(words) > 19 else ("", 0)


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
