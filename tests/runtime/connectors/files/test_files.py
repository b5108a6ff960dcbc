"""Files below one folder: what is read, what is written, and what never leads out."""

import gzip
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.connector import ReadContext
from firn_runtime.engine import Relation
from firn_runtime.errors import ConnectorError
from firn_schemas.steps.data import ReadInputs
from runtime.refusals import refused
from runtime.workbench import Workbench, connector

Make = Callable[..., Workbench]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def work(bench: Make, root: Path) -> Workbench:
    return bench(files=connector("files", "local", written=True, root=str(root)))


def read(work: Workbench, path: str, **more: Any) -> list[tuple[Any, ...]]:
    work.do("read", {"resource": "files", "path": path, **more})
    return work.rows()


def write(work: Workbench, path: str, **more: Any) -> Any:
    return work.do("write", {"from": "d", "resource": "files", "path": path, "mode": "replace", **more})


def test_csv_types_are_found_by_looking(work: Workbench, root: Path) -> None:
    (root / "a.csv").write_text('id,name,day\n1,"x, ""y""",2026-01-02\n2,,2026-01-03\n')
    result = work.do("read", {"resource": "files", "path": "a.csv"})
    assert result.results == {"rows": 2, "columns": ["id", "name", "day"], "bytes": 50}
    assert work.session.columns("data") == {"id": "BIGINT", "name": "VARCHAR", "day": "DATE"}
    assert work.rows()[1][1] is None


def test_the_order_of_day_and_month_is_not_guessed(work: Workbench, root: Path) -> None:
    (root / "a.csv").write_text("day\n13/02/2026\n14/02/2026\n")
    assert read(work, "a.csv") == [("13/02/2026",), ("14/02/2026",)]


@pytest.mark.parametrize("text", ["2026/11/23", "2026/11/23 10:00", "26-11-23", "1-2-3", "1/2/3", "Infinity", "epoch"])
def test_what_is_no_day_as_iso_8601_spells_them_is_text(work: Workbench, root: Path, text: str) -> None:
    (root / "a.csv").write_text(f"n,day,plain\n1,{text},2026-11-23\n2,,\n3,NA,2026-11-24\n")
    found = read(work, "a.csv", format_options={"null_values": ["", "NA"]})
    assert found[:2] == [(1, text, date(2026, 11, 23)), (2, None, None)]
    (root / "a.ndjson").write_text(f'{{"day": "{text}"}}\n{{"day": null}}\n')
    assert read(work, "a.ndjson") == [(text,), (None,)]


def test_doubles_as_numpy_saves_them_are_numbers(work: Workbench, root: Path) -> None:
    numbers = (0.05185370000000000257, 1 / 3, 1e300, -5e-324, 0.1 + 0.2, 0.0)
    (root / "a.csv").write_text("n\n" + "".join(f"{number:.18e}\n" for number in numbers))
    assert read(work, "a.csv") == [(number,) for number in numbers]
    (root / "a.csv").write_text("n\n0.1234567890123456789\n")
    with pytest.raises(ConnectorError, match="has more digits than one"):
        read(work, "a.csv")


def test_a_later_row_that_is_no_day_as_iso_8601_spells_them_is_an_error(work: Workbench, root: Path) -> None:
    (root / "a.csv").write_text("day\n" + "2026-11-23\n" * 21_000 + "2026/11/24\n")
    with pytest.raises(ConnectorError, match='Line: 21002; Error when converting column "day"'):
        read(work, "a.csv")


@pytest.mark.parametrize("text", ["yes", "no", "t", "F", "0123", "+49"])
def test_words_and_codes_that_the_engine_takes_for_values_are_text(work: Workbench, root: Path, text: str) -> None:
    (root / "a.csv").write_text(f"n,code,plain\n1,{text},True\n2,,false\n3,NA,\n")
    found = read(work, "a.csv", format_options={"null_values": ["", "NA"]})
    assert found == [(1, text, True), (2, None, False), (3, None, None)]


@pytest.mark.parametrize(
    ("first", "kind", "later"),
    [
        ("true", "boolean", "yes"),
        ("true", "boolean", "t"),
        ("9", "bigint", "09"),
        ("1", "bigint", "00"),
        ("123", "bigint", "0123"),
        ("12", "bigint", "0x1F"),
        ("1", "bigint", "+1"),
        ("1.5", "double", "01.5"),
        ("0.5", "double", "007"),
    ],
)
def test_a_later_row_that_is_no_value_of_the_type_that_was_found_is_an_error(
    work: Workbench, root: Path, first: str, kind: str, later: str
) -> None:
    (root / "a.csv").write_text("code\n" + f"{first}\n" * 21_000 + f"{later}\n")
    with pytest.raises(ConnectorError, match=rf"the column `code` .* holds what is no {kind.upper()}, .*`schema`"):
        read(work, "a.csv")
    assert len(read(work, "a.csv", schema={"code": kind})) == 21_001


