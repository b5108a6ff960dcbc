"""A real OpenSSH server for tests: one for the whole session, a folder of one's own for each test.

The program is the machine's own, or comes from Debian's packages, which apt fetches, checks and does not install. It
never runs as root, so that it needs no user and no folder of the system; whom it lets in is said by files that another
of Debian's libraries puts in the place of the system's (nss_wrapper).
"""

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import asyncssh

from servers.packages import unpacked
from servers.postgres import as_nobody, free_port, give
from servers.starting import until_it_answers, watched

_PACKAGES = ("openssh-server", "libwrap0", "libnss-wrapper")
_LIBRARIES = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "lib/aarch64-linux-gnu")
_PASSWORD = "canary-9b1c-sshd"
_HASH = "$6$rounds=1000$abcdefgh$PH8NZKZthqmllfayeeLty.KqUxlo43gogcFYQxo7EgY/pZJjaagOG3IR5s48guE2J5bivYyitgTP9UNZc9XCz0"
"""Of that password, by crypt(5)."""
_SETTINGS = {
    "ListenAddress": "127.0.0.1",
    "KbdInteractiveAuthentication": "no",
    "MaxSessions": "100",
    "MaxStartups": "100",
    "PasswordAuthentication": "yes",
    "StrictModes": "no",
    "Subsystem": "sftp internal-sftp",
    "UsePAM": "no",
}


class Server(NamedTuple):
    """A running server."""

    host: str
    port: int
    user: str
    password: str
    private_key: str
    key_file: Path
    """The same key as a file that only its owner may read."""
    host_key: str
    """Kind and key, as a line of `known_hosts` ends."""
    fingerprint: str
    folder: Path

    @property
    def known_hosts(self) -> str:
        """Return the line that trusts it."""
        return f"[{self.host}]:{self.port} {self.host_key}"

    def root(self) -> Path:
        """Make a folder of one's own, for the server and for the tests."""
        made = self.folder / f"r-{uuid4().hex[:12]}"
        made.mkdir()
        made.chmod(0o777)  # the server is another user
        return made


@cache
def server() -> Server:
    """Return the session's server; the first call makes and starts it."""
    folder = Path(tempfile.mkdtemp(prefix="firn-sshd-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    host, user = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    host.write_private_key(folder / "host")
    user.write_private_key(folder / "user")
    (folder / "user").chmod(0o600)
    (folder / "authorized").write_bytes(user.export_public_key())
    public = " ".join(host.export_public_key().decode().split()[:2])
    key = user.export_private_key().decode()
    made = Server(
        "127.0.0.1",
        free_port(),
        "tester",
        _PASSWORD,
        key,
        folder / "user",
        public,
        host.get_fingerprint(),
        folder,
    )
    _write_settings(made)
    start(made)
    atexit.register(stop, made)
    return made


def start(server: Server) -> None:
    """Start a server that was stopped, on its old port."""
    if server in _running:
        return
    root = _root()
    command = [root / "usr/sbin/sshd", "-D", "-e", "-f", server.folder / "config"]
    with (server.folder / "log").open("ab") as log:
        around = as_nobody() | {"env": _environment(server, root)}
        _running[server] = watched(command, "-KILL $!", log, **around)
    logged = (server.folder / "log").read_text
    until_it_answers(lambda: "Server listening" in logged(), _running[server], logged)


def stop(server: Server) -> None:
    """Stop a server; connections that it has stay."""
    process = _running.pop(server, None)
    if process is not None:
        process.communicate()


_running: dict[Server, "subprocess.Popen[bytes]"] = {}


def _write_settings(server: Server) -> None:
    folder = server.folder
    files = {"HostKey": folder / "host", "PidFile": folder / "pid", "AuthorizedKeysFile": folder / "authorized"}
    settings: dict[str, Any] = _SETTINGS | {"Port": server.port} | files
    (folder / "config").write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    user, group = as_nobody().get("user", os.getuid()), as_nobody().get("group", os.getgid())
    (folder / "passwd").write_text(f"{server.user}:x:{user}:{group}::{folder}:/bin/sh\n")
    (folder / "group").write_text(f"{server.user}:x:{group}:\n")
    (folder / "shadow").write_text(f"{server.user}:{_HASH}:19000:0:99999:7:::\n")
    for name in ("host", "shadow"):
        (folder / name).chmod(0o600)
        give(folder / name)


def _environment(server: Server, root: Path) -> dict[str, str]:
    libraries = [root / path for path in _LIBRARIES]
    wrapper = next(path for one in libraries if (path := one / "libnss_wrapper.so").exists())
    return {
        **os.environ,
        "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        "LD_PRELOAD": str(wrapper),
        "NSS_WRAPPER_PASSWD": str(server.folder / "passwd"),
        "NSS_WRAPPER_GROUP": str(server.folder / "group"),
        "NSS_WRAPPER_SHADOW": str(server.folder / "shadow"),
    }


@cache
def _root() -> Path:
    """Return the folder below which the server is installed, one that `nobody` can reach."""
    copy = Path(tempfile.mkdtemp(prefix="firn-openssh-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    shutil.copytree(unpacked("openssh", "usr/sbin/sshd", *_PACKAGES), copy, symlinks=True, dirs_exist_ok=True)
    copy.chmod(0o755)
    return copy
