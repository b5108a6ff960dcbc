"""The floors: bare DuckDB in one process, with the SQL that does it; for the API, page bytes handed to pyarrow."""

import json
from pathlib import Path

from data.places import FLOOR, ROOT, Command, Task
from data.sql import opening, reading, writing

RUN = """
import json, sys, duckdb
connection = duckdb.connect()
for statement in json.loads(sys.argv[1]):
    connection.execute(statement)
"""
PAGES = str(ROOT / "benchmarks/data/loads/with_pyarrow.py")
ROW = (FLOOR, "-c", RUN, json.dumps(["copy (select 1 as n) to 'row.parquet' (compression zstd)"]))


def floor(task: Task, folder: Path) -> Command:
    """Return the bare way of a task."""
    del folder
    if task.source.kind == "rest":
        return Command((FLOOR, PAGES, json.dumps(task.source._asdict()), json.dumps(task.target._asdict())))
    packages = next(Path(FLOOR).parents[1].glob("lib/python3.*/site-packages"))
    statements = [
        *opening(packages, task.source, "source"),
        *opening(packages, task.target, "target", read_only=False),
        *writing(task.target, reading(task.source)),
    ]
    return Command((FLOOR, "-c", RUN, json.dumps(statements)))
