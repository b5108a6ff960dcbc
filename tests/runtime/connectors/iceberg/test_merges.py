"""Rows that take the place of others in Iceberg tables, and rows that others have deleted."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from runtime.connectors.iceberg.lake import READ, Lake
from runtime.connectors.sinks import PUBLICATION
from runtime.workbench import Workbench

Make = Callable[..., Workbench]
UPSERT = {"resource": "lake", "table": "orders", "from": "d", "mode": "upsert", "keys": ["id"]}
OVERWRITE = {"resource": "lake", "table": "orders", "from": "d", "mode": "insert_overwrite", "partition_by": ["day"]}


def rows(work: Workbench, place: Lake) -> list[tuple[Any, ...]]:
    """Return the table's rows, as all readers find them."""
    work.do("read", READ)
    found = sorted(work.rows(), key=str)
    assert found == place.by_pyiceberg()
    assert len(found) == len(place.by_duckdb()) == int(place.summary()["total-records"])
    return found


def test_an_upsert_changes_the_rows_of_its_keys_and_adds_the_others(place: Lake, work: Workbench) -> None:
    table = place.made({"id": [1, 2], "name": ["a", "b"]})
    table.append(pa.table({"id": [3, 4], "name": ["c", "d"]}))
    untouched = {file for file in place.files() if b"c" in file.read_bytes()}
    work.make("d", "select 2::bigint as id, 'B' as name union all select 5, 'e'")
    result = work.do("write", UPSERT)
    assert (result.rows, result.results["inserted"], result.results["updated"]) == (2, 1, 1)
    assert rows(work, place) == [(1, "a"), (2, "B"), (3, "c"), (4, "d"), (5, "e")]
    said = place.summary()
    assert (said["deleted-data-files"], said["deleted-records"], said["operation"]) == ("1", "2", "overwrite")
    assert untouched


def test_an_upsert_leaves_what_the_dataset_does_not_say(place: Lake, work: Workbench) -> None:
    place.made({"id": [1, 2], "name": ["a", "b"], "n": [10, 20]})
    work.make("d", "select 2::bigint as id, 21::bigint as n union all select 3, 30")
    work.do("write", UPSERT)
    assert rows(work, place) == [(1, "a", 10), (2, "b", 21), (3, None, 30)]


def test_an_upsert_can_add_columns(place: Lake, work: Workbench) -> None:
    place.made({"id": [1, 2]})
    work.make("d", "select 2::bigint as id, 'x' as name")
    work.do("write", {**UPSERT, "on_schema_change": "add_columns"})
    assert rows(work, place) == [(1, None), (2, "x")]


def test_an_upsert_into_a_table_that_is_missing_makes_it(place: Lake, work: Workbench) -> None:
    work.make("d", "select 1::bigint as id")
    result = work.do("write", UPSERT)
    assert (result.results["inserted"], result.results["updated"]) == (1, 0)
    assert rows(work, place) == [(1,)]


@pytest.mark.parametrize(
    ("sql", "more", "said"),
    [
        ("select null::bigint as id", {}, "the dataset has rows without a key: NULL in one of `id`"),
        ("select 1::bigint as id from range(2)", {}, "the dataset has keys in more than one row: `id`"),
        ("select 1::bigint as id", {"keys": ["no"]}, "`keys` names what is no column of the dataset: `no`"),
        ("select 1::bigint as id", {"keys": []}, "`mode: upsert` needs `keys`"),
    ],
)
def test_keys_name_one_row_each(place: Lake, work: Workbench, sql: str, more: Any, said: str) -> None:
    place.made({"id": [1]})
    before = place.files()
    work.make("d", sql)
    assert place.refused(work, "write", **{**UPSERT, **more}).message == said
    assert place.files() == before
    assert rows(work, place) == [(1,)]


def test_an_upsert_again_is_the_same_publication(place: Lake, work: Workbench) -> None:
    place.made({"id": [1]})
    work.make("d", "select 1::bigint as id union all select 2")
    inputs: Any = {"resource": "lake", "table": "orders", "mode": "upsert", "keys": ["id"]}
    first = work.write(PUBLICATION, **inputs)
    assert (first.rows, first.inserted, first.updated) == (2, 1, 1)
    assert work.write(PUBLICATION._replace(attempt=2), **inputs) == first


