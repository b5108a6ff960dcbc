"""Tables of an Iceberg REST catalog, read and written; PyIceberg and DuckDB's extension say what is in them."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from pyiceberg import types
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortField, SortOrder
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform, MonthTransform, TruncateTransform

from firn_runtime.connector import Bound, ReadContext
from firn_runtime.errors import ConnectorError
from firn_runtime.probing import Use
from firn_schemas.decode import decode
from firn_schemas.steps.data import ReadInputs
from runtime.connectors.iceberg.lake import READ, WRITE, Lake
from runtime.connectors.sinks import PUBLICATION
from runtime.workbench import Workbench
from servers.iceberg import client

Make = Callable[..., Workbench]


def read(work: Workbench, **more: Any) -> list[tuple[Any, ...]]:
    work.do("read", {**READ, **more})
    return sorted(work.rows(), key=str)


def test_a_table_is_read_with_the_types_of_its_schema(place: Lake, work: Workbench) -> None:
    place.made({"id": [1, 2], "name": ["a", None], "amount": pa.array([Decimal("1.50"), None], pa.decimal128(9, 2))})
    result = work.do("read", READ)
    assert (result.rows, work.session.columns("data")) == (
        2,
        {"id": "BIGINT", "name": "VARCHAR", "amount": "DECIMAL(9,2)"},
    )
    assert sorted(work.rows()) == [(1, "a", Decimal("1.50")), (2, None, None)]
    assert result.bytes == sum(file.stat().st_size for file in place.files())


def test_every_type_that_is_read_comes_with_its_values(place: Lake, work: Workbench) -> None:
    inner = pa.struct([("a", pa.int32()), ("l", pa.list_(pa.string()))])
    rows: dict[str, Any] = {
        "b": pa.array([True]),
        "i": pa.array([1], pa.int32()),
        "f": pa.array([0.5], pa.float32()),
        "g": pa.array([0.25]),
        "d": pa.array([date(1969, 12, 31)]),
        "t": pa.array([time(1, 2, 3, 4)], pa.time64("us")),
        "ts": pa.array([datetime(1969, 12, 31, 23, 59, 59, 999999)], pa.timestamp("us")),
        "x": pa.array([b"\0\xff"]),
        "y": pa.array([b"abc"], pa.binary(3)),
        "s": pa.array([{"a": 1, "l": ["p", None]}], inner),
        "m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
    }
    place.made(rows)
    assert read(work, columns=list(rows)) == [
        (
            *(True, 1, 0.5, 0.25, date(1969, 12, 31), time(1, 2, 3, 4)),
            datetime(1969, 12, 31, 23, 59, 59, 999999),
            *(b"\0\xff", b"abc", {"a": 1, "l": ["p", None]}, {"k": 1}),
        )
    ]


def test_a_table_without_a_snapshot_has_columns_and_no_rows(place: Lake, work: Workbench) -> None:
    place.table(pa.schema([("id", pa.int64()), ("at", pa.timestamp("us", "UTC"))]))
    assert read(work) == []
    assert work.session.columns("data") == {"id": "BIGINT", "at": "TIMESTAMP WITH TIME ZONE"}


def test_columns_are_found_by_their_ids_whatever_they_were_called(place: Lake, work: Workbench) -> None:
    table = place.made({"id": pa.array([1], pa.int32()), "name": ["a"], "gone": ["x"]})
    with table.update_schema() as change:
        change.rename_column("name", "gone_name")
        change.delete_column("gone")
        change.update_column("id", types.LongType())
    with table.update_schema() as change:
        change.rename_column("gone_name", "title")
        change.add_column("name", types.StringType())
    table.append(pa.table({"id": [2], "title": ["b"], "name": ["new"]}))
    assert read(work) == [(1, "a", None), (2, "b", "new")] == place.by_pyiceberg()


def test_a_column_that_was_added_and_then_partitioned_by_is_null_in_older_files(place: Lake, work: Workbench) -> None:
    table = place.made({"id": [1]})
    with table.update_schema() as change:
        change.add_column("region", types.StringType())
    with table.update_spec() as spec:
        spec.add_identity("region")
    table.append(pa.table({"id": [2], "region": ["eu"]}))
    assert read(work) == [(1, None), (2, "eu")] == place.by_pyiceberg()
    work.make("d", "select 1::bigint as id, 'us' as region")
    work.do("write", {**WRITE, "mode": "upsert", "keys": ["id"]})
    assert read(work) == [(1, "us"), (2, "eu")] == place.by_pyiceberg()


def test_a_column_that_stands_in_the_partition_alone_is_refused(place: Lake, work: Workbench) -> None:
    table = place.made({"id": [1], "region": ["eu"]})
    with table.update_spec() as spec:
        spec.add_identity("region")
    schema = pa.schema([pa.field("id", pa.int64(), metadata={"PARQUET:field_id": "1"})])
    place.holds(table, pa.table({"id": [2]}, schema), "us")
    error = place.refused(work)
    assert "lacks the column `region`, which stands in its partition alone" in error.message
    assert read(work, columns=["id"]) == [(1,), (2,)]


def test_a_part_of_a_nested_column_that_was_renamed_is_refused_and_never_read_as_null(
    place: Lake, work: Workbench
) -> None:
    table = place.made({"id": [1], "s": pa.array([{"a": 1}], pa.struct([("a", pa.int64())]))})
    with table.update_schema() as change:
        change.rename_column("s.a", "b")
    error = place.refused(work)
    assert error.message == 'the column `s` is STRUCT("b" BIGINT), and in a file of the table it is STRUCT(a BIGINT)'
    assert read(work, columns=["id"]) == [(1,)]


def test_a_part_of_a_nested_column_that_was_added_is_null_in_older_files(place: Lake, work: Workbench) -> None:
    table = place.made({"s": pa.array([{"a": 1}], pa.struct([("a", pa.int64())]))})
    with table.update_schema() as change:
        change.add_column(("s", "b"), types.StringType())
    assert read(work) == [({"a": 1, "b": None},)]


def test_a_nested_column_whose_parts_have_all_been_replaced_is_refused(place: Lake, work: Workbench) -> None:
    table = place.made({"s": pa.array([{"a": 1}], pa.struct([("a", pa.int64())]))})
    with table.update_schema() as change:
        change.add_column(("s", "b"), types.LongType())
    with table.update_schema() as change:
        change.delete_column("s.a")
    said = 'the column `s` is STRUCT("b" BIGINT), and in a file of the table it is STRUCT(a BIGINT)'
    assert place.refused(work).message == said


@pytest.mark.parametrize(
    ("wanted", "content", "said"),
    [
        (types.StringType(), pa.array(["é".encode()]), "VARCHAR[], and in a file of the table it is BLOB[]"),
        (types.BinaryType(), pa.array(["\\x41"]), "BLOB[], and in a file of the table it is VARCHAR[]"),
        (types.LongType(), pa.array([1.5]), "BIGINT[], and in a file of the table it is DOUBLE[]"),
        (
            types.DecimalType(9, 2),
            pa.array([Decimal("1.005")]),
            "DECIMAL(9,2)[], and in a file of the table it is DECIMAL(4,3)[]",
        ),
        (
            types.TimestampType(),
            pa.array([1], pa.timestamp("ns")),
            "TIMESTAMP[], and in a file of the table it is TIMESTAMP_NS[]",
        ),
    ],
)
def test_parts_of_a_nested_column_that_would_be_changed_are_refused(
    place: Lake, work: Workbench, wanted: Any, content: pa.Array, said: str
) -> None:
    items = types.ListType(2, wanted, element_required=False)
    table = place.table(Schema(types.NestedField(1, "l", items, required=False)))
    kind = pa.list_(pa.field("element", content.type, metadata={"PARQUET:field_id": "2"}))
    schema = pa.schema([pa.field("l", kind, metadata={"PARQUET:field_id": "1"})])
    place.holds(table, pa.table({"l": pa.ListArray.from_arrays([0, 1], content).cast(kind)}, schema=schema))
    assert place.refused(work).message == f"the column `l` is {said}"


def test_parts_of_a_nested_column_that_were_widened_are_read(place: Lake, work: Workbench) -> None:
    inner = pa.struct([("i", pa.int32()), ("f", pa.float32()), ("d", pa.decimal128(5, 2))])
    table = place.made({"l": pa.array([[{"i": 1, "f": 0.5, "d": Decimal("1.25")}]], pa.list_(inner))})
    with table.update_schema() as change:
        change.update_column(("l", "element", "i"), types.LongType())
        change.update_column(("l", "element", "f"), types.DoubleType())
        change.update_column(("l", "element", "d"), types.DecimalType(20, 2))
    assert read(work) == [([{"i": 1, "f": 0.5, "d": Decimal("1.25")}],)]


def test_a_file_that_a_table_names_twice_is_refused_since_other_programs_read_it_twice(
    place: Lake, work: Workbench
) -> None:
    table = place.table(pa.schema([("id", pa.int64())]))
    file = place.holds(table, pa.table({"id": [1]}))
    table.add_files([file], check_duplicate_files=False)
    error = place.refused(work)
    assert error.message == f"the table names its file `{file}` twice"
    work.make("d", "select 1::bigint as id")
    assert place.refused(work, "write", **{**WRITE, "mode": "upsert", "keys": ["id"]}).message == error.message


def test_files_without_ids_are_read_by_the_names_that_the_table_maps(place: Lake, work: Workbench) -> None:
    import pyarrow.parquet

    table = place.table(pa.schema([("id", pa.int64()), ("name", pa.string())]))
    file = place.folder / "sales" / "old.parquet"
    file.parent.mkdir(exist_ok=True)
    pyarrow.parquet.write_table(pa.table({"name": ["a"], "id": [1]}), file)
    table.add_files([file.as_uri()])
    assert read(work) == [(1, "a")]
    with table.transaction() as change:
        change.remove_properties("schema.name-mapping.default")
    assert place.refused(work).message == "a file of the table has no field ids, and the table maps no names"


def test_rows_that_were_deleted_in_their_files_are_gone(place: Lake, work: Workbench) -> None:
    table = place.made({"id": list(range(10))})
    table.delete("id < 4")
    assert read(work) == [(one,) for one in range(4, 10)]


def test_only_the_columns_that_are_asked_for_are_read_in_their_order(place: Lake, work: Workbench) -> None:
    place.made({"a": [1], "b": [2], "c": [3]})
    assert read(work, columns=["c", "a"]) == [(3, 1)]
    assert read(work, columns=["a"], schema={"a": "varchar"}) == [("1",)]


def test_an_incremental_read_takes_what_lies_after_the_watermark(place: Lake, work: Workbench) -> None:
    place.made({"id": [1, 2, 3]})
    work.do("read", {**READ, "incremental": {"cursor": "id", "initial": 2}})
    assert sorted(work.rows()) == [(2,), (3,)]


def test_a_table_may_be_named_with_its_namespace(place: Lake, bench: Make) -> None:
    place.made({"id": [1]})
    work = bench(lake=place.resource(namespace=None))
    assert read(work, table="sales.orders") == [(1,)]
    error = place.refused(work)
    assert (error.message, error.help) == (
        "`table` is a name in a namespace of the catalog",
        "write `table: namespace.name`, or give the resource a `namespace`",
    )


def test_a_namespace_of_several_parts_is_one_part_of_the_path(place: Lake, bench: Make) -> None:
    work = bench(lake=place.resource(namespace="sales.eu"))
    work.make("d", "select 1 as id")
    work.do("write", WRITE)
    assert read(work, table="sales.eu.orders") == [(1,)]
    assert place.catalog.asked[-1].path == "/v1/wh/production/namespaces/sales%1Feu/tables/orders"


def test_a_table_that_is_not_there_is_named(place: Lake, work: Workbench) -> None:
    assert place.refused(work).message == "the catalog has no table `sales.orders`"


TYPES = """
    select true as b, 1::tinyint as i1, 2::integer as i4, 3::bigint as i8, 4::ubigint as u8, 5::hugeint as h,
        0.5::float as f, 0.25 ::double as g, 1.5::decimal(9,2) as m, 1.5::decimal(30,2) as n,
        date '1969-12-31' as d, time '01:02:03.000004' as t, timestamp '1969-12-31 23:59:59.999999' as ts,
        timestamptz '2026-03-29 01:30:00+00' as tz, 'é' as s, '\\x00\\xFF'::blob as x,
        '00000000-0000-0000-0000-0000000000ff'::uuid as u, '{"a": 1}'::json as j, null as nothing"""


def test_a_table_that_is_missing_is_made_with_the_first_commit(place: Lake, work: Workbench) -> None:
    work.make("d", TYPES)
    result = work.do("write", WRITE)
    assert (result.rows, result.bytes) == (1, next(iter(place.files())).stat().st_size)
    assert [str(one.field_type) for one in place.catalog.tables["sales", "orders"].schema().fields] == [
        *("boolean", "int", "int", "long", "decimal(20, 0)", "decimal(38, 0)", "float", "double"),
        *("decimal(9, 2)", "decimal(30, 2)", "date", "time", "timestamp", "timestamptz", "string", "binary"),
        *("uuid", "string", "int"),
    ]
    expected = (
        *(True, 1, 2, 3, Decimal(4), Decimal(5), 0.5, 0.25, Decimal("1.50"), Decimal("1.50")),
        *(date(1969, 12, 31), time(1, 2, 3, 4), datetime(1969, 12, 31, 23, 59, 59, 999999)),
        *(datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "é", b"\0\xff", UUID(int=255), '{"a": 1}', None),
    )
    assert place.by_pyiceberg() == [expected]
    assert len(place.by_duckdb()) == 1
    work.do("read", READ)
    both = [work.session.execute(f"select columns(*)::varchar from {name}") for name in ("data", "d")]
    assert both[0] == [tuple("true" if one is True else one for one in both[1][0])]


@pytest.mark.parametrize("sql", ["[1, 2]", "{'a': 1}", "interval 1 day", "timestamp_ns '2026-01-01'", "map {'a': 1}"])
def test_a_type_that_has_no_column_is_refused_with_its_name(place: Lake, work: Workbench, sql: str) -> None:
    work.make("d", f"select 1 as id, {sql} as v")
    error = place.refused(work, "write", **WRITE)
    assert (error.error_class, error.help) == ("data", "cast it in a `sql` step before, such as to text")
    assert error.message.startswith("`v` is ")
    assert place.catalog.tables == {}


def test_append_adds_rows_and_replace_takes_the_others_away(place: Lake, work: Workbench) -> None:
    for mode, count in (("append", 3), ("append", 6), ("replace", 3), ("append", 6), ("replace", 3)):
        work.make("d", "select range as id, 'n' || range as name from range(3)")
        work.do("write", {**WRITE, "mode": mode})
        rows = place.by_pyiceberg()
        assert len(rows) == count
        assert read(work) == rows
        assert place.by_duckdb() == [(str(id), name) for id, name in rows]
        said = place.summary()
        assert (said["total-records"], said["operation"]) == (
            str(count),
            "append" if mode == "append" else "overwrite",
        )
    assert said["deleted-records"] == "6"


def test_what_others_have_written_is_gone_on_with(place: Lake, work: Workbench) -> None:
    table = place.made({"id": [1, 2]})
    work.make("d", "select 3::bigint as id")
    work.do("write", WRITE)
    table.refresh()
    table.append(pa.table({"id": [4]}))
    table.delete("id = 1")
    assert read(work) == [(2,), (3,), (4,)] == place.by_pyiceberg()
    work.do("write", {**WRITE, "mode": "replace"})
    assert read(work) == [(3,)] == place.by_pyiceberg()
    table.refresh()
    table.append(pa.table({"id": [5]}))
    assert [tuple(map(str, row)) for row in read(work)] == [("3",), ("5",)] == place.by_duckdb()


def test_an_older_snapshot_can_be_read_after_a_replace(place: Lake, work: Workbench) -> None:
    table = place.made({"id": [1]})
    old = table.current_snapshot().snapshot_id
    work.make("d", "select 2::bigint as id")
    work.do("write", {**WRITE, "mode": "replace"})
    table.refresh()
    assert table.scan(snapshot_id=old).to_arrow().to_pylist() == [{"id": 1}]


def test_no_rows_are_published_too(place: Lake, work: Workbench) -> None:
    work.make("d", "select 1 as id where false")
    assert work.do("write", WRITE).rows == 0
    assert (read(work), place.by_pyiceberg(), place.by_duckdb()) == ([], [], [])
    work.make("d", "select 1 as id")
    work.do("write", WRITE)
    work.make("d", "select 1 as id where false")
    work.do("write", {**WRITE, "mode": "replace"})
    assert (read(work), place.by_pyiceberg(), place.by_duckdb()) == ([], [], [])


def test_rows_find_the_partitions_of_their_table(place: Lake, work: Workbench) -> None:
    fields = [("id", pa.int64()), ("at", pa.timestamp("us", "UTC")), ("s", pa.string()), ("d", pa.date32())]
    table = place.table(pa.schema(fields))
    with table.update_spec() as change:
        change.add_identity("s")
        change.add_field("at", DayTransform(), "at_day")
        change.add_field("id", TruncateTransform(10), "tens")
        change.add_field("d", MonthTransform(), "month")
    work.make(
        "d",
        """
        select range - 20 as id, timestamptz '1969-12-31 22:00:00+00' + to_hours(range) as at,
            ['a', null, '__HIVE_DEFAULT_PARTITION__'][range % 3 + 1] as s, date '1969-11-30' + range::int as d
        from range(40)""",
    )
    work.do("write", WRITE)
    table.refresh()
    rows = place.by_pyiceberg()
    assert len(rows) == 40
    by_filter = {
        "s = 'a'": [row for row in rows if row[2] == "a"],
        "s is null": [row for row in rows if row[2] is None],
        "at < '1970-01-01T00:00:00+00:00'": [row for row in rows if row[1].year < 1970],
        "id = -3": [row for row in rows if row[0] == -3],
        "d < '1969-12-01'": [row for row in rows if row[3] < date(1969, 12, 1)],
    }
    for condition, wanted in by_filter.items():
        found = table.scan(row_filter=condition).to_arrow().to_pylist()
        assert sorted((tuple(row.values()) for row in found), key=str) == wanted
        assert wanted
    assert len(place.by_duckdb()) == work.do("read", READ).rows == 40


def test_a_partition_that_this_version_cannot_tell_is_refused(place: Lake, work: Workbench) -> None:
    table = place.table(pa.schema([("id", pa.int64())]))
    with table.update_spec() as change:
        change.add_field("id", BucketTransform(4), "id_bucket")
    work.make("d", "select 1::bigint as id")
    error = place.refused(work, "write", **WRITE)
    assert error.message == "the table is partitioned by `bucket[4]` of `id`, which this version does not write"


def test_columns_that_differ_follow_the_policy(place: Lake, work: Workbench) -> None:
    place.made({"id": [1], "name": ["a"]})
    work.make("d", "select 2::bigint as id, 0.5::double as price")
    error = place.refused(work, "write", **WRITE)
    assert error.message == ("the dataset does not fit the table `orders`: the table has no column `price` (DOUBLE)")
    work.do("write", {**WRITE, "on_schema_change": "add_columns"})
    assert read(work) == [(1, "a", None), (2, None, 0.5)] == place.by_pyiceberg()
    assert len(place.by_duckdb()) == 2
    work.make("d", "select 'x' as id")
    assert "`id` is VARCHAR, and long in the table" in place.refused(work, "write", **WRITE).message


def test_strict_takes_exactly_the_columns_and_types_of_the_table(place: Lake, work: Workbench) -> None:
    amount = pa.array([Decimal("1.50")], pa.decimal128(9, 2))
    place.made({"id": pa.array([1], pa.int32()), "amount": amount})
    work.make("d", "select 2::integer as id, 2.5::decimal(9,2) as amount")
    work.do("write", {**WRITE, "on_schema_change": "strict"})
    assert len(read(work)) == 2
    work.make("d", "select 2::smallint as id, 2.5::decimal(8,2) as amount")
    assert "`amount` is DECIMAL(8,2), and decimal(9, 2) in the table" in (
        place.refused(work, "write", **{**WRITE, "on_schema_change": "strict"}).message
    )


def test_a_column_that_is_added_leaves_what_is_said_of_the_others(place: Lake, work: Workbench) -> None:
    field = types.NestedField(1, "id", types.LongType(), required=True, doc="the order's number")
    place.table(Schema(field, identifier_field_ids=[1]))
    work.make("d", "select 1::bigint as id, 'a' as name")
    work.do("write", {**WRITE, "on_schema_change": "add_columns"})
    schema = place.catalog.tables["sales", "orders"].schema()
    assert (schema.identifier_field_ids, schema.find_field("id").doc) == ([1], "the order's number")
    assert read(work) == [(1, "a")] == place.by_pyiceberg()


def test_replace_gives_a_table_other_columns_and_says_so(place: Lake, work: Workbench) -> None:
    place.made({"id": [1], "name": ["a"]})
    work.make("d", "select 'x' as id, 'b' as name")
    result = work.do("write", {**WRITE, "mode": "replace"})
    assert result.warnings == ("the table `orders` has other columns now: `id` is VARCHAR, and long in the table",)
    assert read(work) == [("x", "b")] == place.by_pyiceberg() == place.by_duckdb()
    assert [one.field_id for one in place.catalog.tables["sales", "orders"].schema().fields] == [3, 2]


def test_an_older_snapshot_is_read_with_the_columns_of_its_time(place: Lake, work: Workbench) -> None:
    for sql in ("select 1 as id, 'a' as name", "select 2 as id", "select 3 as id, 'c' as name", "select 4 as id"):
        work.make("d", sql)
        work.do("write", {**WRITE, "mode": "replace"})
    table = client(place.catalog).load_table("sales.orders")
    rows = [table.scan(snapshot_id=one.snapshot_id).to_arrow().to_pylist() for one in table.history()]
    assert rows == [[{"id": 1, "name": "a"}], [{"id": 2}], [{"id": 3, "name": "c"}], [{"id": 4}]]
    assert [table.snapshot_by_id(one.snapshot_id).schema_id for one in table.history()] == [0, 1, 2, 1]


def test_replace_leaves_what_is_said_of_the_columns_that_stay(place: Lake, work: Workbench) -> None:
    field = types.NestedField(1, "id", types.LongType(), required=True, doc="the order's number")
    place.table(Schema(field, types.NestedField(2, "name", types.StringType()), identifier_field_ids=[1]))
    work.make("d", "select 1::bigint as id, 2 as name")
    work.do("write", {**WRITE, "mode": "replace"})
    schema = place.catalog.tables["sales", "orders"].schema()
    assert (schema.identifier_field_ids, schema.find_field("id")) == ([1], field)
    assert read(work) == [(1, 2)] == place.by_pyiceberg()
    work.make("d", "select null::bigint as id")
    assert "which the table requires" in place.refused(work, "write", **{**WRITE, "mode": "replace"}).message


def test_replace_takes_no_column_away_by_which_the_table_is_sorted(place: Lake, work: Workbench) -> None:
    order = SortOrder(SortField(source_id=2, transform=IdentityTransform()))
    fields = types.NestedField(1, "id", types.IntegerType()), types.NestedField(2, "name", types.StringType())
    place.table(Schema(*fields), sort_order=order)
    work.make("d", "select 1 as id")
    said = "the columns of the table would change, and it is sorted by one of them: "
    assert place.refused(work, "write", **{**WRITE, "mode": "replace"}).message.startswith(said)
    work.make("d", "select 1::bigint as id, 'a' as name")
    work.do("write", {**WRITE, "mode": "replace"})
    assert read(work) == [(1, "a")] == place.by_pyiceberg()


def test_a_null_in_a_required_column_is_refused_before_anything_is_there(place: Lake, work: Workbench) -> None:
    place.table(pa.schema([pa.field("id", pa.int64(), nullable=False), ("name", pa.string())]))
    work.make("d", "select null::bigint as id, 'a' as name union all select 1, 'b'")
    assert place.refused(work, "write", **WRITE).message == "the dataset has NULL in `id`, which the table requires"
    assert place.files() == set()
    work.make("d", "select 1::bigint as id, 'b' as name")
    work.do("write", WRITE)
    assert read(work) == [(1, "b")] == place.by_pyiceberg()


def test_a_number_that_does_not_fit_is_refused(place: Lake, work: Workbench) -> None:
    place.made({"id": pa.array([1], pa.int32())})
    work.make("d", "select 3000000000 as id")
    assert place.refused(work, "write", **WRITE).error_class == "data"
    assert read(work) == [(1,)]


def test_a_publication_is_made_once_and_is_in_the_snapshot(place: Lake, work: Workbench) -> None:
    work.make("d", "select range as id from range(3)")
    inputs: Any = {"resource": "lake", "table": "orders", "mode": "append"}
    first = work.write(PUBLICATION, **inputs)
    assert work.write(PUBLICATION._replace(attempt=2), **inputs) == first
    assert len(place.by_pyiceberg()) == 3
    said = place.summary()
    assert (said["firn.run-id"], said["firn.flow"], said["firn.step"]) == (
        PUBLICATION.run,
        PUBLICATION.flow,
        PUBLICATION.step,
    )
    work.write(PUBLICATION._replace(run="other"), **inputs)
    assert work.write(PUBLICATION, **inputs) == first
    assert len(place.by_pyiceberg()) == 6


def test_an_older_run_of_the_flow_does_not_write_after_a_younger_one(place: Lake, work: Workbench) -> None:
    work.make("d", "select 1 as id")
    inputs: Any = {"resource": "lake", "table": "orders", "mode": "append"}
    work.write(PUBLICATION._replace(run="young", fence=8), **inputs)
    with pytest.raises(ConnectorError, match="another run of the flow has taken over"):
        work.write(PUBLICATION._replace(run="old", fence=7), **inputs)
    work.write(PUBLICATION._replace(run="stranger", flow="other", fence=7), **inputs)


def test_a_run_that_lost_its_lease_leaves_nothing(place: Lake, work: Workbench) -> None:
    def lost() -> None:
        raise ConnectorError("conflict", "the lease is lost")

    work.make("d", "select 1 as id")
    with pytest.raises(ConnectorError, match="the lease is lost"):
        work.write(PUBLICATION, lost, resource="lake", table="orders", mode="append")
    assert (place.catalog.tables, place.files()) == ({}, set())


def test_a_preflight_sees_the_warehouse_and_its_tables(place: Lake) -> None:
    place.made({"id": [1]})
    uses = [
        Use("read", table="orders"),
        Use("read", table="lost"),
        Use("write", table="made"),
        Use("write", table="x.y"),
    ]
    seen = [(one.check, one.status, one.message) for one in place.resource().probe(uses)]
    assert seen == [
        ("connection", "ok", "the catalog `127.0.0.1` has the warehouse `production`"),
        ("login", "ok", "the catalog takes the credentials"),
        ("read", "ok", "the table `sales.orders` is there"),
        ("read", "failed", "there is no table `sales.lost`"),
        ("write", "ok", "there is no table `sales.made` yet; the write makes it"),
        ("write", "ok", "there is no table `x.y` yet; the write makes it"),
    ]


def test_a_bound_needs_nothing_of_the_connector(place: Lake, work: Workbench) -> None:
    place.made({"id": [1, 2]})
    inputs = decode(ReadInputs, {**READ})
    context = ReadContext(work.session, work.scratch("r", "j", "s"), Bound("id", "1", "BIGINT", inclusive=False))
    assert work.resources["lake"].read(inputs, context).bytes > 0
