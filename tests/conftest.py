"""What all tests share."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from servers.packages import alone

# a job in a shell's background ignores it, and so do its children
signal.signal(signal.SIGINT, signal.default_int_handler)

# no test looks at the clock: how long an example takes is the machine's
settings.register_profile("timeless", settings.default, deadline=None)
settings.load_profile("timeless")


@pytest.fixture
def in_place() -> Iterator[None]:
    """Let no other test meanwhile work in the folders of the examples themselves."""
    with alone("examples"):
        yield


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their parameter: they may hold a time or chance, and every process must know a test by one name."""
    return argname if isinstance(val, bytes) else None
