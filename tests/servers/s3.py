"""Two services that speak S3, from wheels, on free ports of 127.0.0.1; each once for the whole session.

moto does all that AWS does, and believes every signature; rclone checks signatures, and ignores conditions.
"""

import atexit
import http.client
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.config import Config

from servers.starting import until_it_answers, watched


class Server(NamedTuple):
    """A running service."""

    endpoint: str
    access_key_id: str
    secret_access_key: str
    folder: Path = Path()
    """Where the objects lie as files, in folders named for their buckets; of rclone alone."""

    @cache  # noqa: B019  # a server lives as long as the session
    def client(self, service: str = "s3") -> Any:
        """Return another program's view of it."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=Config(
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def bucket(self) -> str:
        """Make a bucket of one's own."""
        name = f"b-{secrets.token_hex(6)}"
        self.client().create_bucket(Bucket=name)
        return name


@cache
def moto() -> Server:
    """Return the service that does everything."""
    port = _free_port()
    _start([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port)
    return Server(f"http://127.0.0.1:{port}", "AKIAIOSFODNN7EXAMPLE", secrets.token_hex(16))


@cache
def rclone() -> Server:
    """Return the service that checks signatures."""
    port, key = _free_port(), secrets.token_hex(16)
    folder = tempfile.mkdtemp(prefix="firn-s3-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    program = shutil.which("rclone", path=str(sys.prefix + "/bin"))
    assert program is not None
    options = ["--addr", f"127.0.0.1:{port}", "--auth-key", f"firn-test,{key}", "--config", "/dev/null"]
    _start([program, "serve", "s3", *options, folder], port)
    return Server(f"http://127.0.0.1:{port}", "firn-test", key, Path(folder))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def _start(command: Sequence[str], port: int) -> None:
    process = watched(command, "-INT $!", subprocess.DEVNULL)
    atexit.register(_stop, process)
    until_it_answers(partial(_answers, port), process, lambda: "it keeps no log")


def _answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/")
        connection.getresponse().read()
        connection.close()
    except OSError:
        return False
    return True


def _stop(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.wait()
