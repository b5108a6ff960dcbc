from collections.abc import Iterator

import pytest

from runtime.observe.receivers import Heard, receiving


@pytest.fixture
def heard() -> Iterator[Heard]:
    with receiving() as found:
        yield found
