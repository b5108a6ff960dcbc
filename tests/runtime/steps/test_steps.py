"""What the other steps promise beside their connectors."""

from collections.abc import Callable

import pytest

from firn_runtime.connectors import CONNECTORS as BUILT_IN
from firn_runtime.connectors import connector_class
from firn_runtime.errors import ArtifactRefused, ConnectorError
from firn_runtime.steps import STEPS, step_function
from firn_schemas.connectors import CONNECTORS
from firn_schemas.steps import STEPS as SCHEMAS
from runtime.workbench import Workbench

Make = Callable[..., Workbench]


def test_every_step_and_connector_that_there_is_has_a_schema() -> None:
    assert STEPS.keys() <= SCHEMAS.keys()
    assert all(callable(step_function(name)) for name in STEPS)
    assert BUILT_IN.keys() <= CONNECTORS.keys()
    for kind, driver in BUILT_IN:
        row = CONNECTORS[kind, driver]
        built = connector_class(kind, driver)
        can = {"readable": "read", "writable": "write", "queryable": "relation"}
        assert [getattr(row, ability) <= hasattr(built, method) for ability, method in can.items()] == [True] * 3


def test_an_unknown_step_or_connector_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ArtifactRefused, match="no step type `sing`") as step:
        step_function("sing")
    with pytest.raises(ArtifactRefused, match="no connector `db/oracle`") as connector:
        connector_class("db", "oracle")
    assert "`read`" in step.value.help
    assert "`db/duckdb`" in connector.value.help


def test_sql_makes_the_dataset_that_is_named_after_the_step(bench: Make) -> None:
    work = bench()
    result = work.do("sql", {"sql": "select $n as n, 'x' as t", "params": {"n": 3}}, "numbers")
    assert (result.results, result.rows) == ({"rows": 1, "columns": ["n", "t"]}, 1)
    assert work.rows("numbers") == [(3, "x")]


def test_sql_sees_earlier_datasets(bench: Make) -> None:
    work = bench()
    work.make("a", "select range as n from range(5)")
    assert work.do("sql", {"sql": "select sum(n) as total from a;"}).rows == 1
    assert work.rows() == [(10,)]


@pytest.mark.parametrize("params", [[1], {"m": 1}, {}])
def test_placeholders_and_params_must_agree(bench: Make, params: object) -> None:
    with pytest.raises(ConnectorError) as caught:
        bench().do("sql", {"sql": "select $n as n, $m as m", "params": params})
    assert caught.value.error_class == "data"


def test_a_step_may_be_run_again(bench: Make) -> None:
    work = bench()
    for _ in range(2):
        work.make("a", "select 1 as n")
    assert work.rows("a") == [(1,)]
