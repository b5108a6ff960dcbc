"""What a connector is to the steps: built from settled values, opened lazily, closed always.

A connector reads no environment, retries nothing and prints nothing. What fails is a ConnectorError of exactly one
class, raised `from None` so that no driver's exception (which may hold a secret) travels further.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from firn_runtime.engine import Places, Relation, Session
    from firn_runtime.probing import Seen, Use
    from firn_runtime.publication import Publication
    from firn_schemas.secret import Secret
    from firn_schemas.steps.data import ReadInputs, WriteInputs

C = TypeVar("C")
P = TypeVar("P")


class Written(NamedTuple):
    """What a write published."""

    rows: int
    bytes: int | None = None
    inserted: int | None = None
    """Rows of an `upsert` that are new."""
    updated: int | None = None
    """Rows of the table that an `upsert` has changed."""
    warnings: tuple[str, ...] = ()
    """What to tell people; the same publication again does not repeat it."""


class WriteContext(NamedTuple):
    """What a write step lends to the connector."""

    session: "Session"
    publication: "Publication"
    scratch: Path
    """A folder of this step in this run: what an attempt leaves there, the next one finds."""
    still_ours: Callable[[], None] = lambda: None
    """Raises where the run has lost its lease. Called last before what publishes."""


class Bound(NamedTuple):
    """Where an incremental read begins; rows whose cursor is NULL lie before it."""

    column: str
    """The cursor."""
    value: str
    """Digits of a number, a date or timestamp in ISO 8601, or a text."""
    type: str | None
    """The engine's type of `value`; absent: as the column's own."""
    inclusive: bool


class ReadContext(NamedTuple):
    """What a read step lends to the connector."""

    session: "Session"
    scratch: Path
    """A folder of this step alone."""
    bound: Bound | None = None
    """A connector may leave out what lies before it, and need not: the step itself leaves out the rest."""


class Rows(NamedTuple):
    """What a read will give, and how many bytes it takes from the source, where that is known."""

    relation: "Relation"
    bytes: int | None = None


class Program(NamedTuple):
    """What a step asks a connector to start."""

    command: Sequence[str | int | float]
    env: Mapping[str, str]
    cwd: str | None = None
    timeout: float | None = None
    """Seconds."""
    marker: str | None = None
    """A text to look for in all of its output, also in what is not kept."""


class Ran(NamedTuple):
    """How a program ended by itself, and what is kept of what it said."""

    exit_code: int
    """Negative: the number of the signal that ended it."""
    stdout: str
    stderr: str
    last_line: str
    marker_seen: bool


class RunFacts(NamedTuple):
    """What a connector may know of the run that uses it."""

    flow: str = ""
    run: str = ""
    files: Path = Path()
    """The run's own folder of files: what `download` leaves there, `upload` finds. It may not be there yet."""
    learn: Callable[["Secret"], None] = lambda _: None
    """Keeps a value that a server gave, such as a token, out of everything that is shown or kept."""


class ConnectorBase(ABC, Generic[C, P]):
    """Base of every connector; `config` and `options` are the records of its row in firn_schemas.connectors."""

    extension: ClassVar[str | None] = None
    """The engine's extension that it reads and writes through, where it needs one."""

    written = False
    """Whether a step of the flow writes to it; set by the run before `connect`."""

    base_dir = Path()
    """The run's base folder; set by the run before `connect`."""

    inherited: Mapping[str, str] = {}
    """The variables of the run's environment that its options or `ambient` name; set by the run before `connect`."""

    facts = RunFacts()
    """Set by the run before `connect`; a probe knows of no run."""

    def __init__(self, *, config: C, options: P) -> None:
        self.config = config
        self.options = options

    @property
    def ambient(self) -> Sequence[str]:
        """Name the variables by which its credentials may come from the machine."""
        return ()

    @property
    def max_bytes(self) -> int | None:
        """Bytes that one step may fetch of its files; None: no limit."""
        return None

    def places(self) -> "Places":
        """Return what the engine must be able to reach; touches nothing. Paths in `config` are absolute by now."""
        from firn_runtime.engine import Places

        return Places()

    @abstractmethod
    def connect(self) -> None:
        """Open what is needed; called once, before the first use."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; called once, also after a failure."""

    def probe(self, uses: "Sequence[Use]") -> "Iterator[Seen]":
        """Yield what a run would meet that does `uses` with it; raise ConnectorError where it could not connect.

        Nothing is changed, and nothing stays open. Called instead of `connect`, on a connector of its own.
        """
        from firn_runtime.probing import Seen

        del uses
        try:
            self.connect()
        finally:
            self.close()
        yield Seen("connection", "ok", "it can be connected to")


