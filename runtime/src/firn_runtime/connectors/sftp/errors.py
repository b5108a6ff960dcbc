"""What fails on the way to an SFTP server or on it, as a ConnectorError. No text of the server is ever quoted."""

import socket
from collections.abc import Sequence

import asyncssh
from asyncssh.packet import PacketDecodeError

from firn_runtime.errors import ConnectorError, ErrorClass
from firn_schemas.connectors.files import SftpConfig

Row = tuple[type[BaseException], ErrorClass, str, str]

_BROKEN = "it, or something between, has ended the connection; a retry connects anew"
_FORM = "the server does not speak SFTP as it should"

_ON_IT: Sequence[Row] = (
    (asyncssh.SFTPNoSuchFile, "data", "there is no such file or folder", ""),
    (asyncssh.SFTPNoSuchPath, "data", "there is no such file or folder", ""),
    (asyncssh.SFTPPermissionDenied, "auth", "the server does not allow it", "the user needs the right to do it"),
    (asyncssh.SFTPWriteProtect, "auth", "the server does not allow it", "the place is write-protected"),
    (asyncssh.SFTPOpUnsupported, "server_error", "the server cannot do it", ""),
    (asyncssh.SFTPNoSpaceOnFilesystem, "server_error", "the server's disk is full", ""),
    (asyncssh.SFTPQuotaExceeded, "server_error", "the user's quota on the server is used up", ""),
    (asyncssh.SFTPConnectionLost, "connection", "the connection broke", _BROKEN),
    (asyncssh.SFTPNoConnection, "connection", "the connection broke", _BROKEN),
    (asyncssh.SFTPBadMessage, "connection", _FORM, ""),
    (asyncssh.SFTPError, "server_error", "the server could not do it", "its log says why; its disk may be full"),
)
_ON_THE_WAY: Sequence[Row] = (
    (TimeoutError, "timeout", "no answer from {where} within `timeout`", ""),
    (asyncssh.PermissionDenied, "auth", "{where} refuses the login of `{user}`", "{login}"),
    (asyncssh.KeyExchangeFailed, "connection", "{where} has no modern algorithm in common with this client", "{old}"),
    (asyncssh.ProtocolNotSupported, "connection", "{where} does not speak SSH 2", ""),
    (asyncssh.ProtocolError, "connection", "{where} does not speak SSH as it should", ""),
    (asyncssh.ChannelOpenError, "connection", "{where} gives no SFTP", "the user may not be allowed to use it"),
    (asyncssh.ConnectionLost, "connection", "the connection to {where} broke", _BROKEN),
    (asyncssh.Error, "connection", "the connection to {where} broke", _BROKEN),
    (socket.gaierror, "connection", "the host `{host}` cannot be resolved", ""),
    (ConnectionRefusedError, "connection", "nothing answers at {where}", ""),
    (BrokenPipeError, "connection", "the connection to {where} broke", _BROKEN),
    (ConnectionError, "connection", "the connection to {where} broke", _BROKEN),
    (OSError, "connection", "{where} cannot be reached", ""),
    (EOFError, "connection", "the connection to {where} broke", _BROKEN),
    (IndexError, "connection", _FORM, ""),  # an answer without the name that was asked for
    (PacketDecodeError, "connection", _FORM, ""),
    (UnicodeError, "data", "a name cannot be told to the server", "it is not text in UTF-8"),
)
_OLD = "its key exchange, ciphers, MACs or host key are of kinds that are no longer safe; the page lists what is used"


def failure(error: BaseException, config: SftpConfig) -> ConnectorError | None:
    """Return what a driver's error means; None for one that is no server's."""
    if isinstance(error, ConnectorError):
        return error
    tried = [f"`{name}`" for name in ("password", "private_key") if getattr(config, name) is not None]
    words = {
        "host": config.host,
        "where": f"`{config.host}`, port {config.port}",
        "user": config.user,
        "login": f"it was tried with {' and '.join(tried)}",
        "old": _OLD,
    }
    for kind, error_class, message, help in (*_ON_IT, *_ON_THE_WAY):
        if isinstance(error, kind):
            return ConnectorError(error_class, message.format(**words), help.format(**words))
    return None
