"""Connectors out of settled values."""

from pathlib import Path
from typing import Any

import pytest

from firn_runtime.building import build
from firn_runtime.plugins import NONE
from firn_runtime.resolve import Scope
from firn_schemas.artifact import Fingerprint, Resource

DATABASE = {"host": "db.example.com", "database": "shop", "user": "reader"}


@pytest.mark.parametrize(
    ("kind", "driver", "config", "options"),
    [
        ("db", "sqlite3", {"path": "proof/ca.pem"}, {}),
        ("db", "mysql", DATABASE, {"ssl_ca": "proof/ca.pem"}),
        ("db", "postgres", DATABASE, {"sslrootcert": "proof/ca.pem"}),
        ("rest", "httpx", {"base_url": "https://api.example.com"}, {"ca_file": "proof/ca.pem"}),
        ("s3", "s3", {"bucket": "lake", "ca_file": "proof/ca.pem"}, {}),
    ],
)
def test_relative_paths_are_taken_from_the_base_folder(
    kind: str, driver: str, config: dict[str, Any], options: dict[str, Any]
) -> None:
    resource = Resource(
        kind=kind,
        driver=driver,
        config=config,
        options=options,
        fingerprint=Fingerprint(data="", operation="", words=""),
    )
    base = Path("/srv/flows")
    connector: Any = build("one", resource, Scope({}, {}), base, written=False, hook=None, plugged=NONE).connector
    for given, settled in ((config, connector.config), (options, connector.options)):
        for name, value in given.items():
            expected = str(base / value) if value == "proof/ca.pem" else value
            assert getattr(settled, name) == expected
