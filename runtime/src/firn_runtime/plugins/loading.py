"""A plug-in's classes and functions, imported when they are first used."""

import sys
from collections.abc import Callable
from functools import reduce
from importlib import import_module
from typing import Any, NamedTuple

from firn_runtime.plugins.installed import Installed
from firn_runtime.plugins.outcome import broken, loaded
from firn_runtime.plugins.verified import Verified
from firn_schemas.connectors import Connector
from firn_schemas.plugins import CONNECTOR_GROUP, STEP_GROUP

METHODS = {"readable": "read", "writable": "write", "queryable": "query", "files": "store"}
"""What a connector has that can do what its manifest says."""


class Source(NamedTuple):
    """Where the code of a plug-in comes from."""

    installed: Installed
    verified: Verified | None
    """Its checked files, where its digest is stated."""
    folders: tuple[str, ...]
    """The platform's folders of plug-ins: what is imported from there lies behind everything else."""


def imported(source: Source, name: tuple[str, str] | str) -> Any:
    """Return what the entry point of a connector or step type names; raise ArtifactRefused R112."""
    plugin = source.installed.name
    group, spelled = (STEP_GROUP, name) if isinstance(name, str) else (CONNECTOR_GROUP, ".".join(name))
    value = next((one.value for one in source.installed.entries if (one.group, one.name) == (group, spelled)), "")
    module, _, attribute = value.partition(":")
    if not module or not attribute:
        raise broken(plugin, f"it has no entry point `{spelled}` in `{group}`, as `module:name`")
    if source.verified is not None and module not in source.verified.modules:
        raise broken(plugin, f"`{module}` is none of its files")
    sys.path += [folder for folder in source.folders if folder not in sys.path]
    found = loaded(plugin, f"importing `{module}`", lambda: import_module(module))
    return loaded(plugin, f"looking for `{value}`", lambda: reduce(getattr, attribute.split("."), found))


def connector_of(plugin: str, row: Connector, get: Callable[[], Any]) -> Any:
    """Return a class that can do what its row says; raise ArtifactRefused R112."""
    found = get()
    lacking = [method for able, method in METHODS.items() if getattr(row, able) and not hasattr(found, method)]
    if not isinstance(found, type) or lacking:
        why = f"has no `{lacking[0]}`, which its manifest declares" if lacking else "is no class"
        raise broken(plugin, f"its connector {why}")
    return found


def step_of(plugin: str, get: Callable[[], Any]) -> Callable[..., Any]:
    """Return the function of a step, or the `run` of a new object of its class; raise ArtifactRefused R112."""
    found = get()
    if isinstance(found, type):
        found = getattr(loaded(plugin, "making its step", found), "run", None)
    if not callable(found):
        raise broken(plugin, "its step is neither a function nor a class with `run`")
    step: Callable[..., Any] = found
    return step
