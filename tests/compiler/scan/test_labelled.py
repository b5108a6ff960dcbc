"""The labelled corpus of benchmarks/secrets, as a floor under recall and precision, and under every form of YAML."""

import importlib
from collections import defaultdict
from pathlib import Path

import pytest

from firn_compiler.leaks import in_file

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "secrets"


@pytest.fixture(scope="module")
def answers() -> list[tuple[str, bool, bool]]:
    """Return for every sample its form, whether it holds a secret, and whether one is found."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.syspath_prepend(str(BENCHMARK))
    samples = importlib.import_module("corpus").samples()
    monkeypatch.undo()
    return [(one.form, one.secret is not None, bool(in_file(one.file, one.text))) for one in samples]


def test_there_are_enough_samples(answers: list[tuple[str, bool, bool]]) -> None:
    assert sum(secret for _, secret, _ in answers) >= 400
    assert sum(not secret for _, secret, _ in answers) >= 600


def test_recall_and_precision(answers: list[tuple[str, bool, bool]]) -> None:
    right = sum(secret and found for _, secret, found in answers)
    assert right / sum(secret for _, secret, _ in answers) >= 0.99
    assert right / sum(found for _, _, found in answers) >= 0.99


def test_no_form_of_yaml_hides_a_secret(answers: list[tuple[str, bool, bool]]) -> None:
    recall: dict[str, list[bool]] = defaultdict(list)
    for form, secret, found in answers:
        if secret:
            recall[form].append(found)
    rates = {form: sum(found) / len(found) for form, found in recall.items()}
    assert min(rates.values()) >= max(rates.values()) - 0.02, rates
