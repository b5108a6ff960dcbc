"""PostgreSQL for histories: one server and database for all of them, and a schema for each, named as its folder."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import sql

from servers import postgres

if TYPE_CHECKING:
    import psycopg

CONNECTOR: Mapping[str, Any] = {
    "type": "postgres",
    "config": {
        "host": "{{ env.PG_HOST }}",
        "port": "{{ env.PG_PORT }}",
        "database": "{{ env.PG_DATABASE }}",
        "user": "{{ env.PG_USER }}",
        "password": {"secret_ref": "history-db", "key": "password"},
        "schema": "{{ env.PG_SCHEMA }}",
    },
    "options": {"application_name": "{{ env.PG_SCHEMA }}"},
}


@cache
def database() -> tuple[postgres.Server, str]:
    """Return the server and its database; whoever forks histories asks for them before."""
    server = postgres.server()
    return server, postgres.fresh_database(server)


def schema_of(folder: Path) -> str:
    """Return the schema of the history that takes place in a folder."""
    return re.sub(r"\W", "_", folder.name)


def environ_of(folder: Path) -> Mapping[str, str]:
    """Return what a run needs to reach the schema."""
    server, name = database()
    return {
        "PG_HOST": server.host,
        "PG_PORT": str(server.port),
        "PG_DATABASE": name,
        "PG_USER": server.user,
        "PG_SCHEMA": schema_of(folder),
        "HISTORY_DB_PASSWORD": server.password,
    }


def named(folder: Path, statement: str, *tables: str) -> sql.Composed:
    """Return a statement in which each `{}` is a table of the history's schema."""
    return sql.SQL(statement).format(*(sql.Identifier(schema_of(folder), one) for one in tables))


@contextmanager
def connected(folder: Path) -> "Iterator[psycopg.Connection[tuple[Any, ...]]]":
    """Connect, and make the schema where it is missing. Every statement is committed by itself."""
    with postgres.connected(*database()) as connection:
        connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema_of(folder))))
        yield connection


def has(connection: "psycopg.Connection[tuple[Any, ...]]", folder: Path, table: str) -> bool:
    """Whether there is such a table."""
    asked = "select 1 from pg_tables where schemaname = %s and tablename = %s"
    return bool(connection.execute(asked, [schema_of(folder), table]).fetchall())


def settle(connection: "psycopg.Connection[tuple[Any, ...]]", folder: Path) -> None:
    """Return when the server has done what was asked by runs that are killed by now: a commit may be under way."""
    asked = "select 1 from pg_stat_activity where application_name = %s"
    while connection.execute(asked, [schema_of(folder)]).fetchall():
        time.sleep(0.01)


def end(folder: Path) -> None:
    """Remove the schema."""
    with connected(folder) as connection:
        settle(connection, folder)
        connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema_of(folder))))
