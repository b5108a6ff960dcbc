"""What no honest SFTP server does: servers in this process that lie, and a line that is cut."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import asyncssh


class Rogue(NamedTuple):
    """A running server."""

    port: int
    host_key: str

    @property
    def known_hosts(self) -> str:
        """Return the line that trusts it."""
        return f"[127.0.0.1]:{self.port} {self.host_key}"


class Doorkeeper(asyncssh.SSHServer):
    """Lets in everybody who says a password."""

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return True


@contextmanager
def rogue(files: Any = asyncssh.SFTPServer, door: Any = Doorkeeper, **options: Any) -> Iterator[Rogue]:
    """Run a server whose files are those of a class, and whose door another's."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    settings = {"server_host_keys": [key], "server_factory": door, "sftp_factory": files} | options

    async def begin() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen("127.0.0.1", 0, **settings)

    listening = asyncio.run_coroutine_threadsafe(begin(), loop).result()
    try:
        yield Rogue(listening.get_port(), " ".join(key.export_public_key().decode().split()[:2]))
    finally:
        asyncio.run_coroutine_threadsafe(_end(listening), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(listening: asyncssh.SSHAcceptor) -> None:
    listening.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for one in others:
        one.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def saying(*answers: bytes) -> Iterator[int]:
    """Listen, say something to whoever comes, and hang up; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    one, _ = listening.accept()
                    with one:
                        for answer in answers:
                            one.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


class Line:
    """A line to a server that is cut after so many bytes from it, or when told; new callers get a new one."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.left: int | None = None
        """Bytes from the server until the line is cut; None: it holds."""
        self.pause = 0.0
        """Seconds before each piece from the server."""
        self.passed = 0
        """Bytes from the server until now."""
        self.calls = 0
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._begin(self._serve)

    def cut(self) -> None:
        """Cut every line."""
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self.cut()
        for thread in self._threads:
            thread.join()
        for one in (self._listening, *self._open):
            one.close()

    def _begin(self, work: Callable[..., None], *words: Any) -> None:
        self._threads.append(threading.Thread(target=work, args=words, daemon=True))
        self._threads[-1].start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                self._open.append(near)
                self.calls += 1
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open.append(far)
                self._begin(self._pass, near, far, False)
                self._begin(self._pass, far, near, True)

    def _pass(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while block := source.recv(1 << 15):
                if counted and self.left is not None:
                    block = block[: self.left]
                    self.left -= len(block)
                time.sleep(self.pause if counted else 0)
                target.sendall(block)
                self.passed += len(block) if counted else 0
                if counted and self.left == 0:
                    break
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
