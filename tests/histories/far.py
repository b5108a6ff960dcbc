"""MySQL and S3 for histories: a server of each for all of them, and a database and a bucket for each history.

Such a sink is in the way where its server is not to be reached: the run is told a port on which nobody listens.
"""

import io
import time
from collections.abc import Mapping
from typing import Any

import pyarrow.parquet as pq

from servers import mysql, s3
from servers.postgres import free_port

CONNECTORS: Mapping[str, Mapping[str, Any]] = {
    "mysql": {
        "type": "mysql",
        "config": {
            "host": "127.0.0.1",
            "port": "{{ env.MYSQL_PORT }}",
            "database": "{{ env.MYSQL_DATABASE }}",
            "user": "{{ env.MYSQL_USER }}",
            "password": {"secret_ref": "history-mysql"},
        },
    },
    "s3": {
        "type": "s3",
        "config": {
            "endpoint": "http://127.0.0.1:{{ env.S3_PORT }}",
            "bucket": "{{ env.S3_BUCKET }}",
            "path_style_access": True,
            "credentials": {
                "mode": "static",
                "access_key_id": {"secret_ref": "history-s3-id"},
                "secret_access_key": {"secret_ref": "history-s3-key"},
            },
        },
    },
}
KINDS = frozenset(CONNECTORS)


def begun() -> None:
    """Start the servers; whoever forks histories does so before."""
    mysql.server()
    s3.moto()


def environ_of() -> dict[str, str]:
    """Make a database and a bucket, and return what a run needs to reach them."""
    my, lake = mysql.server(), s3.moto()
    return {
        "MYSQL_PORT": str(my.port),
        "MYSQL_DATABASE": mysql.fresh_database(my),
        "MYSQL_USER": my.user,
        "HISTORY_MYSQL": my.password,
        "S3_PORT": lake.endpoint.rpartition(":")[2],
        "S3_BUCKET": lake.bucket(),
        "HISTORY_S3_ID": lake.access_key_id,
        "HISTORY_S3_KEY": lake.secret_access_key,
    }


def out_of_reach(kind: str) -> dict[str, str]:
    """Return what a run is told that shall not reach a sink of a kind."""
    return {f"{kind.upper()}_PORT": str(free_port())}


def in_mysql(environ: Mapping[str, str], table: str) -> list[Any]:
    """Return what a table holds, when the server has done what killed runs asked of it: a commit may be under way."""
    name = environ["MYSQL_DATABASE"]
    with mysql.connected(mysql.server()) as connection, connection.cursor() as cursor:
        while cursor.execute("select 1 from information_schema.processlist where db = %s", [name]):
            time.sleep(0.01)
        asked = "select 1 from information_schema.tables where table_schema = %s and table_name = %s"
        if not cursor.execute(asked, [name, table]):
            return []
        cursor.execute(f"select n, id from {name}.{table}")
        return list(cursor.fetchall())


def in_s3(environ: Mapping[str, str], step: str) -> list[Any]:
    """Return what the objects below a step's name hold."""
    client, bucket = s3.moto().client(), environ["S3_BUCKET"]
    found = client.list_objects_v2(Bucket=bucket, Prefix=f"{step}/").get("Contents", [])
    contents = (client.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in found)
    tables = [pq.read_table(io.BytesIO(content), columns=["n", "id"]) for content in contents]
    return [(row["n"], row["id"]) for table in tables for row in table.to_pylist()]


def end(environ: Mapping[str, str]) -> None:
    """Remove the database."""
    name = environ["MYSQL_DATABASE"]
    with mysql.connected(mysql.server()) as connection, connection.cursor() as cursor:
        cursor.execute(f"drop database {name}")
