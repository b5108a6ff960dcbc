"""Where the table passes through: a connector of a platform, and what a step says to read and to write there."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from memory.table import SCHEMA
from runtime.connectors.server import Answer, Asked, serving
from servers import mysql, postgres, s3, samba, sshd

PASSWORD, KEY = "PLACE_PASSWORD", "PLACE_KEY"
TABLE, JSON = 128, 192
"""Megabytes that the engine may use; a reader of JSON holds 32 MiB for each thread, and once more."""
_KEPT = "password: {secret_ref: place-password}"


class Place(NamedTuple):
    """A connector, and the words of a step that name the table there; the rest is what the run is told."""

    connector: str
    inputs: str
    reads: str = ""
    """What a step says beside that to read it."""
    writes: str = "mode: replace"
    """And to write it."""
    password: str = ""
    key: str = ""
    limit: int = TABLE
    """Megabytes that the engine may use."""


def local(root: Path, name: str, reads: str = "") -> Place:
    """Return a file of a folder; its name says the format."""
    limit = JSON if name.endswith("json") else TABLE
    return Place(f"{{type: local, config: {{root: {root}}}}}", f"path: {name}", reads, limit=limit)


@contextmanager
def _local(folder: Path, name: str, reads: str = "") -> Iterator[Place]:
    yield local(folder, name, reads)


@contextmanager
def _partitions(folder: Path) -> Iterator[Place]:
    reads = "path: passed/**/*.parquet"
    writes = "path: passed, format: parquet, mode: insert_overwrite, partition_by: [status]"
    yield local(folder, "")._replace(inputs="", reads=reads, writes=writes)


@contextmanager
def _file_database(folder: Path, kind: str) -> Iterator[Place]:
    yield Place(f"{{type: {kind}, config: {{path: {folder / kind}}}}}", "table: passed")


@contextmanager
def _s3(folder: Path, name: str) -> Iterator[Place]:
    server = s3.rclone()
    key = "access_key_id: {secret_ref: place-key}, secret_access_key: {secret_ref: place-password}"
    config = f"bucket: {server.bucket()}, region: us-east-1, endpoint: '{server.endpoint}', path_style_access: true"
    connector = f"{{type: s3, config: {{{config}, credentials: {{mode: static, {key}}}}}}}"
    yield Place(connector, f"path: {name}", password=server.secret_access_key, key=server.access_key_id)


@contextmanager
def _postgres(folder: Path) -> Iterator[Place]:
    server = postgres.server()
    config = f"host: {server.host}, port: {server.port}, user: {server.user}, {_KEPT}"
    database = postgres.fresh_database(server)
    connector = f"{{type: postgres, config: {{{config}, database: {database}}}}}"
    yield Place(connector, "table: passed", password=server.password)


@contextmanager
def _mysql(folder: Path) -> Iterator[Place]:
    server = mysql.server()
    config = f"host: {server.host}, port: {server.port}, user: {server.user}, {_KEPT}"
    connector = f"{{type: mysql, config: {{{config}, database: {mysql.fresh_database(server)}}}}}"
    yield Place(connector, "table: passed", password=server.password)


@contextmanager
def _sftp(folder: Path) -> Iterator[Place]:
    server = sshd.server()
    config = f"host: {server.host}, port: {server.port}, user: {server.user}, {_KEPT}, root: {server.root()}"
    connector = f"{{type: sftp, config: {{{config}, known_hosts: '{server.known_hosts}'}}}}"
    yield Place(connector, "path: passed.csv", f"schema: {SCHEMA}", password=server.password)


@contextmanager
def _smb(folder: Path) -> Iterator[Place]:
    with samba.share() as share:
        config = f"server: {share.host}, port: {share.port}, share: data, user: {share.user}, {_KEPT}"
        connector = f"{{type: smb, config: {{{config}}}}}"
        yield Place(connector, "path: passed.csv", f"schema: {SCHEMA}", password=share.password)


@contextmanager
def api(records: Path) -> Iterator[Place]:
    """Serve a file of NDJSON by pages; a cursor is the place in the file where a page begins."""

    def page(asked: Asked) -> Answer:
        with records.open("rb") as file:
            file.seek(int(asked.query.get("after", 0)))
            lines = file.readlines(1 << 20)
            after = f', "next": {file.tell()}' if lines else ""
        data = b",".join(lines)
        return Answer(b'{"data": [' + data + b"]" + after.encode() + b"}", headers={"Content-Type": "application/json"})

    with serving(page) as server:
        request = "request: {path: /, records: data, pagination: {type: cursor, cursor: next, param: after}}"
        yield Place(f'{{type: rest, config: {{base_url: "{server.url}"}}}}', request, f"schema: {SCHEMA}", limit=JSON)


PLACES: dict[str, Callable[[Path], AbstractContextManager[Place]]] = {
    "local, CSV": lambda folder: _local(folder, "passed.csv", f"schema: {SCHEMA}"),
    "local, CSV, types detected": lambda folder: _local(folder, "passed.csv"),
    "local, Parquet": lambda folder: _local(folder, "passed.parquet"),
    "local, Parquet, partitions": _partitions,
    "local, NDJSON": lambda folder: _local(folder, "passed.ndjson", f"schema: {SCHEMA}"),
    "local, NDJSON, types detected": lambda folder: _local(folder, "passed.ndjson"),
    "s3, Parquet": lambda folder: _s3(folder, "passed.parquet"),
    "db/duckdb": lambda folder: _file_database(folder, "duckdb"),
    "db/sqlite3": lambda folder: _file_database(folder, "sqlite3"),
    "db/postgres": _postgres,
    "db/mysql": _mysql,
    "sftp, CSV": _sftp,
    "smb, CSV": _smb,
}
"""Each is read from and written to."""
