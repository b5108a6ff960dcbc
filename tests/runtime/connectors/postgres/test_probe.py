"""What a preflight sees of a PostgreSQL database: the rights of its user, asked of a real server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from firn_runtime.connectors.postgres.probe import probed
from firn_runtime.postgres_rights import Ask
from firn_runtime.probing import Use
from servers.postgres import connected, fresh_database, server

PASSWORD = "CANARY-t0k3n-value"


@pytest.fixture
def database() -> Iterator[tuple[str, Any]]:
    """Make a database with a user of the same name who may only log in; give its name and an administrator."""
    one = server()
    name = fresh_database(one)
    with connected(one, name) as admin:
        admin.execute(f"create role {name} login password '{PASSWORD}'".encode())
        admin.execute(b"create schema s; create table s.orders (n int); create table s.other (n int)")
        yield name, admin


@contextmanager
def asking(name: str) -> Iterator[Ask]:
    """Ask as the user, in a transaction that may not write."""
    one = server()
    with psycopg.connect(
        host=one.host, port=one.port, dbname=name, user=name, password=PASSWORD, cursor_factory=psycopg.RawCursor
    ) as connection:
        connection.read_only = True
        yield lambda sql, values: connection.execute(sql.encode(), values or None).fetchall()


def seen(name: str, *uses: Use, schema: str | None = None) -> list[tuple[str, str]]:
    with asking(name) as ask:
        login, *rest = probed(ask, schema, uses)
    assert (login.check, login.status, login.message) == ("login", "ok", f"the server lets `{name}` in")
    return [(one.status, one.message) for one in rest]


def test_each_right_that_is_lacking_is_named(database: tuple[str, Any]) -> None:
    name, admin = database
    reading, writing = Use("read", table="s.orders"), Use("write", table="s.orders")
    lacks = 'the user lacks USAGE on the schema "s"'
    assert seen(name, reading, writing) == [
        ("failed", f"the table `s.orders` cannot be read: {lacks}"),
        ("failed", f"the table `s.orders` cannot be written: {lacks}"),
    ]
    admin.execute(f"grant usage on schema s to {name}".encode())
    assert seen(name, reading, writing) == [
        ("failed", 'the table `s.orders` cannot be read: the user lacks SELECT on "s"."orders"'),
        ("failed", 'the table `s.orders` cannot be written: the user lacks CREATE on the schema "s"'),
    ]
    admin.execute(f"grant create on schema s to {name}; grant select, insert on s.orders to {name}".encode())
    admin.execute(b"create table s._firn_loads (n int)")
    lacks = 'the user lacks SELECT and INSERT and DELETE on "s"."_firn_loads"'
    assert seen(name, reading, writing) == [
        ("ok", "the table `s.orders` can be read"),
        ("failed", f"the table `s.orders` cannot be written: {lacks}"),
    ]
    admin.execute(f"grant all on s._firn_loads to {name}".encode())
    lacks = 'the user lacks DELETE on "s"."orders"'
    assert seen(name, writing) == [("failed", f"the table `s.orders` cannot be written: {lacks}")]
    admin.execute(f"grant delete on s.orders to {name}".encode())
    assert seen(name, writing) == [("ok", "the table `s.orders` can be written")]


def test_a_table_or_schema_that_is_missing_is_made_by_a_write_alone(database: tuple[str, Any]) -> None:
    name, admin = database
    admin.execute(f"grant usage, create on schema s to {name}".encode())
    assert seen(name, Use("read", table="s.gone")) == [("failed", "there is no table `s.gone`")]
    assert seen(name, Use("read", table="none.gone")) == [("failed", "there is no table `none.gone`")]
    assert seen(name, Use("write", table="s.new")) == [("ok", "the table `s.new` can be written")]
    assert seen(name, Use("write", table="none.new")) == [
        (
            "failed",
            'the table `none.new` cannot be written: there is no schema "none", and the user may not make one',
        )
    ]
    admin.execute(f"grant create on database {name} to {name}".encode())
    both = seen(name, Use("write", table="none.new"), Use("read", table="none.new"))
    assert both == [
        ("ok", "the table `none.new` can be written"),
        ("skipped", "there is no table `none.new` yet; the flow writes it"),
    ]


def test_a_name_without_a_schema_is_looked_up_where_a_step_would(database: tuple[str, Any]) -> None:
    name, admin = database
    admin.execute(f"grant usage, create on schema s to {name}; grant all on all tables in schema s to {name}".encode())
    assert seen(name, Use("read", table="orders"), schema="s") == [("ok", "the table `orders` can be read")]
    assert seen(name, Use("read", table="orders")) == [("failed", "there is no table `orders`")]
    admin.execute(f"alter role {name} set search_path = nowhere".encode())
    ((status, message),) = seen(name, Use("write", table="orders"))
    assert (status, "search path leads to no schema" in message) == ("failed", True)


def test_names_that_need_quotes_are_quoted(database: tuple[str, Any]) -> None:
    name, admin = database
    admin.execute(b"""create schema "S 1"; create table "S 1"."Order's" (n int)""")
    admin.execute(f"""grant usage on schema "S 1" to {name}; grant select on "S 1"."Order's" to {name}""".encode())
    assert seen(name, Use("read", table="S 1.Order's")) == [("ok", "the table `S 1.Order's` can be read")]
    assert seen(name, Use("read", table=".x"))[0][0] == "failed"
