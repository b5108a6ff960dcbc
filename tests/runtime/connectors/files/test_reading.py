"""Several files that are one dataset, and files that are not what they should be."""

import gzip
import json
import os
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard as zstd_library

from firn_runtime.connectors.files.dataset import Found
from firn_runtime.connectors.files.formats import Format
from firn_runtime.connectors.files.layouts import layouts
from firn_runtime.connectors.files.paths import local_name, partition_keys
from firn_runtime.errors import ConnectorError
from firn_runtime.patterns import folder_of, matching
from firn_schemas.steps.data import FormatOptions
from runtime.workbench import Workbench, connector

CANARY = "canary-7f3a"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "env=prod"
    folder.mkdir()
    return folder


@pytest.fixture
def work(bench: Callable[..., Workbench], root: Path) -> Workbench:
    return bench(files=connector("files", "local", root=str(root)))


def put(root: Path, name: str, content: str | bytes) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def parquet(root: Path, name: str, sql: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    duckdb.sql(f"copy ({sql}) to '{root / name}' (format parquet)")


def read(work: Workbench, path: str, **more: Any) -> list[tuple[Any, ...]]:
    work.do("read", {"resource": "files", "path": path, **more})
    return work.rows()


def refused(work: Workbench, path: str, **more: Any) -> str:
    with pytest.raises(ConnectorError) as caught:
        read(work, path, **more)
    assert caught.value.error_class == "data"
    assert CANARY not in caught.value.message + caught.value.help
    assert "\n" not in caught.value.message
    return caught.value.message


def test_folders_that_name_columns_give_them(work: Workbench, root: Path) -> None:
    put(root, "sales/year=2024/month=01/a.csv", "id\n1\n")
    put(root, "sales/year=2024/month=10/a.csv", "id\n2\n")
    assert read(work, "sales/**/*.csv") == [(1, 2024, "01"), (2, 2024, "10")]
    assert work.session.columns("data") == {"id": "BIGINT", "month": "VARCHAR", "year": "BIGINT"}
    assert list(work.session.columns("data")) == ["id", "year", "month"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["5", "-5", "0", "NULL"], "BIGINT"),
        (["20240102"], "BIGINT"),
        (["9223372036854775808"], "VARCHAR"),
        (["0x1F"], "VARCHAR"),
        (["-0"], "VARCHAR"),
        ([" 5"], "VARCHAR"),
        (["2024-02-29"], "DATE"),
        (["2023-02-29"], "VARCHAR"),
        (["26-11-23"], "VARCHAR"),
        (["epoch"], "VARCHAR"),
        (["infinity"], "VARCHAR"),
        (["2024-01-02 10:00", "2024-01-02 10:00:00.123456", "2024-01-02T10%3A00%3A00Z"], "TIMESTAMP"),
        (["2024-01-02 10:00:00+02"], "VARCHAR"),
        (["2024-01-02 10:00:00 CET"], "VARCHAR"),
        (["2024-01-02 10:00:00.123456789"], "VARCHAR"),
        (["2024-01-02", "5"], "VARCHAR"),
        (["__HIVE_DEFAULT_PARTITION__"], "VARCHAR"),
    ],
)
def test_values_of_such_columns_are_those_that_are_spelled(
    work: Workbench, root: Path, values: list[str], kind: str
) -> None:
    for value in values:
        put(root, f"k={value}/a.csv", "id\n1\n")
    found = read(work, "*/a.csv", columns=["k"])
    assert work.session.columns("data") == {"k": kind}
    assert kind != "VARCHAR" or [value for (value,) in found] in (values, sorted(values), [None])


def test_schema_gives_the_types_of_such_columns(work: Workbench, root: Path) -> None:
    put(root, "d=2024-01-02/m=01/a.csv", "id,v\n1,2\n")
    schema = {"m": "integer", "id": "varchar", "d": "varchar"}
    assert read(work, "**/*.csv", schema=schema, columns=["d", "m", "id"]) == [("2024-01-02", 1, "1")]
    assert list(work.session.columns("data").values()) == ["VARCHAR", "INTEGER", "VARCHAR"]


@pytest.mark.parametrize("name", ["a.parquet", "a.ndjson", "a.csv"])
@pytest.mark.parametrize(
    ("value", "kind"),
    [("1.5", "integer"), ("1.005", "decimal(18,2)"), ("2024-01-02 10%3A00%3A00", "date"), ("2", "boolean")],
)
def test_schema_bends_no_value_in_a_folder(work: Workbench, root: Path, name: str, value: str, kind: str) -> None:
    if name == "a.parquet":
        parquet(root, f"k={value}/{name}", "select 1 as id")
    else:
        put(root, f"k={value}/{name}", "id\n1\n" if name == "a.csv" else '{"id": 1}\n')
    schema = {"id": "bigint", "k": kind}
    assert "the name of a folder holds for `k` what is no" in refused(work, f"*/{name}", schema=schema)
    assert read(work, f"*/{name}", schema=schema | {"k": "varchar"}) == [(1, value.replace("%3A", ":"))]


@pytest.mark.parametrize("name", ["a.parquet", "a.ndjson"])
def test_other_formats_have_such_columns_too(work: Workbench, root: Path, name: str) -> None:
    if name == "a.parquet":
        parquet(root, f"d=2024-01-02/{name}", "select 1::bigint as id")
    else:
        put(root, f"d=2024-01-02/{name}", '{"id": 1}\n')
    read(work, f"*/{name}")
    assert work.session.columns("data") == {"id": "BIGINT", "d": "DATE"}
    read(work, f"*/{name}", schema={"id": "integer", "d": "varchar"})
    assert work.session.columns("data") == {"id": "INTEGER", "d": "VARCHAR"}


