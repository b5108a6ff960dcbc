"""Makes one data set in its forms, in the floors' environment: `make.py SELECT PLACE...`, each place as JSON.

The first place is the Parquet file that the others are made from, and that targets are compared with.
What is there already is left alone.
"""

import json
import os
import sqlite3
import sys
from pathlib import Path

import duckdb
from places import Place
from sql import opening, reading, writing

PACKAGES = Path(duckdb.__file__).parents[1]


def main() -> None:
    truth, *forms = (Place(*json.loads(words)) for words in sys.argv[2:])
    if not os.path.exists(truth.at):
        _run(Place("parquet", truth.at + ".part"), f"({sys.argv[1]})")
        os.replace(truth.at + ".part", truth.at)
    for form in forms:
        if form.kind == "postgres":
            _run(form, reading(truth))
        elif not os.path.exists(form.at):
            part = form._replace(at=form.at + ".part")
            Path(part.at).unlink(missing_ok=True)
            (_sqlite if form.kind == "sqlite" else _run)(part, reading(truth))
            os.replace(part.at, form.at)


def _run(place: Place, rows: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = true; set timezone = 'UTC'")
        for statement in opening(PACKAGES, place, "target", read_only=False) + writing(place, rows):
            connection.execute(statement)


def _sqlite(place: Place, rows: str) -> None:
    """Declare the columns' types first: DuckDB would declare dates and decimals as text."""
    table = place.table.split(".")[1]
    with duckdb.connect() as connection:
        columns = connection.execute(f"describe from {rows}").fetchall()
        with sqlite3.connect(place.at) as made:
            made.execute(f"create table {table} ({', '.join(f'{column[0]} {column[1]}' for column in columns)})")
        made.close()
        for statement in opening(PACKAGES, place, "target", read_only=False):
            connection.execute(statement)
        connection.execute(f"insert into target.{table} from {rows}")


if __name__ == "__main__":
    main()
