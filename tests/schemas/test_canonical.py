"""The canonical form against its oracle, the `rfc8785` package, and the edges of its domain."""

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from firn_schemas.canonical import MAX_INTEGER, NotCanonical, canonical_bytes, digest, file_bytes

text = st.text(st.characters(exclude_categories=["Cs"]))
number = st.integers(-MAX_INTEGER, MAX_INTEGER) | st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda value: not value.is_integer()
)
scalar = st.none() | st.booleans() | number | text
document = st.recursive(scalar, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=30)


@given(document)
def test_the_canonical_form_is_that_of_rfc_8785(value: Any) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(st.floats(min_value=1e-12, max_value=1e-3).filter(lambda value: not value.is_integer()))
def test_small_numbers_are_spelled_as_ecmascript_does(value: float) -> None:
    assert canonical_bytes([value, -value]) == rfc8785.dumps([value, -value])


@given(st.dictionaries(st.text(st.characters(min_codepoint=0xD700, exclude_categories=["Cs"])), scalar))
def test_keys_are_sorted_by_utf_16_units(value: Any) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(st.dictionaries(text, document))
def test_a_file_keeps_its_meaning_and_its_spelling(value: dict[str, Any]) -> None:
    spelled = file_bytes(value)
    assert json.loads(spelled) == value
    assert file_bytes(json.loads(spelled)) == spelled


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 1.0, -0.0, 2**53, -(2**53), "\ud800", {"\udfff": 1}, {1: 2}, object, b"bytes"],
    ids=repr,
)
def test_what_has_no_single_spelling_is_refused(value: Any) -> None:
    with pytest.raises(NotCanonical):
        digest([value])


def test_a_refusal_names_the_path_and_never_the_value() -> None:
    with pytest.raises(NotCanonical) as caught:
        digest({"a": [{"b": 12345678901234567890}]})
    assert caught.value.path == ("a", 0, "b")
    assert str(caught.value) == "a[0].b: the integer is outside ±9007199254740991; write it as text"


def test_nesting_has_a_limit() -> None:
    value: Any = None
    for _ in range(200):
        value = [value]
    with pytest.raises(NotCanonical, match="nested deeper"):
        digest(value)
