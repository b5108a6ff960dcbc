"""What becomes of every type in every place that a dataset can be written to and read from: see docs/types.md."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from firn_runtime.errors import ConnectorError
from firn_schemas.secret import Secret
from runtime.connectors.iceberg.lake import lake
from runtime.workbench import Workbench, connector
from servers import mysql, postgres


class Row(NamedTuple):
    """Values of one type."""

    name: str
    type: str
    values: tuple[str, ...]


def _row(name: str, type: str, *values: str) -> Row:
    return Row(name, type, values)


ROWS = (
    _row("BOOLEAN", "BOOLEAN", "true", "false"),
    _row("TINYINT", "TINYINT", "-128", "127"),
    _row("SMALLINT", "SMALLINT", "-32768", "32767"),
    _row("INTEGER", "INTEGER", "-2147483648", "2147483647"),
    _row("BIGINT", "BIGINT", "-9223372036854775808", "9223372036854775807", "9007199254740993"),
    _row("UTINYINT", "UTINYINT", "0", "255"),
    _row("USMALLINT", "USMALLINT", "0", "65535"),
    _row("UINTEGER", "UINTEGER", "0", "4294967295"),
    _row("UBIGINT", "UBIGINT", "0", "18446744073709551615"),
    _row("UBIGINT within 63 bits", "UBIGINT", "0", "9223372036854775807"),
    _row("HUGEINT", "HUGEINT", "-170141183460469231731687303715884105728", "170141183460469231731687303715884105727"),
    _row("HUGEINT of 38 digits", "HUGEINT", "-99999999999999999999999999999999999999", "1"),
    _row("UHUGEINT", "UHUGEINT", "0", "340282366920938463463374607431768211455"),
    _row("DECIMAL(18,2)", "DECIMAL(18,2)", "1.10", "-9999999999999999.99", "1234567890.12"),
    _row("DECIMAL(18,2) of 15 digits", "DECIMAL(18,2)", "1.10", "-9999999999999.99"),
    _row("DECIMAL(38,10)", "DECIMAL(38,10)", "1234567890123456789012345678.0123456789", "0.0000000001"),
    _row("DECIMAL(38,38)", "DECIMAL(38,38)", "0.00000000000000000000000000000000000001", "-0.5"),
    _row("DECIMAL(18,17)", "DECIMAL(18,17)", "1.10000000000000001", "-0.5"),
    _row("DECIMAL(9,9)", "DECIMAL(9,9)", "0.100000001", "-0.5"),
    _row("FLOAT", "FLOAT", "0.1", "3.4028235e38", "1e-45", "16777217"),
    _row("DOUBLE", "DOUBLE", "0.1", "1.7976931348623157e308", "5e-324", "1e22", "0.30000000000000004"),
    _row("DOUBLE NaN", "DOUBLE", "'nan'", "1.5"),
    _row("DOUBLE infinity", "DOUBLE", "'inf'", "'-inf'", "1.5"),
    _row("FLOAT NaN, infinity", "FLOAT", "'nan'", "'-inf'", "1.5"),
    _row("VARCHAR", "VARCHAR", "'a'", "'naïve café ☃ 漢字 👩‍👩‍👧 e' || chr(769)", "'say \"x\", ''y''; | \\N \\\\'"),
    _row("VARCHAR NULL and empty", "VARCHAR", "null", "''", "'a'", "'NULL'", "'\\N'", "' '"),
    _row("VARCHAR spaces", "VARCHAR", "'a  '", "'a'", "' a'", "'  '"),
    _row("VARCHAR like numbers", "VARCHAR", "'007'", "'1e3'", "'+1'"),
    _row("VARCHAR like dates", "VARCHAR", "'2026-01-02'", "'2026-1-2'"),
    _row("VARCHAR like booleans", "VARCHAR", "'true'", "'False'"),
    _row(
        "VARCHAR line ends", "VARCHAR", "'a' || chr(10) || 'b'", "'c' || chr(13) || chr(10) || 'd'", "chr(13)", "chr(9)"
    ),
    _row("VARCHAR carriage returns", "VARCHAR", "chr(13)", "'c' || chr(13) || chr(10) || 'd'"),
    _row("VARCHAR of 10 MB", "VARCHAR", "repeat('é', 5000000)", "'a'"),
    _row("VARCHAR with NUL", "VARCHAR", "'a' || chr(0) || 'b'", "'c'"),
    _row("VARCHAR like JSON", "VARCHAR", "'{\"a\": 1}'", "'[1]'"),
    _row("BLOB", "BLOB", "'\\x00\\xFF'::blob", "''::blob", "'abc'::blob", "'\\x27\\x22\\x5C'::blob"),
    _row("DATE", "DATE", "'2026-02-28'", "'0001-01-01'", "'9999-12-31'"),
    _row("DATE before Christ, far", "DATE", "'0044-03-15 (BC)'", "'294246-12-31'"),
    _row("DATE infinity", "DATE", "'infinity'", "'-infinity'", "'2026-02-28'"),
    _row("TIME", "TIME", "'00:00:00'", "'23:59:59.999999'"),
    _row("TIME 24:00", "TIME", "'24:00:00'", "'12:00:00'"),
    _row("TIME_NS", "TIME_NS", "'00:00:00'", "'23:59:59.999999999'"),
    _row("TIMETZ", "TIME WITH TIME ZONE", "'12:30:00+02:00'", "'23:59:59.999999-11:30'"),
    _row(
        "TIMESTAMP",
        "TIMESTAMP",
        "'2026-02-28 12:34:56.123456'",
        "'0001-01-01 00:00:00'",
        "'9999-12-31 23:59:59.999999'",
    ),
    _row("TIMESTAMP before Christ, far", "TIMESTAMP", "'0044-03-15 (BC) 12:00:00'", "'294246-12-31 23:59:59.999999'"),
    _row("TIMESTAMP infinity", "TIMESTAMP", "'infinity'", "'-infinity'", "'2026-02-28 12:34:56'"),
    _row("TIMESTAMP_S", "TIMESTAMP_S", "'2026-02-28 12:34:56'", "'0001-01-01 00:00:00'"),
    _row("TIMESTAMP_MS", "TIMESTAMP_MS", "'2026-02-28 12:34:56.123'", "'9999-12-31 23:59:59.999'"),
    _row("TIMESTAMP_NS", "TIMESTAMP_NS", "'2026-02-28 12:34:56.123456789'", "'2262-04-11 23:47:16.854775806'"),
    _row("TIMESTAMP_NS of microseconds", "TIMESTAMP_NS", "'2026-02-28 12:34:56.123456'", "'1677-09-22 00:00:00'"),
    _row(
        "TIMESTAMPTZ from 1970 to 2038",
        "TIMESTAMP WITH TIME ZONE",
        "'2026-02-28 12:34:56.123456+02:00'",
        "'1970-01-01 00:00:01+00'",
        "'2038-01-19 03:14:07.999999+00'",
    ),
    _row(
        "TIMESTAMPTZ",
        "TIMESTAMP WITH TIME ZONE",
        "'2026-02-28 12:34:56.123456+02:00'",
        "'0001-01-01 00:00:00+00'",
        "'9999-12-31 23:59:59.999999+00'",
    ),
    _row(
        "TIMESTAMPTZ before Christ, far",
        "TIMESTAMP WITH TIME ZONE",
        "'0044-03-15 (BC) 12:00:00+00'",
        "'294246-12-31 23:59:59+00'",
    ),
    _row("TIMESTAMPTZ infinity", "TIMESTAMP WITH TIME ZONE", "'infinity'", "'-infinity'", "'2026-02-28 12:34:56+00'"),
    _row(
        "INTERVAL",
        "INTERVAL",
        "interval '1 year 2 months 3 days 04:05:06.789'",
        "interval '-1 month'",
        "interval '30 days'",
        "interval '720 hours'",
    ),
    _row("UUID", "UUID", "'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-4fff-bfff-ffffffffffff'"),
    _row("JSON", "JSON", '\'{"a":1,"b":[null,"x"]}\'', "'[1,2]'", "'\"x\"'", "'true'"),
    _row("JSON numbers", "JSON", '\'{"a":12345678901234567890123,"b":0.1234567890123456789}\'', "'1.50'"),
    _row("JSON with null", "JSON", "null", "'{\"a\":null}'"),
    _row("BIT", "BIT", "'0101'::bit", "'1'::bit"),
    _row("ENUM", "ENUM('a', 'b')", "'a'", "'b'"),
    _row("INTEGER[]", "INTEGER[]", "[1, null, 3]", "[]", "null"),
    _row("VARCHAR[]", "VARCHAR[]", "['a', null, 'b,c', '\"', '', 'NULL']", "['[x]']"),
    _row("VARCHAR[] of every sign", "VARCHAR[]", "['a\\\\b', chr(10) || chr(13), chr(8), '🏔', ' x ', '''']"),
    _row("INTEGER[][]", "INTEGER[][]", "[[1], [], null]", "[]"),
    _row("BIGINT[]", "BIGINT[]", "[9223372036854775807, 9007199254740993]", "[]"),
    _row("HUGEINT[]", "HUGEINT[]", "[170141183460469231731687303715884105727]", "[]"),
    _row("DOUBLE[]", "DOUBLE[]", "[0.1, null]", "[]"),
    _row("DECIMAL(18,2)[]", "DECIMAL(18,2)[]", "[1.10, null]", "[]"),
    _row("DECIMAL(38,10)[]", "DECIMAL(38,10)[]", "[1234567890123456789012345678.0123456789]", "[]"),
    _row("DOUBLE[] NaN", "DOUBLE[]", "['nan'::double, 'inf'::double]", "[1.5]"),
    _row("TIMESTAMPTZ[]", "TIMESTAMP WITH TIME ZONE[]", "['2026-02-28 12:34:56.123456+02:00'::timestamptz]", "[]"),
    _row("TIMESTAMP_NS[]", "TIMESTAMP_NS[]", "['2026-02-28 12:34:56.123456789'::timestamp_ns]", "[]"),
    _row("BLOB[]", "BLOB[]", "['\\x00\\xFF'::blob]", "[]"),
    _row("INTERVAL[]", "INTERVAL[]", "[interval '1 month']", "[]"),
    _row("INTEGER[2]", "INTEGER[2]", "[1, 2]", "[3, null]"),
    _row("STRUCT", "STRUCT(a INTEGER, b VARCHAR)", "{'a': 1, 'b': 'x'}", "{'a': null, 'b': null}", "null"),
    _row(
        "STRUCT nested",
        "STRUCT(a STRUCT(b INTEGER[]), c DATE)",
        "{'a': {'b': [1]}, 'c': date '2026-01-02'}",
        "{'a': null, 'c': null}",
    ),
    _row("MAP", "MAP(VARCHAR, INTEGER)", "map {'a': 1, 'b': null}", "map {}"),
    _row("MAP of numbers", "MAP(INTEGER, VARCHAR)", "map {1: 'a', 2: null}", "map {}"),
    _row("UNION", "UNION(n INTEGER, s VARCHAR)", "union_value(n := 1)", "union_value(s := 'x')"),
    _row("NULL alone", "INTEGER", "null", "null"),
)

DATABASES = ("DuckDB", "SQLite", "PostgreSQL", "MariaDB", "Iceberg")
QUERIES = {"PostgreSQL query": "PostgreSQL", "MariaDB query": "MariaDB"}
PLACES = (
    *("DuckDB", "SQLite", "PostgreSQL", "PostgreSQL query", "MariaDB", "MariaDB query"),
    *("Iceberg", "Parquet", "CSV", "NDJSON", "JSON"),
)
PAGE = Path(__file__).parents[3] / "docs/types.md"
BEGIN, END = "<!-- from the tests: FIRN_ACCEPT=1 -->", "<!-- end -->"


def dataset(row: Row) -> str:
    """Return SQL that makes the row's values, numbered."""
    values = ", ".join(f"({n}, ({value})::{row.type})" for n, value in enumerate(row.values))
    return f"select n, v from (values {values}) as t(n, v)"