def test_values_in_folders_are_decoded_and_may_be_null(work: Workbench, root: Path) -> None:
    put(root, "k=a%2Fb c/a.csv", "id\n1\n")
    put(root, "k=__HIVE_DEFAULT_PARTITION__/a.csv", "id\n2\n")
    assert read(work, "*/a.csv") == [(2, None), (1, "a/b c")]


def test_folders_above_the_root_name_no_columns(work: Workbench, root: Path) -> None:
    put(root, "a.csv", "id\n1\n")
    put(root, "k=1/a.csv", "id\n1\n")
    assert read(work, "a.csv") == [(1,)]
    assert read(work, "k=1/a.csv") == [(1, 1)]


def test_files_that_are_not_partitioned_alike_are_refused(work: Workbench, root: Path) -> None:
    put(root, "k=1/a.csv", "id\n1\n")
    put(root, "b.csv", "id\n1\n")
    assert refused(work, "**/*.csv") == "`b.csv` and `k=1/a.csv` are not partitioned alike"


def test_columns_are_matched_by_name_whatever_their_order(work: Workbench, root: Path) -> None:
    for number in range(30):
        put(root, f"{number:02}.csv", "id,n\n1,2\n" if number < 29 else "n,id\n20,10\n")
    assert read(work, "*.csv")[-2:] == [(1, 2), (10, 20)]
    assert read(work, "*.csv", schema={"n": "integer"})[-1] == (10, 20)


@pytest.mark.parametrize("other", ["id\n2\n", "id,naem\n2,y\n", "id,name,more\n2,y,3\n", "ID,name,name\n1,2,3\n"])
@pytest.mark.parametrize("order", ["az", "za"])
def test_files_with_other_columns_are_refused(work: Workbench, root: Path, other: str, order: str) -> None:
    put(root, f"{order[0]}.csv", "id,name\n1,x\n")
    put(root, f"{order[1]}.csv", other)
    assert "`z.csv` has other columns than `a.csv`" in refused(work, "*.csv")


@pytest.mark.parametrize(
    ("ending", "contents", "expected"),
    [
        ("csv", ["a,b\n1,2\n", "a,b\n3,4\n", "b,a\n1,2\n", "a,b\n"], [0, 2]),
        ("csv", ['"a\nb",c\n1,2\n', '"a\nb",c\n3,4\n'], [0, 1]),
        ("csv", ["a,b\r1,2\r", "a,b\r1,2\r", ""], [0, 1, 2]),
        ("csv.gz", ["a,b\n", "a,b\n"], [0, 1]),
        ("parquet", ["select 1 as a", "select 5 as a", "select 1 as b", "select 'x' as a"], [0, 2, 3]),
        ("parquet", ["select 1::bigint as a", "select 1::ubigint as a", "select 1::decimal(18,2) as a"], [0, 1, 2]),
        ("parquet", ["select 1::decimal(38,0) as a", "select 1::decimal(38,10) as a"], [0, 1]),
    ],
)
def test_one_file_of_each_layout_is_described(
    work: Workbench, root: Path, ending: str, contents: list[str], expected: list[int]
) -> None:
    names = [f"[{number}].{ending}" for number in range(len(contents))]
    for name, content in zip(names, contents, strict=True):
        parquet(root, name, content) if ending == "parquet" else put(root, name, content)
    kind: Literal["csv", "parquet"] = "parquet" if ending == "parquet" else "csv"
    found = Found(root, names, Format(kind, "gzip" if ending == "csv.gz" else "uncompressed"), ())
    assert layouts(work.session, found, FormatOptions()) == [names[number] for number in expected]


def test_headerless_files_with_more_columns_are_refused(work: Workbench, root: Path) -> None:
    put(root, "a.csv", "1,2\n")
    put(root, "b.csv", "1,2,3\n")
    options = {"header": False, "union_by_name": True}
    assert "`b.csv` has other columns" in refused(work, "*.csv", format_options=options)
    assert "`b.csv` has other columns" in refused(work, "*.csv", format_options=options, schema={"x": "integer"})


def test_parquet_files_with_other_columns_are_refused_or_united(work: Workbench, root: Path) -> None:
    parquet(root, "a.parquet", "select 1::integer as id")
    parquet(root, "b.parquet", "select 'x' as name, 2.5::double as id")
    assert "`name` is in one of them alone" in refused(work, "*.parquet")
    assert read(work, "*.parquet", format_options={"union_by_name": True}) == [(1.0, None), (2.5, "x")]


def test_csv_files_with_other_columns_are_united_where_asked(work: Workbench, root: Path) -> None:
    put(root, "a.csv", "id\n1\n")
    put(root, "b.csv", "name,id\nx,2\n")
    options = {"union_by_name": True}
    assert read(work, "*.csv", format_options=options) == [(1, None), (2, "x")]
    assert read(work, "*.csv", format_options=options, schema={"name": "varchar", "id": "bigint"})[1] == (2, "x")


def test_what_only_a_late_json_file_holds_is_not_lost(work: Workbench, root: Path) -> None:
    for number in range(60):
        put(root, f"{number:02}.ndjson", json.dumps({"id": number, **({"late": 1.5} if number == 59 else {})}))
    assert read(work, "*.ndjson")[-2:] == [(58, None), (59, 1.5)]


def test_files_of_two_formats_are_not_one_dataset(work: Workbench, root: Path) -> None:
    put(root, "a.csv", "id\n1\n")
    put(root, "b.csv.gz", gzip.compress(b"id\n1\n"))
    assert refused(work, "*") == "`a.csv` and `b.csv.gz` are not of one format"


def test_empty_files_hold_no_rows(work: Workbench, root: Path) -> None:
    put(root, "a.csv", "")
    put(root, "b.csv", "id\n1\n")
    put(root, "c.csv", "id\n")
    assert read(work, "*.csv") == [(1,)]
    assert refused(work, "a.csv") == "`a.csv` is empty: it has not even a header"


