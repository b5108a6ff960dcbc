"""Firn's compiler: flow.yaml and platform.yaml in, one hashed artifact out.

`compile_project` and `validate_project` are the documented entry points; they return values and print nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firn_compiler.assembly import Request
    from firn_compiler.pipeline import Compilation, compile_project, validate_project

__version__ = "0.1.0"
__all__ = ["Compilation", "Request", "compile_project", "validate_project"]


def __getattr__(name: str) -> Any:
    """Load the pipeline when it is first asked for: naming the version must cost nothing."""
    if name not in __all__:
        raise AttributeError(name)
    from firn_compiler import pipeline

    return getattr(pipeline, name)