def test_schema_gives_types_and_columns_their_order(work: Workbench, root: Path) -> None:
    (root / "a.csv").write_text("id,amount,zip\n1,2.50,0123\n")
    read(work, "a.csv", schema={"amount": "decimal(18,2)", "zip": "varchar"}, columns=["zip", "amount"])
    assert work.session.columns("data") == {"zip": "VARCHAR", "amount": "DECIMAL(18,2)"}
    assert work.rows()[0][0] == "0123"


def test_schema_names_the_columns_of_a_file_without_a_header(work: Workbench, root: Path) -> None:
    (root / "a.csv").write_text("1;x\n2;NA\n")
    options = {"header": False, "delimiter": ";", "null_values": ["NA"]}
    schema = {"id": "integer", "name": "varchar"}
    assert read(work, "a.csv", schema=schema, format_options=options) == [(1, "x"), (2, None)]
    assert list(work.session.columns("data")) == ["id", "name"]


def replace(file: Path) -> None:
    file.unlink()
    file.write_text("name,id\n1,x\n")


MOVING: dict[str, Callable[[Path], object]] = {
    "another of its size": replace,
    "longer": lambda file: file.write_text("id,name\n1,x\n2,y\n"),
    "gone": Path.unlink,
}


@pytest.mark.parametrize("how", MOVING)
def test_a_file_that_changes_while_it_is_read_is_a_conflict(work: Workbench, root: Path, how: str) -> None:
    (root / "a.csv").write_text("id,name\n1,x\n")
    inputs = ReadInputs(resource="files", path="*.csv")
    found = work.resources["files"].read(inputs, ReadContext(work.session, work.folder))
    MOVING[how](root / "a.csv")
    error = refused(lambda: work.session.materialise("data", found.relation))
    assert (error.error_class, error.message) == ("conflict", "`a.csv` was changed or removed while it was read")


@pytest.mark.parametrize("how", MOVING)
def test_so_it_is_where_it_is_read_while_it_is_written(work: Workbench, root: Path, how: str) -> None:
    (root / "a.csv").write_text("id,name\n1,x\n")
    work.streamed = frozenset(["d"])
    work.do("read", {"resource": "files", "path": "a.csv"}, "d")
    MOVING[how](root / "a.csv")
    error = refused(lambda: write(work, "b.csv"))
    assert error.error_class == "conflict"
    assert error.message.startswith("`a.csv` was changed or removed while it was read")
    assert sorted(one.name for one in root.iterdir() if one.name != "a.csv") == []


def test_what_changes_after_it_was_read_does_not_matter(work: Workbench, root: Path) -> None:
    (root / "a.csv").write_text("id,name\n1,x\n")
    work.streamed = frozenset(["d"])
    work.do("read", {"resource": "files", "path": "a.csv"}, "d")
    write(work, "b.csv")
    (root / "a.csv").unlink()
    work.make("e", "select 1 as id")
    assert work.rows("e") == [(1,)]


@pytest.mark.parametrize("type", ["integer) from secrets --", "integer, 1 as x", "int'", "", "decimal(18,2"])
def test_a_type_is_only_a_type(work: Workbench, root: Path, type: str) -> None:
    (root / "a.csv").write_text("id\n1\n")
    with pytest.raises(ConnectorError, match="the type of the column `id`"):
        read(work, "a.csv", schema={"id": type})


def test_tabs_compression_and_encoding(work: Workbench, root: Path) -> None:
    (root / "a.tsv.gz").write_bytes(gzip.compress(b"a\tb\n1\t2\n"))
    (root / "b.csv").write_bytes("name\nä\n".encode("latin-1"))
    assert read(work, "a.tsv.gz") == [(1, 2)]
    assert read(work, "b.csv", format_options={"encoding": "latin-1"}) == [("ä",)]


