"""Decoding of untrusted values: every problem, with its path, without any value."""

from typing import Any

import pytest

from firn_schemas.connectors.rest import RestConfig, RestOptions
from firn_schemas.decode import DecodeError, decode
from firn_schemas.secret import Secret
from firn_schemas.steps.data import QueryInputs, ReadInputs, WriteInputs


def problems(record: type, value: Any, **options: Any) -> list[str]:
    with pytest.raises(DecodeError) as caught:
        decode(record, value, **options)
    return [f"{path}: {sentence}" for path, sentence in caught.value.problems]


def test_every_problem_is_named_with_its_path() -> None:
    value = {
        "resource": 1,
        "request": {"path": "/x", "pagination": {"type": "leaf"}},
        "colums": [],
        "columns": ["a", 2],
    }
    assert problems(ReadInputs, value) == [
        "colums: is not a known key",
        "resource: must be text, not an integer",
        "request.pagination.type: must be one of `page`, `offset`, `cursor`, `link`, `next_url`",
        "columns: must be a list, not a list",
    ]


def test_a_missing_key_and_a_bound_are_named() -> None:
    assert problems(QueryInputs, {"resource": "x", "max_rows": 0}) == [
        "sql: is missing",
        "max_rows: must be at least 1",
    ]


def test_a_keyword_of_python_is_spelled_as_documents_spell_it() -> None:
    inputs = decode(WriteInputs, {"from": "a", "resource": "b", "path": "c", "mode": "replace"})
    assert inputs.from_ == "a"


def test_text_stands_for_a_number_only_where_it_is_asked_to() -> None:
    assert decode(RestOptions, {"timeout": "2.5", "verify": "false"}, from_text=True).timeout == 2.5
    assert problems(RestOptions, {"timeout": "2.5"}) == ["timeout: must be a number, not text"]
    assert problems(RestOptions, {"timeout": "soon"}, from_text=True) == ["timeout: must be a number, not text"]


def test_a_sensitive_field_takes_a_secret_and_nothing_else() -> None:
    assert decode(RestConfig, {"base_url": "x", "bearer_token": Secret("t")}).bearer_token is not None
    assert problems(RestConfig, {"base_url": "x", "bearer_token": "t"}) == ["bearer_token: must be a value, not text"]
