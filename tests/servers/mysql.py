"""A real MariaDB for tests: one server for the whole session, a fresh database for each test.

The program is the machine's own, or comes from Debian's packages, which apt fetches, checks and does not install. It
listens on a free port of 127.0.0.1, offers TLS by a certificate of its own, and asks for a password. It keeps nothing.
"""

import atexit
import os
import secrets
import shutil
import subprocess
import tempfile
from contextlib import AbstractContextManager
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import pymysql

from servers import standstill
from servers.front import Certificate, certificate
from servers.packages import unpacked
from servers.postgres import as_nobody, free_port, give
from servers.starting import until_it_answers, watched

_PACKAGES = ("mariadb-server-core", "libaio1", "liburing2", "libnuma1", "libpcre2-8-0")
"""What the program needs beside what every Debian has."""
_LIBRARIES = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "lib/aarch64-linux-gnu")
_SETTINGS = {
    "bind-address": "127.0.0.1",
    "character-set-server": "latin1",
    "init-connect": "set autocommit = 0",
    "innodb-buffer-pool-size": "32M",
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-log-file-size": "16M",
    "innodb-lock-wait-timeout": "20",
    "local-infile": "0",
    "max-allowed-packet": "16M",
    "skip-name-resolve": "1",
    "sql-mode": "",
    "default-time-zone": "+05:00",
}
"""What a connection relies on is set otherwise here: it has to say so itself."""


class Server(NamedTuple):
    """A running server. `user` may do everything; `certificate` is for the name `localhost`."""

    host: str
    port: int
    user: str
    password: str
    folder: Path
    certificate: Certificate


@cache
def server() -> Server:
    """Return the session's server; the first call makes and starts it."""
    folder = Path(tempfile.mkdtemp(prefix="firn-mysql-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = Server("127.0.0.1", free_port(), "tester", secrets.token_urlsafe(24), folder, certificate(folder))
    (folder / "data").mkdir()
    for path in (folder, *folder.iterdir()):
        give(path)
    _fill(made)
    start(made)
    atexit.register(stop, made)
    return made


def fresh_database(server: Server) -> str:
    """Make an empty database and return its name."""
    name = f"test_{secrets.token_hex(8)}"
    with connected(server) as connection, connection.cursor() as cursor:
        cursor.execute(f"create database {name}")
    return name


def connected(server: Server, database: str | None = None) -> "pymysql.Connection[Any]":
    """Return a connection of the superuser that commits by itself."""
    return pymysql.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        database=database,
        charset="utf8mb4",
        init_command="set time_zone = '+00:00'",
        autocommit=True,
    )


def start(server: Server) -> None:
    """Start a server that was stopped, on its old port."""
    if server in _running:
        return
    proof = server.certificate
    named = {"ssl-ca": proof.authority, "ssl-cert": proof.certificate, "ssl-key": proof.key, "port": server.port}
    words = [f"--{key}={value}" for key, value in (_SETTINGS | named).items()]
    with (server.folder / "log").open("ab") as log:
        _running[server] = watched([*_command(server), *words], "-KILL $!", log, **_surroundings())
    until_it_answers(partial(_answers, server), _running[server], (server.folder / "log").read_text)


def stop(server: Server) -> None:
    """Stop a server at once, as a loss of power would; what was committed stays."""
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
    except pymysql.OperationalError:
        return False
    return True


def _fill(server: Server) -> None:
    """Make the server's own tables, and its superuser."""
    share = _root() / "usr/share/mysql"
    parts = [(share / name).read_text() for name in ("mysql_system_tables.sql", "mysql_system_tables_data.sql")]
    user = f"create user {server.user}@'%' identified by '{server.password}'"
    grant = f"grant all on *.* to {server.user}@'%' with grant option"
    script = "\n".join(["create database mysql;", "use mysql;", *parts, "flush privileges;", f"{user};", f"{grant};"])
    command = [*_command(server), "--bootstrap", "--silent-startup", "--innodb-log-file-size=16M"]
    with (server.folder / "log").open("ab") as log:
        subprocess.run(command, input=script.encode(), check=True, stdout=log, stderr=log, **_surroundings())


def _command(server: Server) -> list[str]:
    root = _root()
    program = next(path for name in ("mariadbd", "mysqld") if (path := root / "usr/sbin" / name).exists())
    words = {
        "datadir": server.folder / "data",
        "lc-messages-dir": root / "usr/share/mysql",
        "pid-file": server.folder / "pid",
        "plugin-dir": server.folder,
        "socket": server.folder / "socket",
        "tmpdir": server.folder,
    }
    return [str(program), "--no-defaults", *(f"--{key}={value}" for key, value in words.items())]


@cache
def _root() -> Path:
    """Return the folder below which the server is installed."""
    if Path("/usr/sbin/mariadbd").exists():
        return Path("/")
    copy = Path(tempfile.mkdtemp(prefix="firn-mariadb-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    shutil.copytree(unpacked("mariadb", "usr/sbin/mariadbd", *_PACKAGES), copy, symlinks=True, dirs_exist_ok=True)
    copy.chmod(0o755)
    return copy


def _surroundings() -> dict[str, Any]:
    libraries = ":".join(str(_root() / path) for path in _LIBRARIES)
    return as_nobody() | {"env": {**os.environ, "LD_LIBRARY_PATH": libraries}}
