"""A server that gives the answers it was told to, in order, and keeps what it was asked."""

import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from servers.front import Certificate


class Answer(NamedTuple):
    """What to say. `cut` says only so many bytes of it and hangs up."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    cut: int | None = None


class Asked(NamedTuple):
    """What was asked."""

    method: str
    target: str
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes


class Told(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1. When there are no more answers, the last one is given again."""

    daemon_threads = True

    def __init__(self, answers: Sequence[Answer], proof: Certificate | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers, self.asked = list(answers), list[Asked]()
        self.url = f"{'https' if proof else 'http'}://{'localhost' if proof else '127.0.0.1'}:{self.server_port}"
        if proof is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(proof.certificate, proof.key)
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever hangs up does so on purpose."""


class _Handler(BaseHTTPRequestHandler):
    server: Told
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body at once: a body that follows alone waits until the head is acknowledged

    def _answer(self) -> None:
        length = int(self.headers.get("content-length", 0))
        known = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append(Asked(self.command, self.path, known, self.rfile.read(length)))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(answer.status)
        for name, value in {"content-length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body[: answer.cut] if self.command != "HEAD" else b"")
        self.close_connection = answer.cut is not None

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815  # names of http.server

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def answering(*answers: Answer, proof: Certificate | None = None) -> Iterator[Told]:
    """Answer until the block ends."""
    with Told(answers, proof) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
