"""The `list_files` step: which files are there by now."""

from typing import cast

from firn_runtime.confined_paths import confined
from firn_runtime.connector import HasFiles
from firn_runtime.errors import ConnectorError
from firn_runtime.fetching import matched
from firn_runtime.patterns import in_any_folder
from firn_runtime.step import StepContext, StepResult
from firn_runtime.steps.file_names import folder_name, refuse_many
from firn_schemas.base import Json
from firn_schemas.steps.files import ListFilesInputs


def list_files(inputs: ListFilesInputs, context: StepContext) -> StepResult:
    """Return the names of the files that match, from the resource's root on, sorted."""
    store = cast(HasFiles, context.resource(inputs.resource)).store()
    folder, pattern = folder_name(inputs.path), confined(inputs.pattern)
    found = matched(store, folder, in_any_folder(pattern) if inputs.recursive else pattern)
    names: list[Json] = [one.name for one in found]
    if len(names) < inputs.min_count:
        where = f"`{folder}`" if folder else "the resource's root"
        message = f"{len(names)} files in {where} match `{pattern}`, fewer than `min_count: {inputs.min_count}`"
        raise ConnectorError("data", message, "look at what should have put them there")
    refuse_many([one.name for one in found])
    return StepResult(results={"files": names, "count": len(names), "has_data": bool(names)}, no_data=not names)
