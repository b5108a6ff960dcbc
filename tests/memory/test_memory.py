"""A table of more than ten times `memory_limit` passes from and to every connector, and memory stays bounded.

Each run is a process of its own, its peak is asserted and printed; what arrives is compared with what left, by the sum
of a hash of each row.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from memory.places import PLACES, api, local
from memory.process import Peak, passed
from memory.table import COLUMNS, Sums, make, sums

pytestmark = pytest.mark.skipif("FIRN_MEMORY" not in os.environ, reason="it takes long: `make memory` runs it")

BEYOND = 300
"""Megabytes that a run may have beside the engine's: the program, drivers, and buffers of files."""
ROWS = 7_000_000
"""As CSV 1.3 GB, and as JSON 2.2 GB: more than ten times what the engine may use of either."""
QUERIED, QUERYING = 10_200_000, 192
"""Rows, 1.9 GB, and megabytes of what is queried: sorts and joins spill, but not with less."""
CHANGED = 3_000_000
"""Rows of a table, and of what it is changed to: half of them are there already."""
_GROUPED = ("token", "digest", "amount")
QUERIES = {
    "sql, a group for each row": "select token, digest, sum(amount) as amount from moved group by token, digest",
    "sql, sorted by a text": "select * from moved order by digest",
    "sql, joined with itself": "select a.* from moved a join moved b on a.token = b.token and a.digest = b.digest",
}
"""Each gives the rows of the table again, the first one three columns of them."""

Measured = dict[str, Peak]


class Source:
    """The table as files, and what its rows add up to."""

    def __init__(self, folder: Path, rows: int, *more: str, later: int = 0) -> None:
        self.folder = folder
        make(rows, folder / "table.parquet", *(folder / name for name in more), later=later)
        self.sums = sums(folder / "table.parquet")
        self.place = local(folder, "table.parquet")

    def some(self, where: str) -> Sums:
        """Return what some of its rows add up to."""
        return sums(self.folder / "table.parquet", where=where)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    folder = tmp_path_factory.mktemp("source")
    yield Source(folder, ROWS, "table.ndjson")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def queried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    folder = tmp_path_factory.mktemp("queried")
    yield Source(folder, QUERIED)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    folder = tmp_path_factory.mktemp("old")
    yield Source(folder, CHANGED)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    folder = tmp_path_factory.mktemp("new")
    yield Source(folder, CHANGED, later=CHANGED)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def measured() -> Iterator[Measured]:
    """The peaks of all runs; they are printed in the end."""
    found: Measured = {}
    yield found
    print(f"\n\n{ROWS:,} rows, {QUERIED:,} for queries; at most {BEYOND} MB beside memory_limit\n\n{shown(found)}")  # noqa: T201  # is asked for


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that is emptied at once: each table takes a gigabyte."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def shown(found: Measured) -> str:
    lines = [f"{'':<34}{'limit':>8}{'peak MB':>10}{'beside':>8}"]
    for name, peak in found.items():
        beside, failed = peak.megabytes - peak.limit, "" if peak.code == 0 else "   FAILED"
        lines.append(f"{name:<34}{peak.limit:>6}MB{peak.megabytes:>10.0f}{beside:>8.0f}{failed}")
    return "\n".join(lines)


def is_bounded(peak: Peak) -> bool:
    return peak.megabytes < peak.limit + BEYOND


def arrived(folder: Path) -> Sums:
    return sums(folder / "back.parquet")


@pytest.mark.parametrize("name", PLACES)
def test_a_table_passes_to_and_from_every_connector(
    name: str, folder: Path, source: Source, measured: Measured
) -> None:
    with PLACES[name](folder) as place:
        to = measured[f"to {name}"] = passed(folder / "to", source.place, place)
        assert to.code == 0, to.said
        back = local(folder, "back.parquet")
        from_ = measured[f"from {name}"] = passed(folder / "from", place, back)
    assert from_.code == 0, from_.said
    assert arrived(folder) == source.sums
    assert is_bounded(to), to.megabytes
    assert is_bounded(from_), from_.megabytes


def test_a_table_passes_from_an_api(folder: Path, source: Source, measured: Measured) -> None:
    with api(source.folder / "table.ndjson") as place:
        peak = measured["from rest"] = passed(folder / "from", place, local(folder, "back.parquet"))
    assert peak.code == 0, peak.said
    assert arrived(folder) == source.sums
    assert is_bounded(peak), peak.megabytes


@pytest.mark.parametrize("name", [name for name in PLACES if name.startswith("db/")])
def test_rows_of_a_table_are_changed(name: str, folder: Path, old: Source, new: Source, measured: Measured) -> None:
    half = CHANGED // 2
    changes = (
        ("append", old, "mode: append", old.sums),
        ("upsert", new, "mode: upsert, keys: [id]", old.some(f"id < {half}").beside(new.sums)),
        (
            "insert_overwrite",
            old,
            "mode: insert_overwrite, partition_by: [id]",
            old.sums.beside(new.some(f"id >= {2 * half}")),
        ),
    )
    peaks = []
    with PLACES[name](folder) as place:
        for mode, source, writes, expected in changes:
            peak = measured[f"{mode} {name}"] = passed(folder / mode, source.place, place._replace(writes=writes))
            assert peak.code == 0, peak.said
            back = passed(folder / f"{mode}-back", place, local(folder, "back.parquet"))
            assert back.code == 0, back.said
            assert arrived(folder) == expected
            peaks.append(peak)
    assert all(map(is_bounded, peaks)), peaks


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_over_the_table_spills(name: str, folder: Path, queried: Source, measured: Measured) -> None:
    back = local(folder, "back.parquet")
    peak = measured[name] = passed(folder / "made", queried.place, back, QUERYING, QUERIES[name])
    assert peak.code == 0, peak.said
    columns = _GROUPED if "group" in name else COLUMNS
    assert sums(folder / "back.parquet", columns) == sums(queried.folder / "table.parquet", columns)
    assert is_bounded(peak), peak.megabytes
