"""The world in which the flow of `project/` runs: its artifact, its inputs, and one empty place for each case.

Everything is made from the seed of nothing: the same bytes on every machine, but for the datasets of job `stamp`.
"""

import csv
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from firn_runtime.identifiers import identifier
from servers import postgres

PROJECT = Path(__file__).parent / "project"
PLATFORMS = {"sqlite": "platform.yaml", "postgres": "pg/platform.yaml"}
"""Where the run keeps its state, and the platform that says so."""

ORDERS, CUSTOMERS, PRODUCTS = 400, 60, 12
CURRENCIES = ("EUR", "USD", "CHF")
DAYS = 28


class Place(NamedTuple):
    """One case: a base folder with its inputs, a schema of PostgreSQL, and what a run needs to know of both."""

    folder: Path
    artifact: bytes
    environ: Mapping[str, str]

    @property
    def schema(self) -> str:
        """The schema that the flow writes to."""
        return self.environ["PG_SCHEMA"]

    @property
    def state_schema(self) -> str:
        """The schema of the run's state, where it is in PostgreSQL."""
        return self.environ["PG_STATE"]


class World(NamedTuple):
    """What all cases share. `template` holds the inputs of a case."""

    server: postgres.Server
    database: str
    template: Path
    artifacts: Mapping[str, bytes]

    @contextmanager
    def place(self, below: Path, state: str = "sqlite") -> Iterator[Place]:
        """Make an empty place in the folder `below`, and remove it at the end."""
        name = f"c{uuid4().hex[:12]}"
        place = Place(below / name, self.artifacts[state], self._environ(name))
        shutil.copytree(self.template, place.folder)
        self._statements(f"create schema {identifier(place.schema)}")
        try:
            yield place
        finally:
            shutil.rmtree(place.folder, ignore_errors=True)
            schemas = f"{identifier(place.schema)}, {identifier(place.state_schema)}"
            self._statements(f"drop schema if exists {schemas} cascade")

    def _statements(self, *statements: str) -> None:
        with postgres.connected(self.server, self.database) as connection:
            for one in statements:
                connection.execute(one.encode())

    def _environ(self, name: str) -> Mapping[str, str]:
        return {
            "PG_HOST": self.server.host,
            "PG_PORT": str(self.server.port),
            "PG_DATABASE": self.database,
            "PG_USER": self.server.user,
            "CRASH_DB_PASSWORD": self.server.password,
            "PG_SCHEMA": name,
            "PG_STATE": f"{name}_state",
        }


def make_world(folder: Path) -> World:
    """Compile the flow, start the server, and make the inputs below `folder`."""
    server = postgres.server()
    database = postgres.fresh_database(server)
    template = folder / "template"
    make_inputs(template / "inputs")
    (template / "out").mkdir()
    make_rates(server, database)
    return World(server, database, template, {state: compiled(folder, state) for state in PLATFORMS})


def compiled(folder: Path, state: str, flow: Path = PROJECT / "flow.yaml") -> bytes:
    """Return the artifact, as the installed compiler writes it."""
    firn, target = Path(sys.executable).parent / "firn", folder / f"{state}.json"
    words = [str(one) for one in (firn, "compile", flow, "-p", PROJECT / PLATFORMS[state], "-o", target)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return target.read_bytes()


def make_inputs(folder: Path) -> None:
    """Write the orders as CSV, the customers as Parquet and the products as SQLite."""
    (folder / "orders").mkdir(parents=True)
    for part in range(4):
        with (folder / "orders" / f"{part}.csv").open("w", newline="") as file:
            lines = csv.writer(file, lineterminator="\n")
            lines.writerow(["id", "customer", "product", "amount", "day"])
            lines.writerows(_order(number) for number in range(part, ORDERS, 4))
    with sqlite3.connect(folder / "crm.sqlite") as crm:
        crm.execute("create table products (id integer, name text)")
        crm.executemany("insert into products values (?, ?)", [(i, f"product {i}") for i in range(PRODUCTS)])
    crm.close()
    _customers(folder / "customers.parquet")


def _order(number: int) -> tuple[object, ...]:
    cents = number * 7919 % 100_000
    day = number * 13 % DAYS + 1
    return (
        number,
        number * 31 % CUSTOMERS,
        number * 17 % PRODUCTS,
        f"{cents // 100}.{cents % 100:02}",
        f"2024-02-{day:02}",
    )


def _customers(file: Path) -> None:
    """Another process makes them: a process that forks sessions must not have started the engine."""
    rows = f"select i as id, 'customer ' || i as name, {list(CURRENCIES)}[i % 3 + 1] as currency"
    sql = f"copy ({rows} from range({CUSTOMERS}) as t(i)) to '{file}'"
    subprocess.run([sys.executable, "-c", f"import duckdb; duckdb.sql({sql!r})"], check=True)


def make_rates(server: postgres.Server, database: str) -> None:
    """Make the table that the flow reads in PostgreSQL."""
    with postgres.connected(server, database) as connection:
        connection.execute("create schema crash_source")
        connection.execute("create table crash_source.rates (currency text, rate numeric(6,4))")
        for number, currency in enumerate(CURRENCIES):
            connection.execute("insert into crash_source.rates values (%s, %s)", (currency, 1 - number * 0.3))


def environ_of(place: Place) -> dict[str, str]:
    """Return the environment of a real command in this place."""
    return dict(os.environ) | dict(place.environ)
