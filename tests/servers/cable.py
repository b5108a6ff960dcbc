"""A cable between a client and a server, which can be cut, and on which bytes can be bent."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Cable:
    """Passes everything on. What is set holds for the connections that begin after it."""

    def __init__(self, host: str, port: int) -> None:
        self.sent: int | None = None
        """After so many bytes to the server the cable is cut."""
        self.got: int | None = None
        """After so many bytes to the client the cable is cut."""
        self.is_silent = False
        """Where the cable is cut nobody hangs up, and nothing more arrives."""
        self.bent: int | None = None
        """The byte to the client with this number is another one."""
        self.forge: Callable[[bytes], bytes] | None = None
        """What the client gets for each message of the server: those of SMB, each after its length."""
        self.connections = 0
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no longer."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.create_connection(self._target)
                threading.Thread(
                    target=_pass_on, args=(client, server, self.sent, None, self.is_silent), daemon=True
                ).start()
                back = (
                    (server, client, self.forge)
                    if self.forge
                    else (server, client, self.got, self.bent, self.is_silent)
                )
                threading.Thread(target=_forge if self.forge else _pass_on, args=back, daemon=True).start()


def _forge(source: socket.socket, target: socket.socket, forge: Callable[[bytes], bytes]) -> None:
    with suppress(OSError), source, source.makefile("rb") as messages:
        while length := messages.read(4):
            content = forge(messages.read(int.from_bytes(length, "big")))
            target.sendall(len(content).to_bytes(4, "big") + content)


def _pass_on(source: socket.socket, target: socket.socket, most: int | None, bent: int | None, is_silent: bool) -> None:
    passed = 0
    with suppress(OSError):
        while content := source.recv(65536):
            if bent is not None and passed <= bent < passed + len(content):
                at = bent - passed
                content = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
            target.sendall(content if most is None else content[: max(most - passed, 0)])
            passed += len(content)
            if most is not None and passed >= most and not is_silent:
                break
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
    source.close()


@contextmanager
def cable(host: str, port: int) -> Iterator[Cable]:
    """Lie between a client and a server until the block ends."""
    one = Cable(host, port)
    try:
        yield one
    finally:
        one.close()
