"""Which CSV files every thread may cut into rows: none whose quotes hold a line end, wherever a block of it ends."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firn_runtime.connectors.files import plain as file_plain
from firn_schemas.steps.data import FormatOptions


def plain(folder: Path, content: bytes, **options: Any) -> bool:
    file = folder / "a.csv"
    file.write_bytes(content)
    return file_plain.is_plain(file, FormatOptions(**options))


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        (b"a,b\n1,2\n", {}, True),
        (b"a,b\r1,2\r", {}, True),
        (b'"a","b"\n1,"x, ""y"""\n', {}, True),
        (b'5" x 6"\n', {}, True),
        (b'a\n"b"', {}, True),
        (b'"a\nb",c\n', {}, False),
        (b'"a""\nb",c\n', {}, False),
        (b'"x""\n""y",1\n', {}, False),
        (b'5"\n6"\n', {}, False),
        (b'"a\n', {}, False),
        (b'"a\\"b"\n', {"escape": "\\"}, False),
        (b"a||b\n", {"delimiter": "||"}, False),
        ("a,b\n".encode("utf-16"), {"encoding": "utf-16"}, False),
    ],
)
def test_quotes_that_hold_a_line_end_are_seen(
    tmp_path: Path, content: bytes, options: dict[str, Any], expected: bool
) -> None:
    assert plain(tmp_path, content, **options) is expected


def test_a_row_that_is_longer_than_a_block_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_plain, "_BLOCK", 8)
    assert plain(tmp_path, b"a,b\n" * 9)
    assert not plain(tmp_path, b"a,b\n" + b"x" * 20 + b"\n")


@settings(max_examples=500, suppress_health_check=list(HealthCheck))
@given(text=st.text('"",\n\nab', max_size=24), block=st.integers(3, 12))
def test_no_line_of_a_plain_file_ends_within_quotes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, block: int
) -> None:
    monkeypatch.setattr(file_plain, "_BLOCK", block)
    if plain(tmp_path, text.encode()):
        assert not any(text[:at].count('"') % 2 for at, char in enumerate(text) if char == "\n")
