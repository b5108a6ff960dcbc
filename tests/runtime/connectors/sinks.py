"""Every kind of sink that one write can go to, and how to look at it from outside."""

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

import duckdb

from firn_runtime.publication import Publication
from firn_schemas.secret import Secret
from runtime.workbench import connector
from servers import mysql, postgres, s3

KINDS = ("duckdb", "sqlite3", "postgres", "mysql", "csv", "parquet", "s3")
DATABASES = KINDS[:4]
KILLED = (*KINDS, "folder")
NEW = "select range as n, 'row ' || range as name from range(3000)"
"""What a write publishes over the one row 0, 'old'."""

PUBLICATION = Publication("flow", "r1", "main", "publish", "sha256:0", "sha256:1")


class Sink(NamedTuple):
    """Where one write goes; all of it can be spelled as JSON for another process."""

    name: str
    config: Mapping[str, Any]
    inputs: Mapping[str, Any]
    sql: str = NEW

    @property
    def is_database(self) -> bool:
        return self.name in DATABASES

    def resource(self) -> Any:
        """Return a connector to it."""
        own = dict(self.config)
        if "password" in own:
            own["password"] = Secret(own["password"])
        if "credentials" in own:
            own["credentials"] = {
                key: text if key == "mode" else Secret(text) for key, text in own["credentials"].items()
            }
        kind = ("db", self.name) if self.is_database else ("s3", "s3") if self.name == "s3" else ("files", "local")
        return connector(*kind, written=True, **own)

    def rows(self, sql: str = "select n, name from t order by n") -> list[tuple[Any, ...]]:
        """Return what another program sees there."""
        return _READERS.get(self.name, _file)(self, sql)

    def loads(self) -> list[tuple[Any, ...]]:
        """Return the loads that a database has recorded."""
        return self.rows("select * from _firn_loads") if self.is_database else []

    def do(self, sql: str) -> None:
        """Change a database from outside."""
        _WRITERS[self.name](self, sql)

    def staged(self) -> list[str]:
        """Return what attempts have left beside the target."""
        if self.name == "s3":
            found = s3.moto().client().list_multipart_uploads(Bucket=self.config["bucket"]).get("Uploads", [])
            return [one["Key"] for one in found]
        return sorted(path.name for path in Path(self.config["root"]).rglob(".*")) if not self.is_database else []


def spelled(sink: Sink) -> str:
    """Return the sink as one argument of a command."""
    return json.dumps(sink)


def sink_of(text: str) -> Sink:
    """Return the sink that an argument spells."""
    return Sink(*json.loads(text))


def make(name: str, folder: Path) -> Sink:
    """Make a sink that holds the one old row."""
    folder.mkdir(parents=True, exist_ok=True)
    if name == "postgres":
        server = postgres.server()
        place = {"host": server.host, "port": server.port, "user": server.user, "password": server.password}
        sink = Sink(name, place | {"database": postgres.fresh_database(server)}, {"table": "t"})
    elif name == "mysql":
        one = mysql.server()
        place = {"host": one.host, "port": one.port, "user": one.user, "password": one.password}
        sink = Sink(name, place | {"database": mysql.fresh_database(one)}, {"table": "t"})
    elif name in DATABASES:
        sink = Sink(name, {"path": str(folder / f"sink.{name}")}, {"table": "t"})
    elif name == "s3":
        return _bucket()
    elif name == "folder":
        return _folder(folder)
    else:
        sink = Sink(name, {"root": str(folder / "files")}, {"path": f"t.{name}"})
        (folder / "files").mkdir()
        duckdb.sql(f"copy (select 0::bigint as n, 'old' as name) to '{folder}/files/t.{name}'")
        return sink
    for statement in ("create table t (n bigint, name text)", "insert into t values (0, 'old')"):
        sink.do(statement)
    return sink


def _folder(folder: Path) -> Sink:
    """Make a folder of partitions, of which the first holds the old row in a file of another name."""
    (folder / "files/t/part=0").mkdir(parents=True)
    (folder / "files/t/part=0/old.csv").write_text("n,name\n0,old\n")
    inputs = {"path": "t", "mode": "insert_overwrite", "partition_by": ["part"], "format": "csv"}
    return Sink("folder", {"root": str(folder / "files")}, inputs, f"select *, n % 3 as part from ({NEW})")


def _bucket() -> Sink:
    server = s3.moto()
    keys = {"access_key_id": server.access_key_id, "secret_access_key": server.secret_access_key}
    place = {"endpoint": server.endpoint, "path_style_access": True, "bucket": server.bucket()}
    server.client().put_object(Bucket=place["bucket"], Key="t.csv", Body=b"n,name\n0,old\n")
    return Sink("s3", place | {"credentials": {"mode": "static", **keys}}, {"path": "t.csv"})


def _object(sink: Sink, sql: str) -> list[tuple[Any, ...]]:
    body = s3.moto().client().get_object(Bucket=sink.config["bucket"], Key="t.csv")["Body"].read()
    with NamedTemporaryFile(suffix=".csv") as file:
        file.write(body)
        file.flush()
        return duckdb.sql(sql.replace("from t", f"from '{file.name}'")).fetchall()


def _duckdb(sink: Sink, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(sink.config["path"]) as connection:
        result = connection.execute(sql)
        return result.fetchall() if result.description else []


def _sqlite(sink: Sink, sql: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(sink.config["path"])
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def _sqlite_script(sink: Sink, sql: str) -> None:
    connection = sqlite3.connect(sink.config["path"])
    connection.executescript(sql)
    connection.close()


def _postgres(sink: Sink, sql: str) -> list[tuple[Any, ...]]:
    with postgres.connected(postgres.server(), sink.config["database"]) as connection:
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


def _mysql(sink: Sink, sql: str) -> list[tuple[Any, ...]]:
    with mysql.connected(mysql.server(), sink.config["database"]) as connection, connection.cursor() as cursor:
        cursor.execute("set sql_mode = 'ANSI_QUOTES,NO_ENGINE_SUBSTITUTION'")
        cursor.execute(sql)
        return list(cursor.fetchall())


def _file(sink: Sink, sql: str) -> list[tuple[Any, ...]]:
    path = f"{sink.config['root']}/{sink.inputs['path']}{'/*/*.csv' * (sink.name == 'folder')}"
    return duckdb.sql(sql.replace("from t", f"from '{path}'")).fetchall()


_READERS = {"s3": _object, "duckdb": _duckdb, "sqlite3": _sqlite, "postgres": _postgres, "mysql": _mysql}
_WRITERS = {"duckdb": _duckdb, "sqlite3": _sqlite_script, "postgres": _postgres, "mysql": _mysql}
