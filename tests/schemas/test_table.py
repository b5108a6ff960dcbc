"""The tables of connectors and steps name exactly the rows that their modules hold."""

from importlib import import_module
from typing import Any

import pytest

from firn_schemas.connectors import CONNECTORS
from firn_schemas.steps import STEPS


@pytest.mark.parametrize("table", [CONNECTORS, STEPS])
def test_a_table_names_every_row_of_its_modules(table: Any) -> None:
    rows = {key for module in set(table._modules.values()) for key in import_module(module).ROWS}
    assert set(table) == rows
    assert all(table[key] is not None for key in table)
