"""A certified OAuth 2.0 server for tests: oidc-provider from npm, on a free port of 127.0.0.1, once for the session.

Its versions and their digests are in oidc/package-lock.json; it is installed into the cache, no script of it is run
meanwhile.
"""

import atexit
import secrets
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

from servers.packages import alone
from servers.postgres import free_port

_FILES = Path(__file__).parent / "oidc"
_INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")


class Server(NamedTuple):
    """A running server. Its clients are named for the way in which they show their secret."""

    url: str
    secret: str


def missing() -> str:
    """Say what the machine lacks; nothing where it has all."""
    return next((f"`{name}` is not installed" for name in ("node", "npm") if shutil.which(name) is None), "")


@cache
def server() -> Server:
    """Return the session's server; the first call installs and starts it."""
    with alone("oidc") as folder:
        _install(folder)
    port, secret = free_port(), f"{secrets.token_urlsafe(24)} +/%25:&=~*"
    command = ["node", str(folder / "server.mjs"), str(port)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    atexit.register(process.kill)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{secret}\n".encode())
    process.stdin.flush()
    for line in process.stdout:  # before `ready` it may warn
        if line.strip() == b"ready":
            return Server(f"http://127.0.0.1:{port}", secret)
    raise RuntimeError("the OAuth 2.0 server did not start")


def _install(folder: Path) -> None:
    """Install what the lock file says, unless it is there already."""
    lock = folder / "package-lock.json"
    whole = lock.exists() and lock.read_bytes() == (_FILES / "package-lock.json").read_bytes()
    if not whole or not (folder / "node_modules" / "oidc-provider").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(_FILES, folder)
        subprocess.run(_INSTALL, cwd=folder, check=True)
    shutil.copy(_FILES / "server.mjs", folder)
