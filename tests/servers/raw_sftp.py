"""An SFTP server packet by packet (draft-ietf-secsh-filexfer-02), so that each of its answers can lie."""

import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import asyncssh

from servers.rogue_sftp import Doorkeeper, Rogue, rogue

VERSION, OPEN, READ, FSTAT, OPENDIR, READDIR, REALPATH, STAT = 2, 3, 5, 8, 11, 12, 16, 17
STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
OK, END_OF_FILE = 0, 1
CONTENT = b"0123456789"

Answer = tuple[int, bytes]
Answers = Mapping[int, Callable[[bytes], Answer]]
"""What is answered to a request, by its type; it gets what follows the request's number."""


def number(value: int) -> bytes:
    return struct.pack(">L", value)


def text(value: bytes) -> bytes:
    return number(len(value)) + value


def attrs(mode: int = 0o100644, size: int = len(CONTENT)) -> bytes:
    return struct.pack(">LQLLL", 1 | 4 | 8, size, mode, 5, 5)


def status(code: int) -> Answer:
    return STATUS, number(code) + text(b"said") + text(b"")


def names(*found: bytes) -> Answer:
    return NAME, number(len(found)) + b"".join(text(one) + text(b"long") + attrs() for one in found)


def _path(request: bytes) -> bytes:
    return request[4 : 4 + int.from_bytes(request[:4], "big")]


def _told(request: bytes) -> Answer:
    return ATTRS, attrs(0o040755 if _path(request) == b"/" else 0o100644)


def _read(request: bytes) -> Answer:
    at = int.from_bytes(request[-12:-4], "big")
    return (DATA, text(CONTENT[at:])) if at < len(CONTENT) else status(END_OF_FILE)


def _done(_: bytes) -> Answer:
    return status(OK)


HONEST: Answers = {
    OPEN: lambda _: (HANDLE, text(b"h")),
    READ: _read,
    FSTAT: _told,
    OPENDIR: lambda _: (HANDLE, text(b"h")),
    READDIR: lambda _: status(END_OF_FILE),
    REALPATH: lambda request: names(_path(request)),
    STAT: _told,
}


GREETING: Answer = (VERSION, number(3))


@contextmanager
def raw(answers: Answers, version: Answer = GREETING) -> Iterator[Rogue]:
    """Run a server with a folder `/` and a file `x`, some of whose answers are these."""
    known = {**HONEST, **answers}

    class Session(asyncssh.SSHServerSession[bytes]):
        def connection_made(self, chan: Any) -> None:
            self.channel, self.held, self.greeted = chan, b"", False

        def subsystem_requested(self, subsystem: str) -> bool:
            return True

        def data_received(self, data: bytes, datatype: Any) -> None:
            self.held += data
            while len(self.held) >= 4 and len(self.held) >= 4 + int.from_bytes(self.held[:4], "big"):
                packet = _path(self.held)
                self.held = self.held[4 + len(packet) :]
                self._answer(packet)

        def _answer(self, packet: bytes) -> None:
            if self.greeted:
                kind, content = known.get(packet[0], _done)(packet[5:])
                self.channel.write(text(bytes([kind]) + packet[1:5] + content))
            else:
                self.channel.write(text(bytes([version[0]]) + version[1]))
            self.greeted = True

    class Door(Doorkeeper):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            self.connection = conn

        def session_requested(self) -> Any:
            return self.connection.create_server_channel(encoding=None), Session()

    with rogue(None, Door) as there:
        yield there
