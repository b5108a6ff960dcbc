"""What may stand in front of a PostgreSQL server: TLS as a proxy ends it, and a network that breaks."""

import os
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISSOCK
from typing import NamedTuple

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


class Certificate(NamedTuple):
    """A server's certificate, its key, and the authority that signed it."""

    authority: Path
    certificate: Path
    key: Path


def certificate(folder: Path, name: str = "localhost") -> Certificate:
    """Make an authority, and a certificate of it for a host name. Needs the program `openssl`."""
    made = Certificate(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    secret, request, names = folder / "authority.key", folder / "server.csr", folder / "names"
    names.write_text(f"subjectAltName=DNS:{name}\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
    new = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes".split()
    own = "-x509 -days 2 -addext keyUsage=critical,keyCertSign".split()
    sign = "openssl x509 -req -days 2 -CAcreateserial".split()
    commands: list[list[str | Path]] = [
        [*new, *own, "-subj", "/CN=Test authority", "-keyout", secret, "-out", made.authority],
        [*new, "-subj", f"/CN={name}", "-keyout", made.key, "-out", request],
        [*sign, "-in", request, "-CA", made.authority, "-CAkey", secret, "-extfile", names, "-out", made.certificate],
    ]
    for words in commands:
        subprocess.run(words, check=True, capture_output=True)
    return made


class Front:
    """A listener that passes everything on to a server. `cut` says which of the next bytes end a connection."""

    def __init__(self, host: str, port: int, proof: Certificate | None = None) -> None:
        self.cut: list[bytes] = []
        """For each connection to break: it breaks once the server has answered what holds these bytes."""
        self.lost: list[bytes] = []
        """For each connection to lose: it brings nothing more, neither there nor back, once a client says this."""
        self.is_heard = True
        """Whether the server still gets that."""
        self.farewell = b""
        """What is said once the server has hung up, as a pooler does."""
        self._silent_after: bytes | None = None
        self.connections = 0
        self._target = (host, port)
        self._context = None
        if proof is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(proof.certificate, proof.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no longer."""
        self._listener.close()

    def fall_silent(self, after: bytes) -> None:
        """Once a client says this, let no connection bring anything of the server any more, and none break."""
        self._silent_after = after

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            inner = client
            if self._context is not None:
                assert client.recv(8, socket.MSG_WAITALL) == _SSL_REQUEST
                client.sendall(b"S")
                inner = self._context.wrap_socket(client, server_side=True)
            with inner, socket.create_connection(self._target) as server:
                lost = threading.Event()
                threading.Thread(target=self._forward, args=(inner, server, lost), daemon=True).start()
                self._answer(server, inner, lost)

    def _forward(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while content := client.recv(65536):
                if lost.is_set():
                    continue
                if self.lost and self.lost[0] in content:
                    del self.lost[0]
                    lost.set()
                    if not self.is_heard:
                        continue
                if self.cut and self.cut[0] in content:
                    self._cutting = self.cut.pop(0)
                if self._silent_after is not None and self._silent_after in content:
                    self._is_silent = True
                server.sendall(content)
            server.shutdown(socket.SHUT_WR)

    _cutting = b""
    _is_silent = False

    def _answer(self, server: socket.socket, client: socket.socket, lost: threading.Event) -> None:
        while content := server.recv(65536):
            if self._cutting:
                self._cutting = b""
                break
            if not (self._is_silent or lost.is_set()):
                client.sendall(content)
        client.sendall(self.farewell)
        client.shutdown(socket.SHUT_RDWR)


@contextmanager
def front(host: str, port: int, proof: Certificate | None = None) -> Iterator[Front]:
    """Stand in front of a server until the block ends."""
    one = Front(host, port, proof)
    try:
        yield one
    finally:
        one.close()


def patience_of_clients(port: int) -> set[float]:
    """Return after how many seconds this process's connections to a port give up a network that takes nothing.

    0 stands for as long as the system tries, and for a peer that is not looked after while nothing is sent.
    """
    found = set()
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if not _is_socket(descriptor):
            continue  # a copy of a pipe's end that nobody closes would keep its reader waiting
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as one:
            if one.type == socket.SOCK_STREAM and one.getpeername()[1:2] == (port,):
                sending = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) / 1000
                asked = one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                found.add(sending if asked and _silence(one) <= sending else 0)
    return found


def _is_socket(descriptor: int) -> bool:
    with suppress(OSError):
        return S_ISSOCK(os.fstat(descriptor).st_mode)
    return False


def _silence(one: socket.socket) -> int:
    idle, gap, count = (
        one.getsockopt(socket.IPPROTO_TCP, name)
        for name in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    )
    return idle + gap * count
