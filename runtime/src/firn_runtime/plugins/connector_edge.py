"""A plug-in's connector as the run sees it: only what the manifest declares, and no exception of its own gets out."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

from firn_runtime.connector import Bound, ConnectorBase, FileStore, ReadContext, Rows, StoredFile, WriteContext, Written
from firn_runtime.engine import Places, Relation, Session
from firn_runtime.errors import ConnectorError
from firn_runtime.plugins.exchange import handed, handed_file, taken
from firn_runtime.plugins.outcome import are_texts, asked, counted, loaded, shown
from firn_runtime.publication import Publication
from firn_schemas.steps.data import ReadInputs, WriteInputs


class Reading(NamedTuple):
    """What a `read` is lent."""

    scratch: Path
    """A folder of this step alone: a file that `read` gives lies in it."""
    bound: Bound | None
    """Where an incremental read begins. What lies before it may be left out, and need not."""


class Writing(NamedTuple):
    """What a `write` is lent."""

    rows: Callable[[], Iterator[dict[str, Any]]]
    """Gives the dataset's rows; decimals and large integers are text, dates and times too."""
    file: Callable[[str], Path]
    """Writes the dataset to a file of this name, such as `rows.parquet`, and gives its place."""
    publication: Publication
    """What names this write: its `mark` is the same in all attempts, and in no other write."""
    scratch: Path
    """A folder of this step in this run: what an attempt leaves there, the next one finds."""
    still_ours: Callable[[], None]
    """Raises where the run has lost its lease. Called last before what publishes."""


class PluginConnector(ConnectorBase[Any, Any]):
    """Stands for one of a plug-in's connectors."""

    def __init__(self, *, config: Any, options: Any, plugin: str, made: Callable[..., Any]) -> None:
        super().__init__(config=None, options=None)
        self.plugin = plugin
        self.inner = loaded(plugin, "making its connector", lambda: made(config=config, options=options))
        """The author's own object."""

    def places(self) -> Places:
        """Return none: the engine reads only what the run keeps for itself."""
        return Places()

    def connect(self) -> None:
        """Open it."""
        if isinstance(self.inner, ConnectorBase):
            self.inner.written, self.inner.base_dir, self.inner.facts = self.written, self.base_dir, self.facts
        self.ask("connect")

    def close(self) -> None:
        """Close it."""
        self.ask("close")

    def read(self, inputs: ReadInputs, context: ReadContext) -> Rows:
        """Return the rows that it gives."""
        given = self.ask("read", inputs, Reading(context.scratch, context.bound))
        return Rows(taken(self.plugin, "`read`", given, inputs, context.session, context.scratch))

    def write(self, inputs: WriteInputs, context: WriteContext) -> Written:
        """Let it publish the dataset; return what it says of that."""
        session, folder = context.session, context.scratch

        def file(name: str) -> Path:
            handed_file(session, inputs.from_, folder / Path(name).name)
            return folder / Path(name).name

        rows = partial(handed, session, inputs.from_, folder / "plugin-rows.ndjson")
        lent = Writing(rows, file, context.publication, folder, context.still_ours)
        try:
            written = self.ask("write", inputs, lent)
        except ConnectorError:
            context.still_ours()  # where the run cannot go on, that is the reason
            raise
        said = Written(written) if type(written) is int else written
        if isinstance(said, Written) and _is_sound(said):
            return Written(*said)._replace(warnings=shown(said.warnings))
        raise ConnectorError("process", f"the plug-in `{self.plugin}` did not say how many rows it has written")

    def relation(self, sql: str, params: object, session: Session) -> Relation:
        """Return the rows that its `query` gives."""
        given = self.ask("query", sql, params)
        folder = Path(mkdtemp(prefix="query-", dir=self.facts.files.parent))
        return taken(self.plugin, "`query`", given, ReadInputs(resource=""), session, folder)

    def store(self) -> FileStore:
        """Return its files."""
        return GuardedStore(self.plugin, self.ask("store"))

    def ask(self, method: str, *words: Any) -> Any:
        """Call one of its methods; raise ConnectorError."""
        return asked(self.plugin, f"`{method}`", lambda: getattr(self.inner, method)(*words))


def _is_sound(said: Written) -> bool:
    counts = (said.rows, said.bytes, said.inserted, said.updated)
    return said.rows is not None and all(map(counted, counts)) and are_texts(said.warnings)


class GuardedStore:
    """A plug-in's FileStore; see firn_runtime.connector.FileStore."""

    def __init__(self, plugin: str, inner: Any) -> None:
        self._plugin, self._inner = plugin, inner

    def list(self, folder: str, *, recursive: bool) -> Iterator[StoredFile]:
        """Yield the files of a folder."""
        files: Iterable[StoredFile] = self._ask("list", folder, recursive=recursive)
        iterator = asked(self._plugin, "`list`", lambda: iter(files))
        while (one := asked(self._plugin, "`list`", lambda: next(iterator, None))) is not None:
            yield self._file(one)

    def stat(self, name: str) -> StoredFile | None:
        """Return what is told of a file."""
        found = self._ask("stat", name)
        return None if found is None else self._file(found)

    def get(self, file: StoredFile, target: Path) -> None:
        """Fetch a file."""
        self._ask("get", file, target)

    def put(self, source: Path, name: str, mark: str, still_ours: Callable[[], None]) -> StoredFile:
        """Publish a file."""
        return self._file(self._ask("put", source, name, mark, still_ours))

    def delete(self, name: str, version: str | None = None) -> bool:
        """Remove a file."""
        return bool(self._ask("delete", name, version))

    def _file(self, value: Any) -> StoredFile:
        if isinstance(value, StoredFile) and value.size is not None:
            name, size, version = value
            if are_texts((name, version)) and counted(size):
                return StoredFile(name, size, version)
        raise ConnectorError("process", f"the plug-in `{self._plugin}` told of a file in another way than `StoredFile`")

    def _ask(self, method: str, *words: Any, **named: Any) -> Any:
        return asked(self._plugin, f"`{method}`", lambda: getattr(self._inner, method)(*words, **named))
