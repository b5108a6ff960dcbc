"""What closes the engine off from the machine: no network, no extension but the needed ones, no variable of the Python
process, and no file outside the workspace and the places of the run's connectors. Locked before the first query.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb

Config = dict[str, str | bool | int | float | list[str]]

CLOSED: Config = {
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "allow_unsigned_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}
"""With which every connection of the engine is opened."""

_FINAL = {"TimeZone": "'UTC'", "enable_external_access": "false", "lock_configuration": "true"}
"""Set in this order: the last one ends all setting."""

COMPANIONS = ("", ".wal", ".wal.checkpoint", ".wal.recovery", "-journal", "-wal", "-shm")
"""Endings of the files that a database keeps beside its own."""


class Places(NamedTuple):
    """What of the file system the engine must be allowed to reach for a connector."""

    directories: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()


def close_off(connection: duckdb.DuckDBPyConnection, places: Sequence[Places]) -> None:
    """Let the connection's database reach `places` and nothing else, and lock its settings."""
    files = _spellings(path for place in places for path in place.files)
    reachable = {
        "allowed_directories": _spellings(path for place in places for path in place.directories),
        "allowed_paths": [path + ending for path in files for ending in COMPANIONS],
    }
    for setting, paths in reachable.items():
        connection.execute(f"set global {setting} = $paths", {"paths": paths})
    for setting, word in _FINAL.items():
        connection.execute(f"set global {setting} = {word}")


def _spellings(paths: Iterable[Path]) -> list[str]:
    """Return the paths as given and as the file system resolves them."""
    return list(dict.fromkeys(spelling for path in paths for spelling in (str(path), os.path.realpath(path))))