def test_partitions_that_the_dataset_holds_are_overwritten_and_no_others(place: Lake, work: Workbench) -> None:
    table = place.made({"day": ["mo", "mo", "tu"], "n": [1, 2, 3]})
    table.append(pa.table({"day": ["we", None], "n": [4, 5]}))
    work.make("d", "select 'mo' as day, 9::bigint as n union all select null, 8 union all select 'th', 7")
    result = work.do("write", OVERWRITE)
    assert (result.rows, "inserted" in result.results) == (3, False)
    assert rows(work, place) == sorted([("tu", 3), ("we", 4), ("mo", 9), (None, 8), ("th", 7)], key=str)


def test_files_of_a_partitioned_table_that_hold_no_such_row_stay(place: Lake, work: Workbench) -> None:
    table = place.table(pa.schema([("day", pa.string()), ("n", pa.int64())]))
    with table.update_spec() as change:
        change.add_identity("day")
    table.append(pa.table({"day": ["mo", "tu", "we"], "n": [1, 2, 3]}))
    work.make("d", "select 'mo' as day, 9::bigint as n")
    work.do("write", OVERWRITE)
    assert rows(work, place) == [("mo", 9), ("tu", 2), ("we", 3)]
    assert place.summary()["deleted-data-files"] == "1"


def test_a_table_whose_columns_are_not_written_is_not_written_anew(place: Lake, work: Workbench) -> None:
    place.made({"id": [1], "s": pa.array([[1]], pa.list_(pa.int64()))})
    work.make("d", "select 1::bigint as id")
    said = "files of the table would be written anew, and its column `s` is not written"
    assert place.refused(work, "write", **UPSERT).message == said
    work.do("write", {**UPSERT, "mode": "append", "keys": None})
    assert len(rows(work, place)) == 2


def test_rows_that_another_program_has_deleted_are_gone(place: Lake, work: Workbench) -> None:
    """DuckDB writes down which rows of a file are deleted; PyIceberg writes the file anew."""
    place.made({"id": [1, 2, 3, 4]})
    place.do_by_duckdb("delete from lake.sales.orders where id = 2", "insert into lake.sales.orders values (5), (6)")
    place.do_by_duckdb("delete from lake.sales.orders where id in (3, 6)")
    assert any(place.folder.glob("sales/orders/data/*delete*"))
    work.do("read", READ)
    assert sorted(work.rows()) == [(1,), (4,), (5,)] == place.by_pyiceberg()


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("append", [(1,), (1,), (3,), (7,)]),
        ("replace", [(1,), (7,)]),
        ("upsert", [(1,), (3,), (7,)]),
        ("insert_overwrite", [(1,), (3,), (7,)]),
    ],
)
def test_what_is_deleted_stays_deleted_after_every_mode(
    place: Lake, work: Workbench, mode: str, expected: list[tuple[int]]
) -> None:
    place.made({"id": [1, 2, 3]})
    place.do_by_duckdb("delete from lake.sales.orders where id = 2")
    work.make("d", "select 1::bigint as id union all select 7")
    more: dict[str, Any] = {"upsert": {"keys": ["id"]}, "insert_overwrite": {"partition_by": ["id"]}}
    result = work.do("write", {"resource": "lake", "table": "orders", "from": "d", "mode": mode, **more.get(mode, {})})
    work.do("read", READ)
    assert sorted(work.rows()) == expected == place.by_pyiceberg()
    assert len(place.by_duckdb()) == len(expected)
    if mode == "upsert":
        assert result.results["updated"] == 1


def test_a_table_that_duckdb_has_made_is_read_and_gone_on_with(place: Lake, work: Workbench) -> None:
    (place.folder / "sales" / "orders" / "metadata").mkdir(parents=True)
    (place.folder / "sales" / "orders" / "data").mkdir()
    place.do_by_duckdb("create table lake.sales.orders as select range as id, 'n' || range as name from range(3)")
    work.make("d", "select 2::bigint as id, 'x' as name")
    work.do("write", UPSERT)
    work.do("read", READ)
    assert sorted(work.rows()) == [(0, "n0"), (1, "n1"), (2, "x")] == place.by_pyiceberg()