def place_of(place: str, table: str) -> dict[str, Any]:
    """Return the inputs of a step that say where."""
    if place in QUERIES:
        return {"resource": QUERIES[place], "sql": f"select * from {table}"}
    if place in DATABASES:
        return {"resource": place, "table": table}
    return {"resource": "files", "path": f"{table}.{place.lower()}"}


class Matrix:
    """All places, and what becomes of a row's values in each."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    def cells(self, row: Row, table: str) -> dict[str, str]:
        """Return what becomes of the row in every place."""
        self.bench.make("d", dataset(row))
        cells: dict[str, str] = {}
        for place in PLACES:
            asked = QUERIES.get(place)
            refused = cells[asked] == "refused" if asked else self._refusal(place, table)
            cells[place] = "refused" if refused else self._read(row, place, table)
        return cells

    def _refusal(self, place: str, table: str) -> bool:
        """Write; return whether it was refused, in words that name the column."""
        try:
            self.bench.do("write", {"from": "d", "mode": "replace", **place_of(place, table)}, "publish")
        except ConnectorError as error:
            return _is_named(error)
        return False

    def _read(self, row: Row, place: str, table: str) -> str:
        """Return what is read without a `schema`; with one, every value is the same and of its type."""
        kind, own = self._back(place, table, None), self.bench.session.columns("d")["v"]
        found = (
            "by `schema`" if kind is None or not self._is_same(row, place) else "same" if kind == own else f"`{kind}`"
        )
        given = "JSON" if _UNSAID.match(row.type) and place in ("NDJSON", "JSON") else row.type
        if _UNSAID.match(given):
            assert found != "by `schema`"
        else:
            assert self._back(place, table, given) == (own if given == row.type else given), place
            assert self._is_same(row, place), f"{row.name} changes in {place}"
        return found

    def _back(self, place: str, table: str, schema: str | None) -> str | None:
        """Read the table again; return the type of the values, None where that fails and the column is named."""
        types = {"schema": {"n": "integer", "v": schema}} if schema else {}
        try:
            self.bench.do("read", place_of(place, table) | types, "back")
        except ConnectorError as error:
            return None if _is_named(error) else ""
        return self.bench.session.columns("back")["v"]

    def _is_same(self, row: Row, place: str) -> bool:
        """Return whether every value that was read is the one that was written, to the last digit of its text."""
        is_json = place.startswith("MariaDB") and self.bench.session.columns("back")["v"] == "VARCHAR"
        read = "back.v::json" if is_json and _NESTED.search(row.type) else "back.v"
        if row.type in ("DECIMAL(38,10)[]", "BLOB[]"):
            read = "back.v::varchar"
        sides = ("d.v", f"try_cast({read} as {row.type})")
        if row.type == "JSON":
            sides = ("json(d.v)", "json(back.v)")
        one, other = sides
        differing = f"{one} is distinct from {other} or ({one})::varchar is distinct from ({other})::varchar"
        sql = f"select 1 from d full join back using (n) where {differing}"
        try:
            return self.bench.session.execute(sql) == []
        except ConnectorError:
            return False


def _is_named(error: ConnectorError) -> bool:
    """Return True; raise where an error does not say which column it is about."""
    if error.error_class != "data" or "`v`" not in error.message:
        raise AssertionError(error.message)
    return True


_NESTED = re.compile(r"\]$|STRUCT|MAP|UNION")
"""Types of which MariaDB holds JSON as text."""
_UNSAID = re.compile("ENUM|STRUCT|MAP|UNION")
"""Types that a `schema` does not name; in JSON it can say JSON instead."""


def login(server: postgres.Server | mysql.Server, database: str) -> dict[str, Any]:
    """Return the config of a connector to a database of a server."""
    place = {"host": server.host, "port": server.port, "database": database}
    return place | {"user": server.user, "password": Secret(server.password)}


def everywhere(bench: Callable[..., Workbench], folder: Path, **more: Any) -> Workbench:
    """Return a workbench with a resource of every kind."""
    one, other = postgres.server(), mysql.server()
    (folder / "files").mkdir()
    return bench(
        DuckDB=connector("db", "duckdb", written=True, path=str(folder / "a.duckdb")),
        SQLite=connector("db", "sqlite3", written=True, path=str(folder / "a.sqlite")),
        PostgreSQL=connector("db", "postgres", written=True, **login(one, postgres.fresh_database(one))),
        MariaDB=connector("db", "mysql", written=True, **login(other, mysql.fresh_database(other))),
        files=connector("files", "local", written=True, root=str(folder / "files")),
        **more,
    )


@pytest.fixture
def matrix(bench: Callable[..., Workbench], tmp_path: Path) -> Iterator[Matrix]:
    with lake(tmp_path) as tables:
        yield Matrix(everywhere(bench, tmp_path, Iceberg=tables.resource()))


def test_the_page_says_what_becomes_of_every_type_everywhere(matrix: Matrix) -> None:
    lines = [f"| values | {' | '.join(PLACES)} |", f"| --- {'| --- ' * len(PLACES)}|"]
    for number, row in enumerate(ROWS):
        cells = matrix.cells(row, f"t{number}")
        assert cells["DuckDB"] == "same"
        lines.append(f"| {row.name} | {' | '.join(cells.values())} |")
    head, _, rest = PAGE.read_text().partition(BEGIN)
    page = f"{head}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{rest.partition(END)[2]}"
    if os.environ.get("FIRN_ACCEPT"):
        PAGE.write_text(page)
    assert PAGE.read_text() == page


@pytest.mark.parametrize("ending", ["ndjson", "json"])
def test_null_of_json_is_null_in_json_files(matrix: Matrix, ending: str) -> None:
    bench = matrix.bench
    bench.make("d", "select 'null'::json as v, 1 as n")
    bench.do("write", {"from": "d", "mode": "replace", "resource": "files", "path": f"a.{ending}"}, "publish")
    bench.do("read", {"resource": "files", "path": f"a.{ending}"})
    assert bench.rows() == [(None, 1)]


WRONG = {
    "a date that never ends, of which the reader would make 1900": ("csv", "DATE", "infinit"),
    "a date with an hour": ("csv", "DATE", "2026-01-02 10:00:00"),
    "a day and month that might be either": ("csv", "TIMESTAMP", "01/02/2026 10:00:00"),
    "a moment that is none, of which the reader would make NULL": ("csv", "TIMESTAMP WITH TIME ZONE", "tomorrow"),
    "nanoseconds": ("csv", "TIMESTAMP", "2026-01-02 10:00:00.123456789"),
    "nanoseconds of a day": ("csv", "TIME", "10:00:00.123456789"),
    "a fraction, of which the reader would make 2": ("ndjson", "INTEGER", "1.5"),
    "a truth, of which the reader would make 1": ("ndjson", "INTEGER", "true"),
    "a decimal of which the reader keeps 17 digits": ("ndjson", "DECIMAL(38,10)", "1234567890123456789.0123456789"),
    "a date in a text": ("ndjson", "DATE", '"02.01.2026"'),
}


@pytest.mark.parametrize(("ending", "kind", "text"), WRONG.values(), ids=WRONG.keys())
def test_what_is_not_of_its_type_is_refused_and_named(matrix: Matrix, ending: str, kind: str, text: str) -> None:
    content = f"v,n\n{text},1\n" if ending == "csv" else f'{{"v": {text}, "n": 1}}\n'
    (matrix.bench.folder / f"files/a.{ending}").write_text(content)
    schema = {"v": kind, "n": "integer"}
    with pytest.raises(ConnectorError) as caught:
        matrix.bench.do("read", {"resource": "files", "path": f"a.{ending}", "schema": schema})
    assert "v" in caught.value.message
    assert kind in caught.value.message
    assert text not in caught.value.message


FOUND = {
    "more digits than a DOUBLE has": ("1.0123456789012345678", None),
    "a whole number beyond 64 bits": ("99999999999999999999", None),
    "as many digits as a DOUBLE has": ("0.30000000000000004", 0.30000000000000004),
    "a DOUBLE of all 17 digits": ("0.10000000000000001", 0.1),
    "zeros at the end": ("1.50000000000000000000", 1.5),
    "an exponent": ("1.7976931348623157e+308", 1.7976931348623157e308),
}


@pytest.mark.parametrize(("text", "value"), FOUND.values(), ids=FOUND.keys())
def test_a_number_of_a_csv_file_that_nobody_gave_a_type_keeps_its_digits(
    matrix: Matrix, text: str, value: float | None
) -> None:
    (matrix.bench.folder / "files/a.csv").write_text(f"n,v\n1,{text}\n2,0.5\n")
    inputs = {"resource": "files", "path": "a.csv"}
    if value is None:
        with pytest.raises(ConnectorError, match=r"`v` .* more digits than one: give it another type in `schema`"):
            matrix.bench.do("read", inputs)
    else:
        matrix.bench.do("read", inputs)
        assert matrix.bench.rows() == [(1, value), (2, 0.5)]


def test_quoted_nothing_is_an_empty_text_and_no_number(matrix: Matrix) -> None:
    (matrix.bench.folder / "files/a.csv").write_text('n,v,d\n"1","",""\n"",,2026-01-02\n')
    matrix.bench.do("read", {"resource": "files", "path": "a.csv"})
    assert matrix.bench.session.execute("select n, v, d::varchar from data") == [
        (1, "", None),
        (None, None, "2026-01-02"),
    ]
