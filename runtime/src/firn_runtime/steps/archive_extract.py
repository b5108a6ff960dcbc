"""The `archive_extract` step: the members of archives as files."""

from collections.abc import Callable, Sequence
from typing import cast

import orjson

from firn_runtime.connector import Archiver
from firn_runtime.patterns import in_any_folder, matcher
from firn_runtime.step import StepContext, StepResult
from firn_runtime.steps.file_names import MOST, named
from firn_schemas.base import Json
from firn_schemas.steps.files import ArchiveExtractInputs


def archive_extract(inputs: ArchiveExtractInputs, context: StepContext) -> StepResult:
    """Unpack all archives, or none: a member that may not be unpacked leaves nothing of the others."""
    archiver = cast(Archiver, context.resource(inputs.resource))
    archives = named(inputs.archives)
    mark = context.publication.mark
    names = archiver.unpack(archives, inputs.dest_dir, _wanted(inputs.members), mark, context.still_ours)
    results: dict[str, Json] = {"count": len(names)}
    if len(orjson.dumps(names)) > MOST:
        warning = "the names of the files are too many to be kept: the step has no result `files`"
        return StepResult(results, warnings=(warning,))
    return StepResult(results | {"files": [*names]}, no_data=not names)


def _wanted(patterns: Sequence[str] | None) -> Callable[[str], bool]:
    """Return what says of a member whether it is to be unpacked."""
    if patterns is None:
        return lambda _: True
    matchers = [matcher(in_any_folder(one)) for one in patterns]
    return lambda name: any(matches(name) for matches in matchers)