def text(rows: int = 200_000) -> bytes:
    return b"id,n\n" + b"".join(b"%d,%d\n" % (row, row * 7919 % 10007) for row in range(rows))


def zstd(root: Path) -> bytes:
    duckdb.sql(
        f"copy (select range as id, range % 97 as n from range(200000)) to '{root}/.z' (format csv, compression zstd)"
    )
    return (root / ".z").read_bytes()


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zst", "a.ndjson.gz"])
def test_a_compressed_file_that_was_cut_off_anywhere_is_broken(work: Workbench, root: Path, name: str) -> None:
    whole = zstd(root) if name.endswith("zst") else gzip.compress(text())
    for length in (1, 5, 20, len(whole) // 2, len(whole) - 9, len(whole) - 3, len(whole) - 1):
        put(root, name, whole[:length])
        assert refused(work, "a.*").startswith(f"`{name}` is broken")
    put(root, "whole." + name.partition(".")[2], whole)
    if not name.startswith("a.ndjson"):
        assert len(read(work, "whole.*")) == 200_000


def test_a_compressed_file_whose_bytes_were_changed_is_broken(work: Workbench, root: Path) -> None:
    whole = bytearray(gzip.compress(text()))
    whole[len(whole) // 2] ^= 255
    put(root, "a.csv.gz", bytes(whole))
    assert refused(work, "a.csv.gz") == "`a.csv.gz` is broken: its content is not what was compressed"
    put(root, "b.csv.gz", f"id\n{CANARY}\n")
    assert refused(work, "b.csv.gz").endswith("is broken: it is not what gzip wrote")
    put(root, "b.csv.zst", f"id\n{CANARY}\n")
    assert refused(work, "b.csv.zst").endswith("is broken: it is not what zstd wrote")


def test_compressed_files_may_have_several_members(work: Workbench, root: Path) -> None:
    put(root, "a.csv.gz", gzip.compress(b"id\n1\n") + gzip.compress(b"2\n"))
    assert read(work, "a.csv.gz") == [(1,), (2,)]


BROKEN: dict[str, str | bytes] = {
    "half_a_row.csv": "id,name,x\n" + "1,a,b\n" * 30_000 + f"2,{CANARY}",
    "half_a_row_early.csv": f"id,name,x\n1,a,b\n2,{CANARY}",
    "open_quote.csv": f'id,name\n1,"{CANARY}\n' + "2,b\n" * 30_000,
    "quote_inside.csv": "id,name\n" + "2,b\n" * 30_000 + f'1,"{CANARY}"n\n',
    "not_utf8.csv": b"id,name\n1,\xe4" + CANARY.encode() + b"\n",
    "half.ndjson": '{"id": 1}\n{"id": "' + CANARY,
    "half.json": '[{"id": 1}, {"id": "' + CANARY,
    "no_object.json": f'["{CANARY}"]',
    "no_footer.parquet": b"PAR1" + CANARY.encode() * 100,
    "empty.parquet": b"",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_and_not_quoted(work: Workbench, root: Path, name: str) -> None:
    put(root, name, BROKEN[name])
    message = refused(work, "*")
    assert name in message or name == "no_object.json"
    assert str(root) not in message


def test_the_line_is_named_where_it_is_known(work: Workbench, root: Path) -> None:
    put(root, "a.csv", "id,name,x\n" + "1,a,b\n" * 30_000)
    put(root, "b.csv", BROKEN["half_a_row.csv"])
    assert "Line: 30002" in refused(work, "*.csv")
    assert "in the file `b.csv`" in refused(work, "*.csv")
    put(root, "b.csv", BROKEN["half_a_row_early.csv"])
    assert "CSV Error on Line: 3; Expected Number of Columns: 3 Found: 2; in the file `b.csv`" in refused(work, "*.csv")


UNLIKE = {
    "a row that is too short": ("a,b,c\n1,2,3\n4,5\n6,7,8\n", "Line: 3; Expected Number of Columns: 3 Found: 2"),
    "a row that is too long": ("a,b,c\n1,2,3\n4,5,6,7\n6,7,8\n", "Line: 3; Expected Number of Columns: 3 Found: 4"),
    "a trailer": ("a,b\n1,2\n3,4\nTotal: 2\n", "Line: 4; Expected Number of Columns: 2 Found: 1"),
    "a title": ("# made by hand\na,b\n1,2\n", "Line: 2; Expected Number of Columns: 1 Found: 2"),
    "another delimiter": ("a;b\n1;2\n3;4,5\n", "Line: 3; Expected Number of Columns: 1 Found: 2"),
    "quotes in the middle": (
        'a,b\n1,2\n3,"x" y\n',
        "Line: 3; the quotes of a field are not closed, or something stands",
    ),
    "several files": ("a,b\n1,2\n3\n", "Line: 3; Expected Number of Columns: 2 Found: 1"),
}


@pytest.mark.parametrize(("content", "said"), UNLIKE.values(), ids=UNLIKE)
def test_the_row_is_named_that_is_unlike_the_first(work: Workbench, root: Path, content: str, said: str) -> None:
    put(root, "b.csv", content)
    schema = dict.fromkeys(content.partition("\n")[0].split(","), "varchar")
    for inputs in ({}, {"schema": schema}):
        message = refused(work, "b.csv", **inputs)
        assert said in message
        assert message.endswith("in the file `b.csv`")
    put(root, "a.csv", content.partition("\n")[0] + "\n")
    assert said in refused(work, "*.csv")


@pytest.mark.parametrize("width", [1, 64, 65, 3000])
def test_a_row_is_named_however_wide_the_file_is(work: Workbench, root: Path, width: int) -> None:
    names = ",".join(f"c{number}" for number in range(width))
    put(root, "a.csv", f"{names}\n{names}\n{names},x\n")
    said = f"Line: 3; Expected Number of Columns: {width} Found: {width + 1}; in the file"
    assert said in refused(work, "a.csv")


def test_where_no_row_can_be_named_the_file_is(work: Workbench, root: Path) -> None:
    put(root, "a.csv", 'a,b\n1,"x\n2,y\n')
    assert "the rows of a CSV file cannot be told apart in `a.csv`: " in refused(work, "a.csv")


@pytest.mark.parametrize("path", ["a.csv", "*.csv"])
def test_a_schema_finds_columns_in_whatever_case_they_are(work: Workbench, root: Path, path: str) -> None:
    put(root, "a.csv", "ID,Name,Amount\n7,x,1.50\n")
    put(root, "b.csv", "ID,Name,Amount\n")
    assert read(work, path, schema={"name": "varchar", "amount": "decimal(9,2)"}) == [(7, "x", Decimal("1.50"))]
    assert read(work, path, columns=["name", "id"], schema={"Id": "varchar"}) == [("x", "7")]


@pytest.mark.parametrize(
    "content", ['{"id": 7, "name": "x", "n": 1.5}\n{"name": null}', '[{"id": 7, "name": "x", "n": 1.5}, {}]']
)
def test_a_schema_beside_columns_gives_types_alone(work: Workbench, root: Path, content: str) -> None:
    put(root, "a.json", content)
    rows = read(work, "a.json", columns=["name", "n", "id", "gone"], schema={"id": "varchar", "gone": "date"})
    assert rows == [("x", 1.5, "7", None), (None, None, None, None)]
    assert read(work, "a.json", columns=["n"], schema={"id": "varchar"}) == [(1.5,), (None,)]


@pytest.mark.parametrize("content", ['{"ID": 7, "a": null}\n{"a": 1}', '[{"a": 1}, {"ID": 7}]'])
@pytest.mark.parametrize("name", ["id", "Id"])
def test_a_schema_whose_keys_are_in_another_case_is_refused(
    work: Workbench, root: Path, content: str, name: str
) -> None:
    put(root, "a.json", content)
    said = f"the records have a key `ID` and none `{name}`, as `schema` spells it: every value would be NULL"
    assert refused(work, "a.json", schema={"a": "bigint", name: "bigint"}) == said
    assert refused(work, "a.json", schema={name: "bigint"}, columns=["a", name]) == said
    assert read(work, "a.json", schema={"ID": "bigint"})
    put(root, "b.json", f'{{"{name}": 8}}')
    assert sorted(read(work, "*.json", schema={name: "bigint"}), key=str) == [(8,), (None,), (None,)]


@pytest.mark.parametrize("name", ["a.json", "a.ndjson", "l.json"])
@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@pytest.mark.parametrize("schema", [None, {"id": "bigint"}])
def test_json_may_begin_with_a_byte_order_mark(
    work: Workbench, root: Path, name: str, ending: str, schema: Any
) -> None:
    lines = '\ufeff[{"id": 7}, {"id": 8}]\n' if name == "l.json" else '\ufeff{"id": 7}\n{"id": 8}\n'
    content = lines.encode()
    packed = {"": content, ".gz": gzip.compress(content), ".zst": zstd_library.compress(content)}
    put(root, name + ending, packed[ending])
    assert read(work, name + ending, schema=schema) == [(7,), (8,)]


@pytest.mark.parametrize("content", [" \n", "[]", "[1]"])
def test_json_that_shows_no_columns_is_said_to(work: Workbench, root: Path, content: str) -> None:
    put(root, "a.json", content)
    assert refused(work, "*.json") == ("`*.json` holds no record, or one that is no object, so its columns are unknown")
    if content != "[1]":
        assert read(work, "a.json", schema={"id": "bigint"}) == []


def test_the_line_of_broken_json_is_the_line(work: Workbench, root: Path) -> None:
    put(root, "a.ndjson", '{"a": 1}\n{"a": 2}\n{"a": x}\n{"a": 4}\n')
    assert 'in file "a.ndjson", at byte 7 in line 3' in refused(work, "a.ndjson")


def test_a_record_that_is_too_long_is_said_to_be(work: Workbench, root: Path) -> None:
    put(root, "a.ndjson", json.dumps({"v": "x" * 34_000_000}) + "\n")
    assert refused(work, "a.ndjson") == 'a record of the file "a.ndjson" is longer than 16 MB'


BUFFER = 1 << 25
"""Bytes of JSON that the engine has at once."""


@pytest.mark.parametrize("over", [-3, 20])
@pytest.mark.parametrize("ending", ["ndjson", "json", "ndjson.gz"])
def test_a_last_record_without_a_line_end_is_read_wherever_a_buffer_ends(
    work: Workbench, root: Path, ending: str, over: int
) -> None:
    """The engine itself leaves it out, or takes it for broken, where its buffer ends within the record."""
    others = "".join(json.dumps({"v": "x" * (BUFFER // 8)}) + "\n" for _ in range(7))
    last = json.dumps({"v": ""})
    text = others + json.dumps({"v": "x" * (BUFFER + over - len(others) - len(last))})
    put(root, f"a.{ending}", gzip.compress(text.encode(), 1) if ending.endswith("gz") else text)
    assert counted(work, f"a.{ending}") == [(8,)]


def test_a_list_without_a_line_end_is_read_as_a_list(work: Workbench, root: Path) -> None:
    put(root, "a.json.gz", gzip.compress(b'[{"v": 1}, {"v": 2}]'))
    assert read(work, "a.json.gz") == [(1,), (2,)]
    put(root, "b.json.gz", gzip.compress(b'{"v": 3}'))
    assert refused(work, "*.json.gz") == "`a.json.gz` is a list of records, and `b.json.gz` is not"


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
@pytest.mark.parametrize("ending", ["ndjson", "json"])
def test_what_is_nested_deep_is_json_and_never_ends_the_process(
    work: Workbench, root: Path, opening: str, ending: str
) -> None:
    closing = opening.translate(str.maketrans("[{", "]}", '"a:'))[::-1]
    for levels in (500, 2_000):
        put(root, f"a.{ending}", f'{{"v": {opening * levels}1{closing * levels}}}')
        ((value,),) = read(work, f"a.{ending}")
        assert "JSON" in work.session.columns("data")["v"]
    put(root, f"a.{ending}", f'{{"v": {opening * 50_000}1{closing * 50_000}}}')
    assert refused(work, f"a.{ending}") == f"a record of `a.{ending}` is nested too deep for its types to be found"
    ((value,),) = read(work, f"a.{ending}", schema={"v": "json"})
    assert len(value) == 50_000 * len(opening + closing) + 1


def test_long_records_that_are_not_deep_are_read(work: Workbench, root: Path) -> None:
    put(root, "a.ndjson", json.dumps({"v": [{"w": [n, "[" * 9_000]} for n in range(1_000)]}))
    ((value,),) = read(work, "a.ndjson")
    assert [one["w"][0] for one in value] == [str(n) for n in range(1_000)]


@pytest.mark.parametrize("text", ["[1e400]", '{"w": -1e400}', '[{"w": [1.5, 1e400]}]', "[Infinity]"])
def test_no_number_within_lists_and_records_becomes_infinite(work: Workbench, root: Path, text: str) -> None:
    put(root, "a.ndjson", f'{{"v": {text}}}')
    assert "holds what is no DOUBLE" in refused(work, "a.ndjson")
    put(root, "a.ndjson", '{"v": {"w": 1.5, "x": "a,Infinity", "Infinity": null}}')
    assert read(work, "a.ndjson")[0][0]["w"] == 1.5


def test_the_record_of_broken_json_is_the_record(work: Workbench, root: Path) -> None:
    put(root, "a.json", '[{"a": 1},\n{"a": 2}, {"a": x}]')
    assert 'in file "a.json", at byte 7 in record 3' in refused(work, "a.json")


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("utf-8", b"\xef\xbb\xbf" + "id,name\n1,ä€\n".encode()),
        ("utf-16", "id,name\n1,ä€\n".encode("utf-16")),
        ("utf-16", "id,name\n1,ä€\n".encode("utf-16-le")),
    ],
)
def test_encodings(work: Workbench, root: Path, encoding: str, content: bytes) -> None:
    put(root, "a.csv", content)
    assert read(work, "a.csv", format_options={"encoding": encoding}) == [(1, "ä€")]
    assert list(work.session.columns("data")) == ["id", "name"]


def test_big_endian_is_refused(work: Workbench, root: Path) -> None:
    put(root, "a.csv", b"\xfe\xff" + "id\n1\n".encode("utf-16-be"))
    assert "big-endian" in refused(work, "a.csv", format_options={"encoding": "utf-16"})


@pytest.mark.parametrize("content", [b"id,name\n1,x\n", "id\n1\n".encode("utf-16-be")])
def test_what_is_not_utf_16_is_refused_where_the_engine_would_read_no_rows(
    work: Workbench, root: Path, content: bytes
) -> None:
    put(root, "a.csv", content)
    assert refused(work, "a.csv", format_options={"encoding": "utf-16"}) == "`a.csv` is not little-endian UTF-16"


def test_characters_that_the_engine_does_not_read_in_utf_16_are_an_error(work: Workbench, root: Path) -> None:
    put(root, "a.csv", "id\n\U0001f600\n".encode("utf-16"))
    assert "or has characters beyond U+FFFF" in refused(work, "a.csv", format_options={"encoding": "utf-16"})


@pytest.mark.parametrize("rows", [1, 50_000])
def test_a_file_that_is_not_utf_8_is_said_to_be_none(work: Workbench, root: Path, rows: int) -> None:
    put(root, "a.csv", b"id,name\n" + b"1,x\n" * rows + b"2,M\xfcller\n")
    said = f"CSV Error on Line: {rows + 2}; it is not UTF-8; in the file `a.csv`"
    assert refused(work, "a.csv").endswith(said)


def test_columns_of_schema_that_a_file_lacks_are_named(work: Workbench, root: Path) -> None:
    put(root, "a.csv", "id,amount\n1,2\n")
    assert refused(work, "a.csv", schema={"amuont": "double"}) == '`schema` names what is not there: "amuont"'


def test_dialects(work: Workbench, root: Path) -> None:
    put(root, "a.csv", "id||v\r\n1||'x\\'y'\r\n")
    options: dict[str, Any] = {"delimiter": "||", "quote": "'", "escape": "\\"}
    assert read(work, "a.csv", format_options=options) == [(1, "x'y")]
    put(root, "b.csv", "v;w\n1,5;-\n2;3\n")
    options = {"delimiter": ";", "decimal_separator": ",", "null_values": ["-", ""]}
    assert read(work, "b.csv", format_options=options) == [(1.5, None), (2.0, 3)]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize(
    ("rows", "line"),
    [('"C:\\new",1\n', 2), ('1,x\n2,"\\té"', 3), ('"a\nb",1\n"\\N",2\n', 4), ('"x\\"y",1\n"\\é",2\n', 3)],
)
def test_an_escape_that_would_be_lost_is_refused(work: Workbench, root: Path, name: str, rows: str, line: int) -> None:
    content = f"a,b\n{rows}".encode()
    put(root, name, gzip.compress(content) if name.endswith("gz") else content)
    said = f"`{name}` has an escape before a letter or digit in line {line}, which would be lost"
    assert refused(work, name, format_options={"escape": "\\"}) == said


def test_an_escape_takes_a_signs_meaning_and_is_text_outside_of_quotes(work: Workbench, root: Path) -> None:
    put(root, "a.csv", 'a,b\n"http:\\/\\/x\\"\\\\new",1\nC:\\new,2\n')
    assert read(work, "a.csv", format_options={"escape": "\\"}) == [('http://x"\\new', 1), ("C:\\new", 2)]


def test_a_field_may_be_long(work: Workbench, root: Path) -> None:
    put(root, "a.csv", 'id,v\n1,"' + "x\n" * 5_000_000 + '"\n')
    put(root, "a.json", json.dumps([{"v": "x" * 20_000_000}]))
    assert len(read(work, "a.csv")[0][1]) == 10_000_000
    assert len(read(work, "a.json")[0][0]) == 20_000_000


LINES = "7,8\n" * 25_000
"""A quoted field of lines that look like rows: a thread that begins among them takes them for rows."""


@pytest.mark.parametrize("fields", [[LINES] * 200, ["x\n" * 1_500_000] * 8, ["y" * 3_000_000, "z"]])
@pytest.mark.parametrize("streamed", [False, True])
def test_rows_are_cut_right_whatever_stands_in_quotes(
    work: Workbench, root: Path, fields: list[str], streamed: bool
) -> None:
    put(root, "a.csv", "id,v\n" + "".join(f'{n},"{field}"\n' for n, field in enumerate(fields)))
    work.streamed = frozenset(["data"] if streamed else [])
    work.do("read", {"resource": "files", "path": "a.csv"})
    work.do("sql", {"sql": "select id, length(v) from data order by id"}, "lengths")
    assert work.rows("lengths") == [(n, len(field)) for n, field in enumerate(fields)]


PIECE = 1 << 21
"""Bytes that a thread reads at a time."""


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@pytest.mark.parametrize("value", ["\nab", "a,b", 'a"b', "a\r\nb"])
@pytest.mark.parametrize("delimiter", [",", "||"])
def test_values_are_the_same_wherever_a_piece_of_the_file_ends(
    work: Workbench, root: Path, value: str, delimiter: str, ending: str
) -> None:
    """Threads that begin in quotes, or in a delimiter, may take a line's end for a row, and lose the last rows."""
    quoted = value.replace('"', '""')
    row = f'"{quoted}"{delimiter}1\n'
    rows = PIECE // len(row) + 2
    for offset in range(len(row)) if not ending else [0]:
        put(root, f"{offset}.csv{ending}", packed(f"v{'_' * offset}{delimiter}n\n{row * rows}", ending))
        work.do(
            "read", {"resource": "files", "path": f"{offset}.csv{ending}", "format_options": {"delimiter": delimiter}}
        )
        work.do("sql", {"sql": f"select v{'_' * offset} as v, n, count(*) from data group by all"}, "counted")
        assert work.rows("counted") == [(value, 1, rows)], offset


def packed(text: str, ending: str) -> bytes:
    if ending == ".gz":
        return gzip.compress(text.encode(), 1)
    return zstd_library.compress(text.encode()) if ending else text.encode()


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@pytest.mark.parametrize("length", [PIECE - 10, PIECE, 5_000_000, 16_000_000])
def test_a_last_row_may_be_long(work: Workbench, root: Path, length: int, ending: str) -> None:
    put(root, f"a.csv{ending}", packed("id,v\n" + "1,x\n" * 10 + "2," + "y" * length, ending))
    work.do("read", {"resource": "files", "path": f"a.csv{ending}"})
    work.do("sql", {"sql": "select count(*), max(length(v)) from data"}, "counted")
    assert work.rows("counted") == [(11, length)]


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_last_row_beyond_what_the_engine_holds_is_an_error_and_no_row_less(
    work: Workbench, root: Path, quote: str
) -> None:
    rows = "1,x\n" * 5_000_000
    put(root, "a.csv", f"id,v\n{rows}2,{quote}{CANARY * 2_000_000}{quote}\n")
    said = "`a.csv` has a row of more than 16 MB, or quotes not closed, in line 5000002"
    assert refused(work, "a.csv", schema={"id": "bigint", "v": "varchar"}) == said


@pytest.mark.parametrize("opening", ["", '"'])
def test_a_last_row_of_a_zstd_file_that_is_too_long_is_an_error(work: Workbench, root: Path, opening: str) -> None:
    put(root, "a.csv.zst", zstd_library.compress(f"id,v\n1,x\n2,{opening}{'y' * 40_000_000}{opening}".encode(), 1))
    message = refused(work, "a.csv.zst")
    assert message.startswith("CSV Error on Line: 3; Maximum line size of 16777216 bytes exceeded")
    assert message.endswith("in the file `a.csv.zst`")
    assert not list(work.engine.spill.glob("*"))


def test_a_delimiter_of_several_bytes_beside_doubled_quotes_is_refused_where_the_engine_loses_characters(
    work: Workbench, root: Path
) -> None:
    put(root, "a.csv", "id||v\n" + '1||"a""b"\n' * 1_700_000)
    assert "quotes within fields and a delimiter of several bytes" in refused(
        work, "a.csv", format_options={"delimiter": "||"}
    )


def test_text_after_quotes_is_told_with_its_line(work: Workbench, root: Path) -> None:
    put(root, "a.csv", "id,v\n" + '1,"x"\n' * 3_000_000 + f'2,"{CANARY}"n\n' + '1,"x"\n' * 10)
    assert refused(work, "a.csv") == (
        "`a.csv`: CSV Error on Line: 3000002; the quotes of a field are not closed, or something stands behind them; "
        "in the file `a.csv`"
    )


@pytest.mark.parametrize("options", [{}, {"escape": "\\"}, {"encoding": "utf-16"}, {"delimiter": "||"}])
def test_what_looks_like_quotes_is_none_within_a_field(work: Workbench, root: Path, options: dict[str, Any]) -> None:
    between = options.get("delimiter", ",")
    row = between.join(['5" pipe', 'say "hi" twice', ' "x"', '"y" ']) + "\n"
    text = between.join("abcd") + "\n" + row * 40_000
    put(root, "a.csv", text.encode("utf-16" if "encoding" in options else "utf-8"))
    work.do("read", {"resource": "files", "path": "a.csv", "format_options": options})
    work.do("sql", {"sql": "select *, count(*) from data group by all"}, "counted")
    assert work.rows("counted") == [('5" pipe', 'say "hi" twice', "x", "y", 40_000)]


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(
    "last", ["y" * 4_500_000, "y" * 6_000_000 + ',"a\nb"', "y" * 2_500_000 + "," + "y" * 2_500_000]
)
@pytest.mark.parametrize("rows", [0, 3])
def test_a_long_last_row_is_not_left_out(work: Workbench, root: Path, rows: int, last: str, ending: str) -> None:
    """Several threads of the engine leave it out without a word."""
    columns = [f"c{n}" for n in range(last.count(",") + 1)]
    short = ",".join("x" for _ in columns)
    content = "\n".join([",".join(columns), *[short] * rows, last, ""]).encode()
    (root / f"a.csv{ending}").write_bytes(gzip.compress(content, 1) if ending else content)
    assert counted(work, f"a.csv{ending}") == [(rows + 1,)]


def test_a_row_that_is_too_long_is_said_to_be(work: Workbench, root: Path) -> None:
    put(root, "a.csv", "id,v\n1,x\n2," + "y" * 17_000_000 + "\n")
    assert refused(work, "a.csv").startswith("CSV Error on Line: 1; Maximum line size of 16777216 bytes exceeded")
    put(root, "b.csv", "id,v,w\n1,x,y\n2," + "y" * 9_000_000 + "," + "y" * 9_000_000 + "\n")
    assert "Maximum line size of 16777216 bytes exceeded" in refused(work, "b.csv")


def test_quotes_that_are_not_closed_are_an_error_beside_long_rows_too(work: Workbench, root: Path) -> None:
    put(root, "a.csv", "id,v\n" + "1,x\n" * 30_000 + "2," + "y" * 4_500_000 + '\n3,"x""\n')
    said = "`a.csv` has quotes that are not closed, or that more than a delimiter follows, from line 30003 on"
    assert refused(work, "a.csv") == said


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("tail", ['"1', '1,"', '1,"x""', '1,"x\n2,y\n', '1,"' + "x\n" * 1_500_000])
@pytest.mark.parametrize("head", ["1,x\n" * 1_000, f'1,"{LINES}"\n' * 200])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_field_whose_quotes_are_not_closed_is_an_error_and_no_row_less(
    work: Workbench, root: Path, head: str, tail: str, ending: str, streamed: bool
) -> None:
    """One thread of the engine alone leaves such a field out without a word."""
    content = f"id,v\n{head}{tail}".encode()
    (root / f"a.csv{ending}").write_bytes(gzip.compress(content, 1) if ending else content)
    work.streamed = frozenset(["data"] if streamed else [])
    with pytest.raises(ConnectorError) as caught:
        raise AssertionError(counted(work, f"a.csv{ending}"))
    assert caught.value.error_class == "data"


def counted(work: Workbench, path: str) -> object:
    work.do("read", {"resource": "files", "path": path})
    work.do("sql", {"sql": "select count(*) from data"}, "rows")
    return work.rows("rows")


def test_a_file_that_was_written_again_is_read_again(work: Workbench, root: Path) -> None:
    for value, kind in ((127, pa.int8()), (32767, pa.int16())):
        pq.write_table(pa.table({"id": pa.array([value], kind)}), root / "a.parquet")
        os.utime(root / "a.parquet", (1_000_000_000, 1_000_000_000))
        assert read(work, "a.parquet") == [(value,)]


def test_parquet_files_of_several_types_lose_no_digit(work: Workbench, root: Path) -> None:
    parquet(root, "a.parquet", "select 1.5::decimal(18,2) as d, 16777217::integer as n")
    parquet(root, "b.parquet", "select 0.000001::decimal(18,6) as d, 2::bigint as n")
    assert [[str(value) for value in row] for row in read(work, "*.parquet")] == [
        ["1.500000", "16777217"],
        ["0.000001", "2"],
    ]
    parquet(root, "c.parquet", "select 7::decimal(38,0) as d, 2::bigint as n")
    said = "would be DECIMAL(38,0) in all of the files, which rounds"
    assert refused(work, "*.parquet") == f"`d` is DECIMAL(18,2) in `a.parquet`, and {said}"
    parquet(root, "c.parquet", "select 1::decimal(18,2) as d, 0.5::float as n")
    said = "would be FLOAT in all of the files, which rounds"
    assert refused(work, "*.parquet") == f"`n` is INTEGER in `a.parquet`, and {said}"


@pytest.mark.parametrize("order", ["ab", "ba"])
@pytest.mark.parametrize(
    ("exact", "other"),
    [
        ("1.0000000001::decimal(38,10)", "99999999999999999999999999999::decimal(38,0)"),
        ("123456789::decimal(9,0)", "0.5::float"),
        ("[1.25::decimal(4,2)]", "[99999999999999999999::decimal(38,0)]"),
        ("[9007199254740993::bigint]", "[0.5::double]"),
        ("[16777217::integer]", "[0.5::float]"),
        ("{'x': [18446744073709551615::ubigint]}", "{'y': 1, 'x': [0.5::double]}"),
        ("map {'k': 9007199254740993::bigint}", "map {'k': 0.5::double}"),
    ],
)
def test_of_several_types_none_loses_digits_wherever_it_stands(
    work: Workbench, root: Path, exact: str, other: str, order: str
) -> None:
    parquet(root, f"{order[0]}.parquet", f"select {exact} as n")
    parquet(root, f"{order[1]}.parquet", f"select {other} as n")
    assert re.search(rf"`{order[0]}\.parquet`.* rounds$", refused(work, "*.parquet"))


def test_numbers_within_lists_that_all_types_hold_are_read(work: Workbench, root: Path) -> None:
    parquet(root, "a.parquet", "select [9007199254740992::bigint, null] as n")
    parquet(root, "b.parquet", "select [0.5::double] as n")
    assert read(work, "*.parquet") == [([9007199254740992.0, None],), ([0.5],)]


@pytest.mark.parametrize("kind", ["bigint", "ubigint", "decimal(18,0)", "decimal(30,0)"])
def test_whole_numbers_beside_fractions_lose_no_digit(work: Workbench, root: Path, kind: str) -> None:
    """Other programs write a column of whole numbers as DOUBLE as soon as a value is missing."""
    parquet(root, "a.parquet", "select 0.5::double as n")
    parquet(root, "b.parquet", f"select 9007199254740992::{kind} as n")
    assert read(work, "*.parquet") == [(0.5,), (9007199254740992.0,)]
    parquet(root, "c.parquet", f"select 9007199254740993::{kind} as n")
    said = "`n` holds numbers in `c.parquet` that DOUBLE, its type in all of the files, rounds"
    assert refused(work, "*.parquet") == said


def test_a_folder_with_two_signs_names_no_column(work: Workbench, root: Path) -> None:
    put(root, "k=a=b/a.csv", "id\n1\n")
    assert read(work, "*/a.csv") == [(1,)]
    put(root, "k=c/b.csv", "id\n1\n")
    assert refused(work, "*/*.csv").endswith("are not partitioned alike")


def test_an_encrypted_file_is_said_to_be(work: Workbench, root: Path) -> None:
    parquet(root, "a.parquet", "select 1 as id")
    put(root, "b.parquet", (root / "a.parquet").read_bytes()[:-4] + b"PARE")
    assert refused(work, "b.parquet") == "File 'b.parquet' is encrypted, and is not read"


def test_only_the_columns_that_are_asked_for_are_read(work: Workbench, root: Path) -> None:
    parquet(root, "k=1/a.parquet", "select 1 as id, 'x' as name")
    assert read(work, "*/a.parquet", columns=["k", "name"]) == [(1, "x")]


NAMES = [".h/a.csv", "a.csv", "b.CSV", "s/.h.csv", "s/a b+%?.csv", "s/t/ü.csv", "s/[x].csv", "x.csv/y"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.csv", ["a.csv"]),
        ("**/*.csv", ["a.csv", "s/[x].csv", "s/a b+%?.csv", "s/t/ü.csv"]),
        ("s/**", ["s/[x].csv", "s/a b+%?.csv", "s/t/ü.csv"]),
        ("s/**/ü.csv", ["s/t/ü.csv"]),
        ("s/[[]x].csv", ["s/[x].csv"]),
        ("[!b].csv", ["a.csv"]),
        ("s/[!]*", []),
        ("?.*", ["a.csv", "b.CSV"]),
        (".h/*", [".h/a.csv"]),
        ("*/.h.csv", ["s/.h.csv"]),
        ("s[!x]t[+-9]*", []),
        ("*a*[+--]*.c?v", []),
        ("**/*a*[+--]*.c?v", ["s/a b+%?.csv"]),
        ("**/s/**/*.*", ["s/[x].csv", "s/a b+%?.csv", "s/t/ü.csv"]),
        ("*/**/?.csv", ["s/t/ü.csv"]),
        ("a.csv", ["a.csv"]),
        ("s", []),
    ],
)
def test_patterns_mean_what_they_mean_to_a_shell(root: Path, pattern: str, expected: list[str]) -> None:
    import glob

    for name in NAMES:
        put(root, name, "")
    assert matching(pattern, NAMES) == expected
    found = glob.glob(pattern, root_dir=root, recursive=True)
    assert sorted(name for name in found if (root / name).is_file()) == expected


@pytest.mark.parametrize("pattern", ["*a" * 40 + "b", "*?a" * 40 + "b", "**/" * 40 + "*a*b"])
def test_no_name_is_looked_at_in_more_ways_than_it_has_characters(pattern: str) -> None:
    """Looked at in all ways, each of these would outlast whoever waits for it."""
    assert matching(pattern, ["a" * 4096, "a/" * 1000 + "a"]) == []


def test_a_pattern_whose_range_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ConnectorError, match=re.escape("`x[z-a]*` is no pattern of names")):
        matching("x[z-a]*", NAMES)


def test_the_folders_before_a_wildcard_are_known() -> None:
    patterns = ["a/b/*.csv", "*.csv", "a/**/b/*.csv", "a/b.csv", "a/b[1]/c.csv"]
    assert [folder_of(pattern) for pattern in patterns] == ["a/b", "", "a", "a", "a"]


def test_partition_keys_are_those_of_folders() -> None:
    assert partition_keys("a/x=1/y=/b=2.csv") == ("x", "y")
    assert partition_keys("=1/a.csv") == ()


@pytest.mark.parametrize("key", ["", "/a", "a//b", "a/", "../a", "a/./b", "a/..", "a\0b", "a/" + "ü" * 128])
def test_a_key_that_is_no_path_below_a_folder_is_refused(key: str) -> None:
    with pytest.raises(ConnectorError):
        local_name(key)
