"""A real HTTP server on the loopback address, whose answers are functions of the request."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit


class Asked(NamedTuple):
    """A request that came in; the names of its headers are in lower case."""

    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    method: str
    body: bytes = b""


class Answer(NamedTuple):
    """What goes back; `body` that is not bytes becomes JSON. A `status` of 0 hangs up instead."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = {}


class Api(NamedTuple):
    """A running server and what it was asked."""

    url: str
    asked: list[Asked]


Reply = Callable[[Asked], Answer]


@contextmanager
def serving(reply: Reply, raw: Callable[[Any], None] | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Api]:
    """Serve `reply` until the block ends; `raw` takes over the connection's output instead."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked.append(Asked(parts.path, dict(parse_qsl(parts.query)), headers, self.command, body))
            if raw is not None:
                raw(self.wfile)
                self.close_connection = True
                return
            answer = reply(asked[-1])
            if answer.status == 0:
                self.close_connection = True
                return
            content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in ({"Content-Type": "application/json"} | dict(answer.headers)).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Stay silent."""

    for method in ("DELETE", "HEAD", "PATCH", "POST", "PUT"):
        setattr(Handler, f"do_{method}", Handler.do_GET)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hung up is part of some tests."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Api(f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}", asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
