"""Texts of a CSV file as values of a type: the value that is written there, or an error; never another one."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firn_runtime.connectors.values.texts import from_csv

WHOLE = ("TINYINT", "INTEGER", "BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT")
TIMES = ("TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": "1"})


def read(engine: duckdb.DuckDBPyConnection, kind: str, text: str, *, found: bool = True) -> str | None:
    """Return the value's own text; None where it is refused. The row between others is one that every type has."""
    made = from_csv("v", kind, "c", "''", [""], point=".", found=found)
    sql = f"select ({made.value})::varchar from (select *, {made.cast} as c from (values (null), ($v), (null)) t(v))"
    try:
        rows: list[tuple[str | None]] = engine.execute(sql, {"v": text}).fetchall()
    except duckdb.InvalidInputException:
        return None
    assert rows[1][0] is not None, f"{text!r} has become NULL"
    return rows[1][0]


def number(text: str) -> Decimal | None:
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        prefixed = re.fullmatch(r"\s*(0[xX][0-9a-fA-F_]+|0[bB][01_]+)\s*", text)
        return Decimal(int(text.strip(), 0)) if prefixed else None


def is_the_number(value: str, text: str) -> bool:
    return Decimal(value) == number(text)


def is_the_double(value: str, text: str) -> bool:
    exact = number(text)
    if exact is None or not exact.is_finite():
        return exact is not None and str(float(exact)) == value
    digits = len("".join(map(str, exact.as_tuple().digits)).strip("0"))
    kept = digits <= 15 or exact in (Decimal(value), Decimal(f"{float(value):.17g}"), Decimal(f"{float(value):.18e}"))
    return float(value) == float(exact) and kept


DAY = r"(\d{3,}-\d\d?-\d\d?)( BC| \(BC\))?"


def day(text: str, before: str | None) -> str:
    """Return a day as the engine spells it; the year 0 of ISO 8601 is the one before Christ."""
    year, month, of_month = map(int, text.split("-"))
    return f"{year or 1:04}-{month:02}-{of_month:02}{'' if year and not before else ' (BC)'}"


def is_the_date(value: str, text: str) -> bool:
    if text.strip() in ("infinity", "-infinity"):
        return value == text.strip()
    parts = re.fullmatch(rf"\s*{DAY}\s*", text)
    return parts is not None and value == day(parts[1], parts[2])


def is_the_time(value: str, text: str) -> bool:
    """Compare without zeros at the end, and without `T`, `Z` and what else says nothing."""
    clock = r"(?:(\d+):(\d+)(?::(\d+)(?:\.(\d*))?)?)?\s*(?:Z| UTC)?\s*"
    parts = re.fullmatch(rf"\s*(?:{DAY}[ T]*)?{clock}", text)
    if parts is None or not (parts[1] or parts[3]):
        return False
    date = day(parts[1], parts[2]) + " " if parts[1] else ""
    spelled = ":".join(f"{int(part or 0):02}" for part in parts.groups()[2:5])
    return f"{value}{'' if '.' in value else '.'}".rstrip("0") == f"{date}{spelled}.{parts[6] or ''}".rstrip("0")


ORACLES: Mapping[str, Callable[[str, str], bool]] = dict.fromkeys(WHOLE, is_the_number) | {
    "DOUBLE": is_the_double,
    "DATE": is_the_date,
    "TIME": is_the_time,
    "TIMESTAMP": is_the_time,
}
NUMBERS = st.one_of(
    st.from_regex(r"[ +-]?[0-9]{0,19}(\.[0-9]{0,19})?([eE][+-]?[0-9]{1,3})? ?", fullmatch=True),
    st.text("0123456789.eE+-_ xXbnaif", min_size=1, max_size=24),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.floats().map(str),
)
DAYS = st.from_regex(r" ?[0-9]{1,5}[-/ ][0-9]{1,2}[-/ ][0-9]{1,2}( BC| \(BC\)|[ xTZ0-9]| 10:00)? ?", fullmatch=True)
CLOCKS = st.from_regex(
    r"[0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]{0,9})?)?( ?[AP]M|Z| UTC|[+-][0-9]{2}(:?[0-9]{2})?)?", fullmatch=True
)
TEXTS: dict[str, st.SearchStrategy[str]] = dict.fromkeys(WHOLE, NUMBERS) | {
    "DOUBLE": NUMBERS,
    "DATE": DAYS,
    "TIME": CLOCKS,
    "TIMESTAMP": st.tuples(DAYS, st.sampled_from(["", " ", "T", "  "]), CLOCKS).map("".join),
}


