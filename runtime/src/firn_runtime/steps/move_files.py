"""Steps that act on every file of a list, some at the same time: `download`, `upload`, `delete_files`.

What is done is noted file by file. A file lies right below the folder that the step names, under its own name.
"""

import os
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import cast

from firn_runtime.confined_paths import placed, present, shown
from firn_runtime.connector import HasFiles
from firn_runtime.durable import make_durable
from firn_runtime.errors import ConnectorError
from firn_runtime.fetched import UNSURE, digest, fetched_again, spelled, told
from firn_runtime.fetching import Allowance, fetched, named_in, naming
from firn_runtime.parallel import each
from firn_runtime.step import StepContext, StepResult
from firn_runtime.steps.file_names import folder_name, named, placed_in
from firn_runtime.steps.manifest import Manifest, of_step
from firn_schemas.base import Json
from firn_schemas.connectors import WORKSPACE
from firn_schemas.steps.files import DeleteFilesInputs, DownloadInputs, UploadInputs

_DELETED_AT_ONCE = 4
_TAKEN_AWAY = "it may have been taken away since it was listed; a new run lists what is there"
_LOST = (
    "this run has fetched it before, and lost it with its workspace: look in `firn runs` what it has published, and"
    " begin a new run"
)


def download(inputs: DownloadInputs, context: StepContext) -> StepResult:
    """Fetch files into the run's folder: each is there whole, or not at all."""
    place, files, parts = _place(context, inputs.resource), context.files, context.scratch / "parts"
    store = place.store()
    places = placed_in(folder_name(inputs.dest_dir), named(inputs.files))

    def fetch(name: str) -> int:
        file = store.stat(name)
        if file is None:
            raise ConnectorError("data", f"there is no file `{name}`", _LOST if context.before else _TAKEN_AWAY)
        allowance.take(file.size)
        part, target = fetched(store, file, parts), placed(files, places[name])
        make_durable(part)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(part, target)
        versions.add(name, digest(file.version))
        return file.size

    context.claim(WORKSPACE[1], places.values())
    manifest, versions = of_step(context), of_step(context, "versions")
    _forget_lost(manifest, places, files)
    allowance = Allowance(place.max_bytes, sum(manifest.told.values()))
    size = sum(_done(manifest, places, inputs.parallelism, fetch))
    shutil.rmtree(parts, ignore_errors=True)
    now = fetched_again(told(context.before.get("versions")), {digest(one): versions.told[one] for one in places})
    moved = _moved(places.values(), size)
    return moved._replace(results={**moved.results, "versions": spelled(now)})


def upload(inputs: UploadInputs, context: StepContext) -> StepResult:
    """Publish files of the run's folder, each at once and whole."""
    store, files = _place(context, inputs.resource).store(), context.files
    places = placed_in(folder_name(inputs.dest_path), named(inputs.files))

    def put(name: str) -> int:
        source = present(files, name)
        return store.put(source, places[name], context.publication.mark_of(source), context.still_ours).size

    manifest = of_step(context)
    if inputs.resource == WORKSPACE[1]:
        _forget_lost(manifest, places, files)
    for name in places.keys() - manifest.told.keys():
        present(files, name)
    context.claim(inputs.resource, places.values())
    return _moved(places.values(), sum(_done(manifest, places, inputs.parallelism, put)))


def delete_files(inputs: DeleteFilesInputs, context: StepContext) -> StepResult:
    """Remove files; one that is gone already is done, and not counted.

    One that is no longer what a step of this run has fetched stays, with a warning: the next run fetches it. It is no
    error, which the same run would meet again whenever it is resumed. Raises ConnectorError of class `conflict` for
    those that the system lets nobody delete now, once all the others are gone.
    """
    store, versions = _place(context, inputs.resource).store(), context.fetched(inputs.resource)
    newer: dict[str, str] = {}
    refused: dict[str, ConnectorError] = {}

    def condition(name: str) -> str | None:
        """Return the version that may be deleted; none where any may. Note a file that is another by now."""
        version = versions.get(digest(name))
        found = store.stat(name) if version is not None else None
        if found is not None and digest(found.version) != version:
            newer[name] = f"`{shown(name)}` {_MAY_BE_NEWER if version == UNSURE else _IS_NEWER}"
        return found.version if found is not None else None

    def delete(name: str) -> int | None:
        context.still_ours()
        version = condition(name)
        if name in newer:
            return None
        try:
            return int(store.delete(name, version))
        except ConnectorError as error:
            if error.error_class != "conflict":
                raise
            condition(name)
            if name not in newer:
                refused[name] = error
            return None

    count = sum(_done(of_step(context), named(inputs.files), _DELETED_AT_ONCE, delete))
    if refused:
        name = min(refused)
        raise ConnectorError(
            "conflict", f"{named_in(name, refused[name].message)}{_others(refused)}", refused[name].help
        )
    stays = f"{newer[min(newer)]}{_others(newer)}; what is there stays, and the next run fetches it" if newer else ""
    return StepResult(results={"count": count}, warnings=(stays,) if stays else ())


def _others(names: Collection[str]) -> str:
    """Return how many files there are beside the first, which has been named."""
    others = len(names) - 1
    return f"; and so it is with {others} other file{'s' * (others > 1)}" if others else ""


_IS_NEWER = "is not the file that this run has fetched: another took its place"
_MAY_BE_NEWER = "may be newer than what this run has published: it was not there or not the same when that was fetched"


def _forget_lost(manifest: Manifest, places: Mapping[str, str], files: Path) -> None:
    """Take for done only what is still in the run's folder: it may have been lost between two sessions of the run."""
    for name, place in places.items():
        target = placed(files, place)
        if not target.is_file() or target.stat().st_size != manifest.told.get(name):
            manifest.told.pop(name, None)


def _place(context: StepContext, resource: str) -> HasFiles:
    return cast(HasFiles, context.resource(resource))


def _done(manifest: Manifest, names: Iterable[str], at_once: int, act: Callable[[str], int | None]) -> list[int]:
    """Return what the act gave for every file, now or in an earlier attempt; an error names its file.

    A file for which it gives nothing is not done.
    """

    def work(name: str) -> None:
        with naming(name):
            told = act(name)
            if told is not None:
                manifest.add(name, told)

    wanted = list(names)
    each(at_once, work, [name for name in wanted if name not in manifest.told])
    return [manifest.told[name] for name in wanted if name in manifest.told]


def _moved(files: Iterable[str], size: int) -> StepResult:
    names: list[Json] = list(files)
    return StepResult(results={"files": names, "count": len(names)}, bytes=size, no_data=not names)