def test_a_glob_is_one_dataset_in_the_order_of_names(work: Workbench, root: Path) -> None:
    for name in ("b", "a", "c"):
        (root / f"day-{name}.csv").write_text(f"name\n{name}\n")
    (root / ".day-hidden.csv").write_text("name\nhidden\n")
    (root / "sub").mkdir()
    (root / "sub/day-d.csv").write_text("name\nd\n")
    assert read(work, "*.csv") == [("a",), ("b",), ("c",)]
    assert read(work, "**/day-*.csv") == [("a",), ("b",), ("c",), ("d",)]


def test_json_and_ndjson_are_read_whole_before_types_are_chosen(work: Workbench, root: Path) -> None:
    (root / "a.json").write_text('[{"id": 1}, {"id": 2, "tags": ["x"]}]')
    lines = "".join(f'{{"id": {number}}}\n' for number in range(30_000))
    (root / "b.ndjson").write_text(lines + '{"id": 30000, "late": "y"}\n')
    assert read(work, "a.json") == [(1, None), (2, ["x"])]
    assert read(work, "b.ndjson")[-1] == (30000, "y")
    assert read(work, "b.ndjson", schema={"id": "varchar"})[0] == ("0",)


@pytest.mark.parametrize("path", ["x.csv", "x.tsv", "x.csv.gz", "x.parquet", "x.ndjson", "x.json", "x.jsonl.zst"])
def test_what_is_written_is_read_back(work: Workbench, root: Path, path: str) -> None:
    work.make("d", "select range as id, 'text, \"' || range as text from range(3)")
    result = write(work, f"deep/er/{path}")
    written = root / "deep/er" / path
    assert result.results == {"rows": 3, "columns": ["id", "text"], "bytes": written.stat().st_size}
    assert read(work, f"deep/er/{path}")[2] == (2, 'text, "2')
    assert os.listdir(written.parent) == [path]


def test_a_write_replaces_the_file_whole(work: Workbench, root: Path) -> None:
    (root / "x.csv").write_text("old\n")
    with (root / "x.csv").open() as reader:
        work.make("d", "select 1 as n")
        write(work, "x.csv")
        assert reader.read() == "old\n"
    assert (root / "x.csv").read_text() == "n\n1\n"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(work: Workbench, root: Path) -> None:
    (root / "x.csv").write_text("old\n")
    work.session.execute(
        "create view datasets.main.d as select case when range = 90000 then error('no') end from range(100000)"
    )
    with pytest.raises(ConnectorError):
        write(work, "x.csv")
    assert [(path.name, path.read_text()) for path in root.iterdir()] == [("x.csv", "old\n")]


def test_csv_is_laid_out_as_asked(work: Workbench, root: Path) -> None:
    work.make("d", "select 1 as a, null as b, 'x;y' as c")
    write(
        work,
        "x.txt",
        format="csv",
        format_options={"delimiter": ";", "null_values": ["NA"], "quote": "'", "header": False},
    )
    assert (root / "x.txt").read_text() == "1;NA;'x;y'\n"


@pytest.mark.parametrize("path", ["../x.csv", "/etc/passwd", "a/../../x.csv", "", "nul\0.csv", "../root/../x.csv"])
@pytest.mark.parametrize("do", [read, write])
def test_a_path_never_leaves_the_root(work: Workbench, do: Callable[..., Any], path: str) -> None:
    work.make("d", "select 1")
    with pytest.raises(ConnectorError, match="must stay below") as caught:
        do(work, path)
    assert caught.value.error_class == "data"


