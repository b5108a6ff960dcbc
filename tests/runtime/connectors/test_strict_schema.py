"""`schema` of a read gives values another type, and never another value: the same in every place. See docs/types.md."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.connector import ReadContext
from firn_runtime.errors import ConnectorError
from firn_schemas.decode import decode
from firn_schemas.steps.data import ReadInputs
from runtime.connectors.iceberg.lake import lake
from runtime.connectors.test_types import DATABASES, everywhere, place_of
from runtime.workbench import Workbench

PLACES = (*DATABASES, "Parquet")
_NAMED = r"the column `v` .*holds what is no .*: give it another type"


@pytest.fixture
def places(bench: Callable[..., Workbench], tmp_path: Path) -> Iterator[Workbench]:
    with lake(tmp_path) as tables:
        yield everywhere(bench, tmp_path, Iceberg=tables.resource())


def read(places: Workbench, place: str, sql: str, **schema: str) -> list[tuple[Any, ...]]:
    """Write the rows of a query to a place, and read them from there by a schema."""
    places.make("d", sql)
    table = f"t{places.runs}"
    places.do("write", {"from": "d", "mode": "replace", **place_of(place, table)}, "publish")
    places.do("read", place_of(place, table) | {"schema": schema})
    return places.rows()


def takes(place: str, value: str) -> bool:
    """Whether a place can be given such a value: this version makes no nested columns of Iceberg."""
    return place != "Iceberg" or not value.startswith("[")


CHANGED = {
    "a fraction, of which the engine would make 2": ("1.5::double", "integer"),
    "a fraction within a decimal": ("1.50::decimal(9,2)", "integer"),
    "more digits after the point than there is room for": ("1.005::decimal(9,3)", "decimal(18,2)"),
    "more digits of a double": ("1.005::double", "decimal(18,2)"),
    "more digits of a text": ("'1.005'", "decimal(18,2)"),
    "a text of a fraction": ("'1.5'", "integer"),
    "a number that is no truth value": ("2", "boolean"),
    "a number out of range": ("300", "tinyint"),
    "a text of a day and month that might be either": ("'01/02/2026'", "date"),
    "an hour, which a date lacks": ("timestamp '2026-01-02 10:00:00'", "date"),
    "a day, of which a time has none": ("timestamp '2026-01-02 10:00:00'", "time"),
    "not a number": ("'nan'", "integer"),
    "fractions in a list": ("[1.5::double]", "integer[]"),
    "digits in a list": ("[1.005::decimal(9,3)]", "decimal(18,2)[]"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_value_that_the_type_of_schema_does_not_hold_is_refused_everywhere(places: Workbench, place: str) -> None:
    for why, (value, kind) in CHANGED.items():
        if not takes(place, value):
            continue
        with pytest.raises(ConnectorError, match=_NAMED):
            raise AssertionError((why, read(places, place, f"select {value} as v", v=kind)))


KEPT = {
    "a whole double": ("2.0::double", "integer", "2"),
    "a whole decimal": ("2.00::decimal(9,2)", "integer", "2"),
    "a text of a whole number": ("'1.0'", "integer", "1"),
    "a double of few digits": ("0.1::double", "decimal(18,2)", "0.10"),
    "zeros after the point": ("1.500::decimal(9,3)", "decimal(18,2)", "1.50"),
    "zeros of a text after the point": ("'1.500'", "decimal(18,2)", "1.50"),
    "an exponent": ("'15e-1'", "decimal(18,2)", "1.50"),
    "one": ("1", "boolean", "true"),
    "a day": ("date '2026-01-02'", "timestamp", "2026-01-02 00:00:00"),
    "any number as a text": ("12", "varchar", "12"),
    "the nearest double": ("'0.1'", "double", "0.1"),
    "whole numbers in a list": ("[1.0::double, null]", "integer[]", "[1, NULL]"),
    "as many as an array has": ("[1, 2]", "bigint[2]", "[1, 2]"),
    "lists in a list": ("[[1], [], null]", "bigint[][]", "[[1], [], NULL]"),
    "a NULL": ("null::integer", "decimal(9,2)", None),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_value_that_the_type_of_schema_holds_is_read_everywhere(places: Workbench, place: str) -> None:
    for why, (value, kind, read_as) in KEPT.items():
        if not takes(place, value):
            continue
        read(places, place, f"select {value} as v, 1 as n", V=kind)
        assert places.session.execute("select v::varchar, n::integer from data") == [(read_as, 1)], why


@pytest.mark.parametrize("place", [place for place in PLACES if place != "SQLite"])
def test_midnight_is_a_date(places: Workbench, place: str) -> None:
    ((value,),) = read(places, place, "select timestamp '2026-01-02 00:00:00' as v", v="date")
    assert str(value) == "2026-01-02"


TEXTS = {
    "an offset, which a timestamp lacks": ("2026-01-02 10:00:00+02", "timestamp"),
    "an offset after few digits": ("2026-1-2 1:00:00-02", "timestamp"),
    "an offset of minutes": ("2026-01-02T10:00:00+00:30", "timestamp"),
    "an offset, which a time lacks": ("10:00:00+02", "time"),
    "a day, which a time lacks": ("2026-01-02 10:00:00", "time"),
    "a fraction of a second": ("2026-01-02 10:00:00.5", "timestamp_s"),
    "a fraction of a millisecond": ("2026-01-02 10:00:00.1234", "timestamp_ms"),
    "a fraction of a nanosecond": ("2026-01-02 10:00:00.1234567891", "timestamp_ns"),
    "what a float takes for infinity": ("1e39", "float"),
    "digits after the point": ("1.005", "decimal(18,2)"),
    "digits after the point by an exponent": ("15e-4", "decimal(18,2)"),
    "a fraction in a list": ("[1.5]", "integer[]"),
    "digits in a list": ("[1.005]", "decimal(18,2)[]"),
    "a truth in a list": ("[true]", "integer[]"),
    "more than an array has": ("[1, 2, 3]", "integer[2]"),
    "no list": ("1", "integer[]"),
}
FILES = {"csv": 'v,n\n"{}",1\n', "ndjson": '{{"v": "{}", "n": 1}}\n', "json": '[{{"v": "{}", "n": 1}}]'}


@pytest.mark.parametrize("place", [*FILES, *DATABASES])
def test_a_text_that_is_no_value_of_the_type_of_schema_is_refused_everywhere(places: Workbench, place: str) -> None:
    for why, (text, kind) in TEXTS.items():
        with pytest.raises(ConnectorError, match=f'{_NAMED}|"v"'):
            raise AssertionError((why, _of_text(places, place, text, kind)))


def _of_text(places: Workbench, place: str, text: str, kind: str) -> list[tuple[Any, ...]]:
    if place not in FILES:
        return read(places, place, f"select '{text}' as v", v=kind)
    (places.folder / f"files/a.{place}").write_text(FILES[place].format(text))
    places.do("read", {"resource": "files", "path": f"a.{place}", "schema": {"v": kind, "n": "integer"}})
    return places.rows()


@pytest.mark.parametrize("text", ["2026-01-02T10:00:00Z", "2026-01-02 10:00:00+00", "2026-01-02 10:00:00.000-00:00"])
def test_a_moment_in_utc_is_a_timestamp(places: Workbench, text: str) -> None:
    (places.folder / "files/a.csv").write_text(f"v\n{text}\n")
    places.do("read", {"resource": "files", "path": "a.csv", "schema": {"v": "timestamp"}})
    assert places.session.execute("select v::varchar from data") == [("2026-01-02 10:00:00",)]


def test_a_number_beyond_doubles_that_nobody_gave_a_type_is_refused(places: Workbench) -> None:
    (places.folder / "files/a.csv").write_text("v\n1e999\n1.5\n")
    with pytest.raises(ConnectorError, match="`v`"):
        places.do("read", {"resource": "files", "path": "a.csv"})


@pytest.mark.parametrize("place", PLACES)
def test_a_column_of_schema_that_is_not_there_is_named(places: Workbench, place: str) -> None:
    with pytest.raises(ConnectorError, match="`schema` names the column `amuont`, which is not there"):
        read(places, place, "select 1 as amount", amuont="integer")


def test_a_column_that_has_its_type_already_costs_nothing(places: Workbench) -> None:
    schema = {"n": "int", "l": "numeric(9, 2)[]", "t": "text"}
    places.make("d", "select 1 as n, [1.5]::decimal(9,2)[] as l, 'a' as t")
    places.do("write", {"from": "d", "mode": "replace", **place_of("DuckDB", "t")}, "publish")
    context, resource = ReadContext(places.session, places.folder), places.resources["DuckDB"]
    with_it, without = (
        resource.read(decode(ReadInputs, {**place_of("DuckDB", "t"), **more}), context)
        for more in ({"schema": schema}, {})
    )
    assert with_it == without


@pytest.mark.parametrize("place", ["CSV", "DuckDB", "SQLite", "Parquet"])
def test_every_column_is_listed_since_replacing_takes_the_engine_the_square_of_their_number(
    places: Workbench, place: str
) -> None:
    where = {"resource": "files", "path": "t.csv"} if place == "CSV" else place_of(place, "t")
    places.make("d", "select 1 as n, 'a' as t")
    places.do("write", {"from": "d", "mode": "replace", **where}, "publish")
    context, resource = ReadContext(places.session, places.folder), places.resources[str(where["resource"])]
    rows = resource.read(decode(ReadInputs, where | {"schema": {"n": "decimal(18,2)"}}), context)
    assert "replace (" not in rows.relation.sql.lower()  # a function has no blank before its bracket
    assert places.session.records(rows.relation, 1) == [{"n": 1, "t": "a"}]


@pytest.mark.parametrize("place", PLACES)
def test_a_type_holds_for_its_column_in_whatever_case_it_is_named(places: Workbench, place: str) -> None:
    places.make("d", "select 1::bigint as v, 2::bigint as w")
    places.do("write", {"from": "d", "mode": "replace", **place_of(place, "t")}, "publish")
    places.do("read", place_of(place, "t") | {"columns": ["w", "v"], "schema": {"V": "double"}})
    assert places.session.columns("data") == {"w": "BIGINT", "v": "DOUBLE"}
