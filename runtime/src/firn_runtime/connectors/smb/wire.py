"""The SMB library's connection, made strict: nothing that is not signed or encrypted is taken for an answer.

The library verifies a signature where there is one. It waits without end, follows links that a server names, and makes
room for whatever length a server announces.
"""

import logging
import socket
from contextlib import suppress
from uuid import uuid4

from smbprotocol.connection import Connection, Dialects
from smbprotocol.exceptions import SMBException
from smbprotocol.header import NtStatus, Smb2Flags
from smbprotocol.transport import Tcp

logging.getLogger("smbprotocol").setLevel(logging.CRITICAL)
"""It logs tracebacks of what a server can cause; the step's error says what went wrong."""

_LARGEST = 1 << 24
"""Bytes in an answer: MS-SMB2, section 2.1, has 24 bits for them."""
_CONNECT = 10.0
"""Seconds until a host has to have answered at all."""


class _Bounded(Tcp):  # type: ignore[misc]  # the library has no types
    """A transport that neither waits for ever to send nor makes room for anything."""

    def __init__(self, server: str, port: int, patience: float) -> None:
        super().__init__(server, port, min(patience, _CONNECT))
        self._patience = patience

    def connect(self) -> None:
        super().connect()
        self._sock.settimeout(self._patience)

    def stop(self) -> None:
        """End it from another thread: `close` may have to wait for who sends or receives."""
        if self._sock is not None:
            with suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)

    def _recv(self, length: int, timeout: float) -> tuple[bytes | None, float]:
        if length > _LARGEST:
            raise SMBException
        found: tuple[bytes | None, float] = super()._recv(length, timeout)
        return found


class Wire(Connection):  # type: ignore[misc]  # the library has no types
    """A connection to one server, on which every answer comes within `patience` seconds or is an error."""

    def __init__(self, server: str, port: int, patience: float) -> None:
        self._bounded = _Bounded(server, port, patience)
        self.patience = patience
        super().__init__(uuid4(), server, port, require_signing=True)

    @property
    def transport(self) -> _Bounded:
        """The library makes one of its own, which is not used."""
        return self._bounded

    @transport.setter
    def transport(self, _: Tcp | None) -> None:
        pass

    @property
    def is_recent(self) -> bool:
        """Whether the server speaks SMB 3.0.2 or 3.1.1."""
        return bool(self.dialect >= Dialects.SMB_3_0_2)

    @property
    def room(self) -> int:
        """Bytes that a request may ask for now: 64 KiB for each credit that the server has given."""
        credits = self.sequence_window["high"] - self.sequence_window["low"]
        return max(int(credits), 1) * 65536

    def receive(self, request: object, wait: bool = True, timeout: float | None = None, **_: object) -> object:
        """Return an answer; links are not followed, as they could lead out of the root."""
        del timeout
        return super().receive(request, wait, self.patience, resolve_symlinks=False)

    def verify_signature(self, header: object, session_id: int, force: bool = False) -> None:
        """Refuse what is neither encrypted nor signed once there is a session (MS-SMB2, section 3.2.5.1.3).

        An answer that was encrypted does not come here. One that only says to wait may be unsigned.
        """
        session = self.session_table.get(session_id)
        told: dict[str, object] = header  # type: ignore[assignment]  # a structure of the library
        status, flags = told["status"].get_value(), told["flags"]  # type: ignore[attr-defined]  # the same
        if session is not None and not force and status != NtStatus.STATUS_PENDING:
            signed = flags.has_flag(Smb2Flags.SMB2_FLAGS_SIGNED)  # type: ignore[attr-defined]  # the same
            if session.encrypt_data or not signed:
                raise SMBException
        super().verify_signature(header, session_id, force)