@pytest.mark.parametrize("path", ["link.csv", "*.csv", "folder/x.csv", "fol*/x.csv"])
def test_a_symlink_that_leads_out_is_refused(work: Workbench, root: Path, tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/x.csv").write_text("a\n1\n")
    (root / "link.csv").symlink_to(tmp_path / "outside/x.csv")
    (root / "folder").symlink_to(tmp_path / "outside")
    with pytest.raises(ConnectorError, match="leads out"):
        read(work, path)


def test_folders_that_lead_back_give_no_file_twice_and_come_to_an_end(work: Workbench, root: Path) -> None:
    (root / "in/deep").mkdir(parents=True)
    (root / "in/deep/a.csv").write_text("n\n1\n")
    (root / "in/b.csv").write_text("n\n2\n")
    for name in ("back", "again"):
        (root / "in" / name).symlink_to(".")
    for path in ("in/**/*.csv", "**/in/**/*.csv", "in/**"):
        work.do("read", {"resource": "files", "path": path})
        assert work.rows() == [(2,), (1,)]


def test_a_folder_of_a_pattern_that_leads_out_is_not_entered(work: Workbench, root: Path) -> None:
    (root / "out").symlink_to("/")
    with pytest.raises(ConnectorError) as caught:
        work.do("read", {"resource": "files", "path": "out/**/*.csv"})
    assert "leads out" in caught.value.message


def test_a_write_does_not_follow_a_symlink_out(work: Workbench, root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (root / "folder").symlink_to(tmp_path / "outside")
    work.make("d", "select 1")
    with pytest.raises(ConnectorError):
        write(work, "folder/new.csv")
    assert list((tmp_path / "outside").iterdir()) == []


def test_the_root_itself_may_be_a_symlink(bench: Make, root: Path, tmp_path: Path) -> None:
    (root / "a.csv").write_text("a\n1\n")
    (tmp_path / "alias").symlink_to(root)
    work = bench(files=connector("files", "local", root=str(tmp_path / "alias")))
    assert read(work, "a.csv") == [(1,)]


@pytest.mark.parametrize("path", ["none.csv", "none-*.csv"])
def test_no_match_says_what_was_looked_for(work: Workbench, path: str) -> None:
    with pytest.raises(ConnectorError) as caught:
        read(work, path)
    assert caught.value.message == f"no file matches `{path}`"


def test_a_missing_root_is_an_error_where_nothing_would_make_it(tmp_path: Path) -> None:
    with pytest.raises(ConnectorError, match="there is no folder"):
        connector("files", "local", root=str(tmp_path / "none")).connect()


def test_an_unknown_ending_needs_a_format(work: Workbench, root: Path) -> None:
    (root / "a.dat").write_text("a\n1\n")
    with pytest.raises(ConnectorError, match=r"the format of `a\.dat` is unknown"):
        read(work, "a.dat")
    assert read(work, "a.dat", format="csv") == [(1,)]


def test_a_wrong_value_is_named_by_line_and_column_without_being_quoted(work: Workbench, root: Path) -> None:
    (root / "a.csv").write_text("day\n" + "2026-01-02\n" * 30_000 + "hunter2\n")
    with pytest.raises(ConnectorError) as caught:
        read(work, "a.csv")
    assert caught.value.message == (
        'CSV Error on Line: 30002; Error when converting column "day". '
        "Could not convert a string to 'DATE'; in the file `a.csv`"
    )


@pytest.mark.parametrize("text", ["hunter2", "99999999999999999999"])
@pytest.mark.parametrize("schema", [None, {"id": "bigint"}])
def test_the_line_of_what_is_no_number_is_named_in_small_files(
    work: Workbench, root: Path, text: str, schema: Any
) -> None:
    (root / "a.csv").write_text("id\n" + "1\n" * 30_000 + f"{text}\n")
    with pytest.raises(ConnectorError) as caught:
        read(work, "a.csv", schema=schema)
    assert caught.value.message == (
        "CSV Error on Line: 30002; Error when converting column \"id\". Could not convert a string to 'BIGINT'; "
        "in the file `a.csv`"
    )


@pytest.mark.parametrize("text", ["1.5", "0.4", "1e-1", "5E-1"])
@pytest.mark.parametrize("schema", [None, {"id": "bigint"}])
def test_what_is_no_whole_number_is_not_rounded(work: Workbench, root: Path, text: str, schema: Any) -> None:
    (root / "a.csv").write_text("id\n" + "1\n" * 30_000 + f"{text}\n")
    with pytest.raises(ConnectorError) as caught:
        read(work, "*.csv", schema=schema)
    found = "" if schema else ", or begins with zeros"
    assert caught.value.message == (
        f"`*.csv`: the column `id` of the file `a.csv` holds what is no BIGINT{found}: give it another type in `schema`"
    )


def test_a_whole_number_may_be_written_with_a_point(work: Workbench, root: Path) -> None:
    (root / "a.csv").write_text("id,n\n1.0,-2.\n,3\n")
    assert read(work, "a.csv", schema={"id": "integer", "n": "smallint"}) == [(1, -2), (None, 3)]
    assert work.session.columns("data") == {"id": "INTEGER", "n": "SMALLINT"}


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.csv", "a,b\n1,2\n1,2,3\n"), ("a.csv", 'a\n"open\n'), ("a.ndjson", "{oops\n"), ("a.parquet", "text" * 10)],
)
def test_a_broken_file_is_one_sentence(work: Workbench, root: Path, name: str, text: str) -> None:
    (root / name).write_text(text)
    with pytest.raises(ConnectorError) as caught:
        read(work, name)
    assert caught.value.error_class == "data"
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300


def test_a_column_that_is_not_there_is_named(work: Workbench, root: Path) -> None:
    (root / "a.csv").write_text("id,name\n1,x\n")
    with pytest.raises(ConnectorError, match=r'"nam" not found.*Candidate bindings: "name"'):
        read(work, "a.csv", columns=["nam"])


def test_a_write_in_another_encoding_is_refused(work: Workbench) -> None:
    work.make("d", "select 1 as n")
    with pytest.raises(ConnectorError, match="UTF-8"):
        write(work, "x.csv", format_options={"encoding": "latin-1"})


@pytest.mark.parametrize("nulls", [[""], ["-", ""], ["NULL", "-", ""], ["", "NULL", "-"]])
@pytest.mark.parametrize("kind", ["varchar", "blob", "varchar[]"])
def test_texts_are_read_back_whatever_means_null(work: Workbench, nulls: list[str], kind: str) -> None:
    one, other = ("[['NULL'], NULL, ['-'], []]", "[['-'], [''], NULL, ['x']]")
    if kind != "varchar[]":
        one, other = "['', NULL, '-', 'NULL']", "['-', '', NULL, 'x']"
    work.make("d", f"select unnest({one}::{kind}[]) as a, 1 as n, unnest({other}::{kind}[]) as b")
    asked = {"resource": "files", "path": "a.csv", "format_options": {"null_values": nulls}}
    work.do("write", {**asked, "from": "d", "mode": "replace"})
    work.do("read", {**asked, "schema": {"a": kind, "n": "integer", "b": kind}})
    assert work.rows() == work.rows("d")


@pytest.mark.parametrize("step", [{}, {"from": "d", "mode": "replace"}])
def test_something_means_null(work: Workbench, root: Path, step: dict[str, str]) -> None:
    (root / "a.csv").write_text("a\n1\n")
    work.make("d", "select 1 as a")
    inputs = {"resource": "files", "path": "a.csv", "format_options": {"null_values": []}, **step}
    with pytest.raises(ConnectorError, match="`null_values` names no text that means NULL"):
        work.do("write" if step else "read", inputs)


@pytest.mark.parametrize("delimiter", ["||", "§"])
def test_a_delimiter_of_several_bytes_is_not_written(work: Workbench, delimiter: str) -> None:
    work.make("d", "select 1 as a, 2 as b")
    with pytest.raises(ConnectorError, match="CSV files are written with a delimiter of one character of ASCII only"):
        work.do(
            "write",
            {"resource": "files", "from": "d", "path": "a.csv", "mode": "replace"}
            | {"format_options": {"delimiter": delimiter}},
        )


@pytest.mark.parametrize("text", ["a,b", "a\nb", "a\rb"])
def test_a_text_that_needs_quotes_is_not_written_without(work: Workbench, text: str) -> None:
    work.make("d", f"select 'x' as a union all select '{text}'")
    options = {"quote": ""}
    target = {"resource": "files", "from": "d", "path": "a.csv", "mode": "replace", "format_options": options}
    with pytest.raises(ConnectorError, match="`a` holds a delimiter or a line end, which is written in quotes alone"):
        work.do("write", target)
    work.make("d", "select 'x' as a, 1 as n")
    work.do("write", target)


@pytest.mark.parametrize("format", ["parquet", "ndjson", "json"])
@pytest.mark.parametrize(
    "value",
    ["row(1, 'x')", "[(timestamptz '2024-01-01 00:00:00+00:00', 1)]", "{'a': (null, 1)}", "(('x')::enum('x'), 1)"],
)
def test_a_record_without_names_is_not_written(work: Workbench, value: str, format: str) -> None:
    work.session.stream("d", Relation(f"select {value} as r"))
    with pytest.raises(ConnectorError, match="a record without names, of which one value would be left"):
        work.do("write", {"resource": "files", "from": "d", "path": f"a.{format}", "mode": "replace"})


@pytest.mark.parametrize("text", ["NULL", "null", "__HIVE_DEFAULT_PARTITION__"])
def test_a_text_that_means_null_in_the_name_of_a_partition_is_not_written(work: Workbench, text: str) -> None:
    work.make("d", f"select '{text}' as k, 1 as n")
    write = {"resource": "files", "from": "d", "path": "p", "mode": "insert_overwrite", "partition_by": ["k"]}
    with pytest.raises(ConnectorError, match="which means NULL in the name of a partition"):
        work.do("write", {**write, "format": "csv"})
