from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.connectors.iceberg.lake import Lake, lake
from runtime.workbench import Workbench


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Lake]:
    with lake(tmp_path) as one:
        yield one


@pytest.fixture
def work(bench: Callable[..., Workbench], place: Lake) -> Workbench:
    return bench(lake=place.resource())
