"""What each mode of a write does to a folder of files, and what a killed attempt leaves to the next."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from firn_runtime.connector import Written
from firn_runtime.errors import ConnectorError
from firn_runtime.probing import Use
from firn_runtime.publication import Publication
from runtime.connectors.sinks import PUBLICATION
from runtime.refusals import refused
from runtime.workbench import Workbench, connector

SALES = "select range as id, 2024 + range % 2 as year, 'x' as name from range(10)"
PARTITIONED: dict[str, Any] = {
    "path": "sales",
    "mode": "insert_overwrite",
    "partition_by": ["year"],
    "format": "parquet",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def work(bench: Callable[..., Workbench], root: Path) -> Workbench:
    return bench(files=connector("files", "local", written=True, root=str(root)))


def write(work: Workbench, sql: str, publication: Publication = PUBLICATION, **more: Any) -> Written:
    work.make("d", sql)
    return work.write(publication, resource="files", **more)


def other(run: str) -> Publication:
    return PUBLICATION._replace(run=run)


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def rows(root: Path, sql: str) -> list[tuple[Any, ...]]:
    return duckdb.sql(sql.replace("ROOT", str(root))).fetchall()


def test_append_adds_one_file_for_each_run(work: Workbench, root: Path) -> None:
    for run in ("r1", "r2", "r1"):
        assert write(work, "select 1 as n", other(run), path="log", mode="append", format="csv").rows == 1
    assert names(root) == sorted(f"log/part-{other(run).mark}.csv" for run in ("r1", "r2"))


@pytest.mark.parametrize(
    ("path", "more", "ending"),
    [
        ("a/log.csv", {"format_options": {"compression": "gzip"}}, ".csv.gz"),
        ("log.parquet", {}, ".parquet"),
        ("log", {"format": "ndjson"}, ".ndjson"),
        ("log", {"format": "json", "format_options": {"compression": "zstd"}}, ".json.zst"),
    ],
)
def test_an_added_file_is_named_for_its_format(
    work: Workbench, root: Path, path: str, more: dict[str, Any], ending: str
) -> None:
    write(work, "select 1 as n", path=path, mode="append", **more)
    assert names(root) == [f"{path}/part-{PUBLICATION.mark}{ending}"]
    work.do("read", {"resource": "files", "path": f"{path}/*"})
    assert work.rows() == [(1,)]


def test_append_to_a_file_is_refused(work: Workbench, root: Path) -> None:
    write(work, "select 1 as n", path="log.csv", mode="replace")
    with pytest.raises(ConnectorError, match=r"`log\.csv` is a file"):
        write(work, "select 1 as n", path="log.csv", mode="append")


def test_insert_overwrite_replaces_the_partitions_of_the_dataset_and_no_others(work: Workbench, root: Path) -> None:
    assert write(work, SALES, **PARTITIONED).rows == 10
    (root / "sales/year=2024/older.parquet").write_bytes(b"x")
    (root / "sales/year=2025/other.parquet").write_bytes(b"x")
    (root / "sales/year=2024/.hidden").write_bytes(b"x")
    written = write(work, "select 99 as id, 2024 as year, 'y' as name", other("r2"), **PARTITIONED)
    assert names(root) == [
        "sales/year=2024/.hidden",
        "sales/year=2024/data-0.parquet",
        "sales/year=2025/data-0.parquet",
        "sales/year=2025/other.parquet",
    ]
    assert written[:2] == (1, (root / "sales/year=2024/data-0.parquet").stat().st_size)
    assert rows(root, "select id, name, year from 'ROOT/sales/year=2024/*.parquet'") == [(99, "y", 2024)]


def test_partitions_are_read_back_as_they_were(work: Workbench, root: Path) -> None:
    values = "(1, 'a/b=c ä%', null), (2, null, date '2024-01-02'), (3, '', date '2024-01-02')"
    dataset = f"select * from (values {values}) t(n, k, d)"
    write(work, dataset, path="t", mode="insert_overwrite", partition_by=["k", "d"], format="csv")
    work.do("read", {"resource": "files", "path": "t/**/*.csv", "schema": {"d": "date"}})
    assert sorted(work.rows()) == work.rows("d")


@pytest.mark.parametrize("format", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "__HIVE_DEFAULT_PARTITION__",
            "`k ü` holds the text `__HIVE_DEFAULT_PARTITION__` or `NULL`, which means NULL in the name of a partition",
        ),
        ("canary".ljust(246, "x"), "`k ü` holds a text that is too long for the name of a partition"),
    ],
)
def test_a_text_that_has_no_folder_of_its_own_is_refused(
    work: Workbench, root: Path, format: str, text: str, message: str
) -> None:
    """The engine would lose the rows without a value, whose folder has that name."""
    dataset = f"select * from (values (1, null), (2, '{text}')) t(n, \"k ü\")"
    inputs = {"path": "t", "mode": "insert_overwrite", "partition_by": ["K ü"], "format": format}
    error = refused(write, work, dataset, **inputs)
    assert (error.error_class, error.message) == ("data", message)
    assert names(root) == []


def test_the_longest_text_of_a_partition_is_a_folder(work: Workbench, root: Path) -> None:
    write(
        work,
        f"select 1 as n, 'é/{'x' * 244}' as k",
        path="t",
        mode="insert_overwrite",
        partition_by=["k"],
        format="csv",
    )
    assert [len(name.split("/")[1]) for name in names(root)] == [255]


def test_a_dataset_without_rows_replaces_nothing(work: Workbench, root: Path) -> None:
    write(work, SALES, **PARTITIONED)
    before = names(root)
    assert write(work, f"{SALES} where false", other("r2"), **PARTITIONED)[:2] == (0, 0)
    assert names(root) == before


def test_the_same_publication_again_touches_nothing(work: Workbench, root: Path) -> None:
    first = write(work, SALES, **PARTITIONED)
    before = [(root / name).stat().st_mtime_ns for name in names(root)]
    assert write(work, "select 1 as id, 2024 as year, 'again' as name", **PARTITIONED) == first
    assert [(root / name).stat().st_mtime_ns for name in names(root)] == before


class Killed(BaseException):
    pass


def killed_after(calls: int) -> Callable[[], None]:
    """Return a look at the lease that ends the process, as it were, when it is taken for the nth time."""
    left = iter(range(calls))

    def look() -> None:
        if next(left, None) is None:
            raise Killed

    return look


@pytest.mark.parametrize("calls", [0, 1])
def test_an_attempt_that_was_killed_between_two_partitions_is_made_whole(
    work: Workbench, root: Path, calls: int
) -> None:
    write(
        work, "select 0 as id, 2024 as year, 'old' as name union all select 0, 2025, 'old'", other("r0"), **PARTITIONED
    )
    work.make("d", SALES)
    with pytest.raises(Killed):
        work.write(PUBLICATION, killed_after(calls), resource="files", **PARTITIONED)
    changed = rows(root, "select count(distinct year) from 'ROOT/sales/*/*.parquet' where name = 'x'")
    assert changed == [(calls,)]
    assert work.write(PUBLICATION, resource="files", **PARTITIONED).rows == 10
    assert rows(root, "select count(*), count(distinct name) from 'ROOT/sales/*/*.parquet'") == [(10, 1)]
    assert names(root) == ["sales/year=2024/data-0.parquet", "sales/year=2025/data-0.parquet"]


def test_what_was_to_be_removed_is_removed_by_the_next_attempt(work: Workbench, root: Path) -> None:
    write(work, SALES, **PARTITIONED)
    left = root / "sales/year=2024/left.parquet"
    left.write_bytes(b"x")
    intent = work.scratch(*PUBLICATION.key[1:]) / "intent.json"
    announced = json.loads(intent.read_text())
    intent.write_text(json.dumps(announced | {"replaced": ["sales/year=2024/left.parquet"]}))
    write(work, SALES, **PARTITIONED)
    assert not left.exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"mode": "upsert", "keys": ["id"]}, "cannot be written with `mode: upsert`"),
        ({"mode": "replace", "path": "s*.parquet"}, "is a pattern"),
        ({"mode": "replace", "partition_by": ["year"]}, "`partition_by` is for"),
        ({"partition_by": ["nowhere"]}, "no column `nowhere`"),
        ({"partition_by": ["id", "year", "name"]}, "not none and not all"),
        ({"format": "json"}, "Parquet or CSV"),
        ({"path": "sales/../../x"}, "must stay below"),
    ],
)
def test_what_files_cannot_do_is_refused(work: Workbench, root: Path, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ConnectorError, match=message) as caught:
        write(work, SALES, **PARTITIONED | {"path": "sales.parquet"} | more)
    assert caught.value.error_class == "data"
    assert not root.exists() or names(root) == []


@pytest.mark.parametrize("link", ["sales", "sales/year=2024"])
def test_no_partition_is_written_through_a_symlink_that_leads_out(
    work: Workbench, root: Path, tmp_path: Path, link: str
) -> None:
    (tmp_path / "outside").mkdir()
    (root / link).parent.mkdir(parents=True)
    (root / link).symlink_to(tmp_path / "outside")
    with pytest.raises(ConnectorError, match="not a file below"):
        write(work, SALES, **PARTITIONED)
    with pytest.raises(ConnectorError, match="not a file below"):
        write(work, SALES, path=link, mode="append", format="csv")
    assert list((tmp_path / "outside").iterdir()) == []
    assert list(root.rglob(".*")) == []


def test_types_are_kept_in_parquet(work: Workbench, root: Path) -> None:
    sql = (
        "select 1.5::decimal(38,10) as d, timestamptz '2024-01-02 03:04:05.678901+02' as z, timestamp '2024-01-02' as t"
    )
    write(work, sql, path="t.parquet", mode="replace")
    work.do("read", {"resource": "files", "path": "t.parquet"})
    assert work.session.columns("data") == {
        "d": "DECIMAL(38,10)",
        "z": "TIMESTAMP WITH TIME ZONE",
        "t": "TIMESTAMP",
    }
    assert rows(root, "select distinct compression from parquet_metadata('ROOT/t.parquet')") == [("ZSTD",)]


def test_a_full_disk_fails_the_step_and_leaves_the_old_file(work: Workbench, root: Path) -> None:
    write(work, "select 1 as n", path="x.csv", mode="replace")
    limit = "select repeat('x', 1000) as n from range(100000)"
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    work.make("d", limit)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(ConnectorError) as caught:
            work.write(other("r2"), resource="files", path="x.csv", mode="replace")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.error_class == "process"
    assert names(root) == ["x.csv"]
    assert (root / "x.csv").read_text() == "n\n1\n"


@pytest.mark.parametrize(("mode", "status"), [("replace", "failed"), ("append", "ok"), ("insert_overwrite", "ok")])
def test_a_preflight_takes_a_folder_where_the_mode_writes_into_one(root: Path, mode: str, status: str) -> None:
    (root / "sales").mkdir(parents=True)
    files = connector("files", "local", written=True, root=str(root))
    seen = list(files.probe([Use("write", "sales", mode=mode), Use("read", "sales/**/*.parquet")]))
    assert [one.status for one in seen] == ["ok", status, "skipped"]
