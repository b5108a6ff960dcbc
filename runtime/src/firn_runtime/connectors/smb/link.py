"""One session with a share of an SMB server, and the files that are opened on it (MS-SMB2)."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from smbprotocol.exceptions import SMBAuthenticationError, SMBException, SMBResponseException
from smbprotocol.file_info import (
    FileAttributes,
    FileDispositionInformation,
    FileInformationClass,
    FileRenameInformation,
)
from smbprotocol.open import (
    CreateDisposition,
    CreateOptions,
    DirectoryAccessMask,
    FilePipePrinterAccessMask,
    ImpersonationLevel,
    Open,
    ShareAccess,
    SMB2SetInfoRequest,
)
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

from firn_runtime.connectors.smb.errors import NO_MORE_FILES, Refused
from firn_runtime.connectors.smb.wire import Wire
from firn_runtime.errors import ConnectorError

_MOST = 1 << 20
"""Bytes in one request."""
_FAREWELL = 2.0
"""Seconds for a goodbye."""
_ALL = ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_DELETE
_MAY, _FOLDER_MAY = FilePipePrinterAccessMask, DirectoryAccessMask


class Use(NamedTuple):
    """What a file or folder is opened for."""

    access: int
    disposition: int
    options: int


_FILE = CreateOptions.FILE_NON_DIRECTORY_FILE
_FOLDER = CreateOptions.FILE_DIRECTORY_FILE
LOOK = Use(_MAY.FILE_READ_ATTRIBUTES, CreateDisposition.FILE_OPEN, 0)
READ = Use(_MAY.FILE_READ_DATA | _MAY.FILE_READ_ATTRIBUTES, CreateDisposition.FILE_OPEN, _FILE)
GO_ON = Use(_MAY.FILE_WRITE_DATA | _MAY.FILE_READ_ATTRIBUTES, CreateDisposition.FILE_OPEN_IF, _FILE)
BEGIN = GO_ON._replace(disposition=CreateDisposition.FILE_OVERWRITE_IF)
MOVE = Use(_MAY.DELETE | _MAY.FILE_READ_ATTRIBUTES, CreateDisposition.FILE_OPEN, _FILE)
LIST = Use(_FOLDER_MAY.FILE_LIST_DIRECTORY, CreateDisposition.FILE_OPEN, _FOLDER)
MAKE = Use(_FOLDER_MAY.FILE_READ_ATTRIBUTES, CreateDisposition.FILE_OPEN_IF, _FOLDER)


class Told(NamedTuple):
    """What a server tells of a name in a folder, or of what is opened."""

    name: str
    size: int
    version: str
    is_folder: bool
    is_link: bool
    """It leads elsewhere, or stands for what is elsewhere: a reparse point (MS-FSCC, section 2.1.2)."""


class Place(NamedTuple):
    """Which share of which server, and as whom."""

    server: str
    port: int
    share: str
    user: str
    password: str
    encrypt: bool
    timeout: float


class Link:
    """A session. `stop` ends it from another thread; what fails is a ConnectorError."""

    def __init__(self, place: Place) -> None:
        """Prepare; nobody is called yet."""
        self._place = place
        self._wire = Wire(place.server, place.port, place.timeout)

    def open(self) -> None:
        """Connect, log in and enter the share. Nothing of a login is sent to who cannot protect it."""
        place, wire = self._place, self._wire
        with _failing():
            wire.connect()
            if not wire.is_recent:
                raise ConnectorError("connection", "the server speaks no SMB 3.0.2 or 3.1.1", "older ones are not safe")
            if place.encrypt and not wire.supports_encryption:
                help = "let the server encrypt; or write `encrypt: false`, if everybody on the way may read the files"
                raise ConnectorError("connection", "the server does not encrypt", help)
            session = Session(wire, place.user, place.password, require_encryption=place.encrypt)
            session.connect()
            self._tree = TreeConnect(session, rf"\\{place.server}\{place.share}")
            self._tree.connect()
            if self._tree.is_dfs_share:
                help = "name the server that holds the files"
                raise ConnectorError("data", "the share is a DFS namespace: its folders are elsewhere", help)

    @property
    def is_open(self) -> bool:
        """Whether the server has not closed it meanwhile."""
        return bool(self._wire.transport.connected)

    def stop(self) -> None:
        """End it at once."""
        self._wire.transport.stop()

    def close(self) -> None:
        """Say goodbye where that is heard soon, and let go."""
        self._wire.patience = _FAREWELL
        with suppress(Exception):
            self._wire.disconnect(close=True)
        self.stop()
        with suppress(Exception):
            self._wire.disconnect(close=False)

    @contextmanager
    def opened(self, path: str, use: Use) -> Iterator["Handle"]:
        """Lend an opened file or folder, by its path from the share on; raise Refused, or another ConnectorError.

        A link is opened itself, and not what it leads to.
        """
        found = Open(self._tree, path)
        with _failing():
            options = use.options | CreateOptions.FILE_OPEN_REPARSE_POINT
            found.create(ImpersonationLevel.Impersonation, use.access, 0, _ALL, use.disposition, options)
        try:
            yield Handle(self._wire, found)
        finally:
            with suppress(Exception):  # what is closed badly was used well
                found.close()


class Handle:
    """A file or folder that is open."""

    def __init__(self, wire: Wire, found: Any) -> None:
        self._wire, self._open = wire, found

    def told(self) -> Told:
        """Return what the server said when it was opened."""
        found = self._open
        return _told(found.file_name, found.end_of_file, found.last_write_time, found.file_attributes)

    def read(self, offset: int, most: int) -> bytes:
        """Return some bytes from there on, at least one."""
        with _failing():
            block: bytes = self._open.read(offset, self._fitting(most, self._wire.max_read_size))
        if not block:
            raise ConnectorError("connection", "the server says nothing where the file has more")
        return block

    def write(self, block: memoryview, offset: int) -> int:
        """Write some of the bytes; return how many."""
        with _failing():
            size = self._fitting(len(block), self._wire.max_write_size)
            return int(self._open.write(bytes(block[:size]), offset))

    def flush(self) -> None:
        """Make the content durable."""
        with _failing():
            self._open.flush()

    def rename(self, path: str) -> None:
        """Give it another path from the share on, in the place of what has that now."""
        information = FileRenameInformation()
        information["replace_if_exists"], information["file_name"] = True, path
        self._set(information)

    def remove(self) -> None:
        """Let it be gone when it is closed."""
        information = FileDispositionInformation()
        information["delete_pending"] = True
        self._set(information)

    def _set(self, information: Any) -> None:
        request = SMB2SetInfoRequest()
        request["info_type"], request["file_info_class"] = information.INFO_TYPE, information.INFO_CLASS
        request["file_id"], request["buffer"] = self._open.file_id, information
        tree = self._open.tree_connect
        with _failing():
            self._wire.receive(self._wire.send(request, tree.session.session_id, tree.tree_connect_id))

    def entries(self, pattern: str = "*") -> Iterator[Told]:
        """Yield what the folder holds, itself and the one above it too; without an end where the server has none."""
        while True:
            try:
                with _failing():
                    found = self._open.query_directory(pattern, FileInformationClass.FILE_DIRECTORY_INFORMATION)
                    told = [_entry(one) for one in found]
            except Refused as error:
                if error.status in (NO_MORE_FILES, 0xC000000F):
                    return
                raise
            if not told:
                raise ConnectorError("connection", "the server lists nothing, and does not say that this is the end")
            yield from told

    def _fitting(self, size: int, most: int) -> int:
        return min(size, most, self._wire.room, _MOST)


def _entry(one: Any) -> Told:
    name = one["file_name"].get_value().decode("utf-16-le", "replace")
    values = (one[key].get_value() for key in ("end_of_file", "last_write_time", "file_attributes"))
    return _told(name, *values)


def _told(name: str, size: int, changed: object, attributes: int) -> Told:
    is_folder = bool(attributes & FileAttributes.FILE_ATTRIBUTE_DIRECTORY)
    is_link = bool(attributes & FileAttributes.FILE_ATTRIBUTE_REPARSE_POINT)
    return Told(name, size, f"{size}-{changed}", is_folder, is_link)


@contextmanager
def _failing() -> Iterator[None]:
    """Say what the library raises in words of our own: its texts may hold anything, and so may its exceptions."""
    try:
        yield
    except ConnectorError:
        raise
    except SMBResponseException as error:
        raise Refused(error.status) from None
    except SMBAuthenticationError:
        raise Refused(0xC000006D) from None
    except SMBException as error:
        raise _broken(error) from None
    except Exception as error:
        raise _broken(error.__cause__ or error) from None


def _broken(error: BaseException) -> ConnectorError:
    if isinstance(error, TimeoutError) or "timeout of" in str(error):
        return ConnectorError("timeout", "no answer from the server within `timeout`")
    if "as a guest" in str(error):
        help = "is there a user of that name on the server?"
        return ConnectorError("auth", "the server takes the user for a guest, whom it protects with nothing", help)
    if isinstance(error, ConnectionRefusedError):
        return ConnectorError("connection", "nothing answers there")
    return ConnectorError("connection", "the connection broke, or what the server says is no answer")
