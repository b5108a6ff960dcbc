"""SMTP as a conversation (RFC 5321): lines out, replies in, TLS, login. What the server may say is bounded.

The standard library's client takes replies without end, connects before anyone can interrupt it, and does not say
whether a message had been handed over when the connection broke.
"""

import socket
import ssl
import time
from base64 import b64encode
from contextlib import suppress
from typing import NamedTuple

from firn_runtime.connectors.http.certificates import untrusted
from firn_runtime.connectors.smtp.replies import Reply, refused
from firn_runtime.errors import ConnectorError

_LONGEST_LINE, _MOST_LINES = 2048, 128
"""Bytes in a line of a reply (RFC 5321, section 4.5.3.1.5, says 512), and lines in a reply."""
_CONNECT, _FAREWELL = 10.0, 5.0
"""Seconds until a host has to have answered at all, and for a goodbye."""
_OWN_NAME = "[127.0.0.1]"
"""What the client calls itself: the machine's name is nobody's business (RFC 5321, section 4.1.3)."""


class Server(NamedTuple):
    """Where a mail server answers."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"`[{self.host}]:{self.port}`" if ":" in self.host else f"`{self.host}:{self.port}`"


class Talk:
    """One conversation. `stop` ends it from another thread."""

    def __init__(self, server: Server, timeout: float) -> None:
        """Connect; raise ConnectorError. All of the conversation has `timeout` seconds."""
        self.server = server
        self.abilities: dict[str, str] = {}
        """What the server has offered, by its word in upper case."""
        self.handed_over = False
        """Whether all of a message has been sent, and the server has not said yet whether it takes it."""
        self._stage, self._buffer = "when it was called", b""
        self._end = time.monotonic() + timeout
        try:
            self._socket: socket.socket = socket.create_connection(server, min(timeout, _CONNECT))
        except (OSError, UnicodeError) as error:
            raise self._broken(error) from None

    def stop(self) -> None:
        """Let whoever waits wait no longer. The layer of TLS stays: nothing may leave without it."""
        socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Say goodbye, wait for no answer, and let go."""
        with suppress(OSError):
            self._socket.settimeout(_FAREWELL)
            self._socket.sendall(b"QUIT\r\n")
        self._socket.close()

    def greet(self) -> None:
        """Hear the server's greeting and what it offers; raise ConnectorError."""
        self._stage = "before its greeting"
        self._expect(self._reply(), 220)
        self._introduce()

    def begin_tls(self, context: ssl.SSLContext) -> None:
        """Encrypt what follows, from STARTTLS on (RFC 3207); what was offered before is forgotten."""
        if "STARTTLS" not in self.abilities:
            raise _stripped(f"{self.server} does not offer STARTTLS")
        reply = self.ask("STARTTLS", "when it was asked for TLS")
        if reply.code != 220:
            raise _stripped(f"{self.server} refuses STARTTLS{reply.said}")
        if self._buffer:
            raise _stripped(f"{self.server} said more before TLS than it was asked")
        self.encrypt(context)
        self._introduce()

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Encrypt what follows."""
        self._stage = "when TLS began"
        try:
            tls = context.wrap_socket(self._socket, server_hostname=self.server.host, do_handshake_on_connect=False)
            self._socket = tls  # from here on `stop` ends the handshake too
            self._wait_no_longer()
            tls.do_handshake()
        except (OSError, ValueError) as error:
            raise self._broken(error) from None

    def log_in(self, user: str, password: str) -> None:
        """Log in by PLAIN or LOGIN (RFC 4954); raise ConnectorError. The server's words are not repeated here."""
        ways = self.abilities.get("AUTH", "").upper().split()
        if "PLAIN" in ways:
            code = self._secretly("AUTH PLAIN " + _coded(f"\0{user}\0{password}"))
        elif "LOGIN" in ways:
            code = self._secretly("AUTH LOGIN")
            for word in (user, password):
                code = self._secretly(_coded(word)) if code == 334 else code
        else:
            help = "it has neither PLAIN nor LOGIN; remove `user` where it takes mail from everybody"
            raise ConnectorError("auth", f"{self.server} offers no login", help)
        if code != 235:
            raise refused(self.server, "at the login", Reply(code, ()))

    def ask(self, line: str, stage: str) -> Reply:
        """Send a line and return the reply, whatever it says; `stage` is said where the connection breaks."""
        self._stage = stage
        self._send(f"{line}\r\n".encode())
        return self._reply()

    def demand(self, line: str, stage: str, *codes: int) -> None:
        """Send a line; raise ConnectorError for a reply with another code."""
        self._expect(self.ask(line, stage), *codes)

    def hand_over(self, content: bytes) -> None:
        """Send a message, dots doubled and ended; raise ConnectorError where it was not taken."""
        self._stage = "within the message"
        self._send(content)
        self._stage, self.handed_over = "after the message", True
        reply = self._reply()
        self.handed_over = not (reply.code == 250 or 400 <= reply.code < 600)  # all else is neither yes nor no
        self._expect(reply, 250)

    def _introduce(self) -> None:
        reply = self.ask(f"EHLO {_OWN_NAME}", "when it was greeted")
        self._expect(reply, 250)
        words = (line.partition(" ") for line in reply.lines[1:])
        self.abilities = {word.upper(): rest for word, _, rest in words}

    def _secretly(self, line: str) -> int:
        return self.ask(line, "at the login").code

    def _expect(self, reply: Reply, *codes: int) -> None:
        if reply.code not in codes:
            raise refused(self.server, self._stage, reply)

    def _send(self, content: bytes) -> None:
        try:
            self._wait_no_longer()
            self._socket.sendall(content)
        except OSError as error:
            raise self._broken(error) from None

    def _reply(self) -> Reply:
        """Return a reply of one or several lines; raise ConnectorError for what is none."""
        lines: list[str] = []
        codes: set[str] = set()
        while len(lines) < _MOST_LINES:
            line = self._line()
            code, follows, text = line[:3], line[3:4], line[4:]
            codes.add(code)
            if len(codes) > 1 or not (code.isascii() and code.isdigit()) or follows not in (" ", "-", ""):
                break
            lines.append(text)
            if follows != "-":
                return Reply(int(code), tuple(lines))
        message = f"what {self.server} said {self._stage} is no SMTP"
        raise ConnectorError("server_error", message, "is it a mail server, and is `tls` what this port wants?")

    def _line(self) -> str:
        while b"\n" not in self._buffer and len(self._buffer) < _LONGEST_LINE:
            try:
                self._wait_no_longer()
                more = self._socket.recv(4096)
            except OSError as error:
                raise self._broken(error) from None
            if not more:
                raise self._broken(ConnectionResetError())
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line[:_LONGEST_LINE].decode("utf-8", "replace").rstrip("\r")

    def _wait_no_longer(self) -> None:
        """Let what is done next with the socket end in time; raise TimeoutError where it is too late already."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)

    def _broken(self, error: Exception) -> ConnectorError:
        if isinstance(error, (socket.gaierror, UnicodeError)):
            return ConnectorError("connection", f"the host `{self.server.host}` cannot be resolved")
        if isinstance(error, ssl.SSLCertVerificationError):
            return untrusted(error, str(self.server), "ca_file")
        if isinstance(error, (ssl.SSLError, ValueError)):
            help = "port 587 usually wants `tls: starttls`, port 465 `tls: tls`"
            return ConnectorError("connection", f"no TLS connection to {self.server} comes about", help)
        if isinstance(error, TimeoutError):
            return ConnectorError("timeout", f"no answer from {self.server} {self._stage}, within `timeout`")
        if isinstance(error, ConnectionRefusedError):
            return ConnectorError("connection", f"nothing answers at {self.server}")
        return ConnectorError("connection", f"the connection to {self.server} broke {self._stage}")


def _stripped(message: str) -> ConnectorError:
    help = "nothing was sent: somebody between may have taken it away; `tls` says how the server encrypts"
    return ConnectorError("connection", message, help)


def _coded(text: str) -> str:
    return b64encode(text.encode()).decode()
