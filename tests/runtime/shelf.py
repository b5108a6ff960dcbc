"""Files in memory that do what is asked of a FileStore, and a connector of them: for what no server would do."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock

from firn_runtime.connector import FileStore, StoredFile
from firn_runtime.connectors.files.remote import RemoteFiles
from firn_runtime.errors import ConnectorError
from firn_schemas.connectors.files import SftpConfig, SftpOptions
from firn_schemas.decode import decode


class Shelf:
    """Files by name; what was asked is noted. A file of another content is another version."""

    def __init__(self, **files: bytes) -> None:
        self.files: dict[str, bytes] = dict(files)
        self.listed: list[str] = []
        """Names that are listed besides, as a server that lies does it."""
        self.asked: list[tuple[str, str]] = []
        self.staged: dict[str, bytes] = {}
        """What attempts have sent, by the mark of the file."""
        self.cuts: list[int] = []
        """Bytes after which the next transfers break."""
        self.before_get: Callable[[str], None] = lambda _: None
        self.before_delete: Callable[[str], None] = lambda _: None
        self.before_rename: Callable[[str], None] = lambda _: None
        self._lock = Lock()

    def list(self, folder: str, *, recursive: bool) -> Iterator[StoredFile]:
        self._note("list", folder)
        beginning = f"{folder}/" if folder else ""
        for name in [*self.files, *self.listed]:
            rest = name.removeprefix(beginning)
            if name in self.listed or (name.startswith(beginning) and (recursive or "/" not in rest)):
                yield self._told(name, self.files.get(name, b""))

    def stat(self, name: str) -> StoredFile | None:
        self._note("stat", name)
        return self._told(name, self.files[name]) if name in self.files else None

    def get(self, file: StoredFile, target: Path) -> None:
        self.before_get(file.name)
        content = self.files.get(file.name, b"")
        if self._told(file.name, content) != file:
            raise ConnectorError("conflict", f"`{file.name}` has changed")
        with target.open("ab") as opened:
            self._note("get", f"{file.name} from {opened.tell()}")
            opened.write(self._sent(content[opened.tell() :]))
            opened.flush()
            if opened.tell() < file.size:
                raise ConnectorError("connection", "the connection broke")

    def put(self, source: Path, name: str, mark: str, still_ours: Callable[[], None]) -> StoredFile:
        content, begun = source.read_bytes(), self.staged.get(mark, b"")
        self._note("put", f"{name} from {len(begun)}")
        self.staged[mark] = begun + self._sent(content[len(begun) :])
        if len(self.staged[mark]) < len(content):
            raise ConnectorError("connection", "the connection broke")
        still_ours()
        self.before_rename(name)
        self.files[name] = self.staged.pop(mark)
        return self._told(name, self.files[name])

    def delete(self, name: str, version: str | None = None) -> bool:
        self._note("delete", name)
        self.before_delete(name)
        if version is not None and self._told(name, self.files.get(name, b"")).version != version:
            raise ConnectorError("conflict", f"`{name}` has changed")
        return self.files.pop(name, None) is not None

    def _note(self, what: str, name: str) -> None:
        with self._lock:
            self.asked.append((what, name))

    def _sent(self, content: bytes) -> bytes:
        with self._lock:
            return content[: self.cuts.pop(0)] if self.cuts else content

    def _told(self, name: str, content: bytes) -> StoredFile:
        return StoredFile(name, len(content), str(hash(content)))


AS_USUAL = SftpOptions()


class ShelfFiles(RemoteFiles[SftpConfig, SftpOptions]):
    """The base of remote files over a shelf."""

    def __init__(self, shelf: Shelf, options: SftpOptions = AS_USUAL) -> None:
        config = decode(SftpConfig, {"host": "h", "user": "u", "known_hosts": "k"})
        super().__init__(config=config, options=options)
        self.shelf = shelf

    @property
    def shown(self) -> str:
        return "the shelf"

    def connect(self) -> None:
        pass

    def close(self) -> None:
        pass

    def store(self) -> FileStore:
        return self.shelf
