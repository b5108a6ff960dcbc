"""Texts of outsiders as a person may see them."""

import pytest

from firn_schemas.visible import visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Grüße, 東京\u3000🙂", "Grüße, 東京\u3000🙂"),
        ("a\x1b[2Jb", "a�[2Jb"),
        ("a\x9b2Jb\x7f\x00", "a�2Jb��"),
        ("a\n::error::b\r\tc", "a ::error::b�→c"),
        ("a\u2028b\u202eb\ud800", "a�b�b�"),
    ],
)
def test_a_text_is_one_line_that_a_terminal_only_shows(text: str, seen: str) -> None:
    assert visible(text) == seen
