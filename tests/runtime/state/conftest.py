from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.state import State, open_state
from firn_schemas.secret import Secret
from servers import postgres

Settings = dict[str, Any]
Open = Callable[..., State]


def postgres_settings() -> Settings:
    """Return the settings of a fresh database, as a payload's `state` with its secrets resolved."""
    server = postgres.server()
    return {
        "backend": "postgres",
        "host": server.host,
        "port": server.port,
        "database": postgres.fresh_database(server),
        "user": server.user,
        "password": Secret(server.password),
        "schema": "firn",
    }


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a state that does not exist yet, in each of the databases."""
    if request.param == "sqlite":
        return {"backend": "sqlite", "path": str(tmp_path / "state.db")}
    return postgres_settings()


@pytest.fixture
def opened(settings: Settings, tmp_path: Path) -> Iterator[Open]:
    """Open the state of this test; as often as one likes."""
    made: list[State] = []

    def make(**options: Any) -> State:
        made.append(open_state(settings, tmp_path, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def state(opened: Open) -> State:
    return opened()
