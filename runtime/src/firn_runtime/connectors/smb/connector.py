"""Files of an SMB share (Windows, Samba): sessions of SMB 3, signed always, encrypted unless the platform says no."""

from typing import TYPE_CHECKING

from firn_runtime.connectors.files.remote import RemoteFiles
from firn_runtime.connectors.smb.names import native
from firn_runtime.errors import ConnectorError, lacking
from firn_schemas.connectors.files import SERVER, SHARE, SmbConfig, SmbOptions

if TYPE_CHECKING:
    from firn_runtime.connectors.smb.store import ShareStore


class SmbFiles(RemoteFiles[SmbConfig, SmbOptions]):
    """The files of a share below a folder."""

    @property
    def shown(self) -> str:
        """Name the place in a message."""
        return f"the share `{self.config.share}` of `{self.config.server}`"

    def connect(self) -> None:
        """Log in; raise ConnectorError."""
        try:
            from firn_runtime.connectors.smb.link import Place
            from firn_runtime.connectors.smb.store import ShareStore
        except ImportError:
            raise lacking("the driver of SMB is not installed", "smb") from None

        one, root = self.config, self.config.root.strip("/")
        native(root)
        if not (SHARE.fits(one.share) and SERVER.fits(one.server)):
            raise ConnectorError("data", "`server` or `share` is no name", "write each by itself, without `\\\\`")
        user = f"{one.domain}\\{one.user}" if one.domain else one.user
        place = Place(
            one.server, one.port, one.share, user, one.password.reveal(), self.options.encrypt, self.options.timeout
        )
        self._store = ShareStore(place, root)
        try:
            self._store.open()
        except ConnectorError as error:
            message = f"{self.shown} cannot be used: {error.message}"
            raise ConnectorError(error.error_class, message, error.help) from None

    def close(self) -> None:
        """Let go of the sessions."""
        if hasattr(self, "_store"):
            self._store.close()

    def store(self) -> "ShareStore":
        """Return its files."""
        return self._store
