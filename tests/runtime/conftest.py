from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.workbench import Workbench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Workbench]]:
    """Make a workbench with the given resources."""
    made: list[Workbench] = []

    def make(**resources: Any) -> Workbench:
        made.append(Workbench(tmp_path, resources))
        return made[-1]

    yield make
    for one in made:
        one.close()