class Readable(Protocol):
    """A connector that `read` steps use."""

    def read(self, inputs: "ReadInputs", context: ReadContext) -> Rows:
        """Return the rows that `inputs` asks for."""
        ...


class Writable(Protocol):
    """A connector that `write` steps use."""

    def write(self, inputs: "WriteInputs", context: WriteContext) -> Written:
        """Publish the dataset `inputs.from_` in one atomic act, unless this very publication was made before.

        The same publication again gives what it gave before. See docs/publication.md.
        """
        ...


class Queryable(Protocol):
    """A connector that `query` steps use."""

    def relation(self, sql: str, params: object, session: "Session") -> "Relation":
        """Return the query as rows to come."""
        ...


class StoredFile(NamedTuple):
    """A regular file as its place tells of it."""

    name: str
    """Below the resource's root, its parts joined by `/`."""
    size: int
    version: str
    """Another content has another one: an etag, or size and time of modification."""


class FileStore(Protocol):
    """Where file steps list, fetch, put and delete; its methods may be called from several threads.

    Names are confined already. Every method raises ConnectorError, and each that waits heeds `cancel.current()` of the
    thread that calls it.
    """

    def list(self, folder: str, *, recursive: bool) -> Iterator[StoredFile]:
        """Yield the regular files of a folder, in any order; the root is the empty folder. None where it is missing."""
        ...

    def stat(self, name: str) -> StoredFile | None:
        """Return what is told of a file; None where there is none."""
        ...

    def get(self, file: StoredFile, target: Path) -> None:
        """Fetch a file's content into `target`, going on where an earlier call for the same version was cut off.

        What `target` holds already is the beginning of that version. It is whole when this returns; raises
        ConnectorError where the file is by now another one than `file`. No more is taken than `file.size`.
        """
        ...

    def put(self, source: Path, name: str, mark: str, still_ours: Callable[[], None]) -> StoredFile:
        """Publish a local file: readers see what was there before or all of it, never half.

        What is staged is named by `mark`, goes on where an earlier call with that mark was cut off if the place can,
        and is compared in size before `still_ours` is asked and it is renamed.
        """
        ...

    def delete(self, name: str, version: str | None = None) -> bool:
        """Remove a file; say whether it was there.

        Whoever gives a `version` has just looked that it is the file's. A place that compares it in the same instant
        raises ConnectorError of class `conflict` for another one; the others need not look.
        """
        ...


class HasFiles(Protocol):
    """A connector that file steps use."""

    @property
    def max_bytes(self) -> int | None:
        """Bytes that one step may fetch; None: no limit."""
        ...

    def store(self) -> FileStore:
        """Return its files."""
        ...


class Runnable(Protocol):
    """A connector that `run_process` steps use."""

    def place(self, path: str, cwd: str | None) -> Path:
        """Return where a path of the step lies, from the folder in which its program is started."""
        ...

    def run(self, program: Program) -> Ran:
        """Start a program and wait until it and all that it left in its process group have ended.

        Raises Ended where it was stopped before its end.
        """
        ...


class Archiver(Protocol):
    """A connector that archive steps use. Names are of files below its folder."""

    def unpack(
        self,
        archives: Sequence[str],
        dest: str,
        wanted: Callable[[str], bool],
        mark: str,
        still_ours: Callable[[], None],
    ) -> list[str]:
        """Publish the members that are wanted below the folder `dest`, of all archives or of none; return their names.

        What is staged is named by `mark`; `still_ours` is asked last before it is published.
        """
        ...

    def pack(
        self, files: Sequence[str], dest: str, compression: str | None, mark: str, still_ours: Callable[[], None]
    ) -> int:
        """Publish an archive of files as `dest`, staged and published in the same way; return its bytes."""
        ...
