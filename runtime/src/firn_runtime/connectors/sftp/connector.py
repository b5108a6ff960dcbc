"""Files on an SFTP server (SSH 2, SFTP 3 and OpenSSH's extensions), over one connection in a thread of its own."""

from firn_runtime.connector import FileStore
from firn_runtime.connectors.files.remote import RemoteFiles
from firn_runtime.errors import lacking
from firn_schemas.connectors.files import SftpConfig, SftpOptions


class SftpFiles(RemoteFiles[SftpConfig, SftpOptions]):
    """The files below a folder of a server."""

    @property
    def shown(self) -> str:
        """Name the server."""
        return f"the server `{self.config.host}`"

    def connect(self) -> None:
        """Check the server's key, log in and find the root; raise ConnectorError."""
        try:
            from firn_runtime.connectors.sftp.store import SftpStore
        except ImportError:
            raise lacking("the driver of SFTP is not installed", "sftp") from None
        self._store = SftpStore(self.config, self.options, self.base_dir)
        try:
            self._store.open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the connection and the thread."""
        if hasattr(self, "_store"):
            self._store.close()
            del self._store

    def store(self) -> FileStore:
        """Return its files."""
        return self._store
