"""The `archive_extract` step: the members of archives as files."""

import re
from collections.abc import Sequence
from fnmatch import translate
from typing import cast

import orjson

from firn_runtime.connector import Archiver
from firn_runtime.step import StepContext, StepResult
from firn_runtime.steps.file_names import MOST, named
from firn_schemas.base import Json
from firn_schemas.steps.files import ArchiveExtractInputs


def archive_extract(inputs: ArchiveExtractInputs, context: StepContext) -> StepResult:
    """Unpack all archives, or none: a member that may not be unpacked leaves nothing of the others."""
    archiver = cast(Archiver, context.resource(inputs.resource))
    archives = named(inputs.archives)
    mark = context.publication.mark
    names = archiver.unpack(archives, inputs.dest_dir, _Wanted(inputs.members), mark, context.still_ours)
    results: dict[str, Json] = {"count": len(names)}
    if len(orjson.dumps(names)) > MOST:
        warning = "the names of the files are too many to be kept: the step has no result `files`"
        return StepResult(results, warnings=(warning,))
    return StepResult(results | {"files": [*names]}, no_data=not names)


class _Wanted:
    """Whether a member is to be unpacked: `*` matches `/` too, as it does for other programs that unpack."""

    def __init__(self, globs: Sequence[str] | None) -> None:
        self._matches = None if globs is None else [re.compile(translate(one)).match for one in globs]

    def __call__(self, name: str) -> bool:
        return self._matches is None or any(matches(name) for matches in self._matches)
