"""The table that passes: the same rows on every machine, of numbers, moments and texts, some of them NULL."""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import duckdb

from firn_runtime.identifiers import literal

COLUMNS = {
    "id": ("BIGINT", "range"),
    "customer": ("BIGINT", "hash(range, 1) % 100003"),
    "quantity": ("INTEGER", "hash(range, 2) % 1000"),
    "amount": ("DECIMAL(15,2)", "(hash(range, 3) % 100000000)::DECIMAL(17,2) / 100"),
    "weight": ("DOUBLE", "(hash(range, 4) % 1000000007)::DOUBLE / 1024"),
    "gift": ("BOOLEAN", "hash(range, 5) % 3 = 0"),
    "ordered_on": ("DATE", "DATE '2020-01-01' + (hash(range, 6) % 2000)::INTEGER"),
    "created_at": ("TIMESTAMP", "TIMESTAMP '2020-01-01' + to_seconds((hash(range, 7) % 100000000)::BIGINT)"),
    "status": ("VARCHAR", "['open', 'paid', 'packed', 'sent'][1 + (hash(range, 8) % 4)::INTEGER]"),
    "token": ("VARCHAR", "md5(range::VARCHAR)"),
    "note": ("VARCHAR", "if(range % 4 = 0, NULL, 'leave it with the neighbour of door ' || hash(range, 9) % 9973)"),
    "digest": ("VARCHAR", "sha1(range::VARCHAR)"),
}
SCHEMA = "{" + ", ".join(f'{name}: "{kind}"' for name, (kind, _) in COLUMNS.items()) + "}"
"""As a `read` states it where the source knows no types."""
_GROUP = 30_720
"""Rows of a row group of Parquet: who reads it holds one for each thread, however little memory there is."""
_MOST = "512MB"
"""What making and comparing may use; it is not what is measured."""


class Sums(NamedTuple):
    """What two tables with the same rows, in whatever order, have in common."""

    rows: int
    amount: Decimal
    hashes: int
    """The sum of a 64-bit hash of each row."""

    def beside(self, other: "Sums") -> "Sums":
        """Return what both tables add up to."""
        return Sums(self.rows + other.rows, self.amount + other.amount, self.hashes + other.hashes)


def make(rows: int, *files: Path, later: int = 0) -> None:
    """Write the table to files, each of the format that its name ends in.

    `later` gives the values of as many rows later, under ids of half of that later.
    """
    columns = ", ".join(f"({value})::{kind} AS {name}" for name, (kind, value) in COLUMNS.items())
    with duckdb.connect(config={"memory_limit": _MOST, "threads": "2"}) as connection:
        for file in files:
            options = f"(ROW_GROUP_SIZE {_GROUP})" if file.suffix == ".parquet" else ""
            some = f"SELECT {columns} FROM range({later}, {later + rows})"
            moved = f"SELECT * REPLACE (id - {later // 2} AS id) FROM ({some})"
            connection.execute(f"COPY ({moved}) TO {literal(str(file))} {options}")


def sums(file: Path, names: Iterable[str] = tuple(COLUMNS), where: str = "true") -> Sums:
    """Add up columns of a file of the table, cast to the table's own types: a text that is no date raises."""
    columns = ", ".join(f"{name}::{COLUMNS[name][0]}" for name in names)
    chosen = f"count(*), sum(amount::DECIMAL(15,2)), sum(hash({columns}))"
    with duckdb.connect(config={"memory_limit": _MOST, "threads": "2"}) as connection:
        (found,) = connection.execute(f"SELECT {chosen} FROM {literal(str(file))} WHERE {where}").fetchall()
    return Sums(*found)
