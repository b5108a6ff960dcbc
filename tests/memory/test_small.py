"""A table of twice `memory_limit`, in every run of the tests; `make memory` shows ten times, and every connector."""

from pathlib import Path

from memory.places import PLACES, local
from memory.process import passed
from memory.table import make, sums

LIMIT = 64
"""Megabytes that the engine may use: of less than some 40 it can do nothing with two threads."""
BEYOND = 150
"""Megabytes that a run may have beside the engine's."""
ROWS = 700_000


def test_a_table_of_twice_the_memory_passes_to_and_from_a_database(tmp_path: Path) -> None:
    source, back = local(tmp_path, "table.parquet"), local(tmp_path, "back.parquet")
    make(ROWS, tmp_path / "table.parquet")
    with PLACES["db/duckdb"](tmp_path) as place:
        to = passed(tmp_path / "to", source, place, LIMIT)
        from_ = passed(tmp_path / "from", place, back, LIMIT)
    assert (to.code, from_.code) == (0, 0), to.said + from_.said
    assert sums(tmp_path / "back.parquet") == sums(tmp_path / "table.parquet")
    assert max(to.megabytes, from_.megabytes) < LIMIT + BEYOND
