"""Base of the places that hold files and give a FileStore: read from and written to through the scratch folder.

The engine has no network: what is read is fetched first, what is written is put afterwards, whole or not at all.
"""

import json
import os
import shutil
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from firn_runtime.confined_paths import confined
from firn_runtime.connector import ConnectorBase, FileStore, ReadContext, Rows, StoredFile, WriteContext, Written
from firn_runtime.connectors.files.formats import Format
from firn_runtime.connectors.files.paths import relative
from firn_runtime.connectors.files.scan import relation
from firn_runtime.connectors.files.writing import added_name, write_file, written_format
from firn_runtime.errors import ConnectorError, NoMatch
from firn_runtime.fetching import Allowance, fetched, matched, naming, refuse_clashes
from firn_runtime.parallel import each
from firn_runtime.patterns import folder_of, is_pattern
from firn_schemas.connectors.files import SftpOptions, SmbOptions
from firn_schemas.steps.data import ReadInputs, WriteInputs

if TYPE_CHECKING:
    from firn_runtime.probing import Seen, Use

C = TypeVar("C")
P = TypeVar("P", bound=SftpOptions | SmbOptions)

INTENT, FILE = "intent.json", "file"


class RemoteFiles(ConnectorBase[C, P]):
    """Files of a place that is not this machine's; a subclass says how it is reached, and gives `store`."""

    @property
    @abstractmethod
    def shown(self) -> str:
        """Name the place in a message, such as "the server `files.example.com`"."""

    @abstractmethod
    def store(self) -> FileStore:
        """Return its files; connected already."""

    @property
    def max_bytes(self) -> int | None:
        """Bytes that one step may fetch."""
        return self.options.max_bytes

    def probe(self, uses: "Sequence[Use]") -> "Iterator[Seen]":
        """Log in, list the root, and look for what is read. Nothing is written to find out."""
        from firn_runtime.connectors.files.remote_probe import probed

        self.connect()
        try:
            yield from probed(self.shown, self._first, self._matches, uses)
        finally:
            self.close()

    def read(self, inputs: ReadInputs, context: ReadContext) -> Rows:
        """Fetch every file that the path matches, and read them as one dataset, in the order of their names."""
        found = self._matches(relative(inputs.path, "read"))
        refuse_clashes({one.name: one.name for one in found})
        allowance = Allowance(self.max_bytes)
        for one in found:
            allowance.take(one.size)
        folder, parts, store = context.scratch / "files", context.scratch / "parts", self.store()
        shutil.rmtree(folder, ignore_errors=True)

        def fetch(file: StoredFile) -> None:
            with naming(file.name):
                part, target = fetched(store, file, parts), folder / file.name
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(part, target)

        each(self.options.max_concurrency, fetch, found)
        rows = relation(context.session, folder, [one.name for one in found], inputs, self.options.compression)
        return Rows(rows, sum(one.size for one in found))

    def _first(self) -> None:
        next(iter(self.store().list("", recursive=False)), None)

    def _matches(self, path: str) -> list[StoredFile]:
        """Return what a path matches, sorted by name; raise ConnectorError for nothing."""
        name = confined(path)
        found = self._listed(name) if is_pattern(name) else [self.store().stat(name)]
        files = [one for one in found if one is not None]
        if not files:
            raise NoMatch(path, f"looked on {self.shown}, below `root`")
        return files

    def _listed(self, pattern: str) -> Sequence[StoredFile | None]:
        folder = folder_of(pattern)
        return matched(self.store(), folder, pattern.removeprefix(f"{folder}/"))

    def write(self, inputs: WriteInputs, context: WriteContext) -> Written:
        """Write to the scratch folder and put it: readers see an old file or a new one, never half.

        The same publication again gives what it gave before, also where a reader has taken the file away meanwhile.
        """
        name = relative(inputs.path, "written")
        format = written_format(inputs, name, self.options.compression)
        if inputs.mode == "append":
            name = added_name(name, context.publication, format)
        elif inputs.mode != "replace":
            raise ConnectorError("data", f"{self.shown} cannot be written with `mode: {inputs.mode}`", _MODES)
        noted = _noted(context)
        if "size" not in noted:
            with naming(name):
                noted = noted or _written(inputs, context, format, name)
                stored = self.store().put(context.scratch / FILE, name, noted["mark"], context.still_ours)
                noted = _note(context, noted | stored._asdict())
        (context.scratch / FILE).unlink(missing_ok=True)
        return Written(noted["rows"], noted["size"])


_MODES = "files there are written with `mode: replace` or `mode: append`"


def _written(inputs: WriteInputs, context: WriteContext, format: Format, name: str) -> dict[str, Any]:
    """Write the file to be put, and announce it: an attempt after this one puts these very bytes."""
    file = context.scratch / FILE
    rows = write_file(context.session, inputs, format, name, file)
    mark, publication = context.publication.mark_of(file), context.publication.mark
    return _note(context, {"publication": publication, "mark": mark, "rows": rows})


def _note(context: WriteContext, noted: dict[str, Any]) -> dict[str, Any]:
    (context.scratch / INTENT).write_text(json.dumps(noted))
    return noted


def _noted(context: WriteContext) -> dict[str, Any]:
    """Return what an earlier attempt has put, or announced and left whole; a note that was cut off is none."""
    try:
        noted: dict[str, Any] = json.loads((context.scratch / INTENT).read_text())
        mine = noted["publication"] == context.publication.mark
        whole = "size" in noted or noted["mark"] == context.publication.mark_of(context.scratch / FILE)
    except (FileNotFoundError, ValueError):
        return {}
    return noted if mine and whole else {}
