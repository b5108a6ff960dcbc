"""Row groups of Parquet: as the engine makes them where there is memory, and fewer rows where there is not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firn_runtime.connectors.files.formats import Format
from firn_runtime.connectors.files.row_groups import rows_in_group
from firn_runtime.connectors.files.writing import write_file, write_partitions
from firn_runtime.engine import Engine, Limits, Relation, Session
from firn_schemas.steps.data import WriteInputs

PARQUET = Format("parquet", "uncompressed")


@contextmanager
def session(folder: Path, memory: str, threads: int = 2) -> Iterator[Session]:
    engine = Engine(Limits(threads, memory), folder / "datasets.duckdb")
    try:
        yield engine.session("main")
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("memory", "threads", "columns", "rows"),
    [
        ("8GB", 2, 12, 122_880),
        ("128MB", 2, 12, 81_920),
        ("128MB", 1, 24, 81_920),
        ("128MB", 2, 100, 8_192),
        ("32MB", 2, 500, 2_048),
    ],
)
def test_the_less_memory_a_thread_has_and_the_more_columns_the_fewer_rows(
    tmp_path: Path, memory: str, threads: int, columns: int, rows: int
) -> None:
    with session(tmp_path, memory, threads) as one:
        assert rows_in_group(one, columns) == rows


def test_files_and_partitions_are_written_so(tmp_path: Path) -> None:
    with session(tmp_path, "64MB") as one:
        wide = ", ".join(f"range as c{number}" for number in range(50))
        one.materialise("d", Relation(f"select range % 2 as part, {wide} from range(60000)"))
        inputs = WriteInputs(from_="d", resource="x", path="x", mode="insert_overwrite", partition_by=["part"])
        write_file(one, inputs, PARQUET, "x.parquet", tmp_path / "work.parquet")
        write_partitions(one, inputs, PARQUET, "x", tmp_path / "parts")
        for files in ("work.parquet", "parts/*/*.parquet"):
            groups = one.execute(f"select max(row_group_num_rows) from parquet_metadata('{tmp_path / files}')")
            assert groups == [(rows_in_group(one, 51),)]
