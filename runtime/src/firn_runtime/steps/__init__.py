"""The table of step types: which function runs which. A function is imported when it is first asked for."""

from importlib import import_module
from typing import cast

from firn_runtime.errors import ArtifactRefused
from firn_runtime.step import StepFunction

STEPS: dict[str, str] = {
    "check": "firn_runtime.steps.check:check",
    "query": "firn_runtime.steps.query:query",
    "read": "firn_runtime.steps.read:read",
    "sql": "firn_runtime.steps.sql:sql",
    "write": "firn_runtime.steps.write:write",
}
"""Every step type, as `module:function`."""


def step_function(type: str) -> StepFunction:
    """Return the function of a step type; raise ArtifactRefused R106 for one that this runtime lacks."""
    place = STEPS.get(type)
    if place is None:
        known = ", ".join(f"`{name}`" for name in sorted(STEPS))
        raise ArtifactRefused("R106", f"this runtime has no step type `{type}`", f"it has {known}")
    module, name = place.split(":")
    return cast(StepFunction, getattr(import_module(module), name))
