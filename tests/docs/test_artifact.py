"""The page of the artifact names every field that an artifact can hold."""

import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from firn_schemas import artifact
from firn_schemas.decode import spelling

PAGE = (Path(__file__).parents[2] / "docs/artifact.md").read_text()
ELSEWHERE = {"Observability", "Governance", "Layer"}  # as in the language
LEAVES = {"used_by", "variable", "optional"}  # of `requires`; the schema describes them
RECORDS = [one for name, one in vars(artifact).items() if is_dataclass(one) and name not in ELSEWHERE]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_field_is_named(record: type) -> None:
    spans = " ".join(re.findall(r"`[^`\n]+`", PAGE))
    for field in fields(record):
        assert spelling(field) in LEAVES or re.search(rf"\b{spelling(field)}\b", spans), spelling(field)
