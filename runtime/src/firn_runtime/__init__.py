"""Firn's runtime: runs `compiled_artifacts.json` and nothing else.

`run_artifact`, `load_artifact` and `verify_artifact` are the documented entry points; they return values, print
nothing, and raise only FirnError.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firn_runtime.artifact_file import load as load_artifact
    from firn_runtime.artifact_file import verify as verify_artifact
    from firn_runtime.errors import FirnError
    from firn_runtime.options import Edge, Options
    from firn_runtime.outcome import RunResult
    from firn_runtime.run import run_artifact
    from firn_runtime.stop import Stop

__version__ = "0.1.0"
__all__ = ["Edge", "FirnError", "Options", "RunResult", "Stop", "load_artifact", "run_artifact", "verify_artifact"]

_HOMES = {
    "Edge": ("options", "Edge"),
    "FirnError": ("errors", "FirnError"),
    "Options": ("options", "Options"),
    "RunResult": ("outcome", "RunResult"),
    "Stop": ("stop", "Stop"),
    "load_artifact": ("artifact_file", "load"),
    "run_artifact": ("run", "run_artifact"),
    "verify_artifact": ("artifact_file", "verify"),
}


def __getattr__(name: str) -> Any:
    """Import an entry point when it is first asked for: naming the version must cost nothing."""
    if name not in _HOMES:
        raise AttributeError(name)
    from importlib import import_module

    module, attribute = _HOMES[name]
    return getattr(import_module(f"firn_runtime.{module}"), attribute)
