"""Shapes of other people's data: what was found, and what must never be lost in silence."""

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest

from firn_runtime.errors import ConnectorError
from runtime.connectors.test_types import everywhere, place_of
from runtime.workbench import Workbench, connector


@pytest.fixture
def files(bench: Callable[..., Workbench], tmp_path: Path) -> Workbench:
    (tmp_path / "files").mkdir()
    return bench(files=connector("files", "local", root=str(tmp_path / "files")))


def read(files: Workbench, name: str, text: str, **more: object) -> None:
    (files.folder / "files" / name).write_text(text)
    files.do("read", {"resource": "files", "path": name, **more})


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ('{"a": 1, "A": 2}', "the keys `A` and `a`, which differ in case alone"),
        ('{"a": 1}\n{"A": 2}', "the keys `A` and `a`, which differ in case alone"),
        ('{"": 1, "b": 2}', "a key without a name"),
    ],
)
@pytest.mark.parametrize("ending", ["ndjson", "json"])
def test_keys_that_cannot_be_columns_of_one_table_are_refused(
    files: Workbench, ending: str, text: str, keys: str
) -> None:
    whole = text if ending == "ndjson" else json.dumps([json.loads(line) for line in text.splitlines()])
    with pytest.raises(ConnectorError, match=f"has {keys}: that cannot be columns of one table"):
        read(files, f"a.{ending}", whole)
    read(files, f"a.{ending}", whole, schema={"a": "integer"})


def test_objects_within_a_record_whose_keys_differ_in_case_alone_may_be_json(files: Workbench) -> None:
    text = '{"a": {"b": 1, "B": 2}}'
    with pytest.raises(ConnectorError) as caught:
        read(files, "a.ndjson", text)
    assert caught.value.message == (
        "objects in a column have keys that differ in case alone, such as `B`: `schema` may call the column `json`"
    )
    read(files, "a.ndjson", text, schema={"a": "json"})
    assert [json.loads(value) for (value,) in files.rows()] == [{"b": 1, "B": 2}]


@pytest.mark.parametrize("ending", ["ndjson", "json"])
def test_whole_numbers_of_both_signs_are_bigint_wherever_they_stand(files: Workbench, ending: str) -> None:
    one = '{"n": -1, "l": [1, -2], "r": {"HUGEINT": -1, "a HUGEINT, b": [{"c": 1}]}}'
    other = '{"n": 1, "l": [3], "r": {"HUGEINT": 1, "a HUGEINT, b": [{"c": -1}]}}'
    read(files, f"a.{ending}", f"{one}\n{other}\n")
    record = 'STRUCT(HUGEINT BIGINT, "a HUGEINT, b" STRUCT(c BIGINT)[])'
    assert files.session.columns("data") == {"n": "BIGINT", "l": "BIGINT[]", "r": record}
    names = ("n", "l", "r")
    assert files.rows() == [tuple(json.loads(text)[name] for name in names) for text in (one, other)]


def test_keys_that_look_like_made_names_are_names(files: Workbench) -> None:
    read(files, "a.ndjson", '{"a": 1, "a_1": 2, "c0": 3}')
    assert files.rows() == [(1, 2, 3)]


def test_a_number_of_json_beyond_doubles_is_refused(files: Workbench) -> None:
    with pytest.raises(ConnectorError, match=r"the column `v` .*holds what is no DOUBLE"):
        read(files, "a.ndjson", '{"v": 1e400}\n{"v": 0.5}')


def test_a_whole_number_of_csv_that_no_double_holds_is_refused_beside_fractions(files: Workbench) -> None:
    with pytest.raises(ConnectorError, match=r"`v` .*holds what is no DOUBLE, or begins with zeros or has more digits"):
        read(files, "a.csv", "v\n9007199254740993\n0.5\n")
    read(files, "a.csv", "v\n9007199254740992\n0.5\n")


WIDE = (
    "UEFSMRUAFTYVNiwVAhUAFQYVBhwAAAACAAAAAgEAAAAALBS+6qUK9x+BlvARgAAAAAAVBBksNQAYBnNjaGVtYRUCABUOFSoVAhgB"
    "diUKFVAVZCxcFVAVZAAAABYCGRwZHCYAHBUOGSUGABkYAXYVABYCFlwWXCYISRwVABUAFQIAPCkGGSYAAgAAABZcFgImCBZcACgg"
    "cGFycXVldC1jcHAtYXJyb3cgdmVyc2lvbiAyNi4wLjEZHBwAAACKAAAAUEFSMQ=="
)
"""A file of Parquet as other programs write it: one column `v` of decimals of 50 digits, 40 after the point."""


