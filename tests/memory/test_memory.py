"""A table of more than ten times `memory_limit` passes from and to every connector, and memory stays bounded.

Each run is a process of its own, its peak is asserted and printed; what arrives is compared with what left, row by row.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from memory.places import PLACES, api, local
from memory.process import Peak, passed
from memory.table import Sums, make, sums

pytestmark = pytest.mark.skipif("FIRN_MEMORY" not in os.environ, reason="it takes long: `make memory` runs it")

LIMIT = int(os.environ.get("L", 100))
"""Megabytes that the engine may use."""
BEYOND = 300
"""Megabytes that a run may have beside them: the program, drivers, and buffers of files."""
ROWS = int(os.environ.get("R", 4_000_000))

_STEP = '  - {{id: made, type: sql, inputs: {{sql: "{sql}"}}}}\n'
QUERIES = {
    "sql, 4 million groups": (
        "select any_value(id) as id, any_value(customer) as customer, sum(quantity) as quantity, max(amount) as amount,"
        " max(weight) as weight, bool_or(gift) as gift, min(ordered_on) as ordered_on, max(created_at) as created_at,"
        " max(status) as status, token, max(note) as note, min(digest) as digest from moved group by token"
    ),
    "sql, sorted by a text": "select * from moved order by digest",
    "sql, joined with itself": "select a.* from moved a join moved b on a.token = b.token and a.digest = b.digest",
}
"""Each gives the rows of the table again."""

Measured = dict[str, Peak]


class Source:
    """The table as files, and what its rows add up to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make(ROWS, folder / "table.parquet", folder / "table.ndjson")
        self.sums = sums(folder / "table.parquet")
        self.place = local(folder, "table.parquet")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return Source(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def measured() -> Iterator[Measured]:
    """The peaks of all runs; they are printed in the end."""
    found: Measured = {}
    yield found
    print(f"\n\n{ROWS:,} rows, memory_limit {LIMIT}MB, at most {LIMIT + BEYOND} MB\n")
    for name, peak in found.items():
        print(f"{name:<42}{peak.megabytes:8.0f} MB{'' if peak.code == 0 else '   failed'}")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that is emptied at once: each table takes a gigabyte."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def is_bounded(peak: Peak) -> bool:
    return peak.megabytes < LIMIT + BEYOND


def arrived(folder: Path) -> Sums:
    return sums(folder / "back.parquet")


@pytest.mark.parametrize("name", PLACES)
def test_a_table_passes_to_and_from_every_connector(
    name: str, folder: Path, source: Source, measured: Measured
) -> None:
    with PLACES[name](folder) as place:
        to = measured[f"to {name}"] = passed(folder / "to", source.place, place, f"{LIMIT}MB")
        assert to.code == 0, to.said
        back = local(folder, "back.parquet")
        from_ = measured[f"from {name}"] = passed(folder / "from", place, back, f"{LIMIT}MB")
    assert from_.code == 0, from_.said
    assert arrived(folder) == source.sums
    assert is_bounded(to), to.megabytes
    assert is_bounded(from_), from_.megabytes


def test_a_table_passes_from_an_api(folder: Path, source: Source, measured: Measured) -> None:
    with api(source.folder / "table.ndjson") as place:
        peak = measured["from rest"] = passed(folder / "from", place, local(folder, "back.parquet"), f"{LIMIT}MB")
    assert peak.code == 0, peak.said
    assert arrived(folder) == source.sums
    assert is_bounded(peak), peak.megabytes


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_over_the_table_spills(name: str, folder: Path, source: Source, measured: Measured) -> None:
    between = _STEP.format(sql=QUERIES[name])
    back = local(folder, "back.parquet")
    peak = measured[name] = passed(folder / "made", source.place, back, f"{LIMIT}MB", between, last="made")
    assert peak.code == 0, peak.said
    assert arrived(folder) == source.sums
    assert is_bounded(peak), peak.megabytes
