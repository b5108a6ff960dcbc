"""Where the engine's extensions lie: in installed packages, never on the network."""

import importlib.util
from pathlib import Path

from firn_runtime.errors import lacking

_EXTRAS = {"postgres_scanner": "postgres", "sqlite_scanner": "sqlite"}
"""The runtime's extra that installs an extension."""


def path_of(name: str, version: str) -> Path:
    """Return the file of the extension that was built for this version of the engine."""
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    if found is None or found.submodule_search_locations is None:
        raise lacking(f"the engine's extension `{name}` is not installed", _EXTRAS.get(name, name))
    for folder in found.submodule_search_locations:
        path = Path(folder) / "extensions" / f"v{version}" / f"{name}.duckdb_extension"
        if path.is_file():
            return path
    raise lacking(f"the installed extension `{name}` is not the one of DuckDB {version}", _EXTRAS.get(name, name))