@pytest.mark.parametrize("kind", ORACLES)
def test_no_text_becomes_another_value(engine: duckdb.DuckDBPyConnection, kind: str) -> None:
    @settings(max_examples=400, suppress_health_check=list(HealthCheck))
    @given(TEXTS[kind])
    def holds(text: str) -> None:
        value = read(engine, kind, text) if text else None
        assert value is None or ORACLES[kind](value, text), (text, value)

    holds()


@pytest.mark.parametrize("kind", WHOLE)
def test_every_whole_number_is_read(engine: duckdb.DuckDBPyConnection, kind: str) -> None:
    sizes = {"TINYINT": 7, "INTEGER": 31, "BIGINT": 63, "UBIGINT": 64, "HUGEINT": 127, "UHUGEINT": 128}
    most = 2 ** sizes[kind] - 1
    numbers = {0, 1, 9, most, most // 2} | {10**n for n in range(39) if 10**n <= most}
    for value in numbers | {n - 1 for n in numbers if n} | (set() if kind[0] == "U" else {-n for n in numbers}):
        assert read(engine, kind, str(value)) == str(value)
        assert read(engine, kind, f"0{value}" if value >= 0 else f"{value}.0", found=False) == str(value)


WRONG = {
    "WHOLE": ("1.5", ".5", "9.5", "99.5", "9999999999.9", "15e-1", "1.05e1", "99999999999.5", "1.00000000000000000001"),
    "DOUBLE": ("9007199254740993", "1e400", "-1e400", "1.0123456789012345678"),
    "FLOAT": ("1e400", "1e39"),
    "DATE": ("2026-01-2x", "2026-1-2xy", "2026-1-1 1", "2026/01/02", "26-01-02", "2026-01-02Z", "epoch", "infinit"),
    "TIME": ("10:00:00 PM", "10:00:00+02", "10:00:00.1234567"),
    "TIMESTAMP": ("2026-01-02 10:00:00+02", "2026-01-02 10:00-02", "2026-01-02T10:00:00.5+02:00", "26-01-02 10:00:00"),
}
CASES = [(kind, text) for kind in WHOLE for text in WRONG["WHOLE"]]
CASES += [(kind, text) for kind in WRONG if kind != "WHOLE" for text in WRONG[kind]]


@pytest.mark.parametrize(("kind", "text"), CASES)
def test_a_text_that_is_not_of_its_type_is_refused(engine: duckdb.DuckDBPyConnection, kind: str, text: str) -> None:
    assert read(engine, kind, text) is None


RIGHT = {
    "BIGINT": ("1.0", "1.", "-2.000", "+7", " 1 ", "1e3", "007", " 007", "0x1F", "-0"),
    "DOUBLE": (
        "00.5",
        ".5",
        "-0.5",
        "0.30000000000000004",
        "0.10000000000000001",
        "1.50000000000000000000",
        "inf",
        "-Infinity",
        "nan",
        "1e3",
    ),
    "FLOAT": ("0.1", "inf", "nan"),
    "DATE": (
        "2026-01-02",
        "2026-1-2",
        " 2026-01-02 ",
        "12026-01-02",
        "0044-03-15 (BC)",
        "0044-03-15 BC",
        " 0044-03-15 BC ",
        "-infinity",
    ),
    "TIME": ("10:00", "10:00:00.5", "10:00:00.1234560", "24:00:00"),
    "TIMESTAMP": ("2026-01-02", "2026-01-02T10:00:00Z", "2026-01-02 10:00:00.1234560", "0044-03-15 12:00:00 BC"),
    "TIMESTAMP WITH TIME ZONE": ("2026-01-02 10:00:00+02:00", "2026-01-02T10:00:00-11:30", "2026-01-02T10:00:00Z"),
    "BOOLEAN": ("true", "False", "t", "yes"),
}
CODES = ("+7", "007", " 007", "0x1F", "00.5", "t", "yes")
"""What may be no value of a type that nobody said."""


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in RIGHT.items() for text in texts])
def test_a_value_may_be_spelled_in_several_ways(engine: duckdb.DuckDBPyConnection, kind: str, text: str) -> None:
    assert read(engine, kind, text, found=False) is not None
    assert (read(engine, kind, text) is None) == (text in CODES)


def test_a_text_that_means_null_is_null_though_it_might_be_a_value(engine: duckdb.DuckDBPyConnection) -> None:
    for kind, text in (("BIGINT", "-999"), ("DATE", "infinity"), ("DOUBLE", "nan"), ("TIME", "00:00")):
        made = from_csv("v", kind, "c", "''", ["", text], point=".", found=True)
        sql = f"select {made.value} from (select *, {made.cast} as c from (select $v as v))"
        assert engine.execute(sql, {"v": text}).fetchall() == [(None,)]
