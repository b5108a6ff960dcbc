"""Rows that a check shows pass the same mask as all output: a secret that lies in the data is not told."""

from pathlib import Path

import pytest

from runtime.artifacts import job, step
from runtime.state.conftest import postgres_settings
from runtime.test_watermarks import Project


@pytest.mark.parametrize("severity", ["warn", "fail"])
def test_a_secret_in_a_row_is_masked_wherever_the_row_is_shown(tmp_path: Path, severity: str) -> None:
    project = Project(tmp_path, postgres_settings())
    (secret,) = project.environ.values()
    made = step(
        "d", "sql", sql=f"select '{secret}' as a, 'x{secret}y' as b, ['{secret}'] as c, repeat('{secret}', 9) as d"
    )
    rules = [{"accepted_values": {"column": "a", "values": ["x"]}}, {"sql": "select * from d"}]
    inputs = {"from": "d", "expectations": rules, "sample": 2, "severity": severity}
    result = project.run(job("load", made, step("good", "check") | {"inputs": inputs}))
    told = repr((result, project.events))
    assert "outside the accepted values, such as (a: " in told
    assert "***" in told
    assert secret not in told
    assert secret not in repr(project.results())
