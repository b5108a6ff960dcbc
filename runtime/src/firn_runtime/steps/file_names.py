"""Names of files in a step's inputs and results."""

from collections.abc import Sequence
from pathlib import PurePosixPath

import orjson

from firn_runtime.confined_paths import confined, shown
from firn_runtime.errors import ConnectorError
from firn_runtime.fetching import refuse_clashes
from firn_schemas.steps.files import Files
from firn_schemas.visible import is_unicode

MOST = 1024 * 1024
"""Bytes of names as JSON in one step: the state keeps 4 MiB of its results, which hold their versions too."""


def folder_name(path: str) -> str:
    """Return a folder in its one spelling, empty for the root; raise ConnectorError for one that leads out."""
    return "" if str(PurePosixPath(path)) == "." else confined(path)


def named(files: Files) -> list[str]:
    """Return the files that a step names, each once, in their order; raise ConnectorError for one that leads out."""
    return list(dict.fromkeys(confined(name) for name in ([files] if isinstance(files, str) else files)))


def placed_in(folder: str, names: Sequence[str]) -> dict[str, str]:
    """Return where each file goes: right below the folder, under the last part of its name.

    Raises ConnectorError where two of them would be one file.
    """
    above = f"{folder}/" if folder else ""
    places = {name: f"{above}{PurePosixPath(name).name}" for name in names}
    refuse_clashes(places)
    refuse_many(list(places.values()))
    return places


def refuse_many(names: Sequence[str]) -> None:
    """Raise ConnectorError for more names than results hold, and for one that is no Unicode."""
    strange = next((name for name in names if not is_unicode(name)), None)
    if strange is not None:
        raise ConnectorError("data", f"the name `{shown(strange)}` is not Unicode", "rename the file")
    size = len(orjson.dumps(names))
    if size > MOST:
        message = f"the names of {len(names):,} files take {size:,} bytes, and one step may name {MOST:,}"
        raise ConnectorError("data", message, "take them in several steps, by narrower patterns")
