"""The servers of one run, on loopback and each in processes of their own: PostgreSQL as in the tests, and the API."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from data.places import ROOT, Dataset, Place

sys.path.insert(0, str(ROOT / "tests"))
from servers.postgres import Server, connected, server

DATABASE = "bench"


class Servers(NamedTuple):
    postgres: Server
    api_port: int

    def table(self, name: str) -> Place:
        """Return the place of a table of the database, `schema.table`."""
        one = self.postgres
        words = {"host": one.host, "port": one.port, "user": one.user, "password": one.password, "dbname": DATABASE}
        url = f"postgresql://{one.user}:{one.password}@{one.host}:{one.port}/{DATABASE}?sslmode=disable"
        return Place("postgres", " ".join(f"{key}={word}" for key, word in words.items()), name, url)

    def api(self, dataset: Dataset) -> Place:
        return Place("rest", f"http://127.0.0.1:{self.api_port}/{dataset.rows}")

    def analyze(self) -> None:
        """Let the server count its tables' rows and pages, as it does by itself where autovacuum is on."""
        with connected(self.postgres, DATABASE) as connection:
            connection.execute("analyze")

    def drop(self, schema: str) -> None:
        with connected(self.postgres, DATABASE) as connection:
            connection.execute(f'drop schema if exists "{schema}" cascade')


@contextmanager
def started() -> Iterator[Servers]:
    """Start them, and end the API with the block; PostgreSQL ends with this process."""
    postgres = server()
    with connected(postgres) as connection:
        connection.execute(f"create database {DATABASE} template template0")
    script = str(ROOT / "benchmarks/data/api.py")
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as api:
        try:
            assert api.stdout is not None
            yield Servers(postgres, int(api.stdout.readline()))
        finally:
            api.kill()