def test_a_decimal_of_parquet_of_more_digits_than_the_engine_has_is_refused(files: Workbench) -> None:
    (files.folder / "files/a.parquet").write_bytes(b64decode(WIDE))
    with pytest.raises(ConnectorError, match=r"`v` is DECIMAL\(50,40\), and decimals have 38 digits at most"):
        files.do("read", {"resource": "files", "path": "a.parquet"})


@pytest.mark.parametrize("ending", ["ndjson", "json"])
def test_a_file_of_json_without_a_byte_needs_a_schema(files: Workbench, ending: str) -> None:
    with pytest.raises(ConnectorError, match="holds no record, or one that is no object, so its columns are unknown"):
        read(files, f"a.{ending}", "")
    read(files, f"a.{ending}", "", schema={"a": "integer"})
    assert files.rows() == []


NAMES = {
    "PostgreSQL": (["x" * 63, "é" * 31, " lead", "trail ", 'a"b', "🏔", "select"], ["x" * 64, "é" * 32]),
    "MariaDB": (["x" * 64, "é" * 64, " lead", "a`b", 'a"b', "select"], ["x" * 65, "trail ", " ", "🏔"]),
}


@pytest.mark.parametrize("place", NAMES)
def test_a_name_that_a_server_would_change_is_refused_and_named(
    bench: Callable[..., Workbench], tmp_path: Path, place: str
) -> None:
    work = everywhere(bench, tmp_path)
    kept, refused = NAMES[place]
    for name in (*kept, *refused):
        quoted = name.replace('"', '""')
        work.make("d", f'select 1 as "{quoted}"')
        to = place_of(place, f"t{work.runs}")
        if name in refused:
            with pytest.raises(ConnectorError, match=f"names .*`{name}`"):
                work.do("write", {"from": "d", "mode": "replace", **to}, "publish")
        else:
            work.do("write", {"from": "d", "mode": "replace", **to}, "publish")
            work.do("read", to, "back")
            assert list(work.session.columns("back")) == [name]


def test_quotes_and_marks_in_long_texts_are_read_from_mysql(bench: Callable[..., Workbench], tmp_path: Path) -> None:
    work = everywhere(bench, tmp_path)
    work.make(
        "d", "select repeat('é\"x', 150000) as t union all select chr(1) || '\"' || chr(1) union all select chr(1)"
    )
    work.do("write", {"from": "d", "mode": "replace", **place_of("MariaDB", "t")}, "publish")
    work.do("read", place_of("MariaDB", "t"), "back")
    assert work.session.execute("(from d except all from back) union all (from back except all from d)") == []


REFUSED = {
    "JSON": ("DOUBLE", "'nan'", "`the amount` is DOUBLE and holds NaN or infinity, which JSON cannot hold"),
    "SQLite": ("DOUBLE", "'nan'", "`the amount` is DOUBLE and holds NaN, which SQLite cannot hold"),
    "MariaDB": ("DOUBLE", "'nan'", "`the amount` is DOUBLE and holds NaN or infinity, which double in the table"),
    "PostgreSQL": ("DATE", "'5880000-01-01'", "`the amount` is DATE and holds values beyond those of PostgreSQL"),
    "Parquet": ("HUGEINT", f"{10**38}", "`the amount` is HUGEINT and holds numbers of more than the 38 digits"),
}


@pytest.mark.parametrize("place", REFUSED)
def test_a_name_of_two_lines_is_told_whole_where_its_values_are_refused(
    bench: Callable[..., Workbench], tmp_path: Path, place: str
) -> None:
    work = everywhere(bench, tmp_path)
    kind, value, said = REFUSED[place]
    work.make("d", f'select ({value})::{kind} as "the\namount"')
    with pytest.raises(ConnectorError, match=said):
        work.do("write", {"from": "d", "mode": "replace", **place_of(place, "t")}, "publish")


def test_a_name_of_two_lines_is_told_whole_where_its_values_are_not_read(files: Workbench) -> None:
    with pytest.raises(
        ConnectorError, match=r'Error when converting column "the amount"[.] Could not convert a string'
    ):
        read(files, "a.csv", '"the\namount"\nx\n', schema={"the\namount": "integer"})
    with pytest.raises(ConnectorError, match=r"the column `the amount` .*holds what is no DECIMAL\(9,2\)"):
        read(files, "a.csv", '"the\namount"\n1.005\n', schema={"the\namount": "decimal(9,2)"})
