"""A session with an SFTP server: one request at a time, each bounded, and names made real paths below the root.

The server's own `realpath` follows its symbolic links; what somebody changes on the server between that answer and
the next request is out of reach.
"""

import posixpath
from collections.abc import Awaitable
from typing import NamedTuple, TypeVar

from asyncssh import (
    FILEXFER_TYPE_DIRECTORY,
    FILEXFER_TYPE_REGULAR,
    SFTPAttrs,
    SFTPClient,
    SFTPNoSuchFile,
    SFTPNoSuchPath,
    SSHClientConnection,
)

from firn_runtime.confined_paths import shown
from firn_runtime.connector import StoredFile
from firn_runtime.connectors.sftp.transfer import Silence
from firn_runtime.errors import ConnectorError

T = TypeVar("T")

MISSING = (SFTPNoSuchFile, SFTPNoSuchPath)


class Session(NamedTuple):
    """A session; `root` is the real path of what may be reached."""

    connection: SSHClientConnection
    client: SFTPClient
    root: str
    silence: Silence

    async def ask(self, work: Awaitable[T]) -> T:
        """Return an answer; raise TimeoutError where there is none in time."""
        return await self.silence.bound(work)

    async def inside(self, name: str) -> str | None:
        """Return the real path of a name; None where nothing leads there. Its last part need not be there."""
        try:
            path = await self.ask(self.client.realpath(posixpath.join(self.root, name)))
        except MISSING:
            return None
        if path != self.root and not path.startswith(f"{self.root.rstrip('/')}/"):
            raise ConnectorError("data", f"`{shown(name)}` leads out of the resource's root by a symbolic link")
        return path

    async def stat(self, name: str) -> StoredFile | None:
        """Return what is told of a regular file; None for anything else, and for nothing."""
        path = await self.inside(name)
        if path is None:
            return None
        try:
            attrs = await self.ask(self.client.stat(path))
        except MISSING:
            return None
        return stored(name, attrs) if attrs.type == FILEXFER_TYPE_REGULAR else None


async def opened(connection: SSHClientConnection, root: str, silence: Silence) -> Session:
    """Return the session of a connection; raise ConnectorError where the root is no folder."""
    client = await silence.bound(connection.start_sftp_client(path_errors="surrogateescape"))
    try:
        path = await silence.bound(client.realpath(root))
        attrs = await silence.bound(client.stat(path))
    except MISSING:
        attrs = None
    if attrs is None or attrs.type != FILEXFER_TYPE_DIRECTORY:
        raise ConnectorError("connection", f"the server has no folder `{root}`", "it is the resource's `root`")
    return Session(connection, client, path, silence)


def stored(name: str, attrs: SFTPAttrs) -> StoredFile:
    """Return a file as the server tells of it; raise ConnectorError where it does not say how long it is."""
    if attrs.size is None:
        raise ConnectorError("connection", f"the server does not say how large `{shown(name)}` is")
    return StoredFile(name, attrs.size, f"{attrs.size}-{attrs.mtime or 0}")
