"""The table of step types: which function runs which. A function is imported when it is first asked for."""

from functools import partial
from importlib import import_module
from typing import Any, cast

from firn_runtime.errors import ArtifactRefused, ConnectorError
from firn_runtime.step import StepContext, StepFunction, StepResult
from firn_schemas.visible import listing

STEPS: dict[str, str] = {
    "archive_create": "firn_runtime.steps.archive_create:archive_create",
    "archive_extract": "firn_runtime.steps.archive_extract:archive_extract",
    "check": "firn_runtime.steps.check:check",
    "check_items": "firn_runtime.steps.control:check_items",
    "delete_files": "firn_runtime.steps.move_files:delete_files",
    "download": "firn_runtime.steps.move_files:download",
    "export": "firn_runtime.steps.export:export",
    "http": "firn_runtime.steps.http:http",
    "list_files": "firn_runtime.steps.list_files:list_files",
    "query": "firn_runtime.steps.query:query",
    "read": "firn_runtime.steps.read:read",
    "run_process": "firn_runtime.steps.run_process:run_process",
    "send_mail": "firn_runtime.steps.send_mail:send_mail",
    "sql": "firn_runtime.steps.sql:sql",
    "upload": "firn_runtime.steps.move_files:upload",
    "with_lock": "firn_runtime.steps.control:with_lock",
    "write": "firn_runtime.steps.write:write",
}
"""Every step type, as `module:function`."""


def step_function(type: str) -> StepFunction:
    """Return the function of a step type; raise ArtifactRefused R106 for one that this runtime lacks."""
    place = STEPS.get(type)
    if place is None:
        known = listing(sorted(STEPS))
        raise ArtifactRefused("R106", f"this runtime has no step type `{type}`", f"it has {known}")
    module, name = place.split(":")
    return partial(done, cast(StepFunction, getattr(import_module(module), name)))


def done(function: StepFunction, inputs: Any, context: StepContext) -> StepResult:
    """Do a step; where a file that it streams could not be cut into rows, do it once more, and read that carefully.

    Nothing has come of it before: what a step sends or publishes is read to its end first.
    """
    try:
        return function(inputs, context)
    except ConnectorError as error:
        if error.error_class != "data" or not context.session.read_carefully(error):
            raise
    return function(inputs, context)
