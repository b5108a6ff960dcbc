"""A few hundred inputs of the fuzzer in every test run; `make fuzz` checks a hundred thousand."""

import pytest

from fuzz.fuzz import corpus, make, problems, vocabulary

BLOCKS = 20
EACH = 20


@pytest.mark.parametrize("block", range(BLOCKS))
def test_whatever_a_file_holds_the_compiler_answers_in_order(block: int) -> None:
    seeds = range(block * EACH, (block + 1) * EACH)
    assert {seed: found for seed in seeds if (found := list(problems(make(seed))))} == {}


def test_every_project_of_the_corpus_holds_as_it_is() -> None:
    assert [found for given in corpus() for found in problems(given)] == []


def test_a_seed_makes_one_input() -> None:
    assert [make(seed) for seed in range(20)] == [make(seed) for seed in range(20)]


def test_the_material_is_there() -> None:
    assert len(corpus()) > 60
    assert {"secret_ref", "duckdb", "mode"} & set(vocabulary()) == {"secret_ref", "duckdb", "mode"}
