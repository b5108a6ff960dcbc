"""A real Samba for tests: one folder, one share, one user, on a free port of 127.0.0.1.

The program is the machine's own, or comes from Debian's packages, which apt fetches, checks and does not install. Its
user must be one of the machine: `nobody` where the tests are run by root, else whoever runs them.
"""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from servers.packages import unpacked
from servers.postgres import free_port
from servers.starting import until_it_answers, watched

_PACKAGES = (
    "samba",
    "samba-common",
    "samba-common-bin",
    "samba-libs",
    "libldb2",
    "liblmdb0",
    "libpopt0",
    "libtalloc2",
    "libtdb1",
    "libtevent0",
    "libwbclient0",
)
"""What the program needs beside what every Debian has."""
_LIBRARIES = tuple(
    f"usr/lib/{machine}{more}" for machine in ("x86_64-linux-gnu", "aarch64-linux-gnu") for more in ("", "/samba")
)


class Share(NamedTuple):
    """A running server, and the folder that its share `data` shows. The password is a canary."""

    host: str
    port: int
    user: str
    password: str
    folder: Path
    process: "subprocess.Popen[bytes]"

    def stop(self) -> None:
        """End the server at once, and every connection with it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        self.process.communicate()


@contextmanager
def share(password: str = "", **settings: str) -> Iterator[Share]:
    """Run a server until the block ends; `settings` are of its global section, with `_` for spaces."""
    home = Path(tempfile.mkdtemp(prefix="firn-samba-"))
    user = pwd.getpwuid(os.geteuid() or 65534).pw_name
    made = None
    try:
        made = _started(home, user, password or f"canary-{secrets.token_hex(8)}", settings)
        yield made
    finally:
        if made is not None:
            made.stop()
        shutil.rmtree(home, ignore_errors=True)


def _started(home: Path, user: str, password: str, settings: dict[str, str]) -> Share:
    port, folder = free_port(), home / "share"
    for name in ("share", "private", "lock", "state", "cache", "pid", "ncalrpc", "log"):
        (home / name).mkdir()
    (home / "smb.conf").write_text(_configuration(home, port, settings))
    words = [_program("usr/bin/pdbedit"), "-s", str(home / "smb.conf"), "-a", "-t", "-u", user]
    subprocess.run(words, input=f"{password}\n{password}\n".encode(), check=True, capture_output=True, env=_env())
    command = [_program("usr/sbin/smbd"), "-F", "--no-process-group", "-s", str(home / "smb.conf")]
    with (home / "log" / "out").open("wb") as log:
        process = watched(command, "-TERM -- -$$", log, env=_env())
    until_it_answers(partial(_answers, port), process, partial(_logged, home))
    return Share("127.0.0.1", port, user, password, folder, process)


def _configuration(home: Path, port: int, settings: dict[str, str]) -> str:
    owner = pwd.getpwuid(os.geteuid()).pw_name
    own = {
        "workgroup": "TEST",
        "server role": "standalone server",
        "interfaces": "127.0.0.1",
        "bind interfaces only": "yes",
        "smb ports": str(port),
        "disable netbios": "yes",
        "map to guest": "never",
        "private dir": f"{home}/private",
        "lock directory": f"{home}/lock",
        "state directory": f"{home}/state",
        "cache directory": f"{home}/cache",
        "pid directory": f"{home}/pid",
        "ncalrpc dir": f"{home}/ncalrpc",
        "passdb backend": f"tdbsam:{home}/private/passdb.tdb",
        "log file": f"{home}/log/%m.log",
        "load printers": "no",
        "printcap name": "/dev/null",
        "disable spoolss": "yes",
        "guest account": owner,
    }
    lines = [f"  {name} = {value}" for name, value in (own | _spelled(settings)).items()]
    data = [f"  path = {home}/share", "  read only = no", f"  force user = {owner}", "  guest ok = yes"]
    return "\n".join(["[global]", *lines, "[data]", *data, ""])


def _spelled(settings: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", " "): value for name, value in settings.items()}


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _logged(home: Path) -> str:
    return "\n".join(one.read_text() for one in (home / "log").iterdir())


def _program(path: str) -> str:
    return str(_root() / path)


def _env() -> dict[str, str]:
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(str(_root() / path) for path in _LIBRARIES)}


@cache
def _root() -> Path:
    """Return the folder below which the server is installed."""
    if Path("/usr/sbin/smbd").exists():
        return Path("/")
    return unpacked("samba", "usr/sbin/smbd", *_PACKAGES)
