"""The `archive_create` step: files as one archive."""

from typing import cast

from firn_runtime.confined_paths import confined
from firn_runtime.connector import Archiver
from firn_runtime.step import StepContext, StepResult
from firn_schemas.steps.files import ArchiveCreateInputs


def archive_create(inputs: ArchiveCreateInputs, context: StepContext) -> StepResult:
    """Publish an archive of the files; the same files make the same archive, unless it is encrypted."""
    archiver = cast(Archiver, context.resource(inputs.resource))
    files = [inputs.files] if isinstance(inputs.files, str) else inputs.files
    mark = context.publication.mark
    size = archiver.pack(files, inputs.dest_path, inputs.compression, mark, context.still_ours)
    return StepResult({"path": confined(inputs.dest_path), "bytes": size}, bytes=size)
