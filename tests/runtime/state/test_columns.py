"""What a step and a job may leave in the state."""

import datetime
from typing import Any

import orjson
import pytest

from firn_runtime.errors import ConnectorError
from firn_runtime.state import checked_outputs, checked_results

CANARY = "canary-7fb1a0"


def test_results_are_json_up_to_4_mib() -> None:
    assert orjson.loads(checked_results({"rows": 3, "names": ["ü"]})) == {"rows": 3, "names": ["ü"]}
    fits = {"text": "x" * (4 * 1024 * 1024 - len('{"text":""}'))}
    assert len(checked_results(fits)) == 4 * 1024 * 1024
    with pytest.raises(ConnectorError) as caught:
        checked_results({"text": fits["text"] + "x"})
    assert caught.value.error_class == "data"
    assert (
        caught.value.message == "the step's results are 4,194,305 bytes of JSON, and the state keeps at most 4,194,304"
    )


def test_outputs_of_a_job_are_json_up_to_16_mib() -> None:
    checked_outputs({"text": "x" * 16_000_000})
    with pytest.raises(ConnectorError, match=r"the job's outputs are 17,000,011 bytes of JSON"):
        checked_outputs({"text": "x" * 17_000_000})


@pytest.mark.parametrize("value", [CANARY + "\udc80", {CANARY: object()}, 2**64, {1: CANARY}])
def test_what_is_no_json_is_an_error_that_does_not_show_it(value: Any) -> None:
    with pytest.raises(ConnectorError, match="the step's results are no JSON") as caught:
        checked_results({"value": value})
    assert caught.value.error_class == "data"
    assert CANARY not in caught.value.message + caught.value.help
    assert caught.value.__cause__ is None


def test_a_date_is_json() -> None:
    assert checked_results({"day": datetime.date(2026, 1, 2)}) == b'{"day":"2026-01-02"}'
